//! What the services say to a session, unasked.

use crate::message::Message;
use crate::operators::Scope;
use crate::room::Until;
use crate::{AccountId, Maintenance, UnixMs};
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use wharf_base::Duration;

/// Something that a session is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Its account has logged in elsewhere: this session ends.
    TakenOver,
    /// Its login is over (signed out elsewhere, a new password): this session ends.
    LoginEnded,
    /// Its account is banned: this session ends.
    Banned {
        /// Until when.
        until: Until,
        /// Why, for people.
        reason: String,
    },
    /// Its account may say nothing anywhere, or may speak again.
    Muted {
        /// Until when; `None` if it may speak again.
        until: Option<Until>,
        /// Why, for people; empty if that is not known here.
        reason: String,
    },
    /// It waits for a place, to log in.
    Queued {
        /// How many are before it.
        before: u32,
        /// About how long it has to wait, if that can be told.
        wait: Option<Duration>,
    },
    /// Somebody has said something to its account alone.
    Whispered(Box<Whispered>),
    /// What its account and another have said to each other under that number was removed.
    Removed {
        /// The other.
        with: AccountId,
        /// Which message.
        seq: i64,
    },
    /// Somebody is sent away; nobody else minds.
    Kicked(Arc<Kick>),
    /// Those who run the server say something; whoever it is not for does not hear it.
    Announced(Arc<Announcement>),
    /// The server will be looked after, or is; or not any more.
    Maintenance(Option<Arc<Maintenance>>),
}

/// Something that somebody has said to one other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whispered {
    /// What, by whom, and when.
    pub message: Message,
    /// Whether it was said before they came, and has waited for them.
    pub was_kept: bool,
}

/// Somebody is sent away.
#[derive(Debug)]
pub struct Kick {
    /// Who.
    pub account: AccountId,
    /// Why, for people.
    pub reason: String,
    /// Counts the sessions that end by it.
    pub tally: Tally,
}

impl PartialEq for Kick {
    fn eq(&self, other: &Self) -> bool {
        (self.account, &self.reason) == (other.account, &other.reason)
    }
}

impl Eq for Kick {}

/// Something for many, from those who run the server.
pub struct Announcement {
    /// For whom.
    pub scope: Scope,
    /// What.
    pub text: String,
    /// When.
    pub at: UnixMs,
    /// Counts the sessions that hear it.
    pub tally: Tally,
}

impl PartialEq for Announcement {
    fn eq(&self, other: &Self) -> bool {
        (self.scope, &self.text, self.at) == (other.scope, &other.text, other.at)
    }
}

impl Eq for Announcement {}

impl fmt::Debug for Announcement {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scope, bytes) = (self.scope, self.text.len());
        write!(f, "Announcement({scope:?}, {bytes} bytes)")
    }
}

/// Counts, and tells how many when nobody can count any more: when it is dropped.
#[derive(Default)]
pub struct Tally {
    count: AtomicU32,
    tell: Option<Box<dyn FnOnce(u32) + Send + Sync>>,
}

impl Tally {
    /// One that calls `tell` at its end.
    pub fn new(tell: impl FnOnce(u32) + Send + Sync + 'static) -> Self {
        Self {
            count: AtomicU32::new(0),
            tell: Some(Box::new(tell)),
        }
    }

    /// One more.
    pub fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(*self.count.get_mut());
        }
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tally({:?})", self.count)
    }
}
