//! The names of users, rooms, members, timers and questions.

use core::fmt;
use std::sync::Arc;
use wharf_base::{Instant, Key};

/// Who: an account, or in the classic lobby whoever logged in. Positive, unique, may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(i64);

impl UserId {
    /// The user with this number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number, as it stands in packets and tables.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A logged-in user: the number, and the name typed at login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// As it was given to [`crate::FoyerCx::log_in`] or [`crate::FoyerCx::admit`].
    pub name: Arc<str>,
}

/// Which packets a session speaks, from its first one on. A room that speaks several says what
/// everybody is to hear once in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The guide's packets; a game that has one dialect need not know of it.
    #[default]
    Classic,
    /// The platform's.
    Platform,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Classic, Self::Platform];
}

/// One of the app's kinds of room, as [`crate::RoomBuilder::kind`] returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKind(pub(crate) u16);

/// One room: its kind, and its number within the kind, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId {
    kind: RoomKind,
    number: u32,
}

impl RoomId {
    /// Room `number` of `kind`. Whether there is such a room shows when it is used.
    pub const fn new(kind: RoomKind, number: u32) -> Self {
        Self { kind, number }
    }

    /// What kind of room.
    pub const fn kind(self) -> RoomKind {
        self.kind
    }

    /// Which of its kind, from 0.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// The logic shard on which the room lives, of `logic_count`.
    pub fn home(self, logic_count: usize) -> u8 {
        ((self.number as usize + usize::from(self.kind.0)) % logic_count) as u8
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}.{}", self.kind.0, self.number)
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A seat in a room, valid in that room only. A seat that was given back has another generation,
/// so an old id names nobody.
///
/// Packed as `slot:16 | generation:16`. Lives in memory only; never stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(u32);

impl MemberId {
    /// How many members one room can name.
    pub const SLOTS_MAX: u32 = 1 << 16;

    pub(crate) fn from_key(key: Key) -> Self {
        assert!(
            key.index() < Self::SLOTS_MAX,
            "a room names at most 2^16 members"
        );
        Self(key.index() << 16 | key.generation() & 0xffff)
    }

    /// The slot, from 0: dense, so it can index a table of the room's own.
    pub const fn index(self) -> u32 {
        self.0 >> 16
    }

    /// Which use of the slot this is.
    pub const fn generation(self) -> u16 {
        self.0 as u16
    }

    /// The packed form, for packets of the room.
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The reverse of [`MemberId::to_bits`]; safe for any number, since a wrong one names nobody.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}.{}", self.index(), self.generation())
    }
}

/// A timer that [`crate::RoomCx::after`] set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId {
    pub(crate) at: Instant,
    pub(crate) serial: u64,
}

/// A question that [`crate::RoomCx::ask`] sent; unique on its logic shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskId(pub(crate) u64);
