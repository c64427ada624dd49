//! Handles: what the system lends, and how an object of it is waited for.
//!
//! | Win32 | Linux | Rust |
//! |---|---|---|
//! | `HANDLE`, `CloseHandle` | a descriptor, `close` | [`OwnedHandle`], [`OwnedFd`]: it closes |
//! | `INVALID_HANDLE_VALUE` or `NULL`, `GetLastError()` | `-1`, `errno` | `io::Result` |
//! | `CreateEvent`, `SetEvent` | `eventfd`, `write` | [`Event`], below |
//! | `WaitForSingleObject` | `poll` | [`Event::wait`] |
//!
//! The calls themselves are in `sys.rs`, where they are made safe once.
//!
//! [`OwnedHandle`]: https://doc.rust-lang.org/std/os/windows/io/struct.OwnedHandle.html
//! [`OwnedFd`]: https://doc.rust-lang.org/std/os/fd/struct.OwnedFd.html

use std::io;
use std::thread;
use std::time::Duration;

pub use crate::sys::Event;

/// Signals an event from another thread, and waits for it.
///
/// # Errors
///
/// When the system has no handle to spare.
pub fn show() -> io::Result<()> {
    let event = Event::new()?;
    let soon = Duration::from_millis(10);
    println!("before the signal: {}", said(event.wait(soon)?));
    thread::scope(|scope| {
        scope.spawn(|| event.signal());
        event.wait(Duration::MAX)
    })?;
    println!("after the signal:  {}", said(event.wait(soon)?));
    Ok(())
}

fn said(signalled: bool) -> &'static str {
    if signalled { "signalled" } else { "timed out" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stays_signalled_for_all_who_wait() {
        let event = Event::new().unwrap();
        assert!(!event.wait(Duration::ZERO).unwrap());
        event.signal().unwrap();
        event.signal().unwrap();
        assert!(event.wait(Duration::MAX).unwrap());
        assert!(event.wait(Duration::ZERO).unwrap());
    }
}
