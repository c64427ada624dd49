//! Accounts with a store and hash workers that answer at once, unless they are held.

use crate::seeded::Seeded;
use crate::store::MapStore;
use std::collections::VecDeque;
use std::net::IpAddr;
use wharf_accounts::{
    AccountOptions, Accounts, AskTag, Caller, CallerTag, Cost, Effect, Error, HashJob, HashWork,
    Hashed, LoggedIn, Outcome, Request, Revocation, User, imitate,
};
use wharf_base::{Duration, Instant, Rng, UniqueIds};
use wharf_data::{AccountId, Actor, Ask, Refusal, Reply, UnixMs};

pub(crate) const PASSWORD: &str = "correct horse";

/// When every test begins.
pub(crate) const BEGIN: UnixMs = UniqueIds::EPOCH_UNIX_MS as i64 + 1_000_000;

pub(crate) struct Rig {
    pub(crate) accounts: Accounts,
    pub(crate) store: MapStore,
    pub(crate) now: Instant,
    pub(crate) at: UnixMs,
    pub(crate) answers: Vec<(CallerTag, Result<Outcome, Error>)>,
    pub(crate) revoked: Vec<Revocation>,
    /// Hashes that were compared with.
    pub(crate) checked: Vec<String>,
    /// How many hashes were made.
    pub(crate) made: usize,
    /// How long the workers say that a hash takes.
    pub(crate) hash_time: Duration,
    /// While they are held, jobs and questions stay here.
    pub(crate) jobs: VecDeque<HashJob>,
    pub(crate) holds_jobs: bool,
    pub(crate) asks: VecDeque<(AskTag, Ask)>,
    pub(crate) holds_asks: bool,
    /// How often the store was asked.
    pub(crate) asked: u64,
    /// While they are held, questions about earlier failures stay with the others.
    pub(crate) holds_recalls: bool,
    requests: u64,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(AccountOptions::default())
    }

    pub(crate) fn with(options: AccountOptions) -> Self {
        let chance = Box::new(Seeded(Rng::from_seed(1)));
        Self {
            accounts: Accounts::new(options, chance),
            store: MapStore::default(),
            now: Instant::ZERO,
            at: BEGIN,
            answers: Vec::new(),
            revoked: Vec::new(),
            checked: Vec::new(),
            made: 0,
            hash_time: Duration::from_millis(50),
            jobs: VecDeque::new(),
            holds_jobs: false,
            asks: VecDeque::new(),
            holds_asks: false,
            asked: 0,
            holds_recalls: false,
            requests: 0,
        }
    }

    /// Other settings and a fresh machine, over what is stored.
    pub(crate) fn restart(&mut self, options: AccountOptions) {
        self.requests += 1;
        let chance = Box::new(Seeded(Rng::from_seed(1_000 + self.requests)));
        self.accounts = Accounts::new(options, chance);
        self.pass(Duration::from_secs(1));
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.at += time.as_millis() as i64;
        if self
            .accounts
            .next_deadline()
            .is_some_and(|at| at <= self.now)
        {
            self.accounts.handle_timeout(self.now, self.at);
        }
        self.pump();
    }

    /// Sends a request, and does not wait.
    pub(crate) fn send(&mut self, session: u64, user: Option<User>, request: Request) -> CallerTag {
        self.send_from("192.0.2.1", session, user, request)
    }

    pub(crate) fn send_from(
        &mut self,
        address: &str,
        session: u64,
        user: Option<User>,
        request: Request,
    ) -> CallerTag {
        self.requests += 1;
        let tag = CallerTag {
            session,
            request: self.requests,
        };
        let caller = Caller {
            tag,
            address: address.parse::<IpAddr>().unwrap(),
            user,
        };
        self.accounts.request(self.now, self.at, caller, request);
        self.pump();
        tag
    }

    /// What was answered to that; `None` if nothing was yet.
    pub(crate) fn answer(&mut self, tag: CallerTag) -> Option<Result<Outcome, Error>> {
        let place = self.answers.iter().position(|(to, _)| *to == tag)?;
        Some(self.answers.remove(place).1)
    }

    /// Sends a request from a session of its own, and has the answer.
    pub(crate) fn ask(&mut self, user: Option<User>, request: Request) -> Result<Outcome, Error> {
        self.ask_from("192.0.2.1", user, request)
    }

    pub(crate) fn ask_from(
        &mut self,
        address: &str,
        user: Option<User>,
        request: Request,
    ) -> Result<Outcome, Error> {
        let session = 1_000_000 + self.requests;
        let tag = self.send_from(address, session, user, request);
        self.answer(tag).expect("nothing is held")
    }

    pub(crate) fn enter(&mut self, request: Request) -> Result<LoggedIn, Error> {
        self.ask(None, request).map(|outcome| match outcome {
            Outcome::LoggedIn(who) => who,
            other => panic!("{other:?}"),
        })
    }

    /// Does what is to be done, as far as nothing is held.
    pub(crate) fn pump(&mut self) {
        loop {
            match self.accounts.poll() {
                Some(Effect::Ask { tag, ask }) if !self.holds_recalls && is_of_rates(&ask) => {
                    let reply = self.store.run(&ask);
                    self.reply(tag, reply);
                }
                Some(Effect::Ask { tag, ask }) => {
                    self.asked += 1;
                    self.asks.push_back((tag, ask));
                }
                Some(Effect::Hash(job)) => self.jobs.push_back(job),
                Some(Effect::Answer { to, result }) => self.answers.push((to, result)),
                Some(Effect::Revoked(revocation)) => self.revoked.push(revocation),
                None => {
                    let asked = !self.holds_asks && self.do_ask();
                    let hashed = !self.holds_jobs && self.do_job();
                    if !asked && !hashed {
                        return;
                    }
                }
            }
        }
    }

    /// Whether there was one to do.
    pub(crate) fn do_ask(&mut self) -> bool {
        let Some((tag, ask)) = self.asks.pop_front() else {
            return false;
        };
        let reply = self.store.run(&ask);
        self.reply(tag, reply);
        true
    }

    /// The oldest question is answered so, and nothing is done.
    pub(crate) fn refuse_ask(&mut self, refusal: Refusal) {
        let (tag, _) = self.asks.pop_front().expect("a question");
        self.reply(tag, Err(refusal));
    }

    pub(crate) fn reply(&mut self, tag: AskTag, reply: Reply) {
        self.accounts.stored(self.now, self.at, tag, reply);
    }

    /// Whether there was one to do.
    pub(crate) fn do_job(&mut self) -> bool {
        let Some(job) = self.jobs.pop_front() else {
            return false;
        };
        match &job.work {
            HashWork::Check { against, .. } => self.checked.push(against.clone()),
            HashWork::Make { .. } => self.made += 1,
        }
        let hashed = Hashed {
            result: imitate(&job.work),
            took: self.hash_time,
        };
        self.accounts.hashed(self.now, self.at, job.id, hashed);
        true
    }
}

