//! Empty batches and queues, kept for the next session that has something to send.

use crate::queue::{Amount, RECORD_BYTES, SendQueue};
use wharf_port::SendBatch;

/// A batch with more memory than this is large: a thousand sessions that each get a line need a
/// thousand batches, and those must not each remember the largest transfer they ever made.
const SMALL_BATCH_BYTES: usize = 16 * 1024;
/// Memory that is kept of each kind, at the most: for ten thousand sessions that get some lines
/// each turn, and for hundreds that get as much as a batch holds.
const SMALL_BATCHES_BYTES_MAX: usize = 12 << 20;
const LARGE_BATCHES_BYTES_MAX: usize = 8 << 20;
const QUEUES_BYTES_MAX: usize = 8 << 20;

/// What the pools of one shard keep at the most.
pub(crate) const POOLED_BYTES_MAX: usize =
    SMALL_BATCHES_BYTES_MAX + LARGE_BATCHES_BYTES_MAX + QUEUES_BYTES_MAX;

/// The pools of one shard.
#[derive(Debug, Default)]
pub(crate) struct SendPools {
    small: Pool<SendBatch>,
    large: Pool<SendBatch>,
    queues: Pool<Box<SendQueue>>,
    /// Queues that are attached to a session,
    pub(crate) queues_out: u32,
    /// and what waits in them, in bytes
    pub(crate) queued_bytes: u64,
    /// and messages.
    pub(crate) queued_messages: u64,
    /// Bytes in the batches that sessions have, in flight or about to be.
    pub(crate) leaving_bytes: u64,
}

impl SendPools {
    /// Memory of everything that is on its way to somebody.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.queued_bytes + self.queued_messages * RECORD_BYTES as u64 + self.leaving_bytes
    }

    /// Notes that a queue which held `before` now holds `after`.
    pub(crate) fn note_queue(&mut self, before: Amount, after: Amount) {
        self.queued_bytes += u64::from(after.bytes);
        self.queued_bytes -= u64::from(before.bytes);
        self.queued_messages += u64::from(after.messages);
        self.queued_messages -= u64::from(before.messages);
    }

    pub(crate) fn take_batch(&mut self) -> SendBatch {
        let batch = self.small.take(SendBatch::memory_bytes);
        batch
            .or_else(|| self.large.take(SendBatch::memory_bytes))
            .unwrap_or_default()
    }

    pub(crate) fn give_batch(&mut self, mut batch: SendBatch) {
        batch.clear();
        let (pool, bytes_max) = if batch.memory_bytes() > SMALL_BATCH_BYTES {
            (&mut self.large, LARGE_BATCHES_BYTES_MAX)
        } else {
            (&mut self.small, SMALL_BATCHES_BYTES_MAX)
        };
        let bytes = batch.memory_bytes();
        pool.give(batch, bytes, bytes_max);
    }

    pub(crate) fn take_queue(&mut self) -> Box<SendQueue> {
        self.queues_out += 1;
        let queue = self.queues.take(|queue| queue.footprint());
        queue.unwrap_or_default()
    }

    pub(crate) fn give_queue(&mut self, mut queue: Box<SendQueue>) {
        self.queues_out -= 1;
        self.note_queue(queue.load().total(), Amount::default());
        queue.clear();
        let bytes = queue.footprint();
        self.queues.give(queue, bytes, QUEUES_BYTES_MAX);
    }

    /// Memory of everything that is kept.
    #[cfg(test)]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.small.bytes + self.large.bytes + self.queues.bytes
    }
}

/// Things of which the last to come home is the first to go again: its memory is warm.
///
/// Invariant: `bytes` is the memory of all that are here.
#[derive(Debug)]
struct Pool<T> {
    free: Vec<T>,
    bytes: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            free: Vec::new(),
            bytes: 0,
        }
    }
}

impl<T> Pool<T> {
    fn take(&mut self, bytes_of: impl Fn(&T) -> usize) -> Option<T> {
        let free = self.free.pop()?;
        self.bytes -= bytes_of(&free);
        Some(free)
    }

    /// Keeps it, or frees it if that would be more than `bytes_max`.
    fn give(&mut self, free: T, bytes: usize, bytes_max: usize) {
        if self.bytes + bytes <= bytes_max {
            self.bytes += bytes;
            self.free.push(free);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(pools: &mut SendPools, bytes: usize) -> SendBatch {
        let mut batch = pools.take_batch();
        batch.push_copy(&vec![7; bytes]);
        batch
    }

    #[test]
    fn what_comes_home_is_used_again() {
        let mut pools = SendPools::default();
        for round in 0..3 {
            let batches: Vec<SendBatch> = (0..1_000).map(|_| filled(&mut pools, 9_000)).collect();
            let new = batches
                .iter()
                .filter(|batch| batch.memory_bytes() > 10_000)
                .count();
            assert_eq!(new, 0, "round {round}");
            assert!(round == 0 || pools.kept_bytes() == 0, "all are out");
            batches
                .into_iter()
                .for_each(|batch| pools.give_batch(batch));
        }
    }

    #[test]
    fn pools_keep_no_more_than_they_may() {
        let mut pools = SendPools::default();
        let bytes_max = [
            (1_000, SMALL_BATCHES_BYTES_MAX),
            (60_000, LARGE_BATCHES_BYTES_MAX),
        ];
        for (bytes, bytes_max) in bytes_max {
            let batches: Vec<SendBatch> = (0..20_000).map(|_| filled(&mut pools, bytes)).collect();
            batches
                .into_iter()
                .for_each(|batch| pools.give_batch(batch));
            let kept = pools.kept_bytes();
            assert!(
                (bytes_max / 2..=bytes_max).contains(&kept),
                "{kept} of {bytes_max}"
            );
        }
    }
}
