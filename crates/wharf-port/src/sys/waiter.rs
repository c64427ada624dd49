//! A wait for threads that have no port: until a deadline, or until somebody wakes them.

use super::clock;
use crate::Waker;
use crate::waker::{Kick, WakeFlag};
use core::fmt;
use core::mem;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use wharf_base::Instant;

/// Lets a logic thread sleep until its next deadline, or until a [`Waker`] ends the sleep.
pub struct Waiter {
    flag: wharf_base::sync::Arc<WakeFlag>,
    bell: Arc<Bell>,
}

impl Waiter {
    /// A waiter for one thread.
    pub fn new() -> Self {
        Self {
            flag: wharf_base::sync::Arc::new(WakeFlag::new()),
            bell: Arc::default(),
        }
    }

    /// A handle with which any thread ends the wait.
    pub fn waker(&self) -> Waker {
        Waker::new(self.flag.clone(), self.bell.clone())
    }

    /// Sleeps until `until` (for ever if `None`) or until woken, and returns the time on leaving.
    /// A wake that came since the last wait ends this one at once. May return early.
    pub fn wait(&mut self, until: Option<Instant>) -> Instant {
        let now = clock::now();
        let is_due = until.is_some_and(|until| until <= now);
        if is_due {
            let _ = self.flag.end_sleep();
            return now;
        }
        if self.flag.begin_sleep() {
            self.bell
                .sleep(until.map(|until| until.saturating_since(now)));
        }
        let _ = self.flag.end_sleep();
        clock::now()
    }
}

impl Default for Waiter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiter")
    }
}

/// What a kick rings. A ring that comes after its sleeper left is heard by the next sleep, which
/// then ends early.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Bell {
    fn sleep(&self, timeout: Option<core::time::Duration>) {
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn a_wake_before_the_wait_ends_it_at_once() {
        let mut waiter = Waiter::new();
        waiter.waker().wake();
        waiter.wait(None);
    }

    #[test]
    fn a_wake_from_another_thread_ends_a_wait_without_deadline() {
        let mut waiter = Waiter::new();
        for _ in 0..1_000 {
            let waker = waiter.waker();
            let waking = std::thread::spawn(move || waker.wake());
            waiter.wait(None);
            waking.join().expect("waking does not panic");
        }
    }

    #[test]
    fn a_wait_ends_at_its_deadline_and_not_before() {
        let mut waiter = Waiter::new();
        let until = clock::now() + Duration::from_millis(2);
        let mut now = clock::now();
        while now < until {
            now = waiter.wait(Some(until));
        }
        assert!(waiter.wait(Some(until)) >= until);
    }
}
