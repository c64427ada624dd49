//! What a patron asks of rooms that have a name.

use super::{Asked, Patron, text};
use crate::books::Books;
use crate::claims::Moment;
use crate::halls::{Effect, Key, Order, OrderNumber, RemovalNumber, SetNumber, When};
use std::collections::BTreeSet;
use wharf_base::{Duration, Rng};
use wharf_proto::chat::get_history::From;
use wharf_proto::chat::{GetHistory, Remove, Say};
use wharf_proto::room::enter::By;
use wharf_proto::room::{
    Change, Close, Create, Enter, History, Leave, ListBans, ListMembers, Measure, Moderate, Rank,
};

/// A stay in a room that has a name.
#[derive(Debug)]
pub(super) struct Inside {
    pub(super) room: i64,
    /// Which of the link's stays this is.
    pub(super) number: u64,
    /// When it was asked for.
    pub(super) asked: Moment,
    /// When it began.
    pub(super) since: Moment,
    pub(super) rank: Rank,
    /// When that was another the last time.
    pub(super) ranked: Moment,
    /// When the last line was asked for that was told, and not said before.
    pub(super) spoke: Option<When>,
    /// The part of the history that is behind one that was read.
    pub(super) next_page: Option<Page>,
    /// Messages of which it was heard that they were removed.
    pub(super) removed: BTreeSet<i64>,
    /// Lines that were heard.
    pub(super) heard: BTreeSet<usize>,
    /// The last number that was heard of a line that was said once.
    pub(super) last_seq: i64,
}

/// What is asked of a room that has a name.
#[derive(Debug)]
pub(super) enum HallAsked {
    Create(String, Key),
    Enter(Entering),
    /// Of whoever is inside: in which stay, when, and what.
    Inside(Here, Wish),
}

/// Somebody wants to enter.
#[derive(Debug)]
pub(super) struct Entering {
    pub(super) room: i64,
    pub(super) asked: When,
    /// With which key.
    pub(super) shown: Key,
}

/// Where and when something is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here {
    pub(super) room: i64,
    pub(super) stay: u64,
    pub(super) asked: When,
}

#[derive(Debug)]
pub(super) enum Wish {
    Leave,
    Say(usize),
    History(Page),
    Remove(RemovalNumber),
    /// That the room has another key.
    Key(SetNumber),
    /// That the room has so many seats.
    Seats(SetNumber),
    Members,
    Bans,
    /// Something that lasts, and whether it changes the room.
    Order(OrderNumber, What),
    /// Something that is done once to somebody.
    Act,
}

/// Which part of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// The newest, newest first.
    Newest,
    /// What was said before that, newest first.
    Before(i64),
    /// What was said behind that, oldest first.
    After(i64),
}

/// What an order is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Somebody,
    Room,
    Closing,
}

impl Patron {
    /// Appends something to say about rooms that have a name.
    pub(super) fn ask_about_halls(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        if self.is_moving {
            books.packets -= 1;
            return;
        }
        match self.hall.as_ref().map(|hall| hall.rank) {
            None => self.ask_for_hall(rng, books, out),
            Some(rank) => self.ask_inside(rng, rank, books, out),
        }
    }

    fn ask_for_hall(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        match books.halls.some_hall(rng).filter(|_| !rng.chance(0.15)) {
            Some(room) if !rng.chance(0.02) => self.ask_enter_hall(room, rng, books, out),
            // There is none with that id: it would be hours older than the run.
            Some(room) => self.ask_enter_hall(room - (1 << 46), rng, books, out),
            None => self.ask_create(rng, books, out),
        }
    }

    fn ask_create(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        let name = books.halls.some_name(rng);
        let is_persistent = rng.chance(0.75);
        let history = match rng.below(4) {
            _ if !is_persistent => History::Off,
            0 => History::Off,
            1 => History::Buffered,
            _ => History::Durable,
        };
        let key = match rng.chance(0.2) {
            true => Key::Sesame,
            false => Key::Nothing,
        };
        let create = Create {
            name: name.clone(),
            password: key.word().to_owned(),
            members_max: if rng.chance(0.5) {
                0
            } else {
                1 + rng.below(5) as u32
            },
            is_persistent,
            history: history.into(),
            slow_seconds: u32::from(rng.chance(0.3)),
            ..Create::default()
        };
        self.is_moving = true;
        self.send(&create, Asked::Hall(HallAsked::Create(name, key)), out);
    }

