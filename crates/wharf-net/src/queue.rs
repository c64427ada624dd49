//! What waits to be sent: one queue for each class, attached to a session only while it needs one.

use crate::{Origin, Outgoing};
use bytes::Bytes;
use core::ops::Add;
use std::collections::VecDeque;
use wharf_port::SendBatch;
use wharf_wire::SendClass;

/// Memory of a queued message beside its bytes.
pub(crate) const RECORD_BYTES: usize = size_of::<Record>();

/// Messages and bytes, apart by on whose account they are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    own: Amount,
    others: Amount,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) bytes: u32,
    pub(crate) messages: u32,
}

impl Amount {
    /// Memory that so much takes at the most while it waits.
    pub(crate) fn memory(self) -> u64 {
        u64::from(self.bytes) + u64::from(self.messages) * RECORD_BYTES as u64
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            messages: self.messages + other.messages,
        }
    }
}

impl Load {
    pub(crate) fn of(&self, origin: Origin) -> Amount {
        match origin {
            Origin::Own => self.own,
            Origin::Others => self.others,
        }
    }

    pub(crate) fn plus(&self, other: &Self, origin: Origin) -> Amount {
        self.of(origin) + other.of(origin)
    }

    pub(crate) fn total(&self) -> Amount {
        self.own + self.others
    }

    pub(crate) fn add(&mut self, origin: Origin, bytes: usize, messages: u32) {
        let amount = self.of_mut(origin);
        amount.bytes += bytes as u32;
        amount.messages += messages;
    }

    fn remove(&mut self, origin: Origin, bytes: usize, messages: u32) {
        let amount = self.of_mut(origin);
        amount.bytes -= bytes as u32;
        amount.messages -= messages;
    }

    fn of_mut(&mut self, origin: Origin) -> &mut Amount {
        match origin {
            Origin::Own => &mut self.own,
            Origin::Others => &mut self.others,
        }
    }
}

/// The messages that wait for one session, in the order in which they will leave: class by class,
/// and first-in-first-out within a class, except that a latest-value takes the place of the older
/// one with its key.
///
/// Invariant: `load` is the sum over all that wait.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    control: Stream,
    reliable: Stream,
    latest: VecDeque<Latest>,
    bulk: Stream,
    load: Load,
    /// Memory of latest-values that have left, for those to come.
    spare: Vec<Vec<u8>>,
}

/// Latest-values whose memory is kept for the next ones.
const SPARE_MAX: usize = 16;

impl SendQueue {
    /// Puts a frame behind the others of its class. Returns whether it replaced an older value
    /// (`key` counts for [`SendClass::Latest`] only).
    pub(crate) fn push(
        &mut self,
        class: SendClass,
        key: u64,
        origin: Origin,
        frame: Outgoing<'_>,
    ) -> bool {
        match class {
            SendClass::Control => self.control.push(origin, frame, &mut self.load),
            SendClass::Reliable => self.reliable.push(origin, frame, &mut self.load),
            SendClass::Bulk => self.bulk.push(origin, frame, &mut self.load),
            SendClass::Latest => return self.push_latest(key, origin, frame),
        }
        false
    }

    /// Moves as much as fits into `batch`, and counts it there.
    pub(crate) fn fill(&mut self, batch: &mut SendBatch, leaving: &mut Load) {
        let load = &mut self.load;
        let urgent_left =
            self.control.fill(batch, leaving, load) && self.reliable.fill(batch, leaving, load);
        if urgent_left && self.fill_latest(batch, leaving) {
            self.bulk.fill(batch, leaving, &mut self.load);
        }
    }

    pub(crate) fn load(&self) -> &Load {
        &self.load
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.load == Load::default()
    }

    /// Bytes of memory that it holds, used or not.
    pub(crate) fn footprint(&self) -> usize {
        let spare: usize = self.spare.iter().map(Vec::capacity).sum();
        let streams = [&self.control, &self.reliable, &self.bulk];
        streams.map(Stream::footprint).iter().sum::<usize>()
            + self.latest.capacity() * size_of::<Latest>()
            + spare
    }

