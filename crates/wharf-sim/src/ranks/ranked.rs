//! Who is what in one room.

use std::collections::BTreeMap;
use wharf_data::room::{self, Role, Standing, Until};
use wharf_data::{AccountId, UnixMs};

/// What is known of one room.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) is_persistent: bool,
    /// Whether the store has deleted it.
    pub(super) is_deleted: bool,
    /// What somebody may be taken for; the last is what they are. Nobody else is more than a
    /// member.
    pub(super) people: BTreeMap<AccountId, Vec<Standing>>,
}

pub(super) const MEMBER: Standing = Standing {
    role: Role::Member,
    ban: None,
    mute: None,
};

impl Ranked {
    pub(super) fn known(&self, account: AccountId) -> Vec<Standing> {
        self.people.get(&account).cloned().unwrap_or(vec![MEMBER])
    }

    /// What somebody is.
    pub(super) fn is(&self, account: AccountId) -> Standing {
        let last = self.people.get(&account).and_then(|known| known.last());
        last.copied().unwrap_or(MEMBER)
    }

    /// Whether one may do something to another that needs at least that role.
    pub(super) fn may(&self, by: AccountId, account: AccountId, least: Role) -> bool {
        let role = self.is(by).role;
        role >= least && role > self.is(account).role
    }

    /// The same, by anything that they may be taken for.
    pub(super) fn might(&self, by: AccountId, account: AccountId, least: Role) -> bool {
        let (own, theirs) = (self.known(by), self.known(account));
        let mut pairs = own
            .iter()
            .flat_map(|own| theirs.iter().map(move |it| (own, it)));
        pairs.any(|(own, theirs)| own.role >= least && own.role > theirs.role)
    }

    /// Does something to somebody; what they are then.
    pub(super) fn apply(
        &mut self,
        by: AccountId,
        account: AccountId,
        measure: room::Measure,
        at: UnixMs,
    ) -> Standing {
        let lasting = |until: Option<Until>| until.filter(|until| until.lasts(at));
        let was = self.is(account);
        let was = Standing {
            ban: lasting(was.ban),
            mute: lasting(was.mute),
            ..was
        };
        let ranked = |role| Standing { role, ..was };
        let is = match measure {
            room::Measure::Ban(until) => Standing {
                role: Role::Member,
                ban: Some(until),
                ..was
            },
            room::Measure::Unban => Standing { ban: None, ..was },
            room::Measure::Mute(until) => Standing {
                mute: Some(until),
                ..was
            },
            room::Measure::Unmute => Standing { mute: None, ..was },
            room::Measure::Rank(role) => ranked(role),
            room::Measure::HandOver => ranked(Role::Owner),
        };
        self.make(account, is);
        if measure == room::Measure::HandOver {
            let role = Role::Moderator;
            self.make(
                by,
                Standing {
                    role,
                    ..self.is(by)
                },
            );
        }
        let is_owner = |known: &&Vec<Standing>| known.last().map(|it| it.role) == Some(Role::Owner);
        let owners = self.people.values().filter(is_owner).count();
        assert_eq!(owners, 1, "{measure:?} by {by} to {account}: {self:?}");
        // An end that has come already is none.
        Standing {
            ban: lasting(is.ban),
            mute: lasting(is.mute),
            ..is
        }
    }

    fn make(&mut self, account: AccountId, standing: Standing) {
        self.people
            .entry(account)
            .or_insert(vec![MEMBER])
            .push(standing);
    }

    /// From here on somebody is taken for what they are.
    pub(super) fn settle(&mut self, account: AccountId) {
        if let Some(known) = self.people.get_mut(&account) {
            settle(known);
        }
    }
}

/// Only the last holds.
pub(super) fn settle(known: &mut Vec<Standing>) {
    known.drain(..known.len() - 1);
}
