//! A platform, its store in memory, and whoever asks.

use crate::accounts::seeded::Seeded;
use crate::accounts::store::MapStore;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use wharf_accounts::{AccountOptions, Accounts, Hashed, imitate};
use wharf_base::{Duration, Instant, Rng, UniqueIds};
use wharf_data::access::{self, Error, LoggedIn, User};
use wharf_data::operators::{Outcome, Request};
use wharf_data::report::{self, Report, State, Subject};
use wharf_data::room::{Role, Standing, Until};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{
    self as data, AccountId, Act, Answer, Ask, Bulletin, Notice, Refusal, ReportId, Target,
    account, audit, keep, message, room,
};
use wharf_platform::{CountTag, Effect, From, Platform, SessionTag, StoreTag, Ticket};

pub(crate) const AT: i64 = UniqueIds::EPOCH_UNIX_MS as i64 + 1_000_000;

/// What the real store keeps of it all.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) people: MapStore,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) muted: BTreeMap<AccountId, Until>,
    pub(crate) reports: BTreeMap<ReportId, Report>,
    pub(crate) removed: Vec<i64>,
    pub(crate) whispers: Vec<(AccountId, message::NewMessage)>,
    /// Those that nobody has been told yet.
    waiting: Vec<(AccountId, message::NewMessage)>,
}

impl Store {
    /// Action, who, and why, of everything that was done.
    pub(crate) fn log(&self) -> Vec<(String, data::Actor, String)> {
        let entry = |it: &audit::Entry| (it.action.clone(), it.act.actor, it.act.reason.clone());
        self.people.log.iter().map(entry).collect()
    }

    fn note(&mut self, act: &Act, action: &str, target: Target) {
        self.people.log.push(audit::Entry {
            act: act.clone(),
            action: action.into(),
            target,
            before: String::new(),
            after: String::new(),
        });
    }

    fn note_change(&mut self) {
        let changes = self.settings.entry(keep::CHANGES.into()).or_default();
        changes.push('x');
    }

    fn run(&mut self, ask: &Ask) -> data::Reply {
        match ask {
            Ask::Audited(entry, inner) => {
                let done = match &**inner {
                    Ask::Account(account::Ask::SetMute { account, until }) => {
                        match until {
                            Some(until) => drop(self.muted.insert(*account, *until)),
                            None => drop(self.muted.remove(account)),
                        }
                        self.note_change();
                        Ok(Answer::Done)
                    }
                    Ask::Account(_) => {
                        self.note_change();
                        return self.people.run(ask);
                    }
                    inner => self.run(inner),
                };
                if done.is_ok() {
                    self.people.log.push(entry.clone());
                }
                done
            }
            Ask::Keep(keep::Ask::Setting { name }) => {
                let value = self.settings.get(name).cloned().ok_or(Refusal::NotFound);
                value.map(|value| Answer::Keep(keep::Answer::Setting(value)))
            }
            Ask::Keep(keep::Ask::SetSetting { name, value, act }) => {
                self.note(act, "server.setting", Target::Server);
                match value {
                    Some(value) => drop(self.settings.insert(name.clone(), value.clone())),
                    None => drop(self.settings.remove(name)),
                }
                self.note_change();
                Ok(Answer::Done)
            }
            Ask::Keep(keep::Ask::SetListed {
                name,
                id,
                is_listed,
                act,
                ..
            }) => {
                let setting = self.settings.entry(name.clone()).or_default();
                let ids = setting.split_whitespace().map(|id| id.parse().unwrap());
                let mut ids: BTreeSet<i64> = ids.collect();
                let was_listed = match is_listed {
                    true => !ids.insert(*id),
                    false => ids.remove(id),
                };
                if !is_listed && !was_listed {
                    return Err(Refusal::NotFound);
                }
                let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
                *setting = ids.join(" ");
                let answer = Answer::Keep(keep::Answer::Setting(setting.clone()));
                self.note(act, "server.setting", Target::Server);
                self.note_change();
                Ok(answer)
            }
            Ask::Room(room::Ask::Standings { .. }) => {
                let standing = |(account, until): (&AccountId, &Until)| {
                    let standing = Standing {
                        role: Role::Member,
                        ban: None,
                        mute: Some(*until),
                    };
                    (*account, standing)
                };
                Ok(Answer::Room(room::Answer::Standings {
                    standings: self.muted.iter().map(standing).collect(),
                    next: None,
                }))
            }
            Ask::Audit(audit::Ask::Write(entry)) => {
                self.people.log.push(entry.clone());
                Ok(Answer::Done)
            }
            Ask::Report(ask) => self.report(ask),
            Ask::Message(ask) => Ok(self.message(ask)),
            ask => self.people.run(ask),
        }
    }

