//! Rooms that have a name and stay: what they are, and who may do what in them.
//!
//! Whoever serves a room has opened it and holds its epoch; every write carries that, and one
//! with an older epoch is refused as [`crate::Refusal::Fenced`].

use crate::audit::Act;
use crate::{AccountId, DisplayName, PageToken, RoomId, UnixMs};

/// Which opening of a room a write belongs to.
pub type Epoch = i64;

/// What becomes of what is said in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Nothing is kept.
    Off,
    /// Kept soon after it was delivered.
    Buffered,
    /// Kept before it is delivered.
    Durable,
}

/// What a member may do; each what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Be there and speak.
    Member,
    /// Kick, ban and mute those below; remove what they said.
    Moderator,
    /// Change the room and the ranks in it.
    Owner,
}

/// What can be set about a room.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// What it is about.
    pub topic: String,
    /// Its password's hash (PHC string); without one everybody may enter.
    pub password: Option<String>,
    /// Members at the most.
    pub members_max: u32,
    /// Not in lists.
    pub is_hidden: bool,
    /// Nobody new may enter.
    pub is_locked: bool,
    /// How long a member waits between two messages.
    pub slow_ms: u32,
    /// What becomes of what is said.
    pub history: History,
    /// The room kind's own.
    pub options: Vec<u8>,
}

/// A room, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Which.
    pub id: RoomId,
    /// What kind of content serves it.
    pub kind: String,
    /// Its name, as people see it.
    pub name: String,
    /// What is set about it.
    pub settings: Settings,
    /// Which opening is the present one.
    pub epoch: Epoch,
    /// The number of the last message that is kept.
    pub last_seq: i64,
    /// When it was made.
    pub created_at: UnixMs,
}

/// What somebody is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What they may do.
    pub role: Role,
    /// Whether they may not enter.
    pub ban: Option<Until>,
    /// Whether they may not speak.
    pub mute: Option<Until>,
}

/// How long something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until it is taken back.
    TakenBack,
    /// Until then.
    Time(UnixMs),
}

impl Until {
    /// The end of what lasts so many milliseconds from `at` on; `None` lasts until it is taken
    /// back.
    pub fn after(at: UnixMs, lasts_ms: Option<i64>) -> Self {
        lasts_ms.map_or(Self::TakenBack, |ms| Self::Time(at.saturating_add(ms)))
    }

    /// The same in seconds; 0 lasts until it is taken back.
    pub fn after_seconds(at: UnixMs, seconds: u32) -> Self {
        let lasts_ms = i64::from(seconds) * 1_000;
        Self::after(at, Some(lasts_ms).filter(|ms| *ms > 0))
    }

    /// Whether it still lasts at `at`.
    pub fn lasts(self, at: UnixMs) -> bool {
        match self {
            Self::TakenBack => true,
            Self::Time(until) => at < until,
        }
    }

    /// When it ends by itself, if it does.
    pub fn ends(self) -> Option<UnixMs> {
        match self {
            Self::TakenBack => None,
            Self::Time(until) => Some(until),
        }
    }
}

/// Somebody who is kept out of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub account: AccountId,
    /// How they are called now; empty if that is not known.
    pub name: String,
    /// Whose act it was; 0 for whoever runs the server.
    pub by: AccountId,
    /// Why, in people's words.
    pub reason: String,
    /// Until when.
    pub until: Until,
}

/// What changes about a room; what is `None` stays.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Another name, which nobody else's room has, or one that looks like it.
    pub name: Option<DisplayName>,
    /// Another topic.
    pub topic: Option<String>,
    /// Another password's hash, or none.
    pub password: Option<Option<String>>,
    /// Another number of members at the most.
    pub members_max: Option<u32>,
    /// Whether it is in lists.
    pub is_hidden: Option<bool>,
    /// Whether nobody new may enter.
    pub is_locked: Option<bool>,
    /// How long a member waits between two messages.
    pub slow_ms: Option<u32>,
    /// Other options.
    pub options: Option<Vec<u8>>,
}

