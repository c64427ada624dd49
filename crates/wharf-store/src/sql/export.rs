//! Everything that is kept about somebody, in parts.
//!
//! One table of what there is, each with the statement that reads it: what is added to the store
//! about people is added here.

use super::account::find_account;
use super::{Db, ROWS_MAX, refused};
use crate::database::{Row, SqlError, Value};
use wharf_data::keep::{Answer, Field, Record};
use wharf_data::{self as data, AccountId, PageToken, Part, Refusal, Reply};

/// One kind of record.
struct Section {
    kind: &'static str,
    /// The columns, as they are called in the statement and in the record. The first ones are the
    /// key by which pages go on.
    columns: &'static [(&'static str, Type)],
    key: Key,
    /// Behind `FROM`, up to the one `?` for the account.
    from: &'static str,
}

#[derive(Clone, Copy)]
enum Type {
    Number,
    Text,
    Bytes,
}

/// How the pages of a section go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// There are few: all on one page.
    Few,
    One,
    Two,
}

use Type::{Bytes, Number, Text};

const SECTIONS: &[Section] = &[
    Section {
        kind: "account",
        columns: &[
            ("id", Number),
            ("banned", Number),
            ("banned_until", Number),
            ("created_at", Number),
        ],
        key: Key::Few,
        from: "account WHERE id = ?",
    },
    Section {
        kind: "profile",
        columns: &[
            ("display_name", Text),
            ("avatar", Number),
            ("language", Text),
            ("document", Bytes),
            ("version", Number),
        ],
        key: Key::Few,
        from: "person WHERE account = ?",
    },
    Section {
        kind: "name",
        columns: &[("name_key", Text), ("until", Number)],
        key: Key::Few,
        from: "name WHERE account = ?",
    },
    Section {
        kind: "identity",
        columns: &[("kind", Number), ("subject", Text)],
        key: Key::Few,
        from: "identity WHERE account = ?",
    },
    Section {
        kind: "login",
        columns: &[
            ("id", Number),
            ("device", Text),
            ("since", Number),
            ("used", Number),
            ("expires", Number),
        ],
        key: Key::One,
        from: "login WHERE account = ?",
    },
    Section {
        kind: "room_role",
        columns: &[("room", Number), ("role", Number)],
        key: Key::One,
        from: "room_role WHERE account = ?",
    },
    Section {
        kind: "room_ban",
        columns: &[("room", Number), ("until", Number)],
        key: Key::One,
        from: "room_ban WHERE account = ?",
    },
    Section {
        kind: "room_mute",
        columns: &[("room", Number), ("until", Number)],
        key: Key::One,
        from: "room_mute WHERE account = ?",
    },
    Section {
        kind: "block",
        columns: &[("other", Number), ("since", Number)],
        key: Key::One,
        from: "block WHERE account = ?",
    },
    Section {
        kind: "read_mark",
        columns: &[("conversation", Number), ("seq", Number)],
        key: Key::One,
        from: "read_mark WHERE account = ?",
    },
    Section {
        kind: "report",
        columns: &[
            ("id", Number),
            ("about", Number),
            ("words", Text),
            ("filed_at", Number),
        ],
        key: Key::One,
        from: "report WHERE reporter = ?",
    },
    Section {
        kind: "message",
        columns: &[
            ("conversation", Number),
            ("seq", Number),
            ("client_id", Number),
            ("kind", Number),
            ("body", Bytes),
            ("said_at", Number),
            ("removed_by", Number),
        ],
        key: Key::Two,
        from: "message WHERE author = ?",
    },
];

/// Where a page begins: in which section, behind which key.
type Position = (usize, i64, i64);

pub(super) fn export(
    db: Db<'_>,
    account: AccountId,
    page: Option<&PageToken>,
    limit: u32,
) -> Result<Reply, SqlError> {
    let filter = account.to_string();
    let Some((mut section, mut behind)) = start(page, &filter) else {
        return refused(Refusal::Invalid);
    };
    if find_account(db, account.get())?.is_none() {
        return refused(Refusal::NotFound);
    }
    let limit = limit.clamp(1, ROWS_MAX) as usize;
    let mut records = Vec::new();
    let mut next: Option<Position> = None;
    while let Some(reads) = SECTIONS.get(section) {
        if records.len() >= limit {
            next = Some((section, behind.0, behind.1));
            break;
        }
        let room = limit - records.len();
        let rows = read(db, reads, account, behind, room)?;
        let is_full = reads.key != Key::Few && rows.len() == room;
        for row in rows {
            let (record, key) = record(reads, row)?;
            records.push(record);
            behind = key;
        }
        if is_full {
            next = Some((section, behind.0, behind.1));
            break;
        }
        section += 1;
        behind = (i64::MIN, i64::MIN);
    }
    let next = next.map(|(section, one, two)| {
        let position = [section as i64, one, two].map(Part::Number);
        PageToken::new("export", &filter, &position)
    });
    let answer = Answer::Exported { records, next };
    Ok(Ok(data::Answer::Keep(answer)))
}

fn start(page: Option<&PageToken>, filter: &str) -> Option<(usize, (i64, i64))> {
    let Some(page) = page else {
        return Some((0, (i64::MIN, i64::MIN)));
    };
    match page.position("export", filter)?.as_slice() {
        [Part::Number(section), Part::Number(one), Part::Number(two)] => {
            Some((usize::try_from(*section).ok()?, (*one, *two)))
        }
        _ => None,
    }
}

fn read(
    db: Db<'_>,
    section: &Section,
    account: AccountId,
    (one, two): (i64, i64),
    limit: usize,
) -> Result<Vec<Row>, SqlError> {
    let names: Vec<&str> = section.columns.iter().map(|(name, _)| *name).collect();
    let (columns, from) = (names.join(", "), section.from);
    let account = Value::from(account.get());
    let limit = Value::from(limit as i64);
    let first = names[0];
    match section.key {
        Key::Few => {
            let sql = format!("SELECT {columns} FROM {from} ORDER BY {first} LIMIT ?");
            db.query(&sql, &[account, ROWS_MAX.into()])
        }
        Key::One => {
            let sql =
                format!("SELECT {columns} FROM {from} AND {first} > ? ORDER BY {first} LIMIT ?");
            db.query(&sql, &[account, one.into(), limit])
        }
        Key::Two => {
            let second = names[1];
            let sql = format!(
                "SELECT {columns} FROM {from} AND ({first} > ? OR ({first} = ? AND {second} > ?)) \
                 ORDER BY {first}, {second} LIMIT ?"
            );
            let values = [account, one.into(), one.into(), two.into(), limit];
            db.query(&sql, &values)
        }
    }
}

/// A row as a record, and its key.
fn record(section: &Section, mut row: Row) -> Result<(Record, (i64, i64)), SqlError> {
    let key = match section.key {
        Key::Few => (i64::MIN, i64::MIN),
        Key::One => (row.integer(0)?, i64::MIN),
        Key::Two => (row.integer(0)?, row.integer(1)?),
    };
    let mut fields = Vec::with_capacity(section.columns.len());
    for (column, (name, kind)) in section.columns.iter().enumerate() {
        let field = match kind {
            Type::Number => row
                .maybe_integer(column)?
                .map_or(Field::None, Field::Number),
            Type::Text => row.maybe_text(column)?.map_or(Field::None, Field::Text),
            Type::Bytes => Field::Bytes(row.bytes(column)?),
        };
        fields.push((*name, field));
    }
    let kind = section.kind;
    Ok((Record { kind, fields }, key))
}
