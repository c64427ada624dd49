//! The one client of every server: it speaks each dialect, and checks every delivery.

mod crowd;
mod dialect;
mod load;
mod nats;
mod order;
pub mod platform;
mod redis;

pub use crowd::{BUSY, Crowd, SERVER_ENDED};
pub use dialect::{Dialect, Event, Mark, leave, tick};
pub use load::{Load, Outcome, latencies};
pub use order::Order;
