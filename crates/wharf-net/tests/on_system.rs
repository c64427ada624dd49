//! The promises of the session layer over the system's own port, still on made-up time.

#![cfg(any(target_os = "linux", windows))]

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

#[cfg(windows)]
use wharf_port::IocpPort as SystemPort;
#[cfg(target_os = "linux")]
use wharf_port::UringPort as SystemPort;
