//! The promises of the session layer where io_uring is forbidden, still on made-up time.

#![cfg(target_os = "linux")]

#[path = "net/deadlines.rs"]
mod deadlines;
#[path = "net/door.rs"]
mod door;
#[path = "net/ear.rs"]
mod ear;
#[path = "net/ends.rs"]
mod ends;
#[path = "net/harness.rs"]
mod harness;
#[path = "net/input.rs"]
mod input;
#[path = "net/output.rs"]
mod output;
#[path = "net/stopping.rs"]
mod stopping;
#[path = "net/swarm.rs"]
mod swarm;
#[path = "net/world/system.rs"]
mod world;

use wharf_port::ReadinessPort as SystemPort;
