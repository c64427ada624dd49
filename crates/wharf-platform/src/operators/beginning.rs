//! How each request begins: what is asked first, and what is to follow.

use super::job::{Deciding, Then};
use super::{
    ANNOUNCE_EVERY, Announced, BAN_PATIENCE, Banning, EXPORT_RECORDS, JobId, Operators, PAGE_MAX,
    Step, line, lines,
};
use wharf_base::Instant;
use wharf_data::access::{self, Error, Guesser};
use wharf_data::operators::{Outcome, Request, RoomAct, Scope};
use wharf_data::room::{self, Until};
use wharf_data::{
    AccountId, Actor, Ask, Maintenance, RoomId, Target, UnixMs, account, audit, keep, report,
};

impl Operators {
    /// Begins a job.
    ///
    /// # Errors
    /// What is wrong with it, if nothing was asked.
    pub(super) fn begin(
        &mut self,
        (now, at): (Instant, UnixMs),
        id: JobId,
        by: Actor,
        request: Request,
    ) -> Result<(), Error> {
        match request {
            Request::Find(by) => {
                self.then(id, Then::Found);
                self.access(id, access::Request::LookUp { by });
            }
            Request::Ban {
                account,
                until,
                reason,
            } => {
                self.ban(id, by, account, (until, reason))?;
            }
            Request::Unban { account, reason } => {
                self.govern(id, &reason, |reason| access::Request::Unban {
                    account,
                    by,
                    reason,
                })?;
            }
            Request::SignOut { account, reason } => {
                self.is_above(by, account)?;
                self.govern(id, &reason, |reason| access::Request::SignOut {
                    account,
                    by,
                    reason,
                })?;
            }
            Request::NewPassword { account, reason } => {
                self.govern(id, &reason, |reason| access::Request::NewPassword {
                    account,
                    by,
                    reason,
                })?;
            }
            Request::Erase { account, reason } => {
                self.then(id, Then::Erased(account));
                self.govern(id, &reason, |reason| access::Request::EraseFor {
                    account,
                    by,
                    reason,
                })?;
            }
            Request::Mute {
                account,
                until,
                reason,
            } => {
                self.mute(at, id, by, account, (until, &reason))?;
            }
            Request::Kick { account, reason } => self.kick(at, id, by, account, &reason)?,
            request => self.lead((now, at), id, by, request)?,
        }
        Ok(())
    }

    /// Accounts do it, for that reason.
    fn govern(
        &mut self,
        id: JobId,
        reason: &str,
        request: impl FnOnce(String) -> access::Request,
    ) -> Result<(), Error> {
        let reason = line("reason", reason)?;
        self.access(id, request(reason));
        Ok(())
    }

    /// Begins what concerns the whole server.
    fn lead(
        &mut self,
        (now, at): (Instant, UnixMs),
        id: JobId,
        by: Actor,
        request: Request,
    ) -> Result<(), Error> {
        match request {
            Request::Forgive { whom, reason } => self.forgive(at, id, by, whom, &reason)?,
            Request::Announce { scope, text } => self.announce((now, at), id, by, scope, text)?,
            Request::SetMaintenance(planned) => self.set_maintenance(at, id, by, planned)?,
            Request::SetModerator {
                account,
                is_moderator,
            } => self.set_moderator(at, id, by, (account, is_moderator))?,
            Request::Bulletin => {
                self.finish(id, Ok(Outcome::Bulletin(self.bulletin().clone())));
            }
            request => self.look(at, id, by, request)?,
        }
        Ok(())
    }

