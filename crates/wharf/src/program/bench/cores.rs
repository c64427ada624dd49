//! Which processors the server and its clients run on.

use std::fmt;

/// The server's core and the clients', apart if the system allows.
pub(super) struct Cores {
    threads: u32,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pinned: Option<linux::Pinned>,
}

/// More client threads than this wait for the one shard.
const CLIENT_THREADS_MAX: u32 = 4;

impl Cores {
    /// Takes all cores but the server's for this thread, and for those that it starts.
    pub(super) fn take() -> Self {
        let processors = wharf_port::processors();
        Self {
            threads: (processors - 1).clamp(1, CLIENT_THREADS_MAX),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            pinned: linux::Pinned::take(),
        }
    }

    /// How many threads the clients have.
    pub(super) fn client_threads(&self) -> u32 {
        self.threads
    }

    /// Whether the server has a core of its own.
    pub(super) fn are_apart(&self) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return self.pinned.is_some();
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        false
    }

    /// Runs `start`, which starts a process, on the server's core: it stays there.
    pub(super) fn on_the_servers<T>(&self, start: impl FnOnce() -> T) -> T {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(pinned) = &self.pinned {
            return pinned.on_the_servers(start);
        }
        start()
    }

    /// Lets the calling thread run anywhere.
    pub(super) fn run_anywhere(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(pinned) = &self.pinned {
            pinned.run_anywhere();
        }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.threads;
        let s = if threads == 1 { "" } else { "s" };
        if self.are_apart() {
            write!(
                f,
                "the server on one core, {threads} client thread{s} on the others"
            )
        } else {
            write!(
                f,
                "{threads} client thread{s}; nobody has a core of its own"
            )
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// The processors as they were divided.
    pub(super) struct Pinned {
        all: CpuSet,
        server: CpuSet,
        clients: CpuSet,
    }

    impl Pinned {
        /// Divides them, if there are two at least and the system lets us.
        pub(super) fn take() -> Option<Self> {
            let all = sched_getaffinity(None).ok()?;
            // The first often has the interrupts.
            let last = (0..CpuSet::MAX_CPU).rev().find(|&cpu| all.is_set(cpu))?;
            let (mut server, mut clients) = (CpuSet::new(), all);
            server.set(last);
            clients.unset(last);
            let divided = clients.count() > 0 && sched_setaffinity(None, &clients).is_ok();
            divided.then_some(Self {
                all,
                server,
                clients,
            })
        }

        pub(super) fn on_the_servers<T>(&self, start: impl FnOnce() -> T) -> T {
            // What was allowed once is allowed again; and if not, only the numbers are worse.
            let _ = sched_setaffinity(None, &self.server);
            let started = start();
            let _ = sched_setaffinity(None, &self.clients);
            started
        }

        pub(super) fn run_anywhere(&self) {
            let _ = sched_setaffinity(None, &self.all);
        }
    }
}
