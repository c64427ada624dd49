//! Where the operating systems are, and the only place with `unsafe`.
//!
//! A new backend implements [`crate::Port`] clause by clause; the trait is the checklist:
//!
//! - C1, C4: one ready queue; an operation that fails at submission is queued there, never
//!   returned.
//! - C2, C7, C12: operations live in a fixed slab at stable addresses; a slot is freed only by its
//!   last completion; dropping drains, then leaks.
//! - C3: the socket's record has one place for a receive and one for a send.
//! - C5, C6: ids carry a generation, checked on every use.
//! - C8: receive buffers come from [`pool`]; a starved socket waits in its FIFO.
//! - C10: the time-out is rounded up to the system's unit.
//! - C11: [`crate::waker::WakeFlag`] decides, the backend only kicks.

#[cfg(not(windows))]
mod bell;
pub mod clock;
#[cfg(unix)]
pub(crate) mod errno;
pub(crate) mod keep;
pub(crate) mod large_pages;
pub(crate) mod ledger;
#[cfg(target_os = "linux")]
pub(crate) mod linux;
pub(crate) mod op_slab;
#[cfg(test)]
mod option_tests;
pub(crate) mod poison;
pub(crate) mod pool;
pub(crate) mod processors;
#[cfg(unix)]
pub(crate) mod readiness;
pub(crate) mod sockets;
pub(crate) mod starved;
pub(crate) mod waiter;
#[cfg(windows)]
pub(crate) mod windows;
