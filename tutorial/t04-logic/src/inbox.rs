//! What keeps the order of one session, however many threads there are.
//!
//! Events of a session wait in its inbox, and the inbox is in one pair of hands at a time: who puts
//! the first event into it also puts the session into a queue of the logic threads; whoever takes
//! the session from there handles what has come by then, and only after that the session may stand
//! in a queue again.
//!
//! The question "has more come?" and the answer "then nobody has it any more" are one step, under
//! one lock. `tests/loom_inbox.rs` shows what happens if they are two.

use crate::sync::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::mem;

/// The events of one session.
///
/// Invariant: while there are events, the inbox is out.
pub struct Inbox<E> {
    state: Mutex<State<E>>,
}

struct State<E> {
    events: VecDeque<E>,
    /// In a queue, or in a thread's hands.
    is_out: bool,
}

impl<E> Inbox<E> {
    /// Puts an event behind those that wait. If it returns true, the session has to be put into a
    /// queue now.
    #[must_use = "nobody looks into an inbox that is in no queue"]
    pub fn post(&self, event: E) -> bool {
        let mut state = self.lock();
        state.events.push_back(event);
        !mem::replace(&mut state.is_out, true)
    }

    /// Takes all events, in exchange for `empty`.
    pub fn take(&self, empty: &mut VecDeque<E>) {
        mem::swap(&mut self.lock().events, empty);
    }

    /// What was taken is handled. If it returns true, more has come, and the session has to be put
    /// into a queue again.
    #[must_use = "nobody looks into an inbox that is in no queue"]
    pub fn put_down(&self) -> bool {
        let mut state = self.lock();
        state.is_out = !state.events.is_empty();
        state.is_out
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().expect("nothing in here panics")
    }
}

impl<E> Default for Inbox<E> {
    fn default() -> Self {
        let state = State {
            events: VecDeque::new(),
            is_out: false,
        };
        Inbox {
            state: Mutex::new(state),
        }
    }
}
