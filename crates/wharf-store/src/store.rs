//! The store as those see it who ask: a bounded queue in, exactly one answer each out.

use crate::database::{Database, SqlError};
use crate::desk::Desk;
use crate::worker::{Reader, Watcher, Writer};
use core::time::Duration;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use wharf_base::{Histogram, Instant};
use wharf_data::{Answer, Ask, Refusal, Reply};

/// What the asker knows a request by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(pub u64);

/// Where answers go. Called on the store's threads; does not block.
pub trait Replies: Send + Sync + 'static {
    /// What came of the request that was asked with `tag`. Each gets exactly one.
    fn reply(&self, tag: Tag, reply: Reply);
}

impl<F: Fn(Tag, Reply) + Send + Sync + 'static> Replies for F {
    fn reply(&self, tag: Tag, reply: Result<Answer, Refusal>) {
        self(tag, reply);
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For everything; the tables are brought up to date on it. There is one of these.
    Write,
    /// For requests that only read.
    Read,
}

/// Makes a connection, and makes it again when it is lost.
pub type Connect =
    Arc<dyn Fn(Access) -> Result<Box<dyn Database>, SqlError> + Send + Sync + 'static>;

/// What time it is. The store reads no clock of its own.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync + 'static>;

/// How much waits at the most, and how long.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Requests that have no answer yet. More are refused as busy.
    pub queue_max: usize,
    /// Requests of one transaction.
    pub group_max: usize,
    /// When a request is answered at the latest, from when it was asked.
    pub answer: Duration,
    /// Connections that read beside the one that writes; without any, that one reads too.
    pub readers: usize,
    /// How long after a lost connection the next is tried.
    pub retry: Duration,
    /// How long at the most, having doubled with each try that failed.
    pub retry_max: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            queue_max: 4_096,
            group_max: 256,
            answer: Duration::from_secs(5),
            readers: 2,
            retry: Duration::from_millis(200),
            retry_max: Duration::from_secs(5),
        }
    }
}

/// What the store has done so far, and what it has to do.
///
/// Each request that was taken in is `waiting`, or has had one of the outcomes `answered`,
/// `expired`, `failed` and `refused_lost`; only the last also counts some at the door.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Requests that have no answer yet.
    pub waiting: usize,
    /// How many may be without one.
    pub waiting_max: usize,
    /// Whether the writer has a connection.
    pub is_connected: bool,
    /// Whether it answers: there is a connection, and it is not silent for as long as a request
    /// may take. Nobody knows of one that nobody asks: see [`Store::probe`].
    pub is_answering: bool,
    /// How long that is so.
    pub steady_for: Duration,
    /// Requests that were taken in.
    pub asked: u64,
    /// Requests that the database has answered, in time; that something is not there is an answer.
    pub answered: u64,
    /// How long those took, from when they were asked.
    pub answer_times: Histogram,
    /// Requests that were refused at the door because too many waited.
    pub refused_busy: u64,
    /// Requests that were refused because there was no connection.
    pub refused_lost: u64,
    /// Requests that had no answer at their deadline.
    pub expired: u64,
    /// Requests that the database failed.
    pub failed: u64,
    /// Transactions that were committed.
    pub groups: u64,
    /// Requests in them.
    pub grouped: u64,
    /// The most in one of them.
    pub group_largest: usize,
    /// How long their `COMMIT` took, all together.
    pub commit_time: Duration,
    /// How long the longest took.
    pub commit_longest: Duration,
    /// Requests that were answered by a connection that only reads.
    pub reads: u64,
    /// Connections that were made for writing.
    pub connections: u64,
}

/// A store with its threads: one that writes, some that read, and one that watches deadlines.
///
/// Writes are done in the order in which they were asked, as many as wait in one transaction.
/// Reads go beside them, so that a page of a history does not wait for a disk: a read sees every
/// write that was answered before it was asked.
///
/// A request is answered at its deadline even while the database hangs, by the watcher; what the
/// database says later is thrown away. Dropping the store does what waits, then ends: it takes as
/// long as the connection's own time limits let a statement take.
pub struct Store {
    desk: Arc<Desk>,
    workers: Vec<JoinHandle<()>>,
    watcher: Option<JoinHandle<()>>,
}

impl Store {
    /// Starts the threads, which connect by themselves: until the writer has, requests wait.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        options: StoreOptions,
        clock: Clock,
        connect: Connect,
        replies: impl Replies,
    ) -> std::io::Result<Self> {
        let desk = Arc::new(Desk::new(options, Arc::clone(&clock)));
        let replies: Arc<dyn Replies> = Arc::new(replies);
        let mut store = Self {
            desk: Arc::clone(&desk),
            workers: Vec::new(),
            watcher: None,
        };
        let watcher = Watcher::new(&desk, &replies);
        store.watcher = Some(spawn("store-deadlines", move || watcher.run())?);
        for _ in 0..options.readers {
            let reader = Reader::new(&desk, &connect, &replies);
            store
                .workers
                .push(spawn("store-reader", move || reader.run())?);
        }
        let writer = Writer::new(&desk, &clock, &connect, &replies);
        store
            .workers
            .push(spawn("store-writer", move || writer.run())?);
        Ok(store)
    }

    /// Asks, with the usual time for the answer. Never blocks.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where nothing more may wait, [`Refusal::Unavailable`] while there is no
    /// connection: at once and here, and then there is no other answer. Nothing was done.
    pub fn ask(&self, tag: Tag, ask: Ask) -> Result<(), Refusal> {
        self.desk.ask(tag, ask, None)
    }

    /// Asks, to be answered by `deadline`.
    ///
    /// # Errors
    /// As [`Store::ask`].
    pub fn ask_by(&self, tag: Tag, ask: Ask, deadline: Instant) -> Result<(), Refusal> {
        self.desk.ask(tag, ask, Some(deadline))
    }

    /// Has the writer find out whether its database still answers, with an empty transaction if
    /// there is nothing else to do: whoever asks nothing notices no loss. Never blocks; what comes
    /// of it stands in [`Store::stats`] later.
    pub fn probe(&self) {
        self.desk.probe();
    }

    /// What it has done so far.
    pub fn stats(&self) -> StoreStats {
        self.desk.stats()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.desk.end();
        // Who panicked has said why.
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
        self.desk.end_watch();
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

/// Starts one of the store's threads.
pub(crate) fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.into()).spawn(run)
}
