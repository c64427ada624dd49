//! The completion port: submit an operation, receive one or more completions, the last says
//! `more == false`, and the kernel owns the memory until that last one.
//!
//! One [`Port`] trait, four backends: io_uring and readiness on Linux, IOCP on Windows, and the
//! simulated network, which runs anywhere from a seed. The contract C1 to C13 is on the trait;
//! `docs/internals/port.md` tells how each backend fulfils it.

mod checked;
mod choose;
mod error;
mod ids;
mod options;
mod port;
mod send_batch;
pub mod sim;
mod socket;
mod stats;
mod sys;
mod waker;

pub use checked::Checked;
pub use choose::{Backend, BackendWish, Chosen, WishError, choose};
pub use error::{AcceptError, ConnectError, OpenError, OsCode, RecvEnd, SendError};
pub use ids::{OpId, SocketId, Token};
pub use options::{
    ConnectOptions, Keepalive, ListenOptions, PortOptions, RecvPolicy, SocketOptions,
};
pub use port::{CloseHow, Completion, Event, NativePort, OpsFull, Port, Refused, SendInFlight};
pub use send_batch::SendBatch;
pub use socket::DetachedSocket;
pub use stats::PortStats;
pub use sys::clock;
pub use sys::large_pages::prefer_large_pages;
#[cfg(target_os = "linux")]
pub use sys::linux::UringPort;
pub use sys::pool::RecvBuf;
pub use sys::processors::processors;
#[cfg(unix)]
pub use sys::readiness::ReadinessPort;
pub use sys::sockets::check_address;
pub use sys::waiter::Waiter;
#[cfg(windows)]
pub use sys::windows::IocpPort;
pub use waker::Waker;
