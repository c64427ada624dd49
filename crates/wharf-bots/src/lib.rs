//! Dummy clients: they load a server, check every delivery, and report.
//!
//! A [`Workload`] is a name for plain numbers ([`BotOptions`]); [`run`] carries it out on
//! `wharf-net`'s client side and returns a [`Report`]. Bots know the classic packets and nothing of
//! content: what they check is what any client could see.

mod args;
mod cadence;
mod checker;
mod commands;
mod descriptors;
mod drive;
mod error;
mod flags;
mod fleet;
mod gate;
mod latency;
mod message;
mod numbered;
mod options;
mod plan;
mod progress;
mod report;
mod run;
#[cfg(test)]
mod simulated;
mod source;
mod stop;
mod tally;
pub mod target;

pub use args::BotArgs;
pub use error::BotsError;
pub use latency::LatencySummary;
pub use options::{BotOptions, Workload};
pub use progress::{Console, Progress, Silent, Snapshot};
pub use report::Report;
pub use run::{run, run_args};
pub use source::SourceAddresses;
pub use stop::Stop;
pub use tally::{Faults, SlowReaders};
