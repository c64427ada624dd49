//! The rooms that one is in, and whom one has met.

use super::event::{About, InRoom};
use super::parse::Call;
use std::collections::BTreeMap;
use wharf_proto::ServerPacket;
use wharf_proto::room::{Entered, Info, Member};

/// Names that are remembered; beyond them it begins anew.
const NAMES_MAX: usize = 4_096;

/// A room that one is in.
#[derive(Clone, Debug)]
struct Place {
    info: Info,
    members: BTreeMap<i64, Member>,
    /// What enters it again.
    enter: Call,
}

impl Place {
    fn named(&self) -> InRoom {
        InRoom {
            id: self.info.room,
            name: self.info.name.clone(),
        }
    }
}

/// What enters a room again.
#[derive(Clone, Debug)]
pub(super) struct Again {
    pub(super) enter: Call,
    /// The room's name, as it was last.
    pub(super) name: String,
}

/// The rooms that one is in, by their handles; a server that knows one room at a time gives none.
///
/// Invariant: `current` is one of the rooms, if there is any.
#[derive(Debug, Default)]
pub(super) struct Places {
    rooms: BTreeMap<Option<u16>, Place>,
    current: Option<u16>,
    accounts: BTreeMap<String, i64>,
    names: BTreeMap<i64, String>,
}

impl Places {
    /// One has entered; `enter` would do it again.
    pub(super) fn enter(&mut self, handle: Option<u16>, entered: &Entered, enter: Call) {
        let members = entered.members.iter();
        let place = Place {
            info: entered.info.clone().unwrap_or_default(),
            members: members.clone().map(|it| (it.account, it.clone())).collect(),
            enter,
        };
        members.for_each(|it| self.meet(it.account, &it.display_name));
        self.rooms.insert(handle, place);
        self.current = handle;
    }

    /// One is out of that room.
    pub(super) fn leave(&mut self, handle: Option<u16>) {
        let handle = self.meant(handle);
        self.rooms.remove(&handle);
        if !self.rooms.contains_key(&self.current) {
            self.current = self.rooms.keys().next().copied().flatten();
        }
    }

    /// All rooms are gone; what would enter them again, the current one last.
    pub(super) fn lose_all(&mut self) -> Vec<Again> {
        let current = std::mem::take(&mut self.current);
        let rooms = std::mem::take(&mut self.rooms);
        let mut rooms: Vec<_> = rooms.into_iter().collect();
        rooms.sort_by_key(|(handle, _)| *handle == current);
        let again = |(_, place): (_, Place)| Again {
            enter: place.enter,
            name: place.info.name,
        };
        rooms.into_iter().map(again).collect()
    }

    /// Talks in another room that one is in; `false` if one is not.
    pub(super) fn choose(&mut self, room: &str) -> bool {
        let is_meant = |place: &Place| {
            let info = &place.info;
            let id = format!("#{}", info.room);
            let number = info.number.map(|it| it.to_string());
            folded(&info.name) == folded(room) || id == room || number.as_deref() == Some(room)
        };
        let found = self.rooms.iter().find(|(_, place)| is_meant(place));
        let handle = found.map(|(handle, _)| *handle);
        self.current = handle.unwrap_or(self.current);
        handle.is_some()
    }

    /// The room that is talked in.
    pub(super) fn current(&self) -> Option<&Info> {
        self.rooms.get(&self.current).map(|place| &place.info)
    }

    /// The handle of the room that is talked in.
    pub(super) fn handle(&self) -> Option<u16> {
        self.current
    }

    /// The name of the room that is talked in.
    pub(super) fn current_name(&self) -> Option<&str> {
        let place = self.rooms.get(&self.current)?;
        Some(&place.info.name)
    }

    /// What something is about that happens in the room that is talked in.
    pub(super) fn about_current(&self) -> About {
        About {
            room: self.rooms.get(&self.current).map(Place::named),
            ..About::default()
        }
    }

    /// What a packet changes of all this, and what it is about.
    pub(super) fn note(&mut self, handle: Option<u16>, packet: &ServerPacket) -> About {
        let handle = self.meant(handle);
        let mut about = About::default();
        let is_about_room = match packet {
            ServerPacket::Joined(it) => {
                it.member.iter().for_each(|it| self.put(handle, it));
                true
            }
            ServerPacket::MemberChanged(it) => {
                it.member.iter().for_each(|it| self.put(handle, it));
                true
            }
            ServerPacket::Parted(it) => {
                let place = self.rooms.get_mut(&handle);
                let member = place.and_then(|place| place.members.remove(&it.account));
                let name = member.map(|it| it.display_name);
                let name = name.or_else(|| self.names.get(&it.account).cloned());
                about.names.extend(name.map(|name| (it.account, name)));
                true
            }
            ServerPacket::NowChanged(it) => {
                self.change(handle, it.info.as_ref());
                true
            }
            ServerPacket::Changed(it) => {
                self.change(handle, it.info.as_ref());
                true
            }
            ServerPacket::Said(it) => {
                let message = it.message.as_ref();
                message
                    .into_iter()
                    .for_each(|it| self.meet(it.author, &it.author_name));
                true
            }
            ServerPacket::Whispered(it) => {
                let message = it.message.as_ref();
                message
                    .into_iter()
                    .for_each(|it| self.meet(it.author, &it.author_name));
                false
            }
            ServerPacket::WasRemoved(_) | ServerPacket::Removed(_) | ServerPacket::MutedHere(_) => {
                true
            }
            other => {
                self.meet_all(other, &mut about);
                false
            }
        };
        if is_about_room {
            about.room = self.rooms.get(&handle).map(Place::named);
        }
        about
    }

