//! Messages that leave together, by one call of the system.

use std::ops::Range;
use t01_echo::sys::{Memory, Part};

/// Several messages, one behind the other, each where it is: nothing is copied.
pub struct Gathered {
    messages: Vec<Box<[u8]>>,
    /// Where the kernel finds them. It may read this until the operation has ended.
    parts: Vec<Part>,
}

impl Gathered {
    /// These messages.
    #[must_use]
    pub fn new(messages: Vec<Box<[u8]>>) -> Gathered {
        let parts = Vec::with_capacity(messages.len());
        Gathered { messages, parts }
    }
}

// SAFETY: the boxes own their bytes, which stay where they are when `self` is moved. Of no bytes
// every address will do.
unsafe impl Memory for Gathered {
    fn region(&mut self) -> (*mut u8, usize) {
        (std::ptr::dangling_mut(), 0)
    }

    fn parts(&mut self, Range { mut start, .. }: Range<usize>) -> Option<&[Part]> {
        self.parts.clear();
        for message in &mut self.messages {
            let sent = start.min(message.len());
            start -= sent;
            if sent < message.len() {
                self.parts.push(Part::of(&mut message[sent..]));
            }
        }
        Some(&self.parts)
    }
}
