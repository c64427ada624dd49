//! What is kept for one client.

use crate::sys::Buffer;
use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;
use t01_echo::sys::Operation;

/// The most that may wait to be sent to one session. Who reads more slowly than that is cut.
pub const OUTGOING_BYTES_MAX: usize = 1 << 20;

/// Names one session, and no other, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId {
    pub(crate) index: usize,
    /// How many sessions this place has had before.
    pub(crate) generation: u32,
}

impl Display for SessionId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

pub(crate) type Own = Operation<Buffer>;

/// A session.
///
/// Invariant: an operation is either home, here, or away, in the kernel.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) socket: TcpStream,
    pub(crate) address: SocketAddr,
    /// Home while the session stands in line for a buffer, or is not received from.
    pub(crate) receiving: Option<Box<Own>>,
    /// Home when nothing is being sent.
    pub(crate) sending: Option<Box<Own>>,
    /// Messages that wait for those before them.
    outgoing: VecDeque<Vec<u8>>,
    outgoing_bytes: usize,
    /// When it has last said something, or was last begun to be listened to.
    pub(crate) last_heard: Instant,
    /// When something has last begun to be sent to it, or some of that has left.
    pub(crate) last_sent: Instant,
    /// Why it ends, if it does.
    pub(crate) ends: Option<String>,
    /// Whether it ends without having been sent what waits.
    pub(crate) is_cut: bool,
    #[cfg(feature = "faulty")]
    pub(crate) since: Instant,
    /// Whether the application has heard of it.
    pub(crate) is_known: bool,
}

impl Session {
    pub(crate) fn new(id: SessionId, socket: TcpStream, address: SocketAddr) -> Session {
        Session {
            id,
            socket,
            address,
            receiving: Some(Operation::new(id.index, Buffer::None)),
            sending: Some(Operation::new(id.index, Buffer::None)),
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            last_heard: Instant::now(),
            last_sent: Instant::now(),
            ends: None,
            is_cut: false,
            #[cfg(feature = "faulty")]
            since: Instant::now(),
            is_known: false,
        }
    }

    /// Puts a message behind those that wait; false if that is too much.
    pub(crate) fn push(&mut self, message: &[u8]) -> bool {
        self.outgoing_bytes += message.len();
        self.outgoing.push_back(message.to_vec());
        self.outgoing_bytes <= OUTGOING_BYTES_MAX
    }

    /// The next message, and the operation to send it with, if there are both.
    pub(crate) fn next_to_send(&mut self) -> Option<(Box<Own>, Vec<u8>)> {
        let operation = self.sending.take_if(|_| !self.outgoing.is_empty())?;
        let message = self.outgoing.pop_front()?;
        self.outgoing_bytes -= message.len();
        self.last_sent = Instant::now();
        Some((operation, message))
    }

    /// Forgets what waits, and takes no more.
    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
        self.outgoing.clear();
        self.outgoing_bytes = 0;
    }

    /// Whether all that was to be sent has left.
    pub(crate) fn has_sent_all(&self) -> bool {
        self.sending.is_some() && self.outgoing.is_empty()
    }
}
