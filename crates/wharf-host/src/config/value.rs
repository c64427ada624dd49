//! Values and what a setting allows.

use core::fmt;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What a setting accepts.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number from `min` to `max`.
    Integer {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An IP address and a port.
    Address,
    /// A path; relative ones start at the working directory.
    Path,
    /// A path as [`Kind::Path`], or an empty text for none.
    PathOrNone,
    /// A line of text, or an empty one for none.
    Text {
        /// Bytes that it has at the most.
        bytes_max: usize,
    },
    /// A list of networks (`10.0.0.0/8`, `::1`).
    Networks,
    /// An IP address and a port, or the word `off`.
    AddressOrOff,
    /// A text that is shown to nobody, or an empty one for none.
    Secret {
        /// Characters that it has at least.
        bytes_min: usize,
    },
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Integer(u64),
    /// Yes or no.
    Flag(bool),
    /// One of the words of its setting.
    Choice(&'static str),
    /// An IP address and a port.
    Address(SocketAddr),
    /// A path.
    Path(PathBuf),
    /// A line of text.
    Text(String),
    /// Networks.
    Networks(Vec<IpNet>),
    /// Not to be opened.
    Off,
    /// A text that is shown to nobody.
    Secret(Secret),
}

/// A text that neither a log nor a printed configuration shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { HIDDEN })
    }
}

/// What is shown instead of a secret; too short to be one.
pub(super) const HIDDEN: &str = "(hidden)";

/// A value as it stands in a file or on the command line, before it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    Integer(i128),
    Flag(bool),
    Text(String),
    List(Vec<String>),
    /// A section without settings, or `{}`.
    EmptyTable,
    /// Something that no setting accepts, as the error message shows it.
    Other(String),
}

impl Kind {
    /// Turns what was written into a value.
    ///
    /// The text of a command line or of the environment may stand for any kind.
    pub(super) fn judge(self, raw: &Raw) -> Option<Value> {
        match (self, raw) {
            (Self::Integer { min, max }, Raw::Integer(number)) => {
                let number = u64::try_from(*number).ok()?;
                (min..=max)
                    .contains(&number)
                    .then_some(Value::Integer(number))
            }
            (Self::Flag, Raw::Flag(flag)) => Some(Value::Flag(*flag)),
            (Self::Choice(words), Raw::Text(text)) => words
                .iter()
                .find(|word| *word == text)
                .map(|word| Value::Choice(word)),
            (Self::Address, Raw::Text(text)) => text.parse().ok().map(Value::Address),
            (Self::Path, Raw::Text(text)) if !text.is_empty() => Some(Value::Path(text.into())),
            (Self::PathOrNone, Raw::Text(text)) => Some(Value::Path(text.into())),
            (Self::Text { bytes_max }, Raw::Text(text)) => {
                let is_line = !text.chars().any(char::is_control);
                let is_fit = is_line && text.len() <= bytes_max;
                is_fit.then(|| Value::Text(text.clone()))
            }
            (Self::Networks, Raw::List(list)) => list
                .iter()
                .map(|text| parse_network(text))
                .collect::<Option<_>>()
                .map(Value::Networks),
            (Self::AddressOrOff, Raw::Text(text)) if text == "off" => Some(Value::Off),
            (Self::AddressOrOff, Raw::Text(text)) => text.parse().ok().map(Value::Address),
            (Self::Secret { bytes_min }, Raw::Text(text)) => {
                let is_fit = text.len() >= bytes_min && text.bytes().all(|b| b.is_ascii_graphic());
                let is_fit = is_fit || text.is_empty();
                is_fit.then(|| Value::Secret(Secret(text.clone())))
            }
            _ => None,
        }
    }
}

fn parse_network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Flag => f.write_str("true or false"),
            Self::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                write!(f, "one of {}", words.join(", "))
            }
            Self::Address => f.write_str(
                "an address in numbers and a port, such as \"127.0.0.1:11021\" for this machine \
                 alone or \"0.0.0.0:11021\" for all",
            ),
            Self::Path => f.write_str("a path in quotes"),
            Self::PathOrNone => f.write_str("a path in quotes, or \"\" for none"),
            Self::Text { bytes_max } => write!(
                f,
                "a line of at most {bytes_max} bytes in quotes, or \"\" for none"
            ),
            Self::Networks => {
                f.write_str("a list of networks, such as [\"10.0.0.0/8\", \"2001:db8::/32\"]")
            }
            Self::AddressOrOff => f.write_str(
                "\"off\", or an address in numbers and a port, such as \"127.0.0.1:11022\"",
            ),
            Self::Secret { bytes_min: 0 } => {
                f.write_str("visible ASCII characters in quotes, or \"\" for none")
            }
            Self::Secret { bytes_min } => write!(
                f,
                "at least {bytes_min} visible ASCII characters in quotes, or \"\" for none"
            ),
        }
    }
}

/// As it would stand in a TOML file.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Choice(word) => write!(f, "{word:?}"),
            Self::Address(address) => write!(f, "\"{address}\""),
            Self::Path(path) => write!(f, "{:?}", path.display().to_string()),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Networks(networks) => {
                let texts: Vec<String> = networks.iter().map(|net| format!("\"{net}\"")).collect();
                write!(f, "[{}]", texts.join(", "))
            }
            Self::Off => f.write_str("\"off\""),
            Self::Secret(Secret(text)) if text.is_empty() => f.write_str("\"\""),
            Self::Secret(_) => write!(f, "\"{HIDDEN}\""),
        }
    }
}
