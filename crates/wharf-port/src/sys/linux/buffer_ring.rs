//! The provided-buffer ring: empty receive buffers, laid out for the kernel to take as data
//! arrives (`io_uring_register_buf_ring(3)`).

use super::ring::Ring;
use crate::sys::keep::keep_for_ever;
use crate::sys::pool::{BufferIndex, RecvBuf, RecvPool};
use crate::{OpenError, PortOptions};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU16, Ordering};
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};

/// The one buffer group of a port.
pub(super) const GROUP: u16 = 0;

/// As many of the pool's buffers as may be needed at once lie in here. The kernel takes the one
/// that has lain longest, so with all of them in here each would have left the processor's cache
/// before it is used again.
///
/// Invariant: `ready` buffers between the kernel's head and our `tail` are the kernel's; the rest
/// are home in the pool, or lent.
pub(super) struct BufferRing {
    entries: NonNull<BufRingEntry>,
    layout: Layout,
    mask: u16,
    tail: u16,
    ready: u16,
    /// What `ready` was after the last refill.
    filled: u16,
    /// How many are to lie ready.
    wanted: u16,
    pool: RecvPool,
    leaked: bool,
}

impl BufferRing {
    /// Makes the ring, registers it, and fills it.
    pub(super) fn new(ring: &Ring, options: &PortOptions) -> Result<Self, OpenError> {
        let pool = RecvPool::new(options.recv_buffers, options.recv_buffer_bytes);
        let count = options.recv_buffers;
        let layout = Layout::array::<BufRingEntry>(usize::from(count))
            .and_then(|layout| layout.align_to(PAGE_BYTES))
            .expect("32,768 entries fit the address space");
        // SAFETY: `layout` has a size above zero, since the pool has two buffers or more.
        let memory = unsafe { alloc_zeroed(layout) };
        let entries = NonNull::new(memory.cast::<BufRingEntry>())
            .unwrap_or_else(|| handle_alloc_error(layout));
        let mut buffers = Self {
            entries,
            layout,
            mask: count - 1,
            tail: 0,
            ready: 0,
            filled: 0,
            wanted: 0,
            pool,
            leaked: false,
        };
        // SAFETY: the entries are page-aligned and zeroed, and stay until `drop`, or for ever.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(entries.as_ptr() as u64, count, GROUP, 0)
        }
        .map_err(|error| OpenError::Unsupported {
            feature: "provided buffer rings (Linux 5.19)",
            code: Some(crate::sys::sockets::os_code(&error)),
        })?;
        buffers.refill();
        Ok(buffers)
    }

    /// Puts buffers that are home into the ring, those that came last first, with one store that
    /// shows them all to the kernel.
    pub(super) fn refill(&mut self) {
        let before = self.ready;
        self.wanted = wanted(self.wanted, self.filled - self.ready, self.mask + 1);
        while self.ready < self.wanted
            && let Some(index) = self.pool.take()
        {
            self.put(index);
        }
        self.filled = self.ready;
        if self.ready != before {
            self.publish();
        }
    }

    fn put(&mut self, index: BufferIndex) {
        assert!(
            self.ready <= self.mask,
            "more buffers than the ring has entries"
        );
        // SAFETY: the masked index lies inside the ring, and this entry is not between head and
        // tail, so the kernel does not read it before `publish`.
        let entry = unsafe {
            self.entries
                .add(usize::from(self.tail & self.mask))
                .as_mut()
        };
        entry.set_addr(self.pool.address(index).as_ptr() as u64);
        entry.set_len(self.pool.buffer_bytes());
        entry.set_bid(index.0);
        self.tail = self.tail.wrapping_add(1);
        self.ready += 1;
    }

    fn publish(&self) {
        // SAFETY: the tail lies in the first entry's reserved field, inside our memory, aligned
        // for sixteen bits; the kernel only reads it (io_uring_register_buf_ring(3)).
        let tail =
            unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries.as_ptr()).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    /// How many buffers the kernel can still take, less those whose completions lie unreaped.
    pub(super) fn ready(&self) -> u16 {
        self.ready
    }

    /// How many buffers callers hold.
    pub(super) fn lent(&self) -> u32 {
        self.pool.lent()
    }

    /// A look at the pool's fate.
    #[cfg(test)]
    pub(super) fn share_pool(&self) -> RecvPool {
        self.pool.clone()
    }

    /// Bytes of each buffer.
    pub(super) fn buffer_bytes(&self) -> u32 {
        self.pool.buffer_bytes()
    }

    /// Lends the buffer that a completion named, with the `len` bytes that it reported.
    ///
    /// # Safety
    /// `buffer` and `len` come from one completion of this ring's group, reaped just now.
    pub(super) unsafe fn lend(&mut self, buffer: u16, len: u32) -> RecvBuf {
        self.ready -= 1;
        // SAFETY: the kernel takes each buffer out of the ring once and is done with it when the
        // completion is posted; it sees it again only after `put`, which takes from the pool.
        unsafe { self.pool.lend(BufferIndex(buffer), len) }
    }

    /// Brings home a buffer that a completion named although nothing was written.
    pub(super) fn give_back(&mut self, buffer: u16) {
        self.ready -= 1;
        self.pool.give_back(BufferIndex(buffer));
    }

    /// Keeps ring and buffers for ever, for a kernel that may still write to them (C12).
    pub(super) fn leak(&mut self) {
        self.leaked = true;
        keep_for_ever((self.pool.clone(), self.entries));
    }
}

impl Drop for BufferRing {
    fn drop(&mut self) {
        if self.leaked {
            return;
        }
        // SAFETY: allocated in `new` with this layout. No receive is in flight: the port drains
        // before it drops this, and where the probe failed the ring goes first and nobody writes
        // to the probe's sockets. So the kernel, which holds these pages by itself until the ring
        // is gone, takes no buffer from them any more.
        unsafe { dealloc(self.entries.as_ptr().cast(), self.layout) };
    }
}

/// How many buffers lie ready at the least, if there are so many.
const READY_MIN: u16 = 128;
/// How many lie ready for each that was taken since the last refill.
const READY_PER_TAKEN: u16 = 4;

/// How many of `count` buffers are to lie ready, where `before` were to and `taken` were taken: at
/// once as many as are needed, and fewer by and by.
fn wanted(before: u16, taken: u16, count: u16) -> u16 {
    let least = taken.saturating_mul(READY_PER_TAKEN).max(READY_MIN);
    (before - before / 64).max(least).min(count)
}

/// `io_uring_register_buf_ring(3)`: the ring must be aligned to a page. 64 KiB is the largest page
/// of any architecture that we run on.
const PAGE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_buffers_lie_ready_as_may_be_needed_at_once() {
        assert_eq!(wanted(0, 0, 2), 2, "there are no more");
        assert_eq!(wanted(0, 0, 1_024), READY_MIN);
        assert_eq!(wanted(128, 32, 1_024), 128);
        assert_eq!(
            wanted(128, 128, 1_024),
            512,
            "all were taken: it was not enough"
        );
        assert_eq!(wanted(512, 512, 1_024), 1_024);
        assert_eq!(wanted(32_768, u16::MAX, 32_768), 32_768);
        let mut ready = 1_024;
        for _ in 0..200 {
            ready = wanted(ready, 20, 1_024);
        }
        assert_eq!(ready, READY_MIN, "a burst is not for ever");
    }
}
