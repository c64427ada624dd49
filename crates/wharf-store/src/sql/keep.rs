//! What concerns the store as a whole, in SQL: settings, and what is thrown away.

use super::{Db, ROWS_MAX, audit, done, export, first, refused};
use crate::database::{Row, SqlError, Value};
use std::collections::BTreeSet;
use wharf_data::keep::{Answer, Ask, CHANGES};
use wharf_data::{self as data, Act, Refusal, Reply, Target, UnixMs};

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Setting { name } => {
            let setting = setting(db, name)?.ok_or(Refusal::NotFound);
            Ok(setting.map(|value| data::Answer::Keep(Answer::Setting(value))))
        }
        Ask::SetSetting { name, value, act } => {
            let before = setting(db, name)?;
            set(db, name, (before, value.as_deref()), act)
        }
        Ask::SetListed {
            name,
            id,
            is_listed,
            ids_max,
            act,
        } => set_listed(db, name, (*id, *is_listed), *ids_max, act),
        Ask::Sweep {
            at,
            messages_before,
            limit,
        } => sweep(db, *at, *messages_before, *limit),
        Ask::Export {
            account,
            page,
            limit,
        } => export::export(db, *account, page.as_ref(), *limit),
    }
}

fn setting(db: Db<'_>, name: &str) -> Result<Option<String>, SqlError> {
    let row = first(
        db,
        "SELECT content FROM setting WHERE name = ?",
        &[name.into()],
    )?;
    row.map(|mut row| row.text(0)).transpose()
}

fn set(
    db: Db<'_>,
    name: &str,
    (before, value): (Option<String>, Option<&str>),
    act: &Act,
) -> Result<Reply, SqlError> {
    let before = format!("{name}={}", before.unwrap_or_default());
    let after = format!("{name}={}", value.unwrap_or_default());
    let told = (before.as_str(), after.as_str());
    if let Err(refusal) = audit::record(db, act, "server.setting", Target::Server, told)? {
        return refused(refusal);
    }
    put(db, name, value)?;
    note_change(db)?;
    done()
}

fn set_listed(
    db: Db<'_>,
    name: &str,
    (id, is_listed): (i64, bool),
    ids_max: u32,
    act: &Act,
) -> Result<Reply, SqlError> {
    let before = held(db, name)?;
    let ids = before.as_deref().unwrap_or_default();
    let mut ids: BTreeSet<i64> = ids
        .split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect();
    if is_listed {
        ids.insert(id);
    } else if !ids.remove(&id) {
        return refused(Refusal::NotFound);
    }
    if is_listed && ids.len() > ids_max as usize {
        return refused(Refusal::Full);
    }
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    let ids = ids.join(" ");
    let value = Some(ids.as_str()).filter(|ids| !ids.is_empty());
    let answer = data::Answer::Keep(Answer::Setting(ids.clone()));
    Ok(set(db, name, (before, value), act)?.map(|_| answer))
}

/// Others who read what holds on every server are to read it again.
pub(super) fn note_change(db: Db<'_>) -> Result<(), SqlError> {
    let count: i64 = held(db, CHANGES)?
        .and_then(|count| count.parse().ok())
        .unwrap_or(0);
    put(db, CHANGES, Some(&count.wrapping_add(1).to_string()))
}

/// What a setting is; nobody else changes it until the commit.
fn held(db: Db<'_>, name: &str) -> Result<Option<String>, SqlError> {
    let sql = "SELECT content FROM setting WHERE name = ?".to_owned() + db.for_update();
    let row = first(db, &sql, &[name.into()])?;
    row.map(|mut row| row.text(0)).transpose()
}

fn put(db: Db<'_>, name: &str, value: Option<&str>) -> Result<(), SqlError> {
    db.execute("DELETE FROM setting WHERE name = ?", &[name.into()])?;
    if let Some(value) = value {
        let sql = "INSERT INTO setting (name, content) VALUES (?, ?)";
        db.execute(sql, &[name.into(), value.into()])?;
    }
    Ok(())
}

/// A kind of thing that ends: which ones have (with one `?` for the time if it takes one, and one
/// for how many), and what goes with each (with one `?` for each column of its key).
struct Ending {
    which: &'static str,
    goes: &'static [&'static str],
}

