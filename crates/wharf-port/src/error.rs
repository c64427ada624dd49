//! One set of outcomes per operation, each naming the side that is at fault.
//!
//! Every backend maps its system's codes into these in one table of its own; a code that the table
//! does not know arrives as `Os` with its number.

use core::fmt;
use std::io;
use std::net::SocketAddr;

/// The operating system's own error number (`errno`, or a Winsock code).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OsCode(pub i32);

impl fmt::Debug for OsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "os error {}", self.0)
    }
}

impl fmt::Display for OsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The simulator draws numbers that no system has a text for; both read well this way.
        fmt::Display::fmt(&io::Error::from_raw_os_error(self.0), f)
    }
}

/// Why a port, a listener or an adopted socket could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Another socket listens there.
    AddressInUse(SocketAddr),
    /// This machine has no such address.
    AddressUnavailable(SocketAddr),
    /// The address (a low port, say) is not ours to take.
    PermissionDenied(SocketAddr),
    /// All `sockets_max` of the port are in use.
    SocketsFull,
    /// The process, or the machine, has no descriptor left.
    Descriptors(OsCode),
    /// The kernel lacks something that this backend needs.
    Unsupported {
        /// What is missing, for the operator: "multishot receive (Linux 6.0)".
        feature: &'static str,
        /// What the kernel answered, if it was asked.
        code: Option<OsCode>,
    },
    /// Anything else.
    Os {
        /// The call that failed.
        call: &'static str,
        /// What the system said.
        code: OsCode,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressInUse(address) => write!(f, "{address} is in use by another program"),
            Self::AddressUnavailable(address) => {
                write!(f, "this machine has no address {}", address.ip())
            }
            Self::PermissionDenied(address) => write!(f, "not permitted to listen on {address}"),
            Self::SocketsFull => f.write_str("every socket of the port is in use"),
            Self::Descriptors(code) => write!(f, "no descriptor left ({code})"),
            Self::Unsupported {
                feature,
                code: Some(code),
            } => {
                write!(f, "the kernel refuses {feature} ({code})")
            }
            Self::Unsupported {
                feature,
                code: None,
            } => write!(f, "the kernel lacks {feature}"),
            Self::Os { call, code } => write!(f, "{call} failed: {code}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Why an accept brought no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// That connection died before it was accepted: re-arm at once if `more` is false.
    Connection(OsCode),
    /// No descriptor or no memory: re-arm only after a `Closed` or a back-off, else it spins.
    Resources(OsCode),
    /// Cancelled, or its listener was closed.
    Cancelled,
}

/// Why a connect failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// Nobody listens there.
    Refused,
    /// No route to it.
    Unreachable,
    /// No answer in the system's time.
    TimedOut,
    /// The peer reset the connection while it was being made.
    PeerReset,
    /// No local port or address is free, or the local address is not ours.
    AddressUnavailable,
    /// No descriptor, no socket slot or no memory.
    Resources,
    /// Cancelled.
    Cancelled,
    /// Anything else.
    Os(OsCode),
}

/// Why a receive ended without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvEnd {
    /// The peer ended its direction. Ours still works.
    Eof,
    /// The peer reset the connection.
    PeerReset,
    /// The peer stopped answering (keepalive or user timeout).
    TimedOut,
    /// Cancelled. The stream is whole; a receive may be armed again.
    Cancelled,
    /// Anything else.
    Os(OsCode),
}

/// Why a send failed. After this the stream is undefined and only `close` is legal (C13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The peer reset the connection, or closed it for our direction.
    PeerReset,
    /// The peer stopped answering (keepalive or user timeout).
    TimedOut,
    /// Cancelled, by `cancel` or by `close`. Part of the batch may have left.
    Cancelled,
    /// Anything else; a send of nothing but zero bytes among them (C9).
    Os(OsCode),
}
