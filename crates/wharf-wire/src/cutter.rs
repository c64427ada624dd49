//! Cuts a byte stream into frames, however the network split it.

use crate::{FrameRun, HEADER_BYTES, Header, Headers, PacketTable, Violation};

/// What a stream may contain.
#[derive(Clone, Copy, Debug)]
pub struct FrameRules {
    /// The packets that may arrive.
    pub table: &'static PacketTable,
    /// The longest frame, header included.
    pub frame_bytes_max: u16,
}

/// Cuts a byte stream into frames. Does no I/O.
///
/// Frames that lie whole in the received bytes are borrowed from them and copied nowhere; only the
/// tail of an unfinished frame is kept, in memory that exists just as long. An idle stream keeps
/// nothing.
///
/// Invariant: `partial` holds less than one frame, and its header, once whole, was found good.
#[derive(Debug, Default)]
pub struct FrameCutter {
    partial: Vec<u8>,
    /// Set when `partial` was handed out as a whole frame and is to be emptied.
    finished: bool,
}

impl FrameCutter {
    /// A cutter at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next frames of the stream, at least one, as many as lie whole one behind the other;
    /// their bytes are taken off the front of `input`. `None` when what is left of the input is
    /// not a whole frame; the input is then empty and the rest is kept.
    ///
    /// # Errors
    /// The [`Violation`] that ends this stream, when what came before it has been given. Nothing
    /// more may be cut from it.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
        rules: &FrameRules,
    ) -> Result<Option<FrameRun<'a>>, Violation> {
        self.release();
        if self.partial.is_empty() {
            self.cut_whole(input, rules)
        } else {
            self.complete(input, rules)
        }
    }

    /// Bytes kept of an unfinished frame.
    pub fn partial_bytes(&self) -> usize {
        if self.finished { 0 } else { self.partial.len() }
    }

    /// Bytes of memory set aside for the unfinished frame: what a budget counts.
    pub fn reserved_bytes(&self) -> usize {
        self.partial.capacity()
    }

    /// Frees what a finished frame occupied. Called between receives, so that a stream which is
    /// between frames keeps no memory.
    pub fn release(&mut self) {
        if self.finished {
            self.finished = false;
            self.partial = Vec::new();
        }
    }

    fn cut_whole<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
        rules: &FrameRules,
    ) -> Result<Option<FrameRun<'a>>, Violation> {
        let bytes: &'i [u8] = input;
        let whole = whole_frames(bytes, rules);
        if whole.count > 0 {
            let (run, rest) = bytes.split_at(whole.bytes);
            *input = rest;
            return Ok(Some(FrameRun::known_with(run, whole.count, whole.headers)));
        }
        if let Some(header) = whole.behind? {
            // The length is checked, so this reserves at most one frame of the limit's size.
            self.partial.reserve_exact(header.frame_bytes.into());
        }
        self.partial.extend_from_slice(bytes);
        *input = &[];
        Ok(None)
    }

    fn complete(
        &mut self,
        input: &mut &[u8],
        rules: &FrameRules,
    ) -> Result<Option<FrameRun<'_>>, Violation> {
        if self.partial.len() < HEADER_BYTES {
            self.take(input, HEADER_BYTES);
        }
        let Some(header) = read_header(&self.partial, rules)? else {
            return Ok(None);
        };
        let frame_bytes = usize::from(header.frame_bytes);
        self.take(input, frame_bytes);
        if self.partial.len() < frame_bytes {
            return Ok(None);
        }
        self.finished = true;
        Ok(Some(FrameRun::known(&self.partial, 1)))
    }

    /// Moves bytes from `input` until `partial` holds `wanted`, or the input is empty.
    fn take(&mut self, input: &mut &[u8], wanted: usize) {
        let missing = wanted - self.partial.len();
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.partial.reserve_exact(missing);
        self.partial.extend_from_slice(taken);
        *input = rest;
    }
}

/// The whole frames at the front of some bytes.
struct Whole {
    bytes: usize,
    count: u32,
    headers: Headers,
    /// What follows them: the header of an unfinished frame, less than a header, or a violation.
    behind: Result<Option<Header>, Violation>,
}