    /// Forgets everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.control.clear();
        self.reliable.clear();
        self.bulk.clear();
        self.latest.clear();
        self.load = Load::default();
    }

    fn push_latest(&mut self, key: u64, origin: Origin, frame: Outgoing<'_>) -> bool {
        let bytes = frame.as_bytes().len();
        let older = self.latest.iter_mut().find(|latest| latest.key == key);
        self.load.add(origin, bytes, 1);
        match older {
            Some(older) => {
                self.load.remove(older.origin, older.value.len(), 1);
                older.origin = origin;
                older.value.set(frame);
                true
            }
            None => {
                let mut value = Value::Copied(self.spare.pop().unwrap_or_default());
                value.set(frame);
                self.latest.push_back(Latest { key, origin, value });
                false
            }
        }
    }

    fn fill_latest(&mut self, batch: &mut SendBatch, leaving: &mut Load) -> bool {
        while let Some(latest) = self.latest.front() {
            let bytes = latest.value.len();
            if !batch.has_room_for(bytes) {
                return false;
            }
            let Some(Latest { origin, value, .. }) = self.latest.pop_front() else {
                unreachable!("there was a first one")
            };
            match value {
                Value::Shared(value) => batch.push_shared(value),
                Value::Copied(mut value) => {
                    batch.push_copy(&value);
                    value.clear();
                    if self.spare.len() < SPARE_MAX {
                        self.spare.push(value);
                    }
                }
            }
            self.load.remove(origin, bytes, 1);
            leaving.add(origin, bytes, 1);
        }
        true
    }
}

/// Messages of one class, in order. Small ones lie one behind the other in `copied`, large ones in
/// `shared`; `records` says which is next.
#[derive(Debug, Default)]
struct Stream {
    records: VecDeque<Record>,
    copied: VecDeque<u8>,
    shared: VecDeque<Bytes>,
}

/// One message, or several that came at once.
#[derive(Clone, Copy, Debug)]
struct Record {
    bytes: u32,
    messages: u32,
    origin: Origin,
    shared: bool,
}

impl Stream {
    fn push(&mut self, origin: Origin, frame: Outgoing<'_>, load: &mut Load) {
        let (bytes, messages) = (frame.as_bytes().len(), frame.frame_count());
        let shared = matches!(frame, Outgoing::Shared(_)) && bytes > SendBatch::COPY_MAX;
        match frame {
            Outgoing::Shared(frame) if shared => self.shared.push_back(frame),
            frame => self.copied.extend(frame.as_bytes()),
        }
        self.records.push_back(Record {
            bytes: bytes as u32,
            messages,
            origin,
            shared,
        });
        load.add(origin, bytes, messages);
    }

    /// Returns whether everything went.
    fn fill(&mut self, batch: &mut SendBatch, leaving: &mut Load, load: &mut Load) -> bool {
        while let Some(&Record {
            bytes,
            messages,
            origin,
            shared,
        }) = self.records.front()
        {
            let bytes = bytes as usize;
            if !batch.has_room_for(bytes) {
                return false;
            }
            self.records.pop_front();
            if shared {
                batch.push_shared(self.shared.pop_front().expect("its record says so"));
            } else {
                let (head, tail) = self.copied.as_slices();
                let split = bytes.min(head.len());
                batch.push_copy(&head[..split]);
                batch.push_copy(&tail[..bytes - split]);
                self.copied.drain(..bytes);
            }
            load.remove(origin, bytes, messages);
            leaving.add(origin, bytes, messages);
        }
        true
    }

    fn footprint(&self) -> usize {
        self.records.capacity() * size_of::<Record>()
            + self.copied.capacity()
            + self.shared.capacity() * size_of::<Bytes>()
    }

    fn clear(&mut self) {
        self.records.clear();
        self.copied.clear();
        self.shared.clear();
    }
}

#[derive(Debug)]
struct Latest {
    key: u64,
    origin: Origin,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Copied(Vec<u8>),
    Shared(Bytes),
}

impl Value {
    fn len(&self) -> usize {
        match self {
            Self::Copied(bytes) => bytes.len(),
            Self::Shared(bytes) => bytes.len(),
        }
    }

    fn set(&mut self, frame: Outgoing<'_>) {
        match (self, frame) {
            (value, Outgoing::Shared(bytes)) if bytes.len() > SendBatch::COPY_MAX => {
                *value = Self::Shared(bytes);
            }
            (Self::Copied(old), frame) => {
                old.clear();
                old.extend_from_slice(frame.as_bytes());
            }
            (value, frame) => *value = Self::Copied(frame.as_bytes().to_vec()),
        }
    }
}
