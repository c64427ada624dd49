//! What is kept for one client.

use crate::outgoing::Outgoing;
use crate::sys::Buffer;
use std::fmt::{self, Display, Formatter};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;
use t01_echo::sys::Operation;

/// Names one session, and no other, ever.
///
/// A thread of the logic may still have a name when the session is gone and another client sits in
/// its place. The generation is what tells the two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId {
    /// Which place it has.
    pub index: usize,
    /// How many sessions this place has had before.
    pub generation: u32,
}

impl Display for SessionId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

/// Where one session after another is kept.
pub(crate) struct Place<O: Outgoing> {
    pub(crate) session: Option<Session<O>>,
    pub(crate) generation: u32,
}

impl<O: Outgoing> Place<O> {
    pub(crate) fn empty() -> Self {
        Place {
            session: None,
            generation: 0,
        }
    }

    /// The session that an operation belongs to.
    pub(crate) fn session_mut(&mut self) -> &mut Session<O> {
        let session = self.session.as_mut();
        session.expect("here until nothing is away")
    }

    /// The session of that name, if the logic has not taken leave of it.
    pub(crate) fn named(&mut self, id: SessionId) -> Option<&mut Session<O>> {
        let session = self.session.as_mut();
        // The fault: whoever sits in that place.
        let is_meant = |session: &&mut Session<O>| session.id == id || cfg!(feature = "faulty");
        session
            .filter(is_meant)
            .filter(|session| !session.has_left())
    }
}

/// An operation of a session.
pub(crate) type Own<O> = Operation<Buffer<<O as Outgoing>::Portion>>;

/// A session. Threads of both kinds come to it, each under the lock of its place.
///
/// Invariant: an operation is either home, here, or away, in the kernel.
pub(crate) struct Session<O: Outgoing> {
    pub(crate) id: SessionId,
    pub(crate) socket: TcpStream,
    pub(crate) address: SocketAddr,
    /// Home while the session stands in line for a packet, or is not received from.
    pub(crate) receiving: Option<Box<Own<O>>>,
    pub(crate) is_in_line: bool,
    /// Home when nothing is being sent.
    pub(crate) sending: Option<Box<Own<O>>>,
    pub(crate) outgoing: O,
    /// When it has last said something or been answered, or was last begun to be listened to.
    pub(crate) last_heard: Instant,
    /// When something has last begun to be sent to it, or some of that has left.
    pub(crate) last_sent: Instant,
    /// Why it ends, if it does.
    pub(crate) ends: Option<String>,
    /// Whether it ends without having been sent what waits.
    pub(crate) is_cut: bool,
    /// How much the logic has been told and has not handled.
    pub(crate) unhandled: usize,
    /// Whether the logic has been told of its end.
    pub(crate) end_is_told: bool,
}

impl<O: Outgoing> Session<O> {
    pub(crate) fn new(id: SessionId, socket: TcpStream, address: SocketAddr, outgoing: O) -> Self {
        Session {
            id,
            socket,
            address,
            receiving: Some(Operation::new(id.index, Buffer::None)),
            is_in_line: false,
            sending: Some(Operation::new(id.index, Buffer::None)),
            outgoing,
            last_heard: Instant::now(),
            last_sent: Instant::now(),
            ends: None,
            is_cut: false,
            unhandled: 0,
            end_is_told: false,
        }
    }

    /// Ends it, once all that waits has been sent.
    pub(crate) fn end(&mut self, why: &str) {
        self.ends.get_or_insert_with(|| why.to_string());
    }

    /// Whether all that was to be sent has left.
    pub(crate) fn has_sent_all(&self) -> bool {
        self.sending.is_some() && self.outgoing.is_empty()
    }

    /// Whether the logic has handled its end, and so all that came before.
    pub(crate) fn has_left(&self) -> bool {
        self.end_is_told && self.unhandled == 0
    }
}
