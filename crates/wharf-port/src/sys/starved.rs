//! The receives that found no buffer, in the order in which they starved (C8).

use crate::OpId;
use std::collections::VecDeque;

/// A queue of parked receives. A receive that ends while parked (cancelled, closed) stays in the
/// queue as a stale id and is passed over.
///
/// Invariant: at most `capacity` entries after each push.
pub(crate) struct Starved {
    queue: VecDeque<OpId>,
    capacity: usize,
}

impl Starved {
    /// For a port of `sockets_max` sockets, each with at most one receive.
    pub(crate) fn new(sockets_max: u32) -> Self {
        Self {
            queue: VecDeque::new(),
            // Twice, so that clearing out the stale ones costs each push a constant share.
            capacity: 2 * sockets_max as usize,
        }
    }

    /// Parks a receive behind the others. `is_parked` tells whether an older entry still is.
    pub(crate) fn push(&mut self, op: OpId, is_parked: impl FnMut(&OpId) -> bool) {
        if self.queue.len() == self.capacity {
            self.queue.retain(is_parked);
            assert!(
                self.queue.len() < self.capacity,
                "more receives than sockets"
            );
        }
        self.queue.push_back(op);
    }

    /// The receive that has starved longest. It may be stale.
    pub(crate) fn pop(&mut self) -> Option<OpId> {
        self.queue.pop_front()
    }

    /// Whether nothing is parked.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_base::Key;

    fn op(index: u32) -> OpId {
        OpId(Key::from_parts(index, 0))
    }

    #[test]
    fn those_that_starved_first_are_served_first() {
        let mut starved = Starved::new(4);
        (0..4).for_each(|index| starved.push(op(index), |_| true));
        let served: Vec<OpId> = core::iter::from_fn(|| starved.pop()).collect();
        assert_eq!(served, [op(0), op(1), op(2), op(3)]);
    }

    #[test]
    fn stale_entries_never_fill_the_queue() {
        let mut starved = Starved::new(1);
        for index in 0..1_000 {
            starved.push(op(index), |parked| *parked == op(index));
            assert!(starved.queue.len() <= 2);
        }
    }
}
