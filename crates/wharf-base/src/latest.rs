//! A bounded set that forgets its oldest.

use std::collections::BTreeMap;

/// The latest keys that were added, so many at the most.
///
/// Invariant: `orders` and `by_order` have each key once, and no more than `keys_max`.
#[derive(Clone, Debug)]
pub struct Latest<K> {
    keys_max: usize,
    orders: BTreeMap<K, u64>,
    by_order: BTreeMap<u64, K>,
    last: u64,
}

impl<K: Ord + Clone> Latest<K> {
    /// Nothing was added yet.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut latest = wharf_base::Latest::new(2);
    /// assert_eq!(latest.add("kim"), None);
    /// assert_eq!(latest.add("lee"), None);
    /// assert_eq!(latest.add("park"), Some("kim"));
    /// assert!(!latest.has(&"kim"));
    /// ```
    pub fn new(keys_max: usize) -> Self {
        Self {
            keys_max,
            orders: BTreeMap::new(),
            by_order: BTreeMap::new(),
            last: 0,
        }
    }

    /// How many keys are in it.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Whether a key was added and is not forgotten.
    pub fn has(&self, key: &K) -> bool {
        self.orders.contains_key(key)
    }

    /// Adds a key, which is the latest now; which one is forgotten for it.
    pub fn add(&mut self, key: K) -> Option<K> {
        self.remove(&key);
        self.last += 1;
        self.orders.insert(key.clone(), self.last);
        self.by_order.insert(self.last, key);
        if self.orders.len() <= self.keys_max {
            return None;
        }
        let (_, oldest) = self.by_order.pop_first()?;
        self.orders.remove(&oldest);
        Some(oldest)
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) {
        if let Some(order) = self.orders.remove(key) {
            self.by_order.remove(&order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_what_is_added_again_is_the_latest() {
        let mut latest = Latest::new(2);
        assert_eq!(latest.add(1), None);
        assert_eq!(latest.add(2), None);
        assert_eq!(latest.add(1), None);
        assert_eq!(latest.add(3), Some(2));
        latest.remove(&1);
        assert_eq!(latest.len(), 1);
        assert_eq!(latest.add(4), None, "there is room");
        assert_eq!(
            [1, 2, 3, 4].map(|key| latest.has(&key)),
            [false, false, true, true]
        );
        assert_eq!(Latest::new(0).add(1), Some(1));
    }
}
