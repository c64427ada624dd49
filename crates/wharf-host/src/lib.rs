//! The process around the server: configuration, threads, wiring, signals, logs.
//!
//! [`IoShard`] and [`LogicThread`] are things with turns; [`Server`] gives each an OS thread, the
//! simulator runs them all on one. [`Switchboard`] holds the mailboxes between them.

pub mod admin;
pub mod config;
mod doorman;
mod hash_workers;
mod io_shard;
mod logic_thread;
pub mod logs;
pub mod machine;
mod noticeboard;
mod panics;
pub mod reload;
mod router;
mod server;
mod service_desk;
mod services;
mod session_log;
mod stores;
mod switchboard;
mod watchdog;

pub use doorman::{AnyName, Authenticator, Doorman, UnixClock};
pub use hash_workers::{HashResults, HashStats, HashWorkerOptions, HashWorkers};
pub use io_shard::IoShard;
pub use logic_thread::LogicThread;
pub use server::{OnThreadEnd, Placement, Server, ServerOptions, StartError};
pub use service_desk::{DeskStats, MakePlatform, ServiceDesk, ServiceReport};
pub use services::{ClassicLogin, NoServices, OperatorAnswer, Replies, Services};
pub use stores::StorePlaces;
pub use switchboard::{
    Answer, Control, IoMailbox, LogicMailbox, MAILBOX_BYTES_MAX, ShardReport, Switchboard,
};
