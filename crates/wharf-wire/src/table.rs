//! Which packets may arrive, and how long each may be.

use crate::{FIRST_MODERN_ID, HEADER_BYTES, Header, Violation};

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
/// Invariant: ids rise strictly (checked when the constant is made, so at compile time), and
/// `low` leads to the rule of each low id.
#[derive(Clone, Copy, Debug)]
pub struct PacketTable {
    rules: &'static [PacketRule],
    /// By id: one more than the place of its rule, or 0.
    low: [u8; LOW_IDS],
}

/// The ids that are found without a search: those of the classic packets.
const LOW_IDS: usize = 256;

impl PacketTable {
    /// A table of `rules`.
    ///
    /// # Panics
    /// If the ids do not rise strictly, or 255 of them are below 256; at compile time, for a
    /// `const` table.
    pub const fn new(rules: &'static [PacketRule]) -> Self {
        let mut index = 1;
        while index < rules.len() {
            assert!(
                rules[index - 1].id < rules[index].id,
                "packet ids rise strictly"
            );
            index += 1;
        }
        let mut low = [0; LOW_IDS];
        let mut place = 0;
        while place < rules.len() && (rules[place].id as usize) < LOW_IDS {
            assert!(place < u8::MAX as usize, "the place fits its byte");
            low[rules[place].id as usize] = place as u8 + 1;
            place += 1;
        }
        Self { rules, low }
    }

    /// The rules, by rising id.
    pub fn rules(&self) -> &'static [PacketRule] {
        self.rules
    }

    /// Judges a header as soon as it is there, before anything is allocated for its body.
    ///
    /// # Errors
    /// The first [`Violation`] in the order length, id, flags, body length.
    #[inline]
    pub fn check(&self, header: Header, frame_bytes_max: u16) -> Result<(), Violation> {
        let Header {
            frame_bytes,
            id,
            flags,
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
        let Some(rule) = self.rule(id) else {
            return Err(Violation::UnknownId { id });
        };
        // None is defined yet; one that is refused now can gain a meaning later.
        if id >= FIRST_MODERN_ID && flags != 0 {
            return Err(Violation::UnknownFlags { id, flags });
        }
        if !rule.body.allows(body_bytes) {
            return Err(Violation::BodyLength { id, body_bytes });
        }
        Ok(())
    }

    #[inline]
    fn rule(&self, id: u16) -> Option<&'static PacketRule> {
        let place = match self.low.get(usize::from(id)) {
            Some(place) => usize::from(*place).checked_sub(1)?,
            None => self.rules.binary_search_by_key(&id, |rule| rule.id).ok()?,
        };
        Some(&self.rules[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rule(id: u16) -> PacketRule {
        PacketRule {
            id,
            name: "",
            body: BodyLength::AtLeast(0),
        }
    }

    #[test]
    fn every_id_is_known_exactly_if_it_has_a_rule() {
        const RULES: [PacketRule; 6] = [
            rule(0),
            rule(3),
            rule(255),
            rule(256),
            rule(1_024),
            rule(u16::MAX),
        ];
        const TABLE: PacketTable = PacketTable::new(&RULES);
        for id in 0..=u16::MAX {
            let expected = match RULES.iter().any(|rule| rule.id == id) {
                true => Ok(()),
                false => Err(Violation::UnknownId { id }),
            };
            assert_eq!(TABLE.check(Header::new(id, 0), 64), expected);
            let flagged = Header {
                flags: 1,
                ..Header::new(id, 0)
            };
            let expected = match expected {
                Ok(()) if id >= FIRST_MODERN_ID => Err(Violation::UnknownFlags { id, flags: 1 }),
                expected => expected,
            };
            assert_eq!(
                TABLE.check(flagged, 64),
                expected,
                "classic flags are ignored"
            );
        }
    }
}
