//! Packets: step 2's buffers. The network's threads borrow them, the logic's give them back.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use t02_memory::sys::{Lent, Slab};

/// All packets, and who waits for one.
///
/// Invariant: while somebody stands in line, all packets are lent.
pub struct Pool {
    inner: Mutex<Inner>,
    packet_bytes: usize,
}

struct Inner {
    slab: Slab,
    lent: usize,
    /// Places of sessions, the first of them first.
    line: VecDeque<usize>,
}

/// What one receive has brought, in a buffer that is longer.
pub struct Packet {
    /// The buffer, to be given back.
    pub lent: Lent,
    /// How many bytes of it have come.
    pub bytes: usize,
}

impl Pool {
    /// Takes the memory of all packets.
    #[must_use]
    pub fn new(packets: usize, packet_bytes: usize) -> Pool {
        let inner = Inner {
            slab: Slab::new(packets, packet_bytes),
            lent: 0,
            line: VecDeque::new(),
        };
        Pool {
            inner: Mutex::new(inner),
            packet_bytes,
        }
    }

    /// Lends a buffer. If there is none, `place` stands in line from now on.
    pub fn lend(&self, place: usize) -> Option<Lent> {
        let mut inner = self.lock();
        let lent = inner.slab.lend();
        match lent {
            Some(_) => inner.lent += 1,
            None => inner.line.push_back(place),
        }
        lent
    }

    /// Takes a buffer back; and if somebody stands in line, lends it again, to the first of them.
    pub fn give_back(&self, lent: Lent) -> Option<(usize, Lent)> {
        let mut inner = self.lock();
        #[cfg(feature = "faulty")]
        let lent = inner.make_another(lent, self.packet_bytes);
        if let Some(first) = inner.line.pop_front() {
            return Some((first, lent));
        }
        inner.slab.give_back(lent);
        inner.lent -= 1;
        None
    }

    /// How many bytes of memory are lent at the moment.
    pub fn lent_bytes(&self) -> usize {
        self.lock().lent * self.packet_bytes
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing in here panics")
    }
}

#[cfg(feature = "faulty")]
impl Inner {
    /// The fault: each packet is made for itself, and stays where it is when it is read.
    fn make_another(&mut self, _read: Lent, packet_bytes: usize) -> Lent {
        self.lent += 1;
        let another = Slab::new(1, packet_bytes).lend();
        another.expect("one was just made")
    }
}
