//! Clients do what they like, the store and the workers lose, delay and reorder their answers, the
//! process dies and comes back; from seeds. What must stay true is checked against a ledger of what
//! the clients were told.

mod clients;

use crate::rig::BEGIN;
use crate::seeded::Seeded;
use crate::store::MapStore;
use clients::ends;
use std::collections::{BTreeMap, VecDeque};
use wharf_accounts::{
    AccountOptions, Accounts, AskTag, Caller, CallerTag, Effect, Error, HashJob, HashResult,
    Hashed, Outcome, Revocation, User, imitate,
};
use wharf_base::{Duration, Instant, Rng};
use wharf_data::account::Answer;
use wharf_data::{Ask, LoginId, Refusal, Reply, UnixMs};

const SEEDS: u64 = 400;
const STEPS: u32 = 400;
const CLIENTS: u64 = 6;

/// How often what matters has happened, over all seeds.
type Counts = BTreeMap<&'static str, u32>;

/// A token that a client was told of.
struct Known {
    bytes: [u8; 32],
    user: User,
    /// By which token's exchange it came.
    from: Option<usize>,
    /// When the client was told that it was exchanged.
    exchanged: Option<UnixMs>,
    is_dead: bool,
}

/// A request that was not answered yet.
struct Issued {
    by: u64,
    /// The token that it shows.
    shows: Option<usize>,
    /// Whether that must not be let in.
    must_fail: bool,
    /// What has ended for sure once it is done, of the tokens known so far.
    ends: Option<Revocation>,
    known: usize,
}

struct World {
    rng: Rng,
    options: AccountOptions,
    accounts: Accounts,
    store: MapStore,
    now: Instant,
    at: UnixMs,
    asks: VecDeque<(AskTag, Ask)>,
    replies: Vec<(AskTag, Reply)>,
    jobs: Vec<HashJob>,
    issued: BTreeMap<CallerTag, Issued>,
    /// Who is in, by session, as far as the server has told.
    inside: BTreeMap<u64, User>,
    sessions: [u64; CLIENTS as usize],
    last: u64,
    tokens: Vec<Known>,
    codes: Vec<String>,
    /// Logins whose end the server was never told of.
    untold: Vec<LoginId>,
    counts: Counts,
}

/// Every other world keeps failures, and so asks about more.
fn options(exchange_after: Duration, keeps_failures: bool) -> AccountOptions {
    let recall = match keeps_failures {
        true => AccountOptions::default().recall,
        false => Duration::ZERO,
    };
    AccountOptions {
        recall,
        requests_max: 40,
        hash_jobs_max: 6,
        session_requests_max: 3,
        deadline: Duration::from_secs(10),
        hash_deadline: Duration::from_secs(15),
        token_exchange_after: exchange_after,
        token_grace: Duration::from_secs(20),
        rename_cooldown: Duration::from_secs(30),
        name_hold: Duration::from_secs(60),
        ..AccountOptions::default()
    }
}

