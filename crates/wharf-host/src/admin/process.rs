//! What the process has used, as the system counts it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Reads this process's accounts.
pub(super) struct Meter {
    system: System,
    process: Pid,
    /// Its threads when they were last looked at (Linux only).
    tasks: BTreeSet<Pid>,
}

/// What the process has used so far. What a system does not tell is `None`, or not there.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    /// Memory that is not swapped out.
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) descriptors: Option<u64>,
    pub(super) descriptors_max: Option<u64>,
    /// CPU by the names of threads, those of one name together (Linux only).
    pub(super) threads: BTreeMap<String, Duration>,
}

impl Meter {
    pub(super) fn new() -> Self {
        // The descriptors of this process are the sessions': it keeps no file open. (It does raise
        // the soft limit of descriptors to the hard one, which no session notices.)
        sysinfo::set_open_files_limit(0);
        Self {
            tasks: BTreeSet::new(),
            system: System::new(),
            process: Pid::from_u32(std::process::id()),
        }
    }

    /// What has been used by now, in the steps of 10 ms in which systems count.
    pub(super) fn read(&mut self) -> Usage {
        let wanted = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_memory()
            .with_tasks();
        self.refresh(&[self.process], wanted);
        self.refresh_tasks();
        let Some(process) = self.system.process(self.process) else {
            return Usage::default();
        };
        let cpu =
            |process: &sysinfo::Process| Duration::from_millis(process.accumulated_cpu_time());
        let mut threads = BTreeMap::new();
        for task in self
            .tasks
            .iter()
            .filter_map(|task| self.system.process(*task))
        {
            let name = task.name().to_string_lossy().into_owned();
            *threads.entry(name).or_default() += cpu(task);
        }
        Usage {
            cpu: cpu(process),
            resident_bytes: process.memory(),
            virtual_bytes: process.virtual_memory(),
            descriptors: process.open_files().map(|count| count as u64),
            descriptors_max: process.open_files_limit().map(|count| count as u64),
            threads,
        }
    }

    /// Looks at every thread that is there, and once more at those that were, which forgets them.
    fn refresh_tasks(&mut self) {
        let process = self.system.process(self.process);
        let tasks = process.and_then(|process| process.tasks());
        let now: BTreeSet<Pid> = tasks.into_iter().flatten().copied().collect();
        let both: Vec<Pid> = self.tasks.union(&now).copied().collect();
        self.tasks = now;
        if !both.is_empty() {
            self.refresh(&both, ProcessRefreshKind::nothing().with_cpu());
        }
    }

    fn refresh(&mut self, which: &[Pid], wanted: ProcessRefreshKind) {
        let which = ProcessesToUpdate::Some(which);
        self.system.refresh_processes_specifics(which, true, wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_usage_is_known_and_grows() {
        let mut meter = Meter::new();
        let before = meter.read();
        assert!(before.resident_bytes > 100_000, "{before:?}");
        let mut number = 1_u64;
        loop {
            for _ in 0..1_000_000 {
                number = std::hint::black_box(number.wrapping_mul(3));
            }
            let after = meter.read();
            if after.cpu >= before.cpu + Duration::from_millis(30) {
                return;
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_known_by_its_name_and_a_descriptor_is_counted() {
        let mut meter = Meter::new();
        let before = meter.read();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (begin, begun) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("io-77".into());
        let thread = thread.spawn(move || {
            begin.send(()).unwrap();
            ended.recv()
        });
        let _file = std::fs::File::open("/proc/self/stat").unwrap();
        begun.recv().unwrap();
        let usage = meter.read();
        drop(end);
        assert!(usage.threads.contains_key("io-77"), "{usage:?}");
        assert!(!before.threads.contains_key("io-77"), "{before:?}");
        assert!(usage.descriptors.unwrap() > 0 && usage.descriptors_max.unwrap() > 0);
        thread.unwrap().join().unwrap().unwrap_err();
    }
}
