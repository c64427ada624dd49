//! Reads a TOML file into keys, raw values and the places where they stand.

use super::value::Raw;
use super::{ConfigError, Source};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One `key = value` of a file, its tables written out with dots; or a table with nothing in it,
/// whose name may be a mistake all the same.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) raw: Raw,
    pub(super) source: Source,
    /// Where it stands, in bytes.
    offset: usize,
}

/// Reads all entries of a file, in the order in which they stand there.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Entry>, ConfigError> {
    let place = |offset: usize| {
        let (line, column) = line_and_column(bytes, offset);
        Source::File {
            path: path.to_owned(),
            line,
            column,
        }
    };
    let text = str::from_utf8(bytes).map_err(|error| ConfigError {
        source: place(error.valid_up_to()),
        problem: "no UTF-8 from here on: save the file as UTF-8".to_owned(),
    })?;
    let table = DeTable::parse(text).map_err(|error| ConfigError {
        source: place(error.span().map_or(0, |span| span.start)),
        problem: problem_of(
            text,
            error.message(),
            error.span().map_or(0, |span| span.start),
        ),
    })?;
    let mut entries = Vec::new();
    collect("", table.get_ref(), &place, &mut entries);
    entries.sort_by_key(|entry| entry.offset);
    Ok(entries)
}

/// What is wrong in words of this file's, the line that it is wrong in, and the likeliest cause.
fn problem_of(text: &str, message: &str, offset: usize) -> String {
    let (line, _) = line_and_column(text.as_bytes(), offset);
    let line = text.lines().nth(line - 1).unwrap_or_default().trim();
    let message = message.replace('\n', "; ");
    let bare = BARE_TEXT.iter().any(|begin| message.starts_with(begin));
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    let value = value.split_once(" #").map_or(value, |(value, _)| value);
    let (key, value) = (key.trim(), value.trim());
    match value.chars().next() {
        Some(first) if bare && first.is_alphanumeric() => {
            format!("in `{line}`: a text stands in quotes: {key} = \"{value}\"")
        }
        Some('[') if bare => format!("in `{line}`: each text of a list stands in quotes"),
        None if bare => format!("in `{line}`: there is no value"),
        _ => format!("in `{line}`: {message}"),
    }
}

/// How TOML's complaints begin about a text without its quotes: it takes it for a number, a date
/// or a word.
const BARE_TEXT: &[&str] = &[
    "invalid float",
    "invalid integer",
    "invalid datetime",
    "string values must",
];

fn collect(
    prefix: &str,
    table: &DeTable<'_>,
    place: &impl Fn(usize) -> Source,
    entries: &mut Vec<Entry>,
) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => {
                collect(&format!("{key}."), inner, place, entries);
            }
            other => entries.push(Entry {
                key,
                raw: to_raw(other),
                source: place(name.span().start),
                offset: name.span().start,
            }),
        }
    }
}

fn to_raw(value: &DeValue<'_>) -> Raw {
    let other = |what: &str| Raw::Other(what.to_owned());
    match value {
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| other(number.as_str()), Raw::Integer),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Array(array) => array
            .iter()
            .map(|item: &Spanned<DeValue<'_>>| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            })
            .collect::<Option<_>>()
            .map_or_else(|| other("a list of something else than texts"), Raw::List),
        DeValue::Float(number) => other(number.as_str()),
        DeValue::Datetime(_) => other("a date"),
        DeValue::Table(table) if table.is_empty() => Raw::EmptyTable,
        DeValue::Table(_) => other("a table"),
    }
}

/// Reads the value of `--set` or of the environment: as in a file, or as bare text.
pub(super) fn read_value(text: &str) -> Raw {
    match DeValue::parse(text) {
        Ok(value) => to_raw(value.get_ref()),
        Err(_) => Raw::Text(text.to_owned()),
    }
}

/// Both from 1; columns count characters.
fn line_and_column(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = String::from_utf8_lossy(&bytes[..offset.min(bytes.len())]);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}
