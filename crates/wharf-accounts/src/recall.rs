//! Failures that outlive the process. What the throttles know is written down where things live for
//! a short time, and read from there when somebody is seen for the first time.
//!
//! Memory decides. The store is asked once for each account and each address, and not for long: one
//! that does not answer keeps nobody from logging in, it only has more forgotten than it need be.
//!
//! ```text
//!  Space::Rate   name:HASH      the name that was guessed at: 32 hexadecimal digits of its SHA-256
//!                account:ID     an account whose owner is logged in
//!                address:IP     an address; of IPv6 its link
//!    score  how many failures
//!    value  {"failures":7,"until":1796000000000}: until when nothing is tried
//! ```

use crate::accounts::{AskTag, TaskId};
use crate::throttle::Past;
use crate::world::{Guess, millis};
use core::net::IpAddr;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use wharf_base::{Duration, Instant, Latest};
use wharf_data::short::{self, Space};
use wharf_data::{Ask, Refusal, Reply, UnixMs};

/// Questions that logins wait for at once. Beyond them memory alone decides.
const ASKED_MAX: usize = 1_024;
/// How long nobody waits for a store that was asked for nothing.
const PAUSE: Duration = Duration::from_secs(10);

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
    /// Of whom the store was asked, and whether there is something of them in it.
    seen: BTreeMap<Counted, bool>,
    order: Latest<Counted>,
    asked: BTreeMap<AskTag, Counted>,
    waiting: BTreeMap<Counted, Vec<TaskId>>,
    due: VecDeque<(Instant, Counted)>,
    /// Until when the store is taken to be silent.
    silent_until: Instant,
}

impl Recall {
    /// Nobody was seen yet. So many are remembered to have been.
    pub(crate) fn new(patience: Duration, seen_max: usize) -> Self {
        Self {
            patience,
            seen: BTreeMap::new(),
            order: Latest::new(seen_max),
            asked: BTreeMap::new(),
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
        if is_silent || self.seen.contains_key(counted) || self.asked.len() >= ASKED_MAX {
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
        self.asked.insert(tag, counted.clone());
        self.waiting.insert(counted.clone(), vec![task]);
        self.due.push_back((now + self.patience, counted));
        let space = Space::Rate;
        Ask::Short(short::Ask::Get { space, key, at })
    }

    /// About whom that was asked, if the store was asked about anybody.
    pub(crate) fn asked(&mut self, tag: AskTag) -> Option<Counted> {
        self.asked.remove(&tag)
    }

    /// The store has answered about somebody; who has waited for it.
    pub(crate) fn answered(&mut self, now: Instant, counted: &Counted, said: &Said) -> Vec<TaskId> {
        match said {
            Said::Unknown => self.silent_until = now + PAUSE,
            Said::Nothing => self.note(counted, false),
            Said::Past(_) => self.note(counted, true),
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

    /// Writes down what is known of somebody. Not of whom it is not known what the store says:
    /// that may be worse.
    pub(crate) fn write(&mut self, at: UnixMs, counted: &Counted, past: Past) -> Option<Ask> {
        *self.seen.get_mut(counted)? = true;
        Some(Ask::Short(short::Ask::Put {
            space: Space::Rate,
            key: counted.key(),
            value: Written::of(at, past).to_bytes(),
            score: past.failures.into(),
            expires: at.saturating_add(millis(past.kept)),
            only_new: false,
            at,
        }))
    }

    /// Takes away what is written of somebody who was right, if there is anything.
    pub(crate) fn erase(&mut self, counted: &Counted) -> Option<Ask> {
        let is_written = self.seen.get_mut(counted)?;
        let space = Space::Rate;
        let key = counted.key();
        core::mem::take(is_written).then_some(Ask::Short(short::Ask::Delete { space, key }))
    }

    /// Memory has forgotten somebody before the store does.
    pub(crate) fn forget(&mut self, evicted: Option<Counted>) {
        if let Some(counted) = evicted {
            self.order.remove(&counted);
            self.seen.remove(&counted);
        }
    }

    fn note(&mut self, counted: &Counted, is_written: bool) {
        self.seen.insert(counted.clone(), is_written);
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
    /// What an answer means. What cannot be read says nothing.
    pub(crate) fn of(reply: &Reply, at: UnixMs) -> Self {
        let found = match reply {
            Ok(wharf_data::Answer::Short(short::Answer::Found(found))) => found,
            Err(Refusal::NotFound) => return Self::Nothing,
            _ => return Self::Unknown,
        };
        let Ok(written) = serde_json::from_slice::<Written>(&found.value) else {
            return Self::Nothing;
        };
        let left = |until: UnixMs| {
            let left = u64::try_from(until.saturating_sub(at)).unwrap_or(0);
            Duration::from_millis(left)
        };
        Self::Past(Past {
            failures: written.failures,
            wait: left(written.until),
            kept: left(found.expires),
        })
    }
}

/// What is kept of somebody.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    failures: u32,
    until: UnixMs,
}

impl Written {
    fn of(at: UnixMs, past: Past) -> Self {
        Self {
            failures: past.failures,
            until: at.saturating_add(millis(past.wait)),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        format!(
            "{{\"failures\":{},\"until\":{}}}",
            self.failures, self.until
        )
        .into_bytes()
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

    #[test]
    fn what_is_written_is_read_again_and_rubbish_says_nothing() {
        let past = Past {
            failures: 7,
            wait: Duration::from_secs(2),
            kept: Duration::from_secs(3_600),
        };
        let found = |value: Vec<u8>| {
            let found = short::Found {
                key: named("kim").key(),
                value,
                score: 7,
                expires: 3_601_000,
            };
            Ok(wharf_data::Answer::Short(short::Answer::Found(found)))
        };
        let value = Written::of(1_000, past).to_bytes();
        assert_eq!(value, br#"{"failures":7,"until":3000}"#);
        let said = |value, at| match Said::of(&found(value), at) {
            Said::Past(past) => Some(past),
            _ => None,
        };
        assert_eq!(said(value.clone(), 1_000), Some(past));
        let later = said(value, i64::MAX).unwrap();
        assert_eq!((later.wait, later.kept), (Duration::ZERO, Duration::ZERO));
        for rubbish in ["", "7", r#"{"failures":-1,"until":0}"#, "\u{0}"] {
            assert_eq!(said(rubbish.into(), 0), None);
        }
        let extreme = said(
            br#"{"failures":4294967295,"until":9223372036854775807}"#.to_vec(),
            i64::MIN,
        );
        assert_eq!(extreme.unwrap().failures, u32::MAX);
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let mut recall = Recall::new(Duration::from_secs(1), 2);
        for name in ["a", "b", "c"] {
            recall.note(&named(name), false);
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
