//! The services of a simulated server: the platform's machine and everything behind it, in turns
//! that the scheduler gives.

use crate::actor::Actor;
use crate::door::{Queue, ServiceDoor, Work};
use crate::guesses::Guesses;
use crate::making::Making;
use crate::ranks::Ranks;
use crate::restart::End;
use crate::server::EPOCH_MS;
use crate::store::{Health, SimStore, StoreFaults};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use wharf_accounts::{HashJob, HashResult, Hashed, JobId, ThrottleLimits, imitate};
use wharf_base::{Duration, Instant, Rng, SessionId};
use wharf_content::{Asker, QueryId};
use wharf_data::access::{Error, LoggedIn, Outcome};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{AccountId, Bulletin, LoginId};
use wharf_host::Replies;
use wharf_platform::{Effect, Platform, RoomOptions, SessionTag, StoreTag, Ticket};
use wharf_port::Waker;
use wharf_port::sim::SimWorld;

mod bugs;
mod operating;

/// Who does the services' work.
pub(crate) struct ServiceActor {
    world: SimWorld,
    queue: Arc<Mutex<Queue>>,
    /// What whoever stands at the door wakes this with.
    waker: Waker,
    making: Making,
    platform: Platform,
    /// How often a call kills the platform, and until when it is gone then.
    dies: f64,
    dead_until: Option<Instant>,
    pub(crate) deaths: u64,
    /// Who came last to each account: in which session, and by which login.
    came: BTreeMap<AccountId, (SessionTag, LoginId)>,
    /// Sessions that are over: nobody comes in them.
    gone: BTreeSet<SessionTag>,
    /// Which answers of the store are for the present platform.
    asked: BTreeMap<u64, StoreTag>,
    last_asked: u64,
    pub(crate) ranks: Ranks,
    pub(crate) store: SimStore,
    /// What lives for a short time, if that is not in the other.
    short: Option<SimStore>,
    /// When the last platform began that may not know who had failed before.
    forgotten: Rc<Cell<Instant>>,
    rng: Rng,
    /// The delays that are promised.
    promised: ThrottleLimits,
    hash_max: Duration,
    /// How often a hash fails, as it does when there is no memory.
    hash_fails: f64,
    hashing: BTreeMap<(Instant, u64), (JobId, HashResult)>,
    waiting: BTreeMap<Ticket, (Asker, QueryId)>,
    /// What whoever runs the server has asked, and what came of it.
    operated: BTreeMap<Ticket, Option<Result<(), Error>>>,
    /// What was published before anybody had called.
    unpublished: Option<Arc<Bulletin>>,
    /// How many platforms have been.
    lives: u64,
    last_ticket: u64,
    pub(crate) whispers: u64,
    pub(crate) takeovers: u64,
    #[cfg(feature = "canary")]
    planted: Option<crate::canary::ServiceCanary>,
    /// Whether whoever comes next is sent away instead of whom they take over.
    #[cfg(feature = "canary")]
    is_mistaken: bool,
}

/// The services, as the run holds them.
pub(crate) type SharedServices = Rc<RefCell<ServiceActor>>;

impl ServiceActor {
    /// The services, and the door that leads to them.
    pub(crate) fn new(
        world: &SimWorld,
        waker: Waker,
        rooms: Option<RoomOptions>,
        mut rng: Rng,
    ) -> (Self, ServiceDoor) {
        let making = Making::draw(rooms, &mut rng);
        let mut store = SimStore::new(Health::draw(&mut rng), rng.fork());
        let short = making.short_store(&mut store, &mut rng);
        let actor = Self {
            world: world.clone(),
            queue: Arc::default(),
            waker,
            making,
            platform: making.platform(&mut rng),
            dies: match rooms.is_some() && rng.chance(0.3) {
                true => 0.002,
                false => 0.0,
            },
            dead_until: None,
            deaths: 0,
            came: BTreeMap::new(),
            gone: BTreeSet::new(),
            asked: BTreeMap::new(),
            last_asked: 0,
            ranks: Ranks::default(),
            store,
            short,
            forgotten: Rc::default(),
            promised: making.delays,
            hash_max: Duration::from_micros(100 + rng.below(50_000)),
            hash_fails: if rng.chance(0.5) { 0.0 } else { 0.02 },
            rng,
            hashing: BTreeMap::new(),
            waiting: BTreeMap::new(),
            operated: BTreeMap::new(),
            unpublished: None,
            lives: 0,
            last_ticket: 0,
            whispers: 0,
            takeovers: 0,
            #[cfg(feature = "canary")]
            planted: None,
            #[cfg(feature = "canary")]
            is_mistaken: false,
        };
        let door = actor.door();
        (actor, door)
    }

    fn door(&self) -> ServiceDoor {
        ServiceDoor {
            queue: Arc::clone(&self.queue),
            waker: self.waker.clone(),
        }
    }

