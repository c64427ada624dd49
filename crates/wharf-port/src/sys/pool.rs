//! The receive buffers: one allocation, lent piece by piece, never moved, never freed early.
//!
//! A buffer is in exactly one place: on the free list, with the kernel (in a ring, or given to one
//! operation), or lent to the caller as a [`RecvBuf`]. Dropping the `RecvBuf` brings it home.
//! AddressSanitizer, where it looks on, lets our code touch it only while it is lent.

use super::poison;
use core::cell::{Cell, RefCell};
use core::ops::Deref;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::rc::Rc;

/// Index of a buffer in its pool; the kernel's buffer id in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferIndex(pub(crate) u16);

/// The buffers of one port. Clones share them; the memory goes when the last clone, lent buffers
/// included, is gone.
///
/// Invariant: `free` holds each index at most once; `lent` counts the live [`RecvBuf`]s.
#[derive(Clone)]
pub(crate) struct RecvPool(Rc<Core>);

struct Core {
    memory: NonNull<u8>,
    layout: Layout,
    buffer_bytes: u32,
    free: RefCell<Vec<BufferIndex>>,
    lent: Cell<u32>,
}

impl RecvPool {
    pub(crate) fn new(buffers: u16, buffer_bytes: u32) -> Self {
        assert!(buffers >= 2 && buffers.is_power_of_two() && buffers <= 32_768);
        assert!(buffer_bytes > 0);
        let bytes = usize::from(buffers) * buffer_bytes as usize;
        let layout = Layout::from_size_align(bytes, 4_096).expect("a pool fits the address space");
        // SAFETY: `layout` has a size above zero, asserted above.
        let memory = unsafe { alloc(layout) };
        let memory = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout));
        // Taken from the end, so the first buffers are used first and the rest stay untouched.
        let free = (0..buffers).rev().map(BufferIndex).collect();
        let pool = Self(Rc::new(Core {
            memory,
            layout,
            buffer_bytes,
            free: RefCell::new(free),
            lent: Cell::new(0),
        }));
        #[cfg(debug_assertions)]
        (0..buffers).for_each(|index| pool.fill(BufferIndex(index)));
        poison::forbid(memory, bytes);
        pool
    }

    /// Takes a buffer for the kernel; `None` when all are out.
    pub(crate) fn take(&self) -> Option<BufferIndex> {
        let index = self.0.free.borrow_mut().pop()?;
        #[cfg(debug_assertions)]
        self.assert_untouched(index, 0);
        Some(index)
    }

    /// Brings home a buffer that the kernel did not fill.
    pub(crate) fn give_back(&self, index: BufferIndex) {
        #[cfg(debug_assertions)]
        self.fill(index);
        self.forbid(index);
        self.0.free.borrow_mut().push(index);
    }

    /// Where a buffer lies: `buffer_bytes` bytes, at this address for the life of the pool. For a
    /// kernel; what we write ourselves goes to [`RecvPool::writable`].
    pub(crate) fn address(&self, index: BufferIndex) -> NonNull<u8> {
        let offset = usize::from(index.0) * self.0.buffer_bytes as usize;
        assert!(
            offset < self.0.layout.size(),
            "a buffer index out of the pool"
        );
        // SAFETY: the offset lies inside the allocation, asserted above.
        unsafe { self.0.memory.add(offset) }
    }

    /// Where a buffer lies that was taken and that no kernel knows of, for us to fill.
    pub(crate) fn writable(&self, index: BufferIndex) -> NonNull<u8> {
        let address = self.address(index);
        poison::allow(address, self.0.buffer_bytes as usize);
        address
    }

    /// From now on only a kernel may touch the buffer.
    fn forbid(&self, index: BufferIndex) {
        poison::forbid(self.address(index), self.0.buffer_bytes as usize);
    }

    pub(crate) fn buffer_bytes(&self) -> u32 {
        self.0.buffer_bytes
    }

    /// Lends a filled buffer to the caller.
    ///
    /// # Safety
    /// The buffer was taken from this pool, nothing else refers to it, the kernel has written its
    /// first `len` bytes and will not touch it again until it is given out anew.
    pub(crate) unsafe fn lend(&self, index: BufferIndex, len: u32) -> RecvBuf {
        assert!(len <= self.0.buffer_bytes, "the kernel wrote past a buffer");
        #[cfg(debug_assertions)]
        self.assert_untouched(index, len);
        self.forbid(index);
        poison::allow(self.address(index), len as usize);
        self.0.lent.set(self.0.lent.get() + 1);
        RecvBuf {
            pool: self.clone(),
            index,
            len,
        }
    }

    /// How many clones share the memory.
    #[cfg(test)]
    pub(crate) fn sharers(&self) -> usize {
        Rc::strong_count(&self.0)
    }

    /// Whether a buffer is home.
    pub(crate) fn has_free(&self) -> bool {
        !self.0.free.borrow().is_empty()
    }

    /// Fills a buffer that was taken from this pool with `bytes` and lends it.
    pub(crate) fn lend_copy(&self, index: BufferIndex, bytes: &[u8]) -> RecvBuf {
        assert!(
            bytes.len() <= self.0.buffer_bytes as usize,
            "more bytes than a buffer holds"
        );
        // SAFETY: the buffer was taken, so only we refer to its memory, which is large enough and
        // lies apart from the caller's bytes.
        unsafe {
            self.writable(index)
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
        // SAFETY: filled just now, and no kernel knows of it.
        unsafe { self.lend(index, bytes.len() as u32) }
    }

    /// How many buffers callers hold.
    pub(crate) fn lent(&self) -> u32 {
        self.0.lent.get()
    }
}

