//! A table of fixed size whose keys go stale when their entry leaves.

use crate::CapacityError;
use core::fmt;

/// Index and generation of an entry in a [`Slab`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// A key from its two parts.
    pub const fn from_parts(index: u32, generation: u32) -> Self {
        Self { index, generation }
    }

    /// The slot, from 0.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Which use of the slot this is.
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

struct Slot<T> {
    generation: u32,
    state: State<T>,
}

enum State<T> {
    Free { next: Option<u32> },
    Used(T),
}

/// A table that never grows past its capacity and whose keys are checked on every access.
///
/// Memory is touched slot by slot as entries arrive, so a large capacity costs address space, not
/// resident pages, until it is used. A freed slot is used again last-in-first-out, which keeps the
/// touched part small.
///
/// Invariant: `len` slots are `Used`; every other slot is on the free list exactly once.
pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Option<u32>,
    len: u32,
    capacity: u32,
}

impl<T> Slab<T> {
    /// An empty table for at most `capacity` entries.
    pub fn with_capacity(capacity: u32) -> Self {
        Self {
            slots: Vec::with_capacity(capacity as usize),
            free: None,
            len: 0,
            capacity,
        }
    }

    /// Puts `value` into a free slot.
    ///
    /// # Errors
    /// [`CapacityError`] when every slot is used; `value` is dropped.
    pub fn insert(&mut self, value: T) -> Result<Key, CapacityError> {
        self.insert_with(|_| value)
    }

    /// As [`Slab::insert`], for a value that wants to know its own key.
    ///
    /// # Errors
    /// [`CapacityError`] when every slot is used; `make` is not called.
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Result<Key, CapacityError> {
        let index = match self.free {
            Some(index) => index,
            None if self.slots.len() < self.capacity as usize => {
                self.slots.push(Slot {
                    generation: 0,
                    state: State::Free { next: None },
                });
                self.slots.len() as u32 - 1
            }
            None => {
                return Err(CapacityError {
                    capacity: self.capacity,
                });
            }
        };
        let slot = &mut self.slots[index as usize];
        let State::Free { next } = slot.state else {
            unreachable!("a used slot was on the free list")
        };
        self.free = next;
        let key = Key {
            index,
            generation: slot.generation,
        };
        slot.state = State::Used(make(key));
        self.len += 1;
        Ok(key)
    }

    /// Takes an entry out; `None` if the key is stale or unknown.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation || matches!(slot.state, State::Free { .. }) {
            return None;
        }
        // After 2^32 uses of one slot its first key would be valid again; at a million sessions a
        // second through one slot that is over an hour, and a key never lives that long.
        slot.generation = slot.generation.wrapping_add(1);
        let State::Used(value) =
            core::mem::replace(&mut slot.state, State::Free { next: self.free })
        else {
            unreachable!("checked above")
        };
        self.free = Some(key.index);
        self.len -= 1;
        Some(value)
    }

    /// The entry, unless the key is stale.
    pub fn get(&self, key: Key) -> Option<&T> {
        match self.slots.get(key.index as usize) {
            Some(Slot {
                generation,
                state: State::Used(value),
            }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The entry, unless the key is stale.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.slots.get_mut(key.index as usize) {
            Some(Slot {
                generation,
                state: State::Used(value),
            }) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    /// The key of the entry that is in slot `index` now.
    pub fn key_at(&self, index: u32) -> Option<Key> {
        match self.slots.get(index as usize) {
            Some(Slot {
                generation,
                state: State::Used(_),
            }) => Some(Key {
                index,
                generation: *generation,
            }),
            _ => None,
        }
    }

    /// Every entry, in the order of the slots.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| match &slot.state {
                State::Used(value) => Some((
                    Key {
                        index: index as u32,
                        generation: slot.generation,
                    },
                    value,
                )),
                State::Free { .. } => None,
            })
    }

    /// Every entry, in the order of the slots.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut T)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(index, slot)| {
                let key = Key {
                    index: index as u32,
                    generation: slot.generation,
                };
                match &mut slot.state {
                    State::Used(value) => Some((key, value)),
                    State::Free { .. } => None,
                }
            })
    }

    /// How many entries there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many entries there can be.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_dies_with_its_entry() {
        let mut slab = Slab::with_capacity(1);
        let first = slab.insert('a').unwrap();
        assert_eq!(slab.insert('b'), Err(CapacityError { capacity: 1 }));
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('c').unwrap();
        assert_eq!(first.index(), second.index());
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&'c')));
        assert_eq!(slab.remove(first), None);
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((any::<bool>(), 0usize..12), 0..200)) {
            let mut slab = Slab::with_capacity(8);
            let mut model: Vec<(Key, u32)> = Vec::new();
            let mut dead: Vec<Key> = Vec::new();
            for (serial, (insert, pick)) in steps.into_iter().enumerate() {
                if insert {
                    match slab.insert(serial as u32) {
                        Ok(key) => model.push((key, serial as u32)),
                        Err(_) => prop_assert_eq!(model.len(), 8),
                    }
                } else if !model.is_empty() {
                    let (key, value) = model.swap_remove(pick % model.len());
                    prop_assert_eq!(slab.remove(key), Some(value));
                    dead.push(key);
                }
                prop_assert_eq!(slab.len() as usize, model.len());
                prop_assert!(dead.iter().all(|key| slab.get(*key).is_none()));
                prop_assert!(model.iter().all(|(key, value)| slab.get(*key) == Some(value)));
                prop_assert_eq!(slab.iter().count(), model.len());
            }
        }
    }
}
