//! What a kick rings, where a condition variable is fine enough.

use crate::waker::Kick;
use core::mem;
use core::time::Duration;
use std::sync::{Condvar, Mutex, PoisonError};

/// What a kick rings. A ring that comes after its sleeper left is heard by the next sleep, which
/// then ends early.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sleeps until somebody rings, or for `timeout`.
    pub(crate) fn sleep(&self, timeout: Option<Duration>) {
        // The boolean is whole at any moment, so a poisoned lock is still a good one.
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = |rung: &mut bool| !*rung;
        rung = match timeout {
            None => self
                .ring
                .wait_while(rung, silent)
                .unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                self.ring
                    .wait_timeout_while(rung, timeout, silent)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        let _ = mem::take(&mut *rung);
    }
}

impl Kick for Bell {
    fn kick(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ring.notify_one();
    }
}
