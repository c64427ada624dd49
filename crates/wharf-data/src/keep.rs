//! What concerns the store as a whole: settings, what is thrown away, what it has of somebody.

use crate::audit::Act;
use crate::{AccountId, PageToken, UnixMs};

/// The setting that is another one after each change of what holds on every server of the store:
/// settings, and who is muted everywhere. Whoever looks at it need not read all of that.
pub const CHANGES: &str = "server.changes";

/// One transaction about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A setting that outlives the process, such as the maintenance mode.
    /// [`crate::Refusal::NotFound`] if it was never set.
    Setting {
        /// Its name.
        name: String,
    },
    /// Sets it, or takes it away.
    SetSetting {
        /// Its name.
        name: String,
        /// What from now on.
        value: Option<String>,
        /// By whom.
        act: Act,
    },
    /// Puts an id on the list that a setting holds, or takes it off; the others stay as whoever
    /// changed them last, on whatever server, left them. [`crate::Refusal::NotFound`] if what is to
    /// be taken off is not there, [`crate::Refusal::Full`] beyond `ids_max`.
    SetListed {
        /// The setting's name.
        name: String,
        /// Which id.
        id: i64,
        /// Whether it is there from now on.
        is_listed: bool,
        /// So many there may be.
        ids_max: u32,
        /// By whom.
        act: Act,
    },
    /// Throws away what has ended: logins, bans, mutes, short-lived keys, names that were kept
    /// free; messages older than `messages_before` and those of rooms that are no more. At most
    /// `limit` of each, so that others need not wait long.
    Sweep {
        /// When.
        at: UnixMs,
        /// Messages older than this go; `None` keeps them for ever.
        messages_before: Option<UnixMs>,
        /// At most so many of each.
        limit: u32,
    },
    /// Everything that is kept about somebody, in parts.
    Export {
        /// Who.
        account: AccountId,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many records.
        limit: u32,
    },
}

impl Ask {
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self, Self::Setting { .. } | Self::Export { .. })
    }
}

/// One thing that is kept about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is: "login", "message".
    pub kind: &'static str,
    /// What is kept, by name.
    pub fields: Vec<(&'static str, Field)>,
}

/// A value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Nothing.
    None,
    /// A number.
    Number(i64),
    /// An id, which is never rounded.
    Id(i64),
    /// A moment.
    Time(UnixMs),
    /// Yes or no.
    Flag(bool),
    /// Text.
    Text(String),
    /// Bytes, which may be text.
    Bytes(Vec<u8>),
}

/// What is answered about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Setting`]; and to [`Ask::SetListed`], all ids, one behind the other.
    Setting(String),
    /// To [`Ask::Sweep`].
    Swept {
        /// How much went.
        count: u64,
        /// Whether there is more.
        has_more: bool,
    },
    /// To [`Ask::Export`].
    Exported {
        /// A part of the records.
        records: Vec<Record>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
}
