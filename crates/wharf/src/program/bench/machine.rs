//! What is known of this machine.

use indicatif::HumanCount;
use serde::Serialize;
use std::fmt;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use wharf_host::config;

/// The machine as far as its numbers depend on it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    system: String,
    processor: String,
    processors: u32,
    /// Memory that could be used now.
    pub(super) available_bytes: u64,
    /// Descriptors that a process may have at the most; `None` where there is no limit.
    descriptors_max: Option<u64>,
}

impl Machine {
    /// Looks at it.
    pub(super) fn look() -> Self {
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let seen = System::new_with_specifics(wanted);
        let whole = seen.available_memory();
        // In a container, what it may still take.
        let allowed = seen
            .cgroup_limits()
            .map_or(whole, |limits| limits.free_memory);
        let processor = seen.cpus().first().map_or("", |cpu| cpu.brand().trim());
        let machine = wharf_host::machine::look();
        Self {
            system: System::long_os_version().unwrap_or_else(|| std::env::consts::OS.to_owned()),
            processor: processor.to_owned(),
            processors: machine.processors,
            available_bytes: whole.min(allowed),
            descriptors_max: machine.descriptors_max,
        }
    }

    /// What it gives a process.
    pub(super) fn limits(&self) -> config::Machine {
        config::Machine {
            processors: self.processors,
            descriptors_max: self.descriptors_max,
        }
    }

    #[cfg(test)]
    pub(super) fn example() -> Self {
        Self {
            system: "Linux".into(),
            processor: "one of two".into(),
            processors: 2,
            available_bytes: 1 << 30,
            descriptors_max: Some(20_000),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processor = match self.processor.as_str() {
            "" => "processors",
            name => name,
        };
        let count = HumanCount(self.processors.into());
        write!(f, "{}; {count} x {processor}", self.system)
    }
}
