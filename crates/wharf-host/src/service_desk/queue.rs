//! What waits for the services' thread.

use super::waiting::Waiter;
use super::{CALLS_MAX, ServiceReport};
use crate::services::OperatorAnswer;
use crate::switchboard::Answer;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wharf_accounts::{Hashed, Tickets};
use wharf_base::Instant;
use wharf_data::operators;
use wharf_data::service::Call;
use wharf_platform::{From, SessionTag};
use wharf_port::clock;

#[derive(Default)]
pub(super) struct Shared {
    pub(super) queue: Mutex<Queue>,
    pub(super) is_wanted: Condvar,
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) work: VecDeque<Work>,
    /// Calls among them.
    pub(super) calls: usize,
    /// Requests of operators among them.
    pub(super) operations: usize,
    /// Whether the thread sleeps, and nobody has woken it: waking costs a system call.
    pub(super) is_asleep: bool,
    /// When the thread has something to do by itself; written by who holds the clerk.
    pub(super) due: Option<Instant>,
    /// Calls that were refused so far.
    pub(super) refused: u64,
    pub(super) is_over: bool,
}

pub(super) enum Work {
    Call {
        from: From,
        waiter: Waiter,
        call: Box<Call>,
    },
    Operate {
        request: Box<operators::Request>,
        answer: OperatorAnswer,
    },
    /// Somebody wants to know what was counted.
    Report(Answer<ServiceReport>),
    /// So many sessions were reached by what was counted under that number.
    Heard(u64, u32),
    Closed(SessionTag),
    /// By somebody who was let in elsewhere.
    PlaceFreed,
    /// To what was asked by that number.
    Stored(u64, wharf_data::Reply),
    Hashed(u64, Hashed),
    /// Tickets are taken that are signed by these keys, or none.
    Tickets(Box<Option<Tickets>>),
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What sessions, the store and the workers say: each bounded by what was begun.
    pub(super) fn push(&self, work: Work) {
        let mut queue = self.lock();
        queue.work.push_back(work);
        self.wake(queue);
    }

    /// Wakes the thread if it sleeps.
    pub(super) fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        let is_asleep = core::mem::take(&mut queue.is_asleep);
        drop(queue);
        if is_asleep {
            self.is_wanted.notify_one();
        }
    }

    /// A call.
    ///
    /// # Errors
    /// Whoever waits for it, if too many wait already.
    pub(super) fn push_call(
        &self,
        from: From,
        waiter: Waiter,
        call: Box<Call>,
    ) -> Result<(), Waiter> {
        let mut queue = self.lock();
        if queue.calls >= CALLS_MAX || queue.is_over {
            queue.refused += 1;
            return Err(waiter);
        }
        queue.calls += 1;
        queue.work.push_back(Work::Call { from, waiter, call });
        self.wake(queue);
        Ok(())
    }

    /// Takes all that waits into `work`, having waited for some until it is due. `false` when it
    /// is over.
    pub(super) fn take(&self, work: &mut VecDeque<Work>) -> bool {
        let mut queue = self.lock();
        while queue.work.is_empty() && !queue.is_over {
            let left = queue.due.map(|due| due.saturating_since(clock::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            // Far enough for a server that nobody asks anything.
            let left = left.unwrap_or(Duration::from_secs(24 * 3_600));
            queue.is_asleep = true;
            let waited = self.is_wanted.wait_timeout(queue, left);
            (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_asleep = false;
        queue.calls = 0;
        queue.operations = 0;
        core::mem::swap(work, &mut queue.work);
        !queue.is_over || !work.is_empty()
    }
}
