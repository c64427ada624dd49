//! Since when something has lasted for each of many slots, and the oldest of all at hand.

use crate::Instant;

/// A list through the slots, from the oldest to the youngest: no clock of its own.
///
/// It does for deadlines that are all equally far what [`Deadlines`](crate::Deadlines) does for
/// any: the first to begin is the first to be due. So beginning and ending cost a few stores,
/// however many slots there are, and may be done for every message.
///
/// Invariant: `links[0]` joins the ends of the ring; `links[slot + 1]` is that of `slot`, out of
/// the ring if its `next` is `ABSENT`; from link to link `since` never falls.
#[derive(Debug)]
pub struct Ages {
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    since: Instant,
    previous: u32,
    next: u32,
}

const ABSENT: u32 = u32::MAX;

impl Ages {
    /// Nothing has begun.
    pub fn new() -> Self {
        let ends = Link {
            since: Instant::ZERO,
            previous: 0,
            next: 0,
        };
        Self { links: vec![ends] }
    }

    /// Something begins for `slot`, or begins anew, at `now`. A time before the youngest's counts
    /// as that.
    pub fn begin(&mut self, slot: u32, now: Instant) {
        self.end(slot);
        let (own, youngest) = (slot + 1, self.links[0].previous);
        if self.links.len() <= own as usize {
            let absent = Link {
                since: Instant::ZERO,
                previous: ABSENT,
                next: ABSENT,
            };
            self.links.resize(own as usize + 1, absent);
        }
        self.links[own as usize] = Link {
            since: now.max(self.links[youngest as usize].since),
            previous: youngest,
            next: 0,
        };
        self.links[youngest as usize].next = own;
        self.links[0].previous = own;
    }

    /// It is over for `slot`, if it had begun.
    pub fn end(&mut self, slot: u32) {
        let Some(link) = self.links.get_mut(slot as usize + 1) else {
            return;
        };
        let Link { previous, next, .. } = *link;
        if next != ABSENT {
            link.next = ABSENT;
            self.links[previous as usize].next = next;
            self.links[next as usize].previous = previous;
        }
    }

    /// Since when the longest has lasted, and whose that is.
    pub fn oldest(&self) -> Option<(Instant, u32)> {
        let oldest = self.links[0].next;
        let slot = oldest.checked_sub(1)?;
        Some((self.links[oldest as usize].since, slot))
    }
}

impl Default for Ages {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_oldest_is_who_began_first_of_those_that_last(
            steps in prop::collection::vec((any::<bool>(), 0u32..16, 0u64..64), 0..300)
        ) {
            let mut ages = Ages::new();
            let mut model: Vec<(Instant, u32)> = Vec::new();
            for (begins, slot, now) in steps {
                model.retain(|&(_, other)| other != slot);
                if begins {
                    let now = Instant::from_nanos(now);
                    ages.begin(slot, now);
                    let youngest = model.last().map_or(Instant::ZERO, |&(since, _)| since);
                    model.push((now.max(youngest), slot));
                } else {
                    ages.end(slot);
                }
                prop_assert_eq!(ages.oldest(), model.first().copied());
            }
            for oldest in model {
                prop_assert_eq!(ages.oldest(), Some(oldest));
                ages.end(oldest.1);
            }
            prop_assert_eq!(ages.oldest(), None);
        }
    }
}
