//! Secrets: what only its owner may read, and what is stored of it.

use crate::account::TokenHash;
use sha2::{Digest, Sha256};

/// Something that only its owner knows. It is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The one that these bytes are, which nobody can guess.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The one that a client has sent. `None` for another length.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As the client keeps it.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As it is stored. No salt: nobody guesses 256 bits, and it is looked up by this.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a client has sent and nobody else may read: a password, a token, a ticket, a code. It is
/// never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Vec<u8>);

impl Hidden {
    /// As it was sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As text. `None` if it is none.
    pub fn as_text(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }
}

impl From<Vec<u8>> for Hidden {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl core::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hidden(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::from_bytes([65; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(Secret::of(secret.as_bytes()), Some(secret.clone()));
        assert_eq!(Secret::of(&[1; 31]), None);
        assert_ne!(secret.hash().0, *secret.as_bytes());
        let hidden = Hidden::from("hunter42");
        assert_eq!(format!("{hidden:?}"), "Hidden(..)");
        assert_eq!(hidden.as_text(), Some("hunter42"));
        assert_eq!(Hidden::from(vec![0xff]).as_text(), None);
    }
}
