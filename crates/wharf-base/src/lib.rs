//! The ground floor: ids with generation, a fixed slab, deadlines, the hand-over between threads,
//! virtual time and seeded randomness.
//!
//! Nothing here does I/O, reads a clock or starts a thread. Time comes in as an [`Instant`], chance
//! as a [`Rng`] made from a seed, so that everything above runs the same under the simulator.

mod ages;
mod deadlines;
mod handover;
mod histogram;
mod latest;
mod limits;
mod planted;
mod rng;
mod session;
mod slab;
pub mod sync;
mod time;
mod unique;

pub use ages::Ages;
pub use deadlines::Deadlines;
pub use handover::{Batch, Handover};
pub use histogram::Histogram;
pub use latest::Latest;
pub use limits::CapacityError;
pub use planted::Planted;
pub use rng::Rng;
pub use session::SessionId;
pub use slab::{Key, Slab};
pub use std::time::Duration;
pub use time::Instant;
pub use unique::{IdShare, UniqueIds};
