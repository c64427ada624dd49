//! The names of rooms: reserved while the store is asked, so that no two are given the same.

use super::Rooms;
use super::flow::{Act, Deed};
use wharf_data::access::Error;
use wharf_data::room::Role;
use wharf_data::{DisplayName, NameKey, RoomId};

impl Rooms {
    /// The name that an act gives a room is nobody else's from now on, until it has an answer;
    /// tells which that is, if it is another.
    pub(super) fn reserve_name(
        &mut self,
        room: RoomId,
        act: &Act,
    ) -> Result<Option<NameKey>, Error> {
        let (Deed::Change(change), Some(hall)) = (&act.deed, self.halls.get(&room)) else {
            return Ok(None);
        };
        let Some(key) = change.name.as_ref().map(DisplayName::key) else {
            return Ok(None);
        };
        if hall.key == *key {
            return Ok(None);
        }
        if !act.caller.is_operator && hall.role(act.caller.by) < Role::Owner {
            return Err(Error::Forbidden);
        }
        if self.names.contains_key(key) || self.is_lobby(key) {
            return Err(Error::Taken);
        }
        self.names.insert(key.clone(), room);
        Ok(Some(key.clone()))
    }

    /// The store has answered: what was reserved for that act is free, unless it is the name now.
    pub(super) fn release_name(&mut self, room: RoomId, deed: &Deed) {
        if let Deed::Change(change) = deed
            && let Some(name) = &change.name
            && self.names.get(name.key()) == Some(&room)
            && self
                .halls
                .get(&room)
                .is_none_or(|hall| hall.key != *name.key())
        {
            self.names.remove(name.key());
        }
    }

    /// A room is called that from now on.
    pub(super) fn rename(&mut self, room: RoomId, name: &str) {
        let Some(hall) = self.halls.get_mut(&room) else {
            return;
        };
        let key = NameKey::of(name);
        name.clone_into(&mut hall.name);
        let old = core::mem::replace(&mut hall.key, key.clone());
        if hall.is_persistent || old == key {
            return;
        }
        self.names.remove(&old);
        self.names.insert(key, room);
    }
}