/// What no sanitizer sees are the kernel's writes. So debug builds fill a buffer with a pattern
/// when it comes home, and look for it when the buffer goes out, and again behind what was
/// received: a write by an operation that had ended already shows in one of the two.
#[cfg(debug_assertions)]
impl RecvPool {
    const PATTERN: u8 = 0xb7;

    fn fill(&self, index: BufferIndex) {
        let address = self.writable(index);
        // SAFETY: the buffer is home, so these bytes are ours alone.
        unsafe { address.write_bytes(Self::PATTERN, self.0.buffer_bytes as usize) };
    }

    /// Asserts that nobody has written to the buffer from byte `from` on.
    fn assert_untouched(&self, index: BufferIndex, from: u32) {
        let (start, end) = (from as usize, self.0.buffer_bytes as usize);
        // SAFETY: inside the buffer, which `new` or `fill` has initialised, and which nobody but
        // a kernel gone astray writes to now.
        let bytes = unsafe {
            core::slice::from_raw_parts(self.writable(index).as_ptr().add(start), end - start)
        };
        let whole = bytes.iter().all(|byte| *byte == Self::PATTERN);
        self.forbid(index);
        assert!(
            whole,
            "{index:?} was written to behind byte {from} while it was home"
        );
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        poison::allow(self.memory, self.layout.size());
        // SAFETY: allocated in `new` with this layout. A backend that could not drain its
        // operations leaks its clone of the pool, so the kernel writes here no more.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) }
    }
}

/// Received bytes, lent by the port's pool; dropping them brings the buffer home (C8).
/// Never empty. Stays on its port's thread.
pub struct RecvBuf {
    pool: RecvPool,
    index: BufferIndex,
    len: u32,
}

impl Deref for RecvBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let address = self.pool.address(self.index);
        // SAFETY: `lend`'s caller promised that the first `len` bytes are written and that nothing
        // else touches them while this value lives.
        unsafe { core::slice::from_raw_parts(address.as_ptr(), self.len as usize) }
    }
}

impl Drop for RecvBuf {
    fn drop(&mut self) {
        self.pool.0.lent.set(self.pool.0.lent.get() - 1);
        self.pool.give_back(self.index);
    }
}

impl fmt::Debug for RecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecvBuf({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_home_when_it_is_dropped_and_outlives_the_other_clones() {
        let pool = RecvPool::new(2, 8);
        let index = pool.take().unwrap();
        // SAFETY: eight bytes of a buffer that was just taken.
        unsafe {
            pool.writable(index)
                .copy_from_nonoverlapping(NonNull::from(b"received").cast(), 8)
        };
        // SAFETY: taken above, written above.
        let buffer = unsafe { pool.lend(index, 8) };
        assert_eq!((&*buffer, pool.lent()), (&b"received"[..], 1));
        pool.take().unwrap();
        assert!(pool.take().is_none());
        drop(buffer);
        let index = pool.take().expect("it came home");
        // SAFETY: taken just now; nothing needs to be written for a length of zero bytes.
        let buffer = unsafe { pool.lend(index, 0) };
        drop(pool);
        drop(buffer);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "while it was home")]
    fn a_late_write_is_found_when_the_buffer_goes_out_again() {
        let pool = RecvPool::new(2, 8);
        let index = pool.take().unwrap();
        pool.give_back(index);
        // SAFETY: inside the pool; what a kernel gone astray would do.
        unsafe { pool.writable(index).add(7).write(0) };
        pool.take();
    }

    /// `cargo xtask test --only asan`
    #[test]
    #[cfg(wharf_asan)]
    fn only_what_is_lent_may_be_touched() {
        let pool = RecvPool::new(2, 64);
        let forbidden = |index, byte| {
            // SAFETY: inside the buffer.
            poison::is_forbidden(unsafe { pool.address(index).add(byte) })
        };
        let index = pool.take().unwrap();
        assert!(forbidden(index, 0), "the kernel's");
        let buffer = pool.lend_copy(index, &[7; 20]);
        assert!(!forbidden(index, 19), "lent");
        assert!(forbidden(index, 20), "behind what was received");
        drop(buffer);
        assert!(forbidden(index, 0), "home");
    }
}
