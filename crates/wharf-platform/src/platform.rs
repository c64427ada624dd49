//! The machine: calls in, replies out, and what has to be done in between.

mod briefly;
mod operating;

use crate::brief::Brief;
use crate::entrance::Entrance;
use crate::logins::{Login, Logins};
use crate::operators::{Operators, Pending as OfOperators};
use crate::places::Places;
use crate::presence::{Online, Presence};
use crate::rooms::{self, RoomOptions, Rooms};
use crate::whispers::{Pending, Step, Whispers};
use core::fmt;
use core::net::IpAddr;
use operating::is_of_operators;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use wharf_accounts::{
    Accounts, AskTag, Caller, CallerTag, Chance, HashJob, Hashed, JobId, Revocation, Tickets,
};
use wharf_base::Instant;
use wharf_data::access::{Error, LoggedIn, Outcome, Request, User};
use wharf_data::account::{self, Which};
use wharf_data::operators::Scope;
use wharf_data::people::{self, Addressee};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{AccountId, Ask, Bulletin, NameKey, Notice, PageToken, Part, Refusal, UnixMs};

/// What a call is known by; the caller's own, each used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A session, as the caller numbers them; no number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionTag(pub u64);

/// What a question to the store is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTag(pub u64);

/// What a count of sessions is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountTag(pub u64);

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A session, from that address.
    Session(SessionTag, IpAddr),
    /// A room.
    Room,
}

/// What is to be done.
#[derive(PartialEq)]
pub enum Effect {
    /// A call is over.
    Reply {
        /// Which.
        to: Ticket,
        /// What came of it.
        reply: Reply,
    },
    /// A session is told something.
    Notice {
        /// Which.
        to: SessionTag,
        /// What.
        notice: Notice,
    },
    /// Somebody's session is to be ended; `to`, if they are known here, or whichever session is
    /// theirs. [`Platform::heard`] tells how many ended.
    Kick {
        /// Comes back with the count.
        tag: CountTag,
        /// Where they are.
        to: Option<SessionTag>,
        /// Who.
        account: AccountId,
        /// Why.
        reason: String,
    },
    /// Many sessions are told something. [`Platform::heard`] tells how many.
    Announce {
        /// Comes back with the count.
        tag: CountTag,
        /// Who.
        scope: Scope,
        /// What.
        text: String,
        /// When.
        at: UnixMs,
    },
    /// Every session is told something.
    TellAll(Notice),
    /// Every shard is to know this from now on.
    Publish(Arc<Bulletin>),
    /// The store is to be asked, in this order; [`Platform::stored`] tells what it answers.
    Ask {
        /// Comes back with the answer.
        tag: StoreTag,
        /// What is asked.
        ask: Ask,
    },
    /// A password is to be hashed; [`Platform::hashed`] tells what came of it.
    Hash(HashJob),
}

impl fmt::Debug for Effect {
    /// Without what the store is asked: there are hashes in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { to, .. } => write!(f, "Reply({to:?})"),
            Self::Notice { to, .. } => write!(f, "Notice({to:?})"),
            Self::Kick { account, .. } => write!(f, "Kick({account:?})"),
            Self::Announce { scope, .. } => write!(f, "Announce({scope:?})"),
            Self::TellAll(notice) => write!(f, "TellAll({notice:?})"),
            Self::Publish(_) => f.write_str("Publish"),
            Self::Ask { tag, .. } => write!(f, "Ask({tag:?})"),
            Self::Hash(job) => write!(f, "Hash({job:?})"),
        }
    }
}

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
    presence: Presence,
    effects: VecDeque<Effect>,
    whispers: Whispers,
    operators: Operators,
    /// Operators' questions to the store, by its tag.
    operating: BTreeMap<StoreTag, OfOperators>,
    /// Rooms that have a name, if there are any.
    rooms: Option<Rooms>,
    /// Shows who is online and which rooms are busy, where that is wished.
    brief: Option<Brief>,
    /// Calls that wait for the store, by its tag.
    asked: BTreeMap<StoreTag, Ticket>,
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

