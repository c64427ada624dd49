//! The admin address: metrics, health, readiness and what operators do, over HTTP, on a thread of
//! its own.
//!
//! The thread runs an async runtime, the only one in the server, and touches no shard but to ask
//! for its report. It asks when somebody asks it: a server that nobody looks at does not wake up.
//! Everything is bounded: connections, bytes of a request, the time of each.

mod client;
mod desk;
mod door;
mod exposition;
mod guard;
mod look;
mod metrics;
mod operate;
mod options;
mod pages;
mod process;
mod service_metrics;
mod service_tables;
mod services;
mod snapshot;
mod tables;

#[cfg(test)]
mod tests;

pub use client::{AdminClient, AskError};
pub use door::{Admin, AdminDoor};
pub use options::{AdminError, AdminOptions};
pub use services::{ServicesSnapshot, StoreSnapshot};
pub use snapshot::{Limits, ProcessUse, ShardSnapshot, Snapshot};

/// What the server is, for whoever asks.
#[derive(Clone, Debug)]
pub struct About {
    /// The program's version.
    pub version: String,
    /// The completion port's backend.
    pub backend: String,
}
