//! Where users are, as far as one shard keeps it for all others.

use crate::UserId;
use std::collections::BTreeMap;
use wharf_base::SessionId;

/// The sessions of the users whose ids fall to this shard.
///
/// A user's coming and going are told by different shards, so the going may be heard of first; it
/// is then remembered until the coming is. So the order in which they are told does not matter.
///
/// Invariant: an entry says whether the session has come and not gone, or gone and not come.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    entries: BTreeMap<(UserId, SessionId), Heard>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Came,
    Went,
}

impl Directory {
    pub(crate) fn came(&mut self, user: UserId, session: SessionId) {
        self.hear((user, session), Heard::Came);
    }

    pub(crate) fn went(&mut self, user: UserId, session: SessionId) {
        self.hear((user, session), Heard::Went);
    }

    /// Over which session `user` is reached.
    pub(crate) fn find(&self, user: UserId) -> Option<SessionId> {
        let all = SessionId::from_bits(0)..=SessionId::from_bits(u64::MAX);
        let own = (user, *all.start())..=(user, *all.end());
        let mut came = self
            .entries
            .range(own)
            .filter(|&(_, &heard)| heard == Heard::Came);
        came.next_back().map(|(&(_, session), _)| session)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn hear(&mut self, key: (UserId, SessionId), heard: Heard) {
        if self
            .entries
            .get(&key)
            .is_some_and(|&before| before != heard)
        {
            self.entries.remove(&key);
        } else {
            self.entries.insert(key, heard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_base::Key;

    const ANN: UserId = UserId::new(1);

    fn session(generation: u32) -> SessionId {
        SessionId::new(3, Key::from_parts(0, generation))
    }

    #[test]
    fn a_user_who_went_is_forgotten_in_whichever_order_it_is_heard() {
        let mut directory = Directory::default();
        directory.came(ANN, session(1));
        assert_eq!(directory.find(ANN), Some(session(1)));
        directory.went(ANN, session(1));
        directory.went(ANN, session(2));
        assert_eq!(directory.find(ANN), None);
        directory.came(ANN, session(2));
        assert_eq!((directory.find(ANN), directory.len()), (None, 0));
    }

    #[test]
    fn a_user_who_came_back_is_found_where_the_user_is() {
        let mut directory = Directory::default();
        directory.came(ANN, session(1));
        directory.came(ANN, session(2));
        directory.went(ANN, session(1));
        assert_eq!(directory.find(ANN), Some(session(2)));
        assert_eq!(directory.find(UserId::new(2)), None);
    }
}
