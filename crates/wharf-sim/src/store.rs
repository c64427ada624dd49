//! The store of a simulated server: the real SQL, and a database that is slow, hangs, fails, and
//! loses what it had not made durable.

use std::collections::{BTreeMap, VecDeque};
use wharf_base::{Duration, Instant, Rng};
use wharf_data::message::{self, From, Place};
use wharf_data::{AccountId, Answer, Ask, Refusal, Reply, RoomId, account, room};
use wharf_platform::StoreTag;
use wharf_store::Rehearsal;

/// How the store is, in a run: drawn once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health {
    /// The longest that a group takes when all is well.
    pub(crate) slow_max: Duration,
    /// How often a group is not begun for a long time.
    pub(crate) hang_chance: f64,
    /// How often it is lost before it is durable.
    pub(crate) cut_chance: f64,
    /// How often it is durable, and nobody learns of it.
    pub(crate) mute_chance: f64,
}

impl Health {
    /// Nothing goes wrong.
    pub(crate) const GOOD: Self = Self {
        slow_max: Duration::from_millis(5),
        hang_chance: 0.0,
        cut_chance: 0.0,
        mute_chance: 0.0,
    };

    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let slow_max = Duration::from_micros(100 + rng.below(50_000));
        let mut chance = |often: f64| if rng.chance(0.5) { often } else { 0.0 };
        Self {
            slow_max,
            hang_chance: chance(0.02),
            cut_chance: chance(0.05),
            mute_chance: chance(0.05),
        }
    }
}

/// What went wrong, how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFaults {
    /// It did nothing for a long time.
    pub hangs: u64,
    /// It lost a group that was not durable yet.
    pub cuts: u64,
    /// A group was durable, and nobody learned of it.
    pub mutes: u64,
    /// A request waited until its deadline.
    pub expired: u64,
    /// A request was refused because too many waited, or because it was down.
    pub refused: u64,
}

/// Requests that wait at the most.
const WAITING_MAX: usize = 32;
/// How long a request waits at the most.
const DEADLINE: Duration = Duration::from_millis(500);
/// Requests of one group.
const GROUP_MAX: u64 = 8;
/// The longest that it hangs or is down.
const AWAY_MAX: Duration = Duration::from_secs(1);

/// The store.
pub(crate) struct SimStore {
    sql: Rehearsal,
    rng: Rng,
    health: Health,
    waiting: VecDeque<Waiting>,
    /// When the next group may begin.
    free_at: Instant,
    /// Until when it refuses everything.
    down_until: Instant,
    answers: BTreeMap<(Instant, u64), (StoreTag, Reply)>,
    answered: u64,
    /// What was done with rooms, and is durable.
    done: Vec<(room::Ask, Reply)>,
    pub(crate) faults: StoreFaults,
    /// Answers before it is durable, and then loses it.
    #[cfg(feature = "canary")]
    pub(crate) planted: Option<crate::canary::ServiceCanary>,
}

struct Waiting {
    ask: Ask,
    /// Who waits; nobody any more, once it was told that the deadline has come.
    tag: Option<StoreTag>,
    deadline: Instant,
}

/// What becomes of a group.
enum Fate {
    Done,
    Lost,
    Mute,
}

impl SimStore {
    pub(crate) fn new(mut rng: Rng) -> Self {
        Self {
            sql: Rehearsal::new().expect("memory"),
            health: Health::draw(&mut rng),
            rng,
            waiting: VecDeque::new(),
            free_at: Instant::ZERO,
            down_until: Instant::ZERO,
            answers: BTreeMap::new(),
            answered: 0,
            done: Vec::new(),
            faults: StoreFaults::default(),
            #[cfg(feature = "canary")]
            planted: None,
        }
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&mut self) {
        self.health = Health::GOOD;
    }

    /// Takes a request, or refuses it at once.
    pub(crate) fn ask(&mut self, now: Instant, tag: StoreTag, ask: Ask) -> Result<(), Refusal> {
        if now < self.down_until {
            self.faults.refused += 1;
            return Err(Refusal::Unavailable);
        }
        if self.waiting.len() >= WAITING_MAX {
            self.faults.refused += 1;
            let retry_after_ms = 500;
            return Err(Refusal::Busy { retry_after_ms });
        }
        self.waiting.push_back(Waiting {
            ask,
            tag: Some(tag),
            deadline: now + DEADLINE,
        });
        Ok(())
    }

    /// Works on what waits; what is answered by now.
    pub(crate) fn turn(&mut self, now: Instant) -> Vec<(StoreTag, Reply)> {
        self.expire(now);
        if now >= self.free_at && !self.waiting.is_empty() {
            self.serve(now);
        }
        let mut due = self.answers.split_off(&(now, u64::MAX));
        core::mem::swap(&mut due, &mut self.answers);
        due.into_values().collect()
    }

