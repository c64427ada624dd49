//! What work costs: CPU time of a thread or a process, context switches, memory.

use std::time::Duration;

use cpu_time::{ProcessTime, ThreadTime};

/// CPU time that the calling thread spends in `work`.
pub fn of_this_thread(work: impl FnOnce()) -> Duration {
    let begun = ThreadTime::now();
    work();
    begun.elapsed()
}

/// CPU time that all threads of this process spend while `work` runs.
pub fn of_this_process(work: impl FnOnce()) -> Duration {
    let begun = ProcessTime::now();
    work();
    begun.elapsed()
}

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of its threads. On Linux to the nanosecond, without those of threads that have ended; on
    /// Windows to the millisecond or so.
    pub cpu: Duration,
    /// Context switches, wished for or not, of the threads that live. Linux only: 0 elsewhere.
    pub switches: u64,
    /// Memory that is not swapped out; now, not since it began.
    pub resident_bytes: u64,
}

impl Usage {
    /// Of this process.
    pub fn of_this_process() -> Self {
        Self::of(std::process::id())
    }

    /// Of the process with that id; zeros if there is none.
    pub fn of(process: u32) -> Self {
        system::usage(process)
    }

    /// What was used since `before`; the memory stays that of now.
    ///
    /// # Panics
    /// When less was used than before: on Linux a thread that ended takes what it had used with it.
    pub fn since(self, before: Self) -> Self {
        let gone = "a thread of the server ended while it was measured";
        Self {
            cpu: self.cpu.checked_sub(before.cpu).expect(gone),
            switches: self.switches.checked_sub(before.switches).expect(gone),
            ..self
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    //! `/proc` counts each thread to the nanosecond; whole processes in steps of 10 ms.

    use std::fs;
    use std::time::Duration;

    use super::Usage;

    pub(super) fn usage(process: u32) -> Usage {
        let mut usage = Usage::default();
        let threads = fs::read_dir(format!("/proc/{process}/task"));
        for thread in threads.into_iter().flatten().flatten() {
            let read = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
            usage.cpu += Duration::from_nanos(first_number(&read("schedstat")));
            let status = read("status");
            usage.switches += field(&status, "voluntary_ctxt_switches:");
            usage.switches += field(&status, "nonvoluntary_ctxt_switches:");
        }
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        usage.resident_bytes = 1024 * field(&status, "VmRSS:");
        usage
    }

    fn field(status: &str, name: &str) -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, first_number)
    }

    fn first_number(text: &str) -> u64 {
        let number = text.split_whitespace().next();
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::time::Duration;

    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

    use super::Usage;

    pub(super) fn usage(process: u32) -> Usage {
        let mut system = System::new();
        let process = Pid::from_u32(process);
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[process]),
            false,
            wanted.without_tasks(),
        );
        let Some(process) = system.process(process) else {
            return Usage::default();
        };
        Usage {
            cpu: Duration::from_millis(process.accumulated_cpu_time()),
            switches: 0,
            resident_bytes: process.memory(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    const WORK: Duration = Duration::from_millis(40);

    /// Works until that clock says that it was enough. Each test asks the clock that it is about:
    /// Wine's go on by 10 ms at a time, and not all of them at once.
    fn work(elapsed: impl Fn() -> Duration) {
        while elapsed() < WORK {
            black_box(0);
        }
    }

    #[test]
    fn work_costs_its_thread() {
        let done = of_this_thread(|| {
            let begun = ThreadTime::now();
            work(|| begun.elapsed());
        });
        assert!(done >= WORK, "{done:?}");
        // Of other threads, those that have ended do not count, and others may be about to.
        let used = Usage::of_this_process();
        assert!(used.cpu >= WORK / 2, "{used:?}");
        assert!(used.resident_bytes > 100_000, "{used:?}");
    }

    #[test]
    fn work_of_any_thread_costs_the_process_and_nobody_else() {
        let mut waited = Duration::ZERO;
        let done = of_this_process(|| {
            waited = of_this_thread(|| {
                let begun = ProcessTime::now();
                std::thread::scope(|scope| {
                    scope.spawn(|| work(|| begun.elapsed()));
                });
            });
        });
        assert!(done >= WORK, "{done:?}");
        assert!(waited < WORK, "{waited:?}");
    }

    #[test]
    fn a_process_that_is_gone_has_used_nothing() {
        assert_eq!(Usage::of(u32::MAX - 3), Usage::default());
    }
}
