//! The rules that the schema gives to fields, and what is told of a field that breaks one.

use core::fmt;

/// A message whose fields have rules.
pub trait Validate {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that breaks a rule.
    fn validate(&self) -> Result<(), Broken> {
        Ok(())
    }
}

/// A field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its path in the message, such as `content.text`.
    pub field: String,
    /// The rule.
    pub rule: Rule,
}

/// A rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It must be there, and not be empty or 0.
    Needed,
    /// It is too short.
    AtLeast {
        /// How long it must be.
        least: u32,
        /// In what.
        unit: Unit,
    },
    /// It is too long.
    AtMost {
        /// How long it may be.
        most: u32,
        /// In what.
        unit: Unit,
    },
    /// The number is too small.
    From(i64),
    /// The number is too large.
    UpTo(i64),
    /// The value has no meaning.
    Known,
    /// It has a control character, or one that ends a line where it must be one.
    Printable,
}

/// What lengths are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode characters.
    Characters,
    /// Bytes; of a text, in UTF-8.
    Bytes,
    /// Items of a repeated field.
    Items,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, rule } = self;
        match rule {
            Rule::Needed => write!(f, "{field} is needed"),
            Rule::AtLeast { least, unit } => write!(f, "{field} has fewer than {least} {unit}"),
            Rule::AtMost { most, unit } => write!(f, "{field} has more than {most} {unit}"),
            Rule::From(least) => write!(f, "{field} is less than {least}"),
            Rule::UpTo(most) => write!(f, "{field} is more than {most}"),
            Rule::Known => write!(f, "{field} has a value that is not known here"),
            Rule::Printable => write!(f, "{field} has a control character"),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Characters => "characters",
            Self::Bytes => "bytes",
            Self::Items => "items",
        })
    }
}

impl std::error::Error for Broken {}

/// Which characters a text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Characters {
    Any,
    /// No control characters but tabs and ends of lines.
    Lines,
    /// No control characters and no ends of lines.
    Line,
}

impl Characters {
    fn allow(self, letter: char) -> bool {
        match self {
            Self::Any => true,
            Self::Lines => !letter.is_control() || matches!(letter, '\n' | '\t'),
            Self::Line => !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}'),
        }
    }
}

/// The rule of a text or bytes.
pub(crate) struct TextRule {
    pub(crate) required: bool,
    pub(crate) chars_min: u32,
    pub(crate) chars_max: u32,
    pub(crate) bytes_min: u32,
    pub(crate) bytes_max: u32,
    pub(crate) characters: Characters,
}

impl TextRule {
    /// No rule.
    pub(crate) const ANY: Self = Self {
        required: false,
        chars_min: 0,
        chars_max: u32::MAX,
        bytes_min: 0,
        bytes_max: u32::MAX,
        characters: Characters::Any,
    };
}

pub(crate) fn text(field: &str, value: &str, rule: &TextRule) -> Result<(), Broken> {
    bytes(field, value.as_bytes(), rule)?;
    let (least, most, unit) = (rule.chars_min, rule.chars_max, Unit::Characters);
    length(field, value.chars().count(), least, most, unit)?;
    let is_printable = value.chars().all(|letter| rule.characters.allow(letter));
    check(field, is_printable, Rule::Printable)
}

pub(crate) fn bytes(field: &str, value: &[u8], rule: &TextRule) -> Result<(), Broken> {
    check(field, !rule.required || !value.is_empty(), Rule::Needed)?;
    let (least, most, unit) = (rule.bytes_min, rule.bytes_max, Unit::Bytes);
    length(field, value.len(), least, most, unit)
}

pub(crate) fn items(field: &str, count: usize, most: u32) -> Result<(), Broken> {
    length(field, count, 0, most, Unit::Items)
}

pub(crate) fn there(field: &str, is_there: bool) -> Result<(), Broken> {
    check(field, is_there, Rule::Needed)
}

pub(crate) fn nonzero(field: &str, is_nonzero: bool) -> Result<(), Broken> {
    check(field, is_nonzero, Rule::Needed)
}

pub(crate) fn number(
    field: &str,
    value: impl Into<i128>,
    min: Option<i64>,
    max: Option<i64>,
) -> Result<(), Broken> {
    let value = value.into();
    if let Some(min) = min {
        check(field, value >= min.into(), Rule::From(min))?;
    }
    if let Some(max) = max {
        check(field, value <= max.into(), Rule::UpTo(max))?;
    }
    Ok(())
}

