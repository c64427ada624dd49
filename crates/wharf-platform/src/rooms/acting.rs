//! What is done in a room: changes, moderation, its end. In a room that stays one act after the
//! other, each a transaction of the store with its entry in the audit log; in one that does not at
//! once, by the same rules, with the entry behind it.

use super::flow::{Act, Caller, Deed, Flow};
use super::hall::{MEMBER, Verdict, until_of};
use super::making::password_of;
use super::{BUSY, Rooms};
use wharf_data::access::Error;
use wharf_data::audit::{self, Entry};
use wharf_data::message::{self, Place};
use wharf_data::room::{self, Answer, Measure as Kept, Role, Standing};
use wharf_data::rooms::{Change, Here, Measure, Moderated, Outcome};
use wharf_data::{AccountId, Ask, Refusal, Reply, RoomId, Target};

impl Rooms {
    /// A change: a new password is hashed first.
    pub(super) fn change(&mut self, caller: Caller, here: Here, change: Change) {
        if change.name.is_some() {
            return self.refuse(
                caller,
                Error::Invalid {
                    field: "name",
                    text: "a room keeps the name that it was made with".into(),
                },
            );
        }
        let members_max = change.members_max.map(|wished| self.members_max(wished));
        let Some(hall) = self.hall_of(here) else {
            return self.refuse(caller, Error::Conflict);
        };
        // What takes a hash's time is not begun for whoever may not; the store has the last word.
        if hall.role(caller.by) < Role::Owner {
            return self.refuse(caller, Error::Forbidden);
        }
        let mut kept = room::Change {
            topic: change.topic,
            password: None,
            members_max,
            is_hidden: change.is_hidden,
            is_locked: change.is_locked,
            slow_ms: change.slow_ms,
            options: None,
        };
        match change.password.map(|typed| password_of(&typed)) {
            None => {}
            Some(Err(error)) => return self.refuse(caller, error),
            Some(Ok(None)) => kept.password = Some(None),
            Some(Ok(Some(_))) if !self.may_hash() => return self.refuse(caller, BUSY),
            Some(Ok(Some(password))) => {
                let work = self.work_of(password);
                let flow = Flow::Rehashing(Box::new((caller, here, kept)));
                return self.hash(flow, work);
            }
        }
        self.act(caller, here, Deed::Change(kept));
    }

    /// Does something in a room, when it is its turn.
    pub(super) fn act(&mut self, caller: Caller, here: Here, deed: Deed) {
        let acts_max = self.options.acts_max;
        let Some(hall) = self.hall_of(here).filter(|hall| !hall.is_broken) else {
            return self.refuse(caller, Error::Conflict);
        };
        if hall.acts.len() >= acts_max {
            return self.refuse(caller, BUSY);
        }
        hall.acts.push_back(Act { caller, here, deed });
        self.next_act(here.room);
    }

    fn next_act(&mut self, room: RoomId) {
        while let Some(hall) = self.halls.get_mut(&room)
            && !hall.is_acting
            && let Some(act) = hall.acts.pop_front()
        {
            match (hall.is_persistent, &act.deed) {
                (
                    _,
                    &Deed::Moderate {
                        measure: Measure::Kick,
                        account,
                        ..
                    },
                ) => {
                    self.kick(act, account);
                }
                (true, _) => {
                    hall.is_acting = true;
                    let held = (room, hall.epoch);
                    let ask = self.ask_of(&act, held);
                    self.ask(Flow::Acting(room, Box::new(act)), ask);
                }
                (false, _) => self.act_at_once(act),
            }
        }
        self.rest_or_drop(room);
    }

    /// The transaction that an act is.
    fn ask_of(&mut self, act: &Act, held: (RoomId, room::Epoch)) -> Ask {
        let by = act.caller.by;
        match &act.deed {
            Deed::Change(change) => Ask::Room(room::Ask::Change {
                room: held,
                change: change.clone(),
                act: self.audit_act(by, String::new()),
            }),
            Deed::Moderate {
                account,
                measure,
                reason,
                ..
            } => Ask::Room(room::Ask::Moderate {
                room: held,
                account: *account,
                measure: self.kept_measure(*measure),
                act: self.audit_act(by, reason.clone()),
            }),
            Deed::Remove(seq) => Ask::Message(message::Ask::Remove {
                place: Place::Room(held.0),
                seq: *seq,
                act: self.audit_act(by, String::new()),
            }),
            Deed::Close => Ask::Room(room::Ask::Delete {
                room: held,
                act: self.audit_act(by, String::new()),
            }),
        }
    }

    fn kept_measure(&self, measure: Measure) -> Kept {
        match measure {
            Measure::Ban(seconds) => Kept::Ban(until_of(seconds, self.at)),
            Measure::Unban => Kept::Unban,
            Measure::Mute(seconds) => Kept::Mute(until_of(seconds, self.at)),
            // A kick is not kept; it never comes here.
            Measure::Unmute | Measure::Kick => Kept::Unmute,
            Measure::Promote => Kept::Rank(Role::Moderator),
            Measure::Demote => Kept::Rank(Role::Member),
            Measure::HandOver => Kept::HandOver,
        }
    }

