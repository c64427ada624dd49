//! What to know before the first stage: four things about Rust for those who read C++, what TCP
//! does under the socket calls, and a deadlock, made and found.
//!
//! Each module is a page to read, with something to run: `cargo run -p p0-primer -- PAGE`.
//! [`tasks`] holds six small exercises with their solutions.

pub mod deadlock;
pub mod errors;
pub mod handles;
pub mod ownership;
pub mod packets;
pub mod sys;
pub mod tasks;
pub mod threads;
pub mod traits;
