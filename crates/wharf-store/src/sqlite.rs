//! SQLite: one file in the data directory, write-ahead log, one writer, readers beside it.

use crate::database::{Database, Row, SqlError, Value};
use crate::migrate;
use crate::store::{Access, Connect};
use core::time::Duration;
use refinery_core::Migration;
use refinery_core::traits::sync::{Migrate, Query, Transaction};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, ffi, params_from_iter};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How long a statement waits for another process's lock (`wharf db backup`, say). Shorter than
/// any request waits for its answer.
const BUSY: Duration = Duration::from_secs(2);

/// Statements that are kept prepared on each connection.
const STATEMENTS_KEPT: usize = 256;

/// "WHRF", in the file's header: that it is a database of Wharf's.
pub(crate) const APPLICATION_ID: i64 = 0x5748_5246;

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `synchronous=FULL`: what was committed survives a power cut.
    Full,
    /// `synchronous=OFF`: for tests that must see it missed.
    Off,
}

/// A connection to a database file.
pub struct Sqlite {
    connection: Connection,
    access: Access,
}

impl Sqlite {
    /// Opens the file for everything, or makes it.
    ///
    /// # Errors
    /// What SQLite says (no such folder, no right to write, no database at all), or that the file
    /// is another program's.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, SqlError> {
        // For the one who runs the server alone. If it cannot be made, SQLite says why.
        let _ = create_private(path);
        let connection = Connection::open(path).map_err(error)?;
        Self::with(connection, durability)
    }

    /// The same on a connection that was opened elsewhere: by a test, over another file system.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn with(connection: Connection, durability: Durability) -> Result<Self, SqlError> {
        connection.busy_timeout(BUSY).map_err(error)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        match owner(&connection)? {
            Owner::Wharf => {}
            Owner::Nobody => connection
                .pragma_update(None, "application_id", APPLICATION_ID)
                .map_err(error)?,
            Owner::Another => {
                return Err(SqlError::Wrong("it is another program's database".into()));
            }
        }
        // Asked for only where it is not so: that would need the whole file for itself.
        let mut mode: String = pragma(&connection, "journal_mode")?;
        if !mode.eq_ignore_ascii_case("wal") {
            mode = connection
                .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
                .map_err(error)?;
        }
        if !mode.eq_ignore_ascii_case("wal") {
            let why = "its file system has no room for a write-ahead log (is it a network's?)";
            return Err(SqlError::Wrong(why.into()));
        }
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Off => "OFF",
        };
        connection
            .pragma_update(None, "synchronous", synchronous)
            .map_err(error)?;
        Ok(Self {
            connection,
            access: Access::Write,
        })
    }

    /// A database of one user in memory, with nothing in it and nothing to wait for.
    pub(crate) fn in_memory() -> Result<Self, SqlError> {
        let connection = Connection::open_in_memory().map_err(error)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        Ok(Self {
            connection,
            access: Access::Write,
        })
    }

    /// A connection that was opened for looking.
    pub(crate) fn over(connection: Connection) -> Self {
        let access = Access::Read;
        Self { connection, access }
    }

    /// Closes it, with no log beside the file, which could be forgotten.
    pub(crate) fn into_one_file(self) -> Result<(), SqlError> {
        self.connection
            .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
            .map_err(error)?;
        self.connection.close().map_err(|(_, why)| error(why))
    }

    /// Opens a file that is there already, for reading beside the one who writes.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_to_read(path: &Path) -> Result<Self, SqlError> {
        let flags =
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(error)?;
        connection.busy_timeout(BUSY).map_err(error)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        connection
            .pragma_update(None, "query_only", true)
            .map_err(error)?;
        Ok(Self {
            connection,
            access: Access::Read,
        })
    }

    /// Makes connections to one file, as a [`crate::Store`] wants them.
    pub fn connector(path: impl Into<PathBuf>, durability: Durability) -> Connect {
        let path = path.into();
        Arc::new(move |access| {
            let database = match access {
                Access::Write => Self::open(&path, durability)?,
                Access::Read => Self::open_to_read(&path)?,
            };
            Ok(Box::new(database) as Box<dyn Database>)
        })
    }
}

