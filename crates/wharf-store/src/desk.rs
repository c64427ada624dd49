//! What the store's threads share: requests that wait, and who is owed an answer.

use crate::store::{Clock, StoreOptions, StoreStats, Tag};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use wharf_base::Instant;
use wharf_data::{Ask, Refusal};

/// Which request, in the order in which they were asked.
pub(crate) type Number = u64;

/// A request on its way.
pub(crate) struct Waiting {
    pub(crate) number: Number,
    pub(crate) ask: Ask,
}

/// The desk: requests come in here and are fetched from here.
///
/// Invariant: a request is in `owed` from when it was taken in until its one answer, and whoever
/// takes it out of there gives the answer.
pub(crate) struct Desk {
    pub(crate) options: StoreOptions,
    clock: Clock,
    state: Mutex<State>,
    writes_wait: Condvar,
    reads_wait: Condvar,
    deadline_moved: Condvar,
}

#[derive(Default)]
struct State {
    last: Number,
    writes: VecDeque<Waiting>,
    reads: VecDeque<Waiting>,
    /// Threads that sleep until there is something to write, and to read: waking nobody would cost
    /// a system call too.
    writers_asleep: u32,
    readers_asleep: u32,
    owed: BTreeMap<Number, Owed>,
    deadlines: BTreeSet<(Instant, Number)>,
    /// When the watcher looks by itself; `None` if it waits to be told.
    watched: Option<Instant>,
    health: Health,
    /// Since when.
    health_since: Instant,
    /// Since when somebody wants to know whether the database answers, and whether the writer has
    /// still to look.
    probed: Option<Instant>,
    is_probe_wanted: bool,
    /// Whether it was said of the database at hand that it is damaged.
    is_damage_told: bool,
    is_over: bool,
    is_watch_over: bool,
    stats: StoreStats,
}

/// Who waits for an answer.
struct Owed {
    tag: Tag,
    asked: Instant,
    deadline: Instant,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Health {
    /// No connection was tried yet: requests wait.
    #[default]
    Starting,
    Up,
    /// The connection is lost: requests are refused.
    Down,
}

impl Desk {
    pub(crate) fn new(options: StoreOptions, clock: Clock) -> Self {
        let state = State {
            health_since: clock(),
            ..State::default()
        };
        Self {
            options,
            clock,
            state: Mutex::new(state),
            writes_wait: Condvar::new(),
            reads_wait: Condvar::new(),
            deadline_moved: Condvar::new(),
        }
    }

    /// Takes a request in, to be answered by `deadline`, or within the usual time.
    pub(crate) fn ask(&self, tag: Tag, ask: Ask, deadline: Option<Instant>) -> Result<(), Refusal> {
        let asked = (self.clock)();
        let deadline = deadline.unwrap_or(asked + self.options.answer);
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.health == Health::Down || state.is_over {
            state.stats.refused_lost += 1;
            return Err(Refusal::Unavailable);
        }
        if state.owed.len() >= self.options.queue_max {
            state.stats.refused_busy += 1;
            return Err(Refusal::Busy {
                retry_after_ms: 1_000,
            });
        }
        state.stats.asked += 1;
        state.last += 1;
        let number = state.last;
        let owed = Owed {
            tag,
            asked,
            deadline,
        };
        state.owed.insert(number, owed);
        state.deadlines.insert((deadline, number));
        let is_sooner = state.watched.is_none_or(|watched| deadline < watched);
        let is_read = self.options.readers > 0 && ask.only_reads();
        let waiting = Waiting { number, ask };
        match is_read {
            true => state.reads.push_back(waiting),
            false => state.writes.push_back(waiting),
        }
        let (readers, writers) = (state.readers_asleep, state.writers_asleep);
        drop(guard);
        match is_read {
            true if readers > 0 => self.reads_wait.notify_one(),
            false if writers > 0 => self.writes_wait.notify_one(),
            _ => {}
        }
        if is_sooner {
            self.deadline_moved.notify_one();
        }
        Ok(())
    }

    /// Waits for writes; the oldest of them, as many as go into one transaction: none if only
    /// somebody wants to know whether the database answers. `None` when it is over and all was
    /// done.
    pub(crate) fn take_writes(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        loop {
            if !state.writes.is_empty() {
                let count = state.writes.len().min(self.options.group_max);
                return Some(state.writes.drain(..count).collect());
            }
            if state.is_over {
                return None;
            }
            if core::mem::take(&mut state.is_probe_wanted) {
                return Some(Vec::new());
            }
            state.writers_asleep += 1;
            state = wait(&self.writes_wait, state);
            state.writers_asleep -= 1;
        }
    }

    /// Waits for a read that can be done: the tables are there from the first connection on.
    /// `None` when it is over.
    pub(crate) fn take_read(&self) -> Option<Waiting> {
        let mut state = self.lock();
        loop {
            if state.health == Health::Up
                && let Some(waiting) = state.reads.pop_front()
            {
                return Some(waiting);
            }
            // At the end the writer may still be about to connect; it refuses what is left.
            if state.is_over && (state.reads.is_empty() || state.health == Health::Down) {
                return None;
            }
            state.readers_asleep += 1;
            state = wait(&self.reads_wait, state);
            state.readers_asleep -= 1;
        }
    }

    /// Takes requests out of what is owed, each with whether the database has answered it: who
    /// gets an answer now, in the same order.
    pub(crate) fn settle(&self, numbers: impl Iterator<Item = (Number, bool)>) -> Vec<Option<Tag>> {
        let now = (self.clock)();
        let mut state = self.lock();
        let settled = numbers.map(|(number, is_answered)| {
            let owed = state.settle(number)?;
            match is_answered {
                true => {
                    state.stats.answered += 1;
                    state.stats.answer_times.record(now - owed.asked);
                }
                false => state.stats.failed += 1,
            }
            Some(owed.tag)
        });
        settled.collect()
    }

