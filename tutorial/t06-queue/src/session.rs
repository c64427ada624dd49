//! What is kept for one client, and how it is called.

use std::fmt::{self, Display, Formatter};
use std::net::{SocketAddr, TcpStream};
use t01_echo::sys::Operation;
use t03_events::sys::Buffer;

/// Names one session, and no other, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId {
    pub(crate) index: usize,
    /// How many sessions this slot has had before.
    pub(crate) generation: u32,
}

impl Display for SessionId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

/// An operation of this step.
pub type Own = Operation<Buffer>;

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
