//! The threads that hash passwords. A hash takes tens of milliseconds, so it is computed beside the
//! threads that serve people, and behind them: where the system allows it, at a lower priority.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use wharf_accounts::{HashJob, HashResult, Hashed, Hasher, JobId};

/// By how much hash workers are nicer than others, as `nice(1)` counts.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// How many hash passwords, and how many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashWorkerOptions {
    /// Threads. Each keeps the memory of one hash: 19 MiB at least.
    pub threads: usize,
    /// Jobs that wait at the most. More are given back.
    pub queue_max: usize,
}

impl HashWorkerOptions {
    /// A quarter of the processors, one at least.
    pub fn for_processors(processors: usize) -> Self {
        Self {
            threads: (processors / 4).max(1),
            queue_max: 1_024,
        }
    }
}

/// Where results go.
pub trait HashResults: Send + Sync + 'static {
    /// What came of a job; each gets exactly one. Called on a worker's thread; does not block.
    fn hashed(&self, job: JobId, hashed: Hashed);
}

impl<F: Fn(JobId, Hashed) + Send + Sync + 'static> HashResults for F {
    fn hashed(&self, job: JobId, hashed: Hashed) {
        self(job, hashed);
    }
}

/// What hash workers have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashStats {
    /// Threads.
    pub threads: usize,
    /// Jobs that wait.
    pub waiting: usize,
    /// How many may.
    pub waiting_max: usize,
    /// Jobs that were done.
    pub done: u64,
    /// Jobs that were given back, because too many waited.
    pub refused: u64,
    /// How long the workers were at it, all together.
    pub busy: Duration,
}

/// Hash workers. Dropping them ends what they are at, and answers what waits as failed.
pub struct HashWorkers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    is_wanted: Condvar,
    queue_max: usize,
    results: Box<dyn HashResults>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<HashJob>,
    stats: HashStats,
    is_over: bool,
}

impl HashWorkers {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(options: HashWorkerOptions, results: impl HashResults) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            is_wanted: Condvar::new(),
            queue_max: options.queue_max,
            results: Box::new(results),
        });
        let mut workers = Self {
            shared,
            threads: Vec::new(),
        };
        for index in 0..options.threads.max(1) {
            let shared = Arc::clone(&workers.shared);
            let thread = thread::Builder::new().name(format!("hash {index}"));
            // If one cannot be started, dropping ends the others.
            workers.threads.push(thread.spawn(move || work(&shared))?);
        }
        Ok(workers)
    }

    /// Has a password hashed. Never blocks.
    ///
    /// # Errors
    /// The job, if too many wait already: it gets no result.
    pub fn hash(&self, job: HashJob) -> Result<(), HashJob> {
        let mut state = self.shared.lock();
        if state.waiting.len() >= self.shared.queue_max {
            state.stats.refused += 1;
            return Err(job);
        }
        state.waiting.push_back(job);
        drop(state);
        self.shared.is_wanted.notify_one();
        Ok(())
    }

    /// What was done so far.
    pub fn stats(&self) -> HashStats {
        let state = self.shared.lock();
        HashStats {
            threads: self.threads.len(),
            waiting: state.waiting.len(),
            waiting_max: self.shared.queue_max,
            ..state.stats
        }
    }
}

impl Drop for HashWorkers {
    fn drop(&mut self) {
        let left = {
            let mut state = self.shared.lock();
            state.is_over = true;
            core::mem::take(&mut state.waiting)
        };
        self.shared.is_wanted.notify_all();
        for job in left {
            let hashed = Hashed {
                result: HashResult::Failed,
                took: Duration::ZERO,
            };
            self.shared.results.hashed(job.id, hashed);
        }
        for thread in self.threads.drain(..) {
            // It has said why, if it panicked.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a job; `None` when it is over.
    fn take(&self) -> Option<HashJob> {
        let state = self.lock();
        let state = self
            .is_wanted
            .wait_while(state, |state| state.waiting.is_empty() && !state.is_over);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.waiting.pop_front()
    }
}

fn work(shared: &Shared) {
    step_back();
    // Nineteen MiB in small pages would have this thread push those of the others out of the
    // processor's tables.
    let new_hasher = || Hasher::new(wharf_port::prefer_large_pages);
    let mut hasher = new_hasher();
    while let Some(job) = shared.take() {
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| hasher.run(&job.work)));
        let result = result.unwrap_or_else(|_| {
            // The panic hook has logged it; its memory may be in any state.
            hasher = new_hasher();
            HashResult::Failed
        });
        let took = begun.elapsed();
        let mut state = shared.lock();
        state.stats.done += 1;
        state.stats.busy += took;
        drop(state);
        shared.results.hashed(job.id, Hashed { result, took });
    }
}

