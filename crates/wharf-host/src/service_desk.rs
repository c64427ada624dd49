//! The services' thread: drives the platform with what content calls, what the store answers and
//! what the hash workers have done.

mod at_once;
mod counted;
mod operating;

pub use counted::{DeskStats, ServiceReport};

use crate::hash_workers::{HashWorkerOptions, HashWorkers};
use crate::noticeboard::Noticeboard;
use crate::services::{ClassicLogin, OperatorAnswer, Replies, Services};
use crate::stores::{StorePlaces, Stores};
use crate::switchboard::Answer;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wharf_accounts::{HashJob, HashResult, Hashed, JobId, Tickets};
use wharf_base::{Instant, SessionId};
use wharf_content::{Asker, LoginRefusal, Query, QueryId, UserId};
use wharf_data::access::{Error, Outcome, Request, UnknownId};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{Bulletin, Notice, operators};
use wharf_platform::{CountTag, Effect, From, Platform, SessionTag, StoreTag, Ticket};
use wharf_port::clock;
use wharf_store::Tag;

/// Calls that wait for the services' thread. More are answered "busy": what content may have open
/// bounds them too, but far above what any thread does in a second.
const CALLS_MAX: usize = 65_536;
/// When it is worth asking again.
const BUSY: Duration = Duration::from_secs(1);

/// Makes a platform, and makes it again should it ever break.
pub type MakePlatform = Box<dyn Fn() -> Platform + Send>;

/// The services with their threads: one that decides, the store's, and those that hash. Dropping
/// it does what waits, then ends.
pub struct ServiceDesk {
    shared: Arc<Shared>,
    /// Held by whoever works there: the thread, or for a moment whoever asks for what is known.
    clerk: Arc<Mutex<Clerk>>,
    thread: Option<JoinHandle<()>>,
    unknown: UnknownId,
    board: Arc<Noticeboard>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    is_wanted: Condvar,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    /// Calls among them.
    calls: usize,
    /// Requests of operators among them.
    operations: usize,
    /// Whether the thread sleeps, and nobody has woken it: waking costs a system call.
    is_asleep: bool,
    /// When the thread has something to do by itself; written by who holds the clerk.
    due: Option<Instant>,
    /// Calls that were refused so far.
    refused: u64,
    is_over: bool,
}

enum Work {
    Call {
        from: From,
        waiter: Waiter,
        call: Box<Call>,
    },
    Operate {
        request: Box<operators::Request>,
        answer: OperatorAnswer,
    },
    /// Somebody wants to know what was counted.
    Report(Answer<ServiceReport>),
    /// So many sessions were reached by what was counted under that number.
    Heard(u64, u32),
    Closed(SessionTag),
    /// By somebody who was let in elsewhere.
    PlaceFreed,
    /// To what was asked by that number.
    Stored(u64, wharf_data::Reply),
    Hashed(u64, Hashed),
    /// Tickets are taken that are signed by these keys, or none.
    Tickets(Box<Option<Tickets>>),
}

/// Who waits for a reply.
enum Waits {
    Content(Waiter),
    Operator(OperatorAnswer),
}

impl Waits {
    fn tell(self, reply: Reply) {
        match (self, reply) {
            (Self::Content(waiter), reply) => waiter.tell(reply),
            (Self::Operator(answer), Ok(Given::Operated(outcome))) => answer(Ok(*outcome)),
            (Self::Operator(answer), Ok(_)) => answer(Err(Error::Unavailable)),
            (Self::Operator(answer), Err(error)) => answer(Err(error)),
        }
    }
}

/// Somebody of content's who waits for a reply, and how they are reached.
struct Waiter {
    who: Who,
    replies: Replies,
}

enum Who {
    /// Content, for a session or a room.
    Query(Asker, QueryId),
    /// A session whose client logs in by the classic packets.
    Login(SessionId),
}

impl Waiter {
    fn tell(self, reply: Reply) {
        match self.who {
            Who::Query(asker, query) => self.replies.reply(asker, query, reply),
            Who::Login(session) => self.replies.verdict(session, verdict_of(reply)),
        }
    }
}

