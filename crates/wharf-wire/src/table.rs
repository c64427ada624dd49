//! Which packets may arrive, and how long each may be.

use crate::{HEADER_BYTES, Header, Violation};

/// How long a packet's body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// Exactly this many bytes.
    Exactly(u16),
    /// At least this many, up to the frame limit.
    AtLeast(u16),
}

impl BodyLength {
    fn allows(self, body_bytes: u16) -> bool {
        match self {
            Self::Exactly(bytes) => body_bytes == bytes,
            Self::AtLeast(bytes) => body_bytes >= bytes,
        }
    }
}

/// One packet that may arrive.
#[derive(Clone, Copy, Debug)]
pub struct PacketRule {
    /// Its id.
    pub id: u16,
    /// Its name, as in `docs/PROTOCOL.md`.
    pub name: &'static str,
    /// How long its body may be.
    pub body: BodyLength,
}

/// All packets that may arrive in one direction, sorted by id.
///
/// Invariant: ids rise strictly (checked when the constant is made, so at compile time).
#[derive(Clone, Copy, Debug)]
pub struct PacketTable {
    rules: &'static [PacketRule],
}

impl PacketTable {
    /// A table of `rules`.
    ///
    /// # Panics
    /// If the ids do not rise strictly; at compile time, for a `const` table.
    pub const fn new(rules: &'static [PacketRule]) -> Self {
        let mut index = 1;
        while index < rules.len() {
            assert!(
                rules[index - 1].id < rules[index].id,
                "packet ids rise strictly"
            );
            index += 1;
        }
        Self { rules }
    }

    /// The rules, by rising id.
    pub fn rules(&self) -> &'static [PacketRule] {
        self.rules
    }

    /// Judges a header as soon as it is there, before anything is allocated for its body.
    ///
    /// # Errors
    /// The first [`Violation`] in the order length, id, body length.
    pub fn check(&self, header: Header, frame_bytes_max: u16) -> Result<(), Violation> {
        let Header {
            frame_bytes, id, ..
        } = header;
        let Some(body_bytes) = frame_bytes.checked_sub(HEADER_BYTES as u16) else {
            return Err(Violation::FrameTooShort { frame_bytes });
        };
        if frame_bytes > frame_bytes_max {
            return Err(Violation::FrameTooLong {
                frame_bytes,
                limit: frame_bytes_max,
            });
        }
        let Ok(index) = self.rules.binary_search_by_key(&id, |rule| rule.id) else {
            return Err(Violation::UnknownId { id });
        };
        if !self.rules[index].body.allows(body_bytes) {
            return Err(Violation::BodyLength { id, body_bytes });
        }
        Ok(())
    }
}