    /// The store has done an act, or not.
    pub(super) fn acted(&mut self, room: RoomId, act: Act, reply: Reply) {
        let Act { caller, deed, .. } = act;
        let Some(hall) = self.halls.get_mut(&room) else {
            return self.refuse(caller, Error::Conflict);
        };
        hall.is_acting = false;
        // Somebody else has it, or it is no more: what is in memory is worth nothing.
        let is_lost = matches!(reply, Err(Refusal::Fenced))
            || matches!(
                (&deed, &reply),
                (Deed::Close | Deed::Change(_), Err(Refusal::NotFound))
            );
        hall.is_broken |= is_lost;
        match (deed, reply) {
            (Deed::Change(_), Ok(wharf_data::Answer::Room(Answer::Room(kept)))) => {
                hall.settings = kept.settings;
                self.changes.look(room);
                let info = Box::new(hall.info());
                self.reply(caller, Outcome::Changed(info));
            }
            (
                Deed::Moderate {
                    account, measure, ..
                },
                Ok(wharf_data::Answer::Room(Answer::Standing(standing))),
            ) => self.moderated(room, caller, (account, measure), standing),
            (
                Deed::Moderate {
                    account,
                    measure: Measure::Ban(seconds),
                    ..
                },
                Err(Refusal::Unavailable),
            ) => {
                let ban = Some(until_of(seconds, self.at));
                self.put_out_unsure(room, caller, account, Standing { ban, ..MEMBER });
            }
            (Deed::Close, Ok(wharf_data::Answer::Done)) => {
                hall.is_broken = true;
                self.done(caller);
            }
            (Deed::Remove(_), Ok(wharf_data::Answer::Done)) => self.done(caller),
            (_, Ok(_)) => self.refuse(caller, Error::Unavailable),
            (_, Err(refusal)) => self.refuse(caller, Self::error_of_act(refusal)),
        }
        if self.halls.get(&room).is_some_and(|hall| hall.is_broken) {
            self.give_up_acts(room);
        }
        self.next_act(room);
    }

    /// Nothing more is done in a room that has ended.
    fn give_up_acts(&mut self, room: RoomId) {
        self.changes.look(room);
        let hall = self.halls.get_mut(&room);
        let acts = hall.map(|hall| core::mem::take(&mut hall.acts));
        for act in acts.unwrap_or_default() {
            self.refuse(act.caller, Error::Conflict);
        }
    }

    /// Whether it was done is not known: nobody who may be banned stays.
    fn put_out_unsure(
        &mut self,
        room: RoomId,
        caller: Caller,
        account: AccountId,
        standing: Standing,
    ) {
        let hall = self.halls.get(&room);
        let entries = hall.map(|hall| hall.entries(account)).unwrap_or_default();
        self.outdate(room, account, standing);
        let moderated = Moderated {
            standing,
            is_out: true,
            entries,
            is_sure: false,
        };
        self.reply(caller, Outcome::Moderated(Box::new(moderated)));
    }

    /// Somebody is something else now; the room is told by which entries it knows them.
    fn moderated(
        &mut self,
        room: RoomId,
        caller: Caller,
        (account, measure): (AccountId, Measure),
        standing: Standing,
    ) {
        let Some(hall) = self.halls.get_mut(&room) else {
            return self.refuse(caller, Error::Conflict);
        };
        let entries = hall.set_role(account, standing.role);
        if measure == Measure::HandOver {
            hall.set_role(caller.by, Role::Moderator);
        }
        self.outdate(room, account, standing);
        if measure == Measure::HandOver {
            self.outdate_owner(room, caller.by);
        }
        let moderated = Moderated {
            standing,
            is_out: matches!(measure, Measure::Kick | Measure::Ban(_)),
            entries,
            is_sure: true,
        };
        self.reply(caller, Outcome::Moderated(Box::new(moderated)));
    }

    /// Sends somebody out, who may come again: nothing is kept but that it was done.
    fn kick(&mut self, act: Act, account: AccountId) {
        let Act { caller, here, deed } = act;
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
        self.note(caller.by, "room.kick", target, reason);
        let moderated = Moderated {
            standing,
            is_out: true,
            entries,
            is_sure: true,
        };
        self.reply(caller, Outcome::Moderated(Box::new(moderated)));
    }

    /// Does an act in a room that is here alone.
    fn act_at_once(&mut self, act: Act) {
        let Act { caller, here, deed } = act;
        let (at, most) = (self.at, self.options.standings_max);
        let Some(hall) = self.halls.get_mut(&here.room) else {
            return self.refuse(caller, Error::Conflict);
        };
        let is_owner = hall.role(caller.by) == Role::Owner;
        let target = Target::Room(here.room);
        match deed {
            Deed::Moderate {
                account,
                name,
                measure,
                reason,
            } => match hall.moderate((caller.by, account), measure, at, most) {
                Err(refusal) => self.refuse(caller, Self::error_of_act(refusal)),
                Ok(standing) => {
                    let target = Target::Member(here.room, account);
                    if matches!(measure, Measure::Ban(_)) {
                        let (by, reason) = (caller.by.get(), reason.clone());
                        let verdict = Verdict { name, by, reason };
                        hall.verdicts.insert(account, verdict);
                    }
                    self.note(caller.by, word_of(measure), target, reason);
                    self.moderated(here.room, caller, (account, measure), standing);
                }
            },
            // Nothing that is said there is kept.
            Deed::Remove(_) => self.refuse(caller, Error::NotFound),
            _ if !is_owner => self.refuse(caller, Error::Forbidden),
            Deed::Change(change) => {
                apply(&mut hall.settings, change);
                self.changes.look(here.room);
                let info = Box::new(hall.info());
                self.note(caller.by, "room.change", target, String::new());
                self.reply(caller, Outcome::Changed(info));
            }
            Deed::Close => {
                hall.is_broken = true;
                self.note(caller.by, "room.delete", target, String::new());
                self.done(caller);
                self.give_up_acts(here.room);
            }
        }
    }

    /// An entry in the audit log about what the store has no part in.
    fn note(&mut self, by: AccountId, action: &str, target: Target, reason: String) {
        let entry = Entry {
            act: self.audit_act(by, reason),
            action: action.to_owned(),
            target,
            before: String::new(),
            after: String::new(),
        };
        self.ask(Flow::Noting, Ask::Audit(audit::Ask::Write(entry)));
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