/// What a classic client learns of its login.
fn verdict_of(reply: Reply) -> Result<UserId, LoginRefusal> {
    match reply {
        Ok(Given::Access(Outcome::LoggedIn(logged_in))) => {
            Ok(UserId::new(logged_in.user.account.get()))
        }
        Err(Error::InUse) => Err(LoginRefusal::InUse),
        Err(Error::Full) => Err(LoginRefusal::Full),
        Err(
            Error::Busy { .. } | Error::Rate { .. } | Error::Unavailable | Error::Maintenance(_),
        ) => Err(LoginRefusal::Unavailable),
        _ => Err(LoginRefusal::Invalid),
    }
}

impl ServiceDesk {
    /// Starts all threads; `unknown` is what happens with classic ids that nobody has.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        make: MakePlatform,
        places: &StorePlaces,
        hashing: HashWorkerOptions,
        unknown: UnknownId,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let answers = Arc::clone(&shared);
        let stores = Stores::start(places, move |tag: Tag, reply| {
            answers.push(Work::Stored(tag.0, reply));
        })?;
        let results = Arc::clone(&shared);
        let workers = HashWorkers::start(hashing, move |job: JobId, hashed| {
            results.push(Work::Hashed(job.0, hashed));
        })?;
        let board = Arc::new(Noticeboard::default());
        let clerk = Clerk {
            board: Arc::clone(&board),
            shared: Arc::clone(&shared),
            stats: DeskStats::default(),
            store_kind: places.kept.kind().to_owned(),
            platform: make(),
            make,
            tickets: None,
            stores,
            workers,
            waiting: BTreeMap::new(),
            replies: None,
            asked: BTreeMap::new(),
            counting: BTreeMap::new(),
            hashing: BTreeMap::new(),
            last_number: 0,
            at_once: None,
        };
        let clerk = Arc::new(Mutex::new(clerk));
        let (own, queue) = (Arc::clone(&clerk), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("services".into())
            .spawn(move || run(&own, &queue))?;
        Ok(Self {
            shared,
            clerk,
            thread: Some(thread),
            unknown,
            board,
        })
    }

    /// Waits until it is known what holds for the whole server, at most for so long; whether it is.
    pub fn wait_until_settled(&self, patience: Duration) -> bool {
        self.board.wait(patience)
    }

    /// Takes login tickets that are signed by these keys from now on, or none.
    pub fn set_tickets(&self, tickets: Option<Tickets>) {
        self.shared.push(Work::Tickets(Box::new(tickets)));
    }

    /// Hands a call on, or says at once that too many wait.
    fn hand_on(&self, from: From, waiter: Waiter, call: Box<Call>) {
        if let Err(waiter) = self.shared.push_call(from, waiter, call) {
            waiter.tell(Err(Error::Busy { retry_after: BUSY }));
        }
    }
}

impl Services for ServiceDesk {
    fn query(&self, query: Query, from: Option<IpAddr>, replies: &Replies) -> Option<Reply> {
        let Query { asker, id, call } = query;
        let from = match (asker, from) {
            (Asker::Session(session), Some(address)) => From::Session(tag_of(session), address),
            _ => From::Room,
        };
        let waiter = Waiter {
            who: Who::Query(asker, id),
            replies: replies.clone(),
        };
        match self.answer(from, waiter, Box::new(call)) {
            Ok(reply) => reply,
            Err((waiter, call)) => {
                self.hand_on(from, waiter, call);
                None
            }
        }
    }

    fn log_in(&self, login: ClassicLogin<'_>, replies: &Replies) {
        let from = From::Session(tag_of(login.session), login.from);
        let waiter = Waiter {
            who: Who::Login(login.session),
            replies: replies.clone(),
        };
        let request = Request::LogInClassic {
            id: login.user.to_owned(),
            password: login.password.into(),
            unknown: self.unknown,
        };
        let call = Call::Access { by: None, request };
        self.hand_on(from, waiter, Box::new(call));
    }

    fn begin(&self, shards: &Replies) {
        self.board.connect(shards);
    }

    fn operate(&self, request: operators::Request, answer: OperatorAnswer) {
        self.shared.push_operation(request, answer);
    }

    fn bulletin(&self) -> Arc<Bulletin> {
        self.board.bulletin()
    }

    fn report(&self, answer: Answer<ServiceReport>) {
        self.shared.push_question(answer);
    }

