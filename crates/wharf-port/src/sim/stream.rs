//! One direction of a simulated connection: the bytes on their way to one end.

use std::collections::VecDeque;
use wharf_base::Instant;

/// The bytes on their way to one end of a connection, in order, each segment with its arrival.
///
/// Invariant: written >= sent >= received >= read, and the segments hold exactly the bytes between
/// `read` and `sent`.
#[derive(Default)]
pub(super) struct Stream {
    segments: VecDeque<Segment>,
    /// Bytes that the sender has tried to send, those sent included.
    written: u64,
    /// Bytes that have left.
    sent: u64,
    /// Bytes that have arrived.
    received: u64,
    /// Bytes that the reader took.
    read: u64,
    /// Whether the sender has ended it; the end lies behind the last segment.
    ended_at: Option<Instant>,
}

struct Segment {
    arrives: Instant,
    bytes: Vec<u8>,
    /// How many of them were read.
    read: usize,
    /// Whether they are among those received.
    is_here: bool,
}

impl Stream {
    /// Bytes that have left and are not read yet.
    pub(super) fn held(&self) -> u64 {
        self.sent - self.read
    }

    /// Whether the sender has ended it.
    pub(super) fn is_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    /// Whether bytes or the end have arrived by `now` and are not read.
    pub(super) fn has_news(&self, now: Instant) -> bool {
        match self.segments.front() {
            Some(segment) => segment.arrives <= now,
            None => self.ended_at.is_some_and(|at| at <= now),
        }
    }

    /// When each thing that is on its way arrives.
    pub(super) fn arrivals(&self) -> impl Iterator<Item = Instant> {
        let bytes = self.segments.iter().map(|segment| segment.arrives);
        bytes.chain(self.ended_at)
    }

    /// Sends the first `limit` of `slices`, to arrive at `arrives` or, if that is later, with what
    /// was sent before. When they arrive and how many they are; `None` if they are none.
    pub(super) fn send<'a>(
        &mut self,
        slices: impl Iterator<Item = &'a [u8]>,
        limit: usize,
        arrives: Instant,
    ) -> Option<(Instant, u32)> {
        assert!(!self.is_ended(), "bytes behind the end of a stream");
        let mut bytes = Vec::new();
        let mut offered = 0;
        for slice in slices {
            offered += slice.len();
            let take = slice.len().min(limit - bytes.len());
            bytes.extend_from_slice(&slice[..take]);
        }
        self.written = self.sent + offered as u64;
        if bytes.is_empty() {
            return None;
        }
        let count = bytes.len() as u32;
        self.sent += u64::from(count);
        let arrives = self.in_order(arrives);
        self.segments.push_back(Segment {
            arrives,
            bytes,
            read: 0,
            is_here: false,
        });
        self.assert_invariants();
        Some((arrives, count))
    }

    /// Ends the stream behind what was sent; when the end arrives.
    pub(super) fn end(&mut self, arrives: Instant) -> Instant {
        let arrives = self.in_order(arrives);
        *self.ended_at.insert(arrives)
    }

    /// Nothing overtakes what was sent before it.
    fn in_order(&self, arrives: Instant) -> Instant {
        let before = self.segments.back().map(|segment| segment.arrives);
        before.map_or(arrives, |before| before.max(arrives))
    }

    /// Reads up to `room` bytes of what has arrived by `now`.
    pub(super) fn read(&mut self, now: Instant, room: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < room
            && let Some(segment) = self.segments.front_mut()
            && segment.arrives <= now
        {
            if !segment.is_here {
                segment.is_here = true;
                self.received += segment.bytes.len() as u64;
            }
            let left = &segment.bytes[segment.read..];
            let take = left.len().min(room - bytes.len());
            bytes.extend_from_slice(&left[..take]);
            segment.read += take;
            if segment.read == segment.bytes.len() {
                self.segments.pop_front();
            }
        }
        self.read += bytes.len() as u64;
        self.assert_invariants();
        bytes
    }

    /// Whether everything was read and the end has arrived by `now`: seen again and again.
    pub(super) fn is_at_end(&self, now: Instant) -> bool {
        self.segments.is_empty() && self.ended_at.is_some_and(|at| at <= now)
    }

    /// Drops what is not read, on the way or here; how many bytes that was.
    pub(super) fn forget(&mut self) -> u64 {
        let lost = self.held();
        self.segments.clear();
        (self.received, self.read) = (self.sent, self.sent);
        lost
    }

    fn assert_invariants(&self) {
        assert!(self.written >= self.sent, "sent what nobody wrote");
        assert!(self.sent >= self.received, "received what nobody sent");
        assert!(self.received >= self.read, "read what has not come");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn send(stream: &mut Stream, bytes: &[u8], limit: usize, arrives: u64) -> Option<u32> {
        let sent = stream.send(core::iter::once(bytes), limit, at(arrives));
        sent.map(|(_, count)| count)
    }

    #[test]
    fn bytes_come_in_order_and_not_before_they_arrive() {
        let mut stream = Stream::default();
        assert_eq!(send(&mut stream, b"late", 9, 20), Some(4));
        assert_eq!(
            send(&mut stream, b"early", 9, 10),
            Some(5),
            "overtakes nobody"
        );
        assert_eq!(stream.read(at(19), 100), b"");
        assert!(!stream.has_news(at(19)) && stream.has_news(at(20)));
        assert_eq!(stream.read(at(20), 6), b"lateea");
        assert_eq!(stream.held(), 3);
        assert_eq!(stream.read(at(20), 6), b"rly");
        assert_eq!(stream.held(), 0);
    }

    #[test]
    fn a_limit_cuts_across_slices() {
        let mut stream = Stream::default();
        let slices = [&b"abc"[..], b"", b"def", b"ghi"];
        let sent = stream.send(slices.into_iter(), 5, at(1));
        assert_eq!(sent, Some((at(1), 5)));
        assert_eq!(stream.read(at(1), 100), b"abcde");
        assert_eq!(send(&mut stream, b"xyz", 0, 1), None, "no room");
    }

    #[test]
    fn the_end_is_seen_behind_the_last_byte_again_and_again() {
        let mut stream = Stream::default();
        send(&mut stream, b"bye", 9, 5);
        assert_eq!(stream.end(at(1)), at(5), "overtakes nobody either");
        assert!(!stream.is_at_end(at(5)), "bytes are left");
        assert_eq!(stream.read(at(5), 100), b"bye");
        for _ in 0..2 {
            assert!(stream.has_news(at(5)) && stream.is_at_end(at(5)));
            assert_eq!(stream.read(at(5), 100), b"");
        }
    }

    #[test]
    fn what_was_forgotten_is_neither_held_nor_read() {
        let mut stream = Stream::default();
        send(&mut stream, b"lost", 9, 1);
        assert_eq!((stream.forget(), stream.held()), (4, 0));
        send(&mut stream, b"kept", 9, 1);
        assert_eq!(stream.read(at(1), 100), b"kept");
    }

    #[test]
    #[should_panic(expected = "behind the end")]
    fn nothing_is_sent_behind_the_end() {
        let mut stream = Stream::default();
        stream.end(at(1));
        send(&mut stream, b"?", 1, 1);
    }
}
