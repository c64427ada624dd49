//! Entering: what somebody is in the room, whether they know its password, whether there is a seat.

use super::flow::{Caller, Entering, Flow};
use super::{BUSY, Rooms};
use crate::canary::Canary;
use crate::platform::error_of;
use wharf_accounts::{HashWork, Password};
use wharf_base::Duration;
use wharf_data::access::Error;
use wharf_data::room::{self, Answer, Role, Standing};
use wharf_data::rooms::{Entry, EntryId, Outcome};
use wharf_data::{Ask, Hidden, Refusal, Reply, RoomId};

impl Rooms {
    pub(super) fn enter(&mut self, caller: Caller, room: RoomId, password: Hidden) {
        if let Some(session) = caller.session {
            self.left(session, None, false);
        }
        let entering = Entering {
            caller,
            room,
            password,
            standing: None,
            newer: None,
            left_role: None,
            has_other_owner: false,
            against: None,
        };
        if self.halls.contains_key(&room) {
            return self.look_up(entering);
        }
        if let Some(waiting) = self.opening.get_mut(&room) {
            return waiting.push(entering);
        }
        if self.is_making(room) {
            return self.refuse(entering.caller, Error::NotFound);
        }
        self.opening.insert(room, vec![entering]);
        self.ask(Flow::Opening(room), Ask::Room(room::Ask::Open { room }));
    }

    /// The store has opened a room: whoever waits for it is looked at.
    pub(super) fn opened(&mut self, room: RoomId, reply: Reply) {
        let waiting = self.opening.remove(&room).unwrap_or_default();
        let opened = match reply {
            // It was made meanwhile, or is about to be: it is not opened beside that.
            _ if self.halls.contains_key(&room) => Ok(()),
            _ if self.is_making(room) => Err(Error::NotFound),
            Ok(wharf_data::Answer::Room(Answer::Room(kept)))
                if kept.kind == super::making::KIND =>
            {
                let slot = self.take_slot().ok_or(BUSY);
                slot.map(|slot| self.open_hall(kept, slot, true))
            }
            Ok(_) => Err(Error::NotFound),
            Err(refusal) => Err(error_of(refusal)),
        };
        for entering in waiting {
            match &opened {
                Ok(()) => self.look_up(entering),
                Err(error) => self.refuse(entering.caller, error.clone()),
            }
        }
        for order in self.orders.remove(&room).unwrap_or_default() {
            match &opened {
                Ok(()) => self.carry_out(room, order),
                Err(error) => self.refuse(order.caller, error.clone()),
            }
        }
    }

    /// Finds out what somebody is in a room that is open.
    fn look_up(&mut self, entering: Entering) {
        let (room, account, at) = (entering.room, entering.caller.by, self.at);
        let Some(hall) = self.halls.get_mut(&room) else {
            return self.refuse(entering.caller, Error::NotFound);
        };
        hall.pending += 1;
        if !hall.is_persistent {
            return self.judge(entering);
        }
        let ask = room::Ask::Standing { room, account, at };
        self.ask(Flow::Standing(Box::new(entering)), Ask::Room(ask));
    }

    pub(super) fn looked_up(&mut self, mut entering: Entering, reply: Reply) {
        match reply {
            Ok(wharf_data::Answer::Room(Answer::Standing(standing))) => {
                entering.standing = Some(standing);
                self.judge(entering);
            }
            Ok(_) => self.turn_away(entering, Error::Unavailable),
            Err(refusal) => self.turn_away(entering, error_of(refusal)),
        }
    }

    pub(super) fn checked(&mut self, entering: Entering, is_right: bool) {
        if !is_right {
            self.count_guess(entering.door());
            return self.turn_away(entering, Error::Credentials);
        }
        self.forget_guesses(&entering.door());
        self.judge(entering);
    }

    /// Lets somebody in, or not. Everything is looked at once more after whatever took time.
    pub(super) fn judge(&mut self, entering: Entering) {
        let at = self.at;
        let Some(hall) = self.halls.get(&entering.room) else {
            return self.refuse(entering.caller, Error::NotFound);
        };
        let standing = match hall.is_persistent {
            true => entering.present_standing(),
            false => Some(hall.standing(entering.caller.by, at)),
        };
        let Some(standing) = standing else {
            return self.turn_away(entering, Error::Unavailable);
        };
        let rules = standing.role < Role::Moderator;
        let hash = hall.settings.password.as_ref().filter(|_| rules);
        let error = if hall.is_broken {
            Some(Error::Unavailable)
        } else if let Some(ban) = standing.ban.filter(|ban| ban.lasts(at)) {
            return self.tell_ban(entering, ban.ends());
        } else if hall.settings.is_locked && rules {
            Some(Error::Forbidden)
        } else if hall.inside.len() >= hall.settings.members_max as usize {
            Some(Error::Full)
        } else {
            None
        };
        if let Some(error) = error {
            return self.turn_away(entering, error);
        }
        match hash.cloned() {
            Some(hash) if entering.against.as_ref() != Some(&hash) => self.check(entering, hash),
            _ => {
                let Entering { caller, room, .. } = entering;
                if let Some(hall) = self.halls.get_mut(&room) {
                    hall.pending -= 1;
                }
                self.let_in(caller, room, standing);
            }
        }
    }

