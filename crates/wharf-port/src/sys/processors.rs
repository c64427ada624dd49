//! How many processors this process may run on.

/// Processors that this process may run on, at least 1: its affinity counts (`taskset`,
/// `start /affinity`), on Linux a control group's share of time as well.
pub fn processors() -> u32 {
    #[cfg(windows)]
    if let Some(count) = by_affinity() {
        return count;
    }
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

/// On Windows std counts the machine's processors. `None` where no mask tells: a process with
/// threads in several processor groups (GetProcessAffinityMask, Remarks).
#[cfg(windows)]
fn by_affinity() -> Option<u32> {
    use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessAffinityMask};
    let (mut process, mut system) = (0, 0);
    // SAFETY: both masks are ours, and written to during the call only; the handle of the current
    // process is a constant that nobody closes.
    let told = unsafe { GetProcessAffinityMask(GetCurrentProcess(), &mut process, &mut system) };
    (told != 0 && process != 0).then(|| process.count_ones())
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;
    use windows_sys::Win32::System::Threading::{
        GetCurrentProcess, GetProcessAffinityMask, SetProcessAffinityMask,
    };

    #[test]
    fn a_process_kept_to_one_processor_has_one() {
        let (mut before, mut system) = (0, 0);
        // SAFETY: both masks are ours, and written to during the call only.
        let told = unsafe { GetProcessAffinityMask(GetCurrentProcess(), &mut before, &mut system) };
        assert_ne!(told, 0);
        let first = 1 << before.trailing_zeros();
        for (mask, count) in [(first, 1), (before, before.count_ones())] {
            // SAFETY: no memory is involved.
            let done = unsafe { SetProcessAffinityMask(GetCurrentProcess(), mask) };
            assert_ne!(done, 0);
            assert_eq!(processors(), count);
        }
    }
}
