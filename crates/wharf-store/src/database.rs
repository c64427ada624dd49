//! A connection to a database, as far as the store needs one.

use core::fmt;

/// What goes into a statement, and comes out of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// One row of a result, its columns in the order of the `SELECT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

/// Why a statement did not do what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlError {
    /// A row with such a key is there already. The connection is well.
    Unique,
    /// Another transaction was in the way; doing all of it again may help.
    Busy,
    /// The connection is of no use any more, with what the driver said.
    Broken(String),
    /// The database's file, or the disk that it is on, cannot be used, with what the driver said.
    Unusable(String),
    /// The database's file is not what was once written there, with what the driver said.
    Damaged(String),
    /// The statement, or the data, is wrong, with what the driver said.
    Wrong(String),
}

/// A connection. Statements have `?` for each parameter, whatever the database calls them.
pub trait Database: Send {
    /// Runs a statement that returns no rows; how many it touched.
    ///
    /// # Errors
    /// As [`SqlError`] says.
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError>;

    /// Runs a statement and reads all of its rows. Whoever asks says `LIMIT`.
    ///
    /// # Errors
    /// As [`SqlError`] says.
    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError>;

    /// Brings the tables up to this version of the program.
    ///
    /// # Errors
    /// What the database or the migrations' own record of what was applied says.
    fn migrate(&mut self) -> Result<(), SqlError>;

    /// Which statements begin and end a transaction that writes.
    fn begin(&self) -> &'static str {
        "BEGIN"
    }

    /// Which statement begins a transaction that only reads.
    fn begin_read(&self) -> &'static str {
        "BEGIN"
    }

    /// What a `SELECT` ends with whose rows nobody else may change until the transaction ends.
    fn for_update(&self) -> &'static str {
        " FOR UPDATE"
    }
}

impl Row {
    /// The number in a column.
    ///
    /// # Errors
    /// [`SqlError::Wrong`] if it is none: the statement and whoever reads its rows do not fit, or
    /// somebody else has written there.
    pub fn integer(&self, column: usize) -> Result<i64, SqlError> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Ok(*number),
            other => Err(misfit(column, "number", other)),
        }
    }

    /// The number in a column, or nothing.
    ///
    /// # Errors
    /// As [`Row::integer`].
    pub fn maybe_integer(&self, column: usize) -> Result<Option<i64>, SqlError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.integer(column).map(Some),
        }
    }

    /// Takes the text out of a column.
    ///
    /// # Errors
    /// As [`Row::integer`].
    pub fn text(&mut self, column: usize) -> Result<String, SqlError> {
        match self.take(column) {
            Some(Value::Text(text)) => Ok(text),
            // MySQL has bytes only, and so has every column for long texts.
            Some(Value::Bytes(bytes)) => String::from_utf8(bytes)
                .map_err(|_| SqlError::Wrong(format!("column {column} is no UTF-8"))),
            other => Err(misfit(column, "text", other.as_ref())),
        }
    }

    /// Takes the text out of a column, or nothing.
    ///
    /// # Errors
    /// As [`Row::integer`].
    pub fn maybe_text(&mut self, column: usize) -> Result<Option<String>, SqlError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    /// Takes the bytes out of a column.
    ///
    /// # Errors
    /// As [`Row::integer`].
    pub fn bytes(&mut self, column: usize) -> Result<Vec<u8>, SqlError> {
        match self.take(column) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            other => Err(misfit(column, "bytes", other.as_ref())),
        }
    }

    fn take(&mut self, column: usize) -> Option<Value> {
        let value = self.0.get_mut(column)?;
        Some(core::mem::replace(value, Value::Null))
    }
}

/// Says what is in a column instead, but not its value: that is nobody's business in a log.
fn misfit(column: usize, wanted: &str, found: Option<&Value>) -> SqlError {
    let found = match found {
        None => "missing",
        Some(Value::Null) => "nothing",
        Some(Value::Integer(_)) => "a number",
        Some(Value::Text(_)) => "text",
        Some(Value::Bytes(_)) => "bytes",
    };
    SqlError::Wrong(format!(
        "column {column} is {found} where {wanted} should be"
    ))
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(is_so: bool) -> Self {
        Self::Integer(is_so.into())
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Integer)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl SqlError {
    /// What was said, without what kind of error it is: for whoever tells that themselves.
    pub fn reason(&self) -> String {
        match self {
            Self::Broken(why) | Self::Unusable(why) | Self::Damaged(why) | Self::Wrong(why) => {
                why.clone()
            }
            Self::Unique | Self::Busy => self.to_string(),
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unique => f.write_str("such a row is there already"),
            Self::Busy => f.write_str("another transaction was in the way"),
            Self::Broken(why) => write!(f, "the connection is lost: {why}"),
            Self::Unusable(why) => write!(f, "the database file cannot be used: {why}"),
            Self::Damaged(why) => write!(f, "the database is damaged: {why}"),
            Self::Wrong(why) => write!(f, "the statement failed: {why}"),
        }
    }
}

impl core::error::Error for SqlError {}
