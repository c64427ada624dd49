//! Messages that are longer than a frame: cut into fragments here, put together there.

use crate::extensions::MORE;
use crate::{Extensions, Frame, HEADER_BYTES, Header, Violation};

/// A whole message: of one frame, or of all its fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What the body means.
    pub id: u16,
    /// What its frames said beside it.
    pub extensions: Extensions,
    /// The body, extensions left out.
    pub body: &'a [u8],
}

/// Puts the fragments of a session's messages together. Does no I/O.
///
/// Every fragment bears the id and the extensions of its message, and all but the last the flag
/// [`MORE`]. One message at a time may be unfinished; whole frames of other ids may come between
/// its fragments. A message of one frame is borrowed from it and copied nowhere; when nothing is
/// unfinished no memory is kept.
///
/// Invariant: while `unfinished` is `None`, `bytes` is empty or was handed out and is to be freed;
/// it never holds more than `message_bytes_max`.
#[derive(Debug)]
pub struct Assembler {
    unfinished: Option<(u16, Extensions)>,
    bytes: Vec<u8>,
    message_bytes_max: u32,
}

impl Assembler {
    /// An assembler of messages up to that length.
    pub fn new(message_bytes_max: u32) -> Self {
        Self {
            unfinished: None,
            bytes: Vec::new(),
            message_bytes_max,
        }
    }

    /// Takes a modern frame that the packet table has allowed; gives the message that it is, or
    /// that it is the end of.
    ///
    /// # Errors
    /// The [`Violation`] that ends this session; nothing more may be handled for it.
    pub fn handle_frame<'a>(
        &'a mut self,
        frame: Frame<'a>,
    ) -> Result<Option<Message<'a>>, Violation> {
        self.release();
        let Frame { id, flags, .. } = frame;
        let is_last = flags & MORE == 0;
        let (extensions, part) = Extensions::split(Frame {
            flags: flags & !MORE,
            ..frame
        })?;
        match self.unfinished {
            Some(unfinished) if unfinished == (id, extensions) => {}
            // A frame of the same id would be taken for the end, or the next message for this one.
            Some((other, _)) if other == id || !is_last => {
                return Err(Violation::StrayFragment { id });
            }
            _ if is_last => {
                return Ok(Some(Message {
                    id,
                    extensions,
                    body: part,
                }));
            }
            _ => self.unfinished = Some((id, extensions)),
        }
        self.append(id, part)?;
        if !is_last {
            return Ok(None);
        }
        self.unfinished = None;
        Ok(Some(Message {
            id,
            extensions,
            body: &self.bytes,
        }))
    }

    /// The id of the message that is not whole yet.
    pub fn unfinished(&self) -> Option<u16> {
        self.unfinished.map(|(id, _)| id)
    }

    /// Bytes of memory set aside for an unfinished message: what a budget counts.
    pub fn reserved_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Frees what a message occupied that was handed out.
    pub fn release(&mut self) {
        if self.unfinished.is_none() && self.bytes.capacity() > 0 {
            self.bytes = Vec::new();
        }
    }

    fn append(&mut self, id: u16, part: &[u8]) -> Result<(), Violation> {
        let limit = self.message_bytes_max;
        let room = (limit as usize).saturating_sub(self.bytes.len());
        if part.len() > room {
            return Err(Violation::MessageTooLong { id, limit });
        }
        // Doubling makes a long message cheap; never beyond what may be used.
        if self.bytes.capacity() - self.bytes.len() < part.len() {
            self.bytes
                .reserve_exact(part.len().max(self.bytes.len()).min(room));
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }
}

