//! How much each thread has to do.

use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What one thread counts. The others only read it.
#[derive(Default)]
pub struct Counters {
    handled: AtomicU64,
    waits: AtomicU64,
    busy_ns: AtomicU64,
}

impl Counters {
    /// The thread is about to wait.
    pub fn count_wait(&self) {
        self.waits.fetch_add(1, Relaxed);
    }

    /// So many events were handled since `begun`.
    pub fn count_handled(&self, events: usize, begun: Instant) {
        self.handled.fetch_add(events as u64, Relaxed);
        let busy_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.busy_ns.fetch_add(busy_ns, Relaxed);
    }

    /// The counts by now.
    pub fn read(&self, thread: String, longest: Option<usize>) -> Load {
        Load {
            thread,
            handled: self.handled.load(Relaxed),
            waits: self.waits.load(Relaxed),
            busy: Duration::from_nanos(self.busy_ns.load(Relaxed)),
            longest,
        }
    }
}

/// What one thread had to do so far.
#[derive(Clone, Debug)]
pub struct Load {
    /// Its name.
    pub thread: String,
    /// Events that it has handled: completions, or what a session was told.
    pub handled: u64,
    /// How often it had nothing to do.
    pub waits: u64,
    /// How long it had something to do, be it to wait for something else than work.
    pub busy: Duration,
    /// How many sessions have stood in its queue at most, if it has one.
    pub longest: Option<usize>,
}

impl Display for Load {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Load {
            thread,
            handled,
            waits,
            busy,
            longest,
        } = self;
        write!(f, "{thread}: handled {handled}, waited {waits} times, ")?;
        write!(f, "busy for {:.3} ms", busy.as_secs_f64() * 1000.0)?;
        match longest {
            Some(longest) => write!(f, ", at most {longest} in its queue"),
            None => Ok(()),
        }
    }
}
