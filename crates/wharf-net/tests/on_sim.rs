//! The promises of the session layer, one per test, in a simulated world.

#[path = "net/deadlines.rs"]
mod deadlines;
#[path = "net/door.rs"]
mod door;
#[path = "net/ear.rs"]
mod ear;
#[path = "net/ends.rs"]
mod ends;
#[path = "net/faults.rs"]
mod faults;
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
#[path = "net/world/sim.rs"]
mod world;
