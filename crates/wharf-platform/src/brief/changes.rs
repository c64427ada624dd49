//! What may be other than it is shown, since that was last asked.

use crate::SessionTag;
use std::collections::BTreeSet;
use wharf_data::{AccountId, RoomId};

/// What has changed. Nothing is noted until somebody watches.
///
/// Invariant: without a watcher all of it is empty.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    is_watched: bool,
    /// Who came, went, or looks different.
    pub(crate) people: BTreeSet<AccountId>,
    /// Who went from one room to another.
    pub(crate) sessions: BTreeSet<SessionTag>,
    /// Rooms with more people in them, or fewer.
    pub(crate) rooms: BTreeSet<RoomId>,
    /// Rooms that look different.
    pub(crate) looks: BTreeSet<RoomId>,
}

impl Changes {
    /// Whatever changes from now on is noted, and taken by somebody.
    pub(crate) fn watch(&mut self) {
        self.is_watched = true;
    }

    /// Takes what was noted.
    pub(crate) fn take(&mut self) -> Self {
        let rest = Self {
            is_watched: self.is_watched,
            ..Self::default()
        };
        core::mem::replace(self, rest)
    }

    /// With what was noted elsewhere.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.people.extend(other.people);
        self.sessions.extend(other.sessions);
        self.rooms.extend(other.rooms);
        self.looks.extend(other.looks);
        self
    }

    /// Somebody came, went, or looks different.
    pub(crate) fn person(&mut self, account: AccountId) {
        if self.is_watched {
            self.people.insert(account);
        }
    }

    /// Somebody went into a room, or out of it.
    pub(crate) fn moved(&mut self, session: SessionTag, room: RoomId) {
        if self.is_watched {
            self.sessions.insert(session);
            self.rooms.insert(room);
        }
    }

    /// A room looks different, or is closed.
    pub(crate) fn look(&mut self, room: RoomId) {
        if self.is_watched {
            self.looks.insert(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_gathered_that_nobody_takes() {
        let mut changes = Changes::default();
        let note = |changes: &mut Changes| {
            changes.person(AccountId::new(1));
            changes.moved(SessionTag(1), RoomId::new(1));
            changes.look(RoomId::new(2));
        };
        note(&mut changes);
        assert!(changes.people.is_empty() && changes.rooms.is_empty());
        changes.watch();
        note(&mut changes);
        let taken = changes.take();
        let sizes = (taken.people.len(), taken.sessions.len());
        assert_eq!(
            (sizes, taken.rooms.len(), taken.looks.len()),
            ((1, 1), 1, 1)
        );
        assert!(changes.people.is_empty());
        note(&mut changes);
        assert_eq!(changes.take().and(taken).people.len(), 1, "it goes on");
    }
}
