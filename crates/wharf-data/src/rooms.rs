//! What is asked about rooms that have a name, across all of them, and what is answered.
//!
//! [`crate::room`] is what the store keeps of them; this is who is in which, now. Whoever wants to
//! enter is given an [`Entry`], and shows it at the room's door: the room learns from it what it
//! is, and who that is there. Rooms ask in turn for what needs more than them.

use crate::room::{Ban, Epoch, History, Role, Standing, Until};
use crate::{Hidden, PageToken, RoomId};

/// One opening of a room, from its first member until it is given up. A later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening(pub i64);

/// By what an [`Entry`] is known. A later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId(pub i64);

/// What is asked: the first five by sessions, the rest by rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Makes a room, and lets its owner in.
    Create(Box<NewRoom>),
    /// Rooms that are not hidden: open ones with the most members first, then the others by name.
    List {
        /// Only names that begin like this, or look as if.
        search: String,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// Rooms that somebody is in and that are not hidden, with the most members first, on whatever
    /// server they are open.
    Busiest {
        /// At most so many.
        limit: u32,
    },
    /// Lets somebody in.
    Enter {
        /// Where.
        room: RoomId,
        /// Needed if the room has one.
        password: Hidden,
    },
    /// Whoever was let in is there no more, or never came.
    Left {
        /// By which entry.
        entry: EntryId,
        /// Whether the room has ended, and what it knew with it.
        is_broken: bool,
    },

    /// A room begins an opening. [`crate::access::Error::Conflict`] if it has begun before: then
    /// what it knew is gone, and it must end.
    Begin(Here),
    /// Changes a room.
    Change(Here, Box<Change>),
    /// Does something to somebody.
    Moderate {
        /// Where.
        here: Here,
        /// To whom.
        account: crate::AccountId,
        /// How they are called; empty if they are not there.
        name: String,
        /// What.
        measure: Measure,
        /// For the audit log.
        reason: String,
    },
    /// Removes what was said.
    Remove {
        /// Where.
        here: Here,
        /// Which message.
        seq: i64,
    },
    /// Who is kept out. For moderators.
    Bans {
        /// Where.
        here: Here,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// Ends a room for good.
    Close(Here),
    /// Waits until something was done to the room from outside, or nobody is let in there any more.
    Watch(Here),
    /// How many are in one of the numbered rooms.
    Count {
        /// Its number.
        number: u32,
        /// So many.
        members: u32,
        /// Who has come since it was last told (`true`) and is there, or was there and has gone.
        moves: Vec<(crate::AccountId, bool)>,
    },
}

/// The room that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Here {
    /// Which.
    pub room: RoomId,
    /// In which opening.
    pub opening: Opening,
}

/// A room that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoom {
    /// A [`crate::DisplayName`].
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// If it is empty everybody may enter.
    pub password: Hidden,
    /// 0 means as many as may be.
    pub members_max: u32,
    /// Not in lists.
    pub is_hidden: bool,
    /// Stays when everybody has left.
    pub is_persistent: bool,
    /// `None` means durable for one that stays, nothing for one that does not.
    pub history: Option<History>,
    /// How long a member waits between two messages.
    pub slow_ms: u32,
}

/// What changes about a room; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Another name.
    pub name: Option<String>,
    /// Another topic.
    pub topic: Option<String>,
    /// Another password; an empty one takes it away.
    pub password: Option<Hidden>,
    /// Another number of members at the most.
    pub members_max: Option<u32>,
    /// Whether it is left out of lists.
    pub is_hidden: Option<bool>,
    /// Whether nobody new may enter.
    pub is_locked: Option<bool>,
    /// How long a member waits between two messages.
    pub slow_ms: Option<u32>,
}

/// What is done to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Sends out.
    Kick,
    /// Keeps out, for so many seconds; 0 means without end.
    Ban(u32),
    /// Ends a ban.
    Unban,
    /// Keeps from speaking, for so many seconds; 0 means without end.
    Mute(u32),
    /// Ends a mute.
    Unmute,
    /// Makes a moderator.
    Promote,
    /// Makes a member.
    Demote,
    /// Makes the owner, and whoever was it a moderator.
    HandOver,
}

/// A room, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its id.
    pub room: RoomId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// How many are there, or are on their way.
    pub members: u32,
    /// How many may be.
    pub members_max: u32,
    /// Whether one needs a password.
    pub has_password: bool,
    /// Whether nobody new may enter.
    pub is_locked: bool,
    /// Whether it is left out of lists.
    pub is_hidden: bool,
    /// Whether it stays when everybody has left.
    pub is_persistent: bool,
    /// What becomes of what is said.
    pub history: History,
    /// How long a member waits between two messages.
    pub slow_ms: u32,
    /// Its number, if it is one of the numbered rooms.
    pub number: Option<u32>,
}

/// The right to enter a room, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// By what it is known.
    pub id: EntryId,
    /// Where the room is, among those with a name.
    pub slot: u32,
    /// Which opening of it.
    pub opening: Opening,
    /// What it shows the store; 0 if nothing of it is kept.
    pub epoch: Epoch,
    /// What it is.
    pub info: Info,
    /// What whoever enters may do.
    pub role: Role,
    /// Whether they may not speak.
    pub mute: Option<Until>,
    /// The number of the last message that was kept when it was opened.
    pub last_seq: i64,
    /// Whether nobody is known to have been in this opening before.
    pub may_begin: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To [`Request::Create`] and [`Request::Enter`].
    Entry(Box<Entry>),
    /// To [`Request::List`] and [`Request::Busiest`].
    Listed {
        /// What fits.
        rooms: Vec<Info>,
        /// For the next part, if there may be one.
        next: Option<PageToken>,
    },
    /// To [`Request::Change`].
    Changed(Box<Info>),
    /// To [`Request::Moderate`].
    Moderated(Box<Moderated>),
    /// To [`Request::Bans`].
    Bans {
        /// By account.
        bans: Vec<Ban>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Request::Watch`], in order; nothing if the room is not known to have members.
    News(Vec<News>),
    /// To whoever runs the server and wants to see a room.
    Shown(Box<Shown>),
    /// Done, and there is nothing to tell.
    Done,
}

/// What whoever runs the server has done to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It is something else now.
    Changed(Box<Info>),
    /// It has another owner; whoever was it is a moderator.
    HandedOver(crate::AccountId),
    /// What was said under that number was removed.
    Removed(i64),
    /// It is closed, with a reason for people.
    Closed(String),
}

/// A room with all that is known of those in it, for whoever runs the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What it is.
    pub info: Info,
    /// Whether it is open.
    pub is_open: bool,
    /// The number of the last message that was kept, as far as it is known.
    pub last_seq: i64,
    /// Those who are there, and those who are more or less than a member, by account.
    pub people: Vec<Insider>,
}

/// Somebody who is in a room, or of whom it knows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insider {
    /// Who.
    pub account: crate::AccountId,
    /// What others see, as far as it is known.
    pub display_name: String,
    /// What they are.
    pub standing: Standing,
    /// Whether they are there.
    pub is_here: bool,
}

/// What a room does when somebody was moderated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moderated {
    /// What they are from now on.
    pub standing: Standing,
    /// Whether they are sent out.
    pub is_out: bool,
    /// By which entries they are there, or on their way.
    pub entries: Vec<EntryId>,
    /// Whether it is known that it was done. If not, they are sent out, to be on the safe side, and
    /// whoever asked may ask again.
    pub is_sure: bool,
}
