//! One open room: what it is, who is in it, and who may do what.

use super::flow::Act;
use crate::{SessionTag, Ticket};
use std::collections::{BTreeMap, VecDeque};
use wharf_base::Instant;
use wharf_data::room::{Epoch, Role, Settings, Standing, Until};
use wharf_data::rooms::{EntryId, Info, Measure, News, Opening};
use wharf_data::{AccountId, NameKey, Refusal, RoomId, UnixMs};

/// Somebody who is in a room, or on the way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occupant {
    pub(super) account: AccountId,
    pub(super) session: SessionTag,
    pub(super) role: Role,
}

/// A room that is open.
pub(super) struct Hall {
    pub(super) id: RoomId,
    pub(super) slot: u32,
    pub(super) opening: Opening,
    /// What it shows the store; 0 if it does not stay.
    pub(super) epoch: Epoch,
    pub(super) is_persistent: bool,
    pub(super) name: String,
    pub(super) key: NameKey,
    pub(super) settings: Settings,
    pub(super) last_seq: i64,
    pub(super) creator: AccountId,
    /// Whether somebody has come in.
    pub(super) has_begun: bool,
    /// What it knew is gone: nobody enters this opening any more.
    pub(super) is_broken: bool,
    pub(super) inside: BTreeMap<EntryId, Occupant>,
    /// Who is more or less than a member, if it does not stay; the store knows of the others.
    pub(super) standings: BTreeMap<AccountId, Standing>,
    /// Why some of those are banned.
    pub(super) verdicts: BTreeMap<AccountId, Verdict>,
    /// Those who are about to be let in or not.
    pub(super) pending: u32,
    /// What waits for the act that the store is at.
    pub(super) acts: VecDeque<Act>,
    pub(super) is_acting: bool,
    /// The room's question after what was done to it from outside, and what it has not heard yet.
    pub(super) watch: Option<Ticket>,
    pub(super) news: VecDeque<News>,
    /// Since when nobody is there.
    pub(super) idle_since: Option<Instant>,
}

/// Why somebody is kept out, as far as others may read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// How they were called, if they were there.
    pub(super) name: String,
    /// The moderator.
    pub(super) by: i64,
    /// What that said.
    pub(super) reason: String,
}

pub(super) const MEMBER: Standing = Standing {
    role: Role::Member,
    ban: None,
    mute: None,
};

impl Hall {
    pub(super) fn info(&self) -> Info {
        let settings = &self.settings;
        Info {
            room: self.id,
            name: self.name.clone(),
            topic: settings.topic.clone(),
            members: self.inside.len() as u32,
            members_max: settings.members_max,
            has_password: settings.password.is_some(),
            is_locked: settings.is_locked,
            is_hidden: settings.is_hidden,
            is_persistent: self.is_persistent,
            history: settings.history,
            slow_ms: settings.slow_ms,
            number: None,
        }
    }

    /// Whether nobody needs it: its place may be another's.
    pub(super) fn is_unused(&self) -> bool {
        self.inside.is_empty() && self.pending == 0 && self.acts.is_empty() && !self.is_acting
    }

    /// What somebody is in a room that does not stay.
    pub(super) fn standing(&self, account: AccountId, at: UnixMs) -> Standing {
        let standing = self.standings.get(&account).copied().unwrap_or(MEMBER);
        let lasting = |until: Option<Until>| until.filter(|until| until.lasts(at));
        Standing {
            ban: lasting(standing.ban),
            mute: lasting(standing.mute),
            ..standing
        }
    }

    /// Whose a room that does not stay is.
    pub(super) fn owner(&self) -> Option<AccountId> {
        let mut standings = self.standings.iter();
        let owner = standings.find(|(_, it)| it.role == Role::Owner);
        owner.map(|(account, _)| *account)
    }

    /// The role of somebody: in a room that stays, of somebody who is there.
    pub(super) fn role(&self, account: AccountId) -> Role {
        if !self.is_persistent {
            return self
                .standings
                .get(&account)
                .map_or(Role::Member, |it| it.role);
        }
        let mut there = self.inside.values().filter(|it| it.account == account);
        there.next().map_or(Role::Member, |it| it.role)
    }

