//! What is kept of a session that cannot be served right now.

use crate::QueryId;
use wharf_data::Notice;
use wharf_data::service::Reply;
use wharf_wire::{Extensions, FIRST_MODERN_ID, Frame, FrameRun};

/// Frames of one session, and whether its input has ended behind them, in the order of arrival;
/// beside them what the services said while it was between two homes.
///
/// Invariant: `bytes` are `count` whole frames, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    count: u32,
    words: Vec<Word>,
    /// No frame follows those that are held.
    pub(crate) input_ended: bool,
    /// The session is over; set only while the session's letter is under way.
    pub(crate) closed: bool,
    /// More came than is held: the session is being closed, and what follows is dropped.
    pub(crate) overloaded: bool,
}

/// Something that the services said to a session.
#[derive(Debug)]
pub(crate) enum Word {
    Reply(QueryId, Reply),
    Notice(Notice),
}

impl Held {
    pub(crate) fn push(&mut self, frame: Frame<'_>) {
        frame.encode(&mut self.bytes);
        self.count += 1;
    }

    /// The frames that wait. Those that `serve` takes off the front wait no longer.
    pub(crate) fn serve(&mut self, serve: impl FnOnce(&mut FrameRun<'_>)) {
        let mut frames = FrameRun::known(&self.bytes, self.count);
        serve(&mut frames);
        self.count = frames.frame_count();
        let served = self.bytes.len() - frames.as_bytes().len();
        self.bytes.drain(..served);
    }

    /// Drops the frames that wait; the numbers of the requests among them.
    pub(crate) fn drain_requests(&mut self) -> Vec<u32> {
        let mut requests = Vec::new();
        self.serve(|frames| requests.extend(frames.filter_map(request_of)));
        requests
    }

    /// Keeps what the services said.
    pub(crate) fn push_word(&mut self, word: Word) {
        self.words.push(word);
    }

    /// Everything that the services said, in order.
    pub(crate) fn take_words(&mut self) -> Vec<Word> {
        core::mem::take(&mut self.words)
    }

    /// How many words wait.
    pub(crate) fn words(&self) -> usize {
        self.words.len()
    }

    /// Memory that all of it occupies.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len() + self.words.len() * size_of::<Word>()
    }

    /// How many frames wait.
    pub(crate) fn frames(&self) -> usize {
        self.count as usize
    }

    /// Whether neither a frame nor a word nor the end of input nor the end of the session waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0 && self.words.is_empty() && !self.input_ended && !self.closed
    }

    /// Puts what `later` holds behind what is held here.
    pub(crate) fn append(&mut self, mut later: Held) {
        self.bytes.extend_from_slice(&later.bytes);
        self.count += later.count;
        self.words.append(&mut later.words);
        self.input_ended |= later.input_ended;
        self.closed |= later.closed;
        self.overloaded |= later.overloaded;
    }
}

/// The number of the request that a frame is.
fn request_of(frame: Frame<'_>) -> Option<u32> {
    if frame.id < FIRST_MODERN_ID {
        return None;
    }
    let (extensions, _) = Extensions::split(frame).ok()?;
    extensions.request.filter(|_| !extensions.is_reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_later_is_served_later() {
        let frame = |id, body| Frame { id, flags: 3, body };
        let (mut first, mut later) = (Held::default(), Held::default());
        first.push(frame(1, b"served"));
        first.push(frame(2, b"a"));
        first.serve(|frames| assert_eq!(frames.next(), Some(frame(1, b"served"))));
        later.push(frame(3, b"bc"));
        later.input_ended = true;
        first.append(later);
        assert_eq!(first.frames(), 2);
        first.serve(|frames| {
            assert_eq!(frames.next(), Some(frame(2, b"a")));
            assert_eq!(frames.next(), Some(frame(3, b"bc")));
            assert_eq!(frames.next(), None);
        });
        assert_eq!(first.frames(), 0);
        assert!(!first.is_empty(), "the end of input waits");
    }
}
