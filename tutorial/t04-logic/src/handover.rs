//! How one thread gives work to another: a queue, whose takers sleep while there is nothing in it.

use crate::sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;

/// A queue between threads. Any number of them may give, and any number take.
#[derive(Default)]
pub struct Handover<T> {
    queue: Mutex<Queue<T>>,
    /// Somebody who sleeps is woken by this.
    given: Condvar,
}

struct Queue<T> {
    waiting: VecDeque<T>,
    longest: usize,
}

impl<T> Handover<T> {
    /// Puts something behind what waits, and wakes one who sleeps.
    pub fn give(&self, something: T) {
        let mut queue = self.lock();
        queue.waiting.push_back(something);
        queue.longest = queue.longest.max(queue.waiting.len());
        drop(queue);
        // Who is about to sleep has the lock until it does, so it either has seen what was put
        // there, or sleeps by now and hears this.
        self.given.notify_one();
    }

    /// Takes what has waited longest; while there is nothing, sleeps. `on_wait` is called each time
    /// before that.
    pub fn take(&self, mut on_wait: impl FnMut()) -> T {
        let mut queue = self.lock();
        loop {
            if let Some(something) = queue.waiting.pop_front() {
                return something;
            }
            on_wait();
            queue = self.sleep(queue);
        }
    }

    /// The most that ever waited here.
    pub fn longest(&self) -> usize {
        self.lock().longest
    }

    /// Sleeps, without the lock, until something is given; or, it may be, for no reason.
    fn sleep<'a>(&'a self, queue: MutexGuard<'a, Queue<T>>) -> MutexGuard<'a, Queue<T>> {
        // The fault: it does not wait to be told, but looks again and again.
        if cfg!(feature = "faulty") {
            drop(queue);
            std::thread::sleep(std::time::Duration::from_millis(1));
            return self.lock();
        }
        self.given.wait(queue).expect(NO_PANIC)
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().expect(NO_PANIC)
    }
}

const NO_PANIC: &str = "nothing in here panics";

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue {
            waiting: VecDeque::new(),
            longest: 0,
        }
    }
}
