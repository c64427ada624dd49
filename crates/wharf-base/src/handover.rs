//! How one thread gives work to another: a whole batch at a time.

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// A reusable arena that can be given away whole.
pub trait Batch: Default {
    /// Whether there is nothing in it.
    fn is_empty(&self) -> bool;
    /// Moves everything out of `later`, behind what is here, and leaves `later` empty with its
    /// memory kept.
    fn append(&mut self, later: &mut Self);
}

impl<T> Batch for Vec<T> {
    fn is_empty(&self) -> bool {
        Vec::is_empty(self)
    }

    fn append(&mut self, later: &mut Self) {
        Vec::append(self, later);
    }
}

/// A mailbox of one batch between one or more givers and one taker.
///
/// The giver fills an arena of its own and publishes it once per turn; the taker swaps it for the
/// empty one of its last turn. So in steady state two arenas go back and forth, nothing is
/// allocated, and the lock is held for three pointer moves, never per message. What bounds the
/// batch is what bounds the givers: session credits and reserved slots, and for a taker that does
/// not take, what givers do when they [look](Handover::look).
///
/// Publishing tells whether the mailbox was empty before; only then the taker needs a wake-up, so
/// there is at most one wake for each time that the taker looks.
///
/// Invariant: whoever has the lock finds `is_full` true exactly if `slot` is not empty.
#[derive(Debug, Default)]
pub struct Handover<B> {
    slot: Mutex<B>,
    /// Lets a taker see without the lock that there is nothing. What it misses is being published
    /// at this moment, and the wake follows.
    is_full: AtomicBool,
}

impl<B: Batch> Handover<B> {
    /// An empty mailbox.
    pub fn new() -> Self {
        Self {
            slot: Mutex::new(B::default()),
            is_full: AtomicBool::new(false),
        }
    }

    /// Gives everything in `batch` to the taker and leaves an empty arena in its place.
    /// Returns whether the taker must be woken: the mailbox was empty and now is not.
    #[must_use = "a taker that sleeps must be woken, or the batch waits for ever"]
    pub fn publish(&self, batch: &mut B) -> bool {
        if batch.is_empty() {
            return false;
        }
        let mut slot = self.lock();
        if slot.is_empty() {
            core::mem::swap(&mut *slot, batch);
            self.is_full.store(true, Ordering::Release);
            true
        } else {
            slot.append(batch);
            false
        }
    }

    /// Takes everything that was published, in exchange for the empty arena `batch`.
    /// Returns whether there was anything.
    ///
    /// # Panics
    /// If `batch` is not empty: its contents would go back to the giver.
    pub fn take(&self, batch: &mut B) -> bool {
        assert!(batch.is_empty(), "only an empty arena is given back");
        if !self.is_full.load(Ordering::Acquire) {
            return false;
        }
        let mut slot = self.lock();
        if slot.is_empty() {
            return false;
        }
        core::mem::swap(&mut *slot, batch);
        self.is_full.store(false, Ordering::Release);
        true
    }

    /// Drops everything that was published. Unlike a look at `is_full` the lock orders this with
    /// what else the givers do: whoever publishes later sees all that was done before.
    pub fn discard(&self) {
        let mut slot = self.lock();
        *slot = B::default();
        self.is_full.store(false, Ordering::Release);
    }

    /// Looks at what has been published and not taken; `None` if nothing was.
    pub fn look<R>(&self, at: impl FnOnce(&B) -> R) -> Option<R> {
        let is_full = self.is_full.load(Ordering::Acquire);
        is_full.then(|| at(&self.lock()))
    }

    fn lock(&self) -> MutexGuard<'_, B> {
        // A poisoned lock means that `append` panicked half-way: frames may be lost, so go down.
        self.slot
            .lock()
            .expect("a giver panicked while it appended")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_several_batches_wakes() {
        let mailbox = Handover::new();
        assert!(
            !mailbox.publish(&mut Vec::<u32>::new()),
            "an empty batch wakes nobody"
        );
        assert!(mailbox.publish(&mut vec![1, 2]));
        assert!(!mailbox.publish(&mut vec![3]));
        let mut taken = Vec::new();
        assert!(mailbox.take(&mut taken));
        assert_eq!(taken, [1, 2, 3]);
        assert!(!mailbox.take(&mut Vec::new()));
    }

    #[test]
    fn two_arenas_go_back_and_forth() {
        let mailbox = Handover::new();
        let (mut giving, mut taking) = (Vec::with_capacity(64), Vec::with_capacity(64));
        for turn in 0..10 {
            giving.push(turn);
            assert!(mailbox.publish(&mut giving));
            assert!(mailbox.take(&mut taking));
            assert_eq!(taking, [turn]);
            taking.clear();
        }
        // The mailbox began with an arena of no capacity; it circulates with the two others.
        assert!(giving.capacity() + taking.capacity() >= 64);
    }
}
