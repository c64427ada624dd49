//! The promises of the session layer, one per test, with made-up time.

#![cfg(target_os = "linux")]

mod deadlines;
mod door;
mod ends;
mod harness;
mod input;
mod output;
mod stopping;
mod swarm;
