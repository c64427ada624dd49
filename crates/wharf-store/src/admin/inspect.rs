//! Whether a database file can be served from, as far as that is quickly told: before a server
//! starts on it.

use super::copy::io_trouble;
use super::{DAMAGED, Trouble, verify};
use crate::database::{Database, SqlError};
use crate::sqlite::{self, Owner, Sqlite};
use std::{fs, io, path::Path};

/// Up to this size all pages are looked at, which takes a fraction of a second.
const LOOKED_AT_MAX: u64 = 64 << 20;

/// What was seen of a database file in which nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// There is none yet, or nothing in it.
    Nothing,
    /// All of its pages are sound.
    Sound,
    /// It opens; it is too large for more.
    Opens,
    /// Another process has it locked.
    Locked,
}

/// Looks at a database file, and changes nothing in it.
///
/// # Errors
/// Why no server should start on it: it is damaged, no database, another program's, written by a
/// newer version, or cannot be read.
pub fn inspect(path: &Path) -> Result<Seen, Trouble> {
    let is_large = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seen::Nothing),
        Err(error) => return Err(io_trouble(path, &error)),
        // Made, and not yet written to.
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => return Ok(Seen::Nothing),
        Ok(metadata) => metadata.len() > LOOKED_AT_MAX,
    };
    match look(path, is_large) {
        Ok(seen) => Ok(seen),
        Err(Obstacle::Trouble(trouble)) => Err(trouble),
        Err(Obstacle::Sql(SqlError::Busy)) => Ok(Seen::Locked),
        Err(Obstacle::Sql(SqlError::Damaged(why))) => {
            let what = format!("is damaged: {why}");
            Err(Trouble::new(path.display(), what, DAMAGED))
        }
        Err(Obstacle::Sql(error)) => Err(Trouble::of(path.display(), &error)),
    }
}

/// What ends the looking.
enum Obstacle {
    Sql(SqlError),
    Trouble(Trouble),
}

impl From<SqlError> for Obstacle {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<Trouble> for Obstacle {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

fn look(path: &Path, is_large: bool) -> Result<Seen, Obstacle> {
    let connection = verify::open(path)?;
    match sqlite::owner(&connection)? {
        Owner::Nobody => return Ok(Seen::Nothing),
        Owner::Another => return Err(verify::another_programs(path).into()),
        Owner::Wharf => {}
    }
    if !is_large {
        let findings = verify::check_pages(&connection, "quick_check")?;
        if !findings.is_empty() {
            return Err(SqlError::Damaged(findings.join("; ")).into());
        }
    }
    if let Some(version) = version(&mut Sqlite::over(connection))? {
        verify::demand_known(path.display(), version)?;
    }
    Ok(if is_large { Seen::Opens } else { Seen::Sound })
}

/// The version of its tables; a start that was cut off has left none.
fn version(database: &mut dyn Database) -> Result<Option<i64>, SqlError> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    match database.query(sql, &[])?.is_empty() {
        true => Ok(None),
        false => super::version(database),
    }
}
