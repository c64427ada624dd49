//! Which packets may arrive, and how long each may be.

use crate::extensions::{self, REPLY, REQUEST};
use crate::{FIRST_MODERN_ID, HEADER_BYTES, Header, Violation};

/// How long a packet's body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// Exactly this many bytes.
    Exactly(u16),
    /// At least this many, up to the frame limit.
    AtLeast(u16),
    /// At most this many.
    AtMost(u16),
}

impl BodyLength {
    fn allows(self, body_bytes: u16) -> bool {
        match self {
            Self::Exactly(bytes) => body_bytes == bytes,
            Self::AtLeast(bytes) => body_bytes >= bytes,
            Self::AtMost(bytes) => body_bytes <= bytes,
        }
    }
}

/// Which flags a modern packet may have, and which it must ([`crate::extensions`] names them).
/// Those of classic packets are never looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagRule {
    may: u8,
    must: u8,
}

impl FlagRule {
    /// No flag.
    pub const NONE: Self = Self { may: 0, must: 0 };

    /// All of the flags `must`, and any of `may`.
    ///
    /// # Panics
    /// If one of them has no meaning; at compile time, for a constant.
    pub const fn new(must: u8, may: u8) -> Self {
        assert!(
            (must | may) & !extensions::ALL == 0,
            "every flag has a meaning"
        );
        let may = must | may;
        Self { may, must }
    }

    /// The flags that the packet may have; those that it must have are among them.
    pub const fn may(self) -> u8 {
        self.may
    }

    /// The flags that the packet must have.
    pub const fn must(self) -> u8 {
        self.must
    }

    /// A reply without a request's id would answer nothing.
    #[inline]
    fn allows(self, flags: u8) -> bool {
        let known = flags & !self.may == 0 && self.must & !flags == 0;
        known && flags & (REQUEST | REPLY) != REPLY
    }
}

/// One packet that may arrive.
#[derive(Clone, Copy, Debug)]
pub struct PacketRule {
    /// Its id.
    pub id: u16,
    /// Its name, as in `docs/PROTOCOL.md`.
    pub name: &'static str,
    /// How long its body may be; of a modern packet, without what its flags announce. A packet that
    /// may come in fragments has the bound of a whole message instead.
    pub body: BodyLength,
    /// Its flags, if it is a modern one.
    pub flags: FlagRule,
}

impl PacketRule {
    #[inline]
    fn check_classic(&self, body_bytes: u16) -> Result<(), Violation> {
        let id = self.id;
        match self.body.allows(body_bytes) {
            true => Ok(()),
            false => Err(Violation::BodyLength { id, body_bytes }),
        }
    }

