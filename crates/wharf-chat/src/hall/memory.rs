//! What a room remembers of those who have spoken lately.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wharf_base::Instant;
use wharf_data::AccountId;

/// For how long a message that comes again is known, as the protocol promises.
pub(super) const KNOWN: Duration = Duration::from_secs(5 * 60);
/// Messages of one author that are known.
const OF_AUTHOR_MAX: usize = 128;
/// Authors of whom something is known; beyond it the one who was silent longest is forgotten.
const AUTHORS_MAX: usize = 4_096;
/// Messages that are known of one room.
pub(super) const MESSAGES_MAX: usize = AUTHORS_MAX * OF_AUTHOR_MAX;

/// What was said, by whom and by which number of theirs.
///
/// Invariant: nobody in it has said nothing; each author's are in the order of their time.
#[derive(Default)]
pub(super) struct Remembered(BTreeMap<AccountId, VecDeque<Once>>);

#[derive(Clone, Copy)]
struct Once {
    client_id: u64,
    seq: i64,
    at: Instant,
}

impl Remembered {
    /// The number in the room of what `author` said as `client_id`, if they did lately.
    pub(super) fn find(&self, author: AccountId, client_id: u64, now: Instant) -> Option<i64> {
        let mut said = self.0.get(&author)?.iter();
        let is_it = |once: &&Once| once.client_id == client_id && once.at + KNOWN > now;
        said.find(is_it).map(|once| once.seq)
    }

    /// `author` has said something as `client_id`; 0 is nothing to know it by.
    pub(super) fn add(&mut self, author: AccountId, client_id: u64, seq: i64, now: Instant) {
        if client_id == 0 {
            return;
        }
        if self.0.len() >= AUTHORS_MAX && !self.0.contains_key(&author) {
            self.make_room(now);
        }
        let said = self.0.entry(author).or_default();
        said.retain(|once| once.at + KNOWN > now);
        if said.len() >= OF_AUTHOR_MAX {
            said.pop_front();
        }
        said.push_back(Once {
            client_id,
            seq,
            at: now,
        });
    }

    /// Takes in what was said in another opening of the room. Of what was said in both under one
    /// number, the first is what comes again.
    pub(super) fn merge(&mut self, other: Self, now: Instant) {
        if other.0.is_empty() {
            return;
        }
        if self.0.is_empty() {
            *self = other;
            return;
        }
        for (author, theirs) in other.0 {
            let ours = self.0.entry(author).or_default();
            let mut all: Vec<Once> = ours.drain(..).chain(theirs).collect();
            all.sort_by_key(|once| once.at);
            let mut ids = BTreeSet::new();
            all.retain(|once| once.at + KNOWN > now && ids.insert(once.client_id));
            let beyond = all.len().saturating_sub(OF_AUTHOR_MAX);
            ours.extend(all.drain(beyond..));
        }
        self.0.retain(|_, said| last(said) + KNOWN > now);
        let beyond = self.0.len().saturating_sub(AUTHORS_MAX);
        let mut silent: Vec<_> = self
            .0
            .iter()
            .map(|(&who, said)| (last(said), who))
            .collect();
        silent.sort_unstable();
        for (_, who) in silent.drain(..beyond) {
            self.0.remove(&who);
        }
    }

    /// How many messages are known, those among them that are known no longer.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(VecDeque::len).sum()
    }

    /// Whether any is known still.
    pub(super) fn is_known_at(&self, now: Instant) -> bool {
        self.0.values().any(|said| last(said) + KNOWN > now)
    }

    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, said| last(said) + KNOWN > now);
        if self.0.len() >= AUTHORS_MAX
            && let Some((&silent, _)) = self.0.iter().min_by_key(|(_, said)| last(said))
        {
            self.0.remove(&silent);
        }
    }
}

/// When the last of an author's messages was said.
fn last(said: &VecDeque<Once>) -> Instant {
    said.back().map_or(Instant::ZERO, |once| once.at)
}

/// When members have spoken, while they have to wait between two messages.
#[derive(Default)]
pub(super) struct SlowMode(BTreeMap<AccountId, Instant>);

impl SlowMode {
    /// How long somebody has still to wait.
    pub(super) fn wait(&self, who: AccountId, slow: Duration, now: Instant) -> Duration {
        let spoke = self.0.get(&who);
        spoke.map_or(Duration::ZERO, |at| (*at + slow).saturating_since(now))
    }

