//! What holds for the whole server, as every shard knows it.

use crate::room::Until;
use crate::{AccountId, UnixMs};
use std::collections::{BTreeMap, BTreeSet};

/// What holds for the whole server. Services give each shard the next one when something changes,
/// so that content need not ask them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bulletin {
    /// What people are told while the server is being looked after; `None` while it is not.
    pub maintenance: Option<String>,
    /// The same with its times, from when it is announced.
    pub planned: Option<Maintenance>,
    /// Who may do what only moderators of the server may, and come in during maintenance.
    pub moderators: BTreeSet<AccountId>,
    /// Who may say nothing anywhere, and until when.
    pub muted: BTreeMap<AccountId, Until>,
}

impl Bulletin {
    /// Whether an account may do what only moderators of the server may.
    pub fn is_moderator(&self, account: AccountId) -> bool {
        self.moderators.contains(&account)
    }

    /// Until when an account may say nothing at `at`, if it may not.
    pub fn muted(&self, account: AccountId, at: UnixMs) -> Option<Until> {
        let until = self.muted.get(&account).copied();
        until.filter(|until| until.lasts(at))
    }
}

/// That the server will be looked after, or is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// What people are told.
    pub text: String,
    /// When it begins; `None` if it has.
    pub begins: Option<UnixMs>,
    /// When it ends by itself, if it does.
    pub ends: Option<UnixMs>,
}

impl Maintenance {
    /// One that has begun and ends when it is ended.
    pub fn now(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Whether it has begun at `at`, and lasts.
    pub fn is_on(&self, at: UnixMs) -> bool {
        self.begins.is_none_or(|begins| begins <= at) && !self.is_over(at)
    }

    /// Whether it has ended by itself at `at`.
    pub fn is_over(&self, at: UnixMs) -> bool {
        self.ends.is_some_and(|ends| ends <= at)
    }

    /// When something changes about it next by itself, after `at`.
    pub fn next(&self, at: UnixMs) -> Option<UnixMs> {
        let times = [self.begins, self.ends].into_iter().flatten();
        times.filter(|time| *time > at).min()
    }

    /// As it is kept: its text, behind its times if it has any. No text begins as times do, with a
    /// control character.
    pub fn to_setting(&self) -> String {
        let Self { text, begins, ends } = self;
        match (begins, ends) {
            (None, None) => text.clone(),
            _ => {
                let (begins, ends) = (begins.unwrap_or(0), ends.unwrap_or(0));
                format!("\u{1}{begins} {ends}\n{text}")
            }
        }
    }

    /// What was kept.
    pub fn of_setting(setting: &str) -> Self {
        let times = setting
            .strip_prefix('\u{1}')
            .and_then(|kept| kept.split_once('\n'))
            .and_then(|(times, text)| Some((times.split_once(' ')?, text)));
        let Some(((begins, ends), text)) = times else {
            return Self::now(setting);
        };
        let time = |time: &str| time.parse().ok().filter(|time: &UnixMs| *time > 0);
        Self {
            text: text.to_owned(),
            begins: time(begins),
            ends: time(ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_kept_with_its_times_and_a_text_without_as_it_is() {
        for (begins, ends) in [
            (None, None),
            (Some(5), None),
            (None, Some(9)),
            (Some(5), Some(9)),
        ] {
            let text = "new rooms\nuntil noon".to_owned();
            let plan = Maintenance { text, begins, ends };
            assert_eq!(Maintenance::of_setting(&plan.to_setting()), plan);
        }
        assert_eq!(Maintenance::now("1 2\nx").to_setting(), "1 2\nx");
    }

    #[test]
    fn a_plan_is_on_between_its_times() {
        let (begins, ends) = (Some(5), Some(9));
        let plan = Maintenance {
            begins,
            ends,
            ..Maintenance::now("x")
        };
        let is_on: Vec<bool> = [4, 5, 8, 9].map(|at| plan.is_on(at)).into();
        assert_eq!(is_on, [false, true, true, false]);
        assert_eq!([4, 5, 9].map(|at| plan.next(at)), [Some(5), Some(9), None]);
        assert!(Maintenance::now("x").is_on(0) && !Maintenance::now("x").is_over(i64::MAX));
    }

    #[test]
    fn a_mute_lasts_until_its_time_and_no_longer() {
        let (kim, lee) = (AccountId::new(1), AccountId::new(2));
        let bulletin = Bulletin {
            muted: [(kim, Until::Time(10)), (lee, Until::TakenBack)].into(),
            ..Bulletin::default()
        };
        assert_eq!(bulletin.muted(kim, 9), Some(Until::Time(10)));
        assert_eq!(bulletin.muted(kim, 10), None);
        assert_eq!(bulletin.muted(lee, i64::MAX), Some(Until::TakenBack));
        assert_eq!(bulletin.muted(AccountId::new(3), 0), None);
    }
}
