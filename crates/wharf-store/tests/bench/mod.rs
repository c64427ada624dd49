//! A store, asked one thing at a time.
#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod log;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use wharf_base::Instant;
use wharf_data::account::{self, Identity, IdentityKind, NewLogin, NewToken, TokenHash};
use wharf_data::{AccountId, Act, Actor, Answer, Ask, AuditId, DisplayName, LoginId, NameKey};
use wharf_data::{Refusal, Reply, Target, audit};
use wharf_store::{Access, Clock, Connect, Redis, RedisPlace, Store, StoreOptions, StoreStats};
use wharf_store::{Tag, admin};

/// No answer takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The usual options of a store, but that nobody is refused because this machine is slow.
pub(crate) fn patient() -> StoreOptions {
    StoreOptions {
        answer: PATIENCE,
        ..StoreOptions::default()
    }
}

/// A store, and where its answers arrive.
pub(crate) struct Bench {
    connect: Connect,
    store: Store,
    /// What is asked instead about what lives for a short time, if there is one.
    redis: Option<(RedisPlace, Redis)>,
    sender: Sender<(Tag, Reply)>,
    replies: Receiver<(Tag, Reply)>,
    asked: u64,
}

impl Bench {
    /// A store on what `connect` connects to.
    pub(crate) fn start(options: StoreOptions, connect: Connect) -> Self {
        Self::start_at(options, clock(), connect)
    }

    /// The same, with another time.
    pub(crate) fn start_at(options: StoreOptions, clock: Clock, connect: Connect) -> Self {
        log::watch();
        let (sender, replies) = channel();
        let answers = answers(&sender);
        let store = Store::start(options, clock, Arc::clone(&connect), answers).unwrap();
        Self {
            connect,
            store,
            redis: None,
            sender,
            replies,
            asked: 0,
        }
    }

    /// Has a Redis asked about what lives for a short time.
    pub(crate) fn with_redis(mut self, place: &RedisPlace) -> Self {
        let answers = answers(&self.sender);
        let redis = Redis::start(patient(), clock(), place, answers);
        self.redis = Some((place.clone(), redis.expect("its URL is one")));
        self
    }

    /// Another server on the same database.
    pub(crate) fn another(&self) -> Self {
        let bench = Self::start(patient(), Arc::clone(&self.connect));
        match &self.redis {
            Some((place, _)) => bench.with_redis(place),
            None => bench,
        }
    }

    /// What is not as it always is.
    pub(crate) fn findings(&self) -> Vec<String> {
        let mut database = (self.connect)(Access::Write).unwrap();
        // Where only Redis was asked, the store may not have come this far.
        database.migrate().unwrap();
        admin::findings_in(&mut *database).unwrap()
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, ask: Ask) -> Reply {
        let tag = self.send(ask)?;
        let (answered, reply) = self.next();
        assert_eq!(answered, tag);
        reply
    }

    /// Asks, and does not wait.
    pub(crate) fn send(&mut self, ask: Ask) -> Result<Tag, Refusal> {
        self.asked += 1;
        let tag = Tag(self.asked);
        match (&self.redis, ask) {
            (Some((_, redis)), Ask::Short(ask)) => redis.ask(tag, ask)?,
            (_, ask) => self.store.ask(tag, ask)?,
        }
        Ok(tag)
    }

    /// The next answer.
    pub(crate) fn next(&self) -> (Tag, Reply) {
        self.replies.recv_timeout(PATIENCE).expect("an answer")
    }

    /// Ends the store; the answers that nobody had waited for.
    pub(crate) fn end(self) -> Vec<(Tag, Reply)> {
        drop(self.store);
        self.replies.try_iter().collect()
    }

    /// Has the store find out whether its database answers.
    pub(crate) fn probe(&self) {
        self.store.probe();
    }

    /// What the store has counted.
    pub(crate) fn stats(&self) -> StoreStats {
        self.store.stats()
    }

    /// Asks for what is answered by a bare "done".
    pub(crate) fn done(&mut self, ask: Ask) -> Result<(), Refusal> {
        match self.ask(ask)? {
            Answer::Done => Ok(()),
            other => panic!("more than done: {other:?}"),
        }
    }

    /// The answer about accounts; `None` for a bare "done".
    pub(crate) fn account(
        &mut self,
        ask: account::Ask,
    ) -> Result<Option<account::Answer>, Refusal> {
        self.ask(Ask::Account(ask)).map(|answer| match answer {
            Answer::Account(answer) => Some(answer),
            Answer::Done => None,
            other => panic!("not about accounts: {other:?}"),
        })
    }

    /// Somebody who is there.
    pub(crate) fn person(&mut self, number: i64, name: &str) -> AccountId {
        let account = AccountId::new(number);
        let login = NewLogin {
            id: LoginId::new(number),
            device: "device".into(),
            token: NewToken {
                hash: TokenHash([number as u8; 32]),
                expires: i64::MAX,
            },
        };
        let ask = account::Ask::Create {
            account,
            identity: Identity {
                kind: IdentityKind::Name,
                subject: NameKey::of(name).as_str().to_owned(),
            },
            name: DisplayName::new(name).unwrap(),
            password: None,
            login,
            at: 1,
        };
        assert_eq!(self.account(ask), Ok(None));
        account
    }
}

/// Where answers go. At the end of a test nobody listens any more.
fn answers(sender: &Sender<(Tag, Reply)>) -> impl Fn(Tag, Reply) + Send + Sync + 'static {
    let sender = sender.clone();
    move |tag, reply| drop(sender.send((tag, reply)))
}

/// An act of somebody's.
pub(crate) fn act(id: i64, actor: Actor, at: i64) -> Act {
    Act {
        id: AuditId::new(id),
        actor,
        reason: format!("reason {id}"),
        at,
    }
}

/// An operator's ban, with its entry in the log.
pub(crate) fn ban(id: i64, account: AccountId, until: Option<i64>) -> Ask {
    let entry = audit::Entry {
        act: act(id, Actor::Operator, 70),
        action: "account.ban".into(),
        target: Target::Account(account),
        before: "active".into(),
        after: "banned".into(),
    };
    let status = account::Status::Banned { until };
    let ask = Ask::Account(account::Ask::SetStatus { account, status });
    Ask::Audited(entry, Box::new(ask))
}

/// The time since the test began.
pub(crate) fn clock() -> Clock {
    let begun = std::time::Instant::now();
    Arc::new(move || Instant::from_nanos(begun.elapsed().as_nanos() as u64))
}
