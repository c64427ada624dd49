//! The machine: requests in progress, what they wait for, and what is to be done for them.

mod recalling;
mod turns;

use crate::flow::{self, End, Event, Flow, Next, Rehash, Step};
use crate::hashing::{HashJob, HashResult, Hashed, JobId};
use crate::options::AccountOptions;
use crate::request::{Caller, CallerTag, Error, Outcome, Request, User};
use crate::revocation::{Revocation, Revocations};
use crate::secret::{Chance, Hidden, Secret};
use crate::stats::AccountStats;
use crate::ticket::Tickets;
use crate::world::{Cx, Guess, World};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
pub(crate) use turns::TaskId;
use turns::Turns;
use wharf_base::{Duration, Instant};
use wharf_data::account::{Ask, Which};
use wharf_data::{AccountId, Refusal, Reply, UnixMs};

/// What a question to the store is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskTag(pub u64);

/// What is to be done.
#[derive(Clone, PartialEq, Eq)]
pub enum Effect {
    /// A password is to be hashed; [`Accounts::hashed`] tells what came of it.
    Hash(HashJob),
    /// The store is to be asked, in this order; [`Accounts::stored`] tells what it answers.
    Ask {
        /// Comes back with the answer.
        tag: AskTag,
        /// What is asked.
        ask: wharf_data::Ask,
    },
    /// A request is over.
    Answer {
        /// Whose.
        to: CallerTag,
        /// What came of it.
        result: Result<Outcome, Error>,
    },
    /// Sessions with these logins are to be ended. If it was a session's own request that ended
    /// its login, its answer came before.
    Revoked(Revocation),
}

impl fmt::Debug for Effect {
    /// Without what the store is asked: there are hashes in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash(job) => write!(f, "Hash({job:?})"),
            Self::Ask { tag, .. } => write!(f, "Ask({tag:?})"),
            Self::Answer { to, result } => write!(f, "Answer({to:?}, {result:?})"),
            Self::Revoked(revocation) => write!(f, "{revocation:?}"),
        }
    }
}

/// Accounts, as a state machine.
///
/// Call [`request`](Self::request), [`hashed`](Self::hashed), [`stored`](Self::stored) and, when
/// [`next_deadline`](Self::next_deadline) has come, [`handle_timeout`](Self::handle_timeout);
/// after each, [`poll`](Self::poll) until there is nothing more. Time comes with every call: `now`
/// for deadlines and delays, `at` for what is stored.
///
/// Every request gets exactly one answer, by its deadline at the latest, whether its session is
/// still there or not. What the store or the workers answer behind that is dropped.
///
/// A token is kept for [`AccountOptions::token_exchange_after`], then exchanged for the next by
/// whoever logs in with it: so many who come back soon, or all at once, write nothing. One that was
/// exchanged and is shown again is a thief's, or was stolen from whoever shows it: its login ends.
/// But who has lost the answer (their link was cut) has nothing else to show. So for
/// [`AccountOptions::token_grace`] the last token that was exchanged works again, as long as nobody
/// has shown what it was exchanged for; and that is worth nothing from then on, so a thief who has
/// it ends the login when he shows it, and an owner who has it when he does. Nobody is in for
/// longer than the other's next exchange.
///
/// Invariant: each task in `tasks` has a deadline in `deadlines`; one that waits for the store is
/// in `asks`, one that waits for a hash in `jobs`; one of a session is in `turns`.
pub struct Accounts {
    world: World,
    tasks: BTreeMap<TaskId, Task>,
    deadlines: BTreeSet<(Instant, TaskId)>,
    asks: BTreeMap<AskTag, TaskId>,
    jobs: BTreeMap<JobId, TaskId>,
    turns: Turns,
    revocations: Revocations,
    /// Tasks whose turn has come.
    ready: VecDeque<TaskId>,
    /// Hashes to be made anew, of logins that have just ended well.
    rehashes: VecDeque<Rehash>,
    effects: VecDeque<Effect>,
    stats: AccountStats,
    last_id: u64,
}

struct Task {
    /// `None` for what the server does by itself.
    caller: Option<Caller>,
    deadline: Instant,
    state: State,
    guess: Option<Guess>,
    /// What ends when the store has done what it was asked, or may have.
    revokes: Option<Revocation>,
    /// What has ended by this task.
    revoked: Option<Revocation>,
    /// How many revocations there were when the store was last asked.
    revocations_known: u64,
    /// How many changes of accounts, likewise.
    changes_known: u64,
}

