//! Step 1: an echo server on a completion port.
//!
//! Read `main.rs`, then [`server`]; [`port`] and [`sys`] when you want to know what lies below.

pub mod acceptor;
pub mod descriptors;
pub mod port;
pub mod server;
pub mod sys;
