//! What those who run the server and its moderators do: bans, kicks, announcements, maintenance,
//! reports, the audit log.
//!
//! Each request is a job with one answer, by its deadline. What changes something is written into
//! the audit log first, in one transaction with what the store has of it; what sessions see of it
//! comes behind that.

mod beginning;
mod bulletin;
mod deciding;
mod going_on;
mod job;
mod looking;

use crate::platform::Ticket;
use bulletin::Board;
pub(crate) use deciding::CONTENT;
pub use deciding::shown;
use job::{Job, Then};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wharf_accounts::Revocation;
use wharf_base::{Duration, IdShare, Instant, UniqueIds};
use wharf_data::access::{self, Error};
use wharf_data::account::Which;
use wharf_data::message::Place;
use wharf_data::operators::{Outcome, Request, RoomAct, Scope, TEXT_CHARS_MAX};
use wharf_data::room::Until;
use wharf_data::{
    AccountId, Act, Actor, Ask, AuditId, Bulletin, Notice, PageToken, ReportId, RoomId, Target,
    UnixMs, audit,
};

/// Requests in progress at the most; one more is answered "busy".
const JOBS_MAX: usize = 256;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much longer a ban may take of which it is not known whether it was done: as long as accounts
/// take at the most.
const BAN_PATIENCE: Duration = Duration::from_secs(30);
/// Between two announcements: each is for every session of the server.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(200);
/// Behind one that nobody has heard: it was written down and looked for all the same.
const UNHEARD_PAUSE: Duration = Duration::from_millis(20);
/// Records of one page of an export.
const EXPORT_RECORDS: u32 = 100;
/// Entries of one page of any other list.
const PAGE_MAX: u32 = 100;
/// Messages that are copied before and behind one that is reported.
const AROUND: u32 = 10;
/// Bytes of a reason at the most.
const REASON_BYTES_MAX: usize = 500;

/// What a job is known by.
pub(crate) type JobId = u64;

/// What waits for the store.
#[derive(Debug)]
pub(crate) enum Pending {
    /// A job.
    Job(JobId),
    /// What holds for the whole server.
    Board(bulletin::Reading),
}

/// What is to be done next.
pub(crate) enum Step {
    /// The store is to be asked, and this waits for its answer.
    Ask(Pending, Box<Ask>),
    /// Those who look after accounts are to be asked.
    Access(JobId, Box<access::Request>),
    /// Those who look after rooms are to do something, for that reason.
    Room(JobId, RoomId, RoomAct, String),
    /// The rooms that are open and called so are to be told, so many of them.
    OpenRooms(JobId, String, Option<PageToken>, u32),
    /// A request is over.
    Reply(Ticket, Result<Outcome, Error>),
    /// Somebody's session is to be ended.
    Kick {
        /// Counts, and is told how many.
        job: JobId,
        /// Who.
        account: AccountId,
        /// Why.
        reason: String,
    },
    /// Many are to be told something.
    Announce {
        /// Counts, and is told how many.
        job: JobId,
        /// Who.
        scope: Scope,
        /// What.
        text: String,
        /// When.
        at: UnixMs,
    },
    /// What was said there under that number was removed: whoever may read it is to be told.
    Removed(Place, i64),
    /// What waits for that account is to be told to it, if it is here.
    Deliver(AccountId),
    /// That account is muted everywhere, or may speak again; it is to be told, if it is here.
    Muted(AccountId, Option<Until>, String),
    /// Everybody is to be told.
    TellAll(Notice),
    /// Every shard is to know this from now on.
    Publish(Arc<Bulletin>),
    /// Another server may have ended logins of those who are here.
    LookForEnded,
}

/// Requests of operators and moderators.
///
/// Invariant: each job waits for exactly one thing: the store, accounts, or a count.
pub(crate) struct Operators {
    ids: UniqueIds,
    jobs: BTreeMap<JobId, Job>,
    last_job: JobId,
    steps: VecDeque<Step>,
    board: Board,
    /// Bans under way, for whoever is in.
    bans: BTreeMap<AccountId, Banning>,
    announced: Option<Announced>,
}

/// The last announcement.
struct Announced {
    job: JobId,
    at: Instant,
    /// How long the next waits.
    pause: Duration,
}

