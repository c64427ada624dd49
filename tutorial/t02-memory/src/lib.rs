//! Step 2: the echo server of step 1, with buffers that are lent.
//!
//! Read [`server`] beside step 1's; then [`sys`].

pub mod server;
pub mod sys;
