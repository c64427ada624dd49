//! What is known already is answered by whoever asks, without waking the services' thread.
//!
//! The thread and the asker take turns at the desk. An asker never waits for it: if somebody is at
//! work there, or something is still to be done, the question goes into the queue like all others.

use super::ServiceDesk;
use super::clerk::{Clerk, times};
use super::queue::Work;
use super::waiting::{Waiter, Waits};
use std::sync::{MutexGuard, PoisonError, TryLockError};
use wharf_data::service::{Call, Reply};
use wharf_platform::{From, SessionTag, Ticket};
use wharf_port::clock;

impl ServiceDesk {
    /// Answers what is known; `None` if the answer will come nevertheless.
    ///
    /// # Errors
    /// Everything back, if it has to go into the queue.
    pub(super) fn answer(
        &self,
        from: From,
        waiter: Waiter,
        call: Box<Call>,
    ) -> Result<Option<Reply>, (Waiter, Box<Call>)> {
        let Some(mut clerk) = self.step_in(|clerk| clerk.platform.knows(times().1, &call)) else {
            return Err((waiter, call));
        };
        let reply = clerk.answer(from, waiter, *call);
        self.step_out(clerk);
        Ok(reply)
    }

    /// Notes that a session is over, if nothing more follows from that; whether it does.
    pub(super) fn close(&self, session: SessionTag) -> bool {
        let Some(mut clerk) = self.step_in(|clerk| clerk.platform.ends_quietly(session)) else {
            return false;
        };
        clerk.guarded(|clerk| clerk.handle(Work::Closed(session)));
        self.step_out(clerk);
        true
    }

    /// Steps up to the desk, if nobody is there and nothing waits.
    fn step_in(&self, is_short: impl FnOnce(&Clerk) -> bool) -> Option<MutexGuard<'_, Clerk>> {
        let clerk = match self.clerk.try_lock() {
            Ok(clerk) => clerk,
            Err(TryLockError::Poisoned(clerk)) => PoisonError::into_inner(clerk),
            Err(TryLockError::WouldBlock) => return None,
        };
        // Awake, the thread may hold what was said before; and what is due is its own.
        let queue = self.shared.lock();
        let is_due = queue.due.is_some_and(|due| due <= clock::now());
        let is_idle = queue.is_asleep && !is_due;
        drop(queue);
        (is_idle && is_short(&clerk)).then_some(clerk)
    }

    /// The thread sleeps on, unless something is due sooner now.
    fn step_out(&self, clerk: MutexGuard<'_, Clerk>) {
        let due = clerk.platform.next_deadline();
        let mut queue = self.shared.lock();
        let before = core::mem::replace(&mut queue.due, due);
        drop(clerk);
        let is_sooner = due.is_some_and(|due| before.is_none_or(|before| due < before));
        if is_sooner {
            self.shared.wake(queue);
        }
    }
}

impl Clerk {
    fn answer(&mut self, from: From, waiter: Waiter, call: Call) -> Option<Reply> {
        let ticket = Ticket(self.next_number());
        self.replies.get_or_insert_with(|| waiter.replies.clone());
        self.waiting.insert(ticket, Waits::Content(waiter));
        self.at_once = Some((ticket, None));
        self.guarded(|clerk| {
            let (now, at) = times();
            clerk.platform.call(now, at, from, ticket, call);
            clerk.do_effects();
        });
        self.at_once.take().and_then(|(_, reply)| reply)
    }
}