/// Whether that is about what lives for a short time, tickets aside.
pub(crate) fn is_of_rates(ask: &Ask) -> bool {
    use wharf_data::short::Ask as Short;
    matches!(ask, Ask::Short(ask) if !matches!(ask, Short::Take { .. }))
}

pub(crate) fn log_in(name: &str, password: &str) -> Request {
    Request::LogIn {
        name: name.into(),
        password: password.into(),
        device: "laptop".into(),
    }
}

pub(crate) fn register(name: &str) -> Request {
    Request::Register {
        name: name.into(),
        password: PASSWORD.into(),
        device: "laptop".into(),
    }
}

pub(crate) fn ban(account: AccountId, until: Option<UnixMs>) -> Request {
    Request::Ban {
        account,
        until,
        by: Actor::Operator,
        reason: "spam".into(),
    }
}

pub(crate) fn unban(account: AccountId) -> Request {
    Request::Unban {
        account,
        by: Actor::Operator,
        reason: String::new(),
    }
}

pub(crate) fn as_guest(secret: u8) -> Request {
    Request::LogInAsGuest {
        secret: vec![secret; 32].into(),
        device: "phone".into(),
    }
}

pub(crate) fn by_token(who: &LoggedIn) -> Request {
    Request::LogInByToken {
        token: token_of(who).to_vec().into(),
        device: None,
    }
}

pub(crate) fn token_of(who: &LoggedIn) -> [u8; 32] {
    *who.token.as_ref().expect("it got one").secret.as_bytes()
}

/// The part of a stored hash that says what it cost.
pub(crate) fn cost_in(phc: &str) -> String {
    phc.rsplitn(3, '$').last().unwrap().to_owned()
}

pub(crate) fn dearer() -> AccountOptions {
    AccountOptions {
        cost: Cost::new(32 * 1_024, 3, 1).unwrap(),
        ..AccountOptions::default()
    }
}
