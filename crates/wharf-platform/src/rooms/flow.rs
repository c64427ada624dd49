//! What is under way: requests that wait for the store or for a hash worker.

use crate::{SessionTag, Ticket};
use std::collections::BTreeMap;
use wharf_accounts::Password;
use wharf_data::room::{self, Role, Settings, Standing};
use wharf_data::rooms::{Here, Info, Measure};
use wharf_data::{AccountId, DisplayName, Hidden, RoomId, UnixMs};

/// Who has asked for something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) ticket: Ticket,
    /// `None` for a room.
    pub(super) session: Option<SessionTag>,
    pub(super) by: AccountId,
    /// Whoever runs the server, who may do everything.
    pub(super) is_operator: bool,
    /// The session is over meanwhile.
    pub(super) is_gone: bool,
}

/// One request under way, by what it waits for.
pub(super) enum Flow {
    /// A new room, for the hash of its password.
    Hashing(Box<Making>),
    /// A new room, for the store: to make it, or to say that nobody has its name.
    Making(Box<Making>),
    /// A room, to be opened; those who want to enter wait beside.
    Opening(RoomId),
    /// Somebody who wants to enter, for what they are in the room.
    Standing(Box<Entering>),
    /// The same, for what the store says of how often they have guessed.
    Recalling(Box<Entering>),
    /// The same, for the check of the password.
    Checking(Box<Entering>),
    /// The same, whom a ban keeps out until then, for why.
    KeptOut(Box<Entering>, Option<UnixMs>),
    /// A change, for the hash of the new password.
    Rehashing(Box<(Caller, Here, room::Change)>),
    /// A room, for the store: which does that act.
    Acting(RoomId, Box<Act>),
    /// A list, for the part that the store has.
    Listing(Box<Listing>),
    /// A list of those who are kept out of a room that stays.
    Bans(Caller),
    /// A room that is shown, for what the store has of it and of those in it.
    Showing(Box<(Caller, RoomId, Option<room::Room>)>),
    /// A list of the busiest rooms, for the next part of what the store knows.
    Busiest(Box<Busiest>),
    /// An entry in the audit log, for which nobody waits.
    Noting,
}

impl Flow {
    /// Whoever is on their way into a room that is open.
    pub(super) fn entering(&mut self) -> Option<&mut Entering> {
        match self {
            Self::Standing(entering) | Self::Recalling(entering) | Self::Checking(entering) => {
                Some(entering)
            }
            _ => None,
        }
    }
}

/// A list of the busiest rooms.
pub(super) struct Busiest {
    pub(super) caller: Caller,
    pub(super) limit: usize,
    /// What other processes say is in rooms of theirs; `None` until they were asked.
    pub(super) elsewhere: Option<BTreeMap<RoomId, u32>>,
}

/// A room that is being made.
pub(super) struct Making {
    pub(super) caller: Caller,
    pub(super) room: RoomId,
    pub(super) slot: u32,
    pub(super) name: DisplayName,
    pub(super) settings: Settings,
    pub(super) is_persistent: bool,
    /// Until it is hashed.
    pub(super) password: Option<Password>,
}

/// Somebody who wants to enter.
pub(super) struct Entering {
    pub(super) caller: Caller,
    pub(super) room: RoomId,
    pub(super) password: Hidden,
    /// What the store said.
    pub(super) standing: Option<Standing>,
    /// What an act has made of them since the store was asked.
    pub(super) newer: Option<Standing>,
    /// The role that was left to them, if they have handed the room over since.
    pub(super) left_role: Option<Role>,
    /// Whether somebody else was made the owner since.
    pub(super) has_other_owner: bool,
    /// The hash that the password was, or is, checked against.
    pub(super) against: Option<String>,
}

/// Something that is done in a room.
pub(super) struct Act {
    pub(super) caller: Caller,
    pub(super) here: Here,
    pub(super) deed: Deed,
    /// Why, for the audit log.
    pub(super) reason: String,
}

/// What whoever runs the server wants done in a room that is opened for it.
pub(super) struct Order {
    pub(super) caller: Caller,
    pub(super) deed: Deed,
    pub(super) reason: String,
}

pub(super) enum Deed {
    Change(room::Change),
    Moderate {
        account: AccountId,
        /// How they are called; empty if they are not there.
        name: String,
        measure: Measure,
        reason: String,
    },
    Remove(i64),
    Close,
}

/// A list that is being put together.
pub(super) struct Listing {
    pub(super) caller: Caller,
    /// The open ones.
    pub(super) rooms: Vec<Info>,
    /// Whether this is its first page, which is worth something without the store's.
    pub(super) is_first: bool,
    pub(super) search: String,
}