    /// Has the password checked. A guess counts as wrong until it turns out to be none.
    fn check(&mut self, entering: Entering, hash: String) {
        let door = entering.door();
        let password = entering.password.as_text().and_then(Password::of);
        let error = if entering.against.is_some() {
            // It was changed while the old one was checked.
            Some(Error::Conflict)
        } else if self.wait_at(&door).is_zero() && !self.may_hash() {
            Some(BUSY)
        } else {
            None
        };
        let password = password.filter(|password| !password.as_bytes().is_empty());
        match (error, password) {
            (Some(error), _) => self.turn_away(entering, error),
            (None, None) => self.turn_away(entering, Error::Credentials),
            (None, Some(password)) => {
                let Some(mut entering) = self.recalled_first(entering) else {
                    return;
                };
                let retry_after = self.wait_at(&door);
                if retry_after > Duration::ZERO {
                    return self.turn_away(entering, Error::Rate { retry_after });
                }
                self.guesses.failed(door, self.now);
                let against = hash.clone();
                entering.against = Some(hash);
                let work = HashWork::Check { password, against };
                self.hash(Flow::Checking(Box::new(entering)), work);
            }
        }
    }

    /// Somebody does not get in.
    pub(super) fn turn_away(&mut self, entering: Entering, error: Error) {
        let room = entering.room;
        if let Some(hall) = self.halls.get_mut(&room) {
            hall.pending -= 1;
        }
        self.refuse(entering.caller, error);
        self.rest_or_drop(room);
    }

    /// Somebody is inside from now on.
    pub(super) fn let_in(&mut self, caller: Caller, room: RoomId, standing: Standing) {
        let (Some(session), false) = (caller.session, caller.is_gone) else {
            self.refuse(caller, Error::Unavailable);
            return self.rest_or_drop(room);
        };
        let id = EntryId(self.next_id());
        let occupant = super::hall::Occupant {
            account: caller.by,
            session,
            role: standing.role,
        };
        self.resize(room, |hall| {
            hall.inside.insert(id, occupant);
        });
        let Some(hall) = self.halls.get_mut(&room) else {
            return self.refuse(caller, Error::NotFound);
        };
        if let Some(since) = hall.idle_since.take() {
            self.idle.remove(&(since, room));
        }
        let entry = Entry {
            id,
            slot: hall.slot,
            opening: hall.opening,
            epoch: hall.epoch,
            info: hall.info(),
            role: standing.role,
            mute: standing.mute,
            last_seq: hall.last_seq,
            may_begin: !hall.has_begun,
        };
        // They may have asked twice at once: the later is where they are.
        self.changes.moved(session, room);
        if let Some((before, old)) = self.sessions.insert(session, (room, id)) {
            self.changes.moved(session, before);
            self.resize(before, |hall| {
                hall.inside.remove(&old);
            });
            self.rest_or_drop(before);
        }
        self.reply(caller, Outcome::Entry(Box::new(entry)));
    }

    /// What an act has made of somebody is known to those of their requests that ask for it.
    pub(super) fn outdate(&mut self, room: RoomId, account: wharf_data::AccountId, is: Standing) {
        if self.options.planted.is(Canary::StaleStanding) {
            return;
        }
        for (_, flow) in self.flows.values_mut() {
            if let Some(entering) = flow.entering()
                && entering.room == room
                && entering.caller.by == account
            {
                entering.newer = Some(is);
                entering.left_role = None;
                entering.has_other_owner = false;
            }
        }
    }

    /// Whoever has handed a room over is a moderator of it, on the way to it too.
    pub(super) fn outdate_owner(&mut self, room: RoomId, account: wharf_data::AccountId) {
        for (_, flow) in self.flows.values_mut() {
            if let Some(entering) = flow.entering()
                && entering.room == room
                && entering.caller.by == account
            {
                entering.left_role = Some(Role::Moderator);
            }
        }
    }

    /// Somebody was made the owner of a room: nobody else who is on the way to it is.
    pub(super) fn outdate_owners(&mut self, room: RoomId, owner: wharf_data::AccountId) {
        for (_, flow) in self.flows.values_mut() {
            if let Some(entering) = flow.entering()
                && entering.room == room
                && entering.caller.by != owner
            {
                entering.has_other_owner = true;
            }
        }
    }

    /// What the store says to somebody who may not.
    pub(super) fn error_of_act(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Invalid => Error::Invalid {
                field: "measure",
                text: "that cannot be done to them".into(),
            },
            other => error_of(other),
        }
    }
}

impl Entering {
    /// What they are in a room that stays, as far as it is known.
    fn present_standing(&self) -> Option<Standing> {
        let standing = self.newer.or(self.standing)?;
        let role = match self.left_role.unwrap_or(standing.role) {
            Role::Owner if self.has_other_owner => Role::Moderator,
            role => role,
        };
        Some(Standing { role, ..standing })
    }
}
