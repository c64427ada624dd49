//! How a request goes on, from one answer to the next question, until it is over.

use super::{Accounts, AskTag, Effect, State, Task, TaskId, failed};
use crate::flow::{self, End, Event, Next, Rehash, Step};
use crate::hashing::{HashJob, JobId};
use crate::request::{Caller, Error, Outcome};
use crate::revocation::Revocation;
use crate::world::Cx;
use core::net::{IpAddr, Ipv4Addr};
use wharf_base::Instant;
use wharf_data::UnixMs;

impl Accounts {
    /// Begins what waits for its turn. One that ends at once makes room for the next.
    pub(super) fn run_ready(&mut self, now: Instant, at: UnixMs) {
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

    pub(super) fn go_on(&mut self, now: Instant, at: UnixMs, id: TaskId, event: Event) {
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

    pub(super) fn follow(&mut self, (now, at): (Instant, UnixMs), id: TaskId, step: Step) {
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
                    self.give_time_to_hash(id);
                    self.effects
                        .push_back(Effect::Hash(HashJob { id: job, work }));
                }
                Err(retry_after) => self.finish((now, at), id, failed(Error::Busy { retry_after })),
            },
            Ok(Next::End(end)) => self.finish((now, at), id, end),
            Err(error) => self.finish((now, at), id, failed(error)),
        }
    }

    /// A request waits for a password's turn: it has the time of those that do.
    fn give_time_to_hash(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(&id) {
            self.deadlines.remove(&(task.deadline, id));
            task.deadline = task.begun + self.world.options.hash_deadline;
            self.deadlines.insert((task.deadline, id));
        }
    }

    /// Answers a request and forgets it; its session's next comes to its turn.
    pub(super) fn finish(&mut self, (now, at): (Instant, UnixMs), id: TaskId, end: End) {
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

    pub(super) fn revoke(&mut self, now: Instant, revocation: Revocation) {
        let over = self.world.over_by(now);
        self.revocations.note(revocation, over);
        self.world.known.end(revocation, over);
        self.effects.push_back(Effect::Revoked(revocation));
    }
}
