//! The rules of fields: what each may hold beyond its type.

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use super::options::{Options, word};
use crate::Outcome;

/// Which characters a text may have, from free to strict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Characters {
    #[default]
    Any,
    Lines,
    Line,
}

impl Characters {
    pub(super) const ALL: [Self; 3] = [Self::Any, Self::Lines, Self::Line];
}

/// What one field may hold; 0 and `None` are no rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) required: bool,
    pub(super) chars_min: u32,
    pub(super) chars_max: u32,
    pub(super) bytes_min: u32,
    pub(super) bytes_max: u32,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) items_max: u32,
    pub(super) characters: Characters,
    pub(super) secret: bool,
}

impl Rules {
    /// # Errors
    ///
    /// A rule that does not fit the field's type, by the field's name.
    pub(super) fn of(pool: &DescriptorPool, field: &FieldDescriptor) -> Outcome<Self> {
        let rules = Self::read(pool, field).and_then(|rules| {
            rules.check(field)?;
            Ok(rules)
        });
        rules.map_err(|why| format!("{}: {why}", field.full_name()))
    }

    fn read(pool: &DescriptorPool, field: &FieldDescriptor) -> Outcome<Self> {
        let options = Options {
            pool,
            given: field.options(),
        };
        let rules = options.message("rules")?;
        let get = |name: &str| {
            let value = rules.get_field_by_name(name);
            value.ok_or_else(|| format!("Rules has no field {name}"))
        };
        let number = |name: &str| Ok::<_, String>(get(name)?.as_u32().unwrap_or_default());
        let flag = |name: &str| Ok::<_, String>(get(name)?.as_bool().unwrap_or_default());
        let bound = |name: &str| {
            let value = get(name)?.as_i64();
            Ok::<_, String>(value.filter(|_| rules.has_field_by_name(name)))
        };
        Ok(Self {
            required: flag("required")?,
            chars_min: number("chars_min")?,
            chars_max: number("chars_max")?,
            bytes_min: number("bytes_min")?,
            bytes_max: number("bytes_max")?,
            min: bound("min")?,
            max: bound("max")?,
            items_max: number("items_max")?,
            characters: match word(pool, &*get("text")?, "Text")?.as_str() {
                "LINE" => Characters::Line,
                "LINES" => Characters::Lines,
                _ => Characters::Any,
            },
            secret: flag("secret")?,
        })
    }

    fn check(&self, field: &FieldDescriptor) -> Outcome {
        let kind = field.kind();
        let (is_text, is_bytes) = (kind == Kind::String, kind == Kind::Bytes);
        let is_message = matches!(kind, Kind::Message(_));
        let is_number = integer_bytes(&kind).is_some();
        let has_chars = self.chars_min + self.chars_max > 0;
        let has_bytes = self.bytes_min + self.bytes_max > 0;
        for (is_given, fits, what) in [
            (
                has_chars || self.characters != Characters::Any,
                is_text,
                "text",
            ),
            (
                has_bytes || self.secret,
                is_text || is_bytes,
                "text and bytes",
            ),
            (
                self.min.is_some() || self.max.is_some(),
                is_number,
                "numbers",
            ),
            (self.items_max > 0, field.is_list(), "repeated fields"),
            (
                self.required,
                kind != Kind::Bool && !field.is_list(),
                "what may be empty or 0",
            ),
            (
                self.required && is_message,
                field.supports_presence(),
                "messages",
            ),
        ] {
            if is_given && !fits {
                return Err(format!("a rule for {what}, which it is not"));
            }
        }
        Ok(())
    }

    /// For people, in a few words; empty without a rule.
    pub(super) fn in_words(&self) -> String {
        let mut words = Vec::new();
        if self.required {
            words.push("needed".to_owned());
        }
        words.extend(range(
            self.chars_min.into(),
            self.chars_max.into(),
            " characters",
        ));
        words.extend(range(
            self.bytes_min.into(),
            self.bytes_max.into(),
            " bytes",
        ));
        words.extend(match (self.min, self.max) {
            (Some(min), Some(max)) => Some(format!("{min} to {max}")),
            (Some(min), None) => Some(format!("at least {min}")),
            (None, Some(max)) => Some(format!("at most {max}")),
            (None, None) => None,
        });
        words.extend(range(0, self.items_max.into(), " items"));
        words.extend(match self.characters {
            Characters::Any => None,
            Characters::Lines => Some("no control characters but tabs and ends of lines".into()),
            Characters::Line => Some("no control characters".into()),
        });
        if self.secret {
            words.push("never in a log".into());
        }
        words.join("; ")
    }
}

