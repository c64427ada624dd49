//! The parts of a server put together, with real threads, sockets and files.

mod bad_days;
mod busy_shards;
mod content_answers;
mod counted;
mod panics;
mod reloading;
mod rig;
mod services;
