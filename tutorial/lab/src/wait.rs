//! Waiting for something that nobody announces.

use std::thread;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Waits until `condition` holds, looking again and again.
///
/// # Panics
/// When it does not within [`PATIENCE`]; the message says `what` was waited for.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "waited for {PATIENCE:?} until {what}"
        );
        thread::sleep(Duration::from_millis(1));
    }
}