fn range(min: u64, max: u64, unit: &str) -> Option<String> {
    match (min, max) {
        (0, 0) => None,
        (0, max) => Some(format!("at most {max}{unit}")),
        (min, 0) => Some(format!("at least {min}{unit}")),
        (min, max) if min == max => Some(format!("exactly {min}{unit}")),
        (min, max) => Some(format!("{min} to {max}{unit}")),
    }
}

/// Whether one of the oneof's fields must be there.
pub(super) fn is_needed(pool: &DescriptorPool, oneof: &OneofDescriptor) -> Outcome<bool> {
    let options = Options {
        pool,
        given: oneof.options(),
    };
    options.flag("needed")
}

/// Bytes of the longest message that keeps its rules.
///
/// # Errors
///
/// A field without an upper limit, by name.
pub(super) fn bytes_max(pool: &DescriptorPool, message: &MessageDescriptor) -> Outcome<u32> {
    let (mut bytes, mut oneofs) = (0, std::collections::BTreeMap::new());
    for field in message.fields() {
        let field_bytes = field_bytes_max(pool, &field)?;
        match field.containing_oneof() {
            Some(oneof) => {
                let most = oneofs.entry(oneof.name().to_owned()).or_insert(0);
                *most = field_bytes.max(*most);
            }
            None => bytes += field_bytes,
        }
    }
    Ok(bytes + oneofs.values().sum::<u32>())
}

fn field_bytes_max(pool: &DescriptorPool, field: &FieldDescriptor) -> Outcome<u32> {
    let rules = Rules::of(pool, field)?;
    let unlimited = || format!("{} has no upper limit", field.full_name());
    let long = |bytes: u32| varint_bytes(bytes.into()) + bytes;
    let value = match field.kind() {
        Kind::Message(message) => long(bytes_max(pool, &message)?),
        Kind::String | Kind::Bytes => match (rules.bytes_max, rules.chars_max) {
            (0, 0) => return Err(unlimited()),
            (0, chars) => long(chars * 4),
            (bytes, _) => long(bytes),
        },
        kind => match (integer_bytes(&kind), rules.max) {
            (Some(_), Some(max)) if rules.min.is_none_or(|min| min >= 0) => {
                varint_bytes(max.unsigned_abs())
            }
            (Some(bytes), _) => bytes,
            (None, _) => 10,
        },
    };
    let one = varint_bytes(u64::from(field.number()) << 3) + value;
    match (field.is_list(), rules.items_max) {
        (false, _) => Ok(one),
        (true, 0) => Err(unlimited()),
        (true, items) => Ok(one * items),
    }
}

/// Bytes that an integer of this kind takes at the most; `None` if it is none.
fn integer_bytes(kind: &Kind) -> Option<u32> {
    match kind {
        Kind::Uint32 | Kind::Sint32 | Kind::Fixed32 | Kind::Sfixed32 => Some(5),
        Kind::Int32 | Kind::Int64 | Kind::Uint64 | Kind::Sint64 => Some(10),
        Kind::Fixed64 | Kind::Sfixed64 => Some(10),
        _ => None,
    }
}

fn varint_bytes(number: u64) -> u32 {
    let bits = 64 - (number | 1).leading_zeros();
    bits.div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_has_seven_bits_a_byte() {
        for (number, bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3)] {
            assert_eq!(varint_bytes(number), bytes, "{number}");
        }
        assert_eq!(varint_bytes(u64::MAX), 10);
    }

    #[test]
    fn rules_are_told_in_words() {
        let rules = Rules {
            chars_min: 2,
            chars_max: 32,
            characters: Characters::Line,
            secret: true,
            ..Rules::default()
        };
        let expected = "2 to 32 characters; no control characters; never in a log";
        assert_eq!(rules.in_words(), expected);
        assert_eq!(Rules::default().in_words(), "");
    }
}