/// Checks the value of an enum; of one that is required, that it is not the first either.
pub(crate) fn known<E: TryFrom<i32>>(
    field: &str,
    value: i32,
    required: bool,
) -> Result<(), Broken> {
    check(field, !required || value != 0, Rule::Needed)?;
    check(field, E::try_from(value).is_ok(), Rule::Known)
}

pub(crate) fn within(field: &str, value: &impl Validate) -> Result<(), Broken> {
    value.validate().map_err(|broken| Broken {
        field: format!("{field}.{}", broken.field),
        ..broken
    })
}

fn length(field: &str, is: usize, least: u32, most: u32, unit: Unit) -> Result<(), Broken> {
    check(field, is >= least as usize, Rule::AtLeast { least, unit })?;
    check(field, is <= most as usize, Rule::AtMost { most, unit })
}

fn check(field: &str, is_kept: bool, rule: Rule) -> Result<(), Broken> {
    match is_kept {
        true => Ok(()),
        false => Err(Broken {
            field: field.to_owned(),
            rule,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account, chat, room, session};

    fn told(message: &impl Validate) -> String {
        let broken = message.validate();
        broken.map_or_else(|broken| broken.to_string(), |()| "good".to_owned())
    }

    fn register(name: &str, password: &str) -> account::Register {
        account::Register {
            name: name.into(),
            password: password.into(),
            device: None,
        }
    }

    #[test]
    fn lengths_are_counted_in_characters_or_bytes() {
        let fine = "password";
        for (name, password, expected) in [
            ("ann", fine, "good"),
            ("가나", fine, "good"),
            ("a", fine, "name has fewer than 2 characters"),
            (&"가".repeat(32), fine, "good"),
            (&"가".repeat(33), fine, "name has more than 32 characters"),
            ("ann", "short", "password has fewer than 8 bytes"),
            ("ann", &"x".repeat(256), "good"),
            ("ann", &"x".repeat(257), "password has more than 256 bytes"),
            ("an\u{7}n", fine, "name has a control character"),
            ("an\nn", fine, "name has a control character"),
            ("an\u{2028}n", fine, "name has a control character"),
        ] {
            assert_eq!(told(&register(name, password)), expected, "{name:?}");
        }
    }

    fn say(what: Option<chat::content::What>) -> chat::Say {
        chat::Say {
            content: Some(chat::Content { what }),
            client_id: u64::MAX,
        }
    }

    #[test]
    fn what_is_inside_is_named_by_its_path() {
        use chat::content::What;
        let text = |text: &str| say(Some(What::Text(text.into())));
        assert_eq!(told(&text("hello\n\tthere")), "good");
        assert_eq!(told(&text("")), "content.text is needed");
        assert_eq!(
            told(&text("\u{1b}[2J")),
            "content.text has a control character"
        );
        let long = text(&"x".repeat(2_001));
        assert_eq!(told(&long), "content.text has more than 2000 characters");
        assert_eq!(told(&say(None)), "content.what is needed");
        assert_eq!(told(&chat::Say::default()), "content is needed");
        let item = |item| {
            let name = "sword".into();
            say(Some(What::Item(chat::Item { item, name })))
        };
        assert_eq!(told(&item(1)), "good");
        assert_eq!(told(&item(0)), "content.item.item is less than 1");
        assert_eq!(told(&item(i64::MIN)), "content.item.item is less than 1");
    }

    #[test]
    fn values_and_numbers_are_checked_where_they_are_there() {
        let unlink = |kind| account::Unlink { kind };
        assert_eq!(told(&unlink(1)), "good");
        assert_eq!(told(&unlink(0)), "kind is needed");
        assert_eq!(told(&unlink(99)), "kind has a value that is not known here");
        assert_eq!(told(&room::Change::default()), "good", "nothing changes");
        let members = |members_max| room::Change {
            members_max,
            ..room::Change::default()
        };
        assert_eq!(told(&members(Some(0))), "members_max is less than 1");
        assert_eq!(
            told(&members(Some(65_536))),
            "members_max is more than 65535"
        );
        let hello = |features: usize| session::Hello {
            version: 1,
            features: vec!["x".into(); features],
            ..session::Hello::default()
        };
        assert_eq!(told(&hello(32)), "good");
        assert_eq!(told(&hello(33)), "features has more than 32 items");
        assert_eq!(told(&session::Hello::default()), "version is needed");
    }
}
