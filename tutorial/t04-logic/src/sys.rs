//! What an operation of this step works with: a buffer that is lent, or a portion of what is sent.

use std::ops::Range;
use t01_echo::sys::{Memory, Part};
use t02_memory::sys::Lent;

/// The memory of an operation. What a portion is, is a matter of how one sends.
#[derive(Default)]
pub enum Buffer<P> {
    /// None: it only waits for something to come.
    #[default]
    None,
    /// To receive into.
    Lent(Lent),
    /// To send.
    Portion(P),
}

// SAFETY: both kinds promise it for themselves. Of no bytes every address will do.
unsafe impl<P: Memory> Memory for Buffer<P> {
    fn region(&mut self) -> (*mut u8, usize) {
        match self {
            Buffer::None => (std::ptr::dangling_mut(), 0),
            Buffer::Lent(lent) => lent.region(),
            Buffer::Portion(portion) => portion.region(),
        }
    }

    fn parts(&mut self, span: Range<usize>) -> Option<&[Part]> {
        match self {
            Buffer::Portion(portion) => portion.parts(span),
            Buffer::None | Buffer::Lent(_) => None,
        }
    }
}
