//! What waits to be sent to one session. Steps 5 and 6 put something else in this place.

use std::collections::VecDeque;
use t01_echo::sys::Memory;

/// The most that may wait to be sent to one session. Who reads more slowly than that is cut.
pub const OUTGOING_BYTES_MAX: usize = 1 << 20;

/// The messages that wait, and in which portions they leave. Each session begins with a clone of
/// one that is empty.
pub trait Outgoing: Clone + Send + Sync + 'static {
    /// What one operation sends.
    type Portion: Memory;

    /// Puts a message behind those that wait; false if that is too much.
    fn push(&mut self, message: &[u8]) -> bool;

    /// The next portion, and how many bytes it has.
    fn next(&mut self) -> Option<(Self::Portion, usize)>;

    /// Whether nothing waits.
    fn is_empty(&self) -> bool;

    /// Forgets what waits.
    fn clear(&mut self);
}

/// One message after another, as in step 3.
#[derive(Clone, Default)]
pub struct Queue {
    messages: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Outgoing for Queue {
    type Portion = Box<[u8]>;

    fn push(&mut self, message: &[u8]) -> bool {
        self.bytes += message.len();
        self.messages.push_back(message.into());
        self.bytes <= OUTGOING_BYTES_MAX
    }

    fn next(&mut self) -> Option<(Box<[u8]>, usize)> {
        let message = self.messages.pop_front()?;
        let bytes = message.len();
        self.bytes -= bytes;
        Some((message, bytes))
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn clear(&mut self) {
        *self = Queue::default();
    }
}
