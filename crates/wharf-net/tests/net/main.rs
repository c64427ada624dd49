//! The promises of the session layer, one per test, with made-up time.

#![cfg(any(target_os = "linux", windows))]

mod deadlines;
mod door;
mod ends;
mod harness;
mod input;
mod output;
mod stopping;
mod swarm;
