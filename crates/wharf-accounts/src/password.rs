//! Passwords: what one may be, and what it costs to try one.

use crate::request::{Error, invalid};
use crate::secret::{Chance, Hidden};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};
use core::fmt;
use unicode_normalization::UnicodeNormalization;
use wharf_data::NameKey;

/// Bytes of salt.
pub(crate) const SALT_BYTES: usize = 16;
/// Bytes of what is compared.
pub(crate) const HASH_BYTES: usize = 32;

/// A password in NFC, so that it is the same from every keyboard. It is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Bytes that a new password has at least.
    pub const BYTES_MIN: usize = 8;
    /// Bytes that a password has at the most.
    pub const BYTES_MAX: usize = 256;

    /// The one that `text` is. `None` if it is longer than [`Password::BYTES_MAX`], as it is or in
    /// NFC, where some characters are longer.
    pub fn of(text: &str) -> Option<Self> {
        if text.len() > Self::BYTES_MAX {
            return None;
        }
        let text: String = text.nfc().collect();
        (text.len() <= Self::BYTES_MAX).then_some(Self(text))
    }

    /// One to be compared. Short ones are let through: they are wrong, and take as long.
    pub(crate) fn typed(field: &'static str, typed: &Hidden) -> Result<Self, Error> {
        let text = typed.as_text();
        let text = text.ok_or_else(|| invalid(field, "a password is text in UTF-8"))?;
        Self::of(text).ok_or_else(|| invalid(field, "a password has at most 256 bytes"))
    }

    /// One that somebody with that name wants to have from now on.
    pub(crate) fn chosen(
        field: &'static str,
        typed: &Hidden,
        name: &NameKey,
    ) -> Result<Self, Error> {
        Self::typed(field, typed)?.fit_for(field, name)
    }

    /// The same of one that was typed already.
    pub(crate) fn fit_for(self, field: &'static str, name: &NameKey) -> Result<Self, Error> {
        if self.0.len() < Self::BYTES_MIN {
            return Err(invalid(field, "a password has at least 8 bytes"));
        }
        if NameKey::of(&self.0) == *name {
            return Err(invalid(field, "a password is not the name"));
        }
        Ok(self)
    }

    /// As it is hashed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// What one hash of argon2id costs. Never less than [`Cost::FLOOR`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The least: 19 MiB, two passes, one lane.
    pub const FLOOR: Self = Self {
        memory_kib: 19 * 1_024,
        passes: 2,
        lanes: 1,
    };
    /// The most, so that a slip in a setting, or in the store, does not stop the machine: 1 GiB, 64
    /// passes, 16 lanes.
    pub const CEILING: Self = Self {
        memory_kib: 1_024 * 1_024,
        passes: 64,
        lanes: 16,
    };

    /// That cost.
    ///
    /// # Errors
    /// Below the floor or above the ceiling; the text says which.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostError> {
        let within = |value, floor, ceiling| value >= floor && value <= ceiling;
        let (floor, ceiling) = (Self::FLOOR, Self::CEILING);
        if within(memory_kib, floor.memory_kib, ceiling.memory_kib)
            && within(passes, floor.passes, ceiling.passes)
            && within(lanes, floor.lanes, ceiling.lanes)
        {
            Ok(Self {
                memory_kib,
                passes,
                lanes,
            })
        } else {
            Err(CostError)
        }
    }

    /// Whether the hash in `phc` was made more cheaply than this.
    pub(crate) fn is_more_than(self, phc: &str) -> bool {
        let Some(made) = Parsed::of(phc) else {
            return true;
        };
        made.algorithm != Algorithm::Argon2id
            || made.version != Version::V0x13
            || made.params.m_cost() < self.memory_kib
            || made.params.t_cost() < self.passes
    }

    pub(crate) fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(HASH_BYTES))
            .expect("between floor and ceiling")
    }

    /// A hash of no password, which takes as long to compare with as any.
    pub(crate) fn dummy(self, chance: &mut dyn Chance) -> String {
        let (mut salt, mut hash) = ([0; SALT_BYTES], [0; HASH_BYTES]);
        chance.fill(&mut salt);
        chance.fill(&mut hash);
        phc(self, &salt, &hash).expect("salt and hash have their lengths")
    }
}

