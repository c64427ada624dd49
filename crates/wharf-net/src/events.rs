//! What goes in and out of a [`crate::Net`]: frames, the events of sessions, arriving sockets.

use crate::{CloseReason, Refusal, Seat};
use bytes::Bytes;
use std::net::SocketAddr;
use wharf_base::SessionId;
use wharf_port::DetachedSocket;
use wharf_wire::FrameRun;

/// Hears what happens to the sessions of a [`crate::Net`].
///
/// For each session: `opened`, its frames in the order in which they were sent, `input_ended` at
/// most once and behind them, `closed` last. A connection that could not be made is `closed`
/// without having been `opened`; one that was refused is heard of by `turned_away` alone.
pub trait SessionEvents {
    /// A session began: accepted from `peer`, or connected to it.
    fn opened(&mut self, session: SessionId, peer: SocketAddr);
    /// Whole frames arrived, at least one. Each costs an accepted session one credit, which
    /// [`crate::Net::return_credit`] gives back.
    fn frames(&mut self, session: SessionId, frames: FrameRun<'_>);
    /// The peer sends no more, or we stop and hear no more of it; it may still read. Answered by
    /// [`crate::Net::finish`] once everything it asked for has been answered.
    fn input_ended(&mut self, session: SessionId);
    /// The session is over, and its id names nothing any more.
    fn closed(&mut self, session: SessionId, reason: &CloseReason);
    /// The seat of an accepted session, right after its `closed`. Whoever still has work for the
    /// session keeps the seat until that is done, and so takes no more than there are seats.
    fn vacated(&mut self, session: SessionId, seat: Seat) {
        let _ = (session, seat);
    }

    /// A connection from `peer` became no session. Nobody needs to know, but a log may.
    fn turned_away(&mut self, peer: SocketAddr, why: TurnedAway) {
        let _ = (peer, why);
    }
}

/// Why a connection became no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// There was no seat, and it is told so.
    Refused(Refusal),
    /// It was reset: there was not even a seat for telling it so.
    Overflow,
    /// It was reset: its address held too many sessions.
    AddressFull,
    /// It was reset: the access lists do not let its address in.
    Denied,
}

impl TurnedAway {
    /// A short, stable name for logs and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused(refusal) => CloseReason::Refused(refusal).name(),
            Self::Overflow => "refused-reset",
            Self::AddressFull => "address-full",
            Self::Denied => "access-denied",
        }
    }
}

/// Whole frames, headers included, on their way out.
#[derive(Clone, Debug)]
pub enum Outgoing<'a> {
    /// The bytes of one frame, to copy.
    Copy(&'a [u8]),
    /// Several frames for the same session, to copy at once.
    Run(&'a FrameRun<'a>),
    /// Bytes that many sessions share, encoded once. Small ones are copied all the same.
    Shared(Bytes),
}

impl Outgoing<'_> {
    /// The bytes of all its frames.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Copy(bytes) => bytes,
            Self::Run(frames) => frames.as_bytes(),
            Self::Shared(bytes) => bytes,
        }
    }

    /// How many frames it is.
    pub fn frame_count(&self) -> u32 {
        match self {
            Self::Copy(_) | Self::Shared(_) => 1,
            Self::Run(frames) => frames.frame_count(),
        }
    }
}

/// On whose account a frame is sent. It decides what happens when a session's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The answer to this session's own request: a full queue pauses its requests.
    Own,
    /// Something that others caused: a full queue ends the session, for they cannot wait.
    Others,
}

/// A socket that one shard accepted for another. It holds its seat; dropping it closes the socket
/// and frees the seat.
#[derive(Debug)]
pub struct Arrival {
    pub(crate) socket: DetachedSocket,
    pub(crate) peer: SocketAddr,
    pub(crate) seat: Seat,
}
