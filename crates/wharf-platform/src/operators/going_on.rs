//! How a job goes on when what it waits for has come.

use super::deciding::warned_by;
use super::job::{Job, Then};
use super::{JobId, Operators, Pending, Step, UNHEARD_PAUSE};
use crate::readable::readable;
use wharf_base::Instant;
use wharf_data::access::{self, Error, Person};
use wharf_data::operators::{Known, Outcome, Scope};
use wharf_data::{
    Answer, Ask, Refusal, Reply, Target, UnixMs, account, audit, keep, report, room, rooms,
};

impl Operators {
    /// The store answers.
    pub(crate) fn stored(&mut self, (now, at): (Instant, UnixMs), pending: Pending, reply: Reply) {
        match pending {
            Pending::Board(reading) => {
                self.board
                    .stored((now, at), reading, reply, &mut self.steps);
            }
            Pending::Job(id) => match self.jobs.remove(&id) {
                Some(job) => self.go_on((now, at), id, job, reply),
                // Its request was answered that nobody knows; but what was done holds.
                None => self.board.came_late(at, id, &mut self.steps),
            },
        }
    }

    /// Accounts answer.
    pub(crate) fn answered(
        &mut self,
        at: UnixMs,
        id: JobId,
        result: Result<access::Outcome, Error>,
        known: impl FnOnce(Person) -> Known,
    ) {
        if let Err(error) = &result
            && *error != Error::Unavailable
        {
            self.bans.retain(|_, ban| ban.job != id);
        }
        let Some(mut job) = self.jobs.remove(&id) else {
            // The store is not asked any more: other settings may change.
            return self.board.is_changed_no_more(id);
        };
        if let (Then::Measure(..), Ok(_)) = (&job.then, &result) {
            return self.go_on_with_report(at, id, job, Answer::Done);
        }
        let outcome = match (&mut job.then, result) {
            (_, Err(error)) => {
                self.board.is_changed_no_more(id);
                Err(error)
            }
            (Then::Found, Ok(access::Outcome::Found(person))) => Ok(Outcome::Found(known(person))),
            (Then::MakeModerator(ask), Ok(access::Outcome::Found(_))) => {
                let ask = ask.clone();
                job.then = Then::Moderators;
                self.jobs.insert(id, job);
                return self.ask(id, *ask);
            }
            (_, Ok(access::Outcome::NewPassword(password))) => Ok(Outcome::NewPassword(password)),
            (Then::Erased(account), Ok(_)) => {
                self.board.forget(*account, &mut self.steps);
                Ok(Outcome::Done)
            }
            (_, Ok(_)) => Ok(Outcome::Done),
        };
        self.steps.push_back(Step::Reply(job.ticket, outcome));
    }

    /// Those who look after rooms answer.
    pub(crate) fn room_answered(&mut self, id: JobId, result: Result<rooms::Outcome, Error>) {
        let outcome = result.and_then(|outcome| match outcome {
            rooms::Outcome::Shown(shown) => Ok(Outcome::Room(shown)),
            rooms::Outcome::Listed { rooms, next } => Ok(Outcome::OpenRooms { rooms, next }),
            rooms::Outcome::Moderated(it) if !it.is_sure => Err(Error::Unavailable),
            _ => Ok(Outcome::Done),
        });
        self.finish(id, outcome);
    }

    /// So many sessions were reached. If nobody was there who was meant, the log says so behind
    /// what it said before.
    pub(crate) fn heard(&mut self, at: UnixMs, id: JobId, count: u32) {
        let Some(mut job) = self.jobs.remove(&id) else {
            return;
        };
        let missed = match &job.then {
            Then::Kick(account, _) => Some(("account.kick", Target::Account(*account))),
            Then::Announce(Scope::Room(room), _) => Some(("server.announce", Target::Room(*room))),
            Then::Announce(Scope::Numbered(_), _) => Some(("server.announce", Target::Server)),
            _ => None,
        };
        if let Some((action, target)) = missed.filter(|_| count == 0) {
            let mut entry = self.entry(at, job.by, action, target, "");
            entry.after = "not done: nobody was there".to_owned();
            if let Some(last) = self.announced.as_mut().filter(|last| last.job == id) {
                last.pause = UNHEARD_PAUSE;
            }
            job.then = Then::Nobody;
            self.jobs.insert(id, job);
            return self.ask(id, Ask::Audit(audit::Ask::Write(entry)));
        }
        let outcome = match job.then {
            Then::Announce(..) => Ok(Outcome::Announced(count)),
            _ => Ok(Outcome::Done),
        };
        self.steps.push_back(Step::Reply(job.ticket, outcome));
    }