    fn message(&mut self, ask: &message::Ask) -> Answer {
        match ask {
            message::Ask::Remove { seq, act, .. } => {
                self.removed.push(*seq);
                self.note(act, "message.remove", Target::Server);
                Answer::Done
            }
            message::Ask::Whisper { to, message, .. } => {
                self.whispers.push((*to, message.clone()));
                self.waiting.push((*to, message.clone()));
                Answer::Message(message::Answer::Kept(Vec::new()))
            }
            message::Ask::TakeWaiting { account, .. } => {
                let taken = self.waiting.extract_if(.., |(to, _)| to == account);
                Answer::Message(message::Answer::Messages {
                    messages: taken.map(|(_, message)| told(message)).collect(),
                    has_more: false,
                })
            }
            // Nothing is kept but that.
            _ => Answer::Message(message::Answer::Messages {
                messages: Vec::new(),
                has_more: false,
            }),
        }
    }

    fn report(&mut self, ask: &report::Ask) -> data::Reply {
        match ask {
            report::Ask::File {
                report,
                by,
                about,
                message,
                text,
                at,
                ..
            } => {
                let message = message.map(|(_, seq)| Subject {
                    conversation: data::ConversationId::new(70),
                    seq,
                    is_whisper: true,
                });
                let kept = Report {
                    id: *report,
                    by: *by,
                    about: *about,
                    about_name: String::new(),
                    text: text.clone(),
                    at: *at,
                    state: State::Open,
                    message,
                };
                self.reports.insert(*report, kept);
                Ok(Answer::Done)
            }
            report::Ask::Read { report } => {
                let report = self.reports.get(report).cloned().ok_or(Refusal::NotFound)?;
                let messages = Vec::new();
                Ok(Answer::Report(report::Answer::Report { report, messages }))
            }
            report::Ask::Take { report, by } => {
                let report = self.reports.get_mut(report).ok_or(Refusal::NotFound)?;
                if report.state != State::Open {
                    return Err(Refusal::Conflict);
                }
                report.state = State::Taken { by: *by };
                Ok(Answer::Done)
            }
            report::Ask::PutBack { report, .. } => {
                let report = self.reports.get_mut(report).ok_or(Refusal::NotFound)?;
                report.state = State::Open;
                Ok(Answer::Done)
            }
            report::Ask::Decide {
                report,
                by,
                decision,
                act,
            } => {
                self.note(act, "report.decide", Target::Report(*report));
                let report = self.reports.get_mut(report).ok_or(Refusal::NotFound)?;
                report.state = State::Decided {
                    by: *by,
                    decision: decision.clone(),
                };
                Ok(Answer::Done)
            }
            report::Ask::List { .. } => Ok(Answer::Report(report::Answer::Reports {
                reports: self.reports.values().cloned().collect(),
                next: None,
            })),
        }
    }
}

pub(crate) struct Rig {
    pub(crate) platform: Platform,
    pub(crate) store: Store,
    replies: Vec<(Ticket, Reply)>,
    pub(crate) notices: Vec<(SessionTag, Notice)>,
    pub(crate) to_all: Vec<Notice>,
    pub(crate) kicks: Vec<(CountTag, Option<SessionTag>, AccountId, String)>,
    pub(crate) announced: Vec<(CountTag, String)>,
    pub(crate) published: Vec<Arc<Bulletin>>,
    last_ticket: u64,
    pub(crate) now: Instant,
    /// While it is held, nothing is answered; what was asked waits here.
    pub(crate) holds_store: bool,
    pub(crate) held: Vec<(StoreTag, Ask)>,
}

impl Rig {
    /// One that knows what holds.
    pub(crate) fn new() -> Self {
        Self::on(Store::default())
    }

    /// One on what a store has kept.
    pub(crate) fn on(store: Store) -> Self {
        let mut rig = Self::closed(store);
        rig.open();
        rig
    }

    /// One that has not asked what holds.
    pub(crate) fn closed(store: Store) -> Self {
        let chance = Box::new(Seeded(Rng::from_seed(1)));
        Self {
            platform: Platform::new(Accounts::new(AccountOptions::default(), chance), 0),
            store,
            replies: Vec::new(),
            notices: Vec::new(),
            to_all: Vec::new(),
            kicks: Vec::new(),
            announced: Vec::new(),
            published: Vec::new(),
            last_ticket: 0,
            now: Instant::ZERO,
            holds_store: false,
            held: Vec::new(),
        }
    }

    pub(crate) fn open(&mut self) {
        self.platform.open(self.now, AT);
        self.pump();
    }

