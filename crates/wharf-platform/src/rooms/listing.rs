//! The list of rooms: those that are open, the largest first, then what else the store has, by
//! name. A page is as it was at its moment: a room that is opened between two pages may be missing
//! or come twice.

use super::Rooms;
use super::flow::{Caller, Flow, Listing};
use super::hall::Hall;
use crate::platform::error_of;
use core::cmp::Reverse;
use core::ops::Bound;
use wharf_data::access::Error;
use wharf_data::room::{self, Answer, History};
use wharf_data::rooms::{Info, Outcome};
use wharf_data::{Ask, NameKey, PageToken, Part, Refusal, Reply, RoomId};

/// Numbered rooms in lists; those above are entered by their number all the same.
pub(super) const LOBBIES_MAX: u32 = 1_000;
/// Rooms of a page.
pub(super) const ROOMS_MAX: u32 = 50;
/// Bytes that fit a page.
pub(super) const PAGE_BYTES: usize = 14_000;
/// Bytes of a room beside its name and topic.
pub(super) const ROOM_BYTES: usize = 64;
/// Bytes of the largest room: 32 characters of name, 256 of topic.
const ROOM_BYTES_MAX: usize = ROOM_BYTES + 4 * (32 + 256);
/// The list that page tokens of open rooms belong to.
const OPEN: &str = "open rooms";
/// The same of those that operators see.
const NAMED: &str = "open rooms with a name";

/// The id of one of the numbered rooms.
pub(crate) fn id_of_lobby(number: u32) -> RoomId {
    RoomId::new(i64::from(number) + 1)
}

/// Where a page begins.
enum Start {
    Open(Option<(Reverse<u32>, RoomId)>),
    /// Behind all open ones.
    Kept(Option<PageToken>),
}

impl Rooms {
    pub(super) fn list(
        &mut self,
        caller: Caller,
        search: String,
        page: Option<&PageToken>,
        limit: u32,
    ) {
        let key = NameKey::of(&search);
        let limit = limit.clamp(1, ROOMS_MAX) as usize;
        let (mut rooms, mut bytes, mut kept_page) = (Vec::new(), 0, None);
        let is_first = page.is_none();
        match start_of(page, &key) {
            Start::Kept(page) => kept_page = page,
            Start::Open(after) => {
                let mut last = None;
                for place in self
                    .sizes
                    .iter()
                    .filter(|place| after.is_none_or(|it| **place > it))
                {
                    let Some(info) = self.listed_info(place.1, &key) else {
                        continue;
                    };
                    bytes += ROOM_BYTES + info.name.len() + info.topic.len();
                    if rooms.len() == limit || bytes > PAGE_BYTES {
                        let next = last.map(|place| token_behind(place, &key));
                        return self.reply(caller, Outcome::Listed { rooms, next });
                    }
                    rooms.push(info);
                    last = Some(*place);
                }
            }
        }
        let fits = PAGE_BYTES.saturating_sub(bytes) / ROOM_BYTES_MAX;
        let limit = fits.min(limit - rooms.len());
        if limit == 0 {
            let next = Some(PageToken::new(OPEN, key.as_str(), &[]));
            return self.reply(caller, Outcome::Listed { rooms, next });
        }
        let ask = room::Ask::List {
            search: search.clone(),
            with_hidden: false,
            page: kept_page,
            limit: limit as u32,
        };
        let listing = Listing {
            caller,
            rooms,
            is_first,
            search,
        };
        self.ask(Flow::Listing(Box::new(listing)), Ask::Room(ask));
    }

    /// The store's part.
    pub(super) fn listed(&mut self, listing: Listing, reply: Reply) {
        let Listing {
            caller,
            mut rooms,
            is_first,
            search,
        } = listing;
        let next = match reply {
            Ok(wharf_data::Answer::Room(Answer::Rooms { rooms: kept, next })) => {
                let closed = kept.into_iter();
                let closed = closed.filter(|room| !self.halls.contains_key(&room.id));
                rooms.extend(closed.map(info_of));
                next
            }
            // What is open is worth telling without the rest, which can be asked for again.
            Err(Refusal::Unavailable | Refusal::Busy { .. }) if is_first && !rooms.is_empty() => {
                Some(PageToken::new(OPEN, NameKey::of(&search).as_str(), &[]))
            }
            Ok(_) => return self.refuse(caller, Error::Unavailable),
            Err(refusal) => return self.refuse(caller, error_of(refusal)),
        };
        self.reply(caller, Outcome::Listed { rooms, next });
    }

