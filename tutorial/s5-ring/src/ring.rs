//! Bytes that come in pieces and are taken out in others, in memory that never grows.

/// A ring of bytes.
///
/// Invariant: the `len` bytes from `start` on, going round at the end, are those written and not
/// yet read. That `len` is kept is the point: from two positions alone, a ring that is full cannot
/// be told from one that is empty.
pub struct Ring {
    bytes: Box<[u8]>,
    start: usize,
    len: usize,
}

impl Ring {
    /// An empty ring for `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Ring {
        Ring {
            bytes: vec![0; capacity].into_boxed_slice(),
            start: 0,
            len: 0,
        }
    }

    /// How many bytes it can keep.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes can be read.
    #[must_use]
    pub fn len(&self) -> usize {
        // The fault, which is the guide's example: what lies between the two positions. They are
        // the same when nothing is in the ring, and when all of it is full.
        if cfg!(feature = "faulty") {
            let end = self.wrap(self.start + self.len);
            return (end + self.capacity() - self.start) % self.capacity().max(1);
        }
        self.len
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes can be written.
    #[must_use]
    pub fn free(&self) -> usize {
        self.capacity() - self.len()
    }

    /// Writes all of `news`, or nothing if there is not so much room: false then.
    #[must_use]
    pub fn write(&mut self, news: &[u8]) -> bool {
        if news.len() > self.free() {
            return false;
        }
        let end = self.wrap(self.start + self.len);
        let until_edge = news.len().min(self.capacity() - end);
        let (first, second) = news.split_at(until_edge);
        self.bytes[end..end + first.len()].copy_from_slice(first);
        self.bytes[..second.len()].copy_from_slice(second);
        self.len = (self.len + news.len()).min(self.capacity());
        true
    }

    /// Fills `out` with the oldest bytes and leaves them where they are; false if there are not so
    /// many.
    #[must_use]
    pub fn peek(&self, out: &mut [u8]) -> bool {
        if out.len() > self.len() {
            return false;
        }
        let until_edge = out.len().min(self.capacity() - self.start);
        let (first, second) = out.split_at_mut(until_edge);
        first.copy_from_slice(&self.bytes[self.start..self.start + first.len()]);
        second.copy_from_slice(&self.bytes[..second.len()]);
        true
    }

    /// Takes the oldest bytes out, as many as `out` holds; false, and nothing, if there are not so
    /// many.
    #[must_use]
    pub fn read(&mut self, out: &mut [u8]) -> bool {
        let is_there = self.peek(out);
        if is_there {
            self.start = self.wrap(self.start + out.len());
            self.len -= out.len();
        }
        is_there
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// A position beyond the end, from the beginning again.
    fn wrap(&self, position: usize) -> usize {
        if position < self.capacity() {
            position
        } else {
            position - self.capacity()
        }
    }
}
