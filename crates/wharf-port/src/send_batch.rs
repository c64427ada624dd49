//! The bytes of one gathered send: small frames copied, large ones shared.

use bytes::Bytes;
use core::fmt;
use std::io::IoSlice;

/// What one send carries. The caller fills it, gives it away with `send`, and gets it back with
/// the completion; in between its bytes belong to the kernel.
///
/// Frames up to [`SendBatch::COPY_MAX`] bytes are copied into one run of memory; larger ones are
/// kept by reference (a broadcast is encoded once), at most [`SendBatch::SHARED_MAX`] of them.
/// A batch is reusable: `clear` keeps its memory.
///
/// Invariant: `sent <= len`; `len` and `shared` are sums over `parts`.
pub struct SendBatch {
    inner: Box<Inner>,
}

/// Boxed, so that what the kernel reads stays where it is while the batch moves.
struct Inner {
    copied: Vec<u8>,
    parts: Vec<Part>,
    /// Of these, how many are shared.
    shared: usize,
    len: usize,
    sent: usize,
    #[cfg(target_os = "linux")]
    scratch: crate::sys::linux::SendScratch,
}

enum Part {
    Copied { start: usize, end: usize },
    Shared(Bytes),
}

impl SendBatch {
    /// Frames up to this many bytes are copied.
    pub const COPY_MAX: usize = 512;
    /// Frames kept by reference, at the most.
    pub const SHARED_MAX: usize = 16;
    /// Slices that one send gathers at the most: the shared parts and the copied runs between.
    pub const SLICES_MAX: usize = 2 * Self::SHARED_MAX + 1;
    /// A batch that holds this many bytes takes no more frames.
    pub const BYTES_MAX: usize = 64 * 1024;

    /// An empty batch.
    pub fn new() -> Self {
        Self {
            inner: Box::new(Inner {
                copied: Vec::new(),
                parts: Vec::new(),
                shared: 0,
                len: 0,
                sent: 0,
                #[cfg(target_os = "linux")]
                scratch: Default::default(),
            }),
        }
    }

    /// Whether a frame of `bytes` bytes fits. An empty batch takes any frame, so a frame that is
    /// larger than [`SendBatch::BYTES_MAX`] still leaves, alone.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        let inner = &*self.inner;
        let has_room = inner.len + bytes <= Self::BYTES_MAX && inner.shared < Self::SHARED_MAX;
        inner.len == 0 || has_room
    }

    /// Copies `frame` behind what is there.
    pub fn push_copy(&mut self, frame: &[u8]) {
        let inner = &mut *self.inner;
        let start = inner.copied.len();
        if inner.copied.capacity() - start < frame.len() {
            reserve(&mut inner.copied, frame.len());
        }
        inner.copied.extend_from_slice(frame);
        let end = inner.copied.len();
        inner.len += frame.len();
        match inner.parts.last_mut() {
            Some(Part::Copied { end: last, .. }) => *last = end,
            _ if frame.is_empty() => {}
            _ => inner.parts.push(Part::Copied { start, end }),
        }
    }

    /// Puts `frame` behind what is there: copied if small, by reference if large.
    pub fn push_shared(&mut self, frame: Bytes) {
        if frame.len() <= Self::COPY_MAX {
            self.push_copy(&frame);
        } else {
            self.inner.len += frame.len();
            self.inner.parts.push(Part::Shared(frame));
            self.inner.shared += 1;
        }
    }

    /// Bytes not sent yet.
    pub fn remaining(&self) -> usize {
        self.inner.len - self.inner.sent
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Notes that `bytes` more have left.
    ///
    /// # Panics
    /// If that is more than remained: bookkeeping of sent bytes is never guessed at.
    pub fn advance(&mut self, bytes: u32) {
        assert!(
            bytes as usize <= self.remaining(),
            "more bytes sent than there were"
        );
        self.inner.sent += bytes as usize;
    }

    /// Memory that the batch keeps for its bytes, in bytes; what it shares is not its own.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Inner>() + self.inner.copied.capacity()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        let inner = &mut *self.inner;
        inner.copied.clear();
        inner.parts.clear();
        inner.shared = 0;
        inner.len = 0;
        inner.sent = 0;
    }

    /// The bytes not sent yet, in order, in at most [`SendBatch::SLICES_MAX`] slices.
    pub fn slices(&self) -> impl Iterator<Item = IoSlice<'_>> {
        let inner = &*self.inner;
        slices_of(&inner.parts, &inner.copied, inner.sent)
    }

    /// The unsent slices beside the scratch in which they are written down for a kernel that reads
    /// the list later than its call.
    #[cfg(target_os = "linux")]
    pub(crate) fn slices_and_scratch(
        &mut self,
    ) -> (
        impl Iterator<Item = IoSlice<'_>>,
        &mut crate::sys::linux::SendScratch,
    ) {
        let Inner {
            copied,
            parts,
            sent,
            scratch,
            ..
        } = &mut *self.inner;
        (slices_of(parts, copied, *sent), scratch)
    }
}

