//! Telling the services how many are in a numbered room, and who, for lists of rooms and of people.

use core::time::Duration;
use std::collections::BTreeMap;
use wharf_content::{MemberId, RoomCx};
use wharf_data::AccountId;
use wharf_data::rooms::Request;
use wharf_data::service::Call;
use wharf_wire::{Packet, Violation};

/// How much later it is told at the most: what lists show is as old as that.
const SOON: Duration = Duration::from_secs(1);
/// People who come or go within that; of more it is not told where they are.
const MOVES_MAX: usize = 4_096;

/// What the services were told last. However many come and go, they are told once a second.
#[derive(Debug)]
pub(crate) struct Counting {
    /// Whether there are services that make lists.
    is_on: bool,
    told: u32,
    /// Who has come or gone since then, and whether they are here now.
    moves: BTreeMap<AccountId, bool>,
    /// Whether a timer runs.
    is_waking: bool,
}

impl Counting {
    pub(crate) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            told: 0,
            moves: BTreeMap::new(),
            is_waking: false,
        }
    }

    /// Somebody comes, or goes.
    pub(crate) fn on_move(&mut self, cx: &mut RoomCx<'_>, who: MemberId, is_here: bool) {
        if !self.is_on {
            return;
        }
        if let Some(user) = cx.user(who) {
            self.note(AccountId::new(user.id.get()), is_here);
        }
        self.wake(cx);
    }

    /// Of whoever is told about, the last is what holds, however many others there are.
    fn note(&mut self, who: AccountId, is_here: bool) {
        if self.moves.len() < MOVES_MAX || self.moves.contains_key(&who) {
            self.moves.insert(who, is_here);
        }
    }

    fn wake(&mut self, cx: &mut RoomCx<'_>) {
        if !self.is_waking {
            self.is_waking = cx.after(SOON, &Wake).is_ok();
        }
    }

    /// The timer has rung.
    pub(crate) fn on_timer(&mut self, cx: &mut RoomCx<'_>) {
        self.is_waking = false;
        let (number, members) = (cx.room().number(), cx.count());
        if members == self.told && self.moves.is_empty() {
            return;
        }
        let by = AccountId::new(0);
        let request = Request::Count {
            number,
            members,
            moves: self.moves.iter().map(|(who, is)| (*who, *is)).collect(),
        };
        match cx.query(Call::Rooms { by, request }, 0) {
            Ok(()) => {
                self.told = members;
                self.moves.clear();
            }
            Err(_) => self.wake(cx),
        }
    }
}

/// Rings when there may be something to tell. Never on a wire: its id is reserved there.
struct Wake;

impl Packet for Wake {
    const ID: u16 = 1003;

    fn decode(_: &[u8]) -> Result<Self, Violation> {
        Ok(Self)
    }

    fn encode(&self, _: &mut Vec<u8>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_among_as_many_as_are_told_about_is_told_about_as_they_are() {
        let mut counting = Counting::new(true);
        let most = MOVES_MAX as i64;
        for who in 0..=most {
            counting.note(AccountId::new(who), true);
        }
        counting.note(AccountId::new(3), false);
        assert_eq!(counting.moves.len(), MOVES_MAX);
        assert!(!counting.moves[&AccountId::new(3)]);
        assert!(!counting.moves.contains_key(&AccountId::new(most)));
    }
}
