//! What content asks of the services: the store, and whoever knows about accounts.

use crate::RoomId;
use wharf_base::{Key, SessionId};
use wharf_data::service::Call;

/// The number of a query; unique in a run of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryId(pub(crate) u64);

/// Who waits for the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The foyer, for a session. The reply goes to the session's home of that moment.
    Session(SessionId),
    /// A room. The reply goes to the shard on which it lives.
    Room(RoomAddress),
}

/// A room, and which of those that had its name one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomAddress {
    /// Its name.
    pub id: RoomId,
    pub(crate) key: Key,
}

/// One query on its way to the services.
#[derive(Debug)]
pub struct Query {
    /// Who waits.
    pub asker: Asker,
    /// By what the reply is known.
    pub id: QueryId,
    /// What is asked.
    pub call: Call,
}

/// The queries of one asker that have no reply yet, each with what the asker noted beside it.
#[derive(Debug, Default)]
pub(crate) struct Open(Vec<(QueryId, u64)>);

impl Open {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, query: QueryId, context: u64) {
        self.0.push((query, context));
    }

    /// Closes all of them: what was noted, in the order in which they were asked.
    pub(crate) fn close(&mut self) -> Vec<u64> {
        let mut open = core::mem::take(&mut self.0);
        open.sort_unstable_by_key(|(query, _)| query.0);
        open.into_iter().map(|(_, context)| context).collect()
    }

    /// The reply has come: what was noted. `None` for a query that is not open.
    pub(crate) fn take(&mut self, query: QueryId) -> Option<u64> {
        let at = self.0.iter().position(|(open, _)| *open == query)?;
        Some(self.0.swap_remove(at).1)
    }
}