/// Appends a message as one frame, or as many fragments as it needs with frames of at most
/// `frame_bytes_max`; gives their number.
///
/// # Panics
/// If a frame of that length has no room for a byte of the message.
pub fn encode_fragments(message: &Message<'_>, frame_bytes_max: u16, out: &mut Vec<u8>) -> u32 {
    let Message {
        id,
        extensions,
        body,
    } = *message;
    let flags = extensions.flags();
    let extension_bytes = usize::from(crate::extensions::bytes_of(flags));
    let part_bytes = usize::from(frame_bytes_max).saturating_sub(HEADER_BYTES + extension_bytes);
    assert!(part_bytes > 0, "a frame has room for a byte of its message");
    let (mut rest, mut count) = (body, 0);
    loop {
        let (part, behind) = rest.split_at(rest.len().min(part_bytes));
        rest = behind;
        count += 1;
        let more = if rest.is_empty() { 0 } else { MORE };
        let header = Header {
            flags: flags | more,
            ..Header::new(id, extension_bytes + part.len())
        };
        out.extend_from_slice(&header.to_bytes());
        extensions.encode(out);
        out.extend_from_slice(part);
        if rest.is_empty() {
            return count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameRun;
    use crate::extensions::{REQUEST, ROOM};
    use proptest::prelude::*;

    fn frame(id: u16, flags: u8, body: &[u8]) -> Frame<'_> {
        Frame { id, flags, body }
    }

    /// Handles frames in turn: the messages' ids and bodies, and what went wrong, by name.
    fn assemble(assembler: &mut Assembler, frames: &[Frame<'_>]) -> String {
        let mut told = Vec::new();
        for frame in frames {
            match assembler.handle_frame(*frame) {
                Ok(Some(Message { id, body, .. })) => {
                    told.push(format!("{id}:{}", String::from_utf8_lossy(body)));
                }
                Ok(None) => told.push("-".to_string()),
                Err(violation) => {
                    told.push(violation.name().to_string());
                    break;
                }
            }
        }
        told.join(" ")
    }

    #[test]
    fn fragments_become_one_message_and_others_may_come_between() {
        let mut assembler = Assembler::new(6);
        let told = assemble(
            &mut assembler,
            &[
                frame(2_000, MORE, b"ab"),
                frame(2_001, 0, b"whole"),
                frame(2_000, MORE, b"cd"),
                frame(2_000, 0, b"ef"),
                frame(2_000, 0, b"next"),
            ],
        );
        assert_eq!(told, "- 2001:whole - 2000:abcdef 2000:next");
        assert_eq!(
            (assembler.unfinished(), assembler.reserved_bytes()),
            (None, 0)
        );
    }

    #[test]
    fn a_fragment_that_goes_on_with_nothing_is_refused() {
        let request = [7, 0, 0, 0, b'a'];
        let other_request = [8, 0, 0, 0, b'b'];
        for (second, expected) in [
            (frame(2_001, MORE, b"b"), "- stray-fragment"),
            (frame(2_000, REQUEST, &other_request), "- stray-fragment"),
            (
                frame(2_000, REQUEST | MORE, &other_request),
                "- stray-fragment",
            ),
            (frame(2_000, 0, b"b"), "- stray-fragment"),
            (frame(2_000, ROOM, b"bcd"), "- stray-fragment"),
            (frame(2_000, REQUEST, &request), "- 2000:aa"),
        ] {
            let first = frame(2_000, REQUEST | MORE, &request);
            let told = assemble(&mut Assembler::new(6), &[first, second]);
            assert_eq!(told, expected, "{second:?}");
        }
    }

    #[test]
    fn a_message_that_grows_too_long_is_refused_before_it_is_kept() {
        let mut assembler = Assembler::new(6);
        let told = assemble(
            &mut assembler,
            &[frame(2_000, MORE, b"abc"), frame(2_000, MORE, b"defg")],
        );
        assert_eq!(told, "- message-too-long");
        assert!(assembler.reserved_bytes() <= 6);
    }

    #[test]
    fn a_message_that_ends_exactly_with_a_frame_has_no_empty_fragment() {
        let message = Message {
            id: 2_000,
            extensions: Extensions::default(),
            body: b"abcdef",
        };
        for (frame_bytes_max, count) in [(11, 1), (10, 2), (8, 2), (7, 3), (6, 6)] {
            let mut out = Vec::new();
            assert_eq!(encode_fragments(&message, frame_bytes_max, &mut out), count);
            assert_eq!(FrameRun::of(&out).unwrap().frame_count(), count);
        }
    }

    proptest! {
        #[test]
        fn what_is_cut_is_put_together_again(
            messages in prop::collection::vec(
                (
                    any::<u16>(),
                    any::<Option<u32>>(),
                    any::<Option<u16>>(),
                    prop::collection::vec(any::<u8>(), 0..300),
                ),
                0..8,
            ),
            frame_bytes_max in 12u16..80,
        ) {
            let mut stream = Vec::new();
            let messages: Vec<(u16, Extensions, Vec<u8>)> = messages
                .into_iter()
                .map(|(id, request, room, body)| {
                    let extensions = Extensions { request, room, ..Extensions::default() };
                    (id, extensions, body)
                })
                .collect();
            for (id, extensions, body) in &messages {
                let message = Message { id: *id, extensions: *extensions, body };
                encode_fragments(&message, frame_bytes_max, &mut stream);
            }
            let mut assembler = Assembler::new(300);
            let mut told = Vec::new();
            for frame in FrameRun::of(&stream).unwrap() {
                prop_assert!(frame.wire_bytes() <= frame_bytes_max.into());
                if let Some(message) = assembler.handle_frame(frame).unwrap() {
                    told.push((message.id, message.extensions, message.body.to_vec()));
                }
            }
            prop_assert_eq!(told, messages);
            assembler.release();
            prop_assert_eq!(assembler.reserved_bytes(), 0);
        }

        #[test]
        fn no_frames_make_it_panic_or_keep_more_than_a_message(
            frames in prop::collection::vec(
                (0u16..3, 0u8..32, prop::collection::vec(0u8..2, 0..12)),
                0..40,
            ),
        ) {
            let mut assembler = Assembler::new(20);
            for (id, flags, body) in &frames {
                let is_whole = match assembler.handle_frame(frame(*id, *flags, body)) {
                    Ok(message) => message.is_some(),
                    Err(_) => break,
                };
                prop_assert!(assembler.reserved_bytes() <= 20);
                prop_assert_eq!(is_whole, flags & MORE == 0);
            }
        }
    }
}