enum State {
    /// For the session's turn, or for what the store says of whoever guesses.
    Waiting(Request),
    /// For the store.
    Asked(AskTag, Flow),
    /// For the hash workers.
    Hashing(JobId, Flow),
    /// For nothing: it is being looked at.
    Running,
}

impl Task {
    /// Whose it is, if they are logged in.
    fn account(&self) -> Option<AccountId> {
        let user = self.caller.and_then(|caller| caller.user);
        user.map(|user| user.account)
    }
}

impl Accounts {
    /// Nobody has asked yet.
    ///
    /// # Panics
    /// If the settings do not fit each other: see [`AccountOptions::check`].
    pub fn new(options: AccountOptions, chance: Box<dyn Chance>) -> Self {
        if let Err(rule) = options.check() {
            panic!("{rule}");
        }
        Self {
            revocations: Revocations::new(options.requests_max),
            world: World::new(options, chance),
            tasks: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            asks: BTreeMap::new(),
            jobs: BTreeMap::new(),
            turns: Turns::new(options.session_requests_max),
            ready: VecDeque::new(),
            rehashes: VecDeque::new(),
            effects: VecDeque::new(),
            stats: AccountStats::default(),
            last_id: 0,
        }
    }

    /// Takes tickets that are signed by these keys from now on, or none.
    pub fn set_tickets(&mut self, tickets: Option<Tickets>) {
        self.world.tickets = tickets;
    }

    /// Whether a login by that token needs nobody else: neither the store nor the hash workers.
    pub fn knows(&self, at: UnixMs, token: &Hidden, device: Option<&str>) -> bool {
        let secret = Secret::of(token.as_bytes());
        let known = secret.and_then(|secret| self.world.known.find(&secret.hash()));
        known.is_some_and(|known| known.stays(at, &self.world.options, device))
    }

    /// Whether what the store has said is remembered: no other process writes to it.
    pub fn is_alone(&self) -> bool {
        self.world.options.is_alone
    }

    /// Ends a login that nobody has got, and about which nobody waits for an answer. From now on
    /// its token is looked up, and once it has ended or may have, [`Effect::Revoked`] says so. Where
    /// too much is in progress the store is asked all the same, and its answer is nobody's.
    pub fn give_up(&mut self, now: Instant, at: UnixMs, user: User) {
        let (account, which) = (user.account, Which::One(user.login));
        self.world.touch(now, account);
        if self.tasks.len() >= self.world.options.requests_max {
            let tag = AskTag(self.next_id());
            let ask = wharf_data::Ask::Account(Ask::Revoke { account, which });
            return self.effects.push_back(Effect::Ask { tag, ask });
        }
        let id = self.add_task(now, None, State::Running);
        let step = Ok(flow::give_up(user));
        self.follow((now, at), id, step);
    }

    /// Somebody asks for something.
    pub fn request(&mut self, now: Instant, at: UnixMs, caller: Caller, request: Request) {
        if let Err(error) = self.enqueue(now, caller, request) {
            self.answer(caller.tag, Err(error));
        }
        self.run_ready(now, at);
    }

    /// The hash workers are done with a job.
    pub fn hashed(&mut self, now: Instant, at: UnixMs, job: JobId, hashed: Hashed) {
        let took = (hashed.result != HashResult::Failed).then_some(hashed.took);
        self.world.hashes.take(job, took);
        if let Some(id) = self.jobs.remove(&job) {
            self.go_on(now, at, id, Event::Hashed(hashed.result));
        }
        self.run_ready(now, at);
    }

    /// The store answers.
    pub fn stored(&mut self, now: Instant, at: UnixMs, tag: AskTag, reply: Reply) {
        if let Some(counted) = self.world.recall.asked(tag) {
            self.recalled((now, at), &counted, &reply);
        }
        match self.asks.remove(&tag) {
            Some(id) => {
                let may_be_done = matches!(reply, Ok(_) | Err(Refusal::Unavailable));
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.revoked = task.revokes.take().filter(|_| may_be_done);
                }
                self.go_on(now, at, id, Event::Stored(reply));
            }
            // It comes too late for its request, but not for the sessions of who was robbed.
            None => {
                if let Some(revocation) = flow::stolen(&reply) {
                    self.revoke(now, revocation);
                }
            }
        }
        self.run_ready(now, at);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub fn next_deadline(&self) -> Option<Instant> {
        let request = self.deadlines.first().map(|(deadline, _)| *deadline);
        let recall = self.world.recall.next_deadline();
        request.into_iter().chain(recall).min()
    }

