//! Failures that outlive the process, and that all servers on a store add up. Each is counted where
//! things live for a short time, and memory takes in what it has come to there; it is also read
//! when somebody is seen for the first time, and where there are other servers again and again.
//!
//! Memory decides: the store makes nothing milder. It is asked, and not for long: one that does not
//! answer keeps nobody from logging in, it only has more forgotten than it need be.
//!
//! ```text
//!  Space::Rate   name:HASH      the name that was guessed at: 32 hexadecimal digits of its SHA-256
//!                account:ID     an account whose owner is logged in
//!                address:IP     an address; of IPv6 its link
//!    score    how many failures, whichever server counted them
//!    expires  so long after the last: with both, it is known until when nothing is tried
//! ```

use crate::accounts::{AskTag, TaskId};
use crate::throttle::{Past, ThrottleLimits};
use crate::world::{Guess, millis};
use core::net::IpAddr;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use wharf_base::{Duration, Instant, Latest};
use wharf_data::short::{self, Space};
use wharf_data::{Ask, Refusal, Reply, UnixMs};

/// Questions that logins wait for at once. Beyond them memory alone decides.
const ASKED_MAX: usize = 1_024;
/// How long nobody waits for a store that was asked for nothing.
const PAUSE: Duration = Duration::from_secs(10);
/// How long what was read is as good as what is there, where other servers write too.
const FRESH: Duration = Duration::from_secs(1);

/// Whose failures are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counted {
    At(Guess),
    From(IpAddr),
}

/// Whether it is known how often somebody failed before.
pub(crate) enum Look {
    /// As far as it can be.
    Known,
    /// The store is asked already; the request waits too.
    Waits,
    /// Nobody has asked yet.
    Unknown,
}

/// What a store says of somebody.
pub(crate) enum Said {
    Past(Past),
    Nothing,
    /// It cannot say.
    Unknown,
}

/// Of whom the store was asked, and what is under way.
///
/// Invariant: who is in `waiting` is in `due`; nobody in `seen` is in `waiting`.
pub(crate) struct Recall {
    /// How long a request waits; with nothing, nobody is asked about.
    patience: Duration,
    /// Whether nobody else writes there: then what it has said stays so.
    is_alone: bool,
    /// Of whom the store was asked.
    seen: BTreeMap<Counted, Seen>,
    order: Latest<Counted>,
    asked: BTreeMap<AskTag, Asked>,
    /// Failures that it counts.
    counting: BTreeMap<AskTag, Counted>,
    waiting: BTreeMap<Counted, Vec<TaskId>>,
    due: VecDeque<(Instant, Counted)>,
    /// Until when the store is taken to be silent.
    silent_until: Instant,
}

/// A question about somebody.
pub(crate) struct Asked {
    pub(crate) about: Counted,
    /// They have been right since: what was there before counts no more.
    pub(crate) is_stale: bool,
}

/// What the store has said of somebody.
struct Seen {
    /// When.
    at: Instant,
    /// Whether there is something of them in it.
    is_written: bool,
}

impl Recall {
    /// Nobody was seen yet. So many are remembered to have been.
    pub(crate) fn new(patience: Duration, is_alone: bool, seen_max: usize) -> Self {
        Self {
            patience,
            is_alone,
            seen: BTreeMap::new(),
            order: Latest::new(seen_max),
            asked: BTreeMap::new(),
            counting: BTreeMap::new(),
            waiting: BTreeMap::new(),
            due: VecDeque::new(),
            silent_until: Instant::ZERO,
        }
    }

    /// Whether `task` has to wait for what the store says of somebody, or to ask it.
    pub(crate) fn look(&mut self, now: Instant, counted: &Counted, task: TaskId) -> Look {
        if let Some(tasks) = self.waiting.get_mut(counted) {
            if !tasks.contains(&task) {
                tasks.push(task);
            }
            return Look::Waits;
        }
        let is_silent = self.patience.is_zero() || now < self.silent_until;
        let seen = self.seen.get(counted);
        let is_known = seen.is_some_and(|seen| self.is_alone || now < seen.at + FRESH);
        if is_silent || is_known || self.asked.len() >= ASKED_MAX {
            return Look::Known;
        }
        Look::Unknown
    }

