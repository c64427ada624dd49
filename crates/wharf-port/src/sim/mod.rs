//! The simulated port: a network, a clock and chance that follow from a seed.
//!
//! [`SimWorld`] owns clock, network and chance; any number of [`SimPort`]s live in it and keep the
//! contract of [`crate::Port`] on every system. `wait` never blocks: it returns what is due, and
//! whoever schedules the world lets time pass.

mod canary;
mod faults;
mod handle;
mod network;
mod peer;
mod port;
mod progress;
mod stream;
mod trace;
mod world;

pub use canary::Canary;
pub use faults::{FaultCounts, Faults};
pub use peer::{SimPeer, SimPeerListener, SimRead};
pub use port::{SimPort, SimPulse};
pub use trace::Trace;
pub use world::{SimSleeper, SimWorld};

pub(crate) use world::SimEnd;
