//! Two echo servers and a client, made of the plain socket calls, each of which can fail
//! ([`calls`]).
//!
//! [`threads`] gives each client a thread that may block; [`select`] serves all of them with one
//! thread that never blocks, and meets the wall that `select` is built with ([`wall`]).

pub mod calls;
pub mod client;
pub mod figures;
pub mod select;
pub mod sys;
pub mod threads;
pub mod wall;

/// How much of a client's stream a server holds at a time.
pub(crate) const CHUNK_BYTES: usize = 4096;
