//! Ids that are stored and sent: positive, ordered by time, unique across nodes.

/// Makes ids of 41 bits of milliseconds, 10 bits of node and 12 bits of sequence.
///
/// The clock is the caller's and may jump: an id is never smaller than the one before it. 4,096
/// ids a millisecond; a burst of more borrows from the milliseconds to come.
///
/// Invariant: `last` rises with every id.
#[derive(Clone, Debug)]
pub struct UniqueIds {
    node: u16,
    /// Milliseconds and sequence of the last id, without the node.
    last: u64,
}

const NODE_BITS: u32 = 10;
const SEQUENCE_BITS: u32 = 12;

impl UniqueIds {
    /// 2026-01-01 00:00 UTC in milliseconds of Unix time: where the 69 years of 41 bits begin.
    pub const EPOCH_UNIX_MS: u64 = 1_767_225_600_000;
    /// Nodes are numbered below this.
    pub const NODES: u16 = 1 << NODE_BITS;

    /// The generator of one node.
    ///
    /// # Panics
    /// If `node` is not below [`UniqueIds::NODES`].
    pub fn new(node: u16) -> Self {
        assert!(node < Self::NODES, "a node has {NODE_BITS} bits");
        Self { node, last: 0 }
    }

    /// The next id, at `unix_ms` milliseconds of Unix time.
    pub fn next(&mut self, unix_ms: u64) -> i64 {
        let since_epoch = unix_ms.saturating_sub(Self::EPOCH_UNIX_MS) & ((1 << 41) - 1);
        self.last = (since_epoch << SEQUENCE_BITS).max(self.last + 1);
        let (ms, sequence) = (
            self.last >> SEQUENCE_BITS,
            self.last & ((1 << SEQUENCE_BITS) - 1),
        );
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

    proptest! {
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
