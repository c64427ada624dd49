//! Accepting on a completion port, in safe Rust: `AcceptEx` on Windows, multishot accept on Linux.
//!
//! | | Windows | Linux |
//! |---|---|---|
//! | asked for by | `AcceptEx`, many times over | `IORING_OP_ACCEPT`, once |
//! | brings | one connection each time | one connection after another, until it fails |
//! | the socket is made | before, by us | by the kernel |
//! | needs of our memory | an `OVERLAPPED`, and room for two addresses | nothing |
//!
//! The port is step 1's. To it our operations are guests: it hands us what becomes of them.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::Acceptor;
#[cfg(windows)]
pub use windows::Acceptor;
