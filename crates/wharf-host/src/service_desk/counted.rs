//! What the services have counted, for whoever looks at the server.

use super::clerk::Clerk;
use super::queue::{Shared, Work};
use crate::hash_workers::HashStats;
use crate::switchboard::Answer;
use wharf_platform::PlatformStats;
use wharf_store::StoreStats;

/// What the services' thread counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeskStats {
    /// Queries that have no reply yet.
    pub open: usize,
    /// Queries that have had one.
    pub answered: u64,
    /// Queries that were refused because too many waited for the thread.
    pub refused: u64,
    /// Times that it panicked and began anew; counters of the platform do with it.
    pub panics: u64,
}

/// What the services counted, all that stands behind them included.
#[derive(Clone, Debug)]
pub struct ServiceReport {
    /// The thread.
    pub desk: DeskStats,
    /// Who and what is here, and logins.
    pub platform: PlatformStats,
    /// The hash workers.
    pub hashing: HashStats,
    /// What kind of database the store is on.
    pub store_kind: String,
    /// The store.
    pub store: StoreStats,
    /// Redis, if there is one.
    pub redis: Option<StoreStats>,
}

impl ServiceReport {
    /// Passwords that were not hashed because too many were to be.
    pub fn hashes_refused(&self) -> u64 {
        self.hashing.refused + self.platform.hashes_refused
    }
}

impl Shared {
    /// Asks the thread what was counted; the answer is dropped if it never will tell.
    /// Whoever asks has one question at a time.
    pub(super) fn push_question(&self, answer: Answer<ServiceReport>) {
        let mut queue = self.lock();
        if queue.is_over {
            return;
        }
        queue.work.push_back(Work::Report(answer));
        self.wake(queue);
    }
}

impl Clerk {
    pub(super) fn report(&self) -> ServiceReport {
        let (store, redis) = self.stores.look();
        ServiceReport {
            desk: DeskStats {
                open: self.waiting.len(),
                refused: self.shared.lock().refused,
                ..self.stats
            },
            platform: self.platform.stats(),
            hashing: self.workers.stats(),
            store_kind: self.store_kind.clone(),
            store,
            redis,
        }
    }
}
