//! What rooms remember that are closed and may be opened again: by which numbers of their authors
//! what was said is known. It is put by when nobody is inside, and taken again by the next opening,
//! whichever place and thread that has.

use super::memory::{KNOWN, Remembered};
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wharf_base::Instant;
use wharf_data::RoomId;

/// Rooms of which something is put by. Beyond it the one that was left first is forgotten.
const ROOMS_MAX: usize = 4_096;
/// Messages that are known of all of them: as many as of one room that is full of them. Beyond it
/// the same.
const MESSAGES_MAX: usize = super::memory::MESSAGES_MAX;

/// What is put by, for all rooms of a server. Held for as long as it takes to move one room's: what
/// comes together is put together, and what is forgotten is dropped, when nobody waits for it.
#[derive(Clone, Default)]
pub(crate) struct PutBy(Arc<Shared>);

#[derive(Default)]
struct Shared {
    shelf: Mutex<Shelf>,
    /// How often something was put by.
    puts: AtomicU64,
}

/// How much of what was put by an opening has looked at.
#[derive(Default)]
pub(super) struct Looked(u64);

/// Invariant: `order` has each of `rooms` once, by when it was left; `messages` is the sum of all.
#[derive(Default)]
struct Shelf {
    rooms: BTreeMap<RoomId, Left>,
    order: BTreeSet<(Instant, RoomId)>,
    messages: usize,
}

/// A room in which nobody is.
struct Left {
    since: Instant,
    said: Remembered,
    messages: usize,
}

impl PutBy {
    /// Nobody is in a room any more, in one of its openings: another may have put something by
    /// before, though it began later.
    pub(super) fn put(&self, room: RoomId, mut said: Remembered, now: Instant) {
        if !said.is_known_at(now) {
            return;
        }
        let forgotten = loop {
            let left = Left {
                since: now,
                messages: said.len(),
                said,
            };
            let mut shelf = self.shelf();
            let Some(before) = shelf.take(room) else {
                break shelf.put(room, left);
            };
            drop(shelf);
            said = left.said;
            said.merge(before.said, now);
        };
        self.0.puts.fetch_add(1, Ordering::Release);
        drop(forgotten);
    }

    /// What was put by of a room since an opening of it has looked.
    pub(super) fn take(&self, room: RoomId, looked: &mut Looked) -> Remembered {
        let puts = self.0.puts.load(Ordering::Acquire);
        if core::mem::replace(&mut looked.0, puts) == puts {
            return Remembered::default();
        }
        let left = self.shelf().take(room);
        left.map(|left| left.said).unwrap_or_default()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Those that are forgotten for it: what nobody needs any more, and what was left first where
    /// there is no room.
    fn put(&mut self, room: RoomId, left: Left) -> Vec<Left> {
        let now = left.since;
        let mut forgotten = Vec::new();
        while let Some((since, _)) = self.order.first()
            && *since + KNOWN <= now
        {
            forgotten.extend(self.take_first());
        }
        self.messages += left.messages;
        self.order.insert((now, room));
        self.rooms.insert(room, left);
        while self.messages > MESSAGES_MAX || self.rooms.len() > ROOMS_MAX {
            forgotten.extend(self.take_first());
        }
        forgotten
    }

    fn take(&mut self, room: RoomId) -> Option<Left> {
        let left = self.rooms.remove(&room)?;
        self.order.remove(&(left.since, room));
        self.messages -= left.messages;
        Some(left)
    }

    fn take_first(&mut self) -> Option<Left> {
        let (_, room) = *self.order.first()?;
        self.take(room)
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

    /// What an opening finds that has not looked yet.
    fn take(shelf: &PutBy, room: RoomId) -> Remembered {
        shelf.take(room, &mut Looked::default())
    }

    #[test]
    fn what_two_openings_of_a_room_put_by_is_known_together_in_whatever_order_they_end() {
        let (tent, kim) = (RoomId::new(7), AccountId::new(1));
        let later = Instant::ZERO + Duration::from_millis(1);
        for is_first_first in [true, false] {
            let shelf = PutBy::default();
            let (mut first, mut second) = (Remembered::default(), Remembered::default());
            first.add(kim, 11, 1, Instant::ZERO);
            second.add(kim, 12, 2, later);
            let all = match is_first_first {
                true => [first, second],
                false => [second, first],
            };
            for said in all {
                shelf.put(tent, said, later);
            }
            let said = take(&shelf, tent);
            let known = [11, 12].map(|id| said.find(kim, id, later));
            assert_eq!(
                known,
                [Some(1), Some(2)],
                "the first first: {is_first_first}"
            );
        }
    }

    #[test]
    fn an_opening_finds_what_an_earlier_one_puts_by_behind_its_beginning() {
        let (shelf, tent, mut looked) = (PutBy::default(), RoomId::new(7), Looked::default());
        assert_eq!(shelf.take(tent, &mut looked).len(), 0);
        shelf.put(tent, said(1, Instant::ZERO), Instant::ZERO);
        assert_eq!(shelf.take(tent, &mut looked).len(), 128);
        assert_eq!(shelf.take(tent, &mut looked).len(), 0);
    }

    #[test]
    fn a_room_gets_its_own_back_and_once() {
        let shelf = PutBy::default();
        let (tent, cave) = (RoomId::new(7), RoomId::new(8));
        shelf.put(tent, said(1, Instant::ZERO), Instant::ZERO);
        shelf.put(cave, Remembered::default(), Instant::ZERO);
        assert_eq!(take(&shelf, cave).len(), 0);
        assert_eq!(take(&shelf, tent).len(), 128);
        assert_eq!(take(&shelf, tent).len(), 0);
    }

    #[test]
    fn what_is_put_by_is_bounded_and_the_room_that_was_left_first_goes() {
        let shelf = PutBy::default();
        let after = |ms| Instant::ZERO + Duration::from_millis(ms);
        for room in 1..=5 {
            let now = after(room as u64);
            shelf.put(RoomId::new(room), said(1_024, now), now);
        }
        let left = |room| take(&shelf, RoomId::new(room)).len();
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
