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
    columns: &'static [(&'static str, &'static str, Type)],
    key: Key,
    /// Behind `FROM`, up to the one `?` for the account.
    from: &'static str,
}

#[derive(Clone, Copy)]
enum Type {
    Number,
    Id,
    /// A number from 0 on whose bits are kept.
    Counter,
    Time,
    Flag,
    /// A number from 1 on that stands for one of these.
    Word(&'static [&'static str]),
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

use Type::{Bytes, Counter, Flag, Id, Number, Text, Time, Word};

const SECTIONS: &[Section] = &[
    Section {
        kind: "account",
        columns: &[
            ("id", "account", Id),
            ("banned", "is_banned", Flag),
            ("banned_until", "banned_until", Time),
            ("created_at", "created", Time),
        ],
        key: Key::Few,
        from: "account WHERE id = ?",
    },
    Section {
        kind: "profile",
        columns: &[
            ("display_name", "name", Text),
            ("avatar", "avatar", Number),
            ("language", "language", Text),
            ("document", "document", Bytes),
            ("version", "version", Number),
        ],
        key: Key::Few,
        from: "person WHERE account = ?",
    },
    Section {
        kind: "name",
        columns: &[
            ("n.name_key", "looks_like", Text),
            // What a former name looked like is all that is kept of it.
            ("p.display_name", "name", Text),
            ("n.until", "kept_until", Time),
        ],
        key: Key::Few,
        from: "name n LEFT JOIN person p ON p.account = n.account AND n.until IS NULL \
               WHERE n.account = ?",
    },
    Section {
        kind: "identity",
        columns: &[
            ("kind", "by", Word(&["name", "device", "ticket"])),
            ("subject", "key", Text),
        ],
        key: Key::Few,
        from: "identity WHERE account = ?",
    },
    Section {
        kind: "login",
        columns: &[
            ("id", "login", Id),
            ("device", "device", Text),
            ("since", "since", Time),
            ("used", "used", Time),
            ("expires", "expires", Time),
        ],
        key: Key::One,
        from: "login WHERE account = ?",
    },
    Section {
        kind: "room_role",
        columns: &[
            ("room", "room", Id),
            ("role", "role", Word(&["member", "moderator", "owner"])),
        ],
        key: Key::One,
        from: "room_role WHERE account = ?",
    },
    Section {
        kind: "room_ban",
        columns: &[("room", "room", Id), ("until", "until", Time)],
        key: Key::One,
        from: "room_ban WHERE account = ?",
    },
    Section {
        kind: "room_mute",
        columns: &[("room", "room", Id), ("until", "until", Time)],
        key: Key::One,
        from: "room_mute WHERE account = ?",
    },
    Section {
        kind: "block",
        columns: &[("other", "account", Id), ("since", "since", Time)],
        key: Key::One,
        from: "block WHERE account = ?",
    },
    Section {
        kind: "read_mark",
        columns: &[("conversation", "conversation", Id), ("seq", "seq", Number)],
        key: Key::One,
        from: "read_mark WHERE account = ?",
    },
    Section {
        kind: "report",
        columns: &[
            ("id", "report", Id),
            ("about", "account", Id),
            ("words", "text", Text),
            ("filed_at", "at", Time),
        ],
        key: Key::One,
        from: "report WHERE reporter = ?",
    },
    Section {
        kind: "message",
        columns: &[
            ("conversation", "conversation", Id),
            ("seq", "seq", Number),
            ("client_id", "client_id", Counter),
            ("kind", "content_kind", Number),
            ("body", "body", Bytes),
            ("said_at", "at", Time),
            ("removed_by", "removed_by", Id),
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
    let names: Vec<&str> = section.columns.iter().map(|(name, ..)| *name).collect();
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
    for (column, (_, name, kind)) in section.columns.iter().enumerate() {
        fields.push((*name, field(&mut row, column, *kind)?));
    }
    let kind = section.kind;
    Ok((Record { kind, fields }, key))
}

fn field(row: &mut Row, column: usize, kind: Type) -> Result<Field, SqlError> {
    if let Bytes = kind {
        return Ok(Field::Bytes(row.bytes(column)?));
    }
    if let Text = kind {
        return Ok(row.maybe_text(column)?.map_or(Field::None, Field::Text));
    }
    let Some(number) = row.maybe_integer(column)? else {
        return Ok(Field::None);
    };
    Ok(match kind {
        Id => Field::Id(number),
        Counter => Field::Text((number as u64).to_string()),
        Time => Field::Time(number),
        Flag => Field::Flag(number != 0),
        Word(words) => {
            let index = usize::try_from(number - 1).ok();
            let word = index.and_then(|index| words.get(index));
            word.map_or(Field::Number(number), |word| {
                Field::Text((*word).to_owned())
            })
        }
        Number | Text | Bytes => Field::Number(number),
    })
}
