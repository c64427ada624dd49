//! What was asked for and said by whom, so that every answer and every line can be judged.

use crate::claims::{Claims, LinkNumber, Moment};
use crate::guesses::Guesses;
use crate::halls::{Halls, When};
use crate::mutters::{self, Mutters};
use crate::people::{People, TAIL, cut};
use std::collections::BTreeMap;
use wharf_base::Instant;
use wharf_data::AccountId;

/// What clients can run into: how many there are of everything.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) rooms: u32,
    /// Names among which clients choose.
    pub(crate) names: u32,
    /// Members of each room.
    pub(crate) members_max: u32,
    pub(crate) sessions_max: u32,
    /// People with accounts, among whom clients of the platform choose; 0 if there are no services.
    pub(crate) people: u32,
    /// Rooms with a name that may be open at once; 0 if there are none.
    pub(crate) halls: u32,
}

impl Rules {
    pub(crate) fn has_room(&self, room: i32) -> bool {
        u32::try_from(room).is_ok_and(|room| room < self.rooms)
    }
}

/// One stay of one client in one room, from its 207 to its end; never the same twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stay(pub(crate) u64);

/// What a client did in a stay.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) room: i32,
    pub(crate) link: LinkNumber,
    /// When it asked to enter.
    pub(crate) asked: Moment,
    /// Lines handed to the network; numbered from 0.
    pub(crate) sent: u64,
    /// Lines that the server has accepted (222), which come in order.
    pub(crate) accepted: u64,
}

/// Everything that the clients of a run know between them.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) rules: Rules,
    moments: u64,
    links: u64,
    stays: BTreeMap<Stay, Said>,
    names: Claims<String>,
    seats: Claims<i32>,
    pub(crate) people: People,
    pub(crate) halls: Halls,
    pub(crate) mutters: Mutters,
    pub(crate) guesses: Guesses,
    /// The time.
    pub(crate) now: Instant,
    pub(crate) lines_sent: u64,
    pub(crate) lines_heard: u64,
    pub(crate) packets: u64,
    pub(crate) logins: u64,
    /// Logins refused because of another session's.
    pub(crate) names_in_use: u64,
    /// Entries refused because the room was full.
    pub(crate) rooms_full: u64,
    pub(crate) cut: u64,
}

impl Books {
    pub(crate) fn new(rules: Rules, guesses: Guesses) -> Self {
        Self {
            rules,
            guesses,
            people: People::new(rules.people),
            ..Self::default()
        }
    }

    fn next_moment(&mut self) -> Moment {
        self.moments += 1;
        Moment(self.moments)
    }

    /// Something is asked or heard now.
    pub(crate) fn when(&mut self) -> When {
        let (moment, at) = (self.next_moment(), self.now);
        When { moment, at }
    }

    /// Behind everything that was asked and heard so far.
    pub(crate) fn present(&self) -> Moment {
        Moment(self.moments + 1)
    }

    /// Whose account that is, if it is known.
    pub(crate) fn account_of(&self, person: usize) -> Option<AccountId> {
        self.people.account(person).map(AccountId::new)
    }

    /// `me`, in that room of those without a name, hears words that may be cut after so many bytes.
    /// Whose line it is and which; or none if it is a mutter.
    ///
    /// # Panics
    /// If nobody says such words, or says them elsewhere.
    pub(crate) fn hear(
        &mut self,
        me: &str,
        (words, cut_after): (&str, usize),
        room: Option<i32>,
    ) -> Option<(Stay, u64)> {
        self.lines_heard += 1;
        if let Some(number) = mutters::number_of(words) {
            let orders = &self.people.orders;
            self.mutters.heard(number, room, (orders, self.now));
            return None;
        }
        let (stay, number, said_in) =
            read_line(words, cut_after).unwrap_or_else(|| panic!("{me}: {words:?}"));
        assert_eq!(room, Some(said_in), "{me}: hears room {said_in}");
        Some((stay, number))
    }

