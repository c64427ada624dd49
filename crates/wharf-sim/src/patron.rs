//! One simulated client of the platform's packets: people with accounts, who come and go, talk in
//! rooms and whisper; everything that it hears is checked.

mod coming;
mod ears;
mod hall;
mod hall_ears;
mod hall_refusals;

use crate::books::{Books, Stay};
use crate::claims::{LinkNumber, Moment};
use crate::guesses::TryNumber;
use crate::hearing::Hearing;
use crate::mutters;
use crate::people::name_of;
use crate::roll_call::{Belief, HallBelief};
use hall::{HallAsked, Inside};
use std::collections::BTreeMap;
use wharf_base::Rng;
use wharf_proto::Request;
use wharf_proto::account::ListLogins;
use wharf_proto::chat::content::What;
use wharf_proto::chat::whisper::To;
use wharf_proto::chat::{Block, Content, Say, Whisper};
use wharf_proto::room::enter::By;
use wharf_proto::room::{Enter, Leave, ListUsers};
use wharf_proto::session::Ping;
use wharf_wire::{Extensions, Packet};

/// What a patron waits for.
#[derive(Debug)]
enum Asked {
    Hello,
    /// Something that may not come yet.
    TooEarly,
    Ping(i64),
    LogIn(usize, How, Option<TryNumber>),
    /// By that ticket.
    ShowTicket(usize),
    Enter(Stay),
    Leave,
    /// Something about a room that has a name.
    Hall(HallAsked),
    Say(Stay),
    Mutter(usize),
    Whisper(usize),
    Block(usize, bool),
    Users,
    Logins,
    /// With the tokens that are worth nothing afterwards.
    Revoke(Vec<usize>),
    LogOut(Vec<usize>),
}

/// How somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Register,
    Password,
    WrongPassword,
    /// By a token, and whether that was worth nothing when it was shown.
    Token(usize, bool),
    /// By a token that is worth something for certain.
    Resume(usize),
}

/// A patron's link, from connecting to its end.
#[derive(Debug)]
pub(crate) struct Patron {
    label: String,
    link: LinkNumber,
    owed: BTreeMap<u32, Asked>,
    last_request: u32,
    /// The last that was answered.
    last_answered: u32,
    is_greeted: bool,
    is_logging_in: bool,
    /// Whether it has come by a ticket: then it looks on.
    is_visitor: bool,
    /// When it asked to log in last, and when it heard that it is.
    login_asked: Moment,
    came: Moment,
    /// Who it is, the account, and the login.
    user: Option<(usize, i64, i64)>,
    stay: Option<Stay>,
    /// The room with a name that it is in.
    hall: Option<Inside>,
    hall_stays: u64,
    /// Whether a change of room is under way.
    is_moving: bool,
    others: BTreeMap<i64, String>,
    hearing: Hearing,
    /// The last number heard of each author.
    whispers: BTreeMap<i64, i64>,
    /// Whether the server has said that it ends.
    is_over: bool,
    /// Whether it must end: its room has begun anew without it, and services that died.
    is_doomed: bool,
    /// Whether it must end: it was told so instead of being served.
    is_unserved: bool,
    /// Whether it has said its last to everybody.
    has_whispered: bool,
    /// Whether it has looked into a room since it resumed.
    has_looked: bool,
}

impl Patron {
    pub(crate) fn new(label: String, link: LinkNumber) -> Self {
        Self {
            label,
            link,
            owed: BTreeMap::new(),
            last_request: 0,
            last_answered: 0,
            is_greeted: false,
            is_logging_in: false,
            is_visitor: false,
            login_asked: Moment(0),
            came: Moment(0),
            user: None,
            stay: None,
            hall: None,
            hall_stays: 0,
            is_moving: false,
            others: BTreeMap::new(),
            hearing: Hearing::default(),
            whispers: BTreeMap::new(),
            is_over: false,
            is_doomed: false,
            is_unserved: false,
            has_whispered: false,
            has_looked: false,
        }
    }

    /// Appends something to say.
    pub(crate) fn ask(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        books.packets += 1;
        let Some((me, ..)) = self.user else {
            return self.ask_as_guest(rng, books, out);
        };
        let is_in_lobby = self.stay.is_some();
        let is_mortal = books.people.is_mortal(me);
        if books.rules.halls > 0 && !is_in_lobby && !is_mortal && rng.chance(0.8) {
            return self.ask_about_halls(rng, books, out);
        }
        let is_outside = !is_in_lobby && self.hall.is_none();
        match rng.below(20) {
            0 => self.ask_ping(rng, out),
            1 | 2 if is_outside && !self.is_moving => self.ask_enter(rng, books, out),
            3 if is_in_lobby && !self.is_moving && rng.chance(0.3) => {
                self.is_moving = true;
                self.send(&Leave {}, Asked::Leave, out);
            }
            4 => self.send(&ListUsers::default(), Asked::Users, out),
            5 => self.send(&ListLogins {}, Asked::Logins, out),
            6 if rng.chance(0.3) && !is_mortal => self.ask_block(rng, books, me, out),
            7 if rng.chance(0.1) => self.ask_revoke(books, out),
            8 if rng.chance(0.1) => self.ask_log_out(books, out),
            9..=14 if !is_mortal => {
                let to = rng.below(books.people.count() as u64) as usize;
                let again = rng
                    .chance(0.3)
                    .then(|| books.people.whisper_again(me))
                    .flatten();
                if let Some(whisper) = again {
                    self.whisper(whisper, rng.chance(0.5), books, out);
                } else if to != me {
                    let whisper = books.people.whisper(me, to);
                    self.whisper(whisper, rng.chance(0.5), books, out);
                }
            }
            _ => self.ask_say(rng, books, out),
        }
    }

