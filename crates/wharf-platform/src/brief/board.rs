//! What is written where others read it, and when: in batches, again before it is forgotten, and
//! taken away when it is so no more.

#[cfg(test)]
mod tests;

use super::{BriefOptions, BriefStats};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wharf_base::{Duration, Instant};
use wharf_data::short::{self, Found, Space};
use wharf_data::{AccountId, Answer, Ask, Reply, RoomId, UnixMs};

/// How many leavings of an earlier process are read at once.
const LEAVINGS: u32 = 1_000;

/// What kind of thing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shelf {
    People,
    Rooms,
}

/// One thing that is shown, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) shelf: Shelf,
    pub(crate) id: i64,
}

/// How it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) value: Vec<u8>,
    pub(crate) score: i64,
}

/// Things that are shown.
///
/// Invariant: what is in `shown` with a time is in `due` by it, and nothing else is; `order` and
/// `dirty` are the same, one by turn and one by key; what is dirty is shown, or was wanted when it
/// was last touched. So all of it is bounded by what is true and what is shown.
pub(crate) struct Board {
    options: BriefOptions,
    shown: BTreeMap<Key, Shown>,
    due: BTreeSet<(Instant, Key)>,
    /// What may be other than it is shown, and its turn.
    dirty: BTreeMap<Key, u64>,
    order: BTreeMap<u64, Key>,
    last_turn: u64,
    flush_at: Option<Instant>,
    /// What an earlier process has left is still to be read: of what, and from where on.
    leavings: VecDeque<(Shelf, u32)>,
    asked: BTreeMap<u64, Question>,
    last_number: u64,
    steps: VecDeque<(u64, Ask)>,
    /// Whether something of this batch has failed.
    has_failed: bool,
    /// Batches in a row in which something has.
    failures: u32,
    /// Until when nothing is tried for it.
    rests_until: Instant,
    stats: BriefStats,
}

/// Something that may lie in the store.
struct Shown {
    /// `None` if it is not known what lies there.
    item: Option<Item>,
    /// When it is to be written again; `None` if it is dirty anyway.
    due: Option<Instant>,
}

/// What the store was asked.
#[derive(Clone, Copy)]
enum Question {
    Write(Key),
    Leavings(Shelf, u32),
}

impl Board {
    pub(crate) fn new(options: BriefOptions) -> Self {
        Self {
            options,
            shown: BTreeMap::new(),
            due: BTreeSet::new(),
            dirty: BTreeMap::new(),
            order: BTreeMap::new(),
            last_turn: 0,
            flush_at: None,
            leavings: VecDeque::new(),
            asked: BTreeMap::new(),
            last_number: 0,
            steps: VecDeque::new(),
            has_failed: false,
            failures: 0,
            rests_until: Instant::ZERO,
            stats: BriefStats::default(),
        }
    }

    /// Reads what an earlier process of this node has left, to take it away.
    pub(crate) fn open(&mut self, now: Instant) {
        self.leavings = VecDeque::from([(Shelf::People, 0), (Shelf::Rooms, 0)]);
        self.flush_at = Some(now);
    }

    /// Something may be other than it is shown. What is neither wanted nor shown is not looked at
    /// again.
    pub(crate) fn touch(&mut self, now: Instant, key: Key, is_wanted: bool) {
        if !is_wanted && !self.shown.contains_key(&key) {
            if let Some(turn) = self.dirty.remove(&key) {
                self.order.remove(&turn);
            }
            return;
        }
        self.mark(key);
        self.flush_by(now + self.options.gather);
    }

