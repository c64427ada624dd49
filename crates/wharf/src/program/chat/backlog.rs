//! Texts that wait to be shown on a terminal.
//!
//! A terminal takes them while a line is typed, and as fast as it can; the driver goes on
//! meanwhile, as it is the one who lets the next line be typed.

use super::super::operate::counted;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Texts that may wait; of more the oldest are left out.
const TEXTS_MAX: usize = 16_384;

/// Texts in the order in which they came.
///
/// Invariant: at most `max` wait; of those left out it is told how many, where they would stand.
#[derive(Clone)]
pub(super) struct Backlog {
    max: usize,
    shared: Arc<(Mutex<Waiting>, Condvar)>,
}

#[derive(Default)]
struct Waiting {
    texts: VecDeque<String>,
    left_out: u64,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self::of(TEXTS_MAX)
    }

    fn of(max: usize) -> Self {
        let shared = Arc::default();
        Self { max, shared }
    }

    /// One more; nobody waits for it to be shown.
    pub(super) fn add(&self, text: String) {
        let mut waiting = self.lock();
        if waiting.texts.len() >= self.max {
            waiting.texts.pop_front();
            waiting.left_out += 1;
        }
        waiting.texts.push_back(text);
        self.shared.1.notify_one();
    }

    /// The next to be shown; waits for it.
    pub(super) fn next(&self) -> String {
        let waiting = self.lock();
        let is_empty = |waiting: &mut Waiting| waiting.texts.is_empty();
        let waiting = self.shared.1.wait_while(waiting, is_empty);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut waiting.left_out) {
            0 => waiting.texts.pop_front().unwrap_or_default(),
            count => format!(
                "{} left out: they came faster than they can be shown\n",
                counted(count, "text")
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        let waiting = self.shared.0.lock();
        waiting.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_texts_the_oldest_are_left_out_and_counted() {
        let backlog = Backlog::of(2);
        backlog.add("1".to_owned());
        assert_eq!(backlog.next(), "1");
        for text in ["2", "3", "4", "5"] {
            backlog.add(text.to_owned());
        }
        assert!(backlog.next().starts_with("2 texts left out"));
        assert_eq!([backlog.next(), backlog.next()], ["4", "5"]);
    }
}
