//! Before somebody guesses: how often they have failed before this process began.

use super::{Accounts, AskTag, Effect, State, TaskId};
use crate::flow;
use crate::recall::{Counted, Look, Said};
use crate::request::{Caller, Error, Outcome};
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
    pub(super) fn recalled(
        &mut self,
        (now, at): (Instant, UnixMs),
        counted: &Counted,
        reply: &Reply,
    ) {
        let said = Said::of(reply, at);
        let waited = self.world.recall.answered(now, counted, &said);
        match said {
            Said::Unknown => self.stats.unrecalled += waited.len() as u64,
            Said::Nothing => {}
            Said::Past(past) => {
                let world = &mut self.world;
                let evicted = match counted.clone() {
                    Counted::At(guess) => {
                        world.by_account.recall(guess, past, now).map(Counted::At)
                    }
                    Counted::From(address) => world
                        .by_address
                        .recall(address, past, now)
                        .map(Counted::From),
                };
                world.recall.forget(evicted);
            }
        }
        self.ready.extend(waited);
    }

    /// Those who have waited for the store for long enough go on without it.
    pub(super) fn stop_recalling(&mut self, now: Instant) {
        let freed = self.world.recall.expire(now);
        self.stats.unrecalled += freed.len() as u64;
        self.ready.extend(freed);
    }

    /// Decides what a guess was: right, wrong, or none. What changes for whoever comes after the
    /// next start is written down.
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
                self.write_down((now, at), guess, address);
            }
            Err(_) => world.by_account.take_back(&guess, now),
        }
    }

    fn write_down(
        &mut self,
        (now, at): (Instant, UnixMs),
        guess: Guess,
        address: core::net::IpAddr,
    ) {
        let world = &mut self.world;
        let known = [
            (world.by_account.past(&guess, now), Counted::At(guess)),
            (world.by_address.past(&address, now), Counted::From(address)),
        ];
        for (past, counted) in known {
            let ask = past.and_then(|past| self.world.recall.write(at, &counted, past));
            self.tell_store(ask);
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
