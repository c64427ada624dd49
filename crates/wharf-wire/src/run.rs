//! Whole frames that lie one behind the other: what one receive brought, or one send will take.

use crate::{Frame, HEADER_BYTES, Header};

/// What is known of the headers of some frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// All are the same: one id, one length, the same flags.
    Alike,
    /// They may differ.
    Various,
}

/// Some whole frames in one run of bytes, in order. Handing on a run costs no more than handing on
/// one frame.
///
/// Iterating takes the frames off its front.
///
/// Invariant: `bytes` is as many frames as `tally` says, each as long as its header says, and
/// nothing else; each has the header of the first, if `tally` says so.
#[derive(Clone, Debug)]
pub struct FrameRun<'a> {
    bytes: &'a [u8],
    tally: Tally,
}

/// How many frames, and what is known of their headers: twice the number, and one more if they are
/// alike. As wide as the rest of a run, so that it is moved in whole words.
#[derive(Clone, Copy, Debug)]
struct Tally(usize);

impl Tally {
    fn new(count: usize, headers: Headers) -> Self {
        Self(count << 1 | usize::from(headers == Headers::Alike))
    }

    fn count(self) -> usize {
        self.0 >> 1
    }

    fn headers(self) -> Headers {
        match self.0 & 1 {
            0 => Headers::Various,
            _ => Headers::Alike,
        }
    }

    /// Of so many of them. No frames are not alike: there is no header that they have.
    fn part(self, count: usize) -> Self {
        match count {
            0 => Self(0),
            _ => Self::new(count, self.headers()),
        }
    }

    /// Of those that are left without `taken`.
    fn without(self, taken: usize) -> Self {
        self.part(self.count().saturating_sub(taken))
    }
}

impl<'a> FrameRun<'a> {
    /// The run that `bytes` are. `None` if they are not whole frames.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        Some(Self::known(bytes, count_frames(bytes)?))
    }

    /// The run of `count` frames that `bytes` are known to be.
    ///
    /// # Panics
    /// In debug builds, if they are not. In others whoever goes through a wrong run comes to its
    /// end where it is broken, and whoever takes it whole has bytes that are no frames.
    #[inline]
    pub fn known(bytes: &'a [u8], count: u32) -> Self {
        let headers = match count {
            1 => Headers::Alike,
            _ => Headers::Various,
        };
        Self::known_with(bytes, count, headers)
    }

    /// As [`FrameRun::known`], where it is known as well whether one look at a header is enough.
    ///
    /// # Panics
    /// As [`FrameRun::known`]; in debug builds also if headers differ that should not.
    #[inline]
    pub fn known_with(bytes: &'a [u8], count: u32, headers: Headers) -> Self {
        debug_assert_eq!(count_frames(bytes), Some(count), "a run of whole frames");
        let tally = Tally::new(count as usize, headers);
        let run = Self { bytes, tally };
        debug_assert!(run.is_as_alike_as_it_says(), "one header, not several");
        run
    }

    /// How many frames are left.
    pub fn frame_count(&self) -> u32 {
        self.tally.count() as u32
    }

    /// The id of the next frame.
    #[inline]
    pub fn next_id(&self) -> Option<u16> {
        let header = self.bytes.first_chunk::<HEADER_BYTES>()?;
        Some(Header::from_bytes(*header).id)
    }

    /// How many bytes the next frame is by its header, that included; 0 if there is none.
    #[inline]
    pub fn next_bytes(&self) -> usize {
        let header = self.bytes.first_chunk::<HEADER_BYTES>();
        header.map_or(0, |header| Header::from_bytes(*header).frame_bytes.into())
    }

    /// Whether its frames are known to have one header.
    #[inline]
    pub fn headers(&self) -> Headers {
        self.tally.headers()
    }

    /// Takes the frames off the front that are `wanted`, up to the first that is not.
    #[inline]
    pub fn take_front(&mut self, mut wanted: impl FnMut(Frame<'a>) -> bool) -> FrameRun<'a> {
        let (mut rest, mut count) = (self.bytes, 0);
        while let Some((frame, behind)) = split_frame(rest)
            && wanted(frame)
        {
            (rest, count) = (behind, count + 1);
        }
        self.split_off(self.bytes.len() - rest.len(), count)
    }

    /// Takes the first frame off, and those behind it that have its id and flags, as many as are
    /// `bytes_max` together at the most.
    #[inline]
    pub fn take_kind(&mut self, bytes_max: usize) -> FrameRun<'a> {
        let frame_bytes = self.next_bytes();
        if self.headers() == Headers::Alike
            && let Some(count) = bytes_max.checked_div(frame_bytes)
        {
            let count = count.max(1).min(self.tally.count());
            return self.split_off(count * frame_bytes, count);
        }
        let (mut kind, mut bytes) = (None, 0);
        self.take_front(|frame| {
            bytes += HEADER_BYTES + frame.body.len();
            match kind {
                None => kind = Some((frame.id, frame.flags)),
                Some(first) => return first == (frame.id, frame.flags) && bytes <= bytes_max,
            }
            true
        })
    }

    /// Takes all that are left.
    #[inline]
    pub fn take_all(&mut self) -> FrameRun<'a> {
        self.split_off(self.bytes.len(), self.tally.count())
    }

    fn is_as_alike_as_it_says(&self) -> bool {
        let header = |frame: Frame<'_>| (frame.id, frame.flags, frame.body.len());
        let first = self.clone().next().map(header);
        let mut frames = self.clone();
        self.headers() == Headers::Various
            || first.is_some() && frames.all(|frame| Some(header(frame)) == first)
    }

    /// Takes `bytes` off the front, which are `count` frames.
    #[inline]
    fn split_off(&mut self, bytes: usize, count: usize) -> FrameRun<'a> {
        let (front, rest) = self.bytes.split_at(bytes.min(self.bytes.len()));
        let tally = self.tally;
        *self = Self {
            bytes: rest,
            tally: tally.without(count),
        };
        Self {
            bytes: front,
            tally: tally.part(count),
        }
    }

    /// The bytes of the frames that are left, headers included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Iterator for FrameRun<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let (frame, rest) = split_frame(self.bytes)?;
        self.bytes = rest;
        self.tally = self.tally.without(1);
        Some(frame)
    }
}

