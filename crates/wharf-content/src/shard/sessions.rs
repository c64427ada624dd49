//! The sessions that have their home on a shard.

use crate::held::Held;
use crate::query::Open;
use crate::rates::Usage;
use crate::{Dialect, MemberId, QueryId, RoomId, User};
use core::any::Any;
use std::sync::Arc;
use wharf_base::{Key, SessionId};

/// A session, as content knows it.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) phase: Phase,
    pub(crate) user: Option<User>,
    pub(crate) dialect: Dialect,
    /// What the foyer keeps of it.
    pub(crate) data: Option<Box<dyn Any + Send>>,
    /// What the foyer asked for it.
    pub(crate) queries: Open,
    pub(crate) seat: Option<Seat>,
    /// The request that asked for the room which is being entered.
    pub(crate) entering: Option<u32>,
    /// What it shows at the door of that room.
    pub(crate) carried: Option<Box<dyn Any + Send>>,
    /// What came while it could not be served.
    pub(crate) held: Option<Box<Held>>,
    /// Frames served since credit was last given back.
    pub(crate) owed: u32,
    pub(crate) violations: u8,
    /// Whether it waits for its turn to log in: whoever says no more then has gone.
    pub(crate) waits: bool,
    /// What it has used of its rates.
    pub(crate) usage: Usage,
    /// An earlier session in the same slot whose letter is still under way.
    older: Option<Box<Session>>,
}

/// What a session is waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing: it is served.
    Open,
    /// The authenticator's verdict on the user with this name.
    Verdict(Arc<str>),
    /// The reply to this query, before which it is not served.
    Waiting(QueryId),
    /// The I/O shard's `Switched`; then it goes to shard `to`, to enter `room`.
    Moving { room: RoomId, to: u8 },
    /// The letter that brings it from its old home.
    Expected,
    /// Its end: a `Close` or `Finish` was said.
    Closing,
}

/// Where a session sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) room: Key,
    pub(crate) id: RoomId,
    pub(crate) member: MemberId,
}

impl Session {
    pub(crate) fn new(id: SessionId, phase: Phase) -> Self {
        Self {
            id,
            phase,
            user: None,
            dialect: Dialect::default(),
            data: None,
            queries: Open::default(),
            seat: None,
            entering: None,
            carried: None,
            held: None,
            owed: 0,
            violations: 0,
            waits: false,
            usage: Usage::NONE,
            older: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }
}

/// Sessions by I/O shard and slot.
///
/// Invariant: `count` sessions are in the table, each in the slot that its id names; of two in one
/// slot the newer stands first.
pub(crate) struct Sessions {
    slots: Vec<Vec<Option<Box<Session>>>>,
    count: u32,
    sessions_max: u32,
}

impl Sessions {
    pub(crate) fn new(io_count: usize, sessions_max: u32) -> Self {
        Self {
            slots: (0..io_count).map(|_| Vec::new()).collect(),
            count: 0,
            sessions_max,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        let slots = self.slots.get(usize::from(id.shard()))?;
        let mut session = slots.get(id.key().index() as usize)?.as_deref()?;
        while session.id != id {
            session = session.older.as_deref()?;
        }
        Some(session)
    }

    /// Who is in the slot of `id` now.
    pub(crate) fn newest_in_slot(&self, id: SessionId) -> Option<SessionId> {
        let slots = self.slots.get(usize::from(id.shard()))?;
        Some(slots.get(id.key().index() as usize)?.as_ref()?.id)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let slots = self.slots.get_mut(usize::from(id.shard()))?;
        let mut session = slots.get_mut(id.key().index() as usize)?.as_deref_mut()?;
        while session.id != id {
            session = session.older.as_deref_mut()?;
        }
        Some(session)
    }

    /// # Panics
    /// If the session is there already, or there are more than admission can have let in: a slot
    /// may be used again before the letter of its last session has come, never more often.
    pub(crate) fn insert(&mut self, mut session: Session) -> &mut Session {
        let id = session.id;
        assert!(self.get(id).is_none(), "{id} begins twice");
        assert!(
            self.count / 2 < self.sessions_max,
            "admission keeps sessions_max"
        );
        let slots = &mut self.slots[usize::from(id.shard())];
        let index = id.key().index() as usize;
        if slots.len() <= index {
            slots.resize_with(index + 1, || None);
        }
        session.older = slots[index].take();
        self.count += 1;
        slots[index].insert(Box::new(session))
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Box<Session>> {
        let slots = self.slots.get_mut(usize::from(id.shard()))?;
        let mut entry = slots.get_mut(id.key().index() as usize)?;
        while entry.as_ref()?.id != id {
            entry = &mut entry.as_mut()?.older;
        }
        let mut session = entry.take()?;
        *entry = session.older.take();
        self.count -= 1;
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(generation: u32) -> SessionId {
        SessionId::new(0, Key::from_parts(3, generation))
    }

    #[test]
    fn two_uses_of_a_slot_are_two_sessions() {
        let mut sessions = Sessions::new(1, 1);
        sessions.insert(Session::new(session(1), Phase::Expected));
        sessions.insert(Session::new(session(2), Phase::Open));
        assert_eq!(sessions.get_mut(session(1)).unwrap().phase, Phase::Expected);
        assert_eq!(sessions.get(session(2)).unwrap().phase, Phase::Open);
        assert!(sessions.get(session(3)).is_none());
        assert_eq!(sessions.remove(session(1)).unwrap().id, session(1));
        assert!(sessions.remove(session(1)).is_none());
        assert_eq!(sessions.remove(session(2)).unwrap().id, session(2));
        assert_eq!(sessions.len(), 0);
    }
}
