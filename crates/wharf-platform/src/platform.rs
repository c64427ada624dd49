//! The machine: calls in, replies out, and what has to be done in between.

mod briefly;
mod coming;
mod counted;
mod halls;
mod operating;
mod people;
mod terms;

pub use terms::{CountTag, Effect, From, SessionTag, StoreTag, Ticket};

use crate::brief::Brief;
use crate::ended::{Ended, OF_ENDED};
use crate::entrance::Entrance;
use crate::logins::{Login, Logins};
use crate::operators::{Operators, Pending as OfOperators};
use crate::places::Places;
use crate::presence::Presence;
use crate::readable::readable;
use crate::rooms::{RoomOptions, Rooms};
use crate::sweeping::{OF_SWEEPING, Sweeping};
use crate::whispers::{Pending, Whispers};
use people::Listing;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wharf_accounts::{Accounts, AskTag, Chance, Hashed, JobId, Tickets};
use wharf_base::{Duration, Instant};
use wharf_data::access::Error;
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{Actor, Notice, Refusal, UnixMs, operators};

/// The platform, as a state machine.
///
/// Call [`call`](Self::call), [`session_closed`](Self::session_closed),
/// [`stored`](Self::stored), [`hashed`](Self::hashed) and, when
/// [`next_deadline`](Self::next_deadline) has come, [`handle_timeout`](Self::handle_timeout);
/// after each, [`poll`](Self::poll) until there is nothing more.
///
/// Every call gets exactly one reply, whether its session is still there or not.
pub struct Platform {
    accounts: Accounts,
    pub(crate) presence: Presence,
    /// Whose logins are looked at, where other servers end them too.
    pub(crate) ended: Ended,
    effects: VecDeque<Effect>,
    whispers: Whispers,
    operators: Operators,
    /// Operators' questions to the store, by its tag.
    operating: BTreeMap<StoreTag, OfOperators>,
    /// Rooms that have a name, if there are any.
    pub(crate) rooms: Option<Rooms>,
    /// Shows who is online and which rooms are busy, where that is wished.
    brief: Option<Brief>,
    /// When the store is swept, if it is.
    pub(crate) sweeping: Option<Sweeping>,
    /// How long what was said is kept, if not for ever.
    pub(crate) messages_kept: Option<Duration>,
    /// Calls that wait for the store, by its tag.
    asked: BTreeMap<StoreTag, Ticket>,
    /// Lists of those who are here that do.
    listings: BTreeMap<StoreTag, (Ticket, Listing)>,
    /// Whispers that do.
    pending: BTreeMap<StoreTag, Pending>,
    /// Logins of classic clients, whose packets have no word for being taken over.
    classic: BTreeSet<Ticket>,
    /// Sessions with requests that accounts work on: how many, and whether they are over.
    busy: BTreeMap<SessionTag, Busy>,
    /// Those who log in, and those who wait for a place.
    pub(crate) logins: Logins,
    last_tag: u64,
}

#[derive(Default)]
struct Busy {
    requests: u32,
    is_over: bool,
}

/// Tags of accounts' own questions have this bit, those of calls have not.
const OF_ACCOUNTS: u64 = 1 << 63;
/// The same of rooms' own questions, and of their passwords.
const OF_ROOMS: u64 = 1 << 62;

impl Platform {
    /// Nobody is here yet. `node` is this process among those that make ids.
    pub fn new(accounts: Accounts, node: u16) -> Self {
        let whispers = Whispers::new(node, accounts.is_alone());
        Self {
            accounts,
            presence: Presence::default(),
            ended: Ended::default(),
            effects: VecDeque::new(),
            whispers,
            operators: Operators::new(node),
            operating: BTreeMap::new(),
            rooms: None,
            brief: None,
            sweeping: None,
            messages_kept: None,
            asked: BTreeMap::new(),
            listings: BTreeMap::new(),
            pending: BTreeMap::new(),
            classic: BTreeSet::new(),
            busy: BTreeMap::new(),
            logins: Logins::default(),
            last_tag: 0,
        }
    }