    /// An operator asks; who waits for the answer.
    pub(crate) fn begin(&mut self, request: Request) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.platform.operate(self.now, AT, ticket, request);
        self.pump();
        ticket
    }

    /// An operator asks.
    pub(crate) fn operate(&mut self, request: Request) -> Result<Outcome, Error> {
        let ticket = self.begin(request);
        self.outcome(ticket)
    }

    /// Somebody asks who is in that session.
    pub(crate) fn ask_as(
        &mut self,
        session: u64,
        by: AccountId,
        request: Request,
    ) -> Result<Outcome, Error> {
        let request = Box::new(request);
        let ticket = self.call(session, Call::Operate { by, request });
        self.outcome(ticket)
    }

    pub(crate) fn outcome(&mut self, ticket: Ticket) -> Result<Outcome, Error> {
        match self.reply_to(ticket).expect("an answer") {
            Ok(Given::Operated(outcome)) => Ok(*outcome),
            Ok(other) => panic!("another answer: {other:?}"),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn reply_to(&mut self, ticket: Ticket) -> Option<Reply> {
        let at = self.replies.iter().position(|(to, _)| *to == ticket)?;
        Some(self.replies.swap_remove(at).1)
    }

    pub(crate) fn call(&mut self, session: u64, call: Call) -> Ticket {
        let from = From::Session(SessionTag(session), IpAddr::from([192, 0, 2, 1]));
        self.call_from(from, call)
    }

    pub(crate) fn call_from(&mut self, from: From, call: Call) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.platform.call(self.now, AT, from, ticket, call);
        self.pump();
        ticket
    }

    /// A session is over.
    pub(crate) fn close(&mut self, session: u64) {
        self.platform.session_closed(SessionTag(session));
        self.platform.place_freed(self.now, AT);
        self.pump();
    }

    pub(crate) fn access(
        &mut self,
        session: u64,
        by: Option<User>,
        request: access::Request,
    ) -> Result<access::Outcome, Error> {
        let ticket = self.call(session, Call::Access { by, request });
        match self.reply_to(ticket).expect("an answer") {
            Ok(Given::Access(outcome)) => Ok(outcome),
            Ok(other) => panic!("another answer: {other:?}"),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn register(&mut self, session: u64, name: &str) -> LoggedIn {
        match self.access(session, None, register(name)) {
            Ok(access::Outcome::LoggedIn(logged_in)) => logged_in,
            other => panic!("not logged in: {other:?}"),
        }
    }

    /// A moderator in that session.
    pub(crate) fn moderator(&mut self, session: u64, name: &str) -> AccountId {
        let account = self.register(session, name).user.account;
        let request = Request::SetModerator {
            account,
            is_moderator: true,
        };
        assert_eq!(self.operate(request), Ok(Outcome::Done));
        account
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.platform.handle_timeout(self.now, AT);
        self.pump();
    }

    pub(crate) fn heard(&mut self, tag: CountTag, count: u32) {
        self.platform.heard(self.now, AT, tag, count);
        self.pump();
    }

    /// The store answers what it was asked while it was held.
    pub(crate) fn release(&mut self) {
        self.holds_store = false;
        for (tag, ask) in std::mem::take(&mut self.held) {
            let reply = self.store.run(&ask);
            self.platform.stored(self.now, AT, tag, reply);
        }
        self.pump();
    }

    /// The store says so to everything that it was asked while it was held.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        for (tag, _) in std::mem::take(&mut self.held) {
            self.platform.stored(self.now, AT, tag, Err(refusal));
        }
        self.pump();
    }

    /// What the store says to that.
    pub(crate) fn store_says(&mut self, ask: &Ask) -> data::Reply {
        self.store.run(ask)
    }

    /// An answer of the store's comes.
    pub(crate) fn platform_hears(&mut self, tag: StoreTag, reply: data::Reply) {
        self.platform.stored(self.now, AT, tag, reply);
        self.pump();
    }

    pub(crate) fn pump(&mut self) {
        while let Some(effect) = self.platform.poll() {
            match effect {
                Effect::Reply { to, reply } => {
                    assert!(self.replies.iter().all(|(other, _)| *other != to), "twice");
                    self.replies.push((to, reply));
                }
                Effect::Notice { to, notice } => self.notices.push((to, notice)),
                Effect::Kick {
                    tag,
                    to,
                    account,
                    reason,
                } => self.kicks.push((tag, to, account, reason)),
                Effect::Announce { tag, text, .. } => self.announced.push((tag, text)),
                Effect::TellAll(notice) => self.to_all.push(notice),
                Effect::Publish(bulletin) => self.published.push(bulletin),
                Effect::Ask { tag, ask } if self.holds_store => self.held.push((tag, ask)),
                Effect::Ask { tag, ask } => {
                    let reply = self.store.run(&ask);
                    self.platform.stored(self.now, AT, tag, reply);
                }
                Effect::Hash(job) => {
                    let took = Duration::from_millis(50);
                    let result = imitate(&job.work);
                    let hashed = Hashed { result, took };
                    self.platform.hashed(self.now, AT, job.id, hashed);
                }
            }
        }
    }
}

/// A message as it is told.
fn told(message: message::NewMessage) -> message::Message {
    message::Message {
        conversation: data::ConversationId::new(1),
        seq: 1,
        author: message.author,
        author_name: String::new(),
        kind: message.kind,
        body: message.body,
        at: message.at,
        removed_by: None,
    }
}

pub(crate) fn register(name: &str) -> access::Request {
    access::Request::Register {
        name: name.into(),
        password: "correct horse".into(),
        device: String::new(),
    }
}

pub(crate) fn log_in(name: &str) -> access::Request {
    access::Request::LogIn {
        name: name.into(),
        password: "correct horse".into(),
        device: String::new(),
    }
}