    pub(super) fn ask_enter_hall(
        &mut self,
        room: i64,
        rng: &mut Rng,
        books: &mut Books,
        out: &mut Vec<u8>,
    ) {
        let shown = match rng.below(10) {
            0 => Key::Nothing,
            1 | 2 => Key::Barley,
            _ => Key::Sesame,
        };
        let Some((me, ..)) = self.user else { return };
        books.halls.ask_to_enter(room, self.link, me);
        self.is_moving = true;
        let asked = Asked::Hall(HallAsked::Enter(Entering {
            room,
            asked: books.when(),
            shown,
        }));
        let enter = Enter {
            by: Some(By::Room(room)),
            password: shown.word().to_owned(),
        };
        self.send(&enter, asked, out);
    }

    fn here(&self, books: &mut Books) -> Here {
        let hall = self.hall.as_ref().expect("somebody is inside");
        Here {
            room: hall.room,
            stay: hall.number,
            asked: books.when(),
        }
    }

    fn ask_inside(&mut self, rng: &mut Rng, rank: Rank, books: &mut Books, out: &mut Vec<u8>) {
        // Those who may do more, do; the others try now and then.
        let acts = match rank {
            Rank::Owner | Rank::Moderator => 15,
            Rank::Member | Rank::Unspecified => 2,
        };
        let here = self.here(books);
        let wish = |wish| Asked::Hall(HallAsked::Inside(here, wish));
        let may_judge = matches!(rank, Rank::Owner | Rank::Moderator);
        if may_judge && books.halls.some_arrival(here.room).is_some() && rng.chance(0.8) {
            return self.ask_moderate(here, rng, books, out);
        }
        match rng.below(19 + acts) {
            0 if rng.chance(0.5) => {
                self.is_moving = true;
                self.send(&Leave {}, wish(Wish::Leave), out);
            }
            1 => self.send(&ListMembers::default(), wish(Wish::Members), out),
            2 | 3 => self.ask_history(here, rng, out),
            4 => self.ask_remove(here, rng, books, out),
            5..=18 => self.ask_say_inside(here, rng, books, out),
            19 | 20 => self.ask_change(here, rng, books, out),
            21 => self.send(&ListBans::default(), wish(Wish::Bans), out),
            _ => self.ask_moderate(here, rng, books, out),
        }
    }

    /// Reads on where the last part ended, or anywhere.
    fn ask_history(&mut self, here: Here, rng: &mut Rng, out: &mut Vec<u8>) {
        let next = self.hall.as_mut().and_then(|hall| hall.next_page.take());
        let page = match (next, rng.below(4)) {
            (Some(next), 1..) => next,
            (_, 0) => Page::Before(1 + rng.below(20) as i64),
            (_, 1) => Page::Newest,
            _ => Page::After(rng.below(10) as i64),
        };
        let history = GetHistory {
            from: match page {
                Page::Newest => None,
                Page::Before(seq) => Some(From::Before(seq)),
                Page::After(seq) => Some(From::After(seq)),
            },
            limit: 1 + rng.below(20) as u32,
            ..GetHistory::default()
        };
        let asked = HallAsked::Inside(here, Wish::History(page));
        self.send(&history, Asked::Hall(asked), out);
    }

    /// Wants something removed that was said lately, where that has a number for good.
    fn ask_remove(&mut self, here: Here, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        let back = rng.below(4) as usize;
        let Some(seq) = books.halls.lines.some_number(here.room, back) else {
            return;
        };
        let removals = &mut books.halls.removals;
        let number = removals.ask(here.room, seq, here.asked.moment);
        let asked = HallAsked::Inside(here, Wish::Remove(number));
        self.send(&Remove { seq }, Asked::Hall(asked), out);
    }

    /// Says something, or the same again.
    fn ask_say_inside(&mut self, here: Here, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        let Some((me, ..)) = self.user else { return };
        let room = here.room;
        let (again, any) = (rng.chance(0.3), rng.chance(0.2));
        let known = books.halls.lines.say_again(room, me, any);
        let line = match known.filter(|_| again) {
            Some(line) => line,
            None => {
                let history = books.halls.of(room).history;
                books.halls.lines.say(room, me, history, here.asked)
            }
        };
        let say = Say {
            content: text(format!("h/{line}")),
            client_id: LINE_IDS + line as u64,
        };
        let asked = HallAsked::Inside(here, Wish::Say(line));
        self.send(&say, Asked::Hall(asked), out);
    }

