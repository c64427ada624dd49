//! What content keeps of a room beside the game's own.

use crate::query::Open;
use crate::roster::Roster;
use crate::{AskId, RoomId, TimerId};
use wharf_base::{Key, Rng, SessionId};

/// Everything about a room that is not the game's.
pub(crate) struct RoomCore {
    pub(crate) id: RoomId,
    pub(crate) key: Key,
    pub(crate) kind_name: &'static str,
    pub(crate) roster: Roster,
    pub(crate) rng: Rng,
    /// Questions without an answer, each with the timer that ends it.
    pub(crate) asks: Vec<(AskId, TimerId)>,
    /// What was asked of the services and has no reply yet.
    pub(crate) queries: Open,
    /// Answers to requests that are owed and not given yet.
    pub(crate) owed: Vec<Owed>,
    /// Timers that are still to ring.
    pub(crate) timers: u32,
    pub(crate) ticks: u64,
}

/// An answer that a room owes to a session, wherever that is when it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    pub(crate) session: SessionId,
    pub(crate) request: Option<u32>,
}

impl RoomCore {
    /// An answer is given; whether it was still owed. What is no request is never noted.
    pub(crate) fn settle(&mut self, owed: Owed) -> bool {
        if owed.request.is_none() {
            return true;
        }
        let at = self.owed.iter().position(|other| *other == owed);
        at.map(|at| self.owed.swap_remove(at)).is_some()
    }
}
