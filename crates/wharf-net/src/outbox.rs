//! One session's way out: at most one batch in flight, and behind it, while needed, a queue.

use crate::pools::SendPools;
use crate::queue::{Amount, Load, SendQueue};
use crate::{Origin, Outgoing};
use wharf_port::SendBatch;
use wharf_wire::SendClass;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It leaves with this turn's send.
    Direct,
    /// All of it waits.
    Queued,
    /// It took the place of an older value.
    Replaced,
}

/// Everything on its way to one peer.
///
/// A frame goes straight into the batch that leaves this turn, if nothing waits before it; else
/// into the queue of its class, from which the next batch is filled in class order.
///
/// Invariant: a batch is here or in flight, never both; `leaving` is what it held when it was full;
/// a queue that is attached is not empty.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    batch: Option<SendBatch>,
    queue: Option<Box<SendQueue>>,
    leaving: Load,
    in_flight: bool,
}

impl Outbox {
    pub(crate) fn push(
        &mut self,
        pools: &mut SendPools,
        class: SendClass,
        key: u64,
        origin: Origin,
        frame: Outgoing<'_>,
    ) -> Pushed {
        let bytes = frame.as_bytes().len();
        // Latest-values may still be replaced this turn, and bulk yields to what comes this turn.
        let direct = matches!(class, SendClass::Control | SendClass::Reliable);
        if direct && !self.in_flight && self.queue.is_none() {
            let batch = self.batch.get_or_insert_with(|| pools.take_batch());
            if batch.has_room_for(bytes) {
                self.leaving.add(origin, bytes, frame.frame_count());
                pools.leaving_bytes += bytes as u64;
                match frame {
                    Outgoing::Copy(frame) => batch.push_copy(frame),
                    Outgoing::Run(frames) => batch.push_copy(frames.as_bytes()),
                    Outgoing::Shared(frame) => batch.push_shared(frame),
                }
                return Pushed::Direct;
            }
        }
        let queue = self.queue.get_or_insert_with(|| pools.take_queue());
        let before = queue.load().total();
        let replaced = queue.push(class, key, origin, frame);
        pools.note_queue(before, queue.load().total());
        if replaced {
            Pushed::Replaced
        } else {
            Pushed::Queued
        }
    }

    /// The batch to submit now, if there is anything to send and nothing in flight.
    pub(crate) fn next_batch(&mut self, pools: &mut SendPools) -> Option<SendBatch> {
        if self.in_flight {
            return None;
        }
        if let Some(queue) = &mut self.queue {
            let waiting = queue.load().total();
            let batch = self.batch.get_or_insert_with(|| pools.take_batch());
            queue.fill(batch, &mut self.leaving);
            let left = queue.load().total();
            pools.leaving_bytes += u64::from(waiting.bytes - left.bytes);
            pools.note_queue(waiting, left);
            if queue.is_empty() {
                pools.give_queue(self.queue.take().expect("it was there"));
            }
        }
        let batch = self.batch.take()?;
        self.in_flight = true;
        Some(batch)
    }

    /// A batch came back of which the kernel took `bytes` more. Returns whether all of it has left.
    pub(crate) fn sent(&mut self, pools: &mut SendPools, mut batch: SendBatch, bytes: u32) -> bool {
        batch.advance(bytes);
        self.in_flight = false;
        if batch.is_empty() {
            self.give_back(pools, batch);
            return true;
        }
        self.batch = Some(batch);
        false
    }

    /// A batch came back and will not be sent again.
    pub(crate) fn returned(&mut self, pools: &mut SendPools, batch: SendBatch) {
        self.in_flight = false;
        self.give_back(pools, batch);
    }

    fn give_back(&mut self, pools: &mut SendPools, batch: SendBatch) {
        let leaving = core::mem::take(&mut self.leaving);
        pools.leaving_bytes -= u64::from(leaving.total().bytes);
        pools.give_batch(batch);
    }

    /// Forgets everything that is not in flight.
    pub(crate) fn discard(&mut self, pools: &mut SendPools) {
        if let Some(batch) = self.batch.take() {
            self.returned(pools, batch);
        }
        if let Some(queue) = self.queue.take() {
            pools.give_queue(queue);
        }
    }

    /// What waits or is leaving, on one account.
    pub(crate) fn load(&self, origin: Origin) -> Amount {
        match &self.queue {
            Some(queue) => queue.load().plus(&self.leaving, origin),
            None => self.leaving.of(origin),
        }
    }

    /// What waits or is leaving.
    pub(crate) fn total(&self) -> Amount {
        let leaving = self.leaving.total();
        match &self.queue {
            Some(queue) => leaving + queue.load().total(),
            None => leaving,
        }
    }

    pub(crate) fn in_flight(&self) -> bool {
        self.in_flight
    }

    /// Whether everything has left.
    pub(crate) fn is_empty(&self) -> bool {
        !self.in_flight && self.batch.is_none() && self.queue.is_none()
    }
}

#[cfg(test)]
mod tests;
