//! Making rooms: a name that nobody has, a hash of the password, a place.

use super::flow::{Caller, Flow, Making};
use super::hall::{Hall, MEMBER};
use super::{BUSY, Rooms};
use crate::platform::error_of;
use core::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use wharf_accounts::{Cost, HashWork, Password};
use wharf_data::access::Error;
use wharf_data::room::{self, Answer, By, History, Role, Settings, Standing};
use wharf_data::rooms::{NewRoom, News, Opening};
use wharf_data::{Ask, DisplayName, Hidden, NameKey, Refusal, Reply, RoomId};

/// The kind that rooms of chat have in the store.
pub(super) const KIND: &str = "hall";

impl Rooms {
    pub(super) fn create(&mut self, caller: Caller, new: NewRoom) {
        match self.prepare(caller, new) {
            Err(error) => self.refuse(caller, error),
            Ok(mut making) => match making.password.take() {
                None => self.make(making),
                Some(password) => {
                    let work = self.work_of(password);
                    self.hash(Flow::Hashing(Box::new(making)), work);
                }
            },
        }
    }

    /// Looks at all that can be seen without the store, and reserves name and place.
    fn prepare(&mut self, caller: Caller, new: NewRoom) -> Result<Making, Error> {
        let name = name_of(&new.name)?;
        let history = match (new.history, new.is_persistent) {
            (history, true) => history.unwrap_or(History::Durable),
            (None | Some(History::Off), false) => History::Off,
            (Some(_), false) => {
                return Err(Error::Invalid {
                    field: "history",
                    text: "a room that does not stay keeps nothing".into(),
                });
            }
        };
        let password = password_of(&new.password)?;
        if self.names.contains_key(name.key()) || self.is_lobby(name.key()) {
            return Err(Error::Taken);
        }
        let mut own = self.halls.values();
        let is_own = |hall: &&Hall| !hall.is_persistent && hall.creator == caller.by;
        let owned = own.by_ref().filter(is_own).count();
        if !new.is_persistent && owned >= self.options.owned_max as usize {
            return Err(Error::Full);
        }
        if password.is_some() && !self.may_hash() {
            return Err(BUSY);
        }
        let slot = self.take_slot().ok_or(BUSY)?;
        if let Some(session) = caller.session {
            self.left(session, None, false);
        }
        let room = RoomId::new(self.next_id());
        self.names.insert(name.key().clone(), room);
        Ok(Making {
            caller,
            room,
            slot,
            name,
            settings: Settings {
                topic: new.topic,
                password: None,
                members_max: self.members_max(new.members_max),
                is_hidden: new.is_hidden,
                is_locked: false,
                slow_ms: new.slow_ms,
                history,
                options: Vec::new(),
            },
            is_persistent: new.is_persistent,
            password,
        })
    }

    /// As many as may be, of those that are wished.
    pub(super) fn members_max(&self, wished: u32) -> u32 {
        match wished {
            0 => self.options.members_max,
            wished => wished.min(self.options.members_max),
        }
    }

    /// A new hash, with a salt of its own.
    pub(super) fn work_of(&mut self, password: Password) -> HashWork {
        let mut salt = [0; 16];
        self.chance.fill(&mut salt);
        HashWork::Make {
            password,
            salt,
            cost: Cost::FLOOR,
        }
    }

    /// Has the store make the room, or say that none of its rooms is called so.
    pub(super) fn make(&mut self, making: Making) {
        let ask = match making.is_persistent {
            true => room::Ask::Create {
                room: making.room,
                kind: KIND.into(),
                name: making.name.clone(),
                owner: making.caller.by,
                owned_max: self.options.owned_max,
                settings: making.settings.clone(),
                at: self.at,
            },
            false => room::Ask::Find {
                by: By::Name(making.name.key().clone()),
            },
        };
        self.ask(Flow::Making(Box::new(making)), Ask::Room(ask));
    }

    /// Whether a room is being made: for everybody else it is not there yet.
    pub(super) fn is_making(&self, room: RoomId) -> bool {
        self.flows.values().any(|(_, flow)| match flow {
            Flow::Hashing(making) | Flow::Making(making) => making.room == room,
            _ => false,
        })
    }

