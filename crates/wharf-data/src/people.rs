//! What is asked about people across all rooms, and what is answered.

use crate::message::Kept;
use crate::{AccountId, PageToken, RoomId};
use core::fmt;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Who is here and shows it, by name.
    List {
        /// Only those whose names begin like this, or look as if.
        search: String,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// Whether others see that the caller is here.
    SetVisible(bool),
    /// Says something to one other, wherever they are.
    Whisper(Whisper),
}

/// Something for one other. It is kept, and told once: now, or when they come.
#[derive(Clone, PartialEq, Eq)]
pub struct Whisper {
    /// To whom.
    pub to: Addressee,
    /// The author's own number for it: the same again is not said again.
    pub client_id: Option<u64>,
    /// What it is; the protocol's business.
    pub kind: u32,
    /// What it says, as the protocol has it.
    pub body: Vec<u8>,
}

// What people say never reaches a log, so it is not in what is shown for one.
impl fmt::Debug for Whisper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whisper")
            .field("to", &self.to)
            .field("client_id", &self.client_id)
            .field("kind", &self.kind)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Whom somebody means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// The account.
    Account(AccountId),
    /// Whoever is called so, or logs in by that name.
    Name(String),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To [`Request::List`].
    People {
        /// Who.
        people: Vec<Person>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// Done, and there is nothing to tell.
    Done,
    /// To [`Request::Whisper`]: it is durable.
    Kept {
        /// Where it is.
        kept: Kept,
        /// Whether nobody is seen to be there whom it could be told. Whoever does not show that
        /// they are there is not given away by it.
        waits: bool,
    },
}

/// Somebody who is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub account: AccountId,
    /// What others see.
    pub display_name: String,
    /// In which room that others may see; one of the numbered rooms as it was told last.
    pub room: Option<RoomId>,
}
