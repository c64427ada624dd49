//! The name of a session: which shard, which slot, which use of that slot.

use crate::Key;
use core::fmt;

/// Names one session for as long as the process lives; a later session in the same slot has
/// another generation, so a late reply can never reach it.
///
/// Packed as `shard:8 | slot:24 | generation:32`: at most 256 I/O shards of 16,777,216 sessions.
/// Lives in memory only; never stored, never sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

impl SessionId {
    /// How many sessions one shard can name.
    pub const SLOTS_MAX: u32 = 1 << 24;

    /// The session in slot `key` of I/O shard `shard`.
    ///
    /// # Panics
    /// If the key's index does not fit 24 bits.
    pub fn new(shard: u8, key: Key) -> Self {
        assert!(
            key.index() < Self::SLOTS_MAX,
            "a shard names at most 2^24 sessions"
        );
        Self(u64::from(shard) << 56 | u64::from(key.index()) << 32 | u64::from(key.generation()))
    }

    /// The I/O shard that owns the session.
    pub const fn shard(self) -> u8 {
        (self.0 >> 56) as u8
    }

    /// Slot and generation within that shard.
    pub const fn key(self) -> Key {
        Key::from_parts((self.0 >> 32) as u32 & (Self::SLOTS_MAX - 1), self.0 as u32)
    }

    /// The packed form, for tokens.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The reverse of [`SessionId::to_bits`].
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "s{}.{}.{}",
            self.shard(),
            self.key().index(),
            self.key().generation()
        )
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_every_part() {
        let key = Key::from_parts(SessionId::SLOTS_MAX - 1, u32::MAX);
        let id = SessionId::new(255, key);
        assert_eq!((id.shard(), id.key()), (255, key));
        assert_eq!(SessionId::from_bits(id.to_bits()), id);
        assert_eq!(
            format!("{}", SessionId::new(1, Key::from_parts(2, 3))),
            "s1.2.3"
        );
    }
}