/// A ban under way.
struct Banning {
    job: JobId,
    until: Until,
    reason: String,
    /// When nothing comes of it any more.
    ends: Instant,
}

impl Operators {
    /// Of the node with this number.
    pub(crate) fn new(node: u16) -> Self {
        Self {
            ids: UniqueIds::of_share(node, IdShare::Operators),
            jobs: BTreeMap::new(),
            last_job: 0,
            steps: VecDeque::new(),
            board: Board::default(),
            bans: BTreeMap::new(),
            announced: None,
        }
    }

    /// Others change what holds too: it is looked at so often whether they have.
    pub(crate) fn look_every(&mut self, time: Duration) {
        self.board.look_every(time);
    }

    /// Reads what holds for the whole server.
    pub(crate) fn open(&mut self, now: Instant, at: UnixMs) {
        self.board.open((now, at), &mut self.steps);
    }

    /// What holds for the whole server.
    pub(crate) fn bulletin(&self) -> &Bulletin {
        self.board.bulletin()
    }

    /// Whether it is known what holds for the whole server, or nobody has wanted to know.
    pub(crate) fn is_settled(&self) -> bool {
        self.board.is_settled()
    }

    /// Somebody asks for something.
    pub(crate) fn request(
        &mut self,
        (now, at): (Instant, UnixMs),
        ticket: Ticket,
        by: Actor,
        request: Request,
    ) {
        if let Err(error) = self.may(by, &request) {
            return self.steps.push_back(Step::Reply(ticket, Err(error)));
        }
        if self.jobs.len() >= JOBS_MAX {
            let retry_after = Duration::from_secs(1);
            let error = Err(Error::Busy { retry_after });
            return self.steps.push_back(Step::Reply(ticket, error));
        }
        self.last_job += 1;
        let id = self.last_job;
        let job = Job {
            ticket,
            by,
            deadline: now + PATIENCE,
            then: Then::Done,
        };
        self.jobs.insert(id, job);
        if let Err(error) = self.begin((now, at), id, by, request) {
            self.finish(id, Err(error));
        }
    }

    /// Whether somebody may ask for that.
    fn may(&self, by: Actor, request: &Request) -> Result<(), Error> {
        let Actor::Account(account) = by else {
            return Ok(());
        };
        if matches!(request, Request::Report { .. }) {
            return Ok(());
        }
        let may = self.bulletin().is_moderator(account) && !request.is_for_operators();
        may.then_some(()).ok_or(Error::Forbidden)
    }

    /// Logins have ended; what a session that ends by it is told. A ban ends all logins: by another
    /// end it has not come yet, and stays noted.
    pub(crate) fn have_ended(&mut self, revocation: &Revocation) -> Notice {
        let ban = match revocation.which {
            Which::All => self.bans.remove(&revocation.account),
            Which::One(_) | Which::Another(_) | Which::AllBut(_) => None,
        };
        match ban {
            Some(Banning { until, reason, .. }) => Notice::Banned { until, reason },
            None => Notice::LoginEnded,
        }
    }

