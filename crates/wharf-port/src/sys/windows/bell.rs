//! What a kick rings on Windows: an event beside a timer that is finer than the clock tick.

use super::completion_port::last_error;
use crate::waker::Kick;
use core::ptr;
use core::time::Duration;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use windows_sys::Win32::Foundation::{HANDLE, WAIT_FAILED};
use windows_sys::Win32::System::Threading::{
    CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, CreateEventW, CreateWaitableTimerExW, INFINITE,
    SetEvent, SetWaitableTimer, TIMER_ALL_ACCESS, WaitForMultipleObjects,
};

/// A bell that ends a sleep, now or at a time. A ring that comes after its sleeper left is heard by
/// the next sleep, which then ends early.
///
/// A wait with a time-out of its own, a condition variable's for one, ends with the clock tick: up
/// to 15.6 ms late, which is a whole tick of a game. Hence the timer.
pub(crate) struct Bell {
    /// Resets itself when a sleep sees it.
    rung: OwnedHandle,
    timer: OwnedHandle,
}

impl Bell {
    /// # Panics
    /// If the system has no handle left.
    pub(crate) fn new() -> Self {
        // SAFETY: no memory is involved: no attributes, no name.
        let rung = unsafe { CreateEventW(ptr::null(), 0, 0, ptr::null()) };
        // Windows 10, version 1803, and later; before that, a timer of the common kind.
        let timer = [CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, 0]
            .into_iter()
            // SAFETY: as above.
            .map(|flags| unsafe {
                CreateWaitableTimerExW(ptr::null(), ptr::null(), flags, TIMER_ALL_ACCESS)
            })
            .find(|timer| !timer.is_null());
        Self {
            rung: owned(rung),
            timer: owned(timer.unwrap_or_default()),
        }
    }

    /// Sleeps until somebody rings, or for `timeout`.
    pub(crate) fn sleep(&self, timeout: Option<Duration>) {
        let handles = [self.rung.as_raw_handle(), self.timer.as_raw_handle()];
        let mut watched = 1;
        if let Some(timeout) = timeout {
            self.set_timer(timeout);
            watched = 2;
        }
        // SAFETY: reads `watched` handles, which are open.
        let woken = unsafe { WaitForMultipleObjects(watched, handles.as_ptr(), 0, INFINITE) };
        assert!(woken != WAIT_FAILED, "a wait failed: {}", last_error());
    }

    fn set_timer(&self, timeout: Duration) {
        // MSDN, SetWaitableTimer: in units of 100 ns, "negative values indicate relative time".
        let units = timeout.as_nanos().div_ceil(100);
        let due = i64::try_from(units).map_or(i64::MIN, |units| -units);
        // SAFETY: reads `due` during the call; no routine to call.
        let set = unsafe {
            SetWaitableTimer(
                self.timer.as_raw_handle(),
                &raw const due,
                0,
                None,
                ptr::null(),
                0,
            )
        };
        assert!(set != 0, "a timer refused its time: {}", last_error());
    }
}

impl Kick for Bell {
    fn kick(&self) {
        // SAFETY: the handle is open.
        let set = unsafe { SetEvent(self.rung.as_raw_handle()) };
        assert!(set != 0, "an event refused to be set: {}", last_error());
    }
}

fn owned(handle: HANDLE) -> OwnedHandle {
    assert!(!handle.is_null(), "no handle left: {}", last_error());
    // SAFETY: just made, owned by nobody else.
    unsafe { OwnedHandle::from_raw_handle(handle) }
}
