//! The machine: requests in progress, what they wait for, and what is to be done for them.

mod recalling;
mod running;
mod turns;

use crate::flow::{self, End, Event, Flow, Rehash};
use crate::hashing::{HashJob, HashResult, Hashed, JobId};
use crate::options::AccountOptions;
use crate::request::{Caller, CallerTag, Error, Outcome, Request, User};
use crate::revocation::{Revocation, Revocations};
use crate::secret::{Chance, Hidden, Secret};
use crate::stats::AccountStats;
use crate::ticket::Tickets;
use crate::world::{Guess, World};
use core::fmt;
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
    begun: Instant,
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
    /// its token is looked up, and once it has ended or may have, [`Effect::Revoked`] says so.
    /// Where too much is in progress the store is asked all the same, and its answer is nobody's.
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
        self.recalled((now, at), tag, &reply);
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
        let (account, address) = (&self.world.by_account, &self.world.by_address);
        let recall = [account.next_deadline(), address.next_deadline()];
        request
            .into_iter()
            .chain(recall.into_iter().flatten())
            .min()
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
            begun: now,
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
}

fn failed(error: Error) -> End {
    End {
        result: Err(error),
        revoked: None,
        after: None,
        known: None,
    }
}