    /// Asks the store about somebody, for `task`.
    pub(crate) fn ask(
        &mut self,
        (now, at): (Instant, UnixMs),
        counted: Counted,
        task: TaskId,
        tag: AskTag,
    ) -> Ask {
        let key = counted.key();
        let (about, is_stale) = (counted.clone(), false);
        self.asked.insert(tag, Asked { about, is_stale });
        self.waiting.insert(counted.clone(), vec![task]);
        self.due.push_back((now + self.patience, counted));
        let space = Space::Rate;
        Ask::Short(short::Ask::Get { space, key, at })
    }

    /// What that asked, if the store was asked about anybody.
    pub(crate) fn asked(&mut self, tag: AskTag) -> Option<Asked> {
        self.asked.remove(&tag)
    }

    /// The store has answered about somebody; who has waited for it.
    pub(crate) fn answered(&mut self, now: Instant, counted: &Counted, said: &Said) -> Vec<TaskId> {
        match said {
            Said::Unknown => self.silent_until = now + PAUSE,
            Said::Nothing => self.note(now, counted, false),
            Said::Past(_) => self.note(now, counted, true),
        }
        let waited = self.waiting.remove(counted).unwrap_or_default();
        self.drop_answered();
        waited
    }

    /// When somebody has waited long enough.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// Those who have waited long enough. Then nobody waits for a while.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<TaskId> {
        let mut freed = Vec::new();
        while let Some((due, counted)) = self.due.front()
            && *due <= now
        {
            self.silent_until = now + PAUSE;
            freed.extend(self.waiting.remove(counted).unwrap_or_default());
            self.due.pop_front();
        }
        self.drop_answered();
        freed
    }

    /// Has the store count one more failure of somebody, which counts for so long.
    pub(crate) fn count(
        &mut self,
        at: UnixMs,
        counted: Counted,
        forget: Duration,
        tag: AskTag,
    ) -> Option<Ask> {
        if self.patience.is_zero() || self.counting.len() >= ASKED_MAX {
            return None;
        }
        let ask = short::Ask::Count {
            key: counted.key(),
            window_ms: u32::try_from(millis(forget)).unwrap_or(u32::MAX),
            since_last: true,
            at,
        };
        if let Some(seen) = self.seen.get_mut(&counted) {
            seen.is_written = true;
        }
        self.counting.insert(tag, counted);
        Some(Ask::Short(ask))
    }

    /// Whose failure the store was to count, if it was to count any.
    pub(crate) fn counted(&mut self, tag: AskTag) -> Option<Counted> {
        self.counting.remove(&tag)
    }

    /// Takes away what is written of somebody who was right, unless it is known that there is
    /// nothing. What was asked or counted of them before, and is not answered yet, counts no more.
    pub(crate) fn erase(&mut self, counted: &Counted) -> Option<Ask> {
        if self.patience.is_zero() {
            return None;
        }
        self.counting.retain(|_, whose| whose != counted);
        let asked = self.asked.values_mut();
        asked
            .filter(|asked| asked.about == *counted)
            .for_each(|asked| asked.is_stale = true);
        let seen = self.seen.get_mut(counted);
        let is_written = seen.is_none_or(|seen| core::mem::take(&mut seen.is_written));
        let (space, key) = (Space::Rate, counted.key());
        is_written.then_some(Ask::Short(short::Ask::Delete { space, key }))
    }

    /// Memory has forgotten somebody before the store does.
    pub(crate) fn forget(&mut self, evicted: Option<Counted>) {
        if let Some(counted) = evicted {
            self.order.remove(&counted);
            self.seen.remove(&counted);
        }
    }

    fn note(&mut self, now: Instant, counted: &Counted, is_written: bool) {
        let seen = Seen {
            at: now,
            is_written,
        };
        self.seen.insert(counted.clone(), seen);
        if !self.order.has(counted)
            && let Some(first) = self.order.add(counted.clone())
        {
            self.seen.remove(&first);
        }
    }

    fn drop_answered(&mut self) {
        while let Some((_, counted)) = self.due.front()
            && !self.waiting.contains_key(counted)
        {
            self.due.pop_front();
        }
    }
}

impl Counted {
    fn key(&self) -> String {
        match self {
            Self::At(Guess::Name(name)) => {
                let hash = Sha256::digest(name.as_str().as_bytes());
                let digits: String = hash[..16].iter().map(|it| format!("{it:02x}")).collect();
                format!("name:{digits}")
            }
            Self::At(Guess::Account(account)) => format!("account:{}", account.get()),
            Self::From(address) => format!("address:{address}"),
        }
    }
}

