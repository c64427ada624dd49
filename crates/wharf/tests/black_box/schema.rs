//! Where texts are in requests, by the schema: so that a field that comes is tested too.

use std::collections::BTreeMap;

const SCHEMA: &str = include_str!("../../../wharf-proto/schema.txt");

/// A text somewhere in a message: the numbers of the fields that lead there, and its path.
#[derive(Clone, Debug)]
pub(crate) struct TextField {
    pub(crate) numbers: Vec<u64>,
    pub(crate) path: String,
    /// The same as whoever cannot read it says it: of a oneof its own name, not its field's.
    pub(crate) read_path: String,
}

/// Every text of the message of that name, such as `account.LogIn`, messages within it included.
pub(crate) fn texts_of(message: &str) -> Vec<TextField> {
    let mut fields: BTreeMap<&str, Vec<(&str, u64, &str, &str)>> = BTreeMap::new();
    for line in SCHEMA
        .lines()
        .filter_map(|line| line.strip_prefix("field "))
    {
        let mut words = line.split(' ');
        let (owner, field) = words.next().and_then(|name| name.rsplit_once('.')).unwrap();
        let number = words.next().unwrap().parse().unwrap();
        let (kind, before) = (words.next_back().unwrap(), words.collect::<Vec<_>>());
        let read_as = match before[..] {
            ["of", oneof] => oneof,
            _ => field,
        };
        let field = (field, number, kind, read_as);
        fields.entry(owner).or_default().push(field);
    }
    let mut found = Vec::new();
    let root = TextField {
        numbers: Vec::new(),
        path: String::new(),
        read_path: String::new(),
    };
    let mut open = vec![(format!("wharf.{message}"), root)];
    while let Some((owner, above)) = open.pop() {
        for (field, number, kind, read_as) in fields.get(owner.as_str()).into_iter().flatten() {
            let here = TextField {
                numbers: [&above.numbers[..], &[*number]].concat(),
                path: below(&above.path, field),
                read_path: below(&above.read_path, read_as),
            };
            match *kind {
                "string" => found.push(here),
                kind if kind.starts_with("wharf.") => open.push((kind.to_owned(), here)),
                _ => {}
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn below(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    }
}

/// A message with nothing but those bytes at the end of the way.
pub(crate) fn within(numbers: &[u64], value: &[u8]) -> Vec<u8> {
    numbers.iter().rev().fold(value.to_vec(), |inner, number| {
        let mut bytes = varint(number << 3 | 2);
        bytes.extend(varint(inner.len() as u64));
        bytes.extend(inner);
        bytes
    })
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[test]
fn texts_are_found_where_the_schema_has_them() {
    let paths = |message| texts_of(message).into_iter().map(|field| field.path);
    let whisper: Vec<_> = paths("chat.Whisper").collect();
    let expected = ["content.emote", "content.item.name", "content.text", "name"];
    assert_eq!(whisper, expected);
    assert_eq!(within(&[3, 2], b"x"), [0x1a, 3, 0x12, 1, b'x']);
}
