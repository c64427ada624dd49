//! All rows of one store carried into another, of whatever kind: how a server is backed up into a
//! file, and how a file's rows get into a server.

use crate::database::{Database, Row, SqlError, Value};
use crate::sqlite::Sqlite;

/// Rows that are on their way at once: one statement has up to 64,000 bytes for each.
const PART: usize = 100;

/// Is told how many rows of a table have been carried so far.
pub type Tell<'a> = &'a mut dyn FnMut(&str, u64);

/// A table, as this version of the program makes it.
struct Table {
    name: String,
    columns: Vec<String>,
    /// Which columns make the primary key, in its order.
    key: Vec<usize>,
}

/// Copies every row of `from` into `to`, whose tables are made and empty: as all of it is at one
/// moment, and all of it or nothing.
///
/// # Errors
/// What a database says, each with whether it is the one that is read.
pub(super) fn carry(
    from: &mut dyn Database,
    to: &mut dyn Database,
    tell: Tell<'_>,
) -> Result<(), Side> {
    let tables = tables().map_err(Side::To)?;
    from.execute(from.begin_read(), &[]).map_err(Side::From)?;
    to.execute(to.begin(), &[]).map_err(Side::To)?;
    for table in &tables {
        table.carry(from, to, tell)?;
    }
    to.execute("COMMIT", &[]).map_err(Side::To)?;
    // What was only read needs no end.
    let _ = from.execute("COMMIT", &[]);
    Ok(())
}

/// The first table that has a row, if any has.
pub(super) fn not_empty(database: &mut dyn Database) -> Result<Option<String>, SqlError> {
    for table in tables()? {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", table.name);
        if !database.query(&sql, &[])?.is_empty() {
            return Ok(Some(table.name));
        }
    }
    Ok(None)
}

/// Which of two databases something is wrong with.
#[derive(Debug)]
pub(super) enum Side {
    From(SqlError),
    To(SqlError),
}

/// All tables but the record of migrations, which each database has of its own. Read from where
/// the migrations have just made them: so none is forgotten.
fn tables() -> Result<Vec<Table>, SqlError> {
    let mut model = Sqlite::in_memory()?;
    model.migrate()?;
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' \
               AND name <> 'refinery_schema_history' ORDER BY name";
    let names = model.query(sql, &[])?;
    let names = names.into_iter().map(|mut row| row.text(0));
    names.map(|name| Table::of(&mut model, name?)).collect()
}

impl Table {
    fn of(model: &mut dyn Database, name: String) -> Result<Self, SqlError> {
        let sql = "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid";
        let mut columns = Vec::new();
        let mut key = Vec::new();
        for mut row in model.query(sql, &[name.as_str().into()])? {
            // Its place in the key, from 1 on; 0 is none.
            let place = row.integer(1)?;
            if place > 0 {
                key.push((place, columns.len()));
            }
            columns.push(row.text(0)?);
        }
        key.sort_unstable();
        let key = key.into_iter().map(|(_, index)| index).collect();
        Ok(Self { name, columns, key })
    }

    fn carry(
        &self,
        from: &mut dyn Database,
        to: &mut dyn Database,
        tell: Tell<'_>,
    ) -> Result<(), Side> {
        let (mut last, mut carried) = (None, 0);
        loop {
            let rows = self.read(from, last.as_deref()).map_err(Side::From)?;
            let Some(end) = rows.last() else {
                return Ok(());
            };
            last = Some(
                self.key
                    .iter()
                    .map(|at| end.0[*at].clone())
                    .collect::<Vec<_>>(),
            );
            let count = rows.len();
            self.write(to, rows).map_err(Side::To)?;
            carried += count as u64;
            tell(&self.name, carried);
            if count < PART {
                return Ok(());
            }
        }
    }

    /// The next rows behind the one with the key `last`.
    fn read(&self, from: &mut dyn Database, last: Option<&[Value]>) -> Result<Vec<Row>, SqlError> {
        let key: Vec<&str> = self.key.iter().map(|at| &*self.columns[*at]).collect();
        let (behind, values) = match last {
            None => (String::new(), Vec::new()),
            Some(last) => {
                let (condition, values) = behind(&key, last);
                (format!("WHERE {condition}"), values)
            }
        };
        let (columns, name, key) = (self.columns.join(", "), &self.name, key.join(", "));
        let sql = format!("SELECT {columns} FROM {name} {behind} ORDER BY {key} LIMIT {PART}");
        from.query(&sql, &values)
    }

    fn write(&self, to: &mut dyn Database, rows: Vec<Row>) -> Result<(), SqlError> {
        let one = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let all = vec![one; rows.len()].join(", ");
        let (name, columns) = (&self.name, self.columns.join(", "));
        let sql = format!("INSERT INTO {name} ({columns}) VALUES {all}");
        let values: Vec<Value> = rows.into_iter().flat_map(|row| row.0).collect();
        to.execute(&sql, &values).map(drop)
    }
}

/// What is so of keys behind `last`, in words that each database finds its way by: `(a, b) > (?,
/// ?)` has MariaDB read the whole table.
fn behind(key: &[&str], last: &[Value]) -> (String, Vec<Value>) {
    let ([column, others @ ..], [value, rest @ ..]) = (key, last) else {
        unreachable!("a key has a column, and a value for each");
    };
    if others.is_empty() {
        return (format!("{column} > ?"), vec![value.clone()]);
    }
    let (condition, more) = behind(others, rest);
    let values = [vec![value.clone(); 2], more].concat();
    (
        format!("{column} >= ? AND ({column} > ? OR ({condition}))"),
        values,
    )
}