    /// Somebody wants to know whether the database answers.
    pub(crate) fn probe(&self) {
        let now = (self.clock)();
        let mut state = self.lock();
        state.probed.get_or_insert(now);
        state.is_probe_wanted = true;
        drop(state);
        self.writes_wait.notify_one();
    }

    /// The writer has a connection.
    pub(crate) fn set_up(&self) {
        let now = (self.clock)();
        let mut state = self.lock();
        state.set_health(Health::Up, now);
        state.has_shown_life(now, self.options.answer);
        state.is_damage_told = false;
        state.stats.connections += 1;
        drop(state);
        self.reads_wait.notify_all();
    }

    /// The writer has none: who waits is refused, and who asks from now on.
    #[must_use = "these get their answer now"]
    pub(crate) fn set_down(&self) -> Vec<Tag> {
        let now = (self.clock)();
        let mut guard = self.lock();
        let state = &mut *guard;
        state.set_health(Health::Down, now);
        let waiting: Vec<Number> = state
            .writes
            .drain(..)
            .chain(state.reads.drain(..))
            .map(|waiting| waiting.number)
            .collect();
        let refused: Vec<Tag> = waiting
            .into_iter()
            .filter_map(|number| Some(state.settle(number)?.tag))
            .collect();
        state.stats.refused_lost += refused.len() as u64;
        drop(guard);
        self.reads_wait.notify_all();
        refused
    }

    /// The database is damaged; whether that is news since the writer has connected to it.
    pub(crate) fn is_news_of_damage(&self) -> bool {
        !core::mem::replace(&mut self.lock().is_damage_told, true)
    }

    /// Waits a while, or until it is over. Whether it is.
    pub(crate) fn rest(&self, time: Duration) -> bool {
        let state = self.lock();
        let waited = self
            .writes_wait
            .wait_timeout_while(state, time, |state| !state.is_over);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_over
    }

    /// Those whose deadline has come. Waits until the next one otherwise; `None` when the watch is
    /// over.
    pub(crate) fn take_expired(&self) -> Option<Vec<Tag>> {
        let mut guard = self.lock();
        loop {
            let state = &mut *guard;
            let now = (self.clock)();
            let expired = state.expire(now);
            if !expired.is_empty() {
                return Some(expired);
            }
            if state.is_watch_over {
                return None;
            }
            state.watched = state.deadlines.first().map(|(deadline, _)| *deadline);
            guard = match state.watched {
                None => wait(&self.deadline_moved, guard),
                Some(next) => {
                    let waited = self.deadline_moved.wait_timeout(guard, next - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// What was counted, with what is counted here.
    pub(crate) fn stats(&self) -> StoreStats {
        let now = (self.clock)();
        let state = self.lock();
        let silent = state.probed.map(|probed| now - probed);
        let silent = silent.filter(|silent| *silent >= self.options.answer);
        let is_connected = state.health == Health::Up;
        StoreStats {
            waiting: state.owed.len(),
            waiting_max: self.options.queue_max,
            is_connected,
            is_answering: is_connected && silent.is_none(),
            steady_for: match silent {
                Some(silent) if is_connected => silent,
                _ => now - state.health_since,
            },
            ..state.stats.clone()
        }
    }

    /// The writer has done so many requests in one transaction, which shows that there is somebody
    /// to do them.
    pub(crate) fn count_group(&self, requests: usize, count: impl FnOnce(&mut StoreStats)) {
        let now = (self.clock)();
        let mut state = self.lock();
        state.has_shown_life(now, self.options.answer);
        let stats = &mut state.stats;
        if requests > 0 {
            stats.groups += 1;
            stats.grouped += requests as u64;
            stats.group_largest = stats.group_largest.max(requests);
            count(stats);
        }
    }

    /// A connection that only reads has answered a request.
    pub(crate) fn count_read(&self) {
        self.lock().stats.reads += 1;
    }

    /// No more requests come; what waits is done.
    pub(crate) fn end(&self) {
        self.lock().is_over = true;
        self.writes_wait.notify_all();
        self.reads_wait.notify_all();
    }

    pub(crate) fn end_watch(&self) {
        self.lock().is_watch_over = true;
        self.deadline_moved.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn settle(&mut self, number: Number) -> Option<Owed> {
        let owed = self.owed.remove(&number)?;
        self.deadlines.remove(&(owed.deadline, number));
        Some(owed)
    }

    fn set_health(&mut self, health: Health, now: Instant) {
        if self.health != health {
            self.health = health;
            self.health_since = now;
        }
    }

    /// The database has just answered; if it was silent for longer than that, it is well only now.
    fn has_shown_life(&mut self, now: Instant, patience: Duration) {
        let probed = self.probed.take();
        if probed.is_some_and(|probed| now - probed >= patience) {
            self.health_since = now;
        }
        self.is_probe_wanted = false;
    }

    fn expire(&mut self, now: Instant) -> Vec<Tag> {
        let mut expired = Vec::new();
        while let Some(&(deadline, number)) = self.deadlines.first()
            && deadline <= now
        {
            expired.extend(self.settle(number).map(|owed| owed.tag));
        }
        if !expired.is_empty() {
            self.stats.expired += expired.len() as u64;
            // What nobody waits for is not done any more, if it was not begun.
            self.writes
                .retain(|waiting| self.owed.contains_key(&waiting.number));
            self.reads
                .retain(|waiting| self.owed.contains_key(&waiting.number));
        }
        expired
    }
}

fn wait<'a>(condvar: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condvar.wait(state).unwrap_or_else(PoisonError::into_inner)
}
