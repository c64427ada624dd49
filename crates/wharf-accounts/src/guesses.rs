//! Those who guess, and how long they wait. Failures outlive the process, and all servers on a
//! store add them up: each is counted where things live for a short time, and memory takes in what
//! it has come to there; it is also read when somebody is seen for the first time, and where there
//! are other servers again and again.
//!
//! Memory decides, and takes the worse of both. A store that does not answer makes nothing milder.
//! It is asked, and not for long: one that is silent keeps nobody from logging in, it only has more
//! forgotten than it need be. But where other servers write there and it has less than before,
//! somebody was right at one of them (or it has lost what it had, which looks the same): they begin
//! anew here too.
//!
//! ```text
//!  Space::Rate   name:HASH      the name that was guessed at: 32 hexadecimal digits of its SHA-256
//!                account:ID     an account whose owner is logged in
//!                address:IP     an address; of IPv6 its link
//!                door:ACCOUNT:ROOM   a password of a room, and who guesses at it
//!    score    how many failures, whichever server counted them
//!    expires  so long after the last: with both, it is known until when nothing is tried
//! ```

#[cfg(test)]
mod tests;

use crate::throttle::{Past, Throttle, ThrottleLimits};
use crate::world::millis;
use std::collections::{BTreeMap, VecDeque};
use wharf_base::{Duration, Instant, Latest};
use wharf_data::short::{self, Space};
use wharf_data::{Ask, Refusal, Reply, UnixMs};

/// Questions that are under way at once. Beyond them memory alone decides.
const ASKED_MAX: usize = 1_024;
/// How long nobody waits for a store that was asked for nothing.
const PAUSE: Duration = Duration::from_secs(10);
/// How long what was read is as good as what is there, where other servers write too: so long
/// after somebody was right at one of them the others make them wait.
const FRESH: Duration = Duration::from_secs(1);
/// So many are remembered at least to have been asked about.
const SEEN_MIN: usize = 1_024;

/// Whose failures are counted, or at what.
pub trait Counted: Clone + Ord {
    /// What they are counted under.
    fn key(&self) -> String;
}

/// Whether it is known how often somebody failed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As far as it can be.
    Known,
    /// The store is asked already; whoever looks waits too.
    Waits,
    /// Nobody has asked yet.
    Unknown,
}

/// What comes of an answer.
#[derive(Debug)]
pub struct Told<W> {
    /// Who has waited for it.
    pub freed: Vec<W>,
    /// Whether the store could not say.
    pub is_unknown: bool,
}

/// Who has guessed wrong, here and at the store.
///
/// Before a guess: [`look`](Self::look), and [`ask`](Self::ask) where nobody has; then
/// [`wait`](Self::wait), and [`failed`](Self::failed). After it one of
/// [`was_right`](Self::was_right), [`count`](Self::count) and [`take_back`](Self::take_back). At
/// any time: [`forgive`](Self::forgive).
///
/// Invariant: who is in `waiting` is in `due`.
#[derive(Debug)]
pub struct Guesses<K, W> {
    throttle: Throttle<K>,
    limits: ThrottleLimits,
    /// How long somebody waits for the store; with nothing, nobody is asked about.
    patience: Duration,
    /// Whether nobody else writes there: then what it has said stays so.
    is_alone: bool,
    /// What the store has of somebody.
    seen: BTreeMap<K, Seen>,
    order: Latest<K>,
    questions: BTreeMap<u64, Question<K>>,
    waiting: BTreeMap<K, Vec<W>>,
    due: VecDeque<(Instant, K)>,
    /// Until when the store is taken to be silent.
    silent_until: Instant,
}

/// A question about somebody that is under way.
#[derive(Debug)]
struct Question<K> {
    about: K,
    /// Whether it counts one more failure.
    counts: bool,
    /// They have been right since: what was there before counts no more.
    is_stale: bool,
    /// Nothing else was asked about them meanwhile: of two answers the later may be the older.
    is_sole: bool,
}

/// What the store has said of somebody.
#[derive(Debug, Default)]
struct Seen {
    /// When.
    at: Instant,
    /// So many failures.
    count: u32,
    /// Whether there may be something of them in it.
    is_written: bool,
}

