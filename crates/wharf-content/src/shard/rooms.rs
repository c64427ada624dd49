//! The rooms that live on a shard.

use crate::room_core::RoomCore;
use crate::{Room, RoomId};
use std::collections::BTreeMap;
use wharf_base::{CapacityError, Key, Slab};

/// Rooms by key for every packet, by id for those who come from elsewhere.
///
/// Invariant: `by_id` names exactly the rooms in `slab`.
pub(crate) struct Rooms {
    slab: Slab<RoomSlot>,
    by_id: BTreeMap<RoomId, Key>,
}

/// A room: the game's part and ours.
pub(crate) struct RoomSlot {
    pub(crate) room: Box<dyn Room>,
    pub(crate) core: RoomCore,
}

impl Rooms {
    pub(crate) fn new(rooms_max: u32) -> Self {
        Self {
            slab: Slab::with_capacity(rooms_max),
            by_id: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.slab.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.slab.len() == self.slab.capacity()
    }

    pub(crate) fn find(&self, id: RoomId) -> Option<Key> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, key: Key) -> Option<&RoomSlot> {
        self.slab.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut RoomSlot> {
        self.slab.get_mut(key)
    }

    /// The room in slot `index`.
    pub(crate) fn key_at(&self, index: u32) -> Option<Key> {
        self.slab.key_at(index)
    }

    pub(crate) fn insert(
        &mut self,
        id: RoomId,
        make: impl FnOnce(Key) -> RoomSlot,
    ) -> Result<Key, CapacityError> {
        let key = self.slab.insert_with(make)?;
        let old = self.by_id.insert(id, key);
        assert!(old.is_none(), "a room lives once");
        Ok(key)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<RoomSlot> {
        let slot = self.slab.remove(key)?;
        self.by_id.remove(&slot.core.id);
        Some(slot)
    }
}
