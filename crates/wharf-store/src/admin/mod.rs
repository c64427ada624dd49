//! What an operator does with a store while no server needs to run: bring its tables up to date,
//! back it up, restore it, and look whether it is sound.

mod carry;
mod copy;
#[cfg(feature = "redis")]
mod glance;
mod inspect;
mod invariants;
mod verify;

pub use carry::Tell;
pub use copy::{backup, restore};
#[cfg(feature = "redis")]
pub use glance::glance;
pub use inspect::{Seen, inspect};
pub use verify::{Sound, Verdict, findings_in, verify};

use crate::database::{Database, SqlError};
use crate::migrate as migrations;
use crate::place::Place;
use crate::store::Access;
use core::fmt;

/// What to do about a damaged database.
pub(crate) const DAMAGED: &str =
    "`wharf db verify` tells more, `wharf db restore` puts a backup there";

/// What went wrong, and what to do about it: for whoever typed the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The file or the server.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Trouble {
    fn new(place: impl fmt::Display, what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self {
            place: place.to_string(),
            what: what.to_string(),
            remedy: remedy.to_string(),
        }
    }

    /// What the database said, with what helps most often.
    fn of(place: impl fmt::Display, error: &SqlError) -> Self {
        let remedy = match error {
            SqlError::Busy => "another process uses it: stop that, or try again",
            SqlError::Damaged(_) => DAMAGED,
            SqlError::Broken(_) | SqlError::Unusable(_) => {
                "see whether the folder is there and may be written to, and whether the disk is \
                 full; `wharf db verify` tells whether the database is damaged"
            }
            SqlError::Unique | SqlError::Wrong(_) => "see whether this is the right database",
        };
        Self::new(place, error, remedy)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  {}", self.place, self.what, self.remedy)
    }
}

impl core::error::Error for Trouble {}

/// Brings the tables up to this version of the program, or makes them; which version that is.
///
/// # Errors
/// What the database says, or that it was written by a newer version.
pub fn migrate(place: &Place) -> Result<i64, Trouble> {
    let migrated = (place.connector())(Access::Write).and_then(|mut database| {
        database.migrate()?;
        version(&mut *database)
    });
    match migrated {
        Ok(version) => Ok(version.unwrap_or(migrations::VERSION)),
        Err(error) => Err(Trouble::of(place, &error)),
    }
}

/// The version of the tables that are there, if there are any.
fn version(database: &mut dyn Database) -> Result<Option<i64>, SqlError> {
    let sql = "SELECT MAX(version) FROM refinery_schema_history";
    match database.query(sql, &[])?.first() {
        None => Ok(None),
        Some(row) => row.maybe_integer(0),
    }
}