    /// Rooms with a name that are open, hidden ones too, those that were made first to begin with.
    ///
    /// # Errors
    /// What is wrong with the page.
    pub(crate) fn open_now(
        &self,
        search: &str,
        page: Option<&PageToken>,
        limit: u32,
    ) -> Result<Outcome, Error> {
        let key = NameKey::of(search);
        let after = match page.map(|page| page.position(NAMED, key.as_str())) {
            None => Bound::Unbounded,
            Some(position) => match position.as_deref() {
                Some([Part::Number(room)]) => Bound::Excluded(RoomId::new(*room)),
                _ => return Err(error_of(Refusal::Invalid)),
            },
        };
        let halls = self.halls.range((after, Bound::Unbounded));
        let mut named = halls.filter(|(_, hall)| hall.key.as_str().starts_with(key.as_str()));
        let rooms = named.by_ref().take(limit as usize);
        let rooms: Vec<Info> = rooms.map(|(_, hall)| hall.info()).collect();
        let last = rooms.last().filter(|_| named.next().is_some());
        let token = |last: &Info| {
            let position = [Part::Number(last.room.get())];
            PageToken::new(NAMED, key.as_str(), &position)
        };
        let next = last.map(token);
        Ok(Outcome::Listed { rooms, next })
    }

    /// A room that is open, as lists show it; `None` if they do not.
    pub(super) fn listed_info(&self, room: RoomId, search: &NameKey) -> Option<Info> {
        let is_found = |name: &NameKey| name.as_str().starts_with(search.as_str());
        if let Some(hall) = self.halls.get(&room) {
            let is_shown = |hall: &&Hall| !hall.settings.is_hidden && !hall.is_broken;
            let hall = Some(hall).filter(is_shown);
            return hall.filter(|hall| is_found(&hall.key)).map(Hall::info);
        }
        let number = u32::try_from(room.get() - 1).ok()?;
        let info = Info {
            room,
            name: format!("Room {number}"),
            topic: String::new(),
            members: self.counts.get(&number).copied().unwrap_or_default(),
            members_max: self.options.members_max,
            has_password: false,
            is_locked: false,
            is_hidden: false,
            is_persistent: true,
            history: History::Off,
            slow_ms: 0,
            number: Some(number),
        };
        is_found(&NameKey::of(&info.name)).then_some(info)
    }

    /// So many are in a numbered room now.
    pub(super) fn count_lobby(&mut self, number: u32, members: u32) {
        if number >= self.options.lobbies.min(LOBBIES_MAX) {
            return;
        }
        let before = match members {
            0 => self.counts.remove(&number),
            members => self.counts.insert(number, members),
        };
        let id = id_of_lobby(number);
        self.sizes
            .remove(&(Reverse(before.unwrap_or_default()), id));
        self.sizes.insert((Reverse(members), id));
    }

    /// Whether numbered rooms are called so.
    pub(super) fn is_lobby(&self, name: &NameKey) -> bool {
        let first = NameKey::of("Room 0");
        let prefix = first
            .as_str()
            .trim_end_matches(|it: char| !it.is_whitespace());
        let rest = name.as_str().strip_prefix(prefix);
        // Digits look like letters: 0 is kept as o.
        let is_digit = |it: char| {
            ('0'..='9').any(|digit| NameKey::of(&digit.to_string()).as_str() == it.to_string())
        };
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_digit))
    }
}

fn token_behind((Reverse(members), room): (Reverse<u32>, RoomId), search: &NameKey) -> PageToken {
    let position = [Part::Number(members.into()), Part::Number(room.get())];
    PageToken::new(OPEN, search.as_str(), &position)
}

/// Where a page begins. What is no token of open rooms is one of the store's, which looks at it.
fn start_of(page: Option<&PageToken>, search: &NameKey) -> Start {
    let Some(page) = page else {
        return Start::Open(None);
    };
    match page.position(OPEN, search.as_str()).as_deref() {
        Some([Part::Number(members), Part::Number(room)]) => {
            let members = u32::try_from(*members).unwrap_or_default();
            Start::Open(Some((Reverse(members), RoomId::new(*room))))
        }
        Some(_) => Start::Kept(None),
        None => Start::Kept(Some(page.clone())),
    }
}

/// A room that is not open.
pub(super) fn info_of(kept: room::Room) -> Info {
    let settings = kept.settings;
    Info {
        room: kept.id,
        name: kept.name,
        topic: settings.topic,
        members: 0,
        members_max: settings.members_max,
        has_password: settings.password.is_some(),
        is_locked: settings.is_locked,
        is_hidden: settings.is_hidden,
        is_persistent: true,
        history: settings.history,
        slow_ms: settings.slow_ms,
        number: None,
    }
}
