//! Sessions over a completion port: who may come in, what is a frame, what leaves when, and why a
//! session ends.
//!
//! A [`Net`] is the state machine of one I/O shard. It reads no clock and owns no thread: the shard
//! hands it completions, the time and the port, and it tells a [`SessionEvents`] what happened.
//! [`Admission`] is the one thing that shards share; it is touched when a connection comes, logs in
//! and goes, never per frame.

mod admission;
mod canary;
mod events;
mod limits;
mod net;
mod outbox;
mod pools;
mod queue;
mod rate;
mod reason;
mod session;
mod stats;

pub use admission::{AccessRules, Admission, AdmissionStats, Seat};
pub use canary::Canary;
pub use events::{Arrival, Origin, Outgoing, SessionEvents, TurnedAway};
pub use limits::{LimitsError, NetLimits, NetMemory};
pub use net::Net;
pub use reason::{CloseReason, Refusal};
pub use stats::NetStats;
