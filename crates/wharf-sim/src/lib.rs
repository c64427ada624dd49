//! Whole servers in a simulated world.
//!
//! A run is a seed: from it follow the server's shape, what goes wrong and how often, what the
//! clients do and in which order everything happens. All layers are the real ones; only the port
//! is simulated, and the threads are turns that a scheduler picks. While it runs, every client
//! checks what it hears, and that each refusal can have had its reason. When all is quiet, what
//! they believe must be one story: who is who, who sits in which room. At the end nothing may be
//! left: every message with everybody it was meant for, every session ended with a reason, every
//! buffer, slot and seat home.

mod actor;
mod books;
mod claims;
mod client;
mod crowd;
mod finale;
mod guise;
mod hearing;
mod patron;
mod people;
mod roll_call;
mod run;
mod server;
mod services;
mod store;

#[cfg(feature = "canary")]
mod canary;

#[cfg(feature = "canary")]
pub use canary::{Canary, ServiceCanary};
pub use run::{Plan, Report, ServiceCounts, run};
pub use store::StoreFaults;
