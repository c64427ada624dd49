//! What the contract leaves to each backend, and what stands beside it: how an address is looked
//! at, how a socket goes to another thread, and what is said where io_uring is forbidden.

mod address;
mod hand_over;
#[cfg(target_os = "linux")]
mod io_uring_forbidden;
#[cfg(windows)]
mod iocp;
#[cfg(unix)]
mod readiness;
#[cfg(target_os = "linux")]
mod uring;

use wharf_base::Duration;

/// Generous: nothing here takes a thousandth of it.
const DEADLINE: Duration = Duration::from_secs(20);
