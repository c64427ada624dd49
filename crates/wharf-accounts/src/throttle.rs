//! Growing delays for those who guess: by account and by address, unlocking by themselves.

use std::collections::BTreeMap;
use wharf_base::{Duration, Instant};

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
        Self {
            free: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            forget: Duration::from_secs(3_600),
            entries_max: 10_000,
        }
    }
}

/// Who failed how often, lately.
///
/// A try that takes a while is noted as a failure when it begins, and taken back if it was none:
/// so many tries at once are worth no more than as many in a row.
#[derive(Debug)]
pub struct Throttle<K> {
    limits: ThrottleLimits,
    failures: BTreeMap<K, Failures>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
    /// When the next try may be made.
    until: Instant,
}

impl<K: Clone + Ord> Throttle<K> {
    /// Nobody has failed yet.
    pub fn new(limits: ThrottleLimits) -> Self {
        Self {
            limits,
            failures: BTreeMap::new(),
        }
    }

    /// How long `key` has still to wait; nothing for most.
    pub fn wait(&self, key: &K, now: Instant) -> Duration {
        self.failures.get(key).map_or(Duration::ZERO, |failures| {
            failures.until.saturating_since(now)
        })
    }

    /// Notes that `key` was wrong, or may turn out to be.
    pub fn failed(&mut self, key: K, now: Instant) {
        if self.failures.len() >= self.limits.entries_max && !self.failures.contains_key(&key) {
            self.make_room(now);
        }
        let known = self.failures.get(&key);
        let known = known.filter(|failures| failures.last + self.limits.forget > now);
        let count = known.map_or(0, |failures| failures.count).saturating_add(1);
        let failures = Failures {
            count,
            last: now,
            until: now + self.delay(count),
        };
        self.failures.insert(key, failures);
    }

    /// Takes one failure back that was none, and whatever delay came of it.
    pub fn take_back(&mut self, key: &K, now: Instant) {
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
    pub fn succeeded(&mut self, key: &K) {
        self.failures.remove(key);
    }

    fn delay(&self, count: u32) -> Duration {
        let Some(beyond) = count.checked_sub(self.limits.free.saturating_add(1)) else {
            return Duration::ZERO;
        };
        let doubled = self.limits.first.saturating_mul(1 << beyond.min(20));
        doubled.min(self.limits.longest)
    }

    /// Forgets what is old, or else whoever has to wait least.
    fn make_room(&mut self, now: Instant) {
        let forget = self.limits.forget;
        self.failures
            .retain(|_, failures| failures.last + forget > now);
        if self.failures.len() < self.limits.entries_max {
            return;
        }
        let first = self
            .failures
            .iter()
            .min_by_key(|(_, failures)| failures.until)
            .map(|(key, _)| key.clone());
        if let Some(key) = first {
            self.failures.remove(&key);
        }
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
    }
}
