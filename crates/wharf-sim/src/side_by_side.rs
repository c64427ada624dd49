//! Work that comes in numbers, such as seeds, done by all processors at once and told in order: so
//! what is told depends on the numbers alone.

use core::fmt::Write as _;
use core::num::NonZero;
use core::ops::{ControlFlow, Range};
use core::sync::atomic::{AtomicU64, Ordering};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::mpsc;
use std::thread;

/// Does `work` for each number, and gives what came of it to `tell`, in order, until that has heard
/// enough.
pub fn side_by_side<T: Send>(
    numbers: Range<u64>,
    work: impl Fn(u64) -> T + Sync,
    mut tell: impl FnMut(u64, T) -> ControlFlow<()>,
) {
    let (next, mut due) = (AtomicU64::new(numbers.start), numbers.start);
    let (next, work) = (&next, &work);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let (sender, done) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // Once enough was heard, nobody takes what is sent.
                    if number >= numbers.end || sender.send((number, work(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        for (number, outcome) in done {
            early.insert(number, outcome);
            while let Some(outcome) = early.remove(&due) {
                if tell(due, outcome).is_break() {
                    return;
                }
                due += 1;
            }
        }
    });
}

thread_local! {
    /// What panics have said on this thread, while somebody listens.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on what panics say within [`quietly`] is kept for whoever called that.
pub fn keep_last_words() {
    let aloud = take_hook();
    set_hook(Box::new(move |panic| {
        let is_kept = SAID.with_borrow_mut(|said| {
            let Some(said) = said else { return false };
            let _ = writeln!(said, "{panic}");
            let trace = Backtrace::capture();
            if trace.status() == BacktraceStatus::Captured {
                let _ = writeln!(said, "{trace}");
            }
            true
        });
        if !is_kept {
            aloud(panic);
        }
    }));
}

/// Does something.
///
/// # Errors
/// If it panics: everything that was said of panics meanwhile, behind [`keep_last_words`].
pub fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    SAID.set(Some(String::new()));
    let done = catch_unwind(AssertUnwindSafe(work));
    let said = SAID.take().unwrap_or_default();
    done.map_err(|_| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_in_any_order_is_told_in_order_until_enough_is_heard() {
        let mut told = Vec::new();
        side_by_side(
            3..1_000,
            |number| number * number,
            |number, square| {
                told.push((number, square));
                match number {
                    6 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            },
        );
        assert_eq!(told, [(3, 9), (4, 16), (5, 25), (6, 36)]);
    }

    #[test]
    fn what_a_panic_says_is_for_whoever_listens() {
        keep_last_words();
        assert_eq!(quietly(|| 7), Ok(7));
        let said = quietly(|| assert_eq!(1, 2, "numbers")).unwrap_err();
        assert!(said.contains("numbers"), "{said}");
    }
}
