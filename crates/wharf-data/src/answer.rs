//! Requests and answers, of whatever subject.

use crate::{account, audit, keep, message, report, room, short};
use core::fmt;

/// One request: one transaction.
///
/// Whoever asks for the same again (because the answer was [`Refusal::Unavailable`]) gets the
/// first one's answer where there is something to know it by: a client's id of a message, the id
/// of an act, of a room, of an account. The rest is the same when it is done twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// About accounts.
    Account(account::Ask),
    /// About rooms that have a name.
    Room(room::Ask),
    /// About what people said.
    Message(message::Ask),
    /// About reports, and who looks after them.
    Report(report::Ask),
    /// About the audit log.
    Audit(audit::Ask),
    /// About what lives for a short time only.
    Short(short::Ask),
    /// About the store as a whole, and all that it has of somebody.
    Keep(keep::Ask),
    /// Does what is inside, and writes the entry in the same transaction; both or none.
    Audited(audit::Entry, Box<Ask>),
}

/// What came of a request that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, and there is nothing to tell. It is durable.
    Done,
    /// About accounts.
    Account(account::Answer),
    /// About rooms.
    Room(room::Answer),
    /// About what people said.
    Message(message::Answer),
    /// About reports.
    Report(report::Answer),
    /// About the audit log.
    Audit(audit::Answer),
    /// About what lives for a short time only.
    Short(short::Answer),
    /// About the store as a whole.
    Keep(keep::Answer),
}

impl Ask {
    /// Whether it changes nothing, so that it may be asked of another connection than the one
    /// that writes.
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Account(ask) => ask.only_reads(),
            Self::Room(ask) => ask.only_reads(),
            Self::Message(ask) => ask.only_reads(),
            Self::Report(ask) => ask.only_reads(),
            Self::Audit(ask) => ask.only_reads(),
            Self::Short(ask) => ask.only_reads(),
            Self::Keep(ask) => ask.only_reads(),
            Self::Audited(..) => false,
        }
    }
}

/// What a request ends with.
pub type Reply = Result<Answer, Refusal>;

/// Why a request was not done. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing.
    NotFound,
    /// It was changed meanwhile: the expected version is not the present one.
    Conflict,
    /// Something that must be unique is there already; whose it is.
    Duplicate(i64),
    /// A balance would fall below zero.
    Insufficient,
    /// Written by an owner that has been replaced.
    Fenced,
    /// Whoever asks may not do that: of too low a rank, banned, blocked.
    Forbidden,
    /// There are as many as there may be.
    Full,
    /// A page token or a part of the request makes no sense.
    Invalid,
    /// Too much waits already. Nothing was done.
    Busy {
        /// When it is worth asking again.
        retry_after_ms: u32,
    },
    /// The store does not answer, or not in time. Whether it was done is not known.
    Unavailable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("not found"),
            Self::Conflict => f.write_str("changed meanwhile"),
            Self::Duplicate(_) => f.write_str("there already"),
            Self::Insufficient => f.write_str("not enough"),
            Self::Fenced => f.write_str("written by an owner that was replaced"),
            Self::Forbidden => f.write_str("not allowed"),
            Self::Full => f.write_str("as many as there may be"),
            Self::Invalid => f.write_str("makes no sense"),
            Self::Busy { retry_after_ms } => write!(f, "busy, again in {retry_after_ms} ms"),
            Self::Unavailable => f.write_str("the store does not answer"),
        }
    }
}

impl core::error::Error for Refusal {}
