//! What may stand between the header and the body of a modern packet.

use crate::{Frame, HEADER_BYTES, Header, Violation};

/// A request id follows: the sender wants exactly one answer, which bears it again.
pub const REQUEST: u8 = 1 << 0;
/// This is the answer to the request whose id follows; only with [`REQUEST`].
pub const REPLY: u8 = 1 << 1;
/// The handle of a room follows, valid in this session.
pub const ROOM: u8 = 1 << 2;
/// More fragments of the same message follow.
pub const MORE: u8 = 1 << 3;
/// Only the newest of its kind matters, so a resumed session does not get it again.
pub const LATEST: u8 = 1 << 4;
/// Every flag with a meaning. Bit 5 is kept for compression; 6 and 7 are never set.
pub const ALL: u8 = REQUEST | REPLY | ROOM | MORE | LATEST;

/// Bytes of the request's id.
const REQUEST_BYTES: u16 = 4;
/// Bytes of the room's handle.
const ROOM_BYTES: u16 = 2;

/// Bytes of the extensions that a header with these flags announces.
#[inline]
pub const fn bytes_of(flags: u8) -> u16 {
    let request = (flags & REQUEST > 0) as u16 * REQUEST_BYTES;
    request + (flags & ROOM > 0) as u16 * ROOM_BYTES
}

/// The extensions of a frame, in the order of their flags' bits (docs/PROTOCOL.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The request that this is, or that it answers.
    pub request: Option<u32>,
    /// Whether it is the answer.
    pub is_reply: bool,
    /// The room that it is about, by its handle in this session.
    pub room: Option<u16>,
    /// Whether it is the newest of a kind of which only that matters.
    pub is_latest: bool,
}

impl Extensions {
    /// The most bytes that extensions occupy.
    pub const BYTES_MAX: usize = (REQUEST_BYTES + ROOM_BYTES) as usize;

    /// Those of a request.
    pub fn request(request: u32) -> Self {
        Self {
            request: Some(request),
            ..Self::default()
        }
    }

    /// Those of the answer to a request.
    pub fn reply(request: u32) -> Self {
        Self {
            is_reply: true,
            ..Self::request(request)
        }
    }

    /// Those of what is about a room.
    pub fn room(room: u16) -> Self {
        Self::default().in_room(room)
    }

    /// The same, about a room.
    #[must_use]
    pub fn in_room(self, room: u16) -> Self {
        Self {
            room: Some(room),
            ..self
        }
    }

    /// Takes the extensions off the front of a modern frame's body; the rest is the message.
    /// Fragments are not whole messages: [`crate::Assembler`] takes those.
    ///
    /// # Errors
    /// [`Violation::UnknownFlags`] for flags that mean nothing (yet), or not together, and for
    /// [`MORE`]; [`Violation::BodyLength`] if the body ends within them.
    pub fn split<'a>(frame: Frame<'a>) -> Result<(Self, &'a [u8]), Violation> {
        let Frame { id, flags, body } = frame;
        let is_known = flags & !(REQUEST | REPLY | ROOM | LATEST) == 0;
        if !is_known || flags & (REQUEST | REPLY) == REPLY {
            return Err(Violation::UnknownFlags { id, flags });
        }
        let short = || Violation::BodyLength {
            id,
            body_bytes: body.len() as u16,
        };
        let mut rest = body;
        let request = match flags & REQUEST {
            0 => None,
            _ => {
                let (bytes, behind) = rest.split_first_chunk().ok_or_else(short)?;
                rest = behind;
                Some(u32::from_le_bytes(*bytes))
            }
        };
        let room = match flags & ROOM {
            0 => None,
            _ => {
                let (bytes, behind) = rest.split_first_chunk().ok_or_else(short)?;
                rest = behind;
                Some(u16::from_le_bytes(*bytes))
            }
        };
        let extensions = Self {
            request,
            is_reply: flags & REPLY > 0,
            room,
            is_latest: flags & LATEST > 0,
        };
        Ok((extensions, rest))
    }

    /// The flags that say which of them follow.
    pub fn flags(&self) -> u8 {
        let bit = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        bit(self.request.is_some(), REQUEST)
            | bit(self.is_reply, REPLY)
            | bit(self.room.is_some(), ROOM)
            | bit(self.is_latest, LATEST)
    }

    /// Appends a modern frame with these extensions; `write_body` appends its message.
    ///
    /// # Panics
    /// If the frame does not fit 64 KiB.
    pub fn encode_frame(&self, id: u16, out: &mut Vec<u8>, write_body: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        self.encode(out);
        write_body(out);
        let header = Header {
            flags: self.flags(),
            ..Header::new(id, out.len() - start - HEADER_BYTES)
        };
        out[start..start + HEADER_BYTES].copy_from_slice(&header.to_bytes());
    }

    /// Appends them, as they stand before the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(request) = self.request {
            out.extend_from_slice(&request.to_le_bytes());
        }
        if let Some(room) = self.room {
            out.extend_from_slice(&room.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(flags: u8, body: &[u8]) -> Frame<'_> {
        Frame {
            id: 1_024,
            flags,
            body,
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_split_off_again(
            request in any::<Option<u32>>(),
            answers in any::<bool>(),
            room in any::<Option<u16>>(),
            is_latest in any::<bool>(),
            message in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let extensions = Extensions {
                request,
                is_reply: answers && request.is_some(),
                room,
                is_latest,
            };
            let mut body = Vec::new();
            extensions.encode(&mut body);
            prop_assert!(body.len() <= Extensions::BYTES_MAX);
            body.extend_from_slice(&message);
            let split = Extensions::split(frame(extensions.flags(), &body));
            prop_assert_eq!(split, Ok((extensions, &message[..])));
        }

        #[test]
        fn no_frame_makes_it_panic(
            flags in any::<u8>(),
            body in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            if let Ok((extensions, message)) = Extensions::split(frame(flags, &body)) {
                prop_assert_eq!(extensions.flags(), flags);
                prop_assert!(body.ends_with(message));
            }
        }
    }

    #[test]
    fn a_frame_has_its_extensions_in_the_order_of_their_bits() {
        let mut out = vec![0xff];
        let extensions = Extensions::reply(0x0403_0201).in_room(0x0605);
        extensions.encode_frame(1_204, &mut out, |out| out.extend_from_slice(b"hi"));
        let expected = [0xff, 13, 0, 0xb4, 4, 0b111, 1, 2, 3, 4, 5, 6, b'h', b'i'];
        assert_eq!(out, expected);
    }

    #[test]
    fn flags_that_mean_nothing_are_refused() {
        for flags in [REPLY, MORE, 1 << 5, 1 << 6, 1 << 7, REQUEST | 1 << 7] {
            let split = Extensions::split(frame(flags, &[0; 6]));
            assert_eq!(split, Err(Violation::UnknownFlags { id: 1_024, flags }));
        }
    }

    #[test]
    fn a_body_that_ends_within_them_is_refused() {
        for (flags, bytes) in [(REQUEST, 3), (ROOM, 1), (REQUEST | ROOM, 5)] {
            let body = vec![0; bytes];
            let split = Extensions::split(frame(flags, &body));
            let body_bytes = bytes as u16;
            assert_eq!(
                split,
                Err(Violation::BodyLength {
                    id: 1_024,
                    body_bytes
                })
            );
        }
    }
}
