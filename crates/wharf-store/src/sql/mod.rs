//! What each request is in SQL, written once for every database.
//!
//! Rules that keep it so: `?` for parameters; no upsert, no `RETURNING`, no date of the
//! database's; a row that must not change until the commit is read with
//! [`Database::for_update`]; how many rows a statement touched is only looked at where it changes
//! what it finds (MySQL does not count what stays the same); long texts go in as text and come
//! back as text or bytes.

mod account;
mod audit;
mod export;
mod keep;
mod message;
mod moderate;
mod report;
mod room;
mod short;

use crate::database::{Database, Row, SqlError, Value};
use wharf_data::{Answer, Ask, NameKey, PageToken, Part, Refusal, Reply};

/// The most rows that one answer has, whatever was asked for.
const ROWS_MAX: u32 = 1_000;

type Db<'a> = &'a mut dyn Database;

/// Does a request inside the savepoint that the worker has set.
pub(crate) fn run(database: &mut dyn Database, ask: &Ask) -> Result<Reply, SqlError> {
    let mut checked = Checked {
        database,
        has_refused: false,
    };
    match dispatch(&mut checked, ask) {
        Err(_) if checked.has_refused => refused(Refusal::Invalid),
        reply => reply,
    }
}

fn dispatch(database: &mut dyn Database, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Account(ask) => account::run(database, ask),
        Ask::Room(ask) => room::run(database, ask),
        Ask::Message(ask) => message::run(database, ask),
        Ask::Report(ask) => report::run(database, ask),
        Ask::Audit(ask) => audit::run(database, ask),
        Ask::Short(ask) => short::run(database, ask),
        Ask::Keep(ask) => keep::run(database, ask),
        Ask::Audited(entry, ask) => {
            if let Err(refusal) = audit::write(database, entry)? {
                return refused(refusal);
            }
            dispatch(database, ask)
        }
    }
}

/// A database that is given no text with a NUL in it: PostgreSQL keeps none, and what one database
/// refuses is refused on all.
struct Checked<'a> {
    database: &'a mut dyn Database,
    has_refused: bool,
}

impl Checked<'_> {
    fn check(&mut self, values: &[Value]) -> Result<(), SqlError> {
        let has_nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
        if values.iter().any(has_nul) {
            self.has_refused = true;
            return Err(SqlError::Wrong("a text has a NUL".into()));
        }
        Ok(())
    }
}

impl Database for Checked<'_> {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        self.check(values)?;
        self.database.execute(sql, values)
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.check(values)?;
        self.database.query(sql, values)
    }

    fn migrate(&mut self) -> Result<(), SqlError> {
        self.database.migrate()
    }

    fn begin(&self) -> &'static str {
        self.database.begin()
    }

    fn begin_read(&self) -> &'static str {
        self.database.begin_read()
    }

    fn for_update(&self) -> &'static str {
        self.database.for_update()
    }
}

/// Whose the thing is that a request wanted to be unique, after it found it taken; `None` if that
/// cannot be seen.
pub(crate) fn owner(database: &mut dyn Database, ask: &Ask) -> Result<Option<i64>, SqlError> {
    match ask {
        Ask::Account(ask) => account::owner(database, ask),
        Ask::Room(ask) => room::owner(database, ask),
        Ask::Audited(_, ask) => owner(database, ask),
        _ => Ok(None),
    }
}

fn done() -> Result<Reply, SqlError> {
    Ok(Ok(Answer::Done))
}

fn refused(refusal: Refusal) -> Result<Reply, SqlError> {
    Ok(Err(refusal))
}

/// So many places for values, in a list.
fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// The rows of a statement that is to find one or none.
fn first(db: Db<'_>, sql: &str, values: &[Value]) -> Result<Option<Row>, SqlError> {
    Ok(db.query(sql, values)?.into_iter().next())
}

/// The first column of the only row: of a `count(*)`, say.
fn number(db: Db<'_>, sql: &str, values: &[Value]) -> Result<i64, SqlError> {
    let row = first(db, sql, values)?;
    let missing = || SqlError::Wrong("a row that is always there is missing".into());
    row.ok_or_else(missing)?.integer(0)
}

/// How many rows are read for `limit` and one more, which says whether there is more.
fn one_more(limit: u32) -> Value {
    Value::Integer(i64::from(limit.clamp(1, ROWS_MAX)) + 1)
}

/// Takes that one more off again: whether it was there.
fn cut<T>(rows: &mut Vec<T>, limit: u32) -> bool {
    let limit = limit.clamp(1, ROWS_MAX) as usize;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    has_more
}

/// That a name in `column` begins like `key` and stands behind `behind`, if that is one: a range of
/// the names' own index, whatever else there is. Its values are in that order.
///
/// It has one lower bound: with two a database may read all that is before the page.
fn begins_like(column: &str, key: &NameKey, behind: &str) -> (String, [Value; 2]) {
    /// Behind every text that begins with what stands before it.
    const LAST_CHARACTER: char = '\u{10ffff}';
    let from = if behind.is_empty() { ">=" } else { ">" };
    let end = format!("{}{LAST_CHARACTER}", key.as_str());
    let values = [behind.max(key.as_str()).into(), end.as_str().into()];
    (format!("{column} {from} ? AND {column} < ?"), values)
}

/// The single text in a page token, or an empty one without a token; `None` if it is forged.
fn page_text(page: Option<&PageToken>, list: &str, filter: &str) -> Option<String> {
    let Some(page) = page else {
        return Some(String::new());
    };
    match page.position(list, filter)?.as_slice() {
        [Part::Text(text)] => Some(text.clone()),
        _ => None,
    }
}

/// The single number in a page token, or `start` without a token; `None` if it is forged.
fn page_number(page: Option<&PageToken>, list: &str, filter: &str, start: i64) -> Option<i64> {
    let Some(page) = page else {
        return Some(start);
    };
    match page.position(list, filter)?.as_slice() {
        [Part::Number(number)] => Some(*number),
        _ => None,
    }
}
