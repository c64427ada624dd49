//! What clients know between them of rooms that have a name: which there are, what was ordered and
//! said there, and who may be inside.

mod lines;
mod orders;
mod removals;
mod settings;

use crate::claims::{Claims, LinkNumber, Moment};
pub(crate) use lines::Lines;
pub(crate) use orders::{Effect, Order, OrderNumber, Orders, Outcome, ROUNDING};
pub(crate) use removals::{RemovalNumber, Removals};
pub(crate) use settings::{SetNumber, Setting};
use std::collections::BTreeMap;
use wharf_base::{Duration, Instant, Rng};
use wharf_proto::room::{History, Info};

/// A place in the order of everything, and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) moment: Moment,
    pub(crate) at: Instant,
}

/// A place in the order of everything, a second behind the one before.
#[cfg(test)]
fn when(moment: u64) -> When {
    When {
        moment: Moment(moment),
        at: Instant::from_nanos(moment * 1_000_000_000),
    }
}

/// Names among which those who make rooms choose.
const NAMES: u64 = 4;
/// Rooms that somebody may still want to enter.
const RECENT: usize = 3;
/// How long members wait between two messages in a room that is slow.
pub(crate) const SLOW: Duration = Duration::from_secs(1);

/// What opens a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Nothing is needed.
    Nothing,
    Sesame,
    Barley,
}

impl Key {
    /// The password.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Sesame => "open sesame",
            Self::Barley => "open barley",
        }
    }

    /// Whether somebody with that key comes in here.
    pub(crate) fn opens(self, shown: Self) -> bool {
        self == Self::Nothing || self == shown
    }
}

/// All rooms of a run.
#[derive(Debug, Default)]
pub(crate) struct Halls {
    halls: BTreeMap<i64, Hall>,
    /// The latest last.
    recent: Vec<i64>,
    /// How often somebody has asked for a room of that name.
    names: BTreeMap<String, u32>,
    pub(crate) lines: Lines,
    pub(crate) removals: Removals,
    seats: Claims<i64>,
    /// Those who have asked to enter, with the room, and not heard.
    arriving: BTreeMap<LinkNumber, (i64, usize)>,
    pub(crate) counts: HallCounts,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Hall {
    pub(crate) history: History,
    pub(crate) is_persistent: bool,
    pub(crate) key: Setting<Key>,
    pub(crate) members_max: Setting<u32>,
    pub(crate) orders: Orders,
}

/// How often something happened that does not always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HallCounts {
    /// Rooms that were made.
    pub made: u64,
    /// Entries into one that was there.
    pub entered: u64,
    /// Lines that somebody said.
    pub lines: u64,
    /// Lines that were acknowledged as durable.
    pub kept: u64,
    /// Lines that were said again, and known.
    pub known: u64,
    /// Lines that were refused: whoever said them was muted, or had to wait.
    pub muted: u64,
    /// Entries that were refused because of a ban.
    pub banned: u64,
    /// Entries that were refused because every seat was taken.
    pub full: u64,
    /// Entries that were refused because of a lock.
    pub locked: u64,
    /// Entries that were refused because of a password.
    pub guessed: u64,
    /// Members who were sent out.
    pub removed: u64,
    /// Acts on others that were done.
    pub acts: u64,
    /// Acts that were refused because of a rank.
    pub forbidden: u64,
    /// Rooms that were closed.
    pub closed: u64,
    /// Passwords and numbers of members that were changed.
    pub set: u64,
    /// Messages that were removed.
    pub cleared: u64,
    /// Removed messages that somebody read of.
    pub gaps: u64,
    /// Lines that waited for as long as a slow room wants.
    pub waited: u64,
    /// Lines that were refused because they had not.
    pub hurried: u64,
    /// Parts of histories that were read behind another part.
    pub pages: u64,
}

impl HallCounts {
    /// Each with what it is called.
    pub fn each(&self) -> [(&'static str, u64); 20] {
        [
            ("rooms made", self.made),
            ("room entries", self.entered),
            ("room lines", self.lines),
            ("durable room lines", self.kept),
            ("known room lines", self.known),
            ("muted room lines", self.muted),
            ("entries of banned", self.banned),
            ("entries into full", self.full),
            ("entries into locked", self.locked),
            ("entries by guess", self.guessed),
            ("removed members", self.removed),
            ("acts in rooms", self.acts),
            ("forbidden acts", self.forbidden),
            ("rooms closed", self.closed),
            ("settings of rooms", self.set),
            ("removed messages", self.cleared),
            ("gaps in histories", self.gaps),
            ("lines that waited", self.waited),
            ("hurried lines", self.hurried),
            ("further pages", self.pages),
        ]
    }

    /// Counts what happened elsewhere, too.
    pub fn add(&mut self, other: &Self) {
        self.made += other.made;
        self.entered += other.entered;
        self.lines += other.lines;
        self.kept += other.kept;
        self.known += other.known;
        self.muted += other.muted;
        self.banned += other.banned;
        self.full += other.full;
        self.locked += other.locked;
        self.guessed += other.guessed;
        self.removed += other.removed;
        self.acts += other.acts;
        self.forbidden += other.forbidden;
        self.closed += other.closed;
        self.set += other.set;
        self.cleared += other.cleared;
        self.gaps += other.gaps;
        self.waited += other.waited;
        self.hurried += other.hurried;
        self.pages += other.pages;
    }
}

impl Halls {
    /// A name for a room that somebody wants to make.
    pub(crate) fn some_name(&mut self, rng: &mut Rng) -> String {
        let name = format!("hall {}", rng.below(NAMES));
        *self.names.entry(name.clone()).or_default() += 1;
        name
    }