    /// Judges a modern packet's flags and length.
    fn check_modern(&self, flags: u8, body_bytes: u16) -> Result<(), Violation> {
        let id = self.id;
        if !self.flags.allows(flags) {
            return Err(Violation::UnknownFlags { id, flags });
        }
        let message_bytes = body_bytes.checked_sub(extensions::bytes_of(flags));
        let is_allowed = match message_bytes {
            Some(0) if flags & extensions::MORE > 0 => false,
            Some(_) if self.flags.may & extensions::MORE > 0 => true,
            Some(bytes) => self.body.allows(bytes),
            None => false,
        };
        if !is_allowed {
            return Err(Violation::BodyLength { id, body_bytes });
        }
        Ok(())
    }
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
        match self.low.get(usize::from(id)) {
            Some(0) => Err(Violation::UnknownId { id }),
            Some(place) => self.rules[usize::from(*place) - 1].check_classic(body_bytes),
            None => self.check_high(id, flags, body_bytes),
        }
    }

    /// Those that have to be searched for. Not inline: the loop that cuts frames is short without.
    #[inline(never)]
    fn check_high(&self, id: u16, flags: u8, body_bytes: u16) -> Result<(), Violation> {
        let Ok(place) = self.rules.binary_search_by_key(&id, |rule| rule.id) else {
            return Err(Violation::UnknownId { id });
        };
        let rule = &self.rules[place];
        match id < FIRST_MODERN_ID {
            true => rule.check_classic(body_bytes),
            false => rule.check_modern(flags, body_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extensions::{LATEST, MORE, ROOM};
    use proptest::prelude::*;

    const fn rule(id: u16, body: BodyLength, flags: FlagRule) -> PacketRule {
        PacketRule {
            id,
            name: "",
            body,
            flags,
        }
    }

    const fn any(id: u16) -> PacketRule {
        rule(id, BodyLength::AtLeast(0), FlagRule::NONE)
    }

    fn header(id: u16, flags: u8, body_bytes: usize) -> Header {
        Header {
            flags,
            ..Header::new(id, body_bytes)
        }
    }

    #[test]
    fn every_id_is_known_exactly_if_it_has_a_rule() {
        const RULES: [PacketRule; 6] = [
            any(0),
            any(3),
            any(255),
            any(256),
            any(1_024),
            any(u16::MAX),
        ];
        const TABLE: PacketTable = PacketTable::new(&RULES);
        for id in 0..=u16::MAX {
            let expected = match RULES.iter().any(|rule| rule.id == id) {
                true => Ok(()),
                false => Err(Violation::UnknownId { id }),
            };
            assert_eq!(TABLE.check(Header::new(id, 0), 64), expected);
            let expected = match expected {
                Ok(()) if id >= FIRST_MODERN_ID => Err(Violation::UnknownFlags { id, flags: 1 }),
                expected => expected,
            };
            assert_eq!(
                TABLE.check(header(id, 1, 0), 64),
                expected,
                "classic flags are ignored"
            );
        }
    }

    const TALK: FlagRule = FlagRule::new(REQUEST, REPLY | ROOM);
    const MODERN: PacketTable = PacketTable::new(&[
        rule(1_100, BodyLength::AtMost(10), TALK),
        rule(1_101, BodyLength::Exactly(4), FlagRule::new(0, ROOM)),
        rule(
            1_102,
            BodyLength::AtMost(0),
            FlagRule::new(0, REQUEST | REPLY),
        ),
        rule(1_103, BodyLength::AtMost(10), FlagRule::new(0, MORE | ROOM)),
        rule(1_104, BodyLength::AtMost(10), FlagRule::new(LATEST, 0)),
    ]);

    /// What the table says about that header, as the violation's name.
    fn verdict(id: u16, flags: u8, body_bytes: usize) -> &'static str {
        let verdict = MODERN.check(header(id, flags, body_bytes), 64);
        verdict.map_or_else(Violation::name, |()| "good")
    }

    #[test]
    fn flags_that_a_packet_may_not_have_and_those_it_lacks_are_refused() {
        for (id, flags, expected) in [
            (1_100, REQUEST, "good"),
            (1_100, REQUEST | REPLY | ROOM, "good"),
            (1_100, 0, "unknown-flags"),
            (1_100, ROOM, "unknown-flags"),
            (1_100, REQUEST | MORE, "unknown-flags"),
            (1_100, REQUEST | LATEST, "unknown-flags"),
            (1_100, REQUEST | 1 << 5, "unknown-flags"),
            (1_100, REQUEST | 1 << 6, "unknown-flags"),
            (1_100, REQUEST | 1 << 7, "unknown-flags"),
            (1_102, REPLY, "unknown-flags"),
            (1_104, LATEST, "good"),
            (1_104, 0, "unknown-flags"),
        ] {
            let bytes = extensions::bytes_of(flags).into();
            assert_eq!(verdict(id, flags, bytes), expected, "{id} {flags:#b}");
        }
    }

    #[test]
    fn a_body_is_judged_without_its_extensions() {
        for (id, flags, bytes, expected) in [
            (1_100, REQUEST, 3, "body-length"),
            (1_100, REQUEST, 4, "good"),
            (1_100, REQUEST, 14, "good"),
            (1_100, REQUEST, 15, "body-length"),
            (1_100, REQUEST | ROOM, 5, "body-length"),
            (1_100, REQUEST | ROOM, 16, "good"),
            (1_100, REQUEST | ROOM, 17, "body-length"),
            (1_101, 0, 4, "good"),
            (1_101, ROOM, 4, "body-length"),
            (1_101, ROOM, 6, "good"),
            (1_103, 0, 59, "good"),
            (1_103, MORE, 59, "good"),
            (1_103, MORE, 1, "good"),
            (1_103, MORE, 0, "body-length"),
            (1_103, MORE | ROOM, 2, "body-length"),
            (1_103, MORE | ROOM, 1, "body-length"),
        ] {
            assert_eq!(
                verdict(id, flags, bytes),
                expected,
                "{id} {flags:#b} {bytes}"
            );
        }
    }

    #[test]
    #[should_panic = "every flag has a meaning"]
    fn a_rule_cannot_allow_a_flag_without_a_meaning() {
        let _ = FlagRule::new(REQUEST, 1 << 5);
    }

    proptest! {
        #[test]
        fn what_is_good_can_be_split(
            id in 1_100u16..1_105,
            flags in 0u8..=255,
            body in prop::collection::vec(0u8..=255, 0..20),
        ) {
            if verdict(id, flags, body.len()) == "good" {
                let frame = crate::Frame { id, flags: flags & !MORE, body: &body };
                prop_assert!(crate::Extensions::split(frame).is_ok());
            }
        }
    }
}
