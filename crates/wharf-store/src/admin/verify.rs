//! Whether a store is sound: what its database says of itself, and what we know of our tables.

use super::copy::io_trouble;
use super::invariants::INVARIANTS;
use super::{Place, Trouble};
use crate::database::{Database, SqlError, Value};
use crate::migrate;
use crate::sqlite::{self, APPLICATION_ID, Sqlite};
use crate::store::Access;
use core::fmt;
use core::time::Duration;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Findings that are told at the most: whoever has more has the same damage many times.
const FINDINGS_MAX: usize = 20;

/// How long another process's lock is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// With what every file of SQLite's begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What was found out about a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as it should be.
    Sound(Sound),
    /// It can be opened, but something in it is wrong.
    Damaged(Vec<String>),
    /// It cannot be looked at.
    CannotOpen(Trouble),
}

/// What a sound store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// The version of its tables; older ones are brought up to date by `wharf db migrate`.
    pub version: i64,
    /// Accounts that were not erased.
    pub accounts: i64,
    /// Rooms.
    pub rooms: i64,
    /// Messages.
    pub messages: i64,
}

impl Verdict {
    /// What a program that verifies ends with: 0 when sound, 1 when damaged, 2 when it cannot
    /// tell.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Sound(_) => 0,
            Self::Damaged(_) => 1,
            Self::CannotOpen(_) => 2,
        }
    }
}

/// Looks at all of a store, and changes nothing in it. A server may be using it.
pub fn verify(place: &Place) -> Verdict {
    let looked = match place {
        Place::File(path) => look_at_file(path),
        Place::Server(_) => look_at_server(place),
    };
    match looked {
        Ok((findings, sound)) if findings.is_empty() => Verdict::Sound(sound),
        Ok((findings, _)) => Verdict::Damaged(findings),
        Err(Finding::Damage(finding)) => Verdict::Damaged(vec![finding]),
        Err(Finding::Trouble(trouble)) => Verdict::CannotOpen(trouble),
    }
}

/// What ends the looking.
enum Finding {
    Damage(String),
    Trouble(Trouble),
}

