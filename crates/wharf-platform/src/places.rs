//! The places of users: counted for all who let somebody in, on whatever thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many may be in at once, shared by whoever lets them in.
///
/// Invariant: `taken` is at most `max`; while anybody waits, only who waits takes a place.
#[derive(Clone, Debug)]
pub struct Places(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counts {
    max: u32,
    taken: u32,
    waiting: u32,
}

impl Places {
    /// So many, all free.
    pub fn new(max: u32) -> Self {
        let counts = Counts {
            max,
            taken: 0,
            waiting: 0,
        };
        Self(Arc::new(Mutex::new(counts)))
    }

    /// Takes one for somebody who does not wait: there is none for them while others do.
    pub fn try_take(&self) -> bool {
        let mut counts = self.lock();
        let is_free = counts.waiting == 0 && counts.taken < counts.max;
        counts.taken += u32::from(is_free);
        is_free
    }

    /// Gives one back. Whether somebody waits for it: whoever keeps the queue is to be told.
    ///
    /// # Panics
    /// If none was taken.
    pub fn give_back(&self) -> bool {
        let mut counts = self.lock();
        counts.taken = counts.taken.checked_sub(1).expect("it was taken");
        counts.waiting > 0
    }

    /// How many are taken.
    pub fn taken(&self) -> u32 {
        self.lock().taken
    }

    /// Somebody begins to wait.
    pub(crate) fn begin_wait(&self) {
        self.lock().waiting += 1;
    }

    /// Somebody waits no longer, and has none.
    pub(crate) fn end_wait(&self) {
        self.lock().waiting -= 1;
    }

    /// Takes one for somebody who waits, which ends their waiting.
    pub(crate) fn try_take_waiting(&self) -> bool {
        let mut counts = self.lock();
        let is_free = counts.taken < counts.max;
        counts.taken += u32::from(is_free);
        counts.waiting -= u32::from(is_free);
        is_free
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // The counts are whole whenever it is given back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
