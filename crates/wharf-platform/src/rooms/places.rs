//! Who is inside, and how long a room keeps its place when nobody is.

use super::flow::Caller;
use super::hall::Hall;
use super::orders::no_news;
use super::{Error, Here, Request, Rooms};
use crate::SessionTag;
use core::cmp::Reverse;
use wharf_data::RoomId;
use wharf_data::rooms::EntryId;

impl Rooms {
    /// A session is in its room no more: by that entry, or whichever it has.
    pub(super) fn left(&mut self, session: SessionTag, entry: Option<EntryId>, is_broken: bool) {
        let Some(&(room, present)) = self.sessions.get(&session) else {
            return;
        };
        if entry.is_some_and(|entry| entry != present) {
            return;
        }
        self.sessions.remove(&session);
        self.changes.moved(session, room);
        self.resize(room, |hall| {
            hall.inside.remove(&present);
            hall.is_broken |= is_broken;
        });
        self.rest_or_drop(room);
    }

    /// Changes who is in a room, and where it stands in lists.
    pub(super) fn resize(&mut self, room: RoomId, change: impl FnOnce(&mut Hall)) {
        if let Some(hall) = self.halls.get_mut(&room) {
            let before = hall.inside.len() as u32;
            change(hall);
            let now = hall.inside.len() as u32;
            if before != now {
                self.sizes.remove(&(Reverse(before), room));
                self.sizes.insert((Reverse(now), room));
            }
        }
    }

    /// A room that nobody is in ends, or stays open for a while.
    pub(super) fn rest_or_drop(&mut self, room: RoomId) {
        let (now, linger) = (self.now, self.options.linger);
        let Some(hall) = self.halls.get_mut(&room) else {
            return;
        };
        if !hall.inside.is_empty() {
            return;
        }
        let watch = hall.watch.take();
        self.steps.extend(watch.map(no_news));
        let Some(hall) = self.halls.get_mut(&room) else {
            return;
        };
        let may_rest = hall.is_persistent && !hall.is_broken;
        let is_over = hall.idle_since.is_some_and(|since| since + linger <= now);
        if hall.is_unused() && (!may_rest || is_over) {
            return self.drop_hall(room);
        }
        if let Some(since) = hall.idle_since.replace(now) {
            self.idle.remove(&(since, room));
        }
        self.idle.insert((now, room));
    }

    pub(super) fn drop_hall(&mut self, room: RoomId) {
        let Some(hall) = self.halls.remove(&room) else {
            return;
        };
        if let Some(since) = hall.idle_since {
            self.idle.remove(&(since, room));
        }
        self.sizes
            .remove(&(Reverse(hall.inside.len() as u32), room));
        if self.names.get(&hall.key) == Some(&room) {
            self.names.remove(&hall.key);
        }
        self.steps.extend(hall.watch.map(no_news));
        self.slots.give_back(hall.slot);
    }

    /// A place for one more room; if there is none, that of one that nobody has been in for long.
    pub(super) fn take_slot(&mut self) -> Option<u32> {
        let free = self.slots.take();
        if free.is_some() {
            return free;
        }
        let (now, least) = (self.now, self.options.linger_min);
        let mut idle = self.idle.iter();
        let (_, room) = *idle.find(|(since, room)| {
            let hall = self.halls.get(room);
            hall.is_some_and(|hall| hall.is_unused() && (!hall.has_begun || *since + least <= now))
        })?;
        self.drop_hall(room);
        self.slots.take()
    }

    /// The room that asks, if it is the one that is open.
    pub(super) fn hall_of(&mut self, here: Here) -> Option<&mut Hall> {
        let hall = self.halls.get_mut(&here.room);
        hall.filter(|hall| hall.opening == here.opening)
    }

    /// The first member of an opening is there. A room that begins twice has lost what it knew.
    pub(super) fn begin_opening(&mut self, caller: Caller, here: Here) {
        let Some(hall) = self.hall_of(here) else {
            return self.refuse(caller, Error::Conflict);
        };
        if hall.has_begun {
            hall.is_broken = true;
            return self.refuse(caller, Error::Conflict);
        }
        hall.has_begun = true;
        self.done(caller);
    }

    /// What rooms say and ask that is never too much.
    pub(super) fn hear_room(&mut self, caller: Caller, request: &Request) {
        match request {
            Request::Begin(here) => self.begin_opening(caller, *here),
            Request::Watch(here) => self.watch(caller, *here),
            Request::Count {
                number, members, ..
            } => {
                self.count_lobby(*number, *members);
                self.done(caller);
            }
            _ => self.refuse(caller, Error::Forbidden),
        }
    }
}
