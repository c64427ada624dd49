//! The frame: five bytes of header, then the body.

/// Bytes of the header: `u16` length of the whole frame, `u16` packet id, `u8` flags, all
/// little-endian, packed.
pub const HEADER_BYTES: usize = 5;

/// From this id on packets are modern: their flags mean something.
pub const FIRST_MODERN_ID: u16 = 1_024;

/// The header of a frame, as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the whole frame, these five included.
    pub frame_bytes: u16,
    /// What the body means.
    pub id: u16,
    /// Zero in classic packets, and ignored there on receipt.
    pub flags: u8,
}

impl Header {
    /// The header of a frame without flags.
    ///
    /// # Panics
    /// If header and body together do not fit a `u16`.
    pub fn new(id: u16, body_bytes: usize) -> Self {
        let frame_bytes = u16::try_from(HEADER_BYTES + body_bytes).expect("a frame fits 64 KiB");
        Self {
            frame_bytes,
            id,
            flags: 0,
        }
    }

    /// Reads a header. Any five bytes are one; what they say is for the rules to judge.
    pub fn from_bytes(bytes: [u8; HEADER_BYTES]) -> Self {
        let [length_low, length_high, id_low, id_high, flags] = bytes;
        Self {
            frame_bytes: u16::from_le_bytes([length_low, length_high]),
            id: u16::from_le_bytes([id_low, id_high]),
            flags,
        }
    }

    /// The five bytes.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [length_low, length_high] = self.frame_bytes.to_le_bytes();
        let [id_low, id_high] = self.id.to_le_bytes();
        [length_low, length_high, id_low, id_high, self.flags]
    }
}

/// A whole frame, borrowed from the bytes it was cut from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the body means.
    pub id: u16,
    /// The header's flags.
    pub flags: u8,
    /// What follows the header.
    pub body: &'a [u8],
}

impl Frame<'_> {
    /// The frame as it stands on the wire.
    ///
    /// # Panics
    /// If header and body together do not fit a `u16`.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.wire_bytes());
        self.encode(&mut bytes);
        bytes
    }

    /// Appends the frame as it stands on the wire.
    ///
    /// # Panics
    /// If header and body together do not fit a `u16`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let header = Header {
            flags: self.flags,
            ..Header::new(self.id, self.body.len())
        };
        out.extend_from_slice(&header.to_bytes());
        out.extend_from_slice(self.body);
    }

    /// Bytes of the frame on the wire, header included.
    pub fn wire_bytes(&self) -> usize {
        HEADER_BYTES + self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_the_guides_own() {
        let header = Header {
            frame_bytes: 262,
            id: 221,
            flags: 0,
        };
        assert_eq!(header.to_bytes(), [0x06, 0x01, 0xdd, 0x00, 0x00]);
        assert_eq!(Header::from_bytes([0x06, 0x01, 0xdd, 0x00, 0x00]), header);
    }
}
