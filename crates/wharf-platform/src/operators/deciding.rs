//! Reports: how they are filed, taken and decided.
//!
//! A decision is carried out before it is written down. If that cannot be written, the report is
//! still taken, and the same decision may be asked for again: none does harm twice.

use super::going_on::outcome_of;
use super::job::{Deciding, Job, Then};
use super::{AROUND, JobId, Operators, Step, line};
use prost::Message as _;
use wharf_data::access::Error;
use wharf_data::message::{self, NewMessage, Place};
use wharf_data::operators::{Decision, Outcome};
use wharf_data::report::{self, Remembered, Report, State, Subject};
use wharf_data::room::Until;
use wharf_data::{
    AccountId, Actor, Answer, Ask, ConversationId, ReportId, RoomId, Target, UnixMs, Utc, account,
};
use wharf_proto::chat::Content;
use wharf_proto::chat::content::What;

/// Whoever runs the server, as the author of a warning.
const SERVER: AccountId = AccountId::new(0);
/// What is kept of a message is its content, as a protobuf.
pub(crate) const CONTENT: u32 = 1;

/// About whom, about which message, what a room remembers, and what is wrong.
type Filed = (AccountId, Option<(Place, i64)>, Option<Remembered>, String);

impl Operators {
    /// Somebody reports somebody.
    pub(super) fn file(
        &mut self,
        at: UnixMs,
        id: JobId,
        by: Actor,
        (about, message, remembered, text): Filed,
    ) -> Result<(), Error> {
        let Actor::Account(by) = by else {
            return Err(Error::Forbidden);
        };
        if by == about {
            let text = "nobody reports themselves".to_owned();
            let field = "account";
            return Err(Error::Invalid { field, text });
        }
        let report = self.new_report(at);
        self.then(id, Then::Reported(report));
        let ask = report::Ask::File {
            report,
            by,
            about,
            message,
            around: AROUND,
            remembered,
            text,
            at,
        };
        self.ask(id, Ask::Report(ask));
        Ok(())
    }

    pub(super) fn take(&mut self, at: UnixMs, id: JobId, by: Actor, report: ReportId) {
        let entry = self.entry(at, by, "report.take", Target::Report(report), "");
        let ask = report::Ask::Take {
            report,
            by: account_of(by),
        };
        self.then(id, Then::Take(report));
        self.ask(id, Ask::Audited(entry, Box::new(Ask::Report(ask))));
    }

    /// First it is read whether it is theirs, and about what it is.
    pub(super) fn decide(&mut self, id: JobId, deciding: Deciding) {
        let report = deciding.report;
        self.then(id, Then::Decide(Box::new(deciding)));
        self.ask(id, Ask::Report(report::Ask::Read { report }));
    }

    /// The store has answered a job that is about a report.
    pub(super) fn go_on_with_report(
        &mut self,
        at: UnixMs,
        id: JobId,
        mut job: Job,
        answer: Answer,
    ) {
        let then = core::mem::replace(&mut job.then, Then::Done);
        match then {
            Then::Take(report) => {
                job.then = Then::Listed;
                self.jobs.insert(id, job);
                self.ask(id, Ask::Report(report::Ask::Read { report }));
            }
            Then::Decide(deciding) => {
                let read = match outcome_of(answer) {
                    Ok(Outcome::Report { report, .. }) => Ok(report),
                    Ok(_) => Err(Error::Unavailable),
                    Err(error) => Err(error),
                };
                let by = job.by;
                self.jobs.insert(id, job);
                let done = read.and_then(|read| self.carry_out(at, id, by, &read, *deciding));
                if let Err(error) = done {
                    self.finish(id, Err(error));
                }
            }
            Then::Measure(deciding, account) => {
                if deciding.decision == Decision::Warn {
                    self.steps.push_back(Step::Deliver(account));
                }
                if let Some((place, seq)) = deciding.removed {
                    self.steps.push_back(Step::Removed(place, seq));
                }
                if let Decision::Mute(until) = deciding.decision {
                    let reason = line("text", &deciding.text).unwrap_or_default();
                    let mute = (account, Some(until), reason);
                    self.board.muted(at, mute, &mut self.steps);
                }
                self.close(at, id, job, &deciding);
            }
            _ => self
                .steps
                .push_back(Step::Reply(job.ticket, Ok(Outcome::Done))),
        }
    }