    /// The same, but whoever logs in takes one of `places`; of those who can be told, so many wait
    /// when all are taken.
    #[must_use]
    pub fn with_places(mut self, places: Places, queue_max: usize) -> Self {
        self.logins.entrance = Some(Entrance::new(places, queue_max));
        self
    }

    /// The same with rooms that have a name.
    #[must_use]
    pub fn with_rooms(self, options: RoomOptions, chance: Box<dyn Chance>) -> Self {
        let is_alone = self.accounts.is_alone();
        Self {
            rooms: Some(Rooms::new(options, is_alone, chance)),
            ..self
        }
    }

    /// Takes login tickets that are signed by these keys from now on, or none.
    pub fn set_tickets(&mut self, tickets: Option<Tickets>) {
        self.accounts.set_tickets(tickets);
    }

    /// Somebody calls.
    pub fn call(&mut self, now: Instant, at: UnixMs, from: From, ticket: Ticket, call: Call) {
        match (call, from) {
            (Call::Store(ask), _) => {
                self.last_tag += 1;
                let tag = StoreTag(self.last_tag);
                self.asked.insert(tag, ticket);
                self.effects.push_back(Effect::Ask { tag, ask });
            }
            (Call::Access { by, request }, From::Session(session, address)) => {
                let login = Login {
                    session,
                    address,
                    ticket,
                    by,
                    request,
                };
                match login.request.logs_in() {
                    true => self.log_in(now, at, login),
                    false => self.pass_on(now, at, login),
                }
            }
            (Call::People { by, request }, From::Session(session, _)) => {
                self.people(at, session, ticket, by, request);
            }
            (Call::Operate { by, request }, From::Session(session, _)) => {
                self.operate_for((now, at), session, (ticket, by), *request);
            }
            (Call::Rooms { by, request }, from) => {
                self.rooms((now, at), from, ticket, by, request);
            }
            // Who sits in a room reports from there.
            (Call::Operate { by, request }, From::Room)
                if matches!(*request, operators::Request::Report { .. }) =>
            {
                let (by, times) = (Actor::Account(by), (now, at));
                self.operators.request(times, ticket, by, *request);
            }
            (Call::Access { .. } | Call::People { .. } | Call::Operate { .. }, From::Room) => {
                self.reply(ticket, Err(Error::Forbidden));
            }
        }
        self.settle(now, at);
    }

    /// A session that has called is over; [`place_freed`](Self::place_freed) is to follow where
    /// places are counted.
    pub fn session_closed(&mut self, session: SessionTag) {
        self.presence.leave(session);
        self.leave_entrance(session);
        if let Some(rooms) = &mut self.rooms {
            rooms.session_closed(session);
        }
        if let Some(busy) = self.busy.get_mut(&session) {
            // A login of it may still succeed: then nobody is in it.
            busy.is_over = true;
        }
    }

    /// The store answers.
    pub fn stored(&mut self, now: Instant, at: UnixMs, tag: StoreTag, reply: wharf_data::Reply) {
        if tag.0 & OF_ACCOUNTS > 0 {
            let tag = AskTag(tag.0 ^ OF_ACCOUNTS);
            self.accounts.stored(now, at, tag, reply);
        } else if tag.0 & OF_ROOMS > 0 {
            if let Some(rooms) = &mut self.rooms {
                rooms.stored((now, at), tag.0 ^ OF_ROOMS, reply);
            }
        } else if tag.0 & briefly::OF_BRIEF > 0 {
            self.brief_stored(now, tag, &reply);
        } else if tag == OF_SWEEPING {
            self.swept(now, &reply);
        } else if tag == OF_ENDED {
            self.have_ended(now, reply);
        } else if let Some(ticket) = self.asked.remove(&tag) {
            let reply = reply.map(readable).map(Given::Store).map_err(error_of);
            self.reply(ticket, reply);
        } else if let Some((ticket, listing)) = self.listings.remove(&tag) {
            self.listed(ticket, listing, reply);
        } else if let Some(pending) = self.operating.remove(&tag) {
            self.operators.stored((now, at), pending, reply);
        } else if let Some(pending) = self.pending.remove(&tag) {
            let presence = &self.presence;
            let is_here = |account| presence.find(account).is_some();
            self.whispers.stored(now, at, pending, reply, is_here);
        }
        self.settle(now, at);
    }

