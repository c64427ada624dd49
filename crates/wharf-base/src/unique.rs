//! Ids that are stored and sent: positive, ordered by time, unique across nodes.

/// Makes ids of 41 bits of milliseconds, 10 bits of node and 12 bits of sequence.
///
/// The clock is the caller's and may jump: an id is never smaller than the one before it. 4,096
/// ids a millisecond, or a share of them; a burst of more borrows from the milliseconds to come.
///
/// Invariant: `last` rises with every id.
#[derive(Clone, Debug)]
pub struct UniqueIds {
    node: u16,
    /// The sequences that are this generator's begin here in each millisecond.
    first: u64,
    /// So many they are.
    count: u64,
    /// How many this generator has from the beginning of time to the last id.
    last: u64,
}

/// Which of the generators of a node one is. No two of them make the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdShare {
    /// Of accounts and logins.
    Accounts,
    /// Of rooms, and of what is done in them.
    Rooms,
    /// Of what operators and moderators do.
    Operators,
    /// Of what people tell each other.
    Whispers,
}

const NODE_BITS: u32 = 10;
const SEQUENCE_BITS: u32 = 12;
const SEQUENCES: u64 = 1 << SEQUENCE_BITS;
const SHARES: u64 = 4;
const _: () = assert!(SEQUENCES.is_multiple_of(SHARES) && (IdShare::Whispers as u64) < SHARES);

impl UniqueIds {
    /// 2026-01-01 00:00 UTC in milliseconds of Unix time: where the 69 years of 41 bits begin.
    pub const EPOCH_UNIX_MS: u64 = 1_767_225_600_000;
    /// Nodes are numbered below this.
    pub const NODES: u16 = 1 << NODE_BITS;

    /// The only generator of one node.
    ///
    /// # Panics
    /// If `node` is not below [`UniqueIds::NODES`].
    pub fn new(node: u16) -> Self {
        Self::with_sequences(node, 0, SEQUENCES)
    }

    /// One of the generators of one node: each has a quarter of the sequence.
    ///
    /// # Panics
    /// If `node` is not below [`UniqueIds::NODES`].
    ///
    /// # Examples
    ///
    /// ```
    /// use wharf_base::{IdShare, UniqueIds};
    ///
    /// let mut rooms = UniqueIds::of_share(3, IdShare::Rooms);
    /// let mut whispers = UniqueIds::of_share(3, IdShare::Whispers);
    /// let now = UniqueIds::EPOCH_UNIX_MS + 5;
    /// assert_ne!(rooms.next(now), whispers.next(now));
    /// ```
    pub fn of_share(node: u16, share: IdShare) -> Self {
        let count = SEQUENCES / SHARES;
        Self::with_sequences(node, share as u64 * count, count)
    }

    fn with_sequences(node: u16, first: u64, count: u64) -> Self {
        assert!(node < Self::NODES, "a node has {NODE_BITS} bits");
        assert!(count > 0 && first + count <= SEQUENCES);
        Self {
            node,
            first,
            count,
            last: 0,
        }
    }

    /// The next id, at `unix_ms` milliseconds of Unix time.
    pub fn next(&mut self, unix_ms: u64) -> i64 {
        let since_epoch = unix_ms.saturating_sub(Self::EPOCH_UNIX_MS) & ((1 << 41) - 1);
        self.last = (since_epoch * self.count).max(self.last + 1);
        let (ms, sequence) = (self.last / self.count, self.first + self.last % self.count);
        let id =
            ms << (NODE_BITS + SEQUENCE_BITS) | u64::from(self.node) << SEQUENCE_BITS | sequence;
        id as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_names_time_node_and_sequence() {
        let mut ids = UniqueIds::new(3);
        let id = ids.next(UniqueIds::EPOCH_UNIX_MS + 5);
        assert_eq!((id >> 22, id >> 12 & 0x3ff, id & 0xfff), (5, 3, 0));
        assert_eq!(ids.next(UniqueIds::EPOCH_UNIX_MS + 5), id + 1);
    }

    const SHARES_OF: [IdShare; 4] = [
        IdShare::Accounts,
        IdShare::Rooms,
        IdShare::Operators,
        IdShare::Whispers,
    ];

    #[test]
    fn a_share_that_is_used_up_borrows_from_the_next_millisecond() {
        let mut ids = UniqueIds::of_share(3, IdShare::Operators);
        let made = [(); 1_025].map(|()| ids.next(UniqueIds::EPOCH_UNIX_MS + 5));
        let parts = |id: i64| (id >> 22, id >> 12 & 0x3ff, id & 0xfff);
        assert_eq!(parts(made[0]), (5, 3, 2_048));
        assert_eq!(parts(made[1_023]), (5, 3, 3_071));
        assert_eq!(parts(made[1_024]), (6, 3, 2_048));
    }

    proptest! {
        #[test]
        fn no_two_generators_of_a_node_make_the_same_id(
            asked in prop::collection::vec((0usize..4, 0u64..2, 1usize..400), 1..12),
        ) {
            let mut shares = SHARES_OF.map(|share| UniqueIds::of_share(7, share));
            let mut made = std::collections::BTreeSet::new();
            for (share, ms, count) in asked {
                for _ in 0..count {
                    let id = shares[share].next(UniqueIds::EPOCH_UNIX_MS + ms);
                    prop_assert!(made.insert(id), "{id} was made twice");
                }
            }
        }

        #[test]
        fn ids_rise_whatever_the_clock_does(clock in prop::collection::vec(0u64..1 << 42, 1..200)) {
            let mut ids = UniqueIds::new(1023);
            let made: Vec<i64> =
                clock.into_iter().map(|ms| ids.next(UniqueIds::EPOCH_UNIX_MS + ms)).collect();
            prop_assert!(made[0] > 0);
            prop_assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