impl Said {
    /// What an answer means, of somebody with those limits.
    pub(crate) fn of(reply: &Reply, limits: &ThrottleLimits, at: UnixMs) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_data::{AccountId, NameKey};

    fn named(name: &str) -> Counted {
        Counted::At(Guess::Name(NameKey::of(name)))
    }

    #[test]
    fn what_comes_of_somebody_who_was_right_meanwhile_counts_no_more() {
        let mut recall = Recall::new(Duration::from_secs(1), false, 10);
        let (kim, lee) = (named("kim"), named("lee"));
        let times = (Instant::ZERO, 0);
        let tags = [AskTag(1), AskTag(2)];
        recall.ask(times, kim.clone(), TaskId(1), tags[0]);
        recall.ask(times, lee, TaskId(2), tags[1]);
        assert!(recall.erase(&kim).is_some(), "there may be something");
        let stale = tags.map(|tag| recall.asked(tag).unwrap().is_stale);
        assert_eq!(stale, [true, false]);
    }

    #[test]
    fn keys_are_short_say_whose_they_are_and_no_name_is_in_them() {
        let long = "x".repeat(512);
        for name in ["kim", "", &long] {
            let key = named(name).key();
            assert!(key.starts_with("name:") && key.len() == 37, "{key}");
        }
        assert_eq!(named("KIM").key(), named("kim").key());
        let account = Counted::At(Guess::Account(AccountId::new(7)));
        assert_eq!(account.key(), "account:7");
        let address = Counted::From("2001:db8:1:2::".parse().unwrap());
        assert_eq!(address.key(), "address:2001:db8:1:2::");
    }

    fn found(score: i64, expires: UnixMs) -> Reply {
        let found = short::Found {
            key: named("kim").key(),
            value: Vec::new(),
            score,
            expires,
        };
        Ok(wharf_data::Answer::Short(short::Answer::Found(found)))
    }

    #[test]
    fn what_is_counted_is_read_again_with_the_delay_that_comes_of_it() {
        let limits = ThrottleLimits::default();
        let said = |reply: &Reply, at| match Said::of(reply, &limits, at) {
            Said::Past(past) => Some(past),
            _ => None,
        };
        // The last of seven was an hour before it ends, and the next waits for two seconds.
        let expected = Past {
            failures: 7,
            wait: Duration::from_millis(1_500),
            kept: Duration::from_millis(3_599_500),
        };
        let kept = found(7, 3_601_000);
        assert_eq!(said(&kept, 1_500), Some(expected));
        let (count, ends) = (7, 3_601_000);
        let counted = Ok(wharf_data::Answer::Short(short::Answer::Counted {
            count,
            ends,
        }));
        assert_eq!(said(&counted, 1_500), Some(expected));
        let later = said(&kept, i64::MAX).unwrap();
        assert_eq!((later.wait, later.kept), (Duration::ZERO, Duration::ZERO));
        for (score, failures) in [(-1, 0), (i64::MIN, 0), (i64::MAX, u32::MAX)] {
            let extreme = said(&found(score, i64::MAX), i64::MIN).unwrap();
            assert_eq!(extreme.failures, failures);
        }
        assert!(said(&Err(Refusal::Unavailable), 0).is_none());
    }

    #[test]
    fn where_others_write_too_what_was_read_is_good_for_a_second() {
        let after = |ms| Instant::ZERO + Duration::from_millis(ms);
        for (is_alone, later, is_known) in [
            (true, 3_600_000, true),
            (false, 999, true),
            (false, 1_000, false),
        ] {
            let mut recall = Recall::new(Duration::from_secs(1), is_alone, 2);
            recall.note(after(0), &named("kim"), false);
            let look = recall.look(after(later), &named("kim"), TaskId(1));
            assert_eq!(matches!(look, Look::Known), is_known, "{later}");
        }
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let mut recall = Recall::new(Duration::from_secs(1), true, 2);
        for name in ["a", "b", "c"] {
            recall.note(Instant::ZERO, &named(name), false);
        }
        let is_known = |recall: &mut Recall, name| {
            matches!(
                recall.look(Instant::ZERO, &named(name), TaskId(1)),
                Look::Known
            )
        };
        assert!(!is_known(&mut recall, "a"), "it is asked about again");
        assert!(is_known(&mut recall, "b") && is_known(&mut recall, "c"));
        assert_eq!(recall.order.len(), 2);
    }
}
