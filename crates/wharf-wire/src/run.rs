//! Whole frames that lie one behind the other: what one receive brought, or one send will take.

use crate::{Frame, HEADER_BYTES, Header};

/// Some whole frames in one run of bytes, in order. Handing on a run costs no more than handing on
/// one frame.
///
/// Iterating takes the frames off its front.
///
/// Invariant: `bytes` is `count` frames, each as long as its header says, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRun<'a> {
    bytes: &'a [u8],
    /// As wide as the rest, so that a run is moved in whole words.
    count: usize,
}

impl<'a> FrameRun<'a> {
    /// The run that `bytes` are. `None` if they are not whole frames.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let (mut rest, mut count) = (bytes, 0);
        while !rest.is_empty() {
            (_, rest) = split_frame(rest)?;
            count += 1;
        }
        Some(Self { bytes, count })
    }

    /// The run of `count` frames that `bytes` are known to be.
    ///
    /// # Panics
    /// In debug builds, if they are not. In others a wrong run merely ends where it is broken.
    pub fn known(bytes: &'a [u8], count: u32) -> Self {
        let count = count as usize;
        let run = Self { bytes, count };
        debug_assert_eq!(
            Self::of(bytes).as_ref(),
            Some(&run),
            "a run of whole frames"
        );
        run
    }

    /// How many frames are left.
    pub fn frame_count(&self) -> u32 {
        self.count as u32
    }

    /// The id of the next frame.
    #[inline]
    pub fn next_id(&self) -> Option<u16> {
        let header = self.bytes.first_chunk::<HEADER_BYTES>()?;
        Some(Header::from_bytes(*header).id)
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
        let (front, _) = self.bytes.split_at(self.bytes.len() - rest.len());
        *self = Self {
            bytes: rest,
            count: self.count.saturating_sub(count),
        };
        Self {
            bytes: front,
            count,
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
        self.count = self.count.saturating_sub(1);
        Some(frame)
    }
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
