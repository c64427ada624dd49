//! Who sits at the desk: gives the platform what comes in, and does what it asks for.

use super::MakePlatform;
use super::counted::DeskStats;
use super::queue::{Shared, Work};
use super::waiting::Waits;
use crate::hash_workers::HashWorkers;
use crate::noticeboard::Noticeboard;
use crate::services::Replies;
use crate::stores::Stores;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wharf_accounts::{HashJob, HashResult, Hashed, JobId, Tickets};
use wharf_base::{Instant, SessionId};
use wharf_data::Notice;
use wharf_data::access::Error;
use wharf_data::service::Reply;
use wharf_platform::{CountTag, Effect, Platform, SessionTag, StoreTag, Ticket};
use wharf_port::clock;
use wharf_store::Tag;

/// Who sits at the desk.
pub(super) struct Clerk {
    pub(super) shared: Arc<Shared>,
    pub(super) stats: DeskStats,
    pub(super) store_kind: String,
    pub(super) platform: Platform,
    pub(super) make: MakePlatform,
    pub(super) tickets: Option<Tickets>,
    pub(super) stores: Stores,
    pub(super) workers: HashWorkers,
    /// Calls without a reply.
    pub(super) waiting: BTreeMap<Ticket, Waits>,
    /// The way to sessions; known since the first call.
    pub(super) replies: Option<Replies>,
    pub(super) board: Arc<Noticeboard>,
    /// What the store and the hash workers are at, by numbers that are never used twice: a platform
    /// that begins anew counts from the beginning, and an answer to the old one is nobody's.
    pub(super) asked: BTreeMap<u64, StoreTag>,
    pub(super) counting: BTreeMap<u64, CountTag>,
    pub(super) hashing: BTreeMap<u64, JobId>,
    pub(super) last_number: u64,
    /// What is answered to whoever calls, not to who waits, and the answer.
    pub(super) at_once: Option<(Ticket, Option<Reply>)>,
}

pub(super) fn hold(clerk: &Mutex<Clerk>) -> MutexGuard<'_, Clerk> {
    // What panics in there is caught in there.
    clerk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The services' thread.
pub(super) fn run(clerk: &Mutex<Clerk>, shared: &Shared) {
    let mut work = VecDeque::new();
    hold(clerk).guarded(Clerk::open);
    loop {
        let mut at_work = hold(clerk);
        for work in work.drain(..) {
            at_work.guarded(|clerk| clerk.handle(work));
        }
        at_work.guarded(Clerk::look_at_the_clock);
        shared.lock().due = at_work.platform.next_deadline();
        drop(at_work);
        if !shared.take(&mut work) {
            break;
        }
    }
    hold(clerk).guarded(|clerk| {
        clerk.platform.close();
        clerk.do_effects();
    });
}

impl Clerk {
    pub(super) fn look_at_the_clock(&mut self) {
        let (now, at) = times();
        self.platform.handle_timeout(now, at);
        self.do_effects();
    }

    /// Nothing that somebody asks ends the thread. Should the platform panic, it begins anew:
    /// everybody who waits is told that it is unavailable, and whoever is logged in, of whom the
    /// new one does not know, has to come again.
    pub(super) fn guarded(&mut self, step: impl FnOnce(&mut Self)) {
        let done = catch_unwind(AssertUnwindSafe(|| step(self)));
        if done.is_ok() {
            return;
        }
        tracing::error!("the services panicked; they begin anew");
        self.stats.panics += 1;
        let old = core::mem::replace(&mut self.platform, (self.make)());
        self.platform.set_tickets(self.tickets.clone());
        self.asked.clear();
        self.counting.clear();
        self.hashing.clear();
        for (_, waiter) in core::mem::take(&mut self.waiting) {
            self.stats.answered += 1;
            waiter.tell(Err(Error::Unavailable));
        }
        for (_, online) in old.presence().iter() {
            self.notice(online.session, Notice::LoginEnded);
        }
        self.open();
    }

    /// Has the platform read what holds for the whole server.
    pub(super) fn open(&mut self) {
        let (now, at) = times();
        self.platform.open(now, at);
        self.do_effects();
    }

    pub(super) fn notice(&self, to: SessionTag, notice: Notice) {
        if let Some(replies) = &self.replies {
            replies.notice(SessionId::from_bits(to.0), notice);
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn handle(&mut self, work: Work) {
        let (now, at) = times();
        match work {
            Work::Call { from, waiter, call } => {
                let ticket = Ticket(self.next_number());
                self.replies.get_or_insert_with(|| waiter.replies.clone());
                self.waiting.insert(ticket, Waits::Content(waiter));
                self.platform.call(now, at, from, ticket, *call);
            }
            Work::Operate { request, answer } => self.operate(*request, answer),
            Work::Report(answer) => answer(self.report()),
            Work::Heard(number, count) => self.heard(number, count),
            Work::Closed(session) => {
                self.platform.session_closed(session);
                self.platform.place_freed(now, at);
            }
            Work::PlaceFreed => self.platform.place_freed(now, at),
            Work::Tickets(tickets) => {
                self.platform.set_tickets((*tickets).clone());
                self.tickets = *tickets;
            }
            Work::Stored(number, reply) => {
                if let Some(tag) = self.asked.remove(&number) {
                    self.platform.stored(now, at, tag, reply);
                }
            }
            Work::Hashed(number, hashed) => {
                if let Some(job) = self.hashing.remove(&number) {
                    self.platform.hashed(now, at, job, hashed);
                }
            }
        }
        self.do_effects();
    }

    /// Does what the platform asks for, and what follows from that at once.
    pub(super) fn do_effects(&mut self) {
        while let Some(effect) = self.platform.poll() {
            match effect {
                Effect::Reply { to, reply } => {
                    if let Some(waiter) = self.waiting.remove(&to) {
                        self.stats.answered += 1;
                        match &mut self.at_once {
                            Some((now, answer)) if *now == to => *answer = Some(reply),
                            _ => waiter.tell(reply),
                        }
                    }
                }
                Effect::Notice { to, notice } => self.notice(to, notice),
                effect @ (Effect::Kick { .. }
                | Effect::Announce { .. }
                | Effect::TellAll(_)
                | Effect::Publish(_)) => self.spread(effect),
                Effect::Ask { tag, ask } => {
                    let number = self.next_number();
                    self.asked.insert(number, tag);
                    if let Err(refusal) = self.stores.ask(Tag(number), ask) {
                        self.asked.remove(&number);
                        let (now, at) = times();
                        self.platform.stored(now, at, tag, Err(refusal));
                    }
                }
                Effect::Hash(HashJob { id, work }) => {
                    let number = self.next_number();
                    self.hashing.insert(number, id);
                    let job = HashJob {
                        id: JobId(number),
                        work,
                    };
                    if self.workers.hash(job).is_err() {
                        self.hashing.remove(&number);
                        let (now, at) = times();
                        let hashed = Hashed {
                            result: HashResult::Failed,
                            took: Duration::ZERO,
                        };
                        self.platform.hashed(now, at, id, hashed);
                    }
                }
            }
        }
    }
}

/// Now, for deadlines and for what is stored.
pub(super) fn times() -> (Instant, i64) {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (clock::now(), since.as_millis() as i64)
}