/// The list that page tokens of those who are here belong to.
const ONLINE: &str = "online";
/// People that a page has at the most.
const PAGE_MAX: u32 = 100;

/// Tags of accounts' own questions have this bit, those of calls have not.
const OF_ACCOUNTS: u64 = 1 << 63;
/// The same of rooms' own questions, and of their passwords.
const OF_ROOMS: u64 = 1 << 62;

impl Platform {
    /// Nobody is here yet. `node` is this process among those that make ids.
    pub fn new(accounts: Accounts, node: u16) -> Self {
        Self {
            accounts,
            presence: Presence::default(),
            effects: VecDeque::new(),
            whispers: Whispers::new(node),
            operators: Operators::new(node),
            operating: BTreeMap::new(),
            rooms: None,
            brief: None,
            asked: BTreeMap::new(),
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
        Self {
            rooms: Some(Rooms::new(options, chance)),
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
            (Call::Access { .. } | Call::People { .. } | Call::Operate { .. }, From::Room) => {
                self.reply(ticket, Err(Error::Forbidden));
            }
        }
        self.settle(now, at);
    }

    fn rooms(
        &mut self,
        times: (Instant, UnixMs),
        from: From,
        ticket: Ticket,
        by: AccountId,
        request: wharf_data::rooms::Request,
    ) {
        let session = match from {
            From::Session(session, _) => Some(session),
            From::Room => None,
        };
        // Who has been taken over meanwhile speaks for nobody; but that somebody left is so.
        let is_leaving = matches!(request, wharf_data::rooms::Request::Left { .. });
        let account = session.and_then(|session| self.presence.account(session));
        if session.is_some() && account != Some(by) && !is_leaving {
            return self.reply(ticket, Err(Error::WrongState));
        }
        match &mut self.rooms {
            Some(rooms) => rooms.call(times, session, ticket, by, request),
            None => self.reply(ticket, Err(Error::Unavailable)),
        }
    }

    fn people(
        &mut self,
        at: UnixMs,
        session: SessionTag,
        ticket: Ticket,
        by: AccountId,
        request: people::Request,
    ) {
        // Who has been taken over meanwhile speaks for nobody.
        if self.presence.account(session) != Some(by) {
            return self.reply(ticket, Err(Error::WrongState));
        }
        match request {
            people::Request::List {
                search,
                page,
                limit,
            } => {
                let listed = self.list(&search, page.as_ref(), limit);
                self.reply(ticket, listed.map(Given::People));
            }
            people::Request::SetVisible(is_visible) => {
                self.presence.set_visible(session, is_visible);
                self.reply(ticket, Ok(Given::People(people::Outcome::Done)));
            }
            people::Request::Whisper(whisper) => {
                if let Some(error) = self.is_muted(at, by) {
                    return self.reply(ticket, Err(error));
                }
                let to = match &whisper.to {
                    Addressee::Account(account) => Ok(*account),
                    Addressee::Name(name) => {
                        let key = NameKey::of(name);
                        let found = self.presence.find_name(&key);
                        found.map(|(account, _)| account).ok_or(key)
                    }
                };
                self.whispers.whisper(at, ticket, by, whisper, to);
            }
        }
    }

    fn list(
        &self,
        search: &str,
        page: Option<&PageToken>,
        limit: u32,
    ) -> Result<people::Outcome, Error> {
        let search = NameKey::of(search);
        let after = match page.map(|page| page.position(ONLINE, search.as_str())) {
            None => None,
            Some(position) => match position.as_deref() {
                Some([Part::Text(key), Part::Number(account)]) => {
                    Some((NameKey::of(key), AccountId::new(*account)))
                }
                _ => {
                    return Err(Error::Invalid {
                        field: "page",
                        text: "it is none that was given out".into(),
                    });
                }
            },
        };
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let found = self.presence.list(&search, after.as_ref(), limit);
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|(account, online)| {
            // The name, not its key: that is longer than a page may be.
            let position = [
                Part::Text(online.display_name.clone()),
                Part::Number(account.get()),
            ];
            PageToken::new(ONLINE, search.as_str(), &position)
        });
        let rooms = self.rooms.as_ref();
        let person = |(account, online): (AccountId, &Online)| people::Person {
            account,
            display_name: online.display_name.clone(),
            room: rooms.and_then(|rooms| rooms.place(online.session)),
        };
        let people = found.into_iter().map(person).collect();
        Ok(people::Outcome::People { people, next })
    }