    fn session_closed(&self, session: SessionId) {
        if !self.close(tag_of(session)) {
            self.shared.push(Work::Closed(tag_of(session)));
        }
    }

    fn place_freed(&self) {
        self.shared.push(Work::PlaceFreed);
    }
}

impl Drop for ServiceDesk {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.is_wanted.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has said why, if it panicked.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What sessions, the store and the workers say: each bounded by what was begun.
    fn push(&self, work: Work) {
        let mut queue = self.lock();
        queue.work.push_back(work);
        self.wake(queue);
    }

    /// Wakes the thread if it sleeps.
    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        let is_asleep = core::mem::take(&mut queue.is_asleep);
        drop(queue);
        if is_asleep {
            self.is_wanted.notify_one();
        }
    }

    /// A call.
    ///
    /// # Errors
    /// Whoever waits for it, if too many wait already.
    fn push_call(&self, from: From, waiter: Waiter, call: Box<Call>) -> Result<(), Waiter> {
        let mut queue = self.lock();
        if queue.calls >= CALLS_MAX || queue.is_over {
            queue.refused += 1;
            return Err(waiter);
        }
        queue.calls += 1;
        queue.work.push_back(Work::Call { from, waiter, call });
        self.wake(queue);
        Ok(())
    }

    /// Takes all that waits into `work`, having waited for some until it is due. `false` when it
    /// is over.
    fn take(&self, work: &mut VecDeque<Work>) -> bool {
        let mut queue = self.lock();
        while queue.work.is_empty() && !queue.is_over {
            let left = queue.due.map(|due| due.saturating_since(clock::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            // Far enough for a server that nobody asks anything.
            let left = left.unwrap_or(Duration::from_secs(24 * 3_600));
            queue.is_asleep = true;
            let waited = self.is_wanted.wait_timeout(queue, left);
            (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_asleep = false;
        queue.calls = 0;
        queue.operations = 0;
        core::mem::swap(work, &mut queue.work);
        !queue.is_over || !work.is_empty()
    }
}

/// Who sits at the desk.
struct Clerk {
    shared: Arc<Shared>,
    stats: DeskStats,
    store_kind: String,
    platform: Platform,
    make: MakePlatform,
    tickets: Option<Tickets>,
    stores: Stores,
    workers: HashWorkers,
    /// Calls without a reply.
    waiting: BTreeMap<Ticket, Waits>,
    /// The way to sessions; known since the first call.
    replies: Option<Replies>,
    board: Arc<Noticeboard>,
    /// What the store and the hash workers are at, by numbers that are never used twice: a platform
    /// that begins anew counts from the beginning, and an answer to the old one is nobody's.
    asked: BTreeMap<u64, StoreTag>,
    counting: BTreeMap<u64, CountTag>,
    hashing: BTreeMap<u64, JobId>,
    last_number: u64,
    /// What is answered to whoever calls, not to who waits, and the answer.
    at_once: Option<(Ticket, Option<Reply>)>,
}

fn hold(clerk: &Mutex<Clerk>) -> MutexGuard<'_, Clerk> {
    // What panics in there is caught in there.
    clerk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The services' thread.
fn run(clerk: &Mutex<Clerk>, shared: &Shared) {
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
    fn look_at_the_clock(&mut self) {
        let (now, at) = times();
        self.platform.handle_timeout(now, at);
        self.do_effects();
    }

    /// Nothing that somebody asks ends the thread. Should the platform panic, it begins anew:
    /// everybody who waits is told that it is unavailable, and whoever is logged in, of whom the
    /// new one does not know, has to come again.
    fn guarded(&mut self, step: impl FnOnce(&mut Self)) {
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
    fn open(&mut self) {
        let (now, at) = times();
        self.platform.open(now, at);
        self.do_effects();
    }

    fn notice(&self, to: SessionTag, notice: Notice) {
        if let Some(replies) = &self.replies {
            replies.notice(SessionId::from_bits(to.0), notice);
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn handle(&mut self, work: Work) {
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
    fn do_effects(&mut self) {
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

fn tag_of(session: SessionId) -> SessionTag {
    SessionTag(session.to_bits())
}

/// Now, for deadlines and for what is stored.
fn times() -> (Instant, i64) {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (clock::now(), since.as_millis() as i64)
}
