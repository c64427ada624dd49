//! The services of a simulated server: the platform's machine and everything behind it, in turns
//! that the scheduler gives.

use crate::actor::Actor;
use crate::door::{Queue, ServiceDoor, Work};
use crate::ranks::Ranks;
use crate::restart::End;
use crate::server::EPOCH_MS;
use crate::store::SimStore;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use wharf_accounts::{
    AccountOptions, Accounts, Chance, HashJob, HashResult, Hashed, JobId, imitate,
};
use wharf_base::{Duration, Instant, Rng, SessionId};
use wharf_content::{Asker, QueryId};
use wharf_data::access::Error;
use wharf_data::service::Call;
use wharf_host::Replies;
use wharf_platform::{Effect, Platform, RoomOptions, SessionTag, StoreTag, Ticket};
use wharf_port::Waker;
use wharf_port::sim::SimWorld;

struct Seeded(Rng);

impl Chance for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.next_u64() as u8);
    }
}

/// A platform to which nothing has happened yet.
fn platform(rooms: Option<RoomOptions>, rng: &mut Rng) -> Platform {
    let options = AccountOptions {
        hash_time: Duration::from_millis(20),
        deadline: Duration::from_secs(2),
        // Tokens that are exchanged by every login, soon, or not while this world lasts.
        token_exchange_after: Duration::from_secs([0, 5, 3_600][rng.below(3) as usize]),
        ..AccountOptions::default()
    };
    let mut chance = || Box::new(Seeded(rng.fork()));
    let platform = Platform::new(Accounts::new(options, chance()), options.node);
    match rooms {
        Some(rooms) => platform.with_rooms(rooms, chance()),
        None => platform,
    }
}

/// Who does the services' work.
pub(crate) struct ServiceActor {
    world: SimWorld,
    queue: Arc<Mutex<Queue>>,
    /// What whoever stands at the door wakes this with.
    waker: Waker,
    rooms: Option<RoomOptions>,
    platform: Platform,
    /// How often a call kills the platform, and until when it is gone then.
    dies: f64,
    dead_until: Option<Instant>,
    pub(crate) deaths: u64,
    /// Which answers of the store are for the present platform.
    asked: BTreeMap<u64, StoreTag>,
    last_asked: u64,
    pub(crate) ranks: Ranks,
    pub(crate) store: SimStore,
    rng: Rng,
    hash_max: Duration,
    /// How often a hash fails, as it does when there is no memory.
    hash_fails: f64,
    hashing: BTreeMap<(Instant, u64), (JobId, HashResult)>,
    waiting: BTreeMap<Ticket, (Asker, QueryId)>,
    last_ticket: u64,
    pub(crate) whispers: u64,
    pub(crate) takeovers: u64,
    #[cfg(feature = "canary")]
    planted: Option<crate::canary::ServiceCanary>,
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
        let actor = Self {
            world: world.clone(),
            queue: Arc::default(),
            waker,
            rooms,
            platform: platform(rooms, &mut rng),
            dies: match rooms.is_some() && rng.chance(0.3) {
                true => 0.002,
                false => 0.0,
            },
            dead_until: None,
            deaths: 0,
            asked: BTreeMap::new(),
            last_asked: 0,
            ranks: Ranks::default(),
            store: SimStore::new(rng.fork()),
            hash_max: Duration::from_micros(100 + rng.below(50_000)),
            hash_fails: if rng.chance(0.5) { 0.0 } else { 0.02 },
            rng,
            hashing: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last_ticket: 0,
            whispers: 0,
            takeovers: 0,
            #[cfg(feature = "canary")]
            planted: None,
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
        self.store.end(now, how);
        self.note_done();
        self.begin_anew();
        self.dead_until = None;
        self.waiting.clear();
        self.queue = Arc::default();
        self.door()
    }

    /// Another platform, to which nothing has happened yet; the one that was.
    fn begin_anew(&mut self) -> Platform {
        let new = platform(self.rooms, &mut self.rng);
        self.asked.clear();
        self.hashing.clear();
        self.ranks.begin_anew();
        core::mem::replace(&mut self.platform, new)
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

    /// Has a bug from now on.
    #[cfg(feature = "canary")]
    pub(crate) fn plant(&mut self, canary: Option<crate::canary::ServiceCanary>) {
        self.planted = canary;
        self.store.plant(canary);
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&mut self) {
        self.store.heal();
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

    fn times(&self, now: Instant) -> (Instant, i64) {
        let since = now.as_nanos() / 1_000_000;
        (now, EPOCH_MS + since as i64)
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
            Work::Closed(session) => self.platform.session_closed(session),
        }
    }

    /// The platform panics, and begins anew after a while, as in the server: whoever waits is told
    /// that it is unavailable, and whoever was logged in has to come again.
    fn die(&mut self, now: Instant) {
        self.deaths += 1;
        let gone = Duration::from_millis(1 + self.rng.below(300));
        self.dead_until = Some(now + gone);
        let old = self.begin_anew();
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
        while let Some(effect) = self.platform.poll() {
            match effect {
                Effect::Reply { to, reply } => {
                    let asker = self.waiting.remove(&to).expect("one reply for each call");
                    self.world.trace(format_args!("{now:?} {to:?} is answered"));
                    self.ranks.replied(to, &reply, at);
                    if !self.forgets_reply() {
                        let replies = replies.as_ref().expect("somebody has called");
                        replies.reply(asker.0, asker.1, reply);
                    }
                }
                Effect::Notice { to, notice } => self.tell(replies.as_ref(), to, notice),
                Effect::Kick { .. }
                | Effect::Announce { .. }
                | Effect::TellAll(_)
                | Effect::Publish(_) => unreachable!("this world has no operators"),
                Effect::Ask { tag, ask } => {
                    self.last_asked += 1;
                    let number = self.last_asked;
                    match self.store.ask(now, StoreTag(number), ask) {
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
        #[cfg(feature = "canary")]
        {
            use crate::canary::ServiceCanary;
            match (self.planted, &notice) {
                (Some(ServiceCanary::WhisperTwice), wharf_data::Notice::Whispered(_)) => {
                    replies.notice(session, notice.clone());
                }
                (Some(ServiceCanary::ForgottenTakeover), wharf_data::Notice::TakenOver) => return,
                (Some(ServiceCanary::LostWhisper), wharf_data::Notice::Whispered(_))
                    if self.whispers.is_multiple_of(50) =>
                {
                    return;
                }
                (Some(ServiceCanary::WrongEar), wharf_data::Notice::Whispered(_)) => {
                    let online = self.platform.presence().iter().next();
                    let other = online.map_or(to, |(_, online)| online.session);
                    return replies.notice(SessionId::from_bits(other.0), notice);
                }
                _ => {}
            }
        }
        replies.notice(session, notice);
    }

    #[cfg(not(feature = "canary"))]
    fn forgets_reply(&self) -> bool {
        false
    }

    #[cfg(feature = "canary")]
    fn forgets_reply(&self) -> bool {
        let is_planted = self.planted == Some(crate::canary::ServiceCanary::LostReply);
        is_planted && self.last_ticket.is_multiple_of(100)
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
        let answers: Vec<(StoreTag, wharf_data::Reply)> = self.store.turn(now);
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
            hash,
        ];
        deadlines.into_iter().flatten().min()
    }
}