    /// The process ends, and another begins: all is gone that is not in the store. The other's
    /// door.
    pub(crate) fn end(&mut self, now: Instant, how: End) -> ServiceDoor {
        // In a crash the last failures may not be written yet.
        if how == End::Crash {
            self.forgotten.set(now);
        }
        self.store.end(now, how);
        if let Some(short) = &mut self.short {
            short.end(now, how);
        }
        self.note_done();
        self.begin_anew(now);
        self.dead_until = None;
        self.waiting.clear();
        self.gone.clear();
        self.queue = Arc::default();
        self.unpublished = None;
        self.do_effects(now);
        // What it waits for now is looked at in a turn.
        self.waker.wake();
        self.door()
    }

    /// Another platform, to which nothing has happened yet; the one that was.
    fn begin_anew(&mut self, now: Instant) -> Platform {
        let short = self.short.as_ref().unwrap_or(&self.store);
        if !short.is_good() {
            self.forgotten.set(now);
        }
        let new = self.making.platform(&mut self.rng);
        self.lives += 1;
        self.give_up_operating();
        self.came.clear();
        self.asked.clear();
        self.hashing.clear();
        self.ranks.begin_anew();
        let old = core::mem::replace(&mut self.platform, new);
        let (now, at) = self.times(now);
        self.platform.open(now, at);
        old
    }

    /// Whether every call has its answer, and the store has done what it was asked.
    pub(crate) fn owes_nothing(&self) -> bool {
        let has_work = !self
            .queue
            .lock()
            .expect("nobody panics under it")
            .work
            .is_empty();
        !has_work && self.waiting.is_empty() && self.store.is_idle()
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&mut self) {
        self.store.heal();
        // Nobody needs the other to come in: it goes on as it was.
        self.hash_fails = 0.0;
        self.dies = 0.0;
    }