    fn send<R: Request>(&mut self, request: &R, asked: Asked, out: &mut Vec<u8>) {
        self.last_request += 1;
        self.owed.insert(self.last_request, asked);
        let extensions = Extensions::request(self.last_request);
        extensions.encode_frame(R::ID, out, |out| Packet::encode(request, out));
    }

    fn ask_ping(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        let sent_ms = rng.next_u64() as i64;
        self.send(&Ping { sent_ms }, Asked::Ping(sent_ms), out);
    }

    fn ask_enter(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        // The last of these does not exist.
        let room = rng.below(u64::from(books.rules.rooms) + 1) as u32;
        let stay = books.begin_stay(room as i32, self.link);
        self.is_moving = true;
        let enter = Enter {
            by: Some(By::Number(room)),
            ..Enter::default()
        };
        self.send(&enter, Asked::Enter(stay), out);
    }

    fn ask_say(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        let Some(stay) = self.stay.filter(|_| !self.is_moving) else {
            return;
        };
        let (me, ..) = self.user.expect("somebody is in a room");
        // Of these nobody may be muted.
        let (words, asked) = if me.is_multiple_of(2) {
            let words = books.next_line(stay, rng.chance(0.2));
            (words, Asked::Say(stay))
        } else {
            let (room, asked) = (books.of(stay).room, books.when().moment);
            let number = books.mutters.say(me, room, asked);
            (mutters::words_of(number), Asked::Mutter(number))
        };
        let say = Say {
            content: text(words),
            client_id: 0,
        };
        self.send(&say, asked, out);
    }

    /// Whispers, or says the same again.
    fn whisper(&mut self, whisper: usize, by_name: bool, books: &Books, out: &mut Vec<u8>) {
        let to = books.people.addressee(whisper);
        let to = match books.people.account(to).filter(|_| !by_name) {
            Some(account) => To::Account(account),
            None => To::Name(name_of(to)),
        };
        let request = Whisper {
            to: Some(to),
            content: text(format!("w/{whisper}")),
            client_id: whisper as u64 + 1,
        };
        self.send(&request, Asked::Whisper(whisper), out);
    }

    fn ask_block(&mut self, rng: &mut Rng, books: &mut Books, me: usize, out: &mut Vec<u8>) {
        let other = rng.below(books.people.count() as u64) as usize;
        let Some(account) = books.people.account(other).filter(|_| other != me) else {
            return;
        };
        let is_blocked = rng.chance(0.4);
        books.people.ask_to_block(me, other);
        let block = Block {
            account,
            is_blocked,
        };
        self.send(&block, Asked::Block(other, is_blocked), out);
    }

    /// Says now and then that it is there, when it says nothing else.
    pub(crate) fn stay_awake(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        if self.user.is_some() && !self.is_over {
            self.ask_ping(rng, out);
        }
    }

    /// Says something to everybody else, wherever they are.
    pub(crate) fn whisper_to_all(&mut self, books: &mut Books, out: &mut Vec<u8>) {
        let may_whisper = !self.has_whispered && !self.is_over;
        let user = self.user.filter(|(me, ..)| !books.people.is_mortal(*me));
        let Some((me, ..)) = user.filter(|_| may_whisper) else {
            return;
        };
        self.has_whispered = true;
        for to in (0..books.people.count()).filter(|to| *to != me) {
            let whisper = books.people.whisper(me, to);
            self.whisper(whisper, true, books, out);
        }
    }

    /// Whether it has asked for a room since it resumed.
    pub(crate) fn has_looked(&self) -> bool {
        self.has_looked
    }

    /// Whether the server still owes it something.
    pub(crate) fn is_owed(&self) -> bool {
        let is_ping = |asked: &Asked| matches!(asked, Asked::Ping(_));
        !self.is_over && !self.owed.values().all(is_ping)
    }

    /// Whether it is logged in.
    pub(crate) fn is_in(&self) -> bool {
        self.user.is_some() && !self.is_over
    }

    /// When all is quiet: as [`crate::client::Client::assert_settled`].
    pub(crate) fn assert_settled(&self, books: &Books) {
        let me = &self.label;
        assert!(!self.is_owed(), "{me}: still owed {:?}", self.owed);
        assert!(!self.is_over, "{me}: the server said goodbye and stays");
        assert!(!self.is_doomed, "{me}: is in no room, and was not told");
        assert!(!self.is_unserved, "{me}: was not served, and stays");
        if let Some((person, ..)) = self.user {
            let is_sent = books.people.must_be_gone(person, self.came);
            assert!(!is_sent, "{me}: {person} was sent away, and stays");
        }
        let mut others = self.others.keys();
        let erased = others.find(|it| books.people.is_erased(**it, books.present()));
        assert_eq!(erased, None, "{me}: sees an account that is no more");
        if let Some(stay) = self.stay {
            self.hearing.assert_settled(me, books.of(stay).room, books);
        }
        self.assert_settled_inside(books.present(), books);
    }

    /// Who and where it is, and whom it sees there.
    pub(crate) fn belief(&self, books: &Books) -> Belief {
        Belief {
            label: self.label.clone(),
            user: self.user.map(|(person, ..)| name_of(person)),
            login: self.user.map(|(_, account, login)| (account, login)),
            room: self.stay.map(|stay| books.of(stay).room),
            hall: self.hall.as_ref().map(|hall| HallBelief {
                room: hall.room,
                account: self.user.map_or(0, |(_, account, _)| account),
                rank: hall.rank,
            }),
            others: self.others.clone(),
            is_classic: false,
        }
    }
}

fn text(text: String) -> Option<Content> {
    let what = Some(What::Text(text));
    Some(Content { what })
}
