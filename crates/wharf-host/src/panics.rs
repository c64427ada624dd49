//! Panics in the log, in its format and its files, instead of text on standard error.
//!
//! A handler that panics at every frame does so at one place, and content names its room or session
//! each time; here a place is told once for each thread.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::BTreeSet;
use std::panic::{self, PanicHookInfo};
use std::sync::{Mutex, PoisonError};

/// Threads and places that are remembered as told. Panics at others are told every time.
const TOLD_MAX: usize = 1_024;

/// From here on, panics of all threads are told to `tracing`.
pub(crate) fn log() {
    let told = Mutex::new(BTreeSet::new());
    panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("without a name");
        let place = info.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (thread.to_owned(), place.clone());
        if told.contains(&key) {
            return;
        }
        if told.len() < TOLD_MAX {
            told.insert(key);
        }
        drop(told);
        tell(thread, &place, info);
    }));
}

fn tell(thread: &str, place: &str, info: &PanicHookInfo<'_>) {
    let panic = info.payload_as_str().unwrap_or("a panic without a message");
    // Taken where RUST_BACKTRACE asks for it, as ever.
    let backtrace = Backtrace::capture();
    let asked_for = backtrace.status() == BacktraceStatus::Captured;
    let backtrace = asked_for.then(|| tracing::field::display(backtrace));
    tracing::error!(thread, place, panic, backtrace, "a panic");
}
