//! The store of a simulated server: the real SQL, and a database that is slow, hangs, fails, and
//! loses what it had not made durable.

use crate::restart::End;
use std::collections::{BTreeMap, VecDeque};
use wharf_base::{Duration, Instant, Rng};
use wharf_data::message::{self, From, Place};
use wharf_data::room::{self, Standing};
use wharf_data::{AccountId, Answer, Ask, Refusal, Reply, RoomId, account};
use wharf_platform::StoreTag;
use wharf_store::Rehearsal;

mod bugs;
mod health;

pub(crate) use health::Health;
pub use health::StoreFaults;

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
    /// Whether that was good from the beginning.
    is_good: bool,
    waiting: VecDeque<Waiting>,
    /// What it is at.
    group: Option<Group>,
    /// When the next group may begin.
    free_at: Instant,
    /// Until when it refuses everything.
    down_until: Instant,
    answers: BTreeMap<(Instant, u64), (StoreTag, Reply)>,
    answered: u64,
    /// What was done with rooms, and is durable.
    done: Vec<(room::Ask, Reply)>,
    pub(crate) faults: StoreFaults,
    #[cfg(feature = "canary")]
    planted: Option<crate::canary::ServiceCanary>,
    /// How many processes have used it.
    #[cfg(feature = "canary")]
    lives: u32,
}

struct Waiting {
    ask: Ask,
    /// Who waits; nobody any more, once it was told that the deadline has come.
    tag: Option<StoreTag>,
    deadline: Instant,
}

/// Requests that become durable together, or are lost together.
struct Group {
    done: Vec<Done>,
    fate: Fate,
    /// When they do.
    ends: Instant,
}

/// A request that is answered when its group has ended, if anybody waits for it still.
struct Done {
    ask: Ask,
    tag: Option<StoreTag>,
    reply: Reply,
}

/// What becomes of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Lost,
    Mute,
}

impl SimStore {
    pub(crate) fn new(health: Health, rng: Rng) -> Self {
        Self {
            sql: Rehearsal::new().expect("memory"),
            health,
            is_good: health.is_good(),
            rng,
            waiting: VecDeque::new(),
            group: None,
            free_at: Instant::ZERO,
            down_until: Instant::ZERO,
            answers: BTreeMap::new(),
            answered: 0,
            done: Vec::new(),
            faults: StoreFaults::default(),
            #[cfg(feature = "canary")]
            planted: None,
            #[cfg(feature = "canary")]
            lives: 1,
        }
    }

    /// Whether nothing goes wrong, and never did.
    pub(crate) fn is_good(&self) -> bool {
        self.is_good
    }

    /// Whether it forgets everything now and then.
    pub(crate) fn may_forget(&self) -> bool {
        self.health.forget_chance > 0.0
    }

    /// Has something from the beginning.
    pub(crate) fn stock(&mut self, ask: &Ask) {
        self.sql.ask(ask).expect("nobody has asked for anything");
        self.sql.commit();
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&mut self) {
        self.health = Health::GOOD;
    }

    /// The process ends, and another begins. In a stop all is done that was asked; in a crash what
    /// waits is lost, and what it is at is all durable or not at all.
    pub(crate) fn end(&mut self, now: Instant, how: End) {
        if how == End::Stop {
            self.sync();
        }
        self.waiting.clear();
        if let Some(group) = &mut self.group {
            let is_lost = self.rng.chance(0.5);
            let (fate, count) = match is_lost {
                true => (Fate::Lost, &mut self.faults.crash_losses),
                false => (Fate::Mute, &mut self.faults.crash_mutes),
            };
            *count += 1;
            group.fate = fate;
            self.finish(now);
        }
        self.crash();
        self.answers.clear();
        self.free_at = now;
        self.down_until = now;
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
        if self.group.as_ref().is_some_and(|group| group.ends <= now) {
            self.finish(now);
        }
        if self.group.is_none() && now >= self.free_at && !self.waiting.is_empty() {
            self.serve(now);
        }
        let mut due = self.answers.split_off(&(now, u64::MAX));
        core::mem::swap(&mut due, &mut self.answers);
        due.into_values().collect()
    }

    /// When it wants its next turn.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let answer = self.answers.keys().next().map(|(at, _)| *at);
        let group = match &self.group {
            Some(group) => Some(group.ends),
            None => (!self.waiting.is_empty()).then_some(self.free_at),
        };
        let expiry = self.waiting.iter().filter(|waiting| waiting.tag.is_some());
        let expiry = expiry.map(|waiting| waiting.deadline).min();
        [answer, group, expiry].into_iter().flatten().min()
    }

    /// Whether something is becoming durable.
    pub(crate) fn is_at_work(&self) -> bool {
        self.group.is_some()
    }

    /// Whether nobody waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.group.is_none() && self.answers.is_empty()
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
        let fate = self.fate();
        let waiting: Vec<Waiting> = self.waiting.drain(..count).collect();
        let done = waiting.into_iter().map(|Waiting { ask, tag, .. }| Done {
            reply: self.run(&ask),
            ask,
            tag,
        });
        self.group = Some(Group {
            done: done.collect(),
            fate,
            ends: now + took,
        });
    }

    /// What it is at is durable, or lost; who waits for it learns which, most often.
    fn finish(&mut self, now: Instant) {
        let Some(Group { done, fate, .. }) = self.group.take() else {
            return;
        };
        if self.rng.chance(self.health.forget_chance) {
            self.faults.forgets += 1;
            self.sql = Rehearsal::new().expect("memory");
        }
        match fate {
            Fate::Done if self.is_forgetful() => self.sql.cut(),
            Fate::Done | Fate::Mute => self.commit(),
            Fate::Lost => self.sql.cut(),
        }
        for Done { ask, tag, reply } in done {
            if let Ask::Room(ask) = ask
                && fate != Fate::Lost
            {
                self.done.push((ask, reply.clone()));
            }
            let reply = match fate {
                Fate::Done => reply,
                Fate::Lost | Fate::Mute => Err(Refusal::Unavailable),
            };
            if let Some(tag) = tag {
                self.answered += 1;
                self.answers.insert((now, self.answered), (tag, reply));
            }
        }
        if fate != Fate::Done {
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

    /// What somebody is in a room, if that is there: bans and mutes too that have ended.
    pub(crate) fn standing_of(&mut self, room: RoomId, account: AccountId) -> Option<Standing> {
        let at = 0;
        let ask = room::Ask::Standing { room, account, at };
        match self.sql.ask(&Ask::Room(ask)) {
            Ok(Answer::Room(room::Answer::Standing(standing))) => Some(standing),
            _ => None,
        }
    }

    /// What was done with rooms since this was last asked for, and is durable.
    pub(crate) fn take_done(&mut self) -> Vec<(room::Ask, Reply)> {
        core::mem::take(&mut self.done)
    }

    /// Everything that two have said to each other, oldest first: number and text; nothing of what
    /// was removed.
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
            all.extend(messages.into_iter().map(|message| {
                let is_there = message.removed_by.is_none();
                let body = if is_there { message.body } else { Vec::new() };
                (message.seq, body)
            }));
        }
    }
}