    /// The store has answered a job.
    fn go_on(&mut self, (now, at): (Instant, UnixMs), id: JobId, mut job: Job, reply: Reply) {
        let answer = match reply {
            Ok(answer) => answer,
            Err(refusal) => {
                let error = self.refused(at, id, &job, refusal);
                return self.steps.push_back(Step::Reply(job.ticket, Err(error)));
            }
        };
        let outcome = match (&mut job.then, answer) {
            (Then::Kick(account, reason), _) => {
                let (account, reason) = (*account, core::mem::take(reason));
                self.jobs.insert(id, job);
                return self.steps.push_back(Step::Kick {
                    job: id,
                    account,
                    reason,
                });
            }
            (Then::Announce(scope, text), _) => {
                let (scope, text) = (*scope, core::mem::take(text));
                self.jobs.insert(id, job);
                return self.steps.push_back(Step::Announce {
                    job: id,
                    scope,
                    text,
                    at,
                });
            }
            (Then::Forgive(whom), _) => {
                let whom = whom.clone();
                job.then = Then::Done;
                self.jobs.insert(id, job);
                return self.access(id, access::Request::Forgive { whom });
            }
            (Then::Maintenance(planned), _) => {
                let (planned, times) = (planned.take(), (now, at));
                self.board
                    .is_maintenance(id, planned, times, &mut self.steps);
                Ok(Outcome::Done)
            }
            (Then::Moderators, Answer::Keep(keep::Answer::Setting(moderators))) => {
                self.board.are_moderators(id, &moderators, &mut self.steps);
                Ok(Outcome::Done)
            }
            (Then::Muted(account, until, reason), _) => {
                let mute = (*account, *until, core::mem::take(reason));
                self.board.muted(at, mute, &mut self.steps);
                Ok(Outcome::Done)
            }
            (Then::Reported(report), _) => Ok(Outcome::Reported(*report)),
            (Then::Take(_) | Then::Decide(_) | Then::Measure(..), answer) => {
                return self.go_on_with_report(at, id, job, answer);
            }
            (Then::Listed, answer) => outcome_of(answer),
            (Then::Nobody, _) => Err(Error::NotFound),
            _ => Ok(Outcome::Done),
        };
        self.steps.push_back(Step::Reply(job.ticket, outcome));
    }

    /// What a refusal is to whoever has asked.
    fn refused(&mut self, at: UnixMs, id: JobId, job: &Job, refusal: Refusal) -> Error {
        self.board.is_changed_no_more(id);
        if refusal == Refusal::Unavailable {
            // It may have been done.
            self.board.read(at, &mut self.steps);
            self.steps.extend(warned_by(&job.then).map(Step::Deliver));
        }
        match (&job.then, refusal) {
            (Then::Reported(_), Refusal::Invalid) => Error::Invalid {
                field: "seq",
                text: "that was said by somebody else".into(),
            },
            (_, refusal) => crate::platform::error_of(refusal),
        }
    }
}

/// What a list of the store's is to whoever has asked.
pub(super) fn outcome_of(answer: Answer) -> Result<Outcome, Error> {
    match readable(answer) {
        Answer::Account(account::Answer::Logins(logins)) => Ok(Outcome::Logins(logins)),
        Answer::Account(account::Answer::List { accounts, next }) => {
            let accounts = accounts.into_iter().map(Person::from).collect();
            Ok(Outcome::Accounts { accounts, next })
        }
        Answer::Account(account::Answer::Names(names)) => Ok(Outcome::Names(names)),
        Answer::Keep(keep::Answer::Exported { records, next }) => {
            Ok(Outcome::Exported { records, next })
        }
        Answer::Audit(audit::Answer::Entries { entries, next }) => {
            Ok(Outcome::Audit { entries, next })
        }
        Answer::Room(room::Answer::Rooms { rooms, next }) => Ok(Outcome::Rooms { rooms, next }),
        Answer::Report(report::Answer::Reports { reports, next }) => {
            Ok(Outcome::Reports { reports, next })
        }
        Answer::Report(report::Answer::Report { report, messages }) => {
            Ok(Outcome::Report { report, messages })
        }
        _ => Err(Error::Unavailable),
    }
}
