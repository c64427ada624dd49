//! The synchronisation primitives that the models under `cfg(loom)` replace.
//!
//! Production types that cross threads take theirs from here, so that loom explores the very type
//! that ships, not a copy.

#[cfg(loom)]
pub use loom::sync::{Arc, Mutex, MutexGuard, atomic};
#[cfg(not(loom))]
pub use std::sync::{Arc, Mutex, MutexGuard, atomic};