impl<K: Counted, W: PartialEq> Guesses<K, W> {
    /// Nobody has failed yet, and nobody was seen.
    pub fn new(limits: ThrottleLimits, patience: Duration, is_alone: bool) -> Self {
        Self {
            throttle: Throttle::new(limits),
            limits,
            patience,
            is_alone,
            seen: BTreeMap::new(),
            order: Latest::new(limits.entries_max.max(SEEN_MIN)),
            questions: BTreeMap::new(),
            waiting: BTreeMap::new(),
            due: VecDeque::new(),
            silent_until: Instant::ZERO,
        }
    }

    /// How long somebody has still to wait; nothing for most.
    pub fn wait(&self, key: &K, now: Instant) -> Duration {
        self.throttle.wait(key, now)
    }

    /// Notes that somebody was wrong, or may turn out to be.
    pub fn failed(&mut self, key: K, now: Instant) {
        let evicted = self.throttle.failed(key, now);
        self.forget(evicted);
    }

    /// It was no failure: whatever delay came of it is over.
    pub fn take_back(&mut self, key: &K, now: Instant) {
        self.throttle.take_back(key, now);
    }

    /// Whether `waiter` has to wait for what the store says of somebody, or to ask it.
    pub fn look(&mut self, now: Instant, key: &K, waiter: W) -> Look {
        if let Some(waiting) = self.waiting.get_mut(key) {
            if !waiting.contains(&waiter) {
                waiting.push(waiter);
            }
            return Look::Waits;
        }
        let is_silent = self.patience.is_zero() || now < self.silent_until;
        let seen = self.seen.get(key);
        let is_known = seen.is_some_and(|seen| self.is_alone || now < seen.at + FRESH);
        match is_silent || is_known || self.questions.len() >= ASKED_MAX {
            true => Look::Known,
            false => Look::Unknown,
        }
    }

    /// Asks the store about somebody, for `waiter`. The answer comes with `tag`.
    pub fn ask(&mut self, (now, at): (Instant, UnixMs), about: K, waiter: W, tag: u64) -> Ask {
        let (space, key) = (Space::Rate, about.key());
        self.waiting.insert(about.clone(), vec![waiter]);
        self.due.push_back((now + self.patience, about.clone()));
        self.note_question(about, false, tag);
        Ask::Short(short::Ask::Get { space, key, at })
    }

    /// Has the store count one more failure of somebody, where there is one.
    pub fn count(&mut self, at: UnixMs, about: K, tag: u64) -> Option<Ask> {
        if self.patience.is_zero() || self.questions.len() >= ASKED_MAX {
            return None;
        }
        let count = short::Ask::Count {
            key: about.key(),
            window_ms: u32::try_from(millis(self.limits.forget)).unwrap_or(u32::MAX),
            since_last: true,
            at,
        };
        if let Some(seen) = self.seen.get_mut(&about) {
            seen.is_written = true;
        }
        self.note_question(about, true, tag);
        Some(Ask::Short(count))
    }

    /// Somebody was right: they begin anew. What is to be taken away of them from the store, unless
    /// it is known that there is nothing.
    pub fn was_right(&mut self, key: &K) -> Option<Ask> {
        let is_written = self.seen.get(key).is_none_or(|seen| seen.is_written);
        self.forgive(key).filter(|_| is_written)
    }

    /// Somebody begins anew, whatever was known of them: what was asked before, and is not answered
    /// yet, counts no more. What is to be taken away of them from the store, where there is one:
    /// another server may have counted since.
    pub fn forgive(&mut self, key: &K) -> Option<Ask> {
        self.throttle.succeeded(key);
        if self.patience.is_zero() {
            return None;
        }
        let questions = self.questions.values_mut();
        questions
            .filter(|question| question.about == *key)
            .for_each(|question| question.is_stale = true);
        if let Some(seen) = self.seen.get_mut(key) {
            (seen.count, seen.is_written) = (0, false);
        }
        let (space, key) = (Space::Rate, key.key());
        Some(Ask::Short(short::Ask::Delete { space, key }))
    }

