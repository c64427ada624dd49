//! What an operation of this step works with: a buffer that is lent, or a message of its own.

use t01_echo::sys::Memory;
use t02_memory::sys::Lent;

/// The memory of an operation.
#[derive(Default)]
pub enum Buffer {
    /// None: it only waits for something to come.
    #[default]
    None,
    /// To receive into.
    Lent(Lent),
    /// To send.
    Message(Vec<u8>),
}

// SAFETY: a vector owns its bytes, which stay where they are when it is moved; the others promise
// the same for themselves. Of no bytes every address will do.
unsafe impl Memory for Buffer {
    fn region(&mut self) -> (*mut u8, usize) {
        match self {
            Buffer::None => (std::ptr::dangling_mut(), 0),
            Buffer::Lent(lent) => lent.region(),
            Buffer::Message(bytes) => (bytes.as_mut_ptr(), bytes.len()),
        }
    }
}
