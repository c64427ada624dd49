//! How the host learns which handler runs, and content how long it ran.

use crate::RoomId;
use core::time::Duration;

/// Looks on while handlers run. Content has no clock; whoever watches may have one, and can name
/// a handler that takes too long.
pub trait HandlerWatch: Send {
    /// A batch of handler calls begins, perhaps of none. They run back to back, so that each can be
    /// taken to begin when the one before it ended.
    fn begin_batch(&mut self);

    /// A handler is about to run. Returns how often it may run, for packets of one kind from one
    /// session, before [`HandlerWatch::end`]; at least once.
    fn begin(&mut self, place: Place, cause: Cause) -> u32;

    /// It has returned and runs once more.
    fn again(&mut self);

    /// It has run so many times, the last perhaps with a panic. Returns how long that took, if the
    /// watch timed it by itself; a tick always is.
    fn end(&mut self, calls: u32) -> Option<Duration>;

    /// The batch is over: nothing runs until the next one begins.
    fn end_batch(&mut self);
}

/// Whose handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The foyer's.
    Foyer,
    /// A room's.
    Room {
        /// The name of its kind.
        kind: &'static str,
        /// Which room.
        room: RoomId,
    },
}

/// Why it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A packet with this id.
    Packet(u16),
    /// A note whose message has this id.
    Note(u16),
    /// A tick.
    Tick,
    /// Somebody came, left or logged in; the name of the method.
    Occasion(&'static str),
}
