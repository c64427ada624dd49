//! Migrations over a network: refinery says which, each statement goes through [`Database`], so
//! that it has a time limit and its error is seen.

use super::statements::statements;
use crate::database::{Database, SqlError};
use crate::migrate;
use refinery_core::Migration;
use refinery_core::traits::sync::{Migrate, Query, Transaction};

/// A database whose tables are changed from here.
pub(crate) trait Changes: Database {
    /// Runs one statement of a migration.
    fn change(&mut self, sql: &str) -> Result<(), SqlError> {
        self.execute(sql, &[]).map(drop)
    }
}

/// Refinery's view of a database.
pub(crate) struct Migrator<'a, D>(pub(crate) &'a mut D);

impl<D: Changes> Migrator<'_, D> {
    fn run<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> Result<usize, SqlError> {
        let begin = self.0.begin();
        self.0.execute(begin, &[])?;
        let mut count = 0;
        for text in texts {
            for statement in statements(text) {
                self.0.change(statement)?;
            }
            count += 1;
        }
        self.0.execute("COMMIT", &[])?;
        Ok(count)
    }
}

impl<D: Changes> Transaction for Migrator<'_, D> {
    type Error = SqlError;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, texts: T) -> Result<usize, SqlError> {
        self.run(texts).inspect_err(|_| {
            // What it says adds nothing to why it is undone.
            let _ = self.0.execute("ROLLBACK", &[]);
        })
    }
}

impl<D: Changes> Query<Vec<Migration>> for Migrator<'_, D> {
    fn query(&mut self, sql: &str) -> Result<Vec<Migration>, SqlError> {
        let rows = self.0.query(sql, &[])?;
        rows.into_iter().map(migrate::applied).collect()
    }
}

impl<D: Changes> Migrate for Migrator<'_, D> {}