    /// When [`Board::handle_timeout`] is to be called. While the store is at something, it is not.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let flush = self.flush_at.map(|flush| flush.max(self.rests_until));
        let flush = flush.filter(|_| self.asked.is_empty());
        let due = self.due.first().map(|(due, _)| *due);
        flush.into_iter().chain(due).min()
    }

    /// Time has passed: writes what is due. `want` knows what is to be shown.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        at: UnixMs,
        want: impl Fn(Key) -> Option<Item>,
    ) {
        if self.due.first().is_some_and(|(due, _)| *due <= now) {
            self.refresh(now);
        }
        let is_due = self.flush_at.is_some_and(|flush| flush <= now);
        if self.asked.is_empty() && is_due && self.rests_until <= now {
            self.flush(now, at, want);
        }
    }

    /// The store has done something, or not.
    pub(crate) fn stored(&mut self, now: Instant, number: u64, reply: &Reply) {
        let Some(question) = self.asked.remove(&number) else {
            return;
        };
        match (question, reply) {
            (Question::Write(_), Ok(_)) => self.stats.written += 1,
            (Question::Write(key), Err(_)) => {
                self.set_unknown(key);
                self.has_failed = true;
                self.stats.failed += 1;
            }
            (Question::Leavings(shelf, skip), Ok(Answer::Short(short::Answer::Top(found)))) => {
                self.found(shelf, skip, found);
            }
            (Question::Leavings(shelf, skip), _) => {
                self.leavings.push_back((shelf, skip));
                self.has_failed = true;
                self.stats.failed += 1;
            }
        }
        if self.asked.is_empty() {
            self.answered(now);
        }
    }

    /// Takes away all that is shown. Not where the store does not answer: then it ends by itself.
    pub(crate) fn close(&mut self) {
        if self.failures > 0 {
            return;
        }
        for key in core::mem::take(&mut self.shown).into_keys() {
            self.ask_to_delete(key);
        }
        self.due.clear();
        self.dirty.clear();
        self.order.clear();
        self.flush_at = None;
    }

    pub(crate) fn poll(&mut self) -> Option<(u64, Ask)> {
        self.steps.pop_front()
    }

    pub(crate) fn stats(&self) -> BriefStats {
        self.stats
    }

    fn flush(&mut self, now: Instant, at: UnixMs, want: impl Fn(Key) -> Option<Item>) {
        // One is enough to see whether the store is there again.
        let batch = match self.failures {
            0 => self.options.batch,
            _ => 1,
        };
        while self.asked.len() < batch
            && let Some((shelf, skip)) = self.leavings.pop_front()
        {
            self.ask_for_leavings(at, shelf, skip);
        }
        // What is taken away would move what is still to be read.
        let is_reading = !self.asked.is_empty();
        while !is_reading
            && self.asked.len() < batch
            && let Some((_, key)) = self.order.pop_first()
        {
            self.dirty.remove(&key);
            self.write(now, at, key, want(key));
        }
        self.flush_at = None;
        self.flush_the_rest(now);
    }

    /// Writes one thing, if it is not shown as it is.
    fn write(&mut self, now: Instant, at: UnixMs, key: Key, item: Option<Item>) {
        let before = self.shown.remove(&key);
        if let Some(due) = before.as_ref().and_then(|before| before.due) {
            self.due.remove(&(due, key));
        }
        let (item, before) = match (item, before) {
            (None, None) => return,
            (None, Some(_)) => return self.ask_to_delete(key),
            (Some(item), before) => (item, before),
        };
        let soon = now + self.slack();
        let fresh = before.filter(|before| before.due.is_some_and(|due| due > soon));
        let due = match fresh {
            Some(before) if before.item.as_ref() == Some(&item) => before.due,
            _ => {
                let put = short::Ask::Put {
                    space: key.shelf.space(),
                    key: self.text(key),
                    value: item.value.clone(),
                    score: item.score,
                    expires: at.saturating_add(self.options.life.as_millis() as i64),
                    only_new: false,
                    at,
                };
                self.ask(Question::Write(key), put);
                Some(now + self.options.refresh)
            }
        };
        self.due.extend(due.map(|due| (due, key)));
        let item = Some(item);
        self.shown.insert(key, Shown { item, due });
    }

    /// Has written again what will soon be forgotten, and what will be a little later.
    fn refresh(&mut self, now: Instant) {
        let soon = now + self.slack();
        while let Some(&(due, key)) = self.due.first()
            && due <= soon
        {
            self.due.pop_first();
            if let Some(shown) = self.shown.get_mut(&key) {
                shown.due = None;
            }
            self.mark(key);
        }
        self.flush_by(now);
    }

    /// What is due within this is written with what is due now.
    fn slack(&self) -> Duration {
        self.options.refresh / 8
    }

    /// What an earlier process has left: it is looked at as if this one had written it.
    fn found(&mut self, shelf: Shelf, skip: u32, found: &[Found]) {
        for found in found {
            let id = found.key.strip_prefix(&format!("{}:", self.options.node));
            let Some(id) = id.and_then(|id| id.parse().ok()) else {
                continue;
            };
            let key = Key { shelf, id };
            if !self.shown.contains_key(&key) {
                self.set_unknown(key);
            }
        }
        if found.len() as u32 >= LEAVINGS {
            self.leavings.push_back((shelf, skip + LEAVINGS));
        }
    }

    /// The store has answered all of a batch. If it failed, nothing that was ever written may be
    /// there any more: all of it is written anew once the store is there again.
    fn answered(&mut self, now: Instant) {
        if core::mem::take(&mut self.has_failed) {
            if self.failures == 0 {
                let all: Vec<Key> = self.shown.keys().copied().collect();
                all.into_iter().for_each(|key| self.set_unknown(key));
            }
            let doubled = self.options.gather * (2 << self.failures.min(16));
            self.rests_until = now + doubled.min(self.options.retry_max);
            self.failures = self.failures.saturating_add(1);
            self.flush_by(self.rests_until);
        } else if core::mem::take(&mut self.failures) > 0 {
            self.flush_by(now);
        }
        if !self.leavings.is_empty() {
            self.flush_by(now);
        }
        self.flush_the_rest(now);
    }

    fn flush_the_rest(&mut self, now: Instant) {
        if !self.order.is_empty() || !self.leavings.is_empty() {
            self.flush_by(now + self.options.gather);
        }
    }

    fn set_unknown(&mut self, key: Key) {
        if let Some(Shown { due: Some(due), .. }) = self.shown.get(&key) {
            self.due.remove(&(*due, key));
        }
        let unknown = Shown {
            item: None,
            due: None,
        };
        self.shown.insert(key, unknown);
        self.mark(key);
    }

    fn mark(&mut self, key: Key) {
        if !self.dirty.contains_key(&key) {
            self.last_turn += 1;
            self.dirty.insert(key, self.last_turn);
            self.order.insert(self.last_turn, key);
        }
    }

    fn flush_by(&mut self, by: Instant) {
        self.flush_at = Some(self.flush_at.map_or(by, |flush| flush.min(by)));
    }

    fn ask_for_leavings(&mut self, at: UnixMs, shelf: Shelf, skip: u32) {
        let top = short::Ask::Top {
            space: shelf.space(),
            skip,
            limit: LEAVINGS,
            at,
        };
        self.ask(Question::Leavings(shelf, skip), top);
    }

    fn ask_to_delete(&mut self, key: Key) {
        let delete = short::Ask::Delete {
            space: key.shelf.space(),
            key: self.text(key),
        };
        self.ask(Question::Write(key), delete);
    }

    fn ask(&mut self, question: Question, ask: short::Ask) {
        self.last_number += 1;
        self.asked.insert(self.last_number, question);
        self.steps.push_back((self.last_number, Ask::Short(ask)));
    }

    fn text(&self, key: Key) -> String {
        format!("{}:{}", self.options.node, key.id)
    }
}

impl Key {
    pub(crate) fn of_person(account: AccountId) -> Self {
        Self {
            shelf: Shelf::People,
            id: account.get(),
        }
    }

    pub(crate) fn of_room(room: RoomId) -> Self {
        Self {
            shelf: Shelf::Rooms,
            id: room.get(),
        }
    }
}

impl Shelf {
    fn space(self) -> Space {
        match self {
            Self::People => Space::Presence,
            Self::Rooms => Space::BusyRooms,
        }
    }
}
