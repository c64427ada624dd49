//! Growing delays for those who guess: by account and by address, unlocking by themselves.

use crate::world::millis;
use std::collections::BTreeMap;
use wharf_base::{Duration, Instant};
use wharf_data::UnixMs;

/// How quickly delays grow, and how much is remembered.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleLimits {
    /// Failures that cost nothing.
    pub free: u32,
    /// The delay after the first that does; each later one doubles it.
    pub first: Duration,
    /// No delay is longer.
    pub longest: Duration,
    /// A failure is forgotten after so long.
    pub forget: Duration,
    /// Who is remembered at the most; beyond it the one whose delay ends first is forgotten.
    pub entries_max: usize,
}

impl Default for ThrottleLimits {
    fn default() -> Self {
        Self::USUAL
    }
}

impl ThrottleLimits {
    /// Five failures cost nothing; then a second, doubled up to five minutes; all for an hour.
    pub const USUAL: Self = Self {
        free: 5,
        first: Duration::from_secs(1),
        longest: Duration::from_secs(300),
        forget: Duration::from_secs(3_600),
        entries_max: 10_000,
    };

    /// How long the next try waits after so many.
    pub(crate) fn delay(&self, count: u32) -> Duration {
        let Some(beyond) = count.checked_sub(self.free.saturating_add(1)) else {
            return Duration::ZERO;
        };
        let doubled = self.first.saturating_mul(1 << beyond.min(20));
        doubled.min(self.longest)
    }
}

/// Who failed how often, lately.
///
/// A try that takes a while is noted as a failure when it begins, and taken back if it was none:
/// so many tries at once are worth no more than as many in a row.
#[derive(Debug)]
pub(crate) struct Throttle<K> {
    limits: ThrottleLimits,
    failures: BTreeMap<K, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    /// When the next try may be made.
    until: Instant,
    /// When they count no more.
    forgotten: Instant,
}

/// What is known elsewhere of somebody who has failed: without the process's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) failures: u32,
    /// How long the next try has still to wait.
    pub(crate) wait: Duration,
    /// How long it counts.
    pub(crate) kept: Duration,
}

impl Past {
    /// What is known of somebody of whom a store has counted so many failures, which end then.
    /// Whatever the clocks say, nobody waits for longer than after so many.
    pub(crate) fn counted(
        limits: &ThrottleLimits,
        (count, ends): (i64, UnixMs),
        at: UnixMs,
    ) -> Self {
        let failures = u32::try_from(count.max(0)).unwrap_or(u32::MAX);
        let last = ends.saturating_sub(millis(limits.forget));
        let left = |until: UnixMs| {
            let left = u64::try_from(until.saturating_sub(at)).unwrap_or(0);
            Duration::from_millis(left)
        };
        let delay = limits.delay(failures);
        Self {
            failures,
            wait: left(last.saturating_add(millis(delay))).min(delay),
            kept: left(ends),
        }
    }
}

impl<K: Clone + Ord> Throttle<K> {
    /// Nobody has failed yet.
    pub(crate) fn new(limits: ThrottleLimits) -> Self {
        Self {
            limits,
            failures: BTreeMap::new(),
        }
    }

    /// How long `key` has still to wait; nothing for most.
    pub(crate) fn wait(&self, key: &K, now: Instant) -> Duration {
        self.failures.get(key).map_or(Duration::ZERO, |failures| {
            failures.until.saturating_since(now)
        })
    }

    /// Notes that `key` was wrong, or may turn out to be. Who is forgotten for it before their
    /// time, if anybody.
    pub(crate) fn failed(&mut self, key: K, now: Instant) -> Option<K> {
        let evicted = self.make_room(&key, now);
        let known = self.known(&key, now);
        let count = known.map_or(0, |failures| failures.count).saturating_add(1);
        let failures = Failures {
            count,
            until: now + self.limits.delay(count),
            forgotten: now + self.limits.forget,
        };
        self.failures.insert(key, failures);
        evicted
    }

    /// Takes in what was known of `key` elsewhere; of that and what is known here the worse. What
    /// is no news delays nobody again: by a clock that was set back it would for ever. Who is
    /// forgotten for it before their time, if anybody.
    pub(crate) fn recall(&mut self, key: K, past: Past, now: Instant) -> Option<K> {
        let evicted = self.make_room(&key, now);
        let mut failures = Failures {
            count: past.failures,
            until: now + past.wait.min(self.limits.longest),
            forgotten: now + past.kept.min(self.limits.forget),
        };
        if let Some(known) = self.known(&key, now) {
            failures.until = match failures.count > known.count {
                true => failures.until.max(known.until),
                false => known.until,
            };
            failures.count = failures.count.max(known.count);
            failures.forgotten = failures.forgotten.max(known.forgotten);
        }
        self.failures.insert(key, failures);
        evicted
    }

    /// Takes one failure back that was none, and whatever delay came of it.
    pub(crate) fn take_back(&mut self, key: &K, now: Instant) {
        let Some(failures) = self.failures.get_mut(key) else {
            return;
        };
        failures.count = failures.count.saturating_sub(1);
        failures.until = failures.until.min(now);
        if failures.count == 0 {
            self.failures.remove(key);
        }
    }

    /// Forgets the failures of whoever was right.
    pub(crate) fn succeeded(&mut self, key: &K) {
        self.failures.remove(key);
    }

    fn known(&self, key: &K, now: Instant) -> Option<&Failures> {
        let known = self.failures.get(key);
        known.filter(|failures| failures.forgotten > now)
    }