/// What a moderator does to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Keeps out.
    Ban(Until),
    /// Lets in again.
    Unban,
    /// Keeps from speaking.
    Mute(Until),
    /// Lets speak again.
    Unmute,
    /// Gives another role, below the owner's. For owners.
    Rank(Role),
    /// Makes the owner of them; who was it becomes a moderator. For owners.
    HandOver,
}

/// One transaction about a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Makes a room, opened in epoch 1. [`crate::Refusal::Duplicate`] with the id of the room
    /// that has that name, or one that looks like it. Asked again, that is its own id.
    Create {
        /// Its id.
        room: RoomId,
        /// What kind of content serves it.
        kind: String,
        /// Its name.
        name: DisplayName,
        /// Its owner.
        owner: AccountId,
        /// So many rooms an owner may have; one more is [`crate::Refusal::Full`].
        owned_max: u32,
        /// What is set about it.
        settings: Settings,
        /// When.
        at: UnixMs,
    },
    /// Which room that is. [`crate::Refusal::NotFound`] if none.
    Find {
        /// By what.
        by: By,
    },
    /// Takes a room over: whoever had it before can write no more.
    Open {
        /// Which.
        room: RoomId,
    },
    /// Changes a room. For owners. [`crate::Refusal::Duplicate`] with the id of the room that has
    /// the name which is wished, or one that looks like it.
    Change {
        /// Which, and in which opening.
        room: (RoomId, Epoch),
        /// What.
        change: Change,
        /// By whom.
        act: Act,
    },
    /// Ends a room: its name is free again, what was said in it goes by and by. For owners.
    Delete {
        /// Which, and in which opening.
        room: (RoomId, Epoch),
        /// By whom.
        act: Act,
    },
    /// Does something to somebody. For those of a higher rank.
    Moderate {
        /// Where, and in which opening.
        room: (RoomId, Epoch),
        /// To whom.
        account: AccountId,
        /// What.
        measure: Measure,
        /// By whom.
        act: Act,
    },
    /// What somebody is in a room. Bans and mutes that have ended are left out.
    Standing {
        /// Where.
        room: RoomId,
        /// Who.
        account: AccountId,
        /// When.
        at: UnixMs,
    },
    /// Who is banned, muted or of a rank in a room, by account.
    Standings {
        /// Where.
        room: RoomId,
        /// When.
        at: UnixMs,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// Who is kept out of a room, by account. Bans that have ended are left out.
    Bans {
        /// Where.
        room: RoomId,
        /// When.
        at: UnixMs,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// Why somebody was kept out of a room last: [`Answer::BanReason`].
    BanReason {
        /// Where.
        room: RoomId,
        /// Who.
        account: AccountId,
    },
    /// Those of some rooms that are there, in no order.
    These {
        /// Which; at most 1,000.
        rooms: Vec<RoomId>,
    },
    /// Rooms by name.
    List {
        /// Only names that begin like this, or look as if.
        search: String,
        /// Hidden ones too.
        with_hidden: bool,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
}

impl Ask {
    pub(crate) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Find { .. }
                | Self::These { .. }
                | Self::Standing { .. }
                | Self::Standings { .. }
                | Self::Bans { .. }
                | Self::BanReason { .. }
                | Self::List { .. }
        )
    }
}

/// How a room is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// By its id.
    Id(RoomId),
    /// By its name, or one that looks like it.
    Name(crate::NameKey),
}

/// What is answered about rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Create`], [`Ask::Find`], [`Ask::Open`] and [`Ask::Change`].
    Room(Room),
    /// To [`Ask::Moderate`] and [`Ask::Standing`].
    Standing(Standing),
    /// To [`Ask::Standings`].
    Standings {
        /// Who is what.
        standings: Vec<(AccountId, Standing)>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Ask::Bans`].
    Bans {
        /// Who.
        bans: Vec<Ban>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Ask::BanReason`]: for people; empty if nobody said.
    BanReason(String),
    /// To [`Ask::List`] and [`Ask::These`].
    Rooms {
        /// By name, where they are listed.
        rooms: Vec<Room>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
}