    /// Begins what reads lists.
    fn look(&mut self, at: UnixMs, id: JobId, by: Actor, request: Request) -> Result<(), Error> {
        match request {
            Request::Logins(account) => {
                let ask = account::Ask::Logins { account, at };
                self.then(id, Then::Listed);
                self.ask(id, Ask::Account(ask));
            }
            Request::Accounts {
                search,
                page,
                limit,
            } => {
                let ask = account::Ask::List {
                    search,
                    page,
                    limit: limit.clamp(1, PAGE_MAX),
                };
                self.then(id, Then::Listed);
                self.ask(id, Ask::Account(ask));
            }
            Request::Names(accounts) => {
                self.then(id, Then::Listed);
                self.ask(id, Ask::Account(account::Ask::Names { accounts }));
            }
            Request::Export { account, page } => {
                let ask = keep::Ask::Export {
                    account,
                    page,
                    limit: EXPORT_RECORDS,
                };
                self.then(id, Then::Listed);
                self.ask(id, Ask::Keep(ask));
            }
            Request::Audit { about, page, limit } => {
                let limit = limit.clamp(1, PAGE_MAX);
                self.then(id, Then::Listed);
                self.ask(id, Ask::Audit(audit::Ask::List { about, page, limit }));
            }
            Request::Rooms {
                search,
                page,
                limit,
            } => {
                let ask = room::Ask::List {
                    search,
                    with_hidden: true,
                    page,
                    limit: limit.clamp(1, PAGE_MAX),
                };
                self.then(id, Then::Listed);
                self.ask(id, Ask::Room(ask));
            }
            Request::OpenRooms {
                search,
                page,
                limit,
            } => {
                let limit = limit.clamp(1, PAGE_MAX);
                let step = Step::OpenRooms(id, search, page, limit);
                self.steps.push_back(step);
            }
            Request::Room { room, act, reason } => self.order(id, room, act, &reason)?,
            request => self.judge(at, id, by, request)?,
        }
        Ok(())
    }

    /// Begins what is about reports.
    fn judge(&mut self, at: UnixMs, id: JobId, by: Actor, request: Request) -> Result<(), Error> {
        match request {
            Request::Reports { stage, page, limit } => {
                let limit = limit.clamp(1, PAGE_MAX);
                self.then(id, Then::Listed);
                self.ask(id, Ask::Report(report::Ask::List { stage, page, limit }));
            }
            Request::ReadReport(report) => {
                self.then(id, Then::Listed);
                self.ask(id, Ask::Report(report::Ask::Read { report }));
            }
            Request::Report {
                about,
                message,
                remembered,
                text,
            } => self.file(at, id, by, (about, message, remembered, text))?,
            Request::TakeReport(report) => self.take(at, id, by, report),
            Request::Decide {
                report,
                decision,
                text,
            } => {
                let deciding = Deciding {
                    report,
                    decision,
                    text,
                    removed: None,
                };
                self.decide(id, deciding);
            }
            // Everything else has begun before.
            _ => return Err(Error::WrongState),
        }
        Ok(())
    }

    /// Those who look after rooms do it.
    fn order(&mut self, id: JobId, room: RoomId, act: RoomAct, reason: &str) -> Result<(), Error> {
        let reason = line("reason", reason)?;
        self.steps.push_back(Step::Room(id, room, act, reason));
        Ok(())
    }

    fn mute(
        &mut self,
        at: UnixMs,
        id: JobId,
        by: Actor,
        account: AccountId,
        (until, reason): (Option<Until>, &str),
    ) -> Result<(), Error> {
        let reason = line("reason", reason)?;
        let ask = self.mute_ask(at, by, account, (until, &reason))?;
        self.then(id, Then::Muted(account, until, reason));
        self.ask(id, ask);
        Ok(())
    }

    fn kick(
        &mut self,
        at: UnixMs,
        id: JobId,
        by: Actor,
        account: AccountId,
        reason: &str,
    ) -> Result<(), Error> {
        self.is_above(by, account)?;
        let reason = line("reason", reason)?;
        let entry = self.entry(at, by, "account.kick", Target::Account(account), &reason);
        self.then(id, Then::Kick(account, reason));
        self.ask(id, Ask::Audit(audit::Ask::Write(entry)));
        Ok(())
    }

    /// Moderators do nothing to each other; that is for operators.
    pub(super) fn is_above(&self, by: Actor, account: AccountId) -> Result<(), Error> {
        match by {
            Actor::Account(_) if self.bulletin().is_moderator(account) => Err(Error::Forbidden),
            _ => Ok(()),
        }
    }

