//! Which ids are over, in memory that is bounded by how many there were at once.

use wharf_base::Key;

/// For each slot, the generation of the last that was there: that one and all before it are over.
#[derive(Debug, Default)]
pub(super) struct Ended(Vec<Option<u32>>);

impl Ended {
    pub(super) fn insert(&mut self, key: Key) {
        let slot = key.index() as usize;
        if self.0.len() <= slot {
            self.0.resize(slot + 1, None);
        }
        self.0[slot] = Some(key.generation());
    }

    /// Whether `key` is over. Generations begin anew after 2^32, so those half of that ahead of
    /// the last are new, and those behind it are old.
    pub(super) fn contains(&self, key: Key) -> bool {
        let last = self.0.get(key.index() as usize).copied().flatten();
        last.is_some_and(|last| last.wrapping_sub(key.generation()) < 1 << 31)
    }

    /// Slots that are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slots_last_id_and_all_before_it_are_over() {
        let mut ended = Ended::default();
        let key = |generation| Key::from_parts(3, generation);
        assert!(!ended.contains(key(0)));
        ended.insert(key(5));
        assert!(ended.contains(key(4)) && ended.contains(key(5)));
        assert!(!ended.contains(key(6)));
        assert!(!ended.contains(Key::from_parts(2, 4)));
        ended.insert(key(u32::MAX));
        assert!(!ended.contains(key(0)), "a generation after the last is 0");
    }
}