    /// Somebody has spoken.
    pub(super) fn spoke(&mut self, who: AccountId, slow: Duration, now: Instant) {
        if slow.is_zero() {
            return self.0.clear();
        }
        if self.0.len() >= AUTHORS_MAX {
            self.0.retain(|_, at| *at + slow > now);
        }
        if self.0.len() < AUTHORS_MAX {
            self.0.insert(who, now);
        }
    }

    /// What somebody said then was not kept: they may try again at once, unless they have spoken
    /// since.
    pub(super) fn forget(&mut self, who: AccountId, said: Instant) {
        if self.0.get(&who) == Some(&said) {
            self.0.remove(&who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIM: AccountId = AccountId::new(1);

    #[test]
    fn a_number_is_known_for_five_minutes_and_is_its_authors() {
        let mut known = Remembered::default();
        let begin = Instant::ZERO;
        known.add(KIM, 7, 70, begin);
        known.add(KIM, 0, 71, begin);
        assert_eq!(known.find(KIM, 7, begin + KNOWN / 2), Some(70));
        assert_eq!(known.find(KIM, 0, begin), None, "0 is never the same");
        assert_eq!(known.find(AccountId::new(2), 7, begin), None);
        assert_eq!(known.find(KIM, 7, begin + KNOWN), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut known = Remembered::default();
        let begin = Instant::ZERO;
        for id in 1..=200 {
            known.add(KIM, id, id as i64, begin);
        }
        assert_eq!(known.find(KIM, 72, begin), None);
        assert_eq!(known.find(KIM, 73, begin), Some(73));
        for other in 0..AUTHORS_MAX as i64 + 10 {
            let at = begin + Duration::from_millis(1 + other as u64);
            known.add(AccountId::new(10 + other), 1, 1, at);
        }
        assert_eq!(known.0.len(), AUTHORS_MAX);
        assert_eq!(known.find(KIM, 200, begin), None, "silent for longest");
    }

    #[test]
    fn what_two_openings_remember_is_bounded_and_the_first_of_a_number_counts() {
        let begin = Instant::ZERO;
        let later = begin + Duration::from_millis(1);
        let (mut one, mut other) = (Remembered::default(), Remembered::default());
        for id in 1..=128 {
            one.add(KIM, id, id as i64, begin);
            other.add(KIM, 100 + id, 1_000 + id as i64, later);
        }
        for author in 10..10 + AUTHORS_MAX as i64 - 1 {
            one.add(AccountId::new(author), 1, 1, begin);
            other.add(AccountId::new(author + 10_000), 1, 1, later);
        }
        other.merge(one, later);
        assert_eq!(other.0.len(), AUTHORS_MAX);
        assert_eq!(other.0[&KIM].len(), 128);
        assert_eq!(other.find(KIM, 128, later), Some(128), "it was said before");
        assert_eq!(other.find(KIM, 228, later), Some(1_128));
        assert_eq!(other.find(KIM, 100, later), None, "the oldest are too many");
        assert_eq!(other.find(AccountId::new(10_010), 1, later), Some(1));
        assert_eq!(other.find(AccountId::new(10), 1, later), None);
    }

    #[test]
    fn whoever_spoke_waits_and_no_longer() {
        let mut slow = SlowMode::default();
        let begin = Instant::ZERO + Duration::from_secs(9);
        let span = Duration::from_secs(5);
        slow.spoke(KIM, span, begin);
        let later = begin + Duration::from_secs(3);
        assert_eq!(slow.wait(KIM, span, later), Duration::from_secs(2));
        assert_eq!(slow.wait(KIM, span, begin + span), Duration::ZERO);
        assert_eq!(slow.wait(AccountId::new(2), span, later), Duration::ZERO);
        slow.forget(KIM, Instant::ZERO);
        assert_eq!(slow.wait(KIM, span, later), Duration::from_secs(2));
        slow.forget(KIM, begin);
        assert_eq!(slow.wait(KIM, span, later), Duration::ZERO);
        slow.spoke(KIM, span, later);
        slow.spoke(KIM, Duration::ZERO, later);
        assert_eq!(slow.wait(KIM, span, later), Duration::ZERO);
    }
}
