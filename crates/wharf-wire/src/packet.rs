//! What a body means: typed packets.

use crate::{Extensions, HEADER_BYTES, Header, Violation};

/// How a packet leaves when there is more to send than the link takes.
///
/// Order is promised within a class. Classes leave in the order in which they stand here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SendClass {
    /// What keeps the session itself alive and orderly: results of the platform.
    Control,
    /// Every packet arrives, in order. All classic packets are of this class.
    Reliable,
    /// Only the newest of its kind matters: an older one that has not left is replaced.
    Latest,
    /// Large transfers, which yield to everything else, and goodbyes, behind which nothing leaves.
    Bulk,
}

impl SendClass {
    /// All classes, in the order in which they leave.
    pub const ALL: [Self; 4] = [Self::Control, Self::Reliable, Self::Latest, Self::Bulk];
}

/// A packet with a fixed id whose body can be read and written.
pub trait Packet: Sized {
    /// Its id on the wire.
    const ID: u16;
    /// The class in which it is sent.
    const CLASS: SendClass = SendClass::Reliable;

    /// Reads a body whose length the packet table has allowed.
    ///
    /// # Errors
    /// The [`Violation`] that ends the sender's session.
    fn decode(body: &[u8]) -> Result<Self, Violation>;

    /// Appends the body to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Appends the whole frame, header first.
    ///
    /// # Panics
    /// If the frame does not fit 64 KiB.
    fn encode_frame(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        self.encode(out);
        let body_bytes = out.len() - start - HEADER_BYTES;
        out[start..start + HEADER_BYTES]
            .copy_from_slice(&Header::new(Self::ID, body_bytes).to_bytes());
    }

    /// Appends the whole frame of a modern packet, header and extensions first.
    ///
    /// # Panics
    /// If the frame does not fit 64 KiB.
    fn encode_frame_with(&self, extensions: &Extensions, out: &mut Vec<u8>) {
        extensions.encode_frame(Self::ID, out, |out| self.encode(out));
    }

    /// The whole frame in memory of its own.
    fn to_frame(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_frame(&mut out);
        out
    }
}
