//! Where threads wait for each other: nobody talks before all have gathered.

use std::sync::{Mutex, MutexGuard, PoisonError};
use wharf_base::Instant;

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
    /// What wakes each thread.
    wakers: Vec<Box<dyn FnOnce() + Send>>,
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

    /// Takes a thread's place; `wake` is called when the gate opens.
    pub(crate) fn enter(&self, wake: impl FnOnce() + Send + 'static) -> Ticket<'_> {
        self.state().wakers.push(Box::new(wake));
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
            state.wakers.drain(..).for_each(|wake| wake());
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn counting(woken: &Arc<AtomicU32>) -> impl FnOnce() + Send + 'static {
        let woken = Arc::clone(woken);
        move || {
            woken.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_last_to_be_ready_opens_it_and_wakes_everybody() {
        let (gate, woken) = (Gate::new(2), Arc::default());
        let (one, other) = (gate.enter(counting(&woken)), gate.enter(counting(&woken)));
        one.ready(Instant::from_nanos(5));
        one.ready(Instant::from_nanos(9));
        assert_eq!((gate.start(), woken.load(Ordering::Relaxed)), (None, 0));
        other.ready(Instant::from_nanos(3));
        let opened = Some(Instant::from_nanos(5));
        assert_eq!((gate.start(), woken.load(Ordering::Relaxed)), (opened, 2));
    }

    #[test]
    fn a_thread_that_fails_is_not_waited_for() {
        let gate = Gate::new(3);
        gate.give_up_one();
        drop(gate.enter(|| {}));
        assert_eq!(gate.start(), None);
        gate.enter(|| {}).ready(Instant::from_nanos(7));
        assert_eq!(gate.start(), Some(Instant::from_nanos(7)));
    }
}
