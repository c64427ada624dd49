//! Packets: the guide's header of five bytes, and a body.
//!
//! | bytes | |
//! |---|---|
//! | 0, 1 | length of the whole packet, little-endian |
//! | 2, 3 | packet id |
//! | 4 | type; 0 |

use crate::ring::Ring;

/// Bytes before the body.
pub const HEADER_BYTES: usize = 5;
/// The longest packet.
pub const PACKET_BYTES_MAX: usize = 1024;

/// What has the form of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What it is about.
    pub id: u16,
    /// The rest.
    pub body: Vec<u8>,
}

/// A length that no packet has: what follows cannot be cut any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLength(pub usize);

impl Packet {
    /// Takes the next packet out of the ring; `None` while a part of it is still to come.
    ///
    /// # Errors
    /// If the length is shorter than a header, or longer than any packet may be.
    pub fn take(ring: &mut Ring) -> Result<Option<Packet>, BadLength> {
        let mut header = [0; HEADER_BYTES];
        if !ring.peek(&mut header) {
            return Ok(None);
        }
        let length = usize::from(u16::from_le_bytes([header[0], header[1]]));
        if !(HEADER_BYTES..=PACKET_BYTES_MAX).contains(&length) {
            return Err(BadLength(length));
        }
        let mut bytes = vec![0; length];
        if !ring.read(&mut bytes) {
            return Ok(None);
        }
        Ok(Some(Packet {
            id: u16::from_le_bytes([header[2], header[3]]),
            body: bytes.split_off(HEADER_BYTES),
        }))
    }

    /// As it travels.
    ///
    /// # Panics
    /// If it is longer than a packet may be.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = HEADER_BYTES + self.body.len();
        assert!(length <= PACKET_BYTES_MAX, "a packet of {length} bytes");
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&(length as u16).to_le_bytes());
        bytes.extend_from_slice(&self.id.to_le_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
