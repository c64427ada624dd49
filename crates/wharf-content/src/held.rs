//! What is kept of a session that cannot be served right now.

use wharf_wire::Frame;

/// Frames of one session, and whether its input has ended behind them, in the order of arrival.
///
/// Invariant: `served <= frames.len()`; every frame's range lies in `bytes`.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    frames: Vec<HeldFrame>,
    served: usize,
    /// No frame follows those that are held.
    pub(crate) input_ended: bool,
    /// The session is over; set only while the session's letter is under way.
    pub(crate) closed: bool,
    /// More came than is held: the session is being closed, and what follows is dropped.
    pub(crate) overloaded: bool,
}

#[derive(Clone, Copy, Debug)]
struct HeldFrame {
    id: u16,
    flags: u8,
    start: usize,
    body_bytes: usize,
}

impl Held {
    pub(crate) fn push(&mut self, frame: Frame<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.body);
        self.frames.push(HeldFrame {
            id: frame.id,
            flags: frame.flags,
            start,
            body_bytes: frame.body.len(),
        });
    }

    /// The next frame to be served.
    pub(crate) fn next(&mut self) -> Option<Frame<'_>> {
        let frame = *self.frames.get(self.served)?;
        self.served += 1;
        Some(Frame {
            id: frame.id,
            flags: frame.flags,
            body: &self.bytes[frame.start..frame.start + frame.body_bytes],
        })
    }

    /// Memory that the frames occupy.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len() + self.frames.len() * size_of::<HeldFrame>()
    }

    /// How many frames wait.
    pub(crate) fn frames(&self) -> usize {
        self.frames.len() - self.served
    }

    /// Whether neither a frame nor the end of input nor the end of the session waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames() == 0 && !self.input_ended && !self.closed
    }

    /// Puts what `later` holds behind what is held here.
    pub(crate) fn append(&mut self, mut later: Held) {
        while let Some(frame) = later.next() {
            self.push(frame);
        }
        self.input_ended |= later.input_ended;
        self.closed |= later.closed;
        self.overloaded |= later.overloaded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_later_is_served_later() {
        let frame = |id, body| Frame { id, flags: 0, body };
        let (mut first, mut later) = (Held::default(), Held::default());
        first.push(frame(1, b"served"));
        first.push(frame(2, b"a"));
        assert_eq!(first.next().unwrap().body, b"served");
        later.push(frame(3, b"bc"));
        later.input_ended = true;
        first.append(later);
        assert_eq!(first.frames(), 2);
        assert_eq!(first.next(), Some(frame(2, b"a")));
        assert_eq!(first.next(), Some(frame(3, b"bc")));
        assert_eq!(first.next(), None);
        assert!(!first.is_empty(), "the end of input waits");
    }
}
