//! Ending a run before its time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wharf_port::Waker;

/// A switch that ends the runs it was given to: what was said until then is still waited for,
/// checked and reported. Any thread may ask.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asked: AtomicBool,
    /// Of the threads that run.
    wakers: Mutex<Vec<Waker>>,
}

impl Stop {
    /// A switch that nobody has used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the runs; once or more often.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::Release);
        self.wakers().iter().for_each(Waker::wake);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Acquire)
    }

    /// Has a thread woken when somebody asks from now on.
    pub(crate) fn wakes(&self, waker: Waker) {
        self.wakers().push(waker);
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
