//! What is kept for one client.

use std::net::{SocketAddr, TcpStream};
use t01_echo::sys::Operation;
use t04_logic::SessionId;
use t04_logic::sys::Buffer;
use t05_gather::sys::Gathered;

/// The memory of an operation: a buffer to receive into, or messages that leave together.
pub type Memory = Buffer<Gathered>;

/// An operation of this step.
pub type Own = Operation<Memory>;

/// A session.
///
/// Invariant: an operation is either home, here, or away, in the kernel.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) socket: TcpStream,
    pub(crate) address: SocketAddr,
    pub(crate) receiving: Option<Box<Own>>,
    pub(crate) sending: Option<Box<Own>>,
    /// Why it ends, if it does.
    pub(crate) ends: Option<String>,
    /// Whether it ends without having been sent what waits.
    pub(crate) is_cut: bool,
    /// Whether the application knows that it ends, and that this takes a while.
    pub(crate) is_leave_told: bool,
}

impl Session {
    pub(crate) fn new(id: SessionId, socket: TcpStream, address: SocketAddr) -> Session {
        let operation = || Some(Operation::new(id.index, Buffer::None));
        Session {
            id,
            socket,
            address,
            receiving: operation(),
            sending: operation(),
            ends: None,
            is_cut: false,
            is_leave_told: false,
        }
    }
}
