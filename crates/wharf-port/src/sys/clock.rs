//! The monotonic clock, as [`wharf_base::Instant`]: exact, and quick.

use std::sync::OnceLock;
use wharf_base::Instant;

/// The time now, counted from the first look at a clock in this process.
pub fn now() -> Instant {
    Instant::from_nanos(exact_ns().saturating_sub(origin().exact_ns))
}

/// The time at the system's last tick: up to 4 ms behind [`now`] on Linux, 16 ms on Windows, and
/// never before an earlier look at this clock. A look costs a fifth of one at the exact clock,
/// since no hardware is asked.
pub fn quick() -> Instant {
    Instant::from_nanos(tick_ns().saturating_sub(origin().tick_ns))
}

/// The first look, on both clocks.
struct Origin {
    exact_ns: u64,
    tick_ns: u64,
}

fn origin() -> &'static Origin {
    static ORIGIN: OnceLock<Origin> = OnceLock::new();
    ORIGIN.get_or_init(|| Origin {
        exact_ns: exact_ns(),
        tick_ns: tick_ns(),
    })
}

/// `clock_getres(2)`: the clock that std's `Instant` reads, without the arithmetic of seconds and
/// nanoseconds apart, which takes longer than the look. Wraps after 584 years.
#[cfg(target_os = "linux")]
fn exact_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

#[cfg(not(target_os = "linux"))]
fn exact_ns() -> u64 {
    static FIRST: OnceLock<std::time::Instant> = OnceLock::new();
    let elapsed = FIRST.get_or_init(std::time::Instant::now).elapsed();
    elapsed.as_nanos() as u64
}

/// `clock_getres(2)`: CLOCK_MONOTONIC_COARSE, "a faster but less precise version" of the exact one.
#[cfg(target_os = "linux")]
fn tick_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC_COARSE)
}

#[cfg(target_os = "linux")]
fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes to `time`, which is ours, and to nothing else.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(failed, 0, "every Linux has these clocks");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// `GetTickCount64` (sysinfoapi.h): milliseconds since the system was started.
#[cfg(windows)]
fn tick_ns() -> u64 {
    // SAFETY: takes nothing and touches no memory of ours.
    let milliseconds = unsafe { windows_sys::Win32::System::SystemInformation::GetTickCount64() };
    milliseconds * 1_000_000
}

/// No quicker clock is known here.
#[cfg(not(any(target_os = "linux", windows)))]
fn tick_ns() -> u64 {
    exact_ns()
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn the_quick_clock_follows_the_exact_one() {
        let begun = quick();
        while now() < Instant::ZERO + Duration::from_millis(50) || quick() == begun {
            let (quick, exact) = (quick(), now());
            // The tick that the origin was seen at may have been old; then it runs ahead by that.
            assert!(
                quick <= exact + Duration::from_millis(20),
                "{quick:?} {exact:?}"
            );
        }
        assert!(quick() > begun);
    }
}
