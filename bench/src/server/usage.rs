//! What the kernel says of a process.

use std::fs;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu_ns: u64,
    /// Context switches, wished for or not.
    pub switches: u64,
    pub resident_kib: u64,
}

impl Usage {
    /// Of those threads of a process whose names are to be counted, and the memory of all; zero for
    /// one that has gone.
    pub fn of(pid: u32, counts: fn(&str) -> bool) -> Self {
        let mut usage = Self::default();
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let read = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            if !counts(read("comm").trim_end()) {
                continue;
            }
            usage.cpu_ns += first_number(&read("schedstat"));
            let status = read("status");
            usage.switches += field(&status, "voluntary_ctxt_switches:");
            usage.switches += field(&status, "nonvoluntary_ctxt_switches:");
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        usage.resident_kib = field(&status, "VmRSS:");
        usage
    }

    /// What was used since `before`; the memory is that of now.
    ///
    /// # Errors
    /// When less was used than before: a thread that was counted has ended, with what it had used.
    pub fn since(self, before: Self) -> Result<Self, String> {
        let less = |now: u64, before: u64| {
            let used = now.checked_sub(before);
            used.ok_or("a thread of the server ended while it was measured")
        };
        Ok(Self {
            cpu_ns: less(self.cpu_ns, before.cpu_ns)?,
            switches: less(self.switches, before.switches)?,
            resident_kib: self.resident_kib,
        })
    }

    /// Of the calling thread.
    pub fn of_this_thread() -> Self {
        let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        Self {
            cpu_ns: first_number(&schedstat),
            ..Self::default()
        }
    }
}

/// Kibibytes that the kernel has in use for TCP buffers, whose ever they are.
pub fn kernel_tcp_kib() -> u64 {
    let sockstat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = sockstat
        .lines()
        .find(|line| line.starts_with("TCP:"))
        .unwrap_or_default();
    let pages = tcp
        .split_once(" mem ")
        .map_or(0, |(_, pages)| first_number(pages));
    // Pages of 4 KiB.
    4 * pages
}

fn first_number(text: &str) -> u64 {
    let number = text.split_whitespace().next();
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, first_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_ended_is_told_and_not_taken_for_a_saving() {
        let of = |cpu_ns, switches| Usage {
            cpu_ns,
            switches,
            resident_kib: 9,
        };
        let used = of(70, 12).since(of(20, 10)).unwrap();
        assert_eq!((used.cpu_ns, used.switches, used.resident_kib), (50, 2, 9));
        assert!(of(10, 12).since(of(20, 10)).is_err());
        assert!(of(70, 2).since(of(20, 10)).is_err());
    }

    #[test]
    fn our_own_usage_grows() {
        let before = Usage::of(std::process::id(), |_| true);
        let mut number = 1_u64;
        while Usage::of_this_thread().cpu_ns < before.cpu_ns + 20_000_000 {
            number = number.wrapping_mul(3).wrapping_add(1);
        }
        let after = Usage::of(std::process::id(), |_| true);
        let nobody = Usage::of(std::process::id(), |name| name == "nobody");
        assert_eq!(nobody.cpu_ns, 0);
        assert!(
            after.cpu_ns > before.cpu_ns && after.resident_kib > 100,
            "{after:?} {number}"
        );
    }
}
