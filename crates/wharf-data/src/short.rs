//! What lives for a short time: login tickets, presence, rate limits, lists of busy rooms.
//!
//! Lives in Redis where there is one, otherwise in the SQL store. Nothing of value: it may be
//! lost at any time, and whoever reads it must get on without it.

use crate::UnixMs;

/// What a key belongs to: keys of different spaces never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// Login tickets for one use.
    Ticket,
    /// Who is online, and where.
    Presence,
    /// How often somebody did something lately.
    Rate,
    /// Rooms by how busy they are.
    BusyRooms,
}

/// One request about what lives for a short time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Keeps a value. What was there is replaced; or, with `only_new`, stays, and the answer is
    /// [`crate::Refusal::Duplicate`] with its score.
    Put {
        /// Where.
        space: Space,
        /// Under what; at most 200 bytes.
        key: String,
        /// The value.
        value: Vec<u8>,
        /// Its place in [`Ask::Top`].
        score: i64,
        /// Until when.
        expires: UnixMs,
        /// Whether nothing may be there.
        only_new: bool,
        /// When.
        at: UnixMs,
    },
    /// The value, if it is there and has not ended; or [`crate::Refusal::NotFound`].
    Get {
        /// Where.
        space: Space,
        /// Under what.
        key: String,
        /// When.
        at: UnixMs,
    },
    /// The same, and it is gone: of two who take it one gets it.
    Take {
        /// Where.
        space: Space,
        /// Under what.
        key: String,
        /// When.
        at: UnixMs,
    },
    /// Takes a value away. That nothing is there is as good.
    Delete {
        /// Where.
        space: Space,
        /// Under what.
        key: String,
    },
    /// Counts one more: of two who count at once, none is lost.
    Count {
        /// Under what, in [`Space::Rate`].
        key: String,
        /// How long a window is.
        window_ms: u32,
        /// Whether each begins it anew, so that it ends so long after the last. Otherwise it ends
        /// so long after the first.
        since_last: bool,
        /// When.
        at: UnixMs,
    },
    /// The values with the highest scores, highest first, then by key.
    Top {
        /// Where.
        space: Space,
        /// Not the first so many: a list in parts, each as it is at its moment.
        skip: u32,
        /// At most so many; 1,000 at once.
        limit: u32,
        /// When.
        at: UnixMs,
    },
}

impl Ask {
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self, Self::Get { .. } | Self::Top { .. })
    }
}

/// A value, as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Under what.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
    /// Its score.
    pub score: i64,
    /// Until when it is there.
    pub expires: UnixMs,
}

/// What is answered about what lives for a short time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Get`] and [`Ask::Take`].
    Found(Found),
    /// To [`Ask::Count`].
    Counted {
        /// How many in this window, this one among them.
        count: i64,
        /// When the window ends.
        ends: UnixMs,
    },
    /// To [`Ask::Top`].
    Top(Vec<Found>),
}
