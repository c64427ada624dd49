//! The machine's own pauses: threads that only look at the clock, one beside the client and one
//! beside the server.

use crate::client::latencies;
use crate::server;
use hdrhistogram::Histogram;
use rustix::thread::{CpuSet, gettid, sched_setaffinity};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(1);

/// Runs until it is asked.
pub struct Probe {
    stop: Arc<AtomicBool>,
    /// On the client's core, and on the server's.
    threads: [JoinHandle<Histogram<u64>>; 2],
}

/// By how much a nap was too long, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Hiccups {
    pub p99_us: f64,
    pub max_us: f64,
}

impl Probe {
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let [client, server] = [(); 2].map(|()| stop.clone());
        let (ready, is_ready) = channel();
        let threads = [
            std::thread::spawn(move || look(&client)),
            std::thread::spawn(move || {
                let goes_first = goes_before_the_server();
                drop(ready);
                match goes_first {
                    true => look(&server),
                    false => latencies(),
                }
            }),
        ];
        // Nothing is measured while it makes its arrangements; it sends nothing, and then goes on.
        let _: Result<(), _> = is_ready.recv();
        Self { stop, threads }
    }

    /// What the worse of the two cores had.
    pub fn stop(self) -> Hiccups {
        self.stop.store(true, Ordering::Relaxed);
        let late = self
            .threads
            .map(|thread| thread.join().expect("it only looks at the clock"));
        let worst = |figure: fn(&Histogram<u64>) -> u64| {
            let [client, server] = [figure(&late[0]), figure(&late[1])];
            client.max(server) as f64
        };
        Hiccups {
            p99_us: worst(|late| late.value_at_quantile(0.99)),
            max_us: worst(Histogram::max),
        }
    }
}

/// Has this thread run on the server's core, and before all that runs there: only so is what it
/// waits for the machine's doing and not the server's. `false` where that is not allowed.
fn goes_before_the_server() -> bool {
    let mut cores = CpuSet::new();
    cores.set(server::CORE);
    let tid = gettid().as_raw_nonzero().to_string();
    let mut first = Command::new("chrt");
    first
        .args(["--fifo", "--pid", "1", &tid])
        .stderr(Stdio::null());
    first.status().is_ok_and(|status| status.success()) && sched_setaffinity(None, &cores).is_ok()
}

fn look(stop: &AtomicBool) -> Histogram<u64> {
    let mut late = latencies();
    while !stop.load(Ordering::Relaxed) {
        let before = Instant::now();
        std::thread::sleep(NAP);
        let excess = before.elapsed().saturating_sub(NAP);
        late.saturating_record(excess.as_micros() as u64);
    }
    late
}
