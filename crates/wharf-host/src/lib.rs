//! The process around the server: configuration, threads, wiring, signals, logs.
//!
//! [`IoShard`] and [`LogicThread`] are things with turns; [`Server`] gives each an OS thread, the
//! simulator runs them all on one. [`Switchboard`] holds the mailboxes between them.

pub mod config;
mod doorman;
mod io_shard;
mod logic_thread;
pub mod logs;
pub mod machine;
mod panics;
pub mod reload;
mod router;
mod server;
mod session_log;
mod switchboard;
mod watchdog;

pub use doorman::{AnyName, Authenticator, Doorman, UnixClock};
pub use io_shard::IoShard;
pub use logic_thread::LogicThread;
pub use server::{OnThreadEnd, Placement, Server, ServerOptions, StartError};
pub use switchboard::{
    Control, IoMailbox, LogicMailbox, MAILBOX_BYTES_MAX, ShardReport, Switchboard,
};