fn whole_frames(bytes: &[u8], rules: &FrameRules) -> Whole {
    let (mut whole, mut count, mut headers) = (0, 0, Headers::Various);
    loop {
        let rest = &bytes[whole..];
        match read_header(rest, rules) {
            Ok(Some(header)) if usize::from(header.frame_bytes) <= rest.len() => {
                // Alike if this is the first time here: those behind it begin with another header.
                headers = match whole {
                    0 => Headers::Alike,
                    _ => Headers::Various,
                };
                let alike = whole_alike(rest, header);
                whole += usize::from(header.frame_bytes) * alike;
                count += alike as u32;
            }
            behind => {
                return Whole {
                    bytes: whole,
                    count,
                    headers,
                    behind,
                };
            }
        }
    }
}

/// How many whole frames at the front of `bytes` have the header of the first, which is whole. That
/// header needs no second look: what is said again and again is of one kind and size.
#[inline]
fn whole_alike(bytes: &[u8], header: Header) -> usize {
    let behind = bytes.chunks_exact(header.frame_bytes.into()).skip(1);
    let header = header.to_bytes();
    1 + behind
        .take_while(|frame| frame.starts_with(&header))
        .count()
}

#[expect(
    clippy::inline_always,
    reason = "a call for each frame is two fifths of its cutting"
)]
#[inline(always)]
fn read_header(bytes: &[u8], rules: &FrameRules) -> Result<Option<Header>, Violation> {
    let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let header = Header::from_bytes(*bytes);
    rules.table.check(header, rules.frame_bytes_max)?;
    Ok(Some(header))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BodyLength, FlagRule, PacketRule};
    use proptest::prelude::*;

    const TABLE: PacketTable = PacketTable::new(&[
        PacketRule {
            id: 1,
            name: "echo",
            body: BodyLength::AtLeast(0),
            flags: FlagRule::NONE,
        },
        PacketRule {
            id: 7,
            name: "four",
            body: BodyLength::Exactly(4),
            flags: FlagRule::NONE,
        },
    ]);
    const RULES: FrameRules = FrameRules {
        table: &TABLE,
        frame_bytes_max: 64,
    };

    /// Id and body of each frame.
    type Frames = Vec<(u16, Vec<u8>)>;

    /// Feeds `chunks` one after the other; what came out, and what was kept.
    fn cut(chunks: &[&[u8]]) -> (Frames, Result<usize, Violation>) {
        let mut cutter = FrameCutter::new();
        let mut frames = Vec::new();
        for chunk in chunks {
            let mut input = *chunk;
            loop {
                match cutter.next(&mut input, &RULES) {
                    Ok(Some(run)) => {
                        frames.extend(run.map(|frame| (frame.id, frame.body.to_vec())));
                    }
                    Ok(None) => break,
                    Err(violation) => return (frames, Err(violation)),
                }
            }
            assert!(input.is_empty(), "input left without a frame or an error");
        }
        (frames, Ok(cutter.partial_bytes()))
    }

    fn frame(id: u16, body: &[u8]) -> Vec<u8> {
        [&Header::new(id, body.len()).to_bytes(), body].concat()
    }

    #[test]
    fn several_frames_of_one_receive_come_in_order() {
        let stream = [frame(1, b"a"), frame(7, b"four"), frame(1, b"")].concat();
        let (frames, end) = cut(&[&stream]);
        assert_eq!(
            frames,
            [(1, b"a".to_vec()), (7, b"four".to_vec()), (1, vec![])]
        );
        assert_eq!(end, Ok(0));
    }

    #[test]
    fn rubbish_is_refused_at_the_fifth_byte() {
        let cases: [(&[u8], Violation); 6] = [
            (
                &[0, 0, 1, 0, 0],
                Violation::FrameTooShort { frame_bytes: 0 },
            ),
            (
                &[4, 0, 1, 0, 0],
                Violation::FrameTooShort { frame_bytes: 4 },
            ),
            (
                &[65, 0, 1, 0, 0],
                Violation::FrameTooLong {
                    frame_bytes: 65,
                    limit: 64,
                },
            ),
            (&[5, 0, 2, 0, 0], Violation::UnknownId { id: 2 }),
            (
                &[8, 0, 7, 0, 0],
                Violation::BodyLength {
                    id: 7,
                    body_bytes: 3,
                },
            ),
            (
                b"GET / HTTP/1.1",
                Violation::FrameTooLong {
                    frame_bytes: 0x4547,
                    limit: 64,
                },
            ),
        ];
        for (bytes, violation) in cases {
            assert_eq!(cut(&[bytes]), (vec![], Err(violation)));
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(cut(&single), (vec![], Err(violation)), "byte by byte");
            assert_eq!(cut(&[&bytes[..4]]).1, Ok(4), "four bytes say nothing yet");
        }
    }

    #[test]
    fn a_header_is_looked_at_again_unless_it_is_the_one_before() {
        const MODERN: PacketTable = PacketTable::new(&[PacketRule {
            id: 1_024,
            name: "modern",
            body: BodyLength::AtLeast(0),
            flags: FlagRule::NONE,
        }]);
        let good = frame(1_024, b"four");
        let (mut other_id, mut other_flags) = (good.clone(), good.clone());
        other_id[2] += 1;
        other_flags[4] = 1;
        let rules = FrameRules {
            table: &MODERN,
            frame_bytes_max: 64,
        };
        for (bad, violation) in [
            (other_id, Violation::UnknownId { id: 1_025 }),
            (
                other_flags,
                Violation::UnknownFlags {
                    id: 1_024,
                    flags: 1,
                },
            ),
        ] {
            let stream = [&good[..], &good, &bad].concat();
            let (mut cutter, mut input) = (FrameCutter::new(), &stream[..]);
            let whole = cutter.next(&mut input, &rules).unwrap().unwrap();
            assert_eq!(whole.frame_count(), 2);
            assert_eq!(cutter.next(&mut input, &rules), Err(violation));
        }
    }

    #[test]
    fn frames_with_one_header_are_known_to_be_alike() {
        let headers = |stream: &[u8]| {
            let mut input = stream;
            let mut cutter = FrameCutter::new();
            cutter.next(&mut input, &RULES).unwrap().unwrap().headers()
        };
        let alike = [frame(1, b"one"), frame(1, b"two")].concat();
        assert_eq!(headers(&alike), Headers::Alike);
        let begun = &frame(7, b"four")[..6];
        assert_eq!(headers(&[&alike, begun].concat()), Headers::Alike);
        for other in [frame(1, b"four"), frame(7, b"four")] {
            let various = [&alike[..], &other].concat();
            assert_eq!(headers(&various), Headers::Various);
        }
    }

    #[test]
    fn a_stream_between_frames_keeps_no_memory() {
        let mut cutter = FrameCutter::new();
        let bytes = frame(1, &[9; 40]);
        let (mut head, mut tail) = bytes.split_at(20);
        assert_eq!(cutter.next(&mut head, &RULES), Ok(None));
        assert_eq!(cutter.partial_bytes(), 20);
        assert!(cutter.next(&mut tail, &RULES).unwrap().is_some());
        cutter.release();
        assert_eq!((cutter.partial_bytes(), cutter.partial.capacity()), (0, 0));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..59), 0..12),
            cuts in prop::collection::vec(1usize..40, 0..64),
        ) {
            let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(1, body)).collect();
            let mut chunks: Vec<&[u8]> = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts {
                let (chunk, tail) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = tail;
            }
            chunks.push(rest);
            let (frames, end) = cut(&chunks);
            let expected: Vec<_> = bodies.into_iter().map(|body| (1, body)).collect();
            prop_assert_eq!(frames, expected);
            prop_assert_eq!(end, Ok(0));
        }

        #[test]
        fn no_bytes_make_it_panic_or_keep_more_than_a_frame(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)
        ) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            if let (_, Ok(kept)) = cut(&chunks) {
                prop_assert!(kept < 64);
            }
        }
    }
}