    /// Has accounts look at a request.
    pub(crate) fn pass_on(&mut self, now: Instant, at: UnixMs, login: Login) {
        let Login {
            session,
            address,
            ticket,
            by,
            request,
        } = login;
        self.busy.entry(session).or_default().requests += 1;
        if matches!(request, Request::LogInClassic { .. }) {
            self.classic.insert(ticket);
        }
        let tag = CallerTag {
            session: session.0,
            request: ticket.0,
        };
        let caller = Caller {
            tag,
            address,
            user: by,
        };
        self.accounts.request(now, at, caller, request);
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
        } else if let Some(ticket) = self.asked.remove(&tag) {
            let reply = reply.map(Given::Store).map_err(error_of);
            self.reply(ticket, reply);
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

    /// The rooms that have a name, if there are any, for counters.
    pub fn rooms_open(&self) -> usize {
        self.rooms.as_ref().map_or(0, Rooms::open)
    }

    /// The accounts, for counters.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Whether nobody is here and nothing is under way: no call, no question to the store but
    /// those that nobody waits for, no hash.
    pub fn is_at_rest(&self) -> bool {
        self.presence.is_empty()
            && self.effects.is_empty()
            && self.asked.is_empty()
            && self.pending.is_empty()
            && self.classic.is_empty()
            && self.busy.is_empty()
            && self.waiting() == 0
            && self.accounts.in_progress() == 0
            && self.accounts.hashing() == 0
    }

    pub(crate) fn reply(&mut self, to: Ticket, reply: Reply) {
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
        self.run_brief(now, at);
    }

    /// Does what accounts and whispers ask for.
    fn run(&mut self, now: Instant, at: UnixMs) {
        self.run_accounts(at);
        while self.run_operators(now, at) {
            self.run_accounts(at);
        }
        self.run_rooms();
        self.run_whispers();
    }

    fn run_accounts(&mut self, at: UnixMs) {
        while let Some(effect) = self.accounts.poll() {
            match effect {
                wharf_accounts::Effect::Hash(job) => self.effects.push_back(Effect::Hash(job)),
                wharf_accounts::Effect::Ask { tag, ask } => {
                    let tag = StoreTag(tag.0 | OF_ACCOUNTS);
                    self.effects.push_back(Effect::Ask { tag, ask });
                }
                wharf_accounts::Effect::Answer { to, result } if is_of_operators(to) => {
                    self.operators_answered(at, to, result);
                }
                wharf_accounts::Effect::Answer { to, result } => self.answered(at, to, result),
                wharf_accounts::Effect::Revoked(revocation) => self.revoke(&revocation),
            }
        }
    }

    fn run_rooms(&mut self) {
        while let Some(step) = self.rooms.as_mut().and_then(Rooms::poll) {
            self.effects.push_back(match step {
                rooms::Step::Ask(number, ask) => Effect::Ask {
                    tag: StoreTag(number | OF_ROOMS),
                    ask: *ask,
                },
                rooms::Step::Hash(HashJob { id, work }) => Effect::Hash(HashJob {
                    id: JobId(id.0 | OF_ROOMS),
                    work,
                }),
                rooms::Step::Reply(to, reply) => Effect::Reply { to, reply },
            });
        }
    }

    fn run_whispers(&mut self) {
        while let Some(step) = self.whispers.poll() {
            match step {
                Step::Ask(pending, ask) => {
                    self.last_tag += 1;
                    let tag = StoreTag(self.last_tag);
                    self.pending.insert(tag, pending);
                    self.effects.push_back(Effect::Ask { tag, ask: *ask });
                }
                Step::Reply(ticket, kept) => {
                    let kept = kept.map(|kept| Given::People(people::Outcome::Kept(kept)));
                    let error = |refusal| match refusal {
                        Refusal::Invalid => Error::Invalid {
                            field: "to",
                            text: "nobody whispers to themselves".into(),
                        },
                        other => error_of(other),
                    };
                    self.reply(ticket, kept.map_err(error));
                }
                Step::Tell(account, message) => {
                    if let Some(online) = self.presence.find(account) {
                        self.notice(online.session, Notice::Whispered(message));
                    }
                }
            }
        }
    }

    fn answered(&mut self, at: UnixMs, to: CallerTag, mut result: Result<Outcome, Error>) {
        let (session, ticket) = (SessionTag(to.session), Ticket(to.request));
        let is_over = self.end_request(session);
        if let Ok(Outcome::LoggedIn(logged_in)) = &result
            && let Some(error) = self.keeps_out(logged_in.user.account)
        {
            self.end_login(logged_in.user);
            result = Err(error);
        }
        if self.classic.remove(&ticket)
            && let Ok(Outcome::LoggedIn(logged_in)) = &result
            && (is_over || self.presence.find(logged_in.user.account).is_some())
        {
            self.end_login(logged_in.user);
            result = Err(Error::InUse);
        }
        let is_in = !is_over && matches!(result, Ok(Outcome::LoggedIn(_)));
        self.login_tried(ticket, is_in);
        let mut arrived = None;
        match &result {
            Ok(Outcome::LoggedIn(logged_in)) if !is_over => {
                self.came(session, logged_in);
                arrived = Some(logged_in.user.account);
            }
            Ok(Outcome::Profile(profile))
                if Some(profile.account) == self.presence.account(session) =>
            {
                let name = profile.display_name.clone();
                self.presence.rename(profile.account, name);
            }
            _ => {}
        }
        self.reply(ticket, result.map(Given::Access));
        // Behind the answer: nobody is told anything before they know who they are.
        if let Some(account) = arrived {
            self.whispers.deliver(at, account);
        }
    }

    /// Ends a login that nobody got; the store's answer changes nothing.
    fn end_login(&mut self, User { account, login }: User) {
        self.last_tag += 1;
        let tag = StoreTag(self.last_tag);
        let which = Which::One(login);
        let ask = Ask::Account(account::Ask::Revoke { account, which });
        self.effects.push_back(Effect::Ask { tag, ask });
    }

    /// One request less of a session; whether that is over.
    fn end_request(&mut self, session: SessionTag) -> bool {
        let Some(busy) = self.busy.get_mut(&session) else {
            return true;
        };
        busy.requests -= 1;
        let is_over = busy.is_over;
        if busy.requests == 0 {
            self.busy.remove(&session);
        }
        is_over
    }

    /// Somebody is logged in; whoever was, by the same account, is not any more.
    fn came(&mut self, session: SessionTag, logged_in: &LoggedIn) {
        let User { account, login } = logged_in.user;
        let online = Online {
            session,
            login,
            display_name: logged_in.display_name.clone(),
            is_visible: true,
        };
        if let Some(older) = self.presence.enter(account, online)
            && older != session
        {
            self.notice(older, Notice::TakenOver);
        }
    }

    /// Ends the sessions of logins that have ended.
    fn revoke(&mut self, revocation: &Revocation) {
        let account: AccountId = revocation.account;
        let ended = self.presence.find(account);
        let ended = ended.filter(|online| revocation.covers(account, online.login));
        if let Some(session) = ended.map(|online| online.session) {
            self.presence.leave(session);
            let notice = self.operators.farewell(account);
            self.notice(session, notice);
        }
        self.operators.has_ended(account);
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
