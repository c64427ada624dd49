//! What one logic shard sends to another.

use crate::held::Held;
use crate::note::OwnedMessage;
use crate::query::Open;
use crate::rates::Usage;
use crate::{AskError, AskId, Dialect, RoomId, Ticket, User, UserId};
use bytes::Bytes;
use core::any::Any;
use wharf_base::SessionId;
use wharf_wire::SendClass;

/// A letter from one logic shard to another: sealed, to be carried only.
#[derive(Debug)]
pub struct Letter(pub(crate) Contents);

#[derive(Debug)]
pub(crate) enum Contents {
    /// A session moves in.
    Arrive(Box<Arrival>),
    /// A room says something to another.
    Tell {
        to: RoomId,
        by: RoomId,
        message: OwnedMessage,
    },
    /// A room asks another.
    Ask {
        to: RoomId,
        ticket: Ticket,
        message: OwnedMessage,
    },
    /// The answer to a question.
    Answer {
        to: RoomId,
        ask: AskId,
        answer: Result<OwnedMessage, AskError>,
    },
    /// A user logged in; to the shard that knows where this user is.
    UserIn { user: UserId, session: SessionId },
    /// A user's session is over.
    UserOut { user: UserId, session: SessionId },
    /// A frame for a user, wherever that user is.
    Word {
        user: UserId,
        class: SendClass,
        frame: Bytes,
    },
}

impl Letter {
    /// Memory that it occupies.
    pub(crate) fn size_bytes(&self) -> usize {
        let enclosed = match &self.0 {
            Contents::Arrive(arrival) => size_of::<Arrival>() + arrival.held.size_bytes(),
            Contents::Tell { message, .. } | Contents::Ask { message, .. } => message.size_bytes(),
            Contents::Answer { answer, .. } => answer.as_ref().map_or(0, OwnedMessage::size_bytes),
            Contents::UserIn { .. } | Contents::UserOut { .. } => 0,
            Contents::Word { frame, .. } => frame.len(),
        };
        size_of::<Self>() + enclosed
    }
}

/// A session with everything that belongs to it.
pub(crate) struct Arrival {
    pub(crate) session: SessionId,
    pub(crate) user: Option<User>,
    pub(crate) dialect: Dialect,
    pub(crate) data: Option<Box<dyn Any + Send>>,
    pub(crate) queries: Open,
    pub(crate) entering: Option<u32>,
    pub(crate) carried: Option<Box<dyn Any + Send>>,
    pub(crate) violations: u8,
    pub(crate) usage: Usage,
    /// The room that the session is about to enter.
    pub(crate) room: RoomId,
    /// What came for it since it asked to.
    pub(crate) held: Held,
}

impl core::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Arrival")
            .field("session", &self.session)
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}