    /// Does what was decided; if that is nothing, the report is closed at once.
    fn carry_out(
        &mut self,
        at: UnixMs,
        id: JobId,
        by: Actor,
        report: &Report,
        mut deciding: Deciding,
    ) -> Result<(), Error> {
        if report.state != (State::Taken { by: account_of(by) }) {
            return Err(Error::Conflict);
        }
        let (about, reason) = (report.about, line("text", &deciding.text)?);
        let measure = match deciding.decision {
            Decision::Release => {
                let entry = self.entry(at, by, "report.release", Target::Report(report.id), "");
                let ask = report::Ask::PutBack {
                    report: report.id,
                    by: account_of(by),
                };
                self.ask(id, Ask::Audited(entry, Box::new(Ask::Report(ask))));
                return Ok(());
            }
            Decision::Dismiss => {
                if let Some(job) = self.jobs.remove(&id) {
                    self.close(at, id, job, &deciding);
                }
                return Ok(());
            }
            Decision::Ban(until) => {
                self.ban(id, by, about, (until, reason))?;
                None
            }
            Decision::Mute(until) => Some(self.mute_ask(at, by, about, (Some(until), &reason))?),
            Decision::Warn => Some(self.warning(at, by, report, &deciding.text)),
            Decision::Remove => {
                let (place, seq) = subject_of(report)?;
                deciding.removed = Some((place, seq));
                Some(self.removal(at, by, (place, seq), reason))
            }
        };
        self.then(id, Then::Measure(Box::new(deciding), about));
        if let Some(ask) = measure {
            self.ask(id, ask);
        }
        Ok(())
    }

    /// Writes down what was decided and done.
    pub(super) fn close(&mut self, at: UnixMs, id: JobId, mut job: Job, deciding: &Deciding) {
        let (by, reason) = (job.by, deciding.text.clone());
        let ask = report::Ask::Decide {
            report: deciding.report,
            by: account_of(by),
            decision: deciding.decision.name().to_owned(),
            act: self.act(at, by, reason),
        };
        job.then = Then::Done;
        self.jobs.insert(id, job);
        self.ask(id, Ask::Report(ask));
    }

    /// What mutes an account everywhere.
    pub(super) fn mute_ask(
        &mut self,
        at: UnixMs,
        by: Actor,
        account: AccountId,
        (until, reason): (Option<Until>, &str),
    ) -> Result<Ask, Error> {
        self.is_above(by, account)?;
        if until.is_some() {
            self.board.has_room_for_mute(account, at)?;
        }
        let action = match until {
            Some(_) => "account.mute",
            None => "account.unmute",
        };
        let mut entry = self.entry(at, by, action, Target::Account(account), reason);
        entry.after = match until {
            None => String::new(),
            Some(Until::TakenBack) => "muted".to_owned(),
            Some(Until::Time(at)) => format!("muted until {}", Utc(at)),
        };
        let ask = account::Ask::SetMute { account, until };
        Ok(Ask::Audited(entry, Box::new(Ask::Account(ask))))
    }

    /// A warning is a whisper of the server's: told now, or when they come. One for each report.
    fn warning(&mut self, at: UnixMs, by: Actor, report: &Report, text: &str) -> Ask {
        let text = match text.trim() {
            "" => "Somebody has reported you. Please keep to the rules.",
            text => text,
        };
        let content = Content {
            what: Some(What::Text(text.to_owned())),
        };
        let entry = self.entry(at, by, "account.warn", Target::Account(report.about), text);
        let ask = message::Ask::Whisper {
            to: report.about,
            conversation: ConversationId::new(self.next_id(at)),
            message: NewMessage {
                author: SERVER,
                client_id: Some(report.id.get() as u64),
                seq: None,
                kind: CONTENT,
                body: content.encode_to_vec(),
                at,
            },
            waits: true,
        };
        Ask::Audited(entry, Box::new(Ask::Message(ask)))
    }

    /// What removes the message that was reported.
    fn removal(
        &mut self,
        at: UnixMs,
        by: Actor,
        (place, seq): (Place, i64),
        reason: String,
    ) -> Ask {
        let mut act = self.act(at, by, reason);
        // A moderator of the server is above every rank in a room; who it was stands in the entry
        // about the decision.
        act.actor = Actor::Operator;
        Ask::Message(message::Ask::Remove { place, seq, act })
    }
}

/// The message that a report is about.
///
/// # Errors
/// If it is about none.
fn subject_of(report: &Report) -> Result<(Place, i64), Error> {
    let Some(Subject {
        conversation,
        seq,
        is_whisper,
    }) = report.message
    else {
        let text = "the report is about no message".to_owned();
        let field = "decision";
        return Err(Error::Invalid { field, text });
    };
    let place = match is_whisper {
        true => Place::Direct(report.by, report.about),
        false => Place::Room(RoomId::new(conversation.get())),
    };
    Ok((place, seq))
}

/// What people read of a message that was kept; `None` if it is of another kind.
pub fn shown(kind: u32, body: &[u8]) -> Option<String> {
    let content = Content::decode(body).ok().filter(|_| kind == CONTENT)?;
    Some(match content.what? {
        What::Text(text) => text,
        What::Item(item) => format!("[{}]", item.name),
        What::Emote(emote) => format!("* {emote}"),
    })
}

/// Who is warned by what a job waits for, if it is a warning.
pub(super) fn warned_by(then: &Then) -> Option<AccountId> {
    match then {
        Then::Measure(deciding, account) if deciding.decision == Decision::Warn => Some(*account),
        _ => None,
    }
}

/// As whom somebody takes reports.
fn account_of(by: Actor) -> AccountId {
    match by {
        Actor::Account(account) => account,
        Actor::Operator | Actor::Server => SERVER,
    }
}
