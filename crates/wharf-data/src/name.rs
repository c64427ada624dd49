//! Names that people see, and the keys by which two of them are the same.

use core::fmt;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_security::GeneralSecurityProfile;
use unicode_security::confusable_detection::skeleton;

/// A name as people see it: NFC, from 2 to 32 characters, each allowed in an identifier by UTS 39,
/// or a single space between two of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DisplayName {
    text: String,
    key: NameKey,
}

/// Two names with the same key look the same, or nearly: NFKC, case-folded, then the skeleton of
/// UTS 39. Never shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(String);

const ROUNDS_MAX: usize = 8;

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Fewer characters than [`DisplayName::CHARS_MIN`].
    TooShort,
    /// More characters than [`DisplayName::CHARS_MAX`].
    TooLong,
    /// A space at an end, or two side by side.
    Spaces,
    /// A character that no name may have: invisible, a control, a symbol.
    Character(char),
}

impl DisplayName {
    /// Characters that a name has at least.
    pub const CHARS_MIN: usize = 2;
    /// Characters that a name has at the most.
    pub const CHARS_MAX: usize = 32;

    /// The name that `text` is.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn new(text: &str) -> Result<Self, NameError> {
        // Nothing longer is looked at: four scalar values make one character at the most here.
        if text.chars().nth(4 * Self::CHARS_MAX).is_some() {
            return Err(NameError::TooLong);
        }
        let text: String = text.nfc().collect();
        let count = text.chars().count();
        if count < Self::CHARS_MIN {
            return Err(NameError::TooShort);
        }
        if count > Self::CHARS_MAX {
            return Err(NameError::TooLong);
        }
        if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
            return Err(NameError::Spaces);
        }
        let is_allowed = |letter: char| letter == ' ' || letter.identifier_allowed();
        if let Some(letter) = text.chars().find(|letter| !is_allowed(*letter)) {
            return Err(NameError::Character(letter));
        }
        let key = NameKey::of(&text);
        Ok(Self { text, key })
    }

    /// As people see it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// By what it is unique.
    pub fn key(&self) -> &NameKey {
        &self.key
    }
}

impl NameKey {
    /// The key of whatever text, a name or not: for looking up what somebody typed.
    pub fn of(text: &str) -> Self {
        Self(plain_key(text).unwrap_or_else(|| full_key(text)))
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What each ASCII character is in a key, if that is one or two ASCII characters; else zeros.
static PLAIN: LazyLock<[[u8; 2]; 128]> = LazyLock::new(|| {
    core::array::from_fn(|letter| {
        let key = full_key(&char::from(letter as u8).to_string());
        match *key.as_bytes() {
            [one] if key.is_ascii() => [one, 0],
            [one, other] if key.is_ascii() => [one, other],
            _ => [0; 2],
        }
    })
});

/// The key of a text all of whose characters have plain ones: those of ASCII neither compose nor
/// look like something else together, so each has its own, looked up. Keys are made whenever
/// somebody comes or goes, of names that are mostly so.
fn plain_key(text: &str) -> Option<String> {
    let mut key = String::with_capacity(text.len() + 4);
    for &byte in text.as_bytes() {
        let [one, other] = *PLAIN.get(usize::from(byte))?;
        if one == 0 {
            return None;
        }
        key.push(char::from(one));
        if other != 0 {
            key.push(char::from(other));
        }
    }
    Some(key)
}

fn full_key(text: &str) -> String {
    let mut key = text.to_owned();
    // A skeleton has parts that fold, and what is folded can look like something else: until
    // nothing changes. Nothing that people type takes more than three rounds.
    for _ in 0..ROUNDS_MAX {
        let folded = caseless::default_case_fold_str(&key.nfkc().collect::<String>());
        let next = skeleton(&folded).collect();
        if next == key {
            break;
        }
        key = next;
    }
    key
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => {
                write!(
                    f,
                    "a name has at least {} characters",
                    DisplayName::CHARS_MIN
                )
            }
            Self::TooLong => {
                write!(
                    f,
                    "a name has at most {} characters",
                    DisplayName::CHARS_MAX
                )
            }
            Self::Spaces => f.write_str("a name has single spaces, and none at its ends"),
            Self::Character(letter) => write!(f, "a name has no {letter:?}"),
        }
    }
}

impl core::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_look_alike_have_one_key() {
        for (one, other) in [
            ("Kim", "kim"),
            ("Kim", "KIM"),
            ("paypal", "p\u{0430}ypal"),
            ("Strasse", "Straße"),
            ("ﬁsh", "fish"),
            ("e\u{301}a", "\u{e9}a"),
        ] {
            assert_eq!(NameKey::of(one), NameKey::of(other), "{one} {other}");
        }
        assert_ne!(NameKey::of("kim"), NameKey::of("lim"));
    }

    #[test]
    fn a_name_is_what_people_can_read() {
        for good in ["김철수", "Jörg", "山田 太郎", "player_7", "ab"] {
            assert_eq!(DisplayName::new(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("", NameError::TooShort),
            ("a", NameError::TooShort),
            (" ab", NameError::Spaces),
            ("a  b", NameError::Spaces),
            ("a\u{200b}b", NameError::Character('\u{200b}')),
            ("a\u{202e}b", NameError::Character('\u{202e}')),
            ("a\nb", NameError::Character('\n')),
            ("a\0b", NameError::Character('\0')),
            ("<b>", NameError::Character('<')),
        ] {
            assert_eq!(DisplayName::new(bad), Err(why), "{bad:?}");
        }
        let long = "x".repeat(33);
        assert_eq!(DisplayName::new(&long), Err(NameError::TooLong));
    }

    #[test]
    fn names_of_letters_and_digits_have_plain_keys() {
        let letters = ('0'..='9')
            .chain('A'..='Z')
            .chain('a'..='z')
            .chain([' ', '_']);
        let all: String = letters.collect();
        assert_eq!(plain_key(&all), Some(full_key(&all)));
        assert_eq!(plain_key("김"), None);
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in any::<String>()) {
            let key = NameKey::of(&text);
            prop_assert_eq!(NameKey::of(key.as_str()), key);
        }

        #[test]
        fn a_plain_key_is_the_full_one(text in "[ -~]{0,32}") {
            if let Some(key) = plain_key(&text) {
                prop_assert_eq!(key, full_key(&text));
            }
        }
    }
}