    /// Remembers what somebody is from now on, and tells by which entries they are there.
    pub(super) fn set_role(&mut self, account: AccountId, role: Role) -> Vec<EntryId> {
        let mut entries = Vec::new();
        for (entry, occupant) in &mut self.inside {
            if occupant.account == account {
                occupant.role = role;
                entries.push(*entry);
            }
        }
        entries
    }

    /// Who is there as its owner, but for one.
    pub(super) fn other_owners(&self, account: AccountId) -> Vec<AccountId> {
        let owners = self.inside.values().filter(|it| it.role == Role::Owner);
        let owners = owners.map(|it| it.account);
        owners.filter(|owner| *owner != account).collect()
    }

    /// By which entries somebody is there.
    pub(super) fn entries(&self, account: AccountId) -> Vec<EntryId> {
        let there = self.inside.iter().filter(|(_, it)| it.account == account);
        there.map(|(entry, _)| *entry).collect()
    }

    /// Does something to somebody in a room that does not stay, by the rules that the store has for
    /// those that do. What they are then.
    ///
    /// # Errors
    /// Why that may not be.
    pub(super) fn moderate(
        &mut self,
        (by, account): (AccountId, AccountId),
        measure: Measure,
        at: UnixMs,
        standings_max: usize,
    ) -> Result<Standing, Refusal> {
        let (role, was) = (self.role(by), self.standing(account, at));
        let least = match measure {
            Measure::Promote | Measure::Demote | Measure::HandOver => Role::Owner,
            _ => Role::Moderator,
        };
        if role < least || role <= was.role {
            return Err(Refusal::Forbidden);
        }
        if least == Role::Owner && was.ban.is_some() {
            return Err(Refusal::Conflict);
        }
        let until = |seconds| Until::after_seconds(at, seconds);
        let is = match measure {
            Measure::Kick => was,
            Measure::Ban(seconds) => Standing {
                role: Role::Member,
                ban: Some(until(seconds)),
                ..was
            },
            Measure::Unban => Standing { ban: None, ..was },
            Measure::Mute(seconds) => Standing {
                mute: Some(until(seconds)),
                ..was
            },
            Measure::Unmute => Standing { mute: None, ..was },
            Measure::Promote => Standing {
                role: Role::Moderator,
                ..was
            },
            Measure::Demote => Standing {
                role: Role::Member,
                ..was
            },
            Measure::HandOver => Standing {
                role: Role::Owner,
                ..was
            },
        };
        self.remember(account, is, at, standings_max)?;
        if measure == Measure::HandOver {
            let own = Standing {
                role: Role::Moderator,
                ..self.standing(by, at)
            };
            self.standings.insert(by, own);
        }
        Ok(is)
    }

    /// Makes somebody the owner of a room that does not stay, whoever was it.
    ///
    /// # Errors
    /// Why that may not be.
    pub(super) fn hand_over(
        &mut self,
        account: AccountId,
        at: UnixMs,
        standings_max: usize,
    ) -> Result<Standing, Refusal> {
        if self.entries(account).is_empty() {
            return Err(Refusal::NotFound);
        }
        let role = Role::Owner;
        let standing = self.standing(account, at);
        let is = Standing { role, ..standing };
        self.remember(account, is, at, standings_max)?;
        for (other, standing) in &mut self.standings {
            if *other != account && standing.role == Role::Owner {
                standing.role = Role::Moderator;
            }
        }
        Ok(is)
    }

    fn remember(
        &mut self,
        account: AccountId,
        standing: Standing,
        at: UnixMs,
        most: usize,
    ) -> Result<(), Refusal> {
        if standing.ban.is_none() {
            self.verdicts.remove(&account);
        }
        if standing == MEMBER {
            self.standings.remove(&account);
            return Ok(());
        }
        if self.standings.len() >= most && !self.standings.contains_key(&account) {
            let lasts = |until: &Option<Until>| until.is_some_and(|until| until.lasts(at));
            self.standings
                .retain(|_, it| it.role > Role::Member || lasts(&it.ban) || lasts(&it.mute));
            let standings = &self.standings;
            self.verdicts
                .retain(|account, _| standings.contains_key(account));
            if self.standings.len() >= most {
                return Err(Refusal::Full);
            }
        }
        self.standings.insert(account, standing);
        Ok(())
    }
}
