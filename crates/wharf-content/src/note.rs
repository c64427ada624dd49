//! How a room continues later: a declared message, never a closure.

use crate::{AskId, RoomId, TimerId};
use wharf_wire::Packet;

/// A declared message: a packet that never travels, or that might.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The packet's id.
    pub id: u16,
    /// Its body.
    pub body: &'a [u8],
}

impl Message<'_> {
    /// The message as a `P`; `None` if it is another, or damaged.
    pub fn read<P: Packet>(&self) -> Option<P> {
        (self.id == P::ID)
            .then(|| P::decode(self.body).ok())
            .flatten()
    }
}

/// Why a room's [`crate::Room::on_note`] is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note<'a> {
    /// A timer of this room is due.
    Timer {
        /// Which.
        timer: TimerId,
        /// What it was set with.
        message: Message<'a>,
    },
    /// Another room says something.
    Told {
        /// Which room.
        by: RoomId,
        /// What.
        message: Message<'a>,
    },
    /// Another room asks; answer with [`crate::RoomCx::answer`], now or later.
    Asked {
        /// What the answer needs.
        ticket: Ticket,
        /// The question.
        message: Message<'a>,
    },
    /// A question of this room ended.
    Answered {
        /// Which.
        ask: AskId,
        /// The answer, or why there is none.
        answer: Result<Message<'a>, AskError>,
    },
}

impl Note<'_> {
    /// The packet id of the message in it; 0 for a question that has no answer.
    pub fn message_id(&self) -> u16 {
        match self {
            Self::Timer { message, .. }
            | Self::Told { message, .. }
            | Self::Asked { message, .. }
            | Self::Answered {
                answer: Ok(message),
                ..
            } => message.id,
            Self::Answered { answer: Err(_), .. } => 0,
        }
    }
}

/// The right to answer one question, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) from: RoomId,
    pub(crate) ask: AskId,
}

impl Ticket {
    /// The room that asks.
    pub fn from(&self) -> RoomId {
        self.from
    }
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskError {
    /// None came in time.
    Timeout,
    /// There is no such room, or it closed.
    Unavailable,
}

/// A message in memory of its own, while it waits or travels between shards.
#[derive(Clone, Debug)]
pub(crate) struct OwnedMessage {
    id: u16,
    body: Box<[u8]>,
}

impl OwnedMessage {
    pub(crate) fn new<P: Packet>(packet: &P) -> Self {
        let mut body = Vec::new();
        packet.encode(&mut body);
        Self {
            id: P::ID,
            body: body.into(),
        }
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn as_message(&self) -> Message<'_> {
        Message {
            id: self.id,
            body: &self.body,
        }
    }
}
