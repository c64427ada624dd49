//! The machine's own pauses: a thread that does nothing but look at the clock.

use super::cores::Cores;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(1);

/// Runs `work`; beside its result, by how much the longest nap meanwhile was too long.
pub(super) fn watch<T>(cores: &Cores, work: impl FnOnce() -> T) -> (T, Duration) {
    let (working, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            cores.run_anywhere();
            let mut longest = Duration::ZERO;
            loop {
                let before = Instant::now();
                if ended.recv_timeout(NAP) != Err(RecvTimeoutError::Timeout) {
                    return longest;
                }
                longest = longest.max(before.elapsed().saturating_sub(NAP));
            }
        });
        let result = work();
        drop(working);
        (result, watcher.join().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_ends_with_the_work_and_its_pauses_are_shorter() {
        let before = Instant::now();
        let (result, longest) = watch(&Cores::take(), || {
            while before.elapsed() < 5 * NAP {}
            7
        });
        assert_eq!(result, 7);
        assert!(longest <= before.elapsed(), "{longest:?}");
    }
}
