//! What a process has used, as the system counts it.

use std::time::Duration;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Reads the accounts of the server and of this process.
pub(super) struct Meter {
    system: System,
    server: Pid,
    clients: Pid,
}

/// What both have used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) server_cpu: Duration,
    pub(super) clients_cpu: Duration,
    /// Memory of the server that is not swapped out.
    pub(super) server_resident_bytes: u64,
}

impl Meter {
    /// A meter of the server with this process id.
    pub(super) fn new(server: u32) -> Self {
        Self {
            system: System::new(),
            server: Pid::from_u32(server),
            clients: Pid::from_u32(std::process::id()),
        }
    }

    /// What has been used by now; by a process that is gone, what it had used when last seen.
    pub(super) fn read(&mut self) -> Usage {
        let wanted = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_memory()
            .without_tasks();
        let both = [self.server, self.clients];
        self.system
            .refresh_processes_specifics(ProcessesToUpdate::Some(&both), false, wanted);
        let cpu = |pid| {
            let process = self.system.process(pid);
            Duration::from_millis(process.map_or(0, |it| it.accumulated_cpu_time()))
        };
        let resident = self.system.process(self.server).map(|it| it.memory());
        Usage {
            server_cpu: cpu(self.server),
            clients_cpu: cpu(self.clients),
            server_resident_bytes: resident.unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_usage_grows() {
        let mut meter = Meter::new(std::process::id());
        let before = meter.read();
        let mut number = 1_u64;
        loop {
            for _ in 0..1_000_000 {
                number = std::hint::black_box(number.wrapping_mul(3));
            }
            let after = meter.read();
            assert_eq!(after.server_cpu, after.clients_cpu);
            if after.server_cpu >= before.server_cpu + Duration::from_millis(30) {
                assert!(after.server_resident_bytes > 100_000, "{after:?}");
                return;
            }
        }
    }
}
