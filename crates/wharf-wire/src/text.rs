//! Text of a bounded length, kept in place.

use crate::Violation;
use core::fmt;
use core::hash::{Hash, Hasher};

/// Whether `bytes` are UTF-8. Plain ASCII, which most text is, is looked through without a branch
/// for each byte.
pub fn is_utf8(bytes: &[u8]) -> bool {
    bytes.is_ascii() || str::from_utf8(bytes).is_ok()
}

/// Valid UTF-8 of at most `N` bytes, without an allocation.
///
/// On the wire it is an array of `N` bytes filled with 0x00; a terminator is not guaranteed, since
/// text may use all `N`. What follows the first NUL is not text and is never looked at.
///
/// Invariant: the first `len` bytes are UTF-8 without a NUL, all others are 0.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: u16,
}

impl<const N: usize> Text<N> {
    /// Text of no characters.
    pub const EMPTY: Self = Self {
        bytes: [0; N],
        len: 0,
    };

    /// As much of `text` as fits, cut at a character's edge and at the first NUL.
    pub fn truncated(text: &str) -> Self {
        let text = text.split('\0').next().unwrap_or_default();
        let mut len = text.len().min(N);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        let mut bytes = [0; N];
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        Self {
            bytes,
            len: len as u16,
        }
    }

    /// Reads the array of packet `id`.
    ///
    /// # Errors
    /// [`Violation::InvalidText`] if what stands before the first NUL is not UTF-8, or does not
    /// fit `N` bytes.
    pub fn from_wire(id: u16, field: &[u8]) -> Result<Self, Violation> {
        let end = field
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(field.len());
        let text = str::from_utf8(&field[..end]).map_err(|_| Violation::InvalidText { id })?;
        if text.len() > N {
            Err(Violation::InvalidText { id })
        } else {
            Ok(Self::truncated(text))
        }
    }

    /// The text.
    #[expect(clippy::missing_panics_doc, reason = "the invariant forbids it")]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).expect("checked when it was made")
    }

    /// The text's bytes, without the filling.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// All `N` bytes, filled with 0.
    pub fn wire_bytes(&self) -> &[u8; N] {
        &self.bytes
    }

    /// Whether there is no character.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for Text<N> {}

impl<const N: usize> PartialOrd for Text<N> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Text<N> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl<const N: usize> Hash for Text<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_may_fill_all_its_bytes() {
        let full = Text::<4>::from_wire(201, b"abcd").unwrap();
        assert_eq!((full.as_str(), full.wire_bytes()), ("abcd", b"abcd"));
    }

    #[test]
    fn what_follows_the_first_nul_is_not_text() {
        let text = Text::<6>::from_wire(201, b"ab\0\xff\xffc").unwrap();
        assert_eq!((text.as_str(), text.wire_bytes()), ("ab", b"ab\0\0\0\0"));
    }

    #[test]
    fn bytes_that_are_no_text_are_a_violation() {
        let half = &"한".as_bytes()[..2];
        for field in [&b"a\xff"[..], half] {
            assert_eq!(
                Text::<8>::from_wire(221, field),
                Err(Violation::InvalidText { id: 221 })
            );
        }
        assert!(
            Text::<2>::from_wire(1, b"abc").is_err(),
            "longer than it may be"
        );
    }

    #[test]
    fn cutting_keeps_characters_whole() {
        assert_eq!(Text::<4>::truncated("한글").as_str(), "한");
        assert_eq!(Text::<8>::truncated("a\0b").as_str(), "a");
    }
}
