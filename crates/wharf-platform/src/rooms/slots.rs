//! The places that open rooms have.

/// Numbers below a bound, each given out to one at a time; the last that was given back first, so
/// that few are ever used.
#[derive(Debug)]
pub(super) struct Slots {
    free: Vec<u32>,
    next: u32,
    count: u32,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self {
            free: Vec::new(),
            next: 0,
            count,
        }
    }

    pub(super) fn take(&mut self) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        let slot = self.next;
        (slot < self.count).then(|| {
            self.next += 1;
            slot
        })
    }

    pub(super) fn give_back(&mut self, slot: u32) {
        debug_assert!(slot < self.next && !self.free.contains(&slot));
        self.free.push(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_one_rooms_until_it_is_given_back() {
        let mut slots = Slots::new(2);
        assert_eq!(
            (slots.take(), slots.take(), slots.take()),
            (Some(0), Some(1), None)
        );
        slots.give_back(0);
        assert_eq!((slots.take(), slots.take()), (Some(0), None));
    }
}
