//! What lives for a short time, in SQL: for those who have no Redis.

use super::{Db, done, first, one_more, refused};
use crate::database::{Row, SqlError, Value};
use wharf_data::short::{Answer, Ask, Found, Space};
use wharf_data::{self as data, Refusal, Reply, UnixMs};

/// Bytes of a key at the most.
const KEY_BYTES_MAX: usize = 200;

/// How long after its end a value is kept: clocks differ.
const FORGET_AFTER_MS: i64 = 60_000;

const FOUND: &str = "SELECT name, content, score, expires FROM short_lived WHERE ";

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Put {
            space,
            key,
            value,
            score,
            expires,
            only_new,
            at,
        } => {
            if let Some(old) = held(db, *space, key)?
                && old.expires > *at
                && *only_new
            {
                return refused(Refusal::Duplicate(old.score));
            }
            forget(db, *at)?;
            put(db, *space, key, value, (*score, *expires))
        }
        Ask::Get { space, key, at } => {
            let sql = format!("{FOUND}space = ? AND name = ? AND expires > ?");
            let values = [
                space_number(*space).into(),
                key.as_str().into(),
                (*at).into(),
            ];
            let row = first(db, &sql, &values)?;
            answer(row.map(found).transpose()?)
        }
        Ask::Take { space, key, at } => {
            let old = held(db, *space, key)?;
            delete(db, *space, key)?;
            answer(old.filter(|old| old.expires > *at))
        }
        Ask::Delete { space, key } => {
            delete(db, *space, key)?;
            done()
        }
        Ask::Count {
            key,
            window_ms,
            since_last,
            at,
        } => {
            let next = at.saturating_add((*window_ms).into());
            count(db, key, (next, *since_last), *at)
        }
        Ask::Top {
            space,
            skip,
            limit,
            at,
        } => {
            let sql = format!(
                "{FOUND}space = ? AND expires > ? ORDER BY score DESC, name LIMIT ? OFFSET ?"
            );
            let values = [
                space_number(*space).into(),
                (*at).into(),
                one_more(*limit),
                (*skip).into(),
            ];
            let mut rows = db.query(&sql, &values)?;
            super::cut(&mut rows, *limit);
            let top = rows.into_iter().map(found).collect::<Result<_, _>>()?;
            Ok(Ok(data::Answer::Short(Answer::Top(top))))
        }
    }
}

/// What is there, ended or not; held until the commit.
fn held(db: Db<'_>, space: Space, key: &str) -> Result<Option<Found>, SqlError> {
    let sql = format!("{FOUND}space = ? AND name = ?{}", db.for_update());
    let row = first(db, &sql, &[space_number(space).into(), key.into()])?;
    row.map(found).transpose()
}

fn put(
    db: Db<'_>,
    space: Space,
    key: &str,
    value: &[u8],
    (score, expires): (i64, UnixMs),
) -> Result<Reply, SqlError> {
    if key.len() > KEY_BYTES_MAX {
        return refused(Refusal::Invalid);
    }
    delete(db, space, key)?;
    let sql = "INSERT INTO short_lived (space, name, content, score, expires) \
               VALUES (?, ?, ?, ?, ?)";
    let values: [Value; 5] = [
        space_number(space).into(),
        key.into(),
        value.into(),
        score.into(),
        expires.into(),
    ];
    db.execute(sql, &values)?;
    done()
}

/// Forgets a few of those that ended a while ago, so that no more are there than are put.
fn forget(db: Db<'_>, at: UnixMs) -> Result<(), SqlError> {
    let sql = "SELECT space, name FROM short_lived WHERE expires <= ? ORDER BY expires LIMIT 4";
    let before = at.saturating_sub(FORGET_AFTER_MS);
    for mut row in db.query(sql, &[before.into()])? {
        let sql = "DELETE FROM short_lived WHERE space = ? AND name = ?";
        let name = row.text(1)?;
        db.execute(sql, &[row.integer(0)?.into(), name.as_str().into()])?;
    }
    Ok(())
}

fn delete(db: Db<'_>, space: Space, key: &str) -> Result<(), SqlError> {
    let sql = "DELETE FROM short_lived WHERE space = ? AND name = ?";
    db.execute(sql, &[space_number(space).into(), key.into()])?;
    Ok(())
}

fn count(
    db: Db<'_>,
    key: &str,
    (next, since_last): (UnixMs, bool),
    at: UnixMs,
) -> Result<Reply, SqlError> {
    let old = held(db, Space::Rate, key)?.filter(|old| old.expires > at);
    let (count, ends) = match old {
        // Clocks differ: a window never ends sooner for it, nor much later for one that is wrong.
        Some(old) => {
            let begun = if since_last { next } else { i64::MIN };
            let latest = next.saturating_add(FORGET_AFTER_MS);
            let ends = old.expires.max(begun).min(latest);
            (old.score.saturating_add(1), ends)
        }
        None => (1, next),
    };
    forget(db, at)?;
    if let Err(refusal) = put(db, Space::Rate, key, &[], (count, ends))? {
        return refused(refusal);
    }
    let answer = Answer::Counted { count, ends };
    Ok(Ok(data::Answer::Short(answer)))
}

fn answer(found: Option<Found>) -> Result<Reply, SqlError> {
    let found = found.ok_or(Refusal::NotFound);
    Ok(found.map(|found| data::Answer::Short(Answer::Found(found))))
}

fn found(mut row: Row) -> Result<Found, SqlError> {
    Ok(Found {
        key: row.text(0)?,
        value: row.bytes(1)?,
        score: row.integer(2)?,
        expires: row.integer(3)?,
    })
}

fn space_number(space: Space) -> i64 {
    match space {
        Space::Ticket => 1,
        Space::Presence => 2,
        Space::Rate => 3,
        Space::BusyRooms => 4,
    }
}
