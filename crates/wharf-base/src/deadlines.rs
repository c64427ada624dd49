//! One deadline for each of many slots, and the earliest of all at hand.

use crate::Instant;

/// An indexed binary heap: at most one deadline a slot, exact order, no clock of its own.
///
/// Slots are small numbers (an index into a [`crate::Slab`]). Setting, moving and clearing cost
/// `O(log n)`, looking at the earliest costs nothing, and equal deadlines fire in slot order, so a
/// simulated run repeats exactly. A wheel would be cheaper to set and would wake early or late by
/// its grain; sessions set a deadline seldom (they look at their own when it fires), so exactness
/// wins.
///
/// Invariant: `position[slot]` is where `slot` lies in `heap`, or `ABSENT`.
#[derive(Debug, Default)]
pub struct Deadlines {
    heap: Vec<(Instant, u32)>,
    position: Vec<u32>,
}

const ABSENT: u32 = u32::MAX;

impl Deadlines {
    /// No deadline yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets or moves the deadline of `slot`.
    pub fn set(&mut self, slot: u32, at: Instant) {
        if self.position.len() <= slot as usize {
            self.position.resize(slot as usize + 1, ABSENT);
        }
        match self.position[slot as usize] {
            ABSENT => {
                self.heap.push((at, slot));
                self.position[slot as usize] = self.heap.len() as u32 - 1;
                self.sift_up(self.heap.len() - 1);
            }
            index => {
                self.heap[index as usize].0 = at;
                let index = self.sift_up(index as usize);
                self.sift_down(index);
            }
        }
    }

    /// Forgets the deadline of `slot`, if it has one.
    #[expect(clippy::missing_panics_doc, reason = "the invariant forbids it")]
    pub fn clear(&mut self, slot: u32) {
        let found = self
            .position
            .get(slot as usize)
            .copied()
            .filter(|&index| index != ABSENT);
        let Some(index) = found else { return };
        let index = index as usize;
        self.position[slot as usize] = ABSENT;
        let last = self
            .heap
            .pop()
            .expect("a slot with a position is in the heap");
        if index < self.heap.len() {
            self.heap[index] = last;
            self.position[last.1 as usize] = index as u32;
            let index = self.sift_up(index);
            self.sift_down(index);
        }
    }

    /// When the deadline of `slot` is.
    pub fn get(&self, slot: u32) -> Option<Instant> {
        match self.position.get(slot as usize) {
            Some(&index) if index != ABSENT => Some(self.heap[index as usize].0),
            _ => None,
        }
    }

    /// The earliest deadline of all.
    pub fn next(&self) -> Option<Instant> {
        self.heap.first().map(|&(at, _)| at)
    }

    /// The earliest deadline of all, and whose it is.
    pub fn first(&self) -> Option<(Instant, u32)> {
        self.heap.first().copied()
    }

    /// Takes out the slot with the earliest deadline, if that is at or before `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let &(at, slot) = self.heap.first()?;
        if at > now {
            return None;
        }
        self.clear(slot);
        Some(slot)
    }

    /// How many slots have a deadline.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no slot has a deadline.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    fn sift_up(&mut self, mut index: usize) -> usize {
        while index > 0 {
            let parent = (index - 1) / 2;
            if self.heap[parent] <= self.heap[index] {
                break;
            }
            self.swap(index, parent);
            index = parent;
        }
        index
    }

    fn sift_down(&mut self, mut index: usize) {
        loop {
            let left = 2 * index + 1;
            if left >= self.heap.len() {
                return;
            }
            let right = left + 1;
            let child = if right < self.heap.len() && self.heap[right] < self.heap[left] {
                right
            } else {
                left
            };
            if self.heap[index] <= self.heap[child] {
                return;
            }
            self.swap(index, child);
            index = child;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.position[self.heap[a].1 as usize] = a as u32;
        self.position[self.heap[b].1 as usize] = b as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn fires_in_order_and_only_when_due(
            steps in prop::collection::vec((0u8..4, 0u32..16, 0u64..64), 0..300)
        ) {
            let mut deadlines = Deadlines::new();
            let mut model: BTreeMap<u32, Instant> = BTreeMap::new();
            for (kind, slot, at) in steps {
                let at = Instant::from_nanos(at);
                match kind {
                    0 | 1 => {
                        deadlines.set(slot, at);
                        model.insert(slot, at);
                    }
                    2 => {
                        deadlines.clear(slot);
                        model.remove(&slot);
                    }
                    _ => {
                        let due = model.iter().map(|(&slot, &at)| (at, slot)).min()
                            .filter(|&(earliest, _)| earliest <= at).map(|(_, slot)| slot);
                        prop_assert_eq!(deadlines.pop_due(at), due);
                        due.map(|slot| model.remove(&slot));
                    }
                }
                prop_assert_eq!(deadlines.len(), model.len());
                prop_assert_eq!(deadlines.next(), model.values().min().copied());
                let first = model.iter().map(|(&slot, &at)| (at, slot)).min();
                prop_assert_eq!(deadlines.first(), first);
                prop_assert!((0..16).all(|slot| deadlines.get(slot) == model.get(&slot).copied()));
            }
        }
    }
}
