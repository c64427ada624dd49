//! What is known of a connection, and what it is sent next.

use super::room::{Chunk, ID_BYTES, header};
use std::rc::Rc;

/// So much of a chunk is worth a send of its own, less is copied to what lies in the next.
const PART_BYTES_MIN: usize = 4_096;
/// A larger buffer is given back when it was sent.
const SENDING_BYTES_MAX: usize = 16 << 10;

/// A member's place in its room.
pub struct Seat {
    pub room: usize,
    pub index: usize,
    /// The chunk that `heard` lies in.
    pub chunk: Rc<Chunk>,
    /// The place in the log up to which everything was sent, or is in flight.
    pub heard: u64,
}

/// Invariant: what `flight` points to lies in `sending`, in the seat's chunk or in `kept`, and none
/// of them changes until it has landed.
pub struct Connection {
    /// The address and the bytes of what the kernel has not sent yet; no bytes if nothing is.
    pub flight: (usize, usize),
    pub seat: Option<Seat>,
    /// Goes out next, before what the log has.
    pub replies: Vec<u8>,
    pub sending: Vec<u8>,
    pub kept: Option<Rc<Chunk>>,
    /// The beginning of a frame.
    pub input: Vec<u8>,
    pub id: [u8; ID_BYTES],
    /// Nothing is read any more: it is closed when everything is sent.
    pub ended: bool,
    /// Nothing is sent any more either.
    pub cut: bool,
    /// The kernel receives for it.
    pub receiving: bool,
}

impl Connection {
    pub fn new() -> Self {
        Self {
            flight: (0, 0),
            seat: None,
            replies: Vec::new(),
            sending: Vec::new(),
            kept: None,
            input: Vec::new(),
            id: [0; ID_BYTES],
            ended: false,
            cut: false,
            receiving: true,
        }
    }

    pub fn reply(&mut self, id: u16, body: &[u8]) {
        self.replies.extend_from_slice(&header(5 + body.len(), id));
        self.replies.extend_from_slice(body);
    }

    /// Makes ready what goes out next; false if nothing does.
    pub fn take_off(&mut self) -> bool {
        if self.replies.is_empty()
            && let Some(seat) = &mut self.seat
        {
            while seat.heard == seat.chunk.end()
                && let Some(next) = seat.chunk.next.get().map(Rc::clone)
            {
                seat.chunk = next;
            }
            let part = seat.chunk.behind(seat.heard);
            if seat.chunk.next.get().is_none() || part.len() >= PART_BYTES_MIN {
                self.flight = (part.as_ptr() as usize, part.len());
                seat.heard = seat.chunk.end();
                return self.flight.1 > 0;
            }
        }
        self.gather();
        self.sending.clear();
        self.sending.shrink_to(SENDING_BYTES_MAX);
        std::mem::swap(&mut self.sending, &mut self.replies);
        self.flight = (self.sending.as_ptr() as usize, self.sending.len());
        self.flight.1 > 0
    }

    /// Moves what it has not heard yet behind the replies.
    pub fn gather(&mut self) {
        let Some(seat) = &mut self.seat else { return };
        loop {
            self.replies
                .extend_from_slice(seat.chunk.behind(seat.heard));
            seat.heard = seat.chunk.end();
            let Some(next) = seat.chunk.next.get().map(Rc::clone) else {
                return;
            };
            let passed = std::mem::replace(&mut seat.chunk, next);
            if self.flight.1 > 0 {
                self.kept.get_or_insert(passed);
            }
        }
    }
}