    /// Asserts that nothing is left of anybody, now that everybody has gone.
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.waiting.len(), 0, "calls without a reply");
        assert!(self.store.is_idle(), "the store is still at it");
        assert!(self.hashing.is_empty(), "hashes nobody waits for");
        assert!(
            self.platform.is_at_rest(),
            "the platform remembers somebody"
        );
    }

    /// Asserts that whoever takes themselves for somebody, by that login, was the last who came to
    /// the account, and is here: who takes over stays, and nobody else.
    ///
    /// # Panics
    /// If not.
    pub(crate) fn assert_came_last(&self, (account, login): (i64, i64)) {
        let account = AccountId::new(account);
        let last = self.came.get(&account).copied();
        let here = self.platform.presence().find(account);
        let here = here.map(|online| (online.session, online.login));
        assert_eq!(here, last, "{account}: who is here, and who came last");
        let believed = Some(LoginId::new(login));
        assert_eq!(last.map(|last| last.1), believed, "{account}: who stayed");
    }

    /// A call of a session is answered: if it is a login, somebody came.
    fn note_arrival(&mut self, asker: Asker, reply: &Reply) {
        if let Ok(Given::Access(Outcome::LoggedIn(LoggedIn { user, .. }))) = reply
            && let Asker::Session(session) = asker
            && !self.gone.contains(&SessionTag(session.to_bits()))
        {
            let came = (SessionTag(session.to_bits()), user.login);
            self.came.insert(user.account, came);
        }
    }

    /// What is to be expected of delays and tickets.
    pub(crate) fn guesses(&self) -> Guesses {
        let short = self.short.as_ref().unwrap_or(&self.store);
        Guesses::new(
            self.promised,
            Rc::clone(&self.forgotten),
            short.may_forget(),
        )
    }

    /// What went wrong with what keeps what lives for a short time, if that is another store.
    pub(crate) fn short_faults(&self) -> StoreFaults {
        let short = self.short.as_ref();
        short.map_or_else(StoreFaults::default, |short| short.faults)
    }

    /// What clocks show.
    pub(crate) fn unix_ms(&self, now: Instant) -> i64 {
        EPOCH_MS + (now.as_nanos() / 1_000_000) as i64
    }

    fn times(&self, now: Instant) -> (Instant, i64) {
        (now, self.unix_ms(now))
    }

    fn handle(&mut self, now: Instant, work: Work) {
        let (now, at) = self.times(now);
        match work {
            Work::Call(from, asker, query, call) => {
                self.last_ticket += 1;
                let ticket = Ticket(self.last_ticket);
                self.waiting.insert(ticket, (asker, query));
                if self.dies > 0.0 && self.rng.chance(self.dies) {
                    return self.die(now);
                }
                if let Call::Rooms { by, request } = &*call {
                    self.ranks.called(ticket, *by, request);
                }
                self.platform.call(now, at, from, ticket, *call);
            }
            Work::Closed(session) => {
                self.gone.insert(session);
                self.came.retain(|_, (last, _)| *last != session);
                self.platform.session_closed(session);
            }
            Work::Heard(what, count) => self.heard(now, what, count),
        }
    }

    /// The platform panics, and begins anew after a while, as in the server: whoever waits is told
    /// that it is unavailable, and whoever was logged in has to come again.
    fn die(&mut self, now: Instant) {
        self.deaths += 1;
        let gone = Duration::from_millis(1 + self.rng.below(300));
        self.dead_until = Some(now + gone);
        let old = self.begin_anew(now);
        let replies = self.replies().expect("somebody has called");
        for (asker, query) in core::mem::take(&mut self.waiting).into_values() {
            replies.reply(asker, query, Err(Error::Unavailable));
        }
        for (_, online) in old.presence().iter() {
            let session = SessionId::from_bits(online.session.0);
            replies.notice(session, wharf_data::Notice::LoginEnded);
        }
    }

    fn replies(&self) -> Option<Replies> {
        let queue = self.queue.lock().expect("nobody panics under it");
        queue.replies.clone()
    }

    fn do_effects(&mut self, now: Instant) {
        let (now, at) = self.times(now);
        let replies = self.replies();
        if let Some(replies) = &replies
            && let Some(bulletin) = self.unpublished.take()
        {
            replies.publish(&bulletin);
        }
        while let Some(effect) = self.platform.poll() {
            match effect {
                Effect::Reply { to, reply } if self.operated.contains_key(&to) => {
                    self.operated.insert(to, Some(reply.map(drop)));
                }
                Effect::Reply { to, reply } => {
                    let asker = self.waiting.remove(&to).expect("one reply for each call");
                    self.world.trace(format_args!("{now:?} {to:?} is answered"));
                    self.ranks.replied(to, &reply, at);
                    self.note_arrival(asker.0, &reply);
                    if !self.forgets_reply() {
                        let replies = replies.as_ref().expect("somebody has called");
                        replies.reply(asker.0, asker.1, reply);
                        self.send_away_newcomer(replies, asker.0);
                    }
                }
                Effect::Notice { to, notice } => self.tell(replies.as_ref(), to, notice),
                effect @ (Effect::Kick { .. }
                | Effect::Announce { .. }
                | Effect::TellAll(_)
                | Effect::Publish(_)) => self.spread(replies.as_ref(), effect),
                Effect::Ask { tag, ask } => {
                    self.last_asked += 1;
                    let number = self.last_asked;
                    let store = match (&ask, &mut self.short) {
                        (wharf_data::Ask::Short(_), Some(short)) => short,
                        _ => &mut self.store,
                    };
                    match store.ask(now, StoreTag(number), ask) {
                        Ok(()) => drop(self.asked.insert(number, tag)),
                        Err(refusal) => self.platform.stored(now, at, tag, Err(refusal)),
                    }
                }
                Effect::Hash(HashJob { id, work }) => {
                    let took = 1 + self.rng.below(self.hash_max.as_nanos() as u64);
                    let result = match self.rng.chance(self.hash_fails) {
                        true => HashResult::Failed,
                        false => imitate(&work),
                    };
                    let due = now + Duration::from_nanos(took);
                    self.hashing.insert((due, id.0), (id, result));
                }
            }
        }
    }

    fn tell(&mut self, replies: Option<&Replies>, to: SessionTag, notice: wharf_data::Notice) {
        let replies = replies.expect("somebody has called");
        let session = SessionId::from_bits(to.0);
        match notice {
            wharf_data::Notice::Whispered(_) => self.whispers += 1,
            wharf_data::Notice::TakenOver => self.takeovers += 1,
            _ => {}
        }
        let Some((session, notice)) = self.misled(replies, session, notice) else {
            return;
        };
        replies.notice(session, notice);
    }

    fn hash(&mut self, now: Instant) {
        while let Some(first) = self.hashing.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (id, result) = first.remove();
            let took = Duration::from_millis(20);
            let (now, at) = self.times(now);
            self.platform.hashed(now, at, id, Hashed { result, took });
            self.do_effects(now);
        }
    }

    /// Looks at what is durable now.
    fn note_done(&mut self) {
        for (ask, reply) in self.store.take_done() {
            self.ranks.committed(&ask, &reply);
        }
    }

    fn store(&mut self, now: Instant) {
        let mut answers: Vec<(StoreTag, wharf_data::Reply)> = self.store.turn(now);
        if let Some(short) = &mut self.short {
            answers.extend(short.turn(now));
        }
        self.note_done();
        for (tag, reply) in answers {
            let (now, at) = self.times(now);
            let Some(tag) = self.asked.remove(&tag.0) else {
                continue;
            };
            self.platform.stored(now, at, tag, reply);
            self.do_effects(now);
        }
    }
}

impl Actor for ServiceActor {
    fn turn(&mut self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.dead_until.filter(|until| now < *until) {
            return Some(until);
        }
        loop {
            let work = self
                .queue
                .lock()
                .expect("nobody panics under it")
                .work
                .pop_front();
            let Some(work) = work else { break };
            self.handle(now, work);
            self.do_effects(now);
            if self.dead_until.is_some_and(|until| now < until) {
                return self.dead_until;
            }
        }
        self.store(now);
        self.hash(now);
        let (now, at) = self.times(now);
        self.platform.handle_timeout(now, at);
        self.do_effects(now);
        let hash = self.hashing.keys().next().map(|(due, _)| *due);
        let deadlines = [
            self.platform.next_deadline(),
            self.store.next_deadline(),
            self.short.as_ref().and_then(SimStore::next_deadline),
            hash,
        ];
        deadlines.into_iter().flatten().min()
    }
}
