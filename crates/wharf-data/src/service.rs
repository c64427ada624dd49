//! What content asks of whoever serves it, and what that says.

use crate::access::{Error, Outcome, Request, User};
use crate::{AccountId, Answer, Ask, operators, people, rooms};
use core::fmt;

/// One question, which gets exactly one [`Reply`].
#[derive(Clone, PartialEq)]
pub enum Call {
    /// Of the store, as it is.
    Store(Ask),
    /// Of those who look after accounts.
    Access {
        /// On behalf of whoever is logged in.
        by: Option<User>,
        /// What.
        request: Request,
    },
    /// About people across all rooms.
    People {
        /// Who asks.
        by: AccountId,
        /// What.
        request: people::Request,
    },
    /// To run the server, or to tell those who do.
    Operate {
        /// Who asks.
        by: AccountId,
        /// What.
        request: Box<operators::Request>,
    },
    /// About rooms that have a name.
    Rooms {
        /// Who asks; 0 where a room asks by itself.
        by: AccountId,
        /// What.
        request: rooms::Request,
    },
}

impl fmt::Debug for Call {
    /// Without what the store is asked: there are hashes in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(_) => f.write_str("Store(..)"),
            Self::Access { by, request } => write!(f, "Access({by:?}, {request:?})"),
            Self::People { by, request } => write!(f, "People({by:?}, {request:?})"),
            Self::Operate { by, request } => write!(f, "Operate({by:?}, {request:?})"),
            Self::Rooms { by, request } => write!(f, "Rooms({by:?}, {request:?})"),
        }
    }
}

/// What came of a call that was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// To [`Call::Store`].
    Store(Answer),
    /// To [`Call::Access`].
    Access(Outcome),
    /// To [`Call::People`].
    People(people::Outcome),
    /// To [`Call::Operate`].
    Operated(Box<operators::Outcome>),
    /// To [`Call::Rooms`].
    Rooms(rooms::Outcome),
}

/// What a call ends with.
pub type Reply = Result<Given, Error>;
