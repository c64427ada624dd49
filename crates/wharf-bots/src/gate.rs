//! Where threads wait for each other: nobody talks before all have gathered.

use std::sync::{Mutex, MutexGuard, PoisonError};
use wharf_base::Instant;
use wharf_port::Waker;

/// Opens once every thread is ready, or gone.
///
/// Nobody blocks on it: a thread that is not the last goes on with its turns and is woken when the
/// gate opens.
pub(crate) struct Gate(Mutex<State>);

struct State {
    /// Threads that are neither ready nor gone.
    missing: u32,
    /// When the latest became ready.
    ready_at: Instant,
    wakers: Vec<Waker>,
}

/// One thread's place at the gate. Dropped without [`Ticket::ready`], it stops being waited for.
pub(crate) struct Ticket<'a> {
    gate: &'a Gate,
    used: core::cell::Cell<bool>,
}

impl Gate {
    /// A gate for so many threads.
    pub(crate) fn new(threads: u32) -> Self {
        Self(Mutex::new(State {
            missing: threads,
            ready_at: Instant::ZERO,
            wakers: Vec::new(),
        }))
    }

    /// Takes a thread's place; its port is woken when the gate opens.
    pub(crate) fn enter(&self, waker: Waker) -> Ticket<'_> {
        self.state().wakers.push(waker);
        Ticket {
            gate: self,
            used: false.into(),
        }
    }

    /// When the gate opened, if it has.
    pub(crate) fn start(&self) -> Option<Instant> {
        let state = self.state();
        (state.missing == 0).then_some(state.ready_at)
    }

    /// A thread that never came to the gate is not waited for.
    pub(crate) fn give_up_one(&self) {
        self.one_less(Instant::ZERO);
    }

    fn one_less(&self, now: Instant) {
        let mut state = self.state();
        state.missing -= 1;
        state.ready_at = state.ready_at.max(now);
        if state.missing == 0 {
            for waker in state.wakers.drain(..) {
                waker.wake();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    /// This thread is ready. Once is enough.
    pub(crate) fn ready(&self, now: Instant) {
        if !self.used.replace(true) {
            self.gate.one_less(now);
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.ready(Instant::ZERO);
    }
}
