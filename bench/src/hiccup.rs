//! The machine's own pauses: a thread that only looks at the clock.

use crate::client::latencies;
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(1);

/// Runs until it is asked; beside the client, on its core.
pub struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Histogram<u64>>,
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
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || {
                let mut late = latencies();
                while !stop.load(Ordering::Relaxed) {
                    let before = Instant::now();
                    std::thread::sleep(NAP);
                    let excess = before.elapsed().saturating_sub(NAP);
                    late.saturating_record(excess.as_micros() as u64);
                }
                late
            }
        });
        Self { stop, thread }
    }

    pub fn stop(self) -> Hiccups {
        self.stop.store(true, Ordering::Relaxed);
        let late = self.thread.join().expect("it only looks at the clock");
        Hiccups {
            p99_us: late.value_at_quantile(0.99) as f64,
            max_us: late.max() as f64,
        }
    }
}
