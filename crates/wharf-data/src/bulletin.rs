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

#[cfg(test)]
mod tests {
    use super::*;

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