/// A cost is below the floor or above the ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostError;

impl fmt::Display for CostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (floor, ceiling) = (Cost::FLOOR, Cost::CEILING);
        write!(
            f,
            "hashing takes {} to {} KiB of memory, {} to {} passes and {} to {} lanes",
            floor.memory_kib,
            ceiling.memory_kib,
            floor.passes,
            ceiling.passes,
            floor.lanes,
            ceiling.lanes
        )
    }
}

impl core::error::Error for CostError {}

/// A stored hash, read.
pub(crate) struct Parsed {
    pub(crate) algorithm: Algorithm,
    pub(crate) version: Version,
    pub(crate) params: Params,
    pub(crate) salt: Salt,
    pub(crate) hash: Output,
}

impl Parsed {
    /// `None` if it is no hash of argon2, or one that would take more than [`Cost::CEILING`].
    pub(crate) fn of(phc: &str) -> Option<Self> {
        let parsed = PasswordHash::new(phc).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let ceiling = Cost::CEILING;
        let is_dear = params.m_cost() > ceiling.memory_kib
            || params.t_cost() > ceiling.passes
            || params.p_cost() > ceiling.lanes;
        if is_dear {
            return None;
        }
        Some(Self {
            algorithm: Algorithm::new(parsed.algorithm.as_str()).ok()?,
            version: Version::try_from(parsed.version?).ok()?,
            params,
            salt: parsed.salt?,
            hash: parsed.hash?,
        })
    }
}

/// A hash as it is stored.
pub(crate) fn phc(cost: Cost, salt: &[u8], hash: &[u8]) -> Option<String> {
    let parts = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&cost.params()).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(hash).ok()?),
    };
    Some(parts.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Password, Error> {
        Password::chosen("password", &text.into(), &NameKey::of("Long Name"))
    }

    #[test]
    fn a_password_has_8_to_256_bytes_and_is_not_the_name() {
        for good in ["12345678", "비밀번호", &"x".repeat(256), " spaces  stay "] {
            assert_eq!(chosen(good).unwrap().as_bytes(), good.as_bytes());
        }
        for bad in ["", "1234567", &"x".repeat(257), "Long Name", "lОng nаme"] {
            assert!(matches!(chosen(bad), Err(Error::Invalid { .. })), "{bad}");
        }
        let bytes = Hidden::from(vec![0xff; 9]);
        assert!(Password::typed("password", &bytes).is_err());
    }

    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        assert_eq!(
            chosen("cafe\u{301}cafe\u{301}"),
            chosen("caf\u{e9}caf\u{e9}")
        );
        // Three bytes that are six in NFC.
        let growing = "\u{fb2c}".repeat(85);
        assert!(growing.len() <= Password::BYTES_MAX);
        assert!(chosen(&growing).is_err());
    }

    #[test]
    fn a_cost_is_never_below_its_floor() {
        for (memory_kib, passes, lanes) in [(19_455, 2, 1), (19_456, 1, 1), (19_456, 2, 0)] {
            assert_eq!(Cost::new(memory_kib, passes, lanes), Err(CostError));
        }
        assert_eq!(Cost::new(u32::MAX, 2, 1), Err(CostError));
        assert_eq!(Cost::new(19_456, 2, 1), Ok(Cost::FLOOR));
        assert!(Cost::new(65_536, 3, 2).is_ok());
    }

    #[test]
    fn a_hash_that_was_cheaper_is_known_by_its_parameters() {
        let hash = phc(Cost::FLOOR, &[1; SALT_BYTES], &[2; HASH_BYTES]).unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(!Cost::FLOOR.is_more_than(&hash));
        assert!(Cost::new(19_457, 2, 1).unwrap().is_more_than(&hash));
        assert!(Cost::new(19_456, 3, 1).unwrap().is_more_than(&hash));
        assert!(Cost::FLOOR.is_more_than(&hash.replace("argon2id", "argon2i")));
        assert!(Cost::FLOOR.is_more_than("no hash"));
        let dear = hash.replace("m=19456", "m=4000000000");
        assert!(Parsed::of(&dear).is_none());
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(format!("{:?}", chosen("12345678")), "Ok(Password(..))");
    }
}
