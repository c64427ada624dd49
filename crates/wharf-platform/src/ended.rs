//! Logins of those who are here that have ended at another server on the same store: found by
//! asking the store which of them it has, whenever something has changed there.

use crate::Platform;
use crate::platform::{Effect, StoreTag};
use std::collections::BTreeSet;
use wharf_base::{Duration, Instant};
use wharf_data::{AccountId, Answer, Ask, LoginId, Notice, Reply, UnixMs, account};

/// Logins that are looked at in one question.
const PART: usize = 500;
/// How long after a change whoever comes is looked at too: their login may have begun before it,
/// and ended with it. No login takes longer.
const DOUBT: Duration = Duration::from_secs(30);
/// How long after a store that could not say it is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// What the store is asked about logins has this tag.
pub(crate) const OF_ENDED: StoreTag = StoreTag(1 << 59);

/// Whose logins are to be looked at.
///
/// Invariant: one question is under way at the most, and `asked` are those that it is about.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    waiting: BTreeSet<AccountId>,
    asked: Vec<(AccountId, LoginId)>,
    /// Something has changed since `waiting` was filled: it is filled once more when it is empty.
    is_stale: bool,
    /// Until when whoever comes is looked at.
    doubts_until: Option<Instant>,
    /// Not before then.
    again: Option<Instant>,
}

impl Ended {
    /// When it is to go on, if it waits for a time.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.again
    }

    /// Another server may have ended logins.
    pub(crate) fn may_have_changed(&mut self, now: Instant) {
        self.is_stale = true;
        self.doubts_until = Some(now + DOUBT);
    }

    /// Somebody has come.
    pub(crate) fn came(&mut self, account: AccountId) {
        if self.doubts_until.is_some() {
            self.waiting.insert(account);
        }
    }
}

impl Platform {
    /// Asks the store about those who are to be looked at, a part at a time.
    pub(crate) fn look_for_ended(&mut self, now: Instant, at: UnixMs) {
        let Self {
            ended, presence, ..
        } = self;
        ended.doubts_until.take_if(|until| *until <= now);
        if !ended.asked.is_empty() || ended.again.is_some_and(|again| again > now) {
            return;
        }
        ended.again = None;
        while ended.asked.len() < PART {
            if ended.waiting.is_empty() && core::mem::take(&mut ended.is_stale) {
                ended.waiting = presence.iter().map(|(account, _)| account).collect();
            }
            let Some(account) = ended.waiting.pop_first() else {
                break;
            };
            // Whoever has gone meanwhile needs no end.
            let online = presence.find(account);
            ended.asked.extend(online.map(|it| (account, it.login)));
        }
        if !ended.asked.is_empty() {
            let logins = ended.asked.clone();
            let ask = Ask::Account(account::Ask::Ended { logins, at });
            self.push(Effect::Ask { tag: OF_ENDED, ask });
        }
    }

    /// The store has said which logins have ended: so do their sessions.
    pub(crate) fn have_ended(&mut self, now: Instant, reply: Reply) {
        let asked = core::mem::take(&mut self.ended.asked);
        let Ok(Answer::Account(account::Answer::Ended(ended))) = reply else {
            let accounts = asked.into_iter().map(|(account, _)| account);
            self.ended.waiting.extend(accounts);
            self.ended.again = Some(now + AGAIN);
            return;
        };
        for account::Ended {
            account,
            login,
            ban,
        } in ended
        {
            let online = self.presence.find(account);
            // They may be in by another login by now.
            let Some(online) = online.filter(|online| online.login == login) else {
                continue;
            };
            let (to, notice) = match ban {
                Some((until, reason)) => (online.session, Notice::Banned { until, reason }),
                None => (online.session, Notice::LoginEnded),
            };
            self.cast_off(to);
            self.push(Effect::Notice { to, notice });
        }
    }
}