    /// The store has answered what was asked with `tag`, in time or later; `None` if that was about
    /// nobody.
    pub fn stored(
        &mut self,
        (now, at): (Instant, UnixMs),
        tag: u64,
        reply: &Reply,
    ) -> Option<Told<W>> {
        let question = self.questions.remove(&tag)?;
        let said = match Said::of(reply, &self.limits, at) {
            Said::Past(_) if question.is_stale => Said::Nothing,
            said => said,
        };
        let is_unknown = matches!(said, Said::Unknown);
        match said {
            // Another server's failures since are read when it is asked again.
            _ if question.is_stale && question.counts => {}
            Said::Unknown if question.counts => {}
            Said::Unknown => self.silent_until = now + PAUSE,
            Said::Nothing => self.take_in(now, &question, None),
            Said::Past(past) => self.take_in(now, &question, Some(past)),
        }
        let freed = match question.counts {
            true => Vec::new(),
            false => self.waiting.remove(&question.about).unwrap_or_default(),
        };
        self.drop_answered();
        Some(Told { freed, is_unknown })
    }

    /// When somebody has waited long enough.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// Those who have waited long enough. Then nobody waits for a while.
    pub fn expire(&mut self, now: Instant) -> Vec<W> {
        let mut freed = Vec::new();
        while let Some((due, key)) = self.due.front()
            && *due <= now
        {
            self.silent_until = now + PAUSE;
            freed.extend(self.waiting.remove(key).unwrap_or_default());
            self.due.pop_front();
        }
        self.drop_answered();
        freed
    }

    fn note_question(&mut self, about: K, counts: bool, tag: u64) {
        let mut is_sole = true;
        for other in self.questions.values_mut().filter(|it| it.about == about) {
            (other.is_sole, is_sole) = (false, false);
        }
        let question = Question {
            about,
            counts,
            is_stale: false,
            is_sole,
        };
        self.questions.insert(tag, question);
    }

    /// The store has that of somebody, or nothing.
    fn take_in(&mut self, now: Instant, question: &Question<K>, past: Option<Past>) {
        let key = &question.about;
        let count = past.map_or(0, |past| past.failures);
        let before = self.seen.get(key).map_or(0, |seen| seen.count);
        let may_be_milder = !self.is_alone && question.is_sole && !question.is_stale;
        if may_be_milder && count - u32::from(question.counts).min(count) < before {
            self.throttle.succeeded(key);
        }
        let is_counting = self
            .questions
            .values()
            .any(|it| it.counts && it.about == *key);
        let seen = Seen {
            at: now,
            count,
            is_written: count > 0 || is_counting,
        };
        self.seen.insert(key.clone(), seen);
        if !self.order.has(key)
            && let Some(first) = self.order.add(key.clone())
        {
            self.seen.remove(&first);
        }
        if let Some(past) = past {
            let evicted = self.throttle.recall(key.clone(), past, now);
            self.forget(evicted);
        }
    }

    /// Memory has forgotten somebody before the store does.
    fn forget(&mut self, evicted: Option<K>) {
        if let Some(key) = evicted {
            self.order.remove(&key);
            self.seen.remove(&key);
        }
    }

    fn drop_answered(&mut self) {
        while let Some((_, key)) = self.due.front()
            && !self.waiting.contains_key(key)
        {
            self.due.pop_front();
        }
    }
}

/// What a store says of somebody.
enum Said {
    Past(Past),
    Nothing,
    /// It cannot say.
    Unknown,
}

impl Said {
    /// What an answer means, of somebody with those limits.
    fn of(reply: &Reply, limits: &ThrottleLimits, at: UnixMs) -> Self {
        let (count, ends) = match reply {
            Ok(wharf_data::Answer::Short(short::Answer::Found(found))) => {
                (found.score, found.expires)
            }
            Ok(wharf_data::Answer::Short(short::Answer::Counted { count, ends })) => {
                (*count, *ends)
            }
            Err(Refusal::NotFound) => return Self::Nothing,
            _ => return Self::Unknown,
        };
        Self::Past(Past::counted(limits, (count, ends), at))
    }
}
