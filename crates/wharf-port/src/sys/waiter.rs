//! A wait for threads that have no port: until a deadline, or until somebody wakes them.

#[cfg(not(windows))]
use super::bell::Bell;
use super::clock;
#[cfg(windows)]
use super::windows::Bell;
use crate::Waker;
use crate::waker::WakeFlag;
use core::fmt;
use std::sync::Arc;
use wharf_base::Instant;

/// Lets a logic thread sleep until its next deadline, or until a [`Waker`] ends the sleep.
pub struct Waiter {
    flag: wharf_base::sync::Arc<WakeFlag>,
    bell: Arc<Bell>,
}

impl Waiter {
    /// A waiter for one thread.
    ///
    /// # Panics
    /// If the system has no handle left (Windows).
    pub fn new() -> Self {
        Self {
            flag: wharf_base::sync::Arc::new(WakeFlag::new()),
            bell: Arc::new(Bell::new()),
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