    /// A client connects.
    pub(crate) fn begin_link(&mut self) -> LinkNumber {
        self.links += 1;
        LinkNumber(self.links)
    }

    /// Whether so many links have been that the server may have been full.
    pub(crate) fn may_be_full(&self) -> bool {
        // The one that is refused is not among those who are in.
        self.links > u64::from(self.rules.sessions_max)
    }

    /// A client asks to log in as `name`; returns when.
    pub(crate) fn claim_name(&mut self, name: &str, link: LinkNumber) -> Moment {
        self.names.begin(name.to_owned(), link);
        self.next_moment()
    }

    /// It hears that it may not.
    pub(crate) fn give_up_name(&mut self, name: &str, link: LinkNumber) {
        let now = self.next_moment();
        self.names.end(&name.to_owned(), link, now);
    }

    /// Whether another may have had the name when `link`, which asked at `asked`, was refused it.
    pub(crate) fn may_be_in_use(&self, name: &str, link: LinkNumber, asked: Moment) -> bool {
        self.names.others(&name.to_owned(), link, asked) > 0
    }

    /// A client asks to enter a room.
    pub(crate) fn begin_stay(&mut self, room: i32, link: LinkNumber) -> Stay {
        self.seats.begin(room, link);
        let stay = Stay(self.stays.len() as u64 + 1);
        let asked = self.next_moment();
        let said = Said {
            room,
            link,
            asked,
            sent: 0,
            accepted: 0,
        };
        self.stays.insert(stay, said);
        stay
    }

    /// It hears that it has not entered, or has left.
    pub(crate) fn end_stay(&mut self, stay: Stay) {
        let now = self.next_moment();
        let said = self.of(stay);
        let (room, link) = (said.room, said.link);
        self.seats.end(&room, link, now);
    }

    /// Whether others may have had every seat of the room when this stay was refused.
    pub(crate) fn may_be_crowded(&self, stay: Stay) -> bool {
        let Said {
            room, link, asked, ..
        } = self.of(stay);
        self.seats.others(room, *link, *asked) >= self.rules.members_max as usize
    }

    /// # Panics
    /// If the stay was never asked for.
    pub(crate) fn of(&self, stay: Stay) -> &Said {
        &self.stays[&stay]
    }

    /// Lines sent in a stay; none in one that somebody made up.
    pub(crate) fn sent(&self, stay: Stay) -> u64 {
        self.stays.get(&stay).map_or(0, |said| said.sent)
    }

    /// The text of the next line of a stay; a long one, if that is wished.
    pub(crate) fn next_line(&mut self, stay: Stay, is_long: bool) -> String {
        let said = self.stays.get_mut(&stay).expect("it has begun");
        let number = said.sent;
        said.sent += 1;
        self.lines_sent += 1;
        let tail = if is_long { LONG } else { 0 };
        format!("{}/{number}/{}/{}", stay.0, said.room, TAIL.repeat(tail))
    }

    pub(crate) fn accept_line(&mut self, stay: Stay) {
        self.stays.get_mut(&stay).expect("it has begun").accepted += 1;
    }

    /// Every stay in a room, with what was sent in it so far.
    pub(crate) fn sent_in(&self, room: i32) -> BTreeMap<Stay, u64> {
        let here = self.stays.iter().filter(|(_, said)| said.room == room);
        here.map(|(stay, said)| (*stay, said.sent)).collect()
    }
}

/// Characters behind a long line.
const LONG: usize = 100;

/// The parts of a line, of which so many bytes can be told; it is cut there, and not before.
fn read_line(text: &str, bytes_max: usize) -> Option<(Stay, u64, i32)> {
    let mut parts = text.split('/');
    let stay = Stay(parts.next()?.parse().ok()?);
    let (number, room) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let tail = parts.next()?;
    let whole = format!("{}/{number}/{room}/{}", stay.0, TAIL.repeat(LONG));
    let is_right = tail.is_empty() || text == cut(&whole, bytes_max);
    (is_right && parts.next().is_none()).then_some((stay, number, room))
}