    /// Forgets what is old where there is no room for `key`, or else whoever has to wait least.
    fn make_room(&mut self, key: &K, now: Instant) -> Option<K> {
        if self.failures.len() < self.limits.entries_max || self.failures.contains_key(key) {
            return None;
        }
        self.failures.retain(|_, failures| failures.forgotten > now);
        if self.failures.len() < self.limits.entries_max {
            return None;
        }
        let first = self
            .failures
            .iter()
            .min_by_key(|(_, failures)| failures.until)
            .map(|(key, _)| key.clone())?;
        self.failures.remove(&first);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn delays_begin_after_the_free_ones_double_and_end_by_themselves() {
        let limits = ThrottleLimits {
            free: 2,
            ..ThrottleLimits::default()
        };
        let mut throttle = Throttle::new(limits);
        let mut waits = Vec::new();
        for _ in 0..14 {
            throttle.failed("kim", at(0));
            waits.push(throttle.wait(&"kim", at(0)).as_secs());
        }
        assert_eq!(
            waits,
            [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
        );
        assert_eq!(throttle.wait(&"kim", at(299)), Duration::from_secs(1));
        assert_eq!(throttle.wait(&"kim", at(300)), Duration::ZERO);
        assert_eq!(throttle.wait(&"lee", at(0)), Duration::ZERO);
        throttle.succeeded(&"kim");
        assert_eq!(throttle.wait(&"kim", at(0)), Duration::ZERO);
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut throttle = Throttle::new(ThrottleLimits::default());
        for _ in 0..9 {
            throttle.failed("kim", at(0));
        }
        throttle.failed("kim", at(3_600));
        assert_eq!(throttle.wait(&"kim", at(3_600)), Duration::ZERO);
    }

    #[test]
    fn a_try_that_was_no_failure_leaves_no_delay() {
        let limits = ThrottleLimits {
            free: 1,
            ..ThrottleLimits::default()
        };
        let mut throttle = Throttle::new(limits);
        throttle.failed("kim", at(0));
        throttle.failed("kim", at(0));
        assert_eq!(throttle.wait(&"kim", at(0)), Duration::from_secs(1));
        throttle.take_back(&"kim", at(0));
        assert_eq!(throttle.wait(&"kim", at(0)), Duration::ZERO);
        // The one that was a failure still counts.
        throttle.failed("kim", at(0));
        assert_eq!(throttle.wait(&"kim", at(0)), Duration::from_secs(1));
        throttle.take_back(&"kim", at(0));
        throttle.take_back(&"kim", at(0));
        throttle.take_back(&"kim", at(0));
        assert!(throttle.failures.is_empty());
    }

    #[test]
    fn it_remembers_no_more_than_it_may() {
        let limits = ThrottleLimits {
            entries_max: 3,
            ..ThrottleLimits::default()
        };
        let mut throttle = Throttle::new(limits);
        for _ in 0..9 {
            throttle.failed(0, at(0));
        }
        for key in 1..100 {
            throttle.failed(key, at(1));
            assert!(throttle.failures.len() <= 3);
        }
        assert!(throttle.wait(&0, at(1)) > Duration::ZERO, "the worst stays");
        assert_eq!(throttle.failed(100, at(1)), Some(98), "it says whom");
    }

    /// How often somebody has failed, and how many seconds they wait.
    fn known(throttle: &Throttle<&'static str>, key: &'static str, now: Instant) -> (u32, u64) {
        let failures = throttle.known(&key, now).map_or(0, |known| known.count);
        (failures, throttle.wait(&key, now).as_secs())
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait_for_longer_nor_again() {
        let limits = ThrottleLimits::default();
        let (at, now) = (1_800_000_000_000, Instant::ZERO);
        let ends = at + millis(limits.forget) + 86_400_000;
        let mut throttle = Throttle::new(limits);
        let recount = |throttle: &mut Throttle<_>, name, count, now| {
            let past = Past::counted(&limits, (count, ends), at);
            throttle.recall(name, past, now);
        };
        recount(&mut throttle, "kim", 1, now);
        assert_eq!(throttle.wait(&"kim", now), Duration::ZERO);
        recount(&mut throttle, "lee", 8, now);
        let wait = throttle.wait(&"lee", now);
        assert_eq!(wait, limits.delay(8));
        let later = now + wait;
        recount(&mut throttle, "lee", 8, later);
        assert_eq!(throttle.wait(&"lee", later), Duration::ZERO, "no news");
        recount(&mut throttle, "lee", 9, later);
        assert_eq!(throttle.wait(&"lee", later), limits.delay(9));
    }

    #[test]
    fn what_was_known_elsewhere_is_taken_in_unless_worse_is_known_here() {
        let past = Past {
            failures: 8,
            wait: Duration::from_secs(3),
            kept: Duration::from_secs(3_599),
        };
        // A process that has just begun.
        let mut fresh = Throttle::new(ThrottleLimits::default());
        fresh.recall("kim", past, at(0));
        assert_eq!(known(&fresh, "kim", at(0)), (8, 3));
        fresh.failed("kim", at(0));
        let mild = Past {
            failures: 1,
            wait: Duration::ZERO,
            kept: Duration::from_secs(1),
        };
        fresh.recall("kim", mild, at(0));
        assert_eq!(known(&fresh, "kim", at(0)), (9, 8));
        // What claims too much is worth no more than what can be true.
        let forged = Past {
            failures: u32::MAX,
            wait: Duration::MAX,
            kept: Duration::MAX,
        };
        fresh.recall("lee", forged, at(0));
        assert_eq!(fresh.wait(&"lee", at(0)), Duration::from_secs(300));
        assert_eq!(known(&fresh, "lee", at(3_600)), (0, 0));
    }
}