/// Makes room as a vector does, by doubling, but not for more than a batch takes.
#[cold]
fn reserve(copied: &mut Vec<u8>, bytes: usize) {
    let (len, needed) = (copied.len(), copied.len() + bytes);
    let doubled = (2 * copied.capacity()).min(SendBatch::BYTES_MAX);
    copied.reserve_exact(doubled.max(needed) - len);
}

fn slices_of<'a>(
    parts: &'a [Part],
    copied: &'a [u8],
    mut skip: usize,
) -> impl Iterator<Item = IoSlice<'a>> {
    parts.iter().filter_map(move |part| {
        let bytes = match part {
            Part::Copied { start, end } => &copied[*start..*end],
            Part::Shared(bytes) => &bytes[..],
        };
        let skipped = skip.min(bytes.len());
        skip -= skipped;
        let rest = &bytes[skipped..];
        (!rest.is_empty()).then(|| IoSlice::new(rest))
    })
}

impl Default for SendBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SendBatch({} of {} bytes sent)",
            self.inner.sent, self.inner.len
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(batch: &SendBatch) -> Vec<u8> {
        batch.slices().flat_map(|slice| slice.to_vec()).collect()
    }

    proptest! {
        #[test]
        fn whatever_was_pushed_leaves_in_order(
            frames in prop::collection::vec((any::<bool>(), 0usize..1_500), 0..24),
            steps in prop::collection::vec(1u32..700, 0..60),
        ) {
            let mut batch = SendBatch::new();
            let mut expected = Vec::new();
            for (serial, (shared, len)) in frames.into_iter().enumerate() {
                let frame = vec![serial as u8; len];
                if !batch.has_room_for(len) {
                    break;
                }
                expected.extend_from_slice(&frame);
                if shared { batch.push_shared(frame.into()) } else { batch.push_copy(&frame) }
            }
            prop_assert!(batch.slices().count() <= SendBatch::SLICES_MAX);
            prop_assert_eq!(flat(&batch), &expected[..]);
            for step in steps {
                let step = step.min(batch.remaining() as u32);
                batch.advance(step);
                expected.drain(..step as usize);
                prop_assert_eq!(flat(&batch), &expected[..]);
            }
            batch.clear();
            prop_assert!(batch.is_empty() && batch.slices().next().is_none());
        }
    }

    #[test]
    fn a_small_shared_frame_is_copied_beside_its_neighbours() {
        let mut batch = SendBatch::new();
        batch.push_copy(b"ab");
        batch.push_shared(Bytes::from_static(b"cd"));
        assert_eq!(batch.slices().count(), 1);
        batch.push_shared(vec![7; SendBatch::COPY_MAX + 1].into());
        batch.push_copy(b"e");
        assert_eq!(batch.slices().count(), 3);
    }

    #[test]
    #[should_panic(expected = "more bytes sent than there were")]
    fn advancing_past_the_end_is_a_bug() {
        SendBatch::new().advance(1);
    }
}