    /// Wants another key, or room for others.
    fn ask_set(&mut self, here: Here, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        let most = books.rules.members_max;
        let hall = books.halls.get(here.room);
        let mut change = Change::default();
        let wish = if rng.chance(0.5) {
            let key = [Key::Nothing, Key::Sesame, Key::Barley][rng.below(3) as usize];
            change.password = Some(key.word().to_owned());
            Wish::Key(hall.key.ask(key, here.asked))
        } else {
            // No room has more than all may have.
            let members_max = 1 + rng.below(6) as u32;
            change.members_max = Some(members_max);
            let members_max = members_max.min(most);
            Wish::Seats(hall.members_max.ask(members_max, here.asked))
        };
        let asked = Asked::Hall(HallAsked::Inside(here, wish));
        self.send(&change, asked, out);
    }

    fn ask_change(&mut self, here: Here, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        if rng.chance(0.3) {
            return self.ask_set(here, rng, books, out);
        }
        let mut change = Change::default();
        let (order, effect) = match rng.below(20) {
            0 | 1 => return self.ask_close(here, books, out),
            2..=7 => {
                change.slow_seconds = Some(1);
                (Order::Slow, Effect::Set(None))
            }
            8 | 9 => {
                change.slow_seconds = Some(0);
                (Order::Slow, Effect::Lifted)
            }
            10..=13 => {
                change.is_locked = Some(true);
                (Order::Lock, Effect::Set(None))
            }
            _ => {
                change.is_locked = Some(false);
                (Order::Lock, Effect::Lifted)
            }
        };
        let number = books.halls.orders(here.room).ask(order, effect, here.asked);
        let wish = Wish::Order(number, What::Room);
        let asked = Asked::Hall(HallAsked::Inside(here, wish));
        self.send(&change, asked, out);
    }

    fn ask_close(&mut self, here: Here, books: &mut Books, out: &mut Vec<u8>) {
        let orders = books.halls.orders(here.room);
        let number = orders.ask(Order::Close, Effect::Set(None), here.asked);
        let wish = Wish::Order(number, What::Closing);
        let asked = Asked::Hall(HallAsked::Inside(here, wish));
        self.send(&Close {}, asked, out);
    }

    fn ask_moderate(&mut self, here: Here, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        // Whoever is on the way is judged most often: that is where a race is.
        let anybody = rng.below(books.people.count() as u64) as usize;
        let arrival = books.halls.some_arrival(here.room);
        let whom = arrival.filter(|_| rng.chance(0.8)).unwrap_or(anybody);
        let Some(account) = books.people.account(whom) else {
            return;
        };
        // What is done to them has to be noticed if it is forgotten, and of several measures of
        // the same length it is certain that the last holds.
        let is_sure = arrival == Some(whom) && rng.chance(0.8);
        let seconds = match is_sure {
            true => 5,
            false => [0, 1, 2, 5][rng.below(4) as usize],
        };
        let span = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
        let (ban, mute) = (Order::Ban(whom), Order::Mute(whom));
        let measure = match rng.below(20) {
            _ if is_sure => match rng.chance(0.3) {
                true => Measure::Ban,
                false => Measure::Mute,
            },
            0 | 1 => Measure::Kick,
            2 | 3 => Measure::Ban,
            4..=6 => Measure::Unban,
            7 | 8 => Measure::Mute,
            9 | 10 => Measure::Unmute,
            11..=14 => Measure::Promote,
            15..=17 => Measure::Demote,
            _ => Measure::HandOver,
        };
        let order = match measure {
            Measure::Ban => Some((ban, Effect::Set(span))),
            Measure::Unban => Some((ban, Effect::Lifted)),
            Measure::Mute => Some((mute, Effect::Set(span))),
            Measure::Unmute => Some((mute, Effect::Lifted)),
            _ => None,
        };
        let orders = books.halls.orders(here.room);
        let order = order.map(|(order, effect)| orders.ask(order, effect, here.asked));
        let wish = match order {
            Some(number) => Wish::Order(number, What::Somebody),
            None => Wish::Act,
        };
        let moderate = Moderate {
            account,
            measure: measure.into(),
            seconds,
            text: String::new(),
        };
        let asked = Asked::Hall(HallAsked::Inside(here, wish));
        self.send(&moderate, asked, out);
    }
}

/// The first of the numbers by which lines are known; those of whispers are lower.
const LINE_IDS: u64 = 1 << 32;
