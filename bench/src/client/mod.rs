//! The one client of every server: it speaks each dialect, and checks every delivery.

mod crowd;
mod dialect;
mod load;
mod order;

pub use crowd::{Crowd, SERVER_ENDED};
pub use dialect::{Dialect, Event, leave, tick};
pub use load::{Load, Outcome, latencies};
