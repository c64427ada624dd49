//! Who did what to whom, and why: administrative acts, and their log.

use crate::{AccountId, AuditId, ConversationId, PageToken, ReportId, RoomId, UnixMs};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody with an account, by the rank that it has.
    Account(AccountId),
    /// Whoever runs the server: may do everything.
    Operator,
    /// The server itself, by a rule.
    Server,
}

/// One act. Asked again with the same id it is not done again: the answer is
/// [`crate::Refusal::Duplicate`] with that id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Unique.
    pub id: AuditId,
    /// Who.
    pub actor: Actor,
    /// Why, in people's words; may be empty.
    pub reason: String,
    /// When.
    pub at: UnixMs,
}

/// What is acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Somebody, everywhere.
    Account(AccountId),
    /// Somebody, in a room.
    Member(RoomId, AccountId),
    /// A room.
    Room(RoomId),
    /// A message.
    Message(ConversationId, i64),
    /// A report.
    Report(ReportId),
    /// The server: a setting, a notice to all.
    Server,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// By whom, when and why.
    pub act: Act,
    /// What was done, as a word: "room.ban".
    pub action: String,
    /// To what.
    pub target: Target,
    /// What was the case before, as far as it can be told.
    pub before: String,
    /// What is the case now.
    pub after: String,
}

/// One transaction about the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Writes an entry about what the store has no part in: a kick, a notice.
    Write(Entry),
    /// Reads entries, newest first.
    List {
        /// Only what that account did or what was done to it.
        about: Option<AccountId>,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
}

impl Ask {
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self, Self::List { .. })
    }
}

/// What is answered about the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::List`].
    Entries {
        /// Newest first.
        entries: Vec<Entry>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
}
