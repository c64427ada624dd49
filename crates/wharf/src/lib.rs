//! Wharf: an online game server on completion ports.
//!
//! A game depends on this crate alone. It writes rooms ([`content::Room`]) and what happens outside
//! them, and hands them to the host; sessions, packets, ticks, limits and operations are Wharf's.

pub mod program;

pub use wharf_base::{Duration, Instant, Rng, SessionId};
pub use wharf_content as content;
pub use wharf_wire as wire;