    /// Time has passed: requests whose deadline has come are answered.
    pub fn handle_timeout(&mut self, now: Instant, at: UnixMs) {
        self.stop_recalling(now);
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            if let Some(task) = self.tasks.get_mut(&id) {
                // Nobody knows whether it was done: it is as if it was.
                task.revoked = task.revokes.take();
            }
            self.finish((now, at), id, failed(Error::Unavailable));
        }
        self.run_ready(now, at);
    }

    /// What is to be done next, if anything.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// How many requests are in progress, those that wait included.
    pub fn in_progress(&self) -> usize {
        self.tasks.len()
    }

    /// How many passwords are with the hash workers.
    pub fn hashing(&self) -> usize {
        self.world.hashes.len()
    }

    /// What was answered so far.
    pub fn stats(&self) -> AccountStats {
        AccountStats {
            hashes_refused: self.world.hashes.refused(),
            ..self.stats
        }
    }

    fn answer(&mut self, to: CallerTag, result: Result<Outcome, Error>) {
        self.stats.count(&result);
        self.effects.push_back(Effect::Answer { to, result });
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn enqueue(&mut self, now: Instant, caller: Caller, request: Request) -> Result<(), Error> {
        let session = caller.tag.session;
        let is_full = self.tasks.len() >= self.world.options.requests_max;
        if is_full || self.turns.is_full(session) {
            let retry_after = Duration::from_secs(1);
            return Err(Error::Busy { retry_after });
        }
        let id = self.add_task(now, Some(caller), State::Waiting(request));
        if self.turns.join(session, id) {
            self.ready.push_back(id);
        }
        Ok(())
    }

    fn add_task(&mut self, now: Instant, caller: Option<Caller>, state: State) -> TaskId {
        let id = TaskId(self.next_id());
        let deadline = now + self.world.options.deadline;
        self.deadlines.insert((deadline, id));
        let task = Task {
            caller,
            deadline,
            state,
            guess: None,
            revokes: None,
            revoked: None,
            revocations_known: self.revocations.count(),
            changes_known: self.world.known.changes(),
        };
        self.tasks.insert(id, task);
        id
    }

    /// Begins what waits for its turn. One that ends at once makes room for the next.
    fn run_ready(&mut self, now: Instant, at: UnixMs) {
        self.world.hashes.give_up(now);
        while let Some(id) = self.ready.pop_front() {
            if self.recalls_first(now, at, id) {
                continue;
            }
            let waiting = |task: &&mut Task| matches!(task.state, State::Waiting(_));
            let Some(task) = self.tasks.get_mut(&id).filter(waiting) else {
                continue;
            };
            let State::Waiting(request) = core::mem::replace(&mut task.state, State::Running)
            else {
                continue;
            };
            let is_in = |caller: Caller| self.turns.is_in(caller.tag.session);
            // It was asked before the session had heard that it is in.
            let is_late = task.caller.is_some_and(is_in) && request.logs_in();
            let step = match is_late {
                true => Err(Error::WrongState),
                false => self.with_cx(now, at, id, |cx| flow::begin(cx, request)),
            };
            self.follow((now, at), id, step);
        }
        while let Some(rehash) = self.rehashes.pop_front() {
            self.rehash(now, at, rehash);
        }
    }

    /// Makes a hash anew that was made too cheaply, if there is room for what nobody waits for.
    /// If not, the next login will.
    fn rehash(&mut self, now: Instant, at: UnixMs, rehash: Rehash) {
        let has_room = self.tasks.len() < self.world.options.requests_max;
        if self.world.hashes.is_idle() && has_room {
            let id = self.add_task(now, None, State::Running);
            let step = self.with_cx(now, at, id, |cx| Ok(flow::rehash(cx, rehash)));
            self.follow((now, at), id, step);
        }
    }

    fn go_on(&mut self, now: Instant, at: UnixMs, id: TaskId, event: Event) {
        let Some(task) = self.tasks.get_mut(&id) else {
            return;
        };
        match core::mem::replace(&mut task.state, State::Running) {
            State::Asked(_, flow) | State::Hashing(_, flow) => {
                let step = self.with_cx(now, at, id, |cx| flow.go_on(cx, event));
                self.follow((now, at), id, step);
            }
            State::Waiting(_) | State::Running => unreachable!("it waited for an answer"),
        }
    }

    fn with_cx(
        &mut self,
        now: Instant,
        at: UnixMs,
        id: TaskId,
        run: impl FnOnce(&mut Cx<'_>) -> Step,
    ) -> Step {
        let Some(task) = self.tasks.get_mut(&id) else {
            return Err(Error::Unavailable);
        };
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut cx = Cx {
            now,
            at,
            world: &mut self.world,
            address: task.caller.map_or(nowhere, |caller| caller.address),
            user: task.caller.and_then(|caller| caller.user),
            guess: &mut task.guess,
        };
        run(&mut cx)
    }

    fn follow(&mut self, (now, at): (Instant, UnixMs), id: TaskId, step: Step) {
        match step {
            Ok(Next::Ask { ask, revokes, flow }) => {
                let tag = AskTag(self.next_id());
                let known = self.revocations.count();
                let account = self.tasks.get(&id).and_then(Task::account);
                if let Some(account) = account.filter(|_| !ask.only_reads()) {
                    self.world.touch(now, account);
                }
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.state = State::Asked(tag, flow);
                    task.revokes = revokes;
                    task.revocations_known = known;
                    task.changes_known = self.world.known.changes();
                }
                self.asks.insert(tag, id);
                self.effects.push_back(Effect::Ask { tag, ask });
            }
            Ok(Next::Hash { work, flow }) => match self.world.hashes.admit() {
                Ok(()) => {
                    let job = JobId(self.next_id());
                    self.world.hashes.give(job, now);
                    if let Some(task) = self.tasks.get_mut(&id) {
                        task.state = State::Hashing(job, flow);
                    }
                    self.jobs.insert(job, id);
                    self.effects
                        .push_back(Effect::Hash(HashJob { id: job, work }));
                }
                Err(retry_after) => self.finish((now, at), id, failed(Error::Busy { retry_after })),
            },
            Ok(Next::End(end)) => self.finish((now, at), id, end),
            Err(error) => self.finish((now, at), id, failed(error)),
        }
    }

    /// Answers a request and forgets it; its session's next comes to its turn.
    fn finish(&mut self, (now, at): (Instant, UnixMs), id: TaskId, end: End) {
        let Some(task) = self.tasks.remove(&id) else {
            return;
        };
        self.deadlines.remove(&(task.deadline, id));
        match task.state {
            State::Asked(tag, _) => drop(self.asks.remove(&tag)),
            State::Hashing(job, _) => drop(self.jobs.remove(&job)),
            State::Waiting(_) | State::Running => {}
        }
        let mut result = end.result;
        self.revocations.forget(now);
        self.world.known.pass(now);
        if let Ok(Outcome::LoggedIn(who)) = &result {
            let (account, login) = (who.user.account, who.user.login);
            let known = task.revocations_known;
            if self.revocations.may_cover(account, login, known) {
                result = Err(Error::Unavailable);
            } else if let Some((token, known)) = end.known {
                self.world.known.remember(token, known, task.changes_known);
            }
        }
        self.settle_guess((now, at), task.guess, task.caller, &result);
        if let Some(caller) = task.caller {
            let session = caller.tag.session;
            if let Ok(Outcome::LoggedIn(_)) = &result {
                self.turns.log_in(session);
            }
            self.ready.extend(self.turns.leave(session, id));
            self.answer(caller.tag, result);
        }
        for revocation in [task.revoked, end.revoked].into_iter().flatten() {
            self.revoke(now, revocation);
        }
        self.rehashes.extend(end.after);
    }

    fn revoke(&mut self, now: Instant, revocation: Revocation) {
        // By then everything is over that has asked the store before.
        let over = now + self.world.options.deadline;
        self.revocations.note(revocation, over);
        self.world.known.end(revocation, over);
        self.effects.push_back(Effect::Revoked(revocation));
    }
}

fn failed(error: Error) -> End {
    End {
        result: Err(error),
        revoked: None,
        after: None,
        known: None,
    }
}
