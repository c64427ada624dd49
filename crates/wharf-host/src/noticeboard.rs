//! What holds for the whole server, between the services' thread, the shards, and whoever asks.

use crate::services::Replies;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wharf_data::{Bulletin, Notice};

/// The last bulletin, and the way to the shards: what is published before a server has started
/// reaches its shards when it does, before their first session.
#[derive(Default)]
pub(crate) struct Noticeboard {
    state: Mutex<State>,
    is_settled: Condvar,
}

#[derive(Default)]
struct State {
    bulletin: Arc<Bulletin>,
    is_known: bool,
    shards: Option<Replies>,
}

impl Noticeboard {
    /// The shards are there from now on.
    pub(crate) fn connect(&self, shards: &Replies) {
        let mut state = self.lock();
        shards.publish(&state.bulletin);
        state.shards = Some(shards.clone());
    }

    /// This holds from now on.
    pub(crate) fn publish(&self, bulletin: Arc<Bulletin>) {
        let mut state = self.lock();
        if let Some(shards) = &state.shards {
            shards.publish(&bulletin);
        }
        state.bulletin = bulletin;
        state.is_known = true;
        drop(state);
        self.is_settled.notify_all();
    }

    /// What holds.
    pub(crate) fn bulletin(&self) -> Arc<Bulletin> {
        Arc::clone(&self.lock().bulletin)
    }

    /// Says something to every session.
    pub(crate) fn tell_all(&self, notice: &Notice) {
        if let Some(shards) = &self.lock().shards {
            shards.tell_all(notice);
        }
    }

    /// Waits until something was published, at most for so long; whether something was.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let waited = self
            .is_settled
            .wait_timeout_while(self.lock(), patience, |state| !state.is_known);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_known
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
