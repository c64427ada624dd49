//! What rooms remember that are closed and may be opened again: by which numbers of their authors
//! what was said is known. It is put by when nobody is inside, and taken again by the next opening,
//! whichever place and thread that has.

use super::memory::{KNOWN, Remembered};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wharf_base::Instant;
use wharf_data::RoomId;

/// Rooms of which something is put by. Beyond it the one that was left first is forgotten.
const ROOMS_MAX: usize = 4_096;
/// Messages that are known of all of them: as many as of one room that is full of them. Beyond it
/// the same.
const MESSAGES_MAX: usize = super::memory::MESSAGES_MAX;

/// What is put by, for all rooms of a server. Held for as long as it takes to move one room's.
#[derive(Clone, Default)]
pub(crate) struct PutBy(Arc<Mutex<Shelf>>);

/// Invariant: `order` has each of `rooms` once, by when it was left; `messages` is the sum of all.
#[derive(Default)]
struct Shelf {
    rooms: BTreeMap<RoomId, Left>,
    order: BTreeSet<(Instant, RoomId)>,
    messages: usize,
}

/// A room in which nobody is.
#[derive(Default)]
struct Left {
    since: Instant,
    said: Remembered,
    messages: usize,
}

impl PutBy {
    /// Nobody is in a room any more.
    pub(super) fn put(&self, room: RoomId, said: Remembered, now: Instant) {
        if !said.is_known_at(now) {
            return;
        }
        let messages = said.len();
        let mut shelf = self.shelf();
        shelf.take(room);
        shelf.forget_before(now);
        shelf.messages += messages;
        shelf.order.insert((now, room));
        let left = Left {
            since: now,
            said,
            messages,
        };
        shelf.rooms.insert(room, left);
        while shelf.messages > MESSAGES_MAX || shelf.rooms.len() > ROOMS_MAX {
            shelf.forget_first();
        }
    }

    /// Somebody is in it again.
    pub(super) fn take(&self, room: RoomId) -> Remembered {
        self.shelf().take(room)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn take(&mut self, room: RoomId) -> Remembered {
        let left = self.rooms.remove(&room).unwrap_or_default();
        self.order.remove(&(left.since, room));
        self.messages -= left.messages;
        left.said
    }

    /// Forgets rooms that were left so long ago that nothing of them is known.
    fn forget_before(&mut self, now: Instant) {
        while let Some((since, _)) = self.order.first()
            && *since + KNOWN <= now
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(&(_, room)) = self.order.first() {
            self.take(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use wharf_data::AccountId;

    /// As much as one room may remember, of so many authors.
    fn said(authors: i64, now: Instant) -> Remembered {
        let mut said = Remembered::default();
        for author in 1..=authors {
            for id in 1..=128 {
                said.add(AccountId::new(author), id, 1, now);
            }
        }
        said
    }

    #[test]
    fn a_room_gets_its_own_back_and_once() {
        let shelf = PutBy::default();
        let (tent, cave) = (RoomId::new(7), RoomId::new(8));
        shelf.put(tent, said(1, Instant::ZERO), Instant::ZERO);
        shelf.put(cave, Remembered::default(), Instant::ZERO);
        assert_eq!(shelf.take(cave).len(), 0);
        assert_eq!(shelf.take(tent).len(), 128);
        assert_eq!(shelf.take(tent).len(), 0);
    }

    #[test]
    fn what_is_put_by_is_bounded_and_the_room_that_was_left_first_goes() {
        let shelf = PutBy::default();
        let after = |ms| Instant::ZERO + Duration::from_millis(ms);
        for room in 1..=5 {
            let now = after(room as u64);
            shelf.put(RoomId::new(room), said(1_024, now), now);
        }
        let left = |room| shelf.take(RoomId::new(room)).len();
        assert_eq!(
            [1, 2, 3, 4, 5].map(left),
            [0, 1_024 * 128, 1_024 * 128, 1_024 * 128, 1_024 * 128]
        );
        let shelf = PutBy::default();
        for room in 0..5_000 {
            let now = after(room as u64);
            shelf.put(RoomId::new(room), said(1, now), now);
        }
        let count = || {
            let shelf = shelf.shelf();
            (shelf.rooms.len(), shelf.messages)
        };
        assert_eq!(count(), (4_096, 4_096 * 128));
        shelf.put(RoomId::new(1), said(1, after(400_000)), after(400_000));
        assert_eq!(count(), (1, 128), "what nobody needs is forgotten");
    }
}
