//! Secrets of 256 bits: what the client keeps, and the hash that is stored.

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use wharf_data::account::TokenHash;
pub use wharf_data::{Hidden, Secret};

/// Where secrets come from: the system's generator, or the simulator's.
pub trait Chance: Send {
    /// Fills `bytes` so that nobody can guess them.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The operating system's generator: for whoever drives accounts in earnest.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    /// # Panics
    /// If the system has none: nothing could be kept secret then.
    fn fill(&mut self, bytes: &mut [u8]) {
        SystemRandom::new()
            .fill(bytes)
            .expect("the system makes bytes that nobody can guess");
    }
}

/// The letters of recovery codes: none that is mistaken for another.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters of a recovery code: 80 bits, of which nobody tries many.
const CODE_LETTERS: usize = 16;

/// A new secret.
pub(crate) fn fresh_secret(chance: &mut dyn Chance) -> Secret {
    let mut bytes = [0; 32];
    chance.fill(&mut bytes);
    Secret::from_bytes(bytes)
}

/// Letters that nobody mistakes for one another: five bits each.
pub(crate) fn letters(chance: &mut dyn Chance, count: usize) -> String {
    let mut bytes = vec![0; count];
    chance.fill(&mut bytes);
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    bytes.iter().map(letter).collect()
}

/// A code for people to write down, and its hash.
pub fn recovery_code(chance: &mut dyn Chance) -> (String, TokenHash) {
    let code = to_write_down(chance);
    let hash = hash_of_code(&code);
    (code, hash)
}

/// A secret that people can write down, such as `K7QM-2XHR-9ZTB-WVPA`.
pub(crate) fn to_write_down(chance: &mut dyn Chance) -> String {
    let letters: Vec<char> = letters(chance, CODE_LETTERS).chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join("-")
}

/// The hash of a code as somebody typed it: case, spaces and dashes mean nothing.
pub fn hash_of_code(typed: &str) -> TokenHash {
    let letters: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    TokenHash(Sha256::digest(letters.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);

    impl Chance for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let (code, hash) = recovery_code(&mut Counting(0));
        assert_eq!(code, "ABCD-EFGH-JKLM-NPQR");
        for typed in [
            "abcd-efgh-jklm-npqr",
            " ABCD EFGH JKLM NPQR",
            "abcdefghjklmnpqr",
        ] {
            assert_eq!(hash_of_code(typed), hash, "{typed}");
        }
        assert_ne!(hash_of_code("abcd-efgh-jklm-npqs"), hash);
    }

    #[test]
    fn the_system_makes_another_secret_each_time() {
        let (one, other) = (
            fresh_secret(&mut SystemChance),
            fresh_secret(&mut SystemChance),
        );
        assert_ne!(one, other);
    }
}
