//! Page tokens: where a list goes on. Clients send them back, so nothing in them is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::fmt;

/// Where a list goes on, as clients get it and send it back.
///
/// A token is not secret and not signed. It holds nothing but a position and a mark of the list
/// that it came from: who may see what is asked anew for each page, so that a forged token can at
/// the most begin at another place of the same list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(String);

/// One column of a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A number.
    Number(i64),
    /// Text.
    Text(String),
}

const NUMBER: u8 = 1;
const TEXT: u8 = 2;

impl PageToken {
    /// No token is longer, so longer texts need not be looked at.
    pub const BYTES_MAX: usize = 1_600;

    /// The token of a position in the list that `list` names together with its `filter`.
    pub fn new(list: &str, filter: &str, position: &[Part]) -> Self {
        let mut bytes = mark(list, filter).to_le_bytes().to_vec();
        for part in position {
            match part {
                Part::Number(number) => {
                    bytes.push(NUMBER);
                    bytes.extend(number.to_le_bytes());
                }
                Part::Text(text) => {
                    bytes.push(TEXT);
                    bytes.extend((text.len() as u16).to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
            }
        }
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a client sent. Whether it means anything is found out by [`PageToken::position`].
    pub fn received(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The position, if the token is one of that list with that filter.
    pub fn position(&self, list: &str, filter: &str) -> Option<Vec<Part>> {
        if self.0.len() > Self::BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).ok()?;
        let (marked, mut rest) = bytes.split_first_chunk()?;
        if u64::from_le_bytes(*marked) != mark(list, filter) {
            return None;
        }
        let mut parts = Vec::new();
        while let Some((&kind, behind)) = rest.split_first() {
            rest = behind;
            if kind == NUMBER {
                let (number, behind) = rest.split_first_chunk()?;
                parts.push(Part::Number(i64::from_le_bytes(*number)));
                rest = behind;
            } else if kind == TEXT {
                let (length, behind) = rest.split_first_chunk()?;
                let (text, behind) =
                    behind.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
                parts.push(Part::Text(core::str::from_utf8(text).ok()?.to_owned()));
                rest = behind;
            } else {
                return None;
            }
        }
        Some(parts)
    }
}

/// FNV-1a: the same on every machine and in every version, which a random hash is not.
fn mark(list: &str, filter: &str) -> u64 {
    let bytes = list.bytes().chain([0]).chain(filter.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let part = prop_oneof![
            any::<i64>().prop_map(Part::Number),
            "\\PC{0,40}".prop_map(Part::Text)
        ];
        proptest::collection::vec(part, 0..4)
    }

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_made_and_for_no_other_list(position in parts()) {
            let token = PageToken::new("rooms", "kim", &position);
            let sent = PageToken::received(token.as_str());
            prop_assert_eq!(sent.position("rooms", "kim"), Some(position));
            prop_assert_eq!(sent.position("rooms", "lee"), None);
            prop_assert_eq!(sent.position("audit", "kim"), None);
        }

        #[test]
        fn what_is_no_token_is_refused(
            text in any::<String>(),
            cut in 1_usize..12,
            position in parts(),
        ) {
            let forged = PageToken::received(text).position("rooms", "");
            prop_assert_eq!(forged, None);
            let whole = PageToken::new("rooms", "", &position);
            let length = whole.as_str().len().saturating_sub(cut);
            let short = PageToken::received(&whole.as_str()[..length]);
            prop_assert_ne!(short.position("rooms", ""), Some(position));
        }
    }

    #[test]
    fn a_token_that_is_too_long_is_not_looked_at() {
        let long = PageToken::new("rooms", "", &[Part::Text("x".repeat(2_000))]);
        assert_eq!(long.position("rooms", ""), None);
    }
}