fn machine(options: AccountOptions, rng: &mut Rng) -> Accounts {
    Accounts::new(options, Box::new(Seeded(rng.fork())))
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        // Tokens that are exchanged by every login, soon, or hardly ever.
        let exchange_after = Duration::from_secs([0, 0, 10, 60][seed as usize / 2 % 4]);
        let options = options(exchange_after, seed % 2 == 1);
        Self {
            accounts: machine(options, &mut rng),
            rng,
            options,
            store: MapStore::default(),
            now: Instant::ZERO,
            at: BEGIN,
            asks: VecDeque::new(),
            replies: Vec::new(),
            jobs: Vec::new(),
            issued: BTreeMap::new(),
            inside: BTreeMap::new(),
            sessions: core::array::from_fn(|client| client as u64),
            last: CLIENTS,
            tokens: Vec::new(),
            codes: Vec::new(),
            untold: Vec::new(),
            counts: Counts::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..35 => self.send(),
            35..60 => self.do_ask(),
            60..82 => self.deliver(),
            82..93 => self.do_job(),
            93..97 => self.pass(),
            97..99 => {
                // A link is cut, and the client comes back.
                let client = self.rng.below(CLIENTS) as usize;
                self.inside.remove(&self.sessions[client]);
                self.last += 1;
                self.sessions[client] = self.last;
            }
            _ => self.restart(),
        }
        self.look();
    }

    fn send(&mut self) {
        let by = self.rng.below(CLIENTS);
        let session = self.sessions[by as usize];
        let user = self.inside.get(&session).copied();
        let (request, shows) = self.choose(user.is_some());
        let ends = user.and_then(|user| ends(&request, user));
        let must_fail = shows.is_some_and(|token| self.is_spent(token));
        self.last += 1;
        let tag = CallerTag {
            session,
            request: self.last,
        };
        let known = self.tokens.len();
        let issued = Issued {
            by,
            shows,
            must_fail,
            ends,
            known,
        };
        self.issued.insert(tag, issued);
        let caller = Caller {
            tag,
            address: format!("192.0.2.{by}").parse().unwrap(),
            user,
        };
        self.accounts.request(self.now, self.at, caller, request);
    }

    /// Whether nobody may come in by it any more, as far as the clients were told.
    fn is_spent(&self, token: usize) -> bool {
        let known = &self.tokens[token];
        // Ids and times of exchanges may run ahead of the clock by some milliseconds.
        let grace = self.options.token_grace.as_millis() as i64 + 1_000;
        known.is_dead || known.exchanged.is_some_and(|at| at + grace < self.at)
    }

    /// The store does the next thing, or not; its answer is on its way, or lost.
    fn do_ask(&mut self) {
        // What only reads need not wait for what is to be written.
        let is_read = |(_, ask): &(AskTag, Ask)| ask.only_reads();
        let ahead = self.asks.iter().position(is_read);
        let next = ahead.filter(|_| self.rng.chance(0.5)).unwrap_or(0);
        let Some((tag, ask)) = self.asks.remove(next) else {
            return;
        };
        match self.rng.below(20) {
            0 => self.count("lost question"),
            1 => self.replies.push((tag, Err(Refusal::Unavailable))),
            2 => {
                let reply = self.store.run(&ask);
                self.lose(&reply);
            }
            3 => {
                // It was done, and nobody knows.
                let reply = self.store.run(&ask);
                self.lose(&reply);
                self.replies.push((tag, Err(Refusal::Unavailable)));
            }
            _ => {
                let reply = self.store.run(&ask);
                self.replies.push((tag, reply));
            }
        }
    }

    fn lose(&mut self, reply: &Reply) {
        self.count("lost answer");
        if let Ok(wharf_data::Answer::Account(Answer::Stolen { login, .. })) = reply {
            self.untold.push(*login);
        }
    }

    fn deliver(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        // In any order.
        let index = self.rng.below(self.replies.len() as u64) as usize;
        let (tag, reply) = self.replies.swap_remove(index);
        self.accounts.stored(self.now, self.at, tag, reply);
    }

    fn do_job(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let index = self.rng.below(self.jobs.len() as u64) as usize;
        let job = self.jobs.swap_remove(index);
        let result = match self.rng.below(20) {
            0 => return self.count("lost job"),
            1 => HashResult::Failed,
            _ => imitate(&job.work),
        };
        let took = Duration::from_millis(50);
        let hashed = Hashed { result, took };
        self.accounts.hashed(self.now, self.at, job.id, hashed);
    }

    fn pass(&mut self) {
        let time = [1, 100, 1_000, 4_000, 11_000][self.rng.below(5) as usize];
        self.pass_by(Duration::from_millis(time));
    }

    fn pass_by(&mut self, time: Duration) {
        self.now += time;
        self.at += time.as_millis() as i64;
        self.accounts.handle_timeout(self.now, self.at);
        let next = self.accounts.next_deadline();
        assert!(next.is_none_or(|at| at > self.now), "what is due was done");
    }

    /// The process dies: what was on its way is lost, or done and never told.
    fn restart(&mut self) {
        self.count("restart");
        self.look();
        for (_, ask) in core::mem::take(&mut self.asks) {
            if self.rng.chance(0.5) {
                let _ = self.store.run(&ask);
            }
        }
        self.replies.clear();
        self.jobs.clear();
        self.issued.clear();
        self.inside.clear();
        for session in &mut self.sessions {
            self.last += 1;
            *session = self.last;
        }
        self.now += Duration::from_secs(1);
        self.at += 1_000;
        self.accounts = machine(self.options, &mut self.rng);
    }

    /// Takes what is to be done, and looks at it.
    fn look(&mut self) {
        while let Some(effect) = self.accounts.poll() {
            match effect {
                Effect::Ask { tag, ask } => self.asks.push_back((tag, ask)),
                Effect::Hash(job) => self.jobs.push(job),
                Effect::Revoked(revocation) => {
                    self.count("revoked");
                    self.inside
                        .retain(|_, user| !revocation.covers(user.account, user.login));
                }
                Effect::Answer { to, result } => self.answered(to, result),
            }
        }
        assert!(self.accounts.in_progress() <= self.options.requests_max);
        assert!(self.accounts.hashing() <= self.options.hash_jobs_max);
        for (account, person) in &self.store.people {
            let key = person.name.key();
            assert_eq!(self.store.names.get(key), Some(&(*account, None)));
        }
        for ((kind, subject), account) in &self.store.identities {
            let name = &self.store.people[account].name;
            assert!(*kind != 1 || subject == name.key().as_str());
        }
    }

    fn answered(&mut self, to: CallerTag, result: Result<Outcome, Error>) {
        let issued = self.issued.remove(&to).expect("one answer to each request");
        match &result {
            Ok(Outcome::LoggedIn(who)) => {
                assert!(!issued.must_fail, "{who:?} came in by a spent token");
                self.came_in(to, &issued, who);
            }
            Ok(Outcome::RecoveryCodes(codes)) => {
                self.count("codes");
                self.codes.extend(codes.0.iter().take(2).cloned());
            }
            Err(Error::Busy { .. }) => self.count("busy"),
            Err(Error::Rate { .. }) => self.count("rate"),
            Err(Error::Unavailable) => self.count("unavailable"),
            Err(Error::Taken) => self.count("taken"),
            Err(Error::Banned { .. }) => self.count("banned"),
            Err(Error::Token) if issued.must_fail => self.count("spent token refused"),
            _ => {}
        }
        if let (Ok(_), Some(ended)) = (&result, issued.ends) {
            for token in &mut self.tokens[..issued.known] {
                token.is_dead |= ended.covers(token.user.account, token.user.login);
            }
        }
    }

    fn came_in(&mut self, to: CallerTag, issued: &Issued, who: &wharf_accounts::LoggedIn) {
        self.count("logged in");
        if self.sessions[issued.by as usize] == to.session {
            self.inside.insert(to.session, who.user);
        }
        let token = who.token.as_ref().expect("no classic client here");
        if let Some(shown) = issued.shows {
            if self.tokens[shown].bytes == *token.secret.as_bytes() {
                return self.count("kept");
            }
            let at = self.at;
            if self.tokens[shown].exchanged.replace(at).is_some() {
                self.count("forgiven");
            }
            // Whatever it came of is spent now.
            let mut before = self.tokens[shown].from;
            while let Some(older) = before {
                self.tokens[older].is_dead = true;
                before = self.tokens[older].from;
            }
        }
        self.tokens.push(Known {
            bytes: *token.secret.as_bytes(),
            user: who.user,
            from: issued.shows,
            exchanged: None,
            is_dead: false,
        });
    }

    /// Everything comes to its end: whoever is in has a login, and nobody waits.
    fn settle(&mut self) {
        while !(self.asks.is_empty() && self.replies.is_empty() && self.jobs.is_empty()) {
            self.do_ask();
            self.deliver();
            self.do_job();
            self.look();
        }
        self.pass_by(self.options.hash_deadline);
        self.look();
        assert!(self.issued.is_empty(), "{} wait", self.issued.len());
        assert_eq!(self.accounts.in_progress(), 0);
        assert_eq!(self.accounts.next_deadline(), None);
        for user in self.inside.values() {
            let is_there = self.store.logins.contains_key(&user.login);
            let is_untold = self.untold.contains(&user.login);
            assert!(is_there || is_untold, "{user:?} is in without a login");
        }
    }
}

/// Says which seed it was, when something is wrong.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}

#[test]
fn whatever_is_lost_delayed_or_reordered_each_is_answered_once_and_nobody_is_in_who_must_not_be() {
    let mut counts = Counts::new();
    for seed in 0..SEEDS {
        let seed = Seed(seed);
        let mut world = World::new(seed.0);
        for _ in 0..STEPS {
            world.step();
        }
        world.settle();
        for (what, count) in world.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    // What never happens is not tested.
    for what in [
        "logged in",
        "kept",
        "revoked",
        "forgiven",
        "spent token refused",
        "lost question",
        "lost answer",
        "lost job",
        "restart",
        "busy",
        "rate",
        "unavailable",
        "taken",
        "banned",
        "codes",
    ] {
        let count = counts.get(what).copied().unwrap_or(0);
        assert!(count >= 20, "{what}: {count} in {counts:?}");
    }
}
