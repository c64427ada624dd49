//! Which logins have ended while others were beginning.
//!
//! The store does one thing after the other, but its answers may be told in another order: a
//! login that the store has begun, then ended, must not be let in because its answer came last.

use std::collections::VecDeque;
use wharf_base::Instant;
use wharf_data::account::Which;
use wharf_data::{AccountId, LoginId};

/// Logins that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whose.
    pub account: AccountId,
    /// Which of them.
    pub which: Which,
}

impl Revocation {
    /// Whether that login has ended by it.
    pub fn covers(&self, account: AccountId, login: LoginId) -> bool {
        account == self.account
            && match self.which {
                Which::One(one) | Which::Another(one) => login == one,
                Which::AllBut(kept) => login != kept,
                Which::All => true,
            }
    }
}

/// The revocations that something still in progress may have missed.
///
/// Invariant: `entries` holds the last of the `count` that there were, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    entries: VecDeque<(Instant, Revocation)>,
    count: u64,
    entries_max: usize,
}

impl Revocations {
    /// Remembers `entries_max`; whatever began before the oldest of them counts as ended.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            ..Self::default()
        }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Notes one. At `over` nothing is in progress any more that may have missed it.
    pub(crate) fn note(&mut self, revocation: Revocation, over: Instant) {
        if self.entries.len() >= self.entries_max {
            self.entries.pop_front();
        }
        self.entries.push_back((over, revocation));
        self.count += 1;
    }

    /// Forgets those that nothing in progress has missed.
    pub(crate) fn forget(&mut self, now: Instant) {
        while self.entries.front().is_some_and(|(over, _)| *over <= now) {
            self.entries.pop_front();
        }
    }

    /// Whether one that may still be under way covers that login, or that is not known.
    pub(crate) fn may_be_under_way(&self, account: AccountId, login: LoginId) -> bool {
        let mut entries = self.entries.iter();
        self.entries.len() >= self.entries_max
            || entries.any(|(_, revocation)| revocation.covers(account, login))
    }

    /// Whether that login has ended, or may have, since there were `count`.
    pub(crate) fn may_cover(&self, account: AccountId, login: LoginId, count: u64) -> bool {
        let missed = usize::try_from(self.count - count).unwrap_or(usize::MAX);
        missed > self.entries.len()
            || self
                .entries
                .iter()
                .rev()
                .take(missed)
                .any(|(_, revocation)| revocation.covers(account, login))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_base::Duration;

    #[test]
    fn what_began_before_its_end_is_found_and_what_is_forgotten_counts_as_ended() {
        let (kim, lee) = (AccountId::new(1), AccountId::new(2));
        let (one, two) = (LoginId::new(11), LoginId::new(12));
        let mut revocations = Revocations::new(2);
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let end = |account, which| Revocation { account, which };
        revocations.note(end(kim, Which::AllBut(one)), at(9));
        assert!(revocations.may_cover(kim, two, 0));
        assert!(!revocations.may_cover(kim, one, 0));
        assert!(!revocations.may_cover(lee, two, 0));
        assert!(!revocations.may_cover(kim, two, 1), "it began later");
        revocations.note(end(kim, Which::One(one)), at(10));
        revocations.note(end(kim, Which::One(one)), at(11));
        assert!(revocations.may_cover(lee, two, 0), "no longer known");
        assert!(!revocations.may_cover(lee, two, 1));
        revocations.forget(at(10));
        assert!(revocations.may_cover(kim, one, 2));
        assert!(!revocations.may_cover(kim, one, 3));
    }
}
