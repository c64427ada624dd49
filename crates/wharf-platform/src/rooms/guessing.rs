//! Wrong passwords of rooms: slowed down, here and at other servers, as those of accounts are.
//!
//! Each room has its own: who knows the password of one guesses no faster at another's.

use super::flow::{Entering, Flow};
use super::{Rooms, Step};
use wharf_accounts::{Counted, Look, ThrottleLimits, Told};
use wharf_base::{Duration, Instant};
use wharf_data::{AccountId, Ask, Reply, RoomId};

/// How quickly delays grow, and how much is remembered.
pub(super) const LIMITS: ThrottleLimits = ThrottleLimits::USUAL;

/// Who guesses, and at which room's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Door(AccountId, RoomId);

impl Counted for Door {
    fn key(&self) -> String {
        format!("door:{}:{}", self.0.get(), self.1.get())
    }
}

impl Entering {
    pub(super) fn door(&self) -> Door {
        Door(self.caller.by, self.room)
    }
}

impl Rooms {
    /// How long somebody has still to wait until they may guess.
    pub(super) fn wait_at(&self, door: &Door) -> Duration {
        self.guesses.wait(door, self.now)
    }

    /// Gives back whoever need not wait until the store has said how often they have guessed.
    pub(super) fn recalled_first(&mut self, entering: Entering) -> Option<Entering> {
        let door = entering.door();
        let number = self.next_number();
        match self.guesses.look(self.now, &door, number) {
            Look::Known => return Some(entering),
            Look::Waits => {}
            Look::Unknown => {
                let (tag, times) = (self.next_number(), (self.now, self.at));
                let ask = self.guesses.ask(times, door, number, tag);
                self.tell_store(tag, Some(ask));
            }
        }
        self.wait_as(number, Flow::Recalling(Box::new(entering)));
        None
    }

    /// The store has said something of guesses, if it was asked about any.
    pub(super) fn recalled(&mut self, number: u64, reply: &Reply) {
        let times = (self.now, self.at);
        if let Some(Told { freed, .. }) = self.guesses.stored(times, number, reply) {
            self.go_on_guessing(freed);
        }
    }

    /// Until when somebody waits for it.
    pub(super) fn recalling_until(&self) -> Option<Instant> {
        self.guesses.next_deadline()
    }

    /// Those who have waited for long enough go on without it.
    pub(super) fn stop_recalling(&mut self) {
        let freed = self.guesses.expire(self.now);
        self.go_on_guessing(freed);
    }

    fn go_on_guessing(&mut self, freed: Vec<u64>) {
        for number in freed {
            if let Some((_, Flow::Recalling(entering))) = self.flows.remove(&number) {
                self.judge(*entering);
            }
        }
    }

    /// Somebody's password was wrong.
    pub(super) fn count_guess(&mut self, door: Door) {
        let tag = self.next_number();
        let ask = self.guesses.count(self.at, door, tag);
        self.tell_store(tag, ask);
    }

    /// Somebody's password was right: they begin anew.
    pub(super) fn forget_guesses(&mut self, door: &Door) {
        let tag = self.next_number();
        let ask = self.guesses.was_right(door);
        self.tell_store(tag, ask);
    }

    fn tell_store(&mut self, tag: u64, ask: Option<Ask>) {
        self.steps
            .extend(ask.map(|ask| Step::Ask(tag, Box::new(ask))));
    }
}