/// Those that end at a time of their own.
const ENDINGS: &[Ending] = &[
    Ending {
        which: "SELECT id FROM login WHERE expires <= ? LIMIT ?",
        goes: &[
            "DELETE FROM token WHERE login = ?",
            "DELETE FROM login WHERE id = ?",
        ],
    },
    Ending {
        which: "SELECT token_hash FROM token WHERE expires <= ? LIMIT ?",
        goes: &["DELETE FROM token WHERE token_hash = ?"],
    },
    Ending {
        which: "SELECT name_key FROM name WHERE until <= ? LIMIT ?",
        goes: &["DELETE FROM name WHERE name_key = ?"],
    },
    Ending {
        which: "SELECT room, account FROM room_ban WHERE until <= ? LIMIT ?",
        goes: &["DELETE FROM room_ban WHERE room = ? AND account = ?"],
    },
    Ending {
        which: "SELECT room, account FROM room_mute WHERE until <= ? LIMIT ?",
        goes: &["DELETE FROM room_mute WHERE room = ? AND account = ?"],
    },
    Ending {
        which: "SELECT space, name FROM short_lived WHERE expires <= ? LIMIT ?",
        goes: &["DELETE FROM short_lived WHERE space = ? AND name = ?"],
    },
];

const OLD_MESSAGES: Ending = Ending {
    which: "SELECT conversation, seq FROM message WHERE said_at < ? LIMIT ?",
    goes: &["DELETE FROM message WHERE conversation = ? AND seq = ?"],
};

/// What waits of them for whoever does not come: once all of them are gone, for this takes a look
/// at everything that waits.
const OLD_WAITING: Ending = Ending {
    which: "SELECT account, said_at, conversation, seq FROM waiting WHERE said_at < ? LIMIT ?",
    goes: &["DELETE FROM waiting \
             WHERE account = ? AND said_at = ? AND conversation = ? AND seq = ?"],
};

/// What was said in rooms that are no more.
const ORPHANS: Ending = Ending {
    which: "SELECT m.conversation, m.seq FROM room r JOIN message m ON m.conversation = r.id \
            WHERE r.deleted = 1 LIMIT ?",
    goes: &["DELETE FROM message WHERE conversation = ? AND seq = ?"],
};

/// And then the rest of them.
const RUINS: Ending = Ending {
    which: "SELECT r.id FROM room r WHERE r.deleted = 1 \
            AND NOT EXISTS (SELECT 1 FROM message m WHERE m.conversation = r.id) LIMIT ?",
    goes: &[
        "DELETE FROM read_mark WHERE conversation = ?",
        "DELETE FROM conversation WHERE id = ?",
        "DELETE FROM room WHERE id = ?",
    ],
};

fn sweep(
    db: Db<'_>,
    at: UnixMs,
    messages_before: Option<UnixMs>,
    limit: u32,
) -> Result<Reply, SqlError> {
    let limit = limit.clamp(1, ROWS_MAX);
    let mut endings: Vec<(&Ending, Option<UnixMs>)> =
        ENDINGS.iter().map(|ending| (ending, Some(at))).collect();
    if let Some(before) = messages_before {
        endings.push((&OLD_MESSAGES, Some(before)));
    }
    endings.extend([(&ORPHANS, None), (&RUINS, None)]);
    let mut count = 0;
    let mut end = |ending: &Ending, time: Option<UnixMs>| {
        let values: Vec<Value> = time
            .map(Value::from)
            .into_iter()
            .chain([limit.into()])
            .collect();
        let rows = db.query(ending.which, &values)?;
        let is_full = rows.len() >= limit as usize;
        count += rows.len() as u64;
        for Row(key) in rows {
            for sql in ending.goes {
                db.execute(sql, &key)?;
            }
        }
        Ok::<_, SqlError>(is_full)
    };
    let mut has_more = false;
    for (ending, time) in endings {
        has_more |= end(ending, time)?;
    }
    if let (false, Some(before)) = (has_more, messages_before) {
        has_more = end(&OLD_WAITING, Some(before))?;
    }
    let answer = Answer::Swept { count, has_more };
    Ok(Ok(data::Answer::Keep(answer)))
}
