//! What is done in a room that is here alone, and what is kept of no room: at once, by the rules
//! that the store has for rooms that stay.

use super::Rooms;
use super::flow::{Act, Deed};
use super::hall::Verdict;
use crate::canary::Canary;
use wharf_data::access::Error;
use wharf_data::room::{self, Role};
use wharf_data::rooms::{Measure, Moderated, Outcome};
use wharf_data::{AccountId, Refusal, Reply, Target};

impl Rooms {
    /// The store knows whether a room has the name that one which does not stay is to have.
    pub(super) fn found_for(&mut self, act: Act, reply: Reply) {
        match reply {
            // Nobody else may have it between the two: nothing is done in between.
            Err(Refusal::NotFound) => self.act_at_once(act),
            Ok(_) => self.refuse(act.caller, Error::Taken),
            Err(refusal) => self.refuse(act.caller, Self::error_of_act(refusal)),
        }
    }

    /// Does an act in a room that is here alone.
    pub(super) fn act_at_once(&mut self, act: Act) {
        let Act {
            caller,
            here,
            deed,
            reason: why,
        } = act;
        let (at, most) = (self.at, self.options.standings_max);
        let Some(hall) = self.halls.get_mut(&here.room) else {
            return self.refuse(caller, Error::Conflict);
        };
        let is_owner = caller.is_operator || hall.role(caller.by) == Role::Owner;
        let judged = match self.options.planted.is(Canary::OwnersName) {
            true => hall.owner().unwrap_or(caller.by),
            false => caller.by,
        };
        let target = Target::Room(here.room);
        match deed {
            Deed::Moderate {
                account, reason, ..
            } if caller.is_operator => match hall.hand_over(account, at, most) {
                Err(refusal) => self.refuse(caller, Self::error_of_act(refusal)),
                Ok(standing) => {
                    let target = Target::Member(here.room, account);
                    self.note(caller, word_of(Measure::HandOver), target, reason);
                    self.moderated(here.room, caller, (account, Measure::HandOver), standing);
                }
            },
            Deed::Moderate {
                account,
                name,
                measure,
                reason,
            } => match hall.moderate((judged, account), measure, at, most) {
                Err(refusal) => self.refuse(caller, Self::error_of_act(refusal)),
                Ok(standing) => {
                    let target = Target::Member(here.room, account);
                    if matches!(measure, Measure::Ban(_)) {
                        let (by, reason) = (caller.by.get(), reason.clone());
                        let verdict = Verdict { name, by, reason };
                        hall.verdicts.insert(account, verdict);
                    }
                    self.note(caller, word_of(measure), target, reason);
                    self.moderated(here.room, caller, (account, measure), standing);
                }
            },
            // Nothing that is said there is kept.
            Deed::Remove(_) => self.refuse(caller, Error::NotFound),
            _ if !is_owner => self.refuse(caller, Error::Forbidden),
            Deed::Change(change) => {
                let name = change.name.clone();
                apply(&mut hall.settings, change);
                if let Some(name) = name {
                    self.rename(here.room, name.as_str());
                }
                self.note(caller, "room.change", target, why);
                self.changed(here.room, caller);
            }
            Deed::Close => {
                hall.is_broken = true;
                self.note(caller, "room.delete", target, why.clone());
                self.done(caller);
                self.closed(here.room, caller, why);
                self.give_up_acts(here.room);
            }
        }
    }

    /// Sends somebody out, who may come again: nothing is kept but that it was done.
    pub(super) fn kick(&mut self, act: Act, account: AccountId) {
        let Act {
            caller, here, deed, ..
        } = act;
        let at = self.at;
        let Some(hall) = self.halls.get(&here.room) else {
            return self.refuse(caller, Error::Conflict);
        };
        let (role, of_target) = (hall.role(caller.by), hall.role(account));
        let entries = hall.entries(account);
        let standing = hall.standing(account, at);
        if role < Role::Moderator || role <= of_target {
            return self.refuse(caller, Error::Forbidden);
        }
        if entries.is_empty() {
            return self.refuse(caller, Error::NotFound);
        }
        let reason = match deed {
            Deed::Moderate { reason, .. } => reason,
            _ => String::new(),
        };
        let target = Target::Member(here.room, account);
        self.note(caller, "room.kick", target, reason);
        let moderated = Moderated {
            standing,
            is_out: true,
            entries,
            is_sure: true,
        };
        self.reply(caller, Outcome::Moderated(Box::new(moderated)));
    }
}

fn word_of(measure: Measure) -> &'static str {
    match measure {
        Measure::Kick => "room.kick",
        Measure::Ban(_) => "room.ban",
        Measure::Unban => "room.unban",
        Measure::Mute(_) => "room.mute",
        Measure::Unmute => "room.unmute",
        Measure::Promote | Measure::Demote => "room.rank",
        Measure::HandOver => "room.hand_over",
    }
}

fn apply(settings: &mut room::Settings, change: room::Change) {
    let room::Change {
        name: _,
        topic,
        password,
        members_max,
        is_hidden,
        is_locked,
        slow_ms,
        options,
    } = change;
    settings.topic = topic.unwrap_or(core::mem::take(&mut settings.topic));
    settings.password = password.unwrap_or(settings.password.take());
    settings.members_max = members_max.unwrap_or(settings.members_max);
    settings.is_hidden = is_hidden.unwrap_or(settings.is_hidden);
    settings.is_locked = is_locked.unwrap_or(settings.is_locked);
    settings.slow_ms = slow_ms.unwrap_or(settings.slow_ms);
    settings.options = options.unwrap_or(core::mem::take(&mut settings.options));
}
