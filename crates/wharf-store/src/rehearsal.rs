//! The store without its threads and its disk: for simulators, which decide themselves what waits,
//! what is kept and what is lost.

use crate::database::{Database, SqlError};
use crate::sqlite::Sqlite;
use crate::worker;
use wharf_data::{Ask, Refusal, Reply};

/// The same SQL as the store's, on a database in memory.
///
/// What was done since the last [`commit`](Self::commit) is lost in a [`cut`](Self::cut).
pub struct Rehearsal {
    database: Sqlite,
    /// Whether a transaction is under way.
    is_begun: bool,
}

impl Rehearsal {
    /// One with all tables and nothing in them.
    ///
    /// # Errors
    /// What SQLite says, should it have no memory.
    pub fn new() -> Result<Self, SqlError> {
        let mut database = Sqlite::in_memory()?;
        database.migrate()?;
        Ok(Self {
            database,
            is_begun: false,
        })
    }

    /// Does one request: all of it, or nothing. It is not durable before the next commit.
    ///
    /// # Errors
    /// The store's refusals.
    pub fn ask(&mut self, ask: &Ask) -> Reply {
        if !self.is_begun {
            self.end(self.database.begin());
            self.is_begun = true;
        }
        match worker::alone(&mut self.database, ask) {
            Ok(Some(reply)) => reply,
            Ok(None) => Err(Refusal::Conflict),
            Err(_) => Err(Refusal::Unavailable),
        }
    }

    /// Makes durable what was done.
    pub fn commit(&mut self) {
        if core::mem::take(&mut self.is_begun) {
            self.end("COMMIT");
        }
    }

    /// The power is gone, and back: what was not durable is lost.
    pub fn cut(&mut self) {
        if core::mem::take(&mut self.is_begun) {
            self.end("ROLLBACK");
        }
    }

    /// # Panics
    /// If SQLite fails without a disk or another who uses the database.
    fn end(&mut self, statement: &str) {
        let done = self.database.execute(statement, &[]);
        done.expect("a transaction of one user in memory");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_data::{AccountId, Answer, message};

    #[test]
    fn what_was_not_committed_is_lost_in_a_cut() {
        let mut store = Rehearsal::new().unwrap();
        let (account, other) = (AccountId::new(1), AccountId::new(2));
        let block = Ask::Message(message::Ask::Block {
            account,
            other,
            blocks_max: 10,
            at: 1,
        });
        let mut blocked = |is_kept: bool| {
            store.ask(&block).unwrap();
            match is_kept {
                true => store.commit(),
                false => store.cut(),
            }
            match store.ask(&Ask::Message(message::Ask::Blocks { account })) {
                Ok(Answer::Message(message::Answer::Blocks(accounts))) => accounts,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(blocked(false), []);
        assert_eq!(blocked(true), [other]);
    }
}
