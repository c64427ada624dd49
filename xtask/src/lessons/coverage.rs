//! `tutorial/coverage.toml`: what the guide asks for, and what in the lessons shows it.

use serde::Deserialize;
use toml::Spanned;

/// Where it lies, from the root.
pub(crate) const PATH: &str = "tutorial/coverage.toml";

/// The whole list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Coverage {
    /// In the guide's order.
    #[serde(default, rename = "part")]
    pub(crate) parts: Vec<Part>,
}

/// A chapter of the guide, and the package that is its lesson.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) package: Spanned<String>,
    /// As the guide counts: `stage 1`, `step 7`.
    #[serde(rename = "guide")]
    _guide: String,
    #[serde(default, rename = "ask")]
    pub(crate) asks: Vec<Ask>,
}

/// One thing that the guide asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// The guide's own words.
    pub(crate) ko: Spanned<String>,
    #[serde(rename = "en")]
    _en: String,
    pub(crate) kind: Kind,
    /// Tests, as `package::test`, and files, from the package's folder.
    pub(crate) shown_by: Vec<Spanned<String>>,
    /// Tests that fail with the feature `faulty`, and only with it.
    #[serde(default)]
    pub(crate) red: Vec<Spanned<String>>,
}

/// What kind of thing is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// To do.
    Task,
    /// To find true afterwards.
    Check,
    /// To see go wrong: what the guide's example or the reference does.
    Fault,
}

/// A file that cannot be read, and at which line.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Coverage {
    /// Reads the file's text.
    pub(crate) fn read(text: &str) -> Result<Self, Unreadable> {
        toml::from_str(text).map_err(|error: toml::de::Error| Unreadable {
            line: line_at(text, error.span().map_or(0, |span| span.start)),
            message: error.message().replace('\n', ", "),
        })
    }

    /// The tests of a package that its feature `faulty` turns red.
    pub(crate) fn red(&self, package: &str) -> Vec<&str> {
        let parts = self.parts.iter();
        let parts = parts.filter(|part| part.package.get_ref() == package);
        let red = parts.flat_map(|part| &part.asks).flat_map(|ask| &ask.red);
        red.map(|test| test.get_ref().as_str()).collect()
    }
}

/// The line of a byte of the text, counted from 1.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    1 + text.as_bytes()[..byte]
        .iter()
        .filter(|&&it| it == b'\n')
        .count()
}