impl From<Trouble> for Finding {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Opens a file that is there, for reading.
///
/// As one who might write, if we have the right to: only such a one tidies the log away behind it,
/// as the server does when it stops.
pub(super) fn open(path: &Path) -> Result<Connection, Trouble> {
    demand_file(path)?;
    let open = |access| {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open(OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| open(OpenFlags::SQLITE_OPEN_READ_ONLY))
        .map_err(|error| Trouble::of(path.display(), &sqlite::error(error)))
}

/// That it is a file of SQLite's: SQLite itself would make an empty one, or blame a folder for
/// being no database.
fn demand_file(path: &Path) -> Result<(), Trouble> {
    let metadata = std::fs::metadata(path).map_err(|error| unread(path, &error))?;
    if !metadata.is_file() {
        let remedy = "give the database's file, or the folder that it is in by --data";
        return Err(Trouble::new(path.display(), "is no file", remedy));
    }
    let mut file = File::open(path).map_err(|error| unread(path, &error))?;
    let mut magic = [0; MAGIC.len()];
    let is_magic = file.read_exact(&mut magic).is_ok() && magic == *MAGIC;
    if !is_magic {
        let remedy = "see whether this is the right file";
        return Err(Trouble::new(
            path.display(),
            "is no database of SQLite's",
            remedy,
        ));
    }
    Ok(())
}

/// A connection to a server.
pub(super) fn reach(place: &Place) -> Result<Box<dyn Database>, Trouble> {
    let remedy = "see whether the server runs, and whether the URL is right";
    (place.connector())(Access::Write).map_err(|error| Trouble::new(place, error, remedy))
}

fn look_at_server(place: &Place) -> Result<(Vec<String>, Sound), Finding> {
    let mut database = reach(place)?;
    let version = version_at(place, &mut *database)?;
    demand_known(place, version)?;
    look_at_tables(&mut *database, version).map_err(|error| match error {
        SqlError::Broken(_) | SqlError::Busy => Trouble::of(place, &error).into(),
        error => Finding::Damage(error.to_string()),
    })
}

/// The version of a server's tables.
pub(super) fn version_at(place: &Place, database: &mut dyn Database) -> Result<i64, Trouble> {
    match super::version(database) {
        Ok(Some(version)) => Ok(version),
        // A connection that is well, and no such table, or none that may be read.
        Ok(None) | Err(SqlError::Wrong(_)) => {
            let remedy = "`wharf db migrate` makes them, as does a server's first start; `wharf db \
                          restore` puts a backup there; if they are there, see whether this user \
                          may read them";
            Err(Trouble::new(place, "has no tables of wharf's", remedy))
        }
        Err(error) => Err(Trouble::of(place, &error)),
    }
}

fn look_at_file(path: &Path) -> Result<(Vec<String>, Sound), Finding> {
    let connection = open(path)?;
    let id = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    let id = id.map_err(|error| match sqlite::error(error) {
        SqlError::Damaged(why) => Finding::Damage(why),
        error => Trouble::of(path.display(), &error).into(),
    })?;
    if id != APPLICATION_ID {
        return Err(another_programs(path).into());
    }
    let damage = |error: SqlError| Finding::Damage(error.reason());
    let mut findings = check_size(&connection, path)?;
    findings.extend(check_pages(&connection, "integrity_check").map_err(damage)?);
    let mut database = Sqlite::over(connection);
    let looked = super::version(&mut database).and_then(|version| {
        let missing = || SqlError::Wrong("it has no tables of wharf's".into());
        let version = version.ok_or_else(missing)?;
        Ok((version, look_at_tables(&mut database, version)?))
    });
    match looked {
        Ok((version, (more, sound))) => {
            demand_known(path.display(), version)?;
            findings.extend(more);
            findings.truncate(FINDINGS_MAX);
            Ok((findings, sound))
        }
        // What was found first says more than that it cannot be read.
        Err(_) if !findings.is_empty() => Err(Finding::Damage(findings.join("; "))),
        Err(error) => Err(damage(error)),
    }
}

pub(super) fn another_programs(path: &Path) -> Trouble {
    let remedy = "see whether this is the right file";
    Trouble::new(path.display(), "is another program's database", remedy)
}

pub(super) fn demand_known(place: impl fmt::Display, version: i64) -> Result<(), Trouble> {
    if version > migrate::VERSION {
        let remedy = "`wharf --version` tells which one this is";
        return Err(Trouble::new(place, migrate::newer(version), remedy));
    }
    Ok(())
}

/// That the file ends where a page does: SQLite takes what is missing of the last for zeros.
fn check_size(connection: &Connection, path: &Path) -> Result<Vec<String>, Finding> {
    let page = sqlite::pragma::<i64>(connection, "page_size")
        .map_err(|error| Finding::Damage(error.to_string()))?;
    let metadata = std::fs::metadata(path).map_err(|error| unread(path, &error))?;
    let more = metadata.len() % page.unsigned_abs().max(1);
    Ok(match more {
        0 => Vec::new(),
        _ => vec![format!(
            "the file ends in the middle of a page ({more} bytes of {page})"
        )],
    })
}

/// What SQLite finds when it looks at each page, and by its `integrity_check` at each index; its
/// `quick_check` is quicker.
pub(super) fn check_pages(connection: &Connection, pragma: &str) -> Result<Vec<String>, SqlError> {
    let sql = format!("PRAGMA {pragma}({FINDINGS_MAX})");
    let mut statement = connection.prepare(&sql).map_err(sqlite::error)?;
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .map_err(sqlite::error)?;
    let mut findings = Vec::new();
    for finding in rows {
        let finding = finding.map_err(sqlite::error)?;
        if finding != "ok" {
            findings.extend(finding.lines().map(str::to_owned));
        }
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

/// What we know of our own tables, on any database. Nothing of those of another version: they are
/// of another shape.
fn look_at_tables(
    database: &mut dyn Database,
    version: i64,
) -> Result<(Vec<String>, Sound), SqlError> {
    let mut sound = Sound {
        version,
        accounts: 0,
        rooms: 0,
        messages: 0,
    };
    let mut findings = Vec::new();
    if version != migrate::VERSION {
        return Ok((findings, sound));
    }
    findings.extend(findings_in(database)?);
    sound.accounts = count(database, "SELECT COUNT(*) FROM account WHERE erased = 0")?;
    sound.rooms = count(database, "SELECT COUNT(*) FROM room WHERE deleted = 0")?;
    sound.messages = count(database, "SELECT COUNT(*) FROM message")?;
    Ok((findings, sound))
}

/// What is not as it always is in tables that are up to date, on any database.
///
/// # Errors
/// What the database says.
pub fn findings_in(database: &mut dyn Database) -> Result<Vec<String>, SqlError> {
    let mut findings = Vec::new();
    for invariant in INVARIANTS {
        let count = count(database, invariant.broken)?;
        if count > 0 {
            findings.push(format!("{} ({count} times)", invariant.what));
        }
    }
    Ok(findings)
}

fn count(database: &mut dyn Database, sql: &str) -> Result<i64, SqlError> {
    let none: &[Value] = &[];
    let rows = database.query(sql, none)?;
    let missing = || SqlError::Wrong("a count has no row".into());
    rows.first().ok_or_else(missing)?.integer(0)
}
/// Why a database file is not read.
fn unread(path: &Path, error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound => Trouble::new(
            path.display(),
            "there is no such database",
            "see whether that is the one that is meant (--data DIR); `wharf db migrate` makes a \
             new one, as does a server's first start",
        ),
        _ => io_trouble(path, error),
    }
}