    pub(super) fn ban(
        &mut self,
        id: JobId,
        by: Actor,
        account: AccountId,
        (until, reason): (Until, String),
    ) -> Result<(), Error> {
        self.is_above(by, account)?;
        let reason = line("reason", &reason)?;
        if let Some(job) = self.jobs.get(&id) {
            let banning = Banning {
                job: id,
                until,
                reason: reason.clone(),
                ends: job.deadline + BAN_PATIENCE,
            };
            self.bans.insert(account, banning);
        }
        let until = until.ends();
        self.access(
            id,
            access::Request::Ban {
                account,
                until,
                by,
                reason,
            },
        );
        Ok(())
    }

    fn forgive(
        &mut self,
        at: UnixMs,
        id: JobId,
        by: Actor,
        whom: Guesser,
        reason: &str,
    ) -> Result<(), Error> {
        let reason = line("reason", reason)?;
        let (target, after) = match &whom {
            Guesser::Account(account, _) => (Target::Account(*account), String::new()),
            Guesser::Address(address) => (Target::Server, format!("address {address}")),
        };
        let mut entry = self.entry(at, by, "account.forgive", target, &reason);
        entry.after = after;
        self.then(id, Then::Forgive(whom));
        self.ask(id, Ask::Audit(audit::Ask::Write(entry)));
        Ok(())
    }

    fn announce(
        &mut self,
        (now, at): (Instant, UnixMs),
        id: JobId,
        by: Actor,
        scope: Scope,
        text: String,
    ) -> Result<(), Error> {
        let text = lines("text", text)?;
        let again = self.announced.as_ref().map(|last| last.at + last.pause);
        if let Some(again) = again.filter(|again| *again > now) {
            let retry_after = again.saturating_since(now);
            return Err(Error::Rate { retry_after });
        }
        self.announced = Some(Announced {
            job: id,
            at: now,
            pause: ANNOUNCE_EVERY,
        });
        let target = match scope {
            Scope::Room(room) => Target::Room(room),
            Scope::All | Scope::World | Scope::Numbered(_) => Target::Server,
        };
        let mut entry = self.entry(at, by, "server.announce", target, "");
        if let Scope::Numbered(number) = scope {
            entry.before = format!("room number {number}");
        }
        entry.after.clone_from(&text);
        self.then(id, Then::Announce(scope, text));
        self.ask(id, Ask::Audit(audit::Ask::Write(entry)));
        Ok(())
    }

    fn set_maintenance(
        &mut self,
        at: UnixMs,
        id: JobId,
        by: Actor,
        mut planned: Option<Maintenance>,
    ) -> Result<(), Error> {
        if let Some(planned) = &mut planned {
            planned.text = lines("text", core::mem::take(&mut planned.text))?;
            let begins = planned.begins.unwrap_or(at).max(at);
            if planned.ends.is_some_and(|ends| ends <= begins) {
                let text = "it would end before it begins".to_owned();
                let field = "for_ms";
                return Err(Error::Invalid { field, text });
            }
        }
        let act = self.act(at, by, String::new());
        let ask = self.board.set_maintenance(id, planned.as_ref(), act)?;
        self.then(id, Then::Maintenance(planned));
        self.ask(id, ask);
        Ok(())
    }

    fn set_moderator(
        &mut self,
        at: UnixMs,
        id: JobId,
        by: Actor,
        (account, is_moderator): (AccountId, bool),
    ) -> Result<(), Error> {
        let act = self.act(at, by, String::new());
        let ask = self.board.set_moderator(id, (account, is_moderator), act)?;
        if is_moderator {
            // It must be there; then it becomes one.
            self.then(id, Then::MakeModerator(Box::new(ask)));
            let by = access::LookUp::Account(account);
            self.access(id, access::Request::LookUp { by });
        } else {
            self.then(id, Then::Moderators);
            self.ask(id, ask);
        }
        Ok(())
    }
}
