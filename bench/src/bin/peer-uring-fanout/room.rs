//! Rooms, and the logs of what is said in them.

use std::cell::{Cell, OnceCell};
use std::rc::{Rc, Weak};

/// A room's log grows by so much, and by more while somebody is more than that behind.
const CHUNK_BYTES_MIN: usize = 16 << 10;
const CHUNK_BYTES_MAX: usize = 256 << 10;
pub const ID_BYTES: usize = 33;
const CHAT_BYTES: usize = 295;

/// Invariant: what was appended is never written again, so that the kernel may read it meanwhile.
pub struct Chunk {
    /// The place of its first byte in the log.
    pub base: u64,
    pub used: Cell<usize>,
    pub bytes: Box<[Cell<u8>]>,
    pub next: OnceCell<Rc<Chunk>>,
}

impl Chunk {
    pub fn new(base: u64, bytes: usize) -> Rc<Self> {
        Rc::new(Self {
            base,
            used: Cell::new(0),
            bytes: vec![Cell::new(0); bytes].into(),
            next: OnceCell::new(),
        })
    }

    pub fn end(&self) -> u64 {
        self.base + self.used.get() as u64
    }

    pub fn free(&self) -> usize {
        self.bytes.len() - self.used.get()
    }

    pub fn append(&self, part: &[u8]) {
        let free = &self.bytes[self.used.get()..][..part.len()];
        free.iter().zip(part).for_each(|(to, byte)| to.set(*byte));
        self.used.set(self.used.get() + part.len());
    }

    /// What it holds from this place of the log on.
    pub fn behind(&self, place: u64) -> &[u8] {
        let appended = &self.bytes[(place - self.base) as usize..self.used.get()];
        // SAFETY: what was appended is never written again.
        unsafe { std::slice::from_raw_parts(appended.as_ptr().cast(), appended.len()) }
    }
}

/// Members and the log of what they said.
pub struct Room {
    pub members: Vec<u32>,
    pub tail: Rc<Chunk>,
    pub previous: Weak<Chunk>,
    /// Something was said since the last flush.
    pub spoken: bool,
}

impl Room {
    pub fn new() -> Self {
        Self {
            members: Vec::new(),
            tail: Chunk::new(0, 0),
            previous: Weak::new(),
            spoken: false,
        }
    }

    pub fn say(&mut self, id: &[u8; ID_BYTES], message: &[u8]) {
        if self.tail.free() < CHAT_BYTES {
            self.grow();
        }
        self.tail.append(&header(CHAT_BYTES, 223));
        self.tail.append(id);
        self.tail.append(message);
    }

    /// A new tail, larger than the last if somebody is more than a chunk behind.
    pub fn grow(&mut self) {
        let bytes = self.tail.bytes.len();
        let late = self.previous.strong_count() > 0;
        let bytes = if late { bytes * 2 } else { bytes / 2 };
        let bytes = bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX);
        let tail = Chunk::new(self.tail.end(), bytes);
        let _ = self.tail.next.set(Rc::clone(&tail));
        self.previous = Rc::downgrade(&self.tail);
        self.tail = tail;
    }
}

pub fn header(bytes: usize, id: u16) -> [u8; 5] {
    let ([a, b], [c, d]) = ((bytes as u16).to_le_bytes(), id.to_le_bytes());
    [a, b, c, d, 0]
}