impl Database for Sqlite {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let touched = statement.execute(params_from_iter(values)).map_err(error)?;
        Ok(touched as u64)
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(error)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values)).map_err(error)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(error)? {
            let column = |index| value(row.get_ref(index).map_err(error)?);
            found.push(Row((0..columns).map(column).collect::<Result<_, _>>()?));
        }
        Ok(found)
    }

    fn migrate(&mut self) -> Result<(), SqlError> {
        let types = migrate::Types {
            number: "INTEGER",
            text: "TEXT",
            long: "TEXT",
            blob: "BLOB",
            hash: "BLOB",
            table: " STRICT, WITHOUT ROWID",
        };
        // All of it or nothing, and by one process at a time.
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(error)?;
        let migrated = migrate::run(&mut Migrations(self), &types);
        let end = match migrated {
            Ok(()) => "COMMIT",
            Err(_) => "ROLLBACK",
        };
        let ended = self.connection.execute_batch(end).map_err(error);
        migrated.and(ended)
    }

    /// The lock is taken at once, so that no statement in between finds it taken.
    fn begin(&self) -> &'static str {
        match self.access {
            Access::Write => "BEGIN IMMEDIATE",
            Access::Read => "BEGIN",
        }
    }

    /// The writer has the whole file for itself.
    fn for_update(&self) -> &'static str {
        ""
    }
}

/// Refinery's view of the file, inside the one transaction of [`Sqlite::migrate`].
struct Migrations<'a>(&'a mut Sqlite);

impl Transaction for Migrations<'_> {
    type Error = SqlError;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, texts: T) -> Result<usize, SqlError> {
        let mut count = 0;
        for text in texts {
            self.0.connection.execute_batch(text).map_err(error)?;
            count += 1;
        }
        Ok(count)
    }
}

impl Query<Vec<Migration>> for Migrations<'_> {
    fn query(&mut self, sql: &str) -> Result<Vec<Migration>, SqlError> {
        let rows = self.0.query(sql, &[])?;
        rows.into_iter().map(migrate::applied).collect()
    }
}

impl Migrate for Migrations<'_> {}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Whose database a file is.
pub(crate) enum Owner {
    Wharf,
    /// There is nothing in it yet.
    Nobody,
    Another,
}

/// Whose database is connected to.
pub(crate) fn owner(connection: &Connection) -> Result<Owner, SqlError> {
    let id: i64 = pragma(connection, "application_id")?;
    if id == APPLICATION_ID {
        return Ok(Owner::Wharf);
    }
    // An empty file has neither an id nor tables.
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(error)?;
    Ok(match (id, tables) {
        (0, 0) => Owner::Nobody,
        _ => Owner::Another,
    })
}

/// What a pragma says.
pub(crate) fn pragma<T: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> Result<T, SqlError> {
    connection
        .pragma_query_value(None, name, |row| row.get(0))
        .map_err(error)
}

/// Makes a file that nobody else may read: there are hashes of passwords in it.
pub(crate) fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn value(value: ValueRef<'_>) -> Result<Value, SqlError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(_) => return Err(SqlError::Wrong("no column has such numbers".into())),
        ValueRef::Text(text) => match core::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => return Err(SqlError::Wrong("a text is no UTF-8".into())),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

/// What an error of SQLite's means here.
pub(crate) fn error(error: rusqlite::Error) -> SqlError {
    let text = error.to_string();
    let rusqlite::Error::SqliteFailure(failure, _) = &error else {
        return SqlError::Wrong(text);
    };
    match (failure.code, failure.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => SqlError::Unique,
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => SqlError::Busy,
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => SqlError::Damaged(text),
        (
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied,
            _,
        ) => SqlError::Unusable(text),
        _ => SqlError::Wrong(text),
    }
}
