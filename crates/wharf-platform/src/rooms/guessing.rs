//! Wrong passwords of rooms: counted where things live for a short time, as wrong ones of accounts
//! are, so that the delays hold across servers and their restarts.
//!
//! ```text
//!  Space::Rate   door:ACCOUNT:ROOM    score: how many wrong ones, expires: so long after the last
//! ```
//!
//! Each room has its own: who knows the password of one guesses no faster at another's.
//!
//! Memory decides. The store is asked before each guess, which is cheaper than a hash; one that
//! does not answer keeps nobody out.

use super::Rooms;
use super::flow::{Entering, Flow};
use wharf_accounts::ThrottleLimits;
use wharf_base::{Duration, Instant};
use wharf_data::short::{self, Space};
use wharf_data::{AccountId, Answer, Ask, Refusal, Reply, RoomId};

/// How quickly delays grow, and how much is remembered.
pub(super) const LIMITS: ThrottleLimits = ThrottleLimits::USUAL;
/// How long nobody waits for a store that did not say.
const PAUSE: Duration = Duration::from_secs(10);

/// Who guesses, and at which room's password.
pub(super) type Door = (AccountId, RoomId);

impl Entering {
    pub(super) fn door(&self) -> Door {
        (self.caller.by, self.room)
    }
}

impl Rooms {
    /// Whether somebody waits until the store has said how often they have guessed.
    pub(super) fn recalls_first(&self, entering: &Entering) -> bool {
        let is_asked = !self.options.recall.is_zero() && self.now >= self.silent_until;
        is_asked && !entering.is_recalled
    }

    pub(super) fn recall_guesses(&mut self, entering: Entering) {
        let get = short::Ask::Get {
            space: Space::Rate,
            key: key_of(entering.door()),
            at: self.at,
        };
        let until = self.now + self.options.recall;
        self.ask(Flow::Recalling(Box::new(entering)), Ask::Short(get));
        self.recalling.push_back((until, self.last_number));
    }

    /// The store has said it, or nobody waits for it any longer.
    pub(super) fn recalled(&mut self, mut entering: Entering, reply: &Reply) {
        match reply {
            Ok(Answer::Short(short::Answer::Found(found))) => {
                let counted = (found.score, found.expires);
                let times = (self.now, self.at);
                self.guesses.recount(entering.door(), counted, times);
            }
            Err(Refusal::NotFound) => entering.is_unwritten = true,
            _ => self.silent_until = self.now + PAUSE,
        }
        entering.is_recalled = true;
        self.judge(entering);
    }

    /// Until when somebody waits for it.
    pub(super) fn recalling_until(&self) -> Option<Instant> {
        self.recalling.front().map(|(until, _)| *until)
    }

    /// Those who have waited for long enough go on without it.
    pub(super) fn stop_recalling(&mut self) {
        while let Some(&(until, number)) = self.recalling.front()
            && until <= self.now
        {
            self.recalling.pop_front();
            if let Some((_, flow)) = self.flows.remove(&number)
                && let Flow::Recalling(entering) = flow
            {
                self.recalled(*entering, &Err(Refusal::Unavailable));
            }
        }
    }

    /// Somebody's password was wrong.
    pub(super) fn count_guess(&mut self, door: Door) {
        if self.options.recall.is_zero() {
            return;
        }
        let count = short::Ask::Count {
            key: key_of(door),
            window_ms: LIMITS.forget.as_millis() as u32,
            since_last: true,
            at: self.at,
        };
        self.ask(Flow::Counting(door), Ask::Short(count));
    }

    /// The store has counted it, with those of other servers.
    pub(super) fn counted(&mut self, door: Door, reply: &Reply) {
        if let Ok(Answer::Short(short::Answer::Counted { count, ends })) = reply {
            let times = (self.now, self.at);
            self.guesses.recount(door, (*count, *ends), times);
        }
    }

    /// Somebody's password was right: they begin anew, and what the store has not counted yet
    /// counts no more. Whether it has counted any may be unknown.
    pub(super) fn forget_guesses(&mut self, entering: &Entering) {
        let door = entering.door();
        // The first is the one that was right.
        let has_failed = self.guesses.has_failed(&door, 2, self.now);
        self.guesses.succeeded(&door);
        let is_of_it = |flow: &Flow| matches!(flow, Flow::Counting(other) if *other == door);
        self.flows.retain(|_, (_, flow)| !is_of_it(flow));
        let may_be_written = has_failed || !entering.is_unwritten;
        if may_be_written && !self.options.recall.is_zero() {
            let (space, key) = (Space::Rate, key_of(door));
            let delete = short::Ask::Delete { space, key };
            self.ask(Flow::Noting, Ask::Short(delete));
        }
    }
}

fn key_of((account, room): Door) -> String {
    format!("door:{}:{}", account.get(), room.get())
}