    /// When it wants its next turn.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let answer = self.answers.keys().next().map(|(at, _)| *at);
        let group = (!self.waiting.is_empty()).then_some(self.free_at);
        let expiry = self.waiting.iter().filter(|waiting| waiting.tag.is_some());
        let expiry = expiry.map(|waiting| waiting.deadline).min();
        [answer, group, expiry].into_iter().flatten().min()
    }

    /// Whether nobody waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.answers.is_empty()
    }

    /// Those whose deadline has come learn that; what they asked may still be done.
    fn expire(&mut self, now: Instant) {
        for waiting in &mut self.waiting {
            if waiting.deadline <= now
                && let Some(tag) = waiting.tag.take()
            {
                self.faults.expired += 1;
                self.answered += 1;
                let place = (now, self.answered);
                self.answers.insert(place, (tag, Err(Refusal::Unavailable)));
            }
        }
    }

    fn serve(&mut self, now: Instant) {
        if self.rng.chance(self.health.hang_chance) {
            self.faults.hangs += 1;
            self.free_at = now + self.away();
            return;
        }
        let count = (1 + self.rng.below(GROUP_MAX) as usize).min(self.waiting.len());
        let took = Duration::from_nanos(1 + self.rng.below(self.health.slow_max.as_nanos() as u64));
        self.free_at = now + took;
        let fate = self.fate();
        let group: Vec<Waiting> = self.waiting.drain(..count).collect();
        let mut replies = Vec::new();
        for Waiting { ask, tag, .. } in &group {
            let reply = self.run(ask);
            if let Ask::Room(ask) = ask
                && !matches!(fate, Fate::Lost)
            {
                self.done.push((ask.clone(), reply.clone()));
            }
            replies.push((*tag, reply));
        }
        match fate {
            Fate::Done if self.is_forgetful() => self.sql.cut(),
            Fate::Done | Fate::Mute => self.sql.commit(),
            Fate::Lost => self.sql.cut(),
        }
        for (tag, reply) in replies {
            let reply = match fate {
                Fate::Done => reply,
                Fate::Lost | Fate::Mute => Err(Refusal::Unavailable),
            };
            if let Some(tag) = tag {
                self.answered += 1;
                self.answers
                    .insert((now + took, self.answered), (tag, reply));
            }
        }
        if !matches!(fate, Fate::Done) {
            self.down_until = now + self.away();
        }
    }

    fn fate(&mut self) -> Fate {
        if self.rng.chance(self.health.cut_chance) {
            self.faults.cuts += 1;
            Fate::Lost
        } else if self.rng.chance(self.health.mute_chance) {
            self.faults.mutes += 1;
            Fate::Mute
        } else {
            Fate::Done
        }
    }

    fn away(&mut self) -> Duration {
        Duration::from_nanos(1 + self.rng.below(AWAY_MAX.as_nanos() as u64))
    }

    #[cfg(not(feature = "canary"))]
    fn run(&mut self, ask: &Ask) -> Reply {
        self.sql.ask(ask)
    }

    #[cfg(feature = "canary")]
    fn run(&mut self, ask: &Ask) -> Reply {
        use crate::canary::ServiceCanary;
        let is_forgotten = match (self.planted, ask) {
            (Some(ServiceCanary::KeptLogins), Ask::Account(ask)) => {
                matches!(ask, account::Ask::Revoke { .. })
            }
            (Some(ServiceCanary::UnheardBlock), Ask::Message(message::Ask::Block { .. })) => true,
            _ => false,
        };
        match (is_forgotten, ask) {
            (true, Ask::Message(message::Ask::Block { account, .. })) => {
                let account = *account;
                self.sql
                    .ask(&Ask::Message(message::Ask::Blocks { account }))
            }
            (true, _) => Ok(Answer::Done),
            (false, ask) => self.sql.ask(ask),
        }
    }

    #[cfg(not(feature = "canary"))]
    fn is_forgetful(&self) -> bool {
        false
    }

    #[cfg(feature = "canary")]
    fn is_forgetful(&mut self) -> bool {
        let is_planted = self.planted == Some(crate::canary::ServiceCanary::ForgetfulStore);
        is_planted && self.rng.chance(0.05)
    }

    /// Who has an account, by the name to log in by.
    pub(crate) fn find(&mut self, name: &str) -> Option<AccountId> {
        let identity = account::Identity {
            kind: account::IdentityKind::Name,
            subject: wharf_data::NameKey::of(name).as_str().to_owned(),
        };
        match self.sql.ask(&Ask::Account(account::Ask::Find { identity })) {
            Ok(Answer::Account(account::Answer::Found(found))) => Some(found.account),
            _ => None,
        }
    }

    /// What was done with rooms since this was last asked for, and is durable.
    pub(crate) fn take_done(&mut self) -> Vec<(room::Ask, Reply)> {
        core::mem::take(&mut self.done)
    }

    /// Everything that two have said to each other, oldest first: number and text.
    pub(crate) fn history(&mut self, one: AccountId, other: AccountId) -> Vec<(i64, Vec<u8>)> {
        self.all_of(Place::Direct(one, other))
    }

    /// Everything that was said in a room and kept, as above.
    pub(crate) fn history_of(&mut self, room: RoomId) -> Vec<(i64, Vec<u8>)> {
        self.all_of(Place::Room(room))
    }

    fn all_of(&mut self, place: Place) -> Vec<(i64, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(0, |(seq, _)| *seq);
            let ask = message::Ask::History {
                place,
                from: From::After(after),
                limit: 100,
            };
            let Ok(Answer::Message(message::Answer::Messages { messages, .. })) =
                self.sql.ask(&Ask::Message(ask))
            else {
                return all;
            };
            if messages.is_empty() {
                return all;
            }
            all.extend(
                messages
                    .into_iter()
                    .map(|message| (message.seq, message.body)),
            );
        }
    }
}