/// One's frames are the other's if their bytes are.
impl PartialEq for FrameRun<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for FrameRun<'_> {}

/// How many whole frames `bytes` are. `None` if they are not.
fn count_frames(mut bytes: &[u8]) -> Option<u32> {
    let mut count = 0;
    while !bytes.is_empty() {
        (_, bytes) = split_frame(bytes)?;
        count += 1;
    }
    Some(count)
}

/// The first frame, and what lies behind it.
#[inline]
fn split_frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let header = Header::from_bytes(*bytes.first_chunk::<HEADER_BYTES>()?);
    let (frame, rest) = bytes.split_at_checked(usize::from(header.frame_bytes))?;
    let body = frame.get(HEADER_BYTES..)?;
    let Header { id, flags, .. } = header;
    Some((Frame { id, flags, body }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(id: u16, body: &[u8]) -> Vec<u8> {
        [&Header::new(id, body.len()).to_bytes(), body].concat()
    }

    #[test]
    fn what_is_not_whole_frames_is_no_run() {
        let whole = frame(7, b"body");
        assert_eq!(FrameRun::of(&[]).map(|run| run.frame_count()), Some(0));
        for end in 1..whole.len() {
            assert_eq!(FrameRun::of(&whole[..end]), None, "{end} bytes");
        }
        assert_eq!(
            FrameRun::of(&[4, 0, 1, 0, 0]),
            None,
            "shorter than a header"
        );
        assert_eq!(FrameRun::of(&[&whole[..], &[0]].concat()), None);
    }

    proptest! {
        #[test]
        fn what_is_taken_off_the_front_and_what_is_left_are_the_run(
            ids in prop::collection::vec(0u16..3, 0..20),
        ) {
            let bytes: Vec<u8> = ids.iter().flat_map(|&id| frame(id, &[7; 3])).collect();
            let mut rest = FrameRun::of(&bytes).unwrap();
            let front = rest.take_front(|frame| frame.id == 0);
            let expected = ids.iter().take_while(|&&id| id == 0).count();
            let (head, tail) = bytes.split_at(expected * (HEADER_BYTES + 3));
            prop_assert_eq!(front, FrameRun::of(head).unwrap());
            prop_assert_eq!(rest, FrameRun::of(tail).unwrap());
        }

        #[test]
        fn those_of_the_first_kind_are_taken_whether_or_not_they_are_known_to_be_alike(
            frames in prop::collection::vec((0u16..2, 0u8..2, 2..4usize), 0..12),
            alike in 1..12u32,
            bytes_max in 0..80usize,
        ) {
            let taken = |mut run: FrameRun<'_>| {
                let (whole, headers) = (run.as_bytes(), run.headers());
                let front = run.take_kind(bytes_max);
                assert_eq!([front.as_bytes(), run.as_bytes()].concat(), whole);
                for part in [&front, &run] {
                    assert_eq!(count_frames(part.as_bytes()), Some(part.frame_count()));
                    let are_alike = headers == Headers::Alike && part.frame_count() > 0;
                    assert_eq!(part.headers() == Headers::Alike, are_alike);
                }
                front.as_bytes().len()
            };
            let (mut various, mut expected) = (Vec::new(), None);
            for &(id, flags, size) in &frames {
                let mut next = frame(id, &vec![7; size]);
                next[4] = flags;
                let behind = various.len() + next.len();
                let is_first = various.is_empty();
                let is_of_its_kind = (id, flags) == (frames[0].0, frames[0].1);
                if !is_first && (!is_of_its_kind || behind > bytes_max) {
                    expected.get_or_insert(various.len());
                }
                various.extend(next);
            }
            let expected = expected.unwrap_or(various.len());
            prop_assert_eq!(taken(FrameRun::of(&various).unwrap()), expected);
            let uniform = frame(7, b"abc").repeat(alike as usize);
            prop_assert_eq!(
                taken(FrameRun::known_with(&uniform, alike, Headers::Alike)),
                taken(FrameRun::known_with(&uniform, alike, Headers::Various))
            );
        }

        #[test]
        fn a_run_gives_its_frames_in_order(
            frames in prop::collection::vec(
                (any::<u16>(), prop::collection::vec(any::<u8>(), 0..40)),
                0..20,
            )
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(id, body)| frame(*id, body)).collect();
            let mut run = FrameRun::of(&bytes).unwrap();
            for (at, (id, body)) in frames.iter().enumerate() {
                prop_assert_eq!(run.frame_count() as usize, frames.len() - at);
                prop_assert_eq!(run.next_id(), Some(*id));
                let next = run.next().unwrap();
                prop_assert_eq!((next.id, next.flags, next.body), (*id, 0, &body[..]));
            }
            prop_assert_eq!((run.next(), run.frame_count(), run.as_bytes()), (None, 0, &[][..]));
            prop_assert_eq!(run.next_id(), None);
        }
    }
}
