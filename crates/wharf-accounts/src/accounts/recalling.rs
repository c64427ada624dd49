//! Before somebody guesses: how often they have failed before this process began, or at another
//! server.

use super::{Accounts, AskTag, Effect, State, TaskId};
use crate::flow;
use crate::recall::{Asked, Counted, Look, Said};
use crate::request::{Caller, Error, Outcome};
use crate::throttle::{Past, ThrottleLimits};
use crate::world::{Guess, network_of};
use wharf_base::{Duration, Instant};
use wharf_data::{Reply, UnixMs};

impl Accounts {
    /// Whether a request whose turn has come waits until the store has said how often whoever
    /// guesses, and whoever is guessed at, has failed before.
    pub(super) fn recalls_first(&mut self, now: Instant, at: UnixMs, id: TaskId) -> bool {
        let Some(task) = self.tasks.get(&id) else {
            return false;
        };
        let (State::Waiting(request), Some(caller)) = (&task.state, task.caller) else {
            return false;
        };
        let Some(guess) = flow::guess_of(request, caller.user) else {
            return false;
        };
        let address = network_of(caller.address);
        let is_late = self.turns.is_in(caller.tag.session) && request.logs_in();
        let waits = self.world.wait(&guess, &address, now) > Duration::ZERO;
        // What is refused anyway costs nothing.
        if is_late || waits || !self.world.hashes.has_room() {
            return false;
        }
        let mut is_waiting = false;
        for counted in [Counted::At(guess), Counted::From(address)] {
            match self.world.recall.look(now, &counted, id) {
                Look::Known => continue,
                Look::Waits => {}
                Look::Unknown => {
                    let tag = AskTag(self.next_id());
                    let ask = self.world.recall.ask((now, at), counted, id, tag);
                    self.effects.push_back(Effect::Ask { tag, ask });
                }
            }
            is_waiting = true;
        }
        is_waiting
    }

    /// The store has said something of somebody, in time or later.
    pub(super) fn recalled(&mut self, (now, at): (Instant, UnixMs), asked: &Asked, reply: &Reply) {
        let counted = &asked.about;
        let said = match Said::of(reply, self.limits_of(counted), at) {
            Said::Past(_) if asked.is_stale => Said::Nothing,
            said => said,
        };
        let waited = self.world.recall.answered(now, counted, &said);
        match said {
            Said::Unknown => self.stats.unrecalled += waited.len() as u64,
            Said::Nothing => {}
            Said::Past(past) => self.take_in(now, counted.clone(), past),
        }
        self.ready.extend(waited);
    }

    /// The store has counted a failure, and says how many there are: those that other servers have
    /// counted count here too.
    pub(super) fn counted(
        &mut self,
        (now, at): (Instant, UnixMs),
        counted: Counted,
        reply: &Reply,
    ) {
        if let Said::Past(past) = Said::of(reply, self.limits_of(&counted), at) {
            self.take_in(now, counted, past);
        }
    }

    fn limits_of(&self, counted: &Counted) -> &ThrottleLimits {
        let options = &self.world.options;
        match counted {
            Counted::At(_) => &options.account_delays,
            Counted::From(_) => &options.address_delays,
        }
    }

    fn take_in(&mut self, now: Instant, counted: Counted, past: Past) {
        let world = &mut self.world;
        let evicted = match counted {
            Counted::At(guess) => {
                let evicted = world.by_account.recall(guess, past, now);
                evicted.map(Counted::At)
            }
            Counted::From(address) => {
                let evicted = world.by_address.recall(address, past, now);
                evicted.map(Counted::From)
            }
        };
        world.recall.forget(evicted);
    }

    /// Those who have waited for the store for long enough go on without it.
    pub(super) fn stop_recalling(&mut self, now: Instant) {
        let freed = self.world.recall.expire(now);
        self.stats.unrecalled += freed.len() as u64;
        self.ready.extend(freed);
    }

    /// Decides what a guess was: right, wrong, or none. What changes for whoever comes after the
    /// next start, or to another server, is told the store.
    pub(super) fn settle_guess(
        &mut self,
        (now, at): (Instant, UnixMs),
        guess: Option<Guess>,
        caller: Option<Caller>,
        result: &Result<Outcome, Error>,
    ) {
        let (Some(guess), Some(caller)) = (guess, caller) else {
            return;
        };
        let world = &mut self.world;
        match result {
            Ok(_) | Err(Error::Banned { .. }) => {
                world.by_account.succeeded(&guess);
                let ask = self.world.recall.erase(&Counted::At(guess));
                self.tell_store(ask);
            }
            Err(Error::Credentials | Error::Token) => {
                let address = network_of(caller.address);
                let evicted = world.by_address.failed(address, now);
                world.recall.forget(evicted.map(Counted::From));
                self.count(at, Counted::At(guess));
                self.count(at, Counted::From(address));
            }
            Err(_) => world.by_account.take_back(&guess, now),
        }
    }

    /// Has the store count a failure.
    fn count(&mut self, at: UnixMs, counted: Counted) {
        let forget = self.limits_of(&counted).forget;
        let tag = AskTag(self.next_id());
        if let Some(ask) = self.world.recall.count(at, counted, forget, tag) {
            self.effects.push_back(Effect::Ask { tag, ask });
        }
    }

    /// Has the store do something; what it answers changes nothing.
    fn tell_store(&mut self, ask: Option<wharf_data::Ask>) {
        if let Some(ask) = ask {
            let tag = AskTag(self.next_id());
            self.effects.push_back(Effect::Ask { tag, ask });
        }
    }
}