    /// Whether no request is in progress.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.jobs.is_empty()
    }

    /// When [`Operators::handle_timeout`] is to be called.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let first = self.jobs.values().map(|job| job.deadline).min();
        let ban = self.bans.values().map(|ban| ban.ends).min();
        [first, ban, self.board.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Answers what took too long, and reads again what could not be read.
    pub(crate) fn handle_timeout(&mut self, now: Instant, at: UnixMs) {
        let is_late = |(id, job): (&JobId, &Job)| (job.deadline <= now).then_some(*id);
        let late: Vec<JobId> = self.jobs.iter().filter_map(is_late).collect();
        for id in late {
            let then = self.jobs.get(&id).map(|job| &job.then);
            if let Some(Then::MakeModerator(_)) = then {
                // The store was not asked, and is not when accounts answer after all.
                self.board.is_changed_no_more(id);
            }
            let warned = then.and_then(deciding::warned_by).map(Step::Deliver);
            self.steps.extend(warned);
            self.finish(id, Err(Error::Unavailable));
        }
        self.bans.retain(|_, ban| ban.ends > now);
        self.board.handle_timeout(now, at, &mut self.steps);
    }

    /// What is to be done next, if anything.
    pub(crate) fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    fn finish(&mut self, id: JobId, outcome: Result<Outcome, Error>) {
        if let Some(job) = self.jobs.remove(&id) {
            self.steps.push_back(Step::Reply(job.ticket, outcome));
        }
    }

    fn then(&mut self, id: JobId, then: Then) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.then = then;
        }
    }

    fn ask(&mut self, id: JobId, ask: Ask) {
        self.steps
            .push_back(Step::Ask(Pending::Job(id), Box::new(ask)));
    }

    fn access(&mut self, id: JobId, request: access::Request) {
        self.steps.push_back(Step::Access(id, Box::new(request)));
    }

    fn act(&mut self, at: UnixMs, actor: Actor, reason: String) -> Act {
        Act {
            id: AuditId::new(self.next_id(at)),
            actor,
            reason,
            at,
        }
    }

    fn entry(
        &mut self,
        at: UnixMs,
        by: Actor,
        action: &str,
        target: Target,
        reason: &str,
    ) -> audit::Entry {
        audit::Entry {
            act: self.act(at, by, reason.to_owned()),
            action: action.to_owned(),
            target,
            before: String::new(),
            after: String::new(),
        }
    }

    fn new_report(&mut self, at: UnixMs) -> ReportId {
        ReportId::new(self.next_id(at))
    }

    fn next_id(&mut self, at: UnixMs) -> i64 {
        self.ids.next(u64::try_from(at).unwrap_or_default())
    }
}

/// A reason: one line, whatever ends of lines it had.
fn line(field: &'static str, text: &str) -> Result<String, Error> {
    let text: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    if text.len() > REASON_BYTES_MAX {
        let text = format!("a reason has at most {REASON_BYTES_MAX} bytes");
        return Err(Error::Invalid { field, text });
    }
    Ok(text.trim().to_owned())
}

/// A text for many.
fn lines(field: &'static str, text: String) -> Result<String, Error> {
    let is_bad = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    let wrong = if text.trim().is_empty() {
        "it says nothing".to_owned()
    } else if text.chars().count() > TEXT_CHARS_MAX {
        format!("a text has at most {TEXT_CHARS_MAX} characters")
    } else if text.chars().any(is_bad) {
        "a text has no control characters but ends of lines and tabs".to_owned()
    } else {
        return Ok(text);
    };
    Err(Error::Invalid { field, text: wrong })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_data::LoginId;

    #[test]
    fn whoever_ends_one_login_while_they_are_banned_is_told_of_the_ban_at_the_others() {
        let account = AccountId::new(5);
        let login = LoginId::new(7);
        for (which, is_left) in [
            (Which::One(login), true),
            (Which::AllBut(login), true),
            (Which::All, false),
        ] {
            let mut operators = Operators::new(0);
            let request = Request::Ban {
                account,
                until: Until::TakenBack,
                reason: "spam".into(),
            };
            operators.request((Instant::ZERO, 0), Ticket(1), Actor::Operator, request);
            let first = Revocation { account, which };
            let is_told_first = matches!(operators.have_ended(&first), Notice::Banned { .. });
            let which = Which::All;
            let notice = operators.have_ended(&Revocation { account, which });
            let is_told = matches!(notice, Notice::Banned { .. });
            assert_eq!((is_told_first, is_told), (!is_left, is_left), "{first:?}");
        }
    }

    #[test]
    fn a_ban_of_which_nothing_comes_is_forgotten() {
        let kim = AccountId::new(5);
        let banned = Notice::Banned {
            until: Until::TakenBack,
            reason: "spam".into(),
        };
        for (seconds, expected) in [(39, banned), (40, Notice::LoginEnded)] {
            let mut operators = Operators::new(0);
            let request = Request::Ban {
                account: kim,
                until: Until::TakenBack,
                reason: "spam".into(),
            };
            let times = (Instant::ZERO, 0);
            operators.request(times, Ticket(1), Actor::Operator, request);
            let unknown = Err(Error::Unavailable);
            operators.answered(0, 1, unknown, |_| unreachable!("nobody is found"));
            assert!(operators.is_at_rest());
            let later = Instant::ZERO + Duration::from_secs(seconds);
            operators.handle_timeout(later, 0);
            let all = Revocation {
                account: kim,
                which: Which::All,
            };
            assert_eq!(operators.have_ended(&all), expected);
            assert_eq!(operators.next_deadline(), None);
        }
    }
}
