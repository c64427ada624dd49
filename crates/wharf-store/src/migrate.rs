//! The tables, and how they change: refinery's migrations, the same for every database but for the
//! names of types.

use crate::database::{Database, Row, SqlError};
use refinery_core::error::Kind;
use refinery_core::traits::sync::Migrate;
use refinery_core::{Error, Migration, Runner};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Each migration, in order; what was released is never edited.
const MIGRATIONS: &[(&str, &str)] = &[
    (
        "V1__accounts",
        include_str!("../migrations/V1__accounts.sql"),
    ),
    ("V2__rooms", include_str!("../migrations/V2__rooms.sql")),
    (
        "V3__messages",
        include_str!("../migrations/V3__messages.sql"),
    ),
    (
        "V4__operations",
        include_str!("../migrations/V4__operations.sql"),
    ),
    (
        "V5__report_messages",
        include_str!("../migrations/V5__report_messages.sql"),
    ),
];

/// What a database calls things.
pub(crate) struct Types {
    /// A number of 64 bits.
    pub(crate) number: &'static str,
    /// Text of up to 255 characters, compared by its bytes.
    pub(crate) text: &'static str,
    /// Text of up to 16,000 bytes, never compared.
    pub(crate) long: &'static str,
    /// Up to 64,000 bytes.
    pub(crate) blob: &'static str,
    /// 32 bytes that may be a key.
    pub(crate) hash: &'static str,
    /// What follows the columns of a table.
    pub(crate) table: &'static str,
}

/// The version of the tables that this program knows.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Brings the tables of `database` up to this version of the program.
///
/// # Errors
/// What the database says; or that it has been written by a newer version.
pub fn migrate(database: &mut dyn Database) -> Result<(), SqlError> {
    database.migrate()
}

/// Runs what has not been run. For the [`Database::migrate`] of each database.
pub(crate) fn run(connection: &mut impl Migrate, types: &Types) -> Result<(), SqlError> {
    let migration = |(name, sql): &(&str, &str)| {
        let sql = sql
            .replace("{number}", types.number)
            .replace("{text}", types.text)
            .replace("{long}", types.long)
            .replace("{blob}", types.blob)
            .replace("{hash}", types.hash)
            .replace("{table}", types.table);
        Migration::unapplied(name, &sql).map_err(wrong)
    };
    let migrations: Vec<Migration> = MIGRATIONS.iter().map(migration).collect::<Result<_, _>>()?;
    // All that is missing in one transaction, with the record of it: a power cut between the two
    // would leave tables that are made again at every start.
    let runner = Runner::new(&migrations).set_grouped(true);
    let Err(error) = runner.run(connection) else {
        return Ok(());
    };
    // One that is not known here is missing here, which is a strange way to put it.
    if let Ok(Some(last)) = runner.get_last_applied_migration(connection)
        && i64::from(last.version()) > VERSION
    {
        return Err(SqlError::Wrong(newer(last.version().into())));
    }
    Err(wrong(error))
}

/// A row of the record of what was applied.
pub(crate) fn applied(mut row: Row) -> Result<Migration, SqlError> {
    let unreadable = || SqlError::Wrong("the record of migrations cannot be read".into());
    let version = i32::try_from(row.integer(0)?).map_err(|_| unreadable())?;
    let on = OffsetDateTime::parse(&row.text(2)?, &Rfc3339).map_err(|_| unreadable())?;
    let checksum = row.text(3)?.parse().map_err(|_| unreadable())?;
    Ok(Migration::applied(version, row.text(1)?, on, checksum))
}

/// What is said of a database whose tables are of a later version than this program's.
pub(crate) fn newer(version: i64) -> String {
    format!(
        "its tables have version {version}, this program knows {VERSION}: it was written by a \
         newer wharf; use that one, or restore an older backup"
    )
}

/// What the database said of itself is told as that.
fn wrong(error: Error) -> SqlError {
    if let Kind::Connection(_, cause) = error.kind()
        && let Some(own @ (SqlError::Broken(_) | SqlError::Unusable(_) | SqlError::Damaged(_))) =
            cause.downcast_ref()
    {
        return own.clone();
    }
    SqlError::Wrong(format!("migration: {error}"))
}
