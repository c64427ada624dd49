//! Who waits for a reply, and how they are told.

use crate::services::{OperatorAnswer, Replies};
use wharf_base::SessionId;
use wharf_content::{Asker, LoginRefusal, QueryId, UserId};
use wharf_data::access::{Error, Outcome};
use wharf_data::service::{Given, Reply};

/// Who waits for a reply.
pub(super) enum Waits {
    Content(Waiter),
    Operator(OperatorAnswer),
}

impl Waits {
    pub(super) fn tell(self, reply: Reply) {
        match (self, reply) {
            (Self::Content(waiter), reply) => waiter.tell(reply),
            (Self::Operator(answer), Ok(Given::Operated(outcome))) => answer(Ok(*outcome)),
            (Self::Operator(answer), Ok(_)) => answer(Err(Error::Unavailable)),
            (Self::Operator(answer), Err(error)) => answer(Err(error)),
        }
    }
}

/// Somebody of content's who waits for a reply, and how they are reached.
pub(super) struct Waiter {
    pub(super) who: Who,
    pub(super) replies: Replies,
}

pub(super) enum Who {
    /// Content, for a session or a room.
    Query(Asker, QueryId),
    /// A session whose client logs in by the classic packets.
    Login(SessionId),
}

impl Waiter {
    pub(super) fn tell(self, reply: Reply) {
        match self.who {
            Who::Query(asker, query) => self.replies.reply(asker, query, reply),
            Who::Login(session) => self.replies.verdict(session, verdict_of(reply)),
        }
    }
}

/// What a classic client learns of its login.
pub(super) fn verdict_of(reply: Reply) -> Result<UserId, LoginRefusal> {
    match reply {
        Ok(Given::Access(Outcome::LoggedIn(logged_in))) => {
            Ok(UserId::new(logged_in.user.account.get()))
        }
        Err(Error::InUse) => Err(LoginRefusal::InUse),
        Err(Error::Full | Error::Maintenance(_)) => Err(LoginRefusal::Full),
        Err(Error::Busy { .. } | Error::Rate { .. } | Error::Unavailable) => {
            Err(LoginRefusal::Unavailable)
        }
        _ => Err(LoginRefusal::Invalid),
    }
}
