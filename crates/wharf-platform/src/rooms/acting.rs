//! What is done in a room: changes, moderation, its end. In a room that stays one act after the
//! other, each a transaction of the store with its entry in the audit log; in one that does not at
//! once, by the same rules, with the entry behind it.

use super::flow::{Act, Caller, Deed, Flow};
use super::hall::MEMBER;
use super::making::{name_of, password_of};
use super::{BUSY, Rooms};
use wharf_data::access::Error;
use wharf_data::audit::{self, Entry};
use wharf_data::message::{self, Place};
use wharf_data::room::{self, Answer, Measure as Kept, Role, Standing, Until};
use wharf_data::rooms::{Change, Here, Measure, Moderated, News, Outcome};
use wharf_data::{AccountId, Ask, Refusal, Reply, RoomId, Target};

/// What those in a room are told that is not this server's any more.
pub(super) const LOST: &str = "the room was closed, or is open on another server";

impl Rooms {
    /// A change: a new password is hashed first.
    pub(super) fn change(&mut self, caller: Caller, here: Here, change: Change) {
        let name = match change.name.as_deref().map(name_of).transpose() {
            Ok(name) => name,
            Err(error) => return self.refuse(caller, error),
        };
        let members_max = change.members_max.map(|wished| self.members_max(wished));
        let Some(hall) = self.hall_of(here) else {
            return self.refuse(caller, Error::Conflict);
        };
        // What takes a hash's time is not begun for whoever may not; the store has the last word.
        if hall.role(caller.by) < Role::Owner {
            return self.refuse(caller, Error::Forbidden);
        }
        let mut kept = room::Change {
            name,
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
        self.act(caller, here, Deed::Change(kept), String::new());
    }

    /// Does something in a room, when it is its turn.
    pub(super) fn act(&mut self, caller: Caller, here: Here, deed: Deed, reason: String) {
        let acts_max = self.options.acts_max;
        let Some(hall) = self.hall_of(here).filter(|hall| !hall.is_broken) else {
            return self.refuse(caller, Error::Conflict);
        };
        if hall.acts.len() >= acts_max {
            return self.refuse(caller, BUSY);
        }
        hall.acts.push_back(Act {
            caller,
            here,
            deed,
            reason,
        });
        self.next_act(here.room);
    }

    fn next_act(&mut self, room: RoomId) {
        while let Some(hall) = self.halls.get_mut(&room)
            && !hall.is_acting
            && let Some(act) = hall.acts.pop_front()
        {
            let is_persistent = hall.is_persistent;
            let name = match self.reserve_name(room, &act) {
                Ok(name) => name,
                Err(error) => {
                    self.refuse(act.caller, error);
                    continue;
                }
            };
            match (is_persistent, &act.deed) {
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
                    let epoch = self.begin_act(room);
                    let ask = self.ask_of(&act, (room, epoch));
                    self.ask(Flow::Acting(room, Box::new(act)), ask);
                }
                // Whether a room that stays has that name, the store knows.
                (false, _) if let Some(by) = name.map(room::By::Name) => {
                    self.begin_act(room);
                    let ask = Ask::Room(room::Ask::Find { by });
                    self.ask(Flow::Acting(room, Box::new(act)), ask);
                }
                (false, _) => self.act_at_once(act),
            }
        }
        self.rest_or_drop(room);
    }

    /// The store is asked on account of a room.
    fn begin_act(&mut self, room: RoomId) -> room::Epoch {
        let hall = self.halls.get_mut(&room);
        hall.map_or(0, |hall| {
            hall.is_acting = true;
            hall.epoch
        })
    }

    /// The transaction that an act is.
    fn ask_of(&mut self, act: &Act, held: (RoomId, room::Epoch)) -> Ask {
        let by = act.caller;
        match &act.deed {
            Deed::Change(change) => Ask::Room(room::Ask::Change {
                room: held,
                change: change.clone(),
                act: self.audit_act(by, act.reason.clone()),
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
                act: self.audit_act(by, act.reason.clone()),
            }),
        }
    }

