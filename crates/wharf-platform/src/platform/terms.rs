//! The words of the platform: who calls, what calls are known by, what is to be done.

use core::fmt;
use core::net::IpAddr;
use std::sync::Arc;
use wharf_accounts::HashJob;
use wharf_data::operators::Scope;
use wharf_data::service::Reply;
use wharf_data::{AccountId, Ask, Bulletin, Notice, UnixMs};

/// What a call is known by; the caller's own, each used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A session, as the caller numbers them; no number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionTag(pub u64);

/// What a question to the store is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTag(pub u64);

/// What a count of sessions is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountTag(pub u64);

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A session, from that address.
    Session(SessionTag, IpAddr),
    /// A room.
    Room,
}

/// What is to be done.
#[derive(PartialEq)]
pub enum Effect {
    /// A call is over.
    Reply {
        /// Which.
        to: Ticket,
        /// What came of it.
        reply: Reply,
    },
    /// A session is told something.
    Notice {
        /// Which.
        to: SessionTag,
        /// What.
        notice: Notice,
    },
    /// Somebody's session is to be ended; `to`, if they are known here, or whichever session is
    /// theirs. [`crate::Platform::heard`] tells how many ended.
    Kick {
        /// Comes back with the count.
        tag: CountTag,
        /// Where they are.
        to: Option<SessionTag>,
        /// Who.
        account: AccountId,
        /// Why.
        reason: String,
    },
    /// Many sessions are told something. [`crate::Platform::heard`] tells how many.
    Announce {
        /// Comes back with the count.
        tag: CountTag,
        /// Who.
        scope: Scope,
        /// What.
        text: String,
        /// When.
        at: UnixMs,
    },
    /// Every session is told something.
    TellAll(Notice),
    /// Every shard is to know this from now on.
    Publish(Arc<Bulletin>),
    /// The store is to be asked, in this order; [`crate::Platform::stored`] tells what it answers.
    Ask {
        /// Comes back with the answer.
        tag: StoreTag,
        /// What is asked.
        ask: Ask,
    },
    /// A password is to be hashed; [`crate::Platform::hashed`] tells what came of it.
    Hash(HashJob),
}

impl fmt::Debug for Effect {
    /// Without what the store is asked: there are hashes in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { to, .. } => write!(f, "Reply({to:?})"),
            Self::Notice { to, .. } => write!(f, "Notice({to:?})"),
            Self::Kick { account, .. } => write!(f, "Kick({account:?})"),
            Self::Announce { scope, .. } => write!(f, "Announce({scope:?})"),
            Self::TellAll(notice) => write!(f, "TellAll({notice:?})"),
            Self::Publish(_) => f.write_str("Publish"),
            Self::Ask { tag, .. } => write!(f, "Ask({tag:?})"),
            Self::Hash(job) => write!(f, "Hash({job:?})"),
        }
    }
}
