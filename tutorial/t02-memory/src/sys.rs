//! A slab: all buffers in one piece of memory, taken at start, and lent out one by one.

use std::ptr::NonNull;
use t01_echo::sys::Memory;

/// The buffers that nobody has at the moment.
///
/// Invariant: no two of the slab's buffers overlap, and each is either in here or lent.
pub struct Slab {
    free: Vec<Lent>,
    buffers: usize,
    buffer_bytes: usize,
}

/// One buffer of a slab. Whoever has this, has it alone, until it is given back.
pub struct Lent {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is the only way to its bytes, whichever thread has it.
unsafe impl Send for Lent {}

// SAFETY: the slab is never freed, and nobody else has these bytes of it.
unsafe impl Memory for Lent {
    fn region(&mut self) -> (*mut u8, usize) {
        (self.start.as_ptr(), self.bytes)
    }
}

/// An operation may have a buffer, or none while it only waits for something to come.
pub struct Buffer(pub Option<Lent>);

// SAFETY: as for what is lent; and of no bytes every address will do.
unsafe impl Memory for Buffer {
    fn region(&mut self) -> (*mut u8, usize) {
        let none = (NonNull::dangling().as_ptr(), 0);
        self.0.as_mut().map_or(none, Memory::region)
    }
}

impl Slab {
    /// Takes the memory of all buffers. It stays for as long as the process: the kernel may have a
    /// part of it to the end.
    #[must_use]
    pub fn new(buffers: usize, buffer_bytes: usize) -> Self {
        let memory = vec![0; buffers * buffer_bytes + BEYOND].leak();
        // Only as many as were asked for: what lies `BEYOND` may be long enough for more.
        let chunks = memory.chunks_exact_mut(buffer_bytes).take(buffers);
        Slab {
            free: chunks.map(Lent::new).collect(),
            buffers,
            buffer_bytes,
        }
    }

    /// The one that was given back last, which the processor's cache may still know.
    pub fn lend(&mut self) -> Option<Lent> {
        self.free.pop()
    }

    /// Takes one back. Nobody can give it back twice, since a `Lent` cannot be copied.
    pub fn give_back(&mut self, lent: Lent) {
        self.free.push(lent);
    }

    /// The memory of all buffers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.buffers * self.buffer_bytes
    }
}

impl Lent {
    fn new(chunk: &'static mut [u8]) -> Self {
        Lent {
            bytes: length(chunk),
            start: NonNull::from(chunk).cast(),
        }
    }

    /// What is in it.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: ours alone, for as long as `self` is borrowed; and initialised.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }
}

/// How long the buffer is that a chunk becomes.
#[cfg(not(feature = "faulty"))]
fn length(chunk: &[u8]) -> usize {
    chunk.len()
}

/// Memory behind the last buffer.
#[cfg(not(feature = "faulty"))]
const BEYOND: usize = 0;

/// The fault: a message has 256 bytes, says a constant, whatever size the buffers are made.
#[cfg(feature = "faulty")]
fn length(_: &[u8]) -> usize {
    256
}

/// What lies behind the last buffer is nobody's, so that the fault hits neighbours only.
#[cfg(feature = "faulty")]
const BEYOND: usize = 256;
