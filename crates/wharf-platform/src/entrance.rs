//! Who may come in when there are more than places: those who wait stand in a queue, and are told
//! their place in it.

use crate::SessionTag;
use crate::places::Places;
use std::collections::BTreeMap;
use wharf_base::{Duration, Instant};

/// How often somebody is told their place at the most.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// By how much one step counts in how fast the queue moves.
const PACE_SHARE: u32 = 8;

/// The entrance, as a state machine.
///
/// Somebody asks to come in; who has to wait is told their place when they begin to, and again
/// when it has changed, by [`handle_timeout`](Self::handle_timeout) at
/// [`next_deadline`](Self::next_deadline): nothing is due while nothing changes. Whenever a place
/// may be free, [`next_in`](Self::next_in) says who has it now, in the order in which they came.
///
/// Invariant: whoever is in `insiders` has a place of `places`, whoever is in `queue` waits for
/// one, nobody is in both.
#[derive(Debug)]
pub(crate) struct Entrance {
    places: Places,
    queue_max: usize,
    insiders: BTreeMap<SessionTag, Insider>,
    /// By the order in which they came.
    queue: BTreeMap<u64, Waiting>,
    orders: BTreeMap<SessionTag, u64>,
    last_order: u64,
    /// When places in the queue were told last.
    told_at: Option<Instant>,
    has_moved: bool,
    /// When somebody left the queue last to come in, and how long that took lately.
    moved_at: Option<Instant>,
    pace: Duration,
}

/// A session that has a place.
#[derive(Debug, Default)]
struct Insider {
    /// Logins that are being looked at.
    trying: u32,
    is_in: bool,
}

#[derive(Debug)]
struct Waiting {
    session: SessionTag,
    /// What it was told last, and when.
    told: u32,
    told_at: Instant,
}

/// What becomes of somebody who asks to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// They have a place; [`Entrance::tried`] says whether they keep it.
    Free,
    /// They wait, behind so many.
    Queued(Spot),
    /// They wait already.
    Waits,
    /// There is no place, not even in the queue.
    Full,
}

/// Where somebody stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// How many are before them.
    pub(crate) before: u32,
    /// About how long that takes, as far as that can be told.
    pub(crate) wait: Option<Duration>,
}

impl Entrance {
    pub(crate) fn new(places: Places, queue_max: usize) -> Self {
        Self {
            places,
            queue_max,
            insiders: BTreeMap::new(),
            queue: BTreeMap::new(),
            orders: BTreeMap::new(),
            last_order: 0,
            told_at: None,
            has_moved: false,
            moved_at: None,
            pace: Duration::ZERO,
        }
    }

    /// A session asks to come in; with `may_wait` it can be told its place.
    pub(crate) fn ask(&mut self, now: Instant, session: SessionTag, may_wait: bool) -> Entry {
        if let Some(insider) = self.insiders.get_mut(&session) {
            insider.trying += 1;
            return Entry::Free;
        }
        if self.orders.contains_key(&session) {
            return Entry::Waits;
        }
        if self.places.try_take() {
            self.let_in(session);
            return Entry::Free;
        }
        if !may_wait || self.queue.len() >= self.queue_max {
            return Entry::Full;
        }
        let before = self.queue.len() as u32;
        self.last_order += 1;
        self.places.begin_wait();
        let waiting = Waiting {
            session,
            told: before,
            told_at: now,
        };
        self.queue.insert(self.last_order, waiting);
        self.orders.insert(session, self.last_order);
        Entry::Queued(self.spot(before))
    }

    /// A try of a session that had a place has ended: it keeps the place if it is in now, or
    /// tries again already.
    pub(crate) fn tried(&mut self, session: SessionTag, is_in: bool) {
        let Some(insider) = self.insiders.get_mut(&session) else {
            return;
        };
        insider.trying = insider.trying.saturating_sub(1);
        insider.is_in |= is_in;
        if !insider.is_in && insider.trying == 0 {
            self.insiders.remove(&session);
            self.places.give_back();
        }
    }

    /// A session is over. Whether it waited.
    pub(crate) fn leave(&mut self, session: SessionTag) -> bool {
        if self.insiders.remove(&session).is_some() {
            self.places.give_back();
        }
        let Some(order) = self.orders.remove(&session) else {
            return false;
        };
        self.queue.remove(&order);
        self.places.end_wait();
        self.has_moved = true;
        true
    }

    /// Who has a place now that they have waited for.
    pub(crate) fn next_in(&mut self, now: Instant) -> Option<SessionTag> {
        if self.queue.is_empty() || !self.places.try_take_waiting() {
            return None;
        }
        let (_, Waiting { session, .. }) = self.queue.pop_first().expect("looked at above");
        self.orders.remove(&session);
        self.let_in(session);
        self.has_moved = true;
        if let Some(before) = self.moved_at {
            let step = now.saturating_since(before);
            self.pace = match self.pace.is_zero() {
                true => step,
                false => (self.pace * (PACE_SHARE - 1) + step) / PACE_SHARE,
            };
        }
        // An empty queue says nothing of how long the next has to wait.
        self.moved_at = (!self.queue.is_empty()).then_some(now);
        Some(session)
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// How many may.
    pub(crate) fn queue_max(&self) -> usize {
        self.queue_max
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let is_due = self.has_moved && !self.queue.is_empty();
        is_due.then(|| self.told_at.map_or(Instant::ZERO, |at| at + TOLD_EVERY))
    }

    /// Time has passed: who stands elsewhere than they were told, and where.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<(SessionTag, Spot)> {
        if self.next_deadline().is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.told_at = Some(now);
        self.has_moved = false;
        let mut moved = Vec::new();
        for (before, waiting) in (0..).zip(self.queue.values_mut()) {
            if waiting.told == before {
                continue;
            }
            if waiting.told_at + TOLD_EVERY > now {
                // The next time.
                self.has_moved = true;
                continue;
            }
            (waiting.told, waiting.told_at) = (before, now);
            moved.push((waiting.session, before));
        }
        let with_spot = |(session, before)| (session, self.spot(before));
        moved.into_iter().map(with_spot).collect()
    }

    fn let_in(&mut self, session: SessionTag) {
        let insider = Insider {
            trying: 1,
            is_in: false,
        };
        self.insiders.insert(session, insider);
    }

    fn spot(&self, before: u32) -> Spot {
        let wait = self.pace.checked_mul(before.saturating_add(1));
        Spot {
            before,
            wait: wait.filter(|wait| !wait.is_zero()),
        }
    }
}

/// Whoever had a place or waited has not any more, as when the platform begins anew.
impl Drop for Entrance {
    fn drop(&mut self) {
        for _ in &self.insiders {
            self.places.give_back();
        }
        for _ in &self.queue {
            self.places.end_wait();
        }
    }
}

#[cfg(test)]
mod tests;