    /// The store has made it, or knows of none that is called so.
    pub(super) fn made(&mut self, making: Making, reply: Reply) {
        let epoch = match (reply, making.is_persistent) {
            (Ok(wharf_data::Answer::Room(Answer::Room(room))), true) => room.epoch,
            (Err(Refusal::NotFound), false) => 0,
            (Ok(_), false) => return self.give_up(making, Error::Taken),
            (Ok(_), true) => return self.give_up(making, Error::Unavailable),
            (Err(refusal), _) => return self.give_up(making, error_of(refusal)),
        };
        if making.caller.is_gone {
            return self.give_up(making, Error::Unavailable);
        }
        let Making {
            caller,
            room,
            slot,
            name,
            settings,
            is_persistent,
            ..
        } = making;
        if is_persistent {
            // From here on it is the store that says that the name is taken.
            self.names.remove(name.key());
        }
        let owner = Standing {
            role: Role::Owner,
            ..MEMBER
        };
        let kept = room::Room {
            id: room,
            kind: KIND.into(),
            name: name.as_str().to_owned(),
            settings,
            epoch,
            last_seq: 0,
            created_at: self.at,
        };
        self.open_hall(kept, slot, is_persistent);
        if let Some(hall) = self.halls.get_mut(&room) {
            hall.creator = caller.by;
            if !is_persistent {
                hall.standings.insert(caller.by, owner);
            }
        }
        self.let_in(caller, room, owner);
    }

    /// It is not made, or nobody is there to enter it.
    pub(super) fn give_up(&mut self, making: Making, error: Error) {
        self.names.remove(making.name.key());
        self.slots.give_back(making.slot);
        self.refuse(making.caller, error);
    }

    /// A room is open from now on; nobody is in it yet.
    pub(super) fn open_hall(&mut self, kept: room::Room, slot: u32, is_persistent: bool) {
        let opening = Opening(self.next_id());
        let key = NameKey::of(&kept.name);
        // No two rooms of the store are called the same: one that was is deleted there, and the
        // answer that says so is on its way. Or it is called something else by now.
        let mut lost = Vec::new();
        for hall in self.halls.values_mut() {
            let is_same = hall.is_persistent && !hall.is_broken && hall.key == key;
            if is_same && !self.names.values().any(|it| *it == hall.id) {
                hall.is_broken = true;
                lost.extend((!hall.is_acting).then_some(hall.id));
            }
        }
        for room in lost {
            self.tell(room, News::Closed(super::acting::LOST.to_owned()));
        }
        let hall = Hall {
            id: kept.id,
            slot,
            opening,
            epoch: kept.epoch,
            is_persistent,
            key,
            name: kept.name,
            settings: kept.settings,
            last_seq: kept.last_seq,
            creator: wharf_data::AccountId::new(0),
            has_begun: false,
            is_broken: false,
            inside: BTreeMap::new(),
            standings: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            pending: 0,
            acts: VecDeque::new(),
            watch: None,
            news: VecDeque::new(),
            is_acting: false,
            idle_since: Some(self.now),
        };
        self.sizes.insert((Reverse(0), kept.id));
        self.idle.insert((self.now, kept.id));
        let before = self.halls.insert(kept.id, hall);
        debug_assert!(before.is_none(), "a room is opened once");
    }
}

pub(super) fn name_of(name: &str) -> Result<DisplayName, Error> {
    DisplayName::new(name).map_err(|error| Error::Invalid {
        field: "name",
        text: error.to_string(),
    })
}

/// The password that is wished, if one is.
pub(super) fn password_of(typed: &Hidden) -> Result<Option<Password>, Error> {
    if typed.as_bytes().is_empty() {
        return Ok(None);
    }
    let password = typed.as_text().and_then(Password::of);
    password.map(Some).ok_or_else(|| Error::Invalid {
        field: "password",
        text: "a password is text of at most 256 bytes".into(),
    })
}