/// Has the system prefer every other thread of the process.
#[cfg(target_os = "linux")]
fn step_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    // On Linux this is the thread's own. Who is nicer already stays so.
    let stepped =
        getpriority_process(None).and_then(|now| setpriority_process(None, now.max(NICENESS)));
    if let Err(why) = stepped {
        tracing::warn!(%why, "passwords are hashed at the same priority as the rest");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use wharf_accounts::{Cost, HashWork, Password};

    /// No answer takes as long.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A job that costs nothing: what it is compared with is no hash.
    fn cheap(id: u64) -> HashJob {
        HashJob {
            id: JobId(id),
            work: HashWork::Check {
                password: Password::of("correct horse").unwrap(),
                against: "no hash".into(),
            },
        }
    }

    fn options(threads: usize, queue_max: usize) -> HashWorkerOptions {
        HashWorkerOptions { threads, queue_max }
    }

    type Results = Receiver<(JobId, HashResult)>;

    fn reporting() -> (impl HashResults, Results) {
        let (sender, results) = channel();
        let report = move |job, hashed: Hashed| sender.send((job, hashed.result)).unwrap();
        (report, results)
    }

    /// Workers that stop behind each job until they are let go on.
    fn gated(queue_max: usize) -> (HashWorkers, Sender<()>, Results) {
        let (let_go, gate) = channel();
        let gate = Mutex::new(gate);
        let (report, results) = reporting();
        let stop = move |job, hashed| {
            report.hashed(job, hashed);
            // An error means that the test is over.
            let _ = gate.lock().unwrap().recv();
        };
        let workers = HashWorkers::start(options(1, queue_max), stop).unwrap();
        (workers, let_go, results)
    }

    #[test]
    fn a_password_is_hashed_and_told_from_others() {
        let (report, results) = reporting();
        let workers = HashWorkers::start(options(2, 8), report).unwrap();
        let job = |id, work| HashJob {
            id: JobId(id),
            work,
        };
        let password = |text| Password::of(text).unwrap();
        let make = HashWork::Make {
            password: password("correct horse"),
            salt: [7; 16],
            cost: Cost::FLOOR,
        };
        workers.hash(job(1, make)).unwrap();
        let (JobId(1), HashResult::Made(phc)) = results.recv_timeout(PATIENCE).unwrap() else {
            panic!("not made");
        };
        for (id, text) in [(2, "correct horse"), (3, "correct horsf")] {
            let check = HashWork::Check {
                password: password(text),
                against: phc.clone(),
            };
            workers.hash(job(id, check)).unwrap();
        }
        let mut checked: Vec<_> = (0..2)
            .map(|_| results.recv_timeout(PATIENCE).unwrap())
            .collect();
        checked.sort_by_key(|(job, _)| *job);
        let expected = [
            (JobId(2), HashResult::Checked(true)),
            (JobId(3), HashResult::Checked(false)),
        ];
        assert_eq!(checked, expected);
        let stats = workers.stats();
        assert_eq!((stats.done, stats.waiting), (3, 0));
        assert!(stats.busy > Duration::ZERO);
    }

    #[test]
    fn no_more_wait_than_may() {
        let (workers, let_go, results) = gated(2);
        workers.hash(cheap(1)).unwrap();
        // It is out of the queue, and its worker stands still.
        assert_eq!(results.recv_timeout(PATIENCE).unwrap().0, JobId(1));
        workers.hash(cheap(2)).unwrap();
        workers.hash(cheap(3)).unwrap();
        assert_eq!(workers.hash(cheap(4)), Err(cheap(4)));
        assert_eq!(workers.stats().refused, 1);
        let_go.send(()).unwrap();
        assert_eq!(results.recv_timeout(PATIENCE).unwrap().0, JobId(2));
        workers.hash(cheap(5)).unwrap();
        drop(let_go);
        drop(workers);
        let mut left: Vec<_> = results.iter().map(|(job, _)| job).collect();
        left.sort();
        assert_eq!(left, [JobId(3), JobId(5)]);
    }

    #[test]
    fn every_job_is_answered_when_they_are_dropped() {
        let (workers, let_go, results) = gated(100);
        for id in 0..50 {
            workers.hash(cheap(id)).unwrap();
        }
        drop(let_go);
        drop(workers);
        let mut answered: Vec<_> = results.iter().map(|(job, _)| job.0).collect();
        answered.sort_unstable();
        assert_eq!(answered, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_quarter_of_the_processors_hashes_and_at_least_one() {
        let threads = |processors| HashWorkerOptions::for_processors(processors).threads;
        assert_eq!([1, 2, 7, 8, 64].map(threads), [1, 1, 1, 2, 16]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn workers_stand_behind_those_who_serve_people() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let (sender, results) = channel();
        let report = move |_, _| sender.send(niceness()).unwrap();
        let workers = HashWorkers::start(options(1, 8), report).unwrap();
        workers.hash(cheap(1)).unwrap();
        let before = niceness();
        assert_eq!(results.recv_timeout(PATIENCE), Ok(NICENESS.max(before)));
        assert_eq!(niceness(), before, "no other thread is meant");
    }
}