    /// The hash workers are done with a job.
    pub fn hashed(&mut self, now: Instant, at: UnixMs, job: JobId, hashed: Hashed) {
        match &mut self.rooms {
            Some(rooms) if job.0 & OF_ROOMS > 0 => {
                rooms.hashed((now, at), job.0 ^ OF_ROOMS, hashed.result);
            }
            _ => self.accounts.hashed(now, at, job, hashed),
        }
        self.settle(now, at);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn next_deadline(&self) -> Option<Instant> {
        let entrance = self.logins.entrance.as_ref();
        let deadlines = [
            self.accounts.next_deadline(),
            self.whispers.next_deadline(),
            self.operators.next_deadline(),
            self.rooms.as_ref().and_then(Rooms::next_deadline),
            self.brief.as_ref().and_then(Brief::next_deadline),
            self.sweeping.as_ref().and_then(Sweeping::due),
            self.ended.due(),
            entrance.and_then(Entrance::next_deadline),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant, at: UnixMs) {
        self.accounts.handle_timeout(now, at);
        self.whispers.handle_timeout(now);
        self.operators.handle_timeout(now, at);
        if let Some(rooms) = &mut self.rooms {
            rooms.handle_timeout(now, at);
        }
        self.settle(now, at);
        self.tell_spots(now);
    }

    /// What is to be done next, if anything.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Who is logged in.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// The accounts, for counters.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Whether nobody is here and nothing is under way: no call, no question to the store but
    /// those that nobody waits for, no hash, no room that is open.
    pub fn is_at_rest(&self) -> bool {
        self.presence.is_empty()
            && self.effects.is_empty()
            && self.asked.is_empty()
            && self.listings.is_empty()
            && self.operating.is_empty()
            && self.operators.is_at_rest()
            && self.pending.is_empty()
            && self.classic.is_empty()
            && self.busy.is_empty()
            && self.waiting() == 0
            && self.logins.are_answered()
            && self.rooms.as_ref().is_none_or(Rooms::is_at_rest)
            && self.accounts.in_progress() == 0
            && self.accounts.hashing() == 0
    }

    pub(crate) fn reply(&mut self, to: Ticket, reply: Reply) {
        self.logins.count(to, &reply);
        self.push(Effect::Reply { to, reply });
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    fn notice(&mut self, to: SessionTag, notice: Notice) {
        self.effects.push_back(Effect::Notice { to, notice });
    }

    /// Does what is asked for, and lets in whoever has a place now.
    pub(crate) fn settle(&mut self, now: Instant, at: UnixMs) {
        self.run(now, at);
        while self.let_in(now, at) {
            self.run(now, at);
        }
        self.look_for_ended(now, at);
        self.run_brief(now, at);
        self.sweep(now, at);
    }

    /// Does what accounts and whispers ask for.
    fn run(&mut self, now: Instant, at: UnixMs) {
        self.run_accounts(now, at);
        loop {
            let has_asked = self.run_operators(now, at);
            self.run_accounts(now, at);
            let has_answered = self.run_rooms();
            if !has_asked && !has_answered {
                break;
            }
        }
        self.run_whispers();
    }
}

/// What a refusal of the store is to whoever has called.
pub(crate) fn error_of(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotFound => Error::NotFound,
        Refusal::Conflict | Refusal::Fenced => Error::Conflict,
        Refusal::Duplicate(_) => Error::Taken,
        Refusal::Busy { retry_after_ms } => Error::Busy {
            retry_after: wharf_base::Duration::from_millis(retry_after_ms.into()),
        },
        Refusal::Forbidden => Error::Forbidden,
        Refusal::Invalid => Error::Invalid {
            field: "page",
            text: refusal.to_string(),
        },
        Refusal::Unavailable => Error::Unavailable,
        Refusal::Insufficient | Refusal::Full => Error::Full,
    }
}