    /// Whether another may have asked for that name.
    pub(crate) fn may_be_taken(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|asked| *asked > 1)
    }

    /// One that somebody may want to enter.
    pub(crate) fn some_hall(&self, rng: &mut Rng) -> Option<i64> {
        let recent = &self.recent[self.recent.len().saturating_sub(RECENT)..];
        let index = rng.below(recent.len().max(1) as u64) as usize;
        recent.get(index).copied()
    }

    /// A room was made.
    pub(crate) fn made(&mut self, info: &Info, key: Key, now: When) {
        assert_eq!(info.has_password, key != Key::Nothing, "{info:?}");
        let mut orders = Orders::default();
        if info.slow_seconds > 0 {
            let number = orders.ask(Order::Slow, Effect::Set(None), now);
            orders.answer(number, now, Outcome::Done);
        }
        let hall = Hall {
            history: info.history(),
            is_persistent: info.is_persistent,
            key: Setting::new(key),
            members_max: Setting::new(info.members_max),
            orders,
        };
        let before = self.halls.insert(info.room, hall);
        assert!(before.is_none(), "{info:?}: was made before");
        self.recent.push(info.room);
        self.counts.made += 1;
    }

    /// # Panics
    /// If nobody has made it.
    pub(crate) fn of(&self, room: i64) -> &Hall {
        &self.halls[&room]
    }

    /// It, if somebody is known to have made it.
    pub(crate) fn has(&self, room: i64) -> Option<&Hall> {
        self.halls.get(&room)
    }

    /// # Panics
    /// If nobody has made it.
    pub(crate) fn get(&mut self, room: i64) -> &mut Hall {
        self.halls.get_mut(&room).expect("it was made")
    }

    pub(crate) fn orders(&mut self, room: i64) -> &mut Orders {
        &mut self.get(room).orders
    }

    /// Whether there may be no such room at some time since `since`.
    pub(crate) fn may_be_gone(&self, room: i64, since: Instant) -> bool {
        let Some(hall) = self.halls.get(&room) else {
            return true;
        };
        !hall.is_persistent || hall.orders.may_hold(Order::Close, since)
    }

    /// Whether something holds for certain since `since`.
    pub(crate) fn holds(&self, room: i64, order: Order, since: Moment, at: Instant) -> bool {
        let hall = self.halls.get(&room);
        hall.is_some_and(|hall| hall.orders.holds(order, since, at))
    }

    pub(crate) fn may_hold(&self, room: i64, order: Order, since: Instant) -> bool {
        let hall = self.halls.get(&room);
        hall.is_some_and(|hall| hall.orders.may_hold(order, since))
    }

    /// `who` asks to enter.
    pub(crate) fn ask_to_enter(&mut self, room: i64, link: LinkNumber, who: usize) {
        self.claim_seat(room, link);
        self.arriving.insert(link, (room, who));
    }

    /// They have an answer.
    pub(crate) fn answered(&mut self, link: LinkNumber) {
        self.arriving.remove(&link);
    }

    /// Somebody who may be on the way into a room.
    pub(crate) fn some_arrival(&self, room: i64) -> Option<usize> {
        let mut latest = self.arriving.values().rev();
        latest.find(|(to, _)| *to == room).map(|(_, who)| *who)
    }

    /// Somebody may have a seat from now on.
    pub(crate) fn claim_seat(&mut self, room: i64, link: LinkNumber) {
        self.seats.begin(room, link);
    }

    /// They hear that they are not there.
    pub(crate) fn give_up_seat(&mut self, room: i64, link: LinkNumber, now: Moment) {
        self.seats.end(&room, link, now);
    }

    /// Whether others may have had every seat when one was refused that was asked for at `asked`.
    pub(crate) fn may_be_crowded(&self, room: i64, link: LinkNumber, asked: Moment) -> bool {
        let others = self.seats.others(&room, link, asked);
        let hall = self.halls.get(&room);
        hall.is_some_and(|hall| {
            let fewest = hall.members_max.since(asked).min();
            fewest.is_some_and(|fewest| others >= fewest as usize)
        })
    }

    /// Asserts that the histories are what was said, without what was removed and with all that
    /// was not.
    ///
    /// # Panics
    /// If one is not.
    pub(crate) fn assert_kept(
        &mut self,
        now: Moment,
        mut history: impl FnMut(i64) -> Vec<(i64, Option<usize>)>,
    ) {
        let rooms: Vec<i64> = self.halls.keys().copied().collect();
        for room in rooms {
            let mut kept = Vec::new();
            for (seq, line) in history(room) {
                self.assert_removed(room, seq, line.is_none(), now);
                let line = line.or_else(|| self.lines.numbered(room, seq));
                kept.push((seq, line.expect("somebody has seen what was removed")));
            }
            self.lines.assert_kept(room, &kept);
        }
    }

    /// Asserts that a message which was read is there or not, as it must be since `asked`.
    ///
    /// # Panics
    /// If it is not.
    pub(crate) fn assert_removed(&self, room: i64, seq: i64, is_removed: bool, asked: Moment) {
        if is_removed {
            let may_be = self.removals.may_be(room, seq);
            assert!(may_be, "room {room}: nobody has removed {seq}");
        } else if self.of(room).history == History::Durable {
            let is_certain = self.removals.is_certain(room, seq, asked);
            assert!(!is_certain, "room {room}: {seq} was removed, and is read");
        }
    }

    /// What happened, in numbers.
    pub(crate) fn counts(&self) -> HallCounts {
        HallCounts {
            lines: self.lines.count(),
            ..self.counts
        }
    }
}