    fn meet_all(&mut self, packet: &ServerPacket, about: &mut About) {
        match packet {
            ServerPacket::Users(it) => {
                it.users
                    .iter()
                    .for_each(|it| self.meet(it.account, &it.display_name));
            }
            ServerPacket::Members(it) => {
                it.members
                    .iter()
                    .for_each(|it| self.meet(it.account, &it.display_name));
            }
            ServerPacket::History(it) => {
                it.messages
                    .iter()
                    .for_each(|it| self.meet(it.author, &it.author_name));
            }
            ServerPacket::Bans(it) => {
                it.bans
                    .iter()
                    .for_each(|it| self.meet(it.account, &it.display_name));
                let by = it.bans.iter().map(|it| it.by);
                about.names.extend(self.named(by));
            }
            ServerPacket::Blocked(it) => {
                about.names.extend(self.named(it.accounts.iter().copied()));
            }
            _ => {}
        }
    }

    /// Those whose names are known.
    fn named(&self, accounts: impl Iterator<Item = i64>) -> BTreeMap<i64, String> {
        let named = accounts.filter_map(|account| Some((account, self.names.get(&account)?)));
        named
            .map(|(account, name)| (account, name.clone()))
            .collect()
    }

    /// The account of a name, whatever its case.
    pub(super) fn account(&self, name: &str) -> Option<i64> {
        self.accounts.get(&folded(name)).copied()
    }

    /// Names of those who are here, and of others that were met.
    pub(super) fn names(&self) -> Vec<String> {
        let here = self.rooms.get(&self.current);
        let here = here.into_iter().flat_map(|place| place.members.values());
        let mut names: Vec<_> = here.map(|it| it.display_name.clone()).collect();
        names.extend(self.names.values().cloned());
        names.sort();
        names.dedup();
        names
    }

    /// Remembers a name.
    pub(super) fn meet(&mut self, account: i64, name: &str) {
        if account == 0 || name.is_empty() {
            return;
        }
        if self.names.len() >= NAMES_MAX {
            self.names.clear();
            self.accounts.clear();
        }
        self.accounts.insert(folded(name), account);
        self.names.insert(account, name.to_owned());
    }

    fn put(&mut self, handle: Option<u16>, member: &Member) {
        self.meet(member.account, &member.display_name);
        if let Some(place) = self.rooms.get_mut(&handle) {
            place.members.insert(member.account, member.clone());
        }
    }

    fn change(&mut self, handle: Option<u16>, info: Option<&Info>) {
        if let (Some(place), Some(info)) = (self.rooms.get_mut(&handle), info) {
            place.info = info.clone();
        }
    }

    /// While one is in one room only, packets need not say which.
    fn meant(&self, handle: Option<u16>) -> Option<u16> {
        handle.or(self.current)
    }
}

/// A name without its case.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;
    use wharf_proto::room::{Joined, Parted};

    fn entered(name: &str, number: u32) -> Entered {
        Entered {
            info: Some(Info {
                room: i64::from(number) + 1,
                name: name.to_owned(),
                number: Some(number),
                ..Info::default()
            }),
            members: vec![member(7, "Kim")],
            ..Entered::default()
        }
    }

    fn member(account: i64, name: &str) -> Member {
        Member {
            account,
            display_name: name.to_owned(),
            ..Member::default()
        }
    }

    fn call(line: &str) -> Call {
        parse(line, false).unwrap().unwrap()
    }

    #[test]
    fn whoever_leaves_is_told_by_name_where_they_were() {
        let mut places = Places::default();
        places.enter(None, &entered("lounge", 3), call("/enter 3"));
        let joined = Joined {
            member: Some(member(8, "lee")),
        };
        places.note(None, &ServerPacket::Joined(joined));
        assert_eq!(places.names(), ["Kim", "lee"]);
        let account = 8;
        let reason = 0;
        let about = places.note(None, &ServerPacket::Parted(Parted { account, reason }));
        let lounge = InRoom {
            id: 4,
            name: "lounge".to_owned(),
        };
        assert_eq!(about.room, Some(lounge));
        assert_eq!(about.name(8), "lee");
        assert_eq!(places.account("KIM"), Some(7));
    }

    #[test]
    fn of_several_rooms_one_is_talked_in_and_all_are_entered_again() {
        let mut places = Places::default();
        places.enter(Some(1), &entered("one", 1), call("/enter 1"));
        places.enter(Some(2), &entered("two", 2), call("/enter 2"));
        assert_eq!(
            (places.handle(), places.current_name()),
            (Some(2), Some("two"))
        );
        assert!(places.choose("ONE") && !places.choose("three"));
        assert_eq!(places.handle(), Some(1));
        let said = ServerPacket::Said(wharf_proto::chat::Said::default());
        let about = places.note(Some(2), &said);
        assert_eq!(about.room.map(|it| it.name).as_deref(), Some("two"));
        let calls = places.lose_all();
        let rooms: Vec<_> = calls
            .iter()
            .map(|it| it.enter.get("room").unwrap())
            .collect();
        assert_eq!(rooms, ["2", "1"]);
        assert_eq!(places.current_name(), None);
        places.enter(Some(1), &entered("one", 1), call("/enter 1"));
        places.enter(Some(2), &entered("two", 2), call("/enter 2"));
        places.leave(None);
        assert_eq!(places.current_name(), Some("one"), "the room that is left");
    }

    #[test]
    fn names_that_are_remembered_are_bounded() {
        let mut places = Places::default();
        (1..=2 * NAMES_MAX as i64).for_each(|it| places.meet(it, &format!("user {it}")));
        assert!(places.names.len() <= NAMES_MAX && places.accounts.len() <= NAMES_MAX);
    }
}