    fn kept_measure(&self, measure: Measure) -> Kept {
        match measure {
            Measure::Ban(seconds) => Kept::Ban(Until::after_seconds(self.at, seconds)),
            Measure::Unban => Kept::Unban,
            Measure::Mute(seconds) => Kept::Mute(Until::after_seconds(self.at, seconds)),
            // A kick is not kept; it never comes here.
            Measure::Unmute | Measure::Kick => Kept::Unmute,
            Measure::Promote => Kept::Rank(Role::Moderator),
            Measure::Demote => Kept::Rank(Role::Member),
            Measure::HandOver => Kept::HandOver,
        }
    }

    /// The store has done an act, or not.
    pub(super) fn acted(&mut self, room: RoomId, act: Act, reply: Reply) {
        self.release_name(room, &act.deed);
        let Some(hall) = self.halls.get_mut(&room) else {
            return self.refuse(act.caller, Error::Conflict);
        };
        hall.is_acting = false;
        if !hall.is_persistent {
            self.found_for(act, reply);
            return self.next_act(room);
        }
        let Act {
            caller,
            deed,
            reason,
            ..
        } = act;
        // Somebody else has it, or it is no more: what is in memory is worth nothing.
        let is_lost = matches!(reply, Err(Refusal::Fenced))
            || matches!(
                (&deed, &reply),
                (Deed::Close | Deed::Change(_), Err(Refusal::NotFound))
            );
        hall.is_broken |= is_lost;
        let is_closed = matches!((&deed, &reply), (Deed::Close, Ok(_)));
        let is_lost = hall.is_broken && !is_closed;
        match (deed, reply) {
            (Deed::Change(_), Ok(wharf_data::Answer::Room(Answer::Room(kept)))) => {
                hall.settings = kept.settings;
                self.rename(room, &kept.name);
                self.changed(room, caller);
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
                let ban = Some(Until::after_seconds(self.at, seconds));
                self.put_out_unsure(room, caller, account, Standing { ban, ..MEMBER });
            }
            (Deed::Close, Ok(wharf_data::Answer::Done)) => {
                hall.is_broken = true;
                self.done(caller);
                self.closed(room, caller, reason);
            }
            (Deed::Remove(_), Ok(wharf_data::Answer::Done)) => self.done(caller),
            (_, Ok(_)) => self.refuse(caller, Error::Unavailable),
            (_, Err(refusal)) => self.refuse(caller, Self::error_of_act(refusal)),
        }
        if is_lost {
            self.tell(room, News::Closed(LOST.to_owned()));
        }
        if self.halls.get(&room).is_some_and(|hall| hall.is_broken) {
            self.give_up_acts(room);
        }
        self.next_act(room);
    }

    /// A room is something else now: whoever asked is told, or the room is.
    pub(super) fn changed(&mut self, room: RoomId, caller: Caller) {
        self.changes.look(room);
        let Some(info) = self.halls.get(&room).map(|hall| Box::new(hall.info())) else {
            return self.refuse(caller, Error::Conflict);
        };
        if caller.is_operator {
            self.tell(room, News::Changed(info.clone()));
        }
        self.reply(caller, Outcome::Changed(info));
    }

    /// A room has ended: it is told, if it was not the one that asked.
    pub(super) fn closed(&mut self, room: RoomId, caller: Caller, reason: String) {
        if caller.is_operator {
            self.tell(room, News::Closed(reason));
        }
    }

    /// Nothing more is done in a room that has ended.
    pub(super) fn give_up_acts(&mut self, room: RoomId) {
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
    pub(super) fn moderated(
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
        let before = match caller.is_operator {
            true => hall.other_owners(account),
            false => vec![caller.by],
        };
        if measure == Measure::HandOver {
            for owner in &before {
                hall.set_role(*owner, Role::Moderator);
            }
        }
        self.outdate(room, account, standing);
        if measure == Measure::HandOver && !caller.is_operator {
            self.outdate_owner(room, caller.by);
        } else if measure == Measure::HandOver {
            self.outdate_owners(room, account);
            self.tell(room, News::HandedOver(account));
        }
        let moderated = Moderated {
            standing,
            is_out: matches!(measure, Measure::Kick | Measure::Ban(_)),
            entries,
            is_sure: true,
        };
        self.reply(caller, Outcome::Moderated(Box::new(moderated)));
    }

    /// An entry in the audit log about what the store has no part in.
    pub(super) fn note(&mut self, by: Caller, action: &str, target: Target, reason: String) {
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
