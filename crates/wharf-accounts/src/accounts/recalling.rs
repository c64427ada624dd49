//! Before somebody guesses: how often they have failed before this process began, or at another
//! server.

use super::{Accounts, AskTag, Effect, State, TaskId};
use crate::flow;
use crate::guesses::Look;
use crate::request::{Caller, Error, Outcome};
use crate::world::{Guess, network_of};
use wharf_base::{Duration, Instant};
use wharf_data::{Ask, Reply, UnixMs};

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
        // What is refused anyway costs nothing; but at another server they may have been right.
        let is_refused = waits && self.is_alone();
        if is_late || is_refused || !self.world.hashes.has_room() {
            return false;
        }
        let (by_account, by_address) = (&mut self.world.by_account, &mut self.world.by_address);
        let looks = [
            by_account.look(now, &guess, id),
            by_address.look(now, &address, id),
        ];
        if looks[0] == Look::Unknown {
            let tag = self.next_id();
            let ask = self.world.by_account.ask((now, at), guess, id, tag);
            self.tell_store(tag, Some(ask));
        }
        if looks[1] == Look::Unknown {
            let tag = self.next_id();
            let ask = self.world.by_address.ask((now, at), address, id, tag);
            self.tell_store(tag, Some(ask));
        }
        looks.iter().any(|look| *look != Look::Known)
    }

    /// The store has said something of somebody, or has counted a failure, in time or later: those
    /// that other servers have counted count here too.
    pub(super) fn recalled(&mut self, times: (Instant, UnixMs), tag: AskTag, reply: &Reply) {
        let world = &mut self.world;
        let told = world.by_account.stored(times, tag.0, reply);
        let told = told.or_else(|| world.by_address.stored(times, tag.0, reply));
        if let Some(told) = told {
            let unrecalled = told.freed.len() as u64;
            self.stats.unrecalled += if told.is_unknown { unrecalled } else { 0 };
            self.ready.extend(told.freed);
        }
    }

    /// Those who have waited for the store for long enough go on without it.
    pub(super) fn stop_recalling(&mut self, now: Instant) {
        let world = &mut self.world;
        let freed = [world.by_account.expire(now), world.by_address.expire(now)].concat();
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
        let tags = [self.next_id(), self.next_id()];
        let world = &mut self.world;
        match result {
            Ok(_) | Err(Error::Banned { .. }) => {
                let ask = world.by_account.was_right(&guess);
                self.tell_store(tags[0], ask);
            }
            Err(Error::Credentials | Error::Token) => {
                let address = network_of(caller.address);
                world.by_address.failed(address, now);
                let asks = [
                    world.by_account.count(at, guess, tags[0]),
                    world.by_address.count(at, address, tags[1]),
                ];
                for (tag, ask) in tags.into_iter().zip(asks) {
                    self.tell_store(tag, ask);
                }
            }
            Err(_) => world.by_account.take_back(&guess, now),
        }
    }

    fn tell_store(&mut self, tag: u64, ask: Option<Ask>) {
        let tag = AskTag(tag);
        self.effects.extend(ask.map(|ask| Effect::Ask { tag, ask }));
    }
}
