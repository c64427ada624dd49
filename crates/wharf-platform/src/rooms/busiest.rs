//! The busiest rooms, on whatever server they are open.
//!
//! What other servers say of theirs is read where things live for a short time, and looked at with
//! the store's eyes: what is hidden there, or is no more, is in no list. What is open here is known
//! here, and told as it is; so the list has less where that place is not to be had, and is never
//! wrong about this server.

use super::Rooms;
use super::flow::{Busiest, Caller, Flow};
use super::listing::{PAGE_BYTES, ROOM_BYTES, ROOMS_MAX, info_of};
use crate::SessionTag;
use crate::brief::room_in;
use core::cmp::Reverse;
use std::collections::BTreeMap;
use wharf_data::room::{self, Answer};
use wharf_data::rooms::{Info, Outcome};
use wharf_data::short::{self, Space};
use wharf_data::{Ask, NameKey, Reply, RoomId};

/// Rooms of others that are looked at, for each that is asked for: some are hidden or gone by now.
const LOOKED_AT: u32 = 4;

impl Rooms {
    /// The rooms with the most people inside.
    pub(super) fn busiest(&mut self, caller: Caller, limit: u32) {
        let limit = limit.clamp(1, ROOMS_MAX);
        let ask = short::Ask::Top {
            space: Space::BusyRooms,
            skip: 0,
            limit: limit * LOOKED_AT,
            at: self.at,
        };
        let busiest = Busiest {
            caller,
            limit: limit as usize,
            elsewhere: None,
        };
        self.ask(Flow::Busiest(Box::new(busiest)), Ask::Short(ask));
    }

    /// Which rooms of others are busy, or what the store knows of those.
    pub(super) fn busiest_said(&mut self, mut busiest: Busiest, reply: Reply) {
        let Some(members) = &busiest.elsewhere else {
            let elsewhere = self.elsewhere(&reply);
            let rooms = elsewhere.keys().copied().collect();
            if elsewhere.is_empty() {
                return self.tell_busiest(&busiest, Vec::new());
            }
            busiest.elsewhere = Some(elsewhere);
            let ask = room::Ask::These { rooms };
            return self.ask(Flow::Busiest(Box::new(busiest)), Ask::Room(ask));
        };
        let kept = match reply {
            Ok(wharf_data::Answer::Room(Answer::Rooms { rooms, .. })) => rooms,
            _ => Vec::new(),
        };
        let shown = kept.into_iter().filter(|room| {
            let is_ours = room.kind == super::making::KIND;
            // It may have been opened here since.
            is_ours && !room.settings.is_hidden && !self.halls.contains_key(&room.id)
        });
        let told = shown.map(|kept| {
            let members = members.get(&kept.id).copied().unwrap_or_default();
            let info = info_of(kept);
            Info {
                members: members.min(info.members_max),
                ..info
            }
        });
        let told = told.collect();
        self.tell_busiest(&busiest, told);
    }

    /// The rooms that are open elsewhere, and how many are said to be inside.
    fn elsewhere(&self, reply: &Reply) -> BTreeMap<RoomId, u32> {
        let Ok(wharf_data::Answer::Short(short::Answer::Top(found))) = reply else {
            return BTreeMap::new();
        };
        let mut elsewhere = BTreeMap::new();
        for found in found {
            if let Some(room) = room_in(&found.key)
                && !self.halls.contains_key(&room)
            {
                let members = u32::try_from(found.score).unwrap_or_default();
                // The highest comes first; whoever says less had the room before.
                elsewhere.entry(room).or_insert(members);
            }
        }
        elsewhere
    }

    fn tell_busiest(&mut self, busiest: &Busiest, mut rooms: Vec<Info>) {
        let all = NameKey::of("");
        let sizes = self.sizes.iter();
        let here = sizes.filter(|(members, room)| members.0 > 0 && self.halls.contains_key(room));
        let here = here.filter_map(|(_, room)| self.listed_info(*room, &all));
        rooms.extend(here.take(busiest.limit));
        rooms.sort_by_key(|info| (Reverse(info.members), info.room));
        rooms.truncate(busiest.limit);
        let mut bytes = 0;
        rooms.retain(|info| {
            bytes += ROOM_BYTES + info.name.len() + info.topic.len();
            bytes <= PAGE_BYTES
        });
        let next = None;
        self.reply(busiest.caller, Outcome::Listed { rooms, next });
    }

    /// How a room is called, and how many are inside, if others may know that it is busy.
    pub(crate) fn busy(&self, room: RoomId) -> Option<(&str, u32)> {
        let hall = self.halls.get(&room)?;
        let members = hall.inside.len() as u32;
        let is_shown = members > 0 && !hall.settings.is_hidden && !hall.is_broken;
        is_shown.then_some((&hall.name, members))
    }

    /// How an open room is called.
    pub(crate) fn name(&self, room: RoomId) -> Option<&str> {
        self.halls.get(&room).map(|hall| hall.name.as_str())
    }

    /// The sessions inside.
    pub(crate) fn sessions_in(&self, room: RoomId) -> Vec<SessionTag> {
        let inside = self.halls.get(&room).map(|hall| hall.inside.values());
        inside.into_iter().flatten().map(|it| it.session).collect()
    }
}
