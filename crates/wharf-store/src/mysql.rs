//! MySQL and MariaDB.

use crate::database::{Database, Row, SqlError, Value};
use crate::migrate;
use crate::remote::{self, Changes, GRACE, Migrator, Timeouts};
use ::mysql::consts::{CapabilityFlags, ColumnType};
use ::mysql::prelude::{Protocol, Queryable};
use ::mysql::{Column, Conn, DriverError, LocalInfileHandler, Opts, OptsBuilder, QueryResult};
use std::io::ErrorKind;

/// Prepared statements of one connection; beyond it the one unused for longest goes.
const STATEMENTS_MAX: usize = 512;

/// The character set of what is no text.
const BINARY: u16 = 63;

/// A connection to MySQL or MariaDB.
///
/// Invariant: after an error that is [`SqlError::Broken`] it is of no use.
pub struct MySql {
    connection: Conn,
    is_mariadb: bool,
    doubts: Vec<String>,
}

impl MySql {
    /// Connects to `mysql://USER:PASSWORD@HOST:PORT/DATABASE`; `mariadb://` is the same.
    ///
    /// # Errors
    /// That the URL is none, or what the server says. The password is in no error.
    pub fn connect(url: &str, timeouts: &Timeouts) -> Result<Self, SqlError> {
        let mut connection = Conn::new(options(url, timeouts)?).map_err(|why| error(&why))?;
        let version: Option<String> = connection
            .query_first("SELECT VERSION()")
            .map_err(|why| error(&why))?;
        let mut database = Self {
            connection,
            is_mariadb: version.is_some_and(|version| version.contains("MariaDB")),
            doubts: Vec::new(),
        };
        database.prepare_session(timeouts)?;
        database.doubts = database.look_for_doubts()?;
        remote::warn("MySQL", &database.doubts);
        Ok(database)
    }

    /// Whether a URL is one that [`MySql::connect`] understands.
    ///
    /// # Errors
    /// What is wrong with it, without the password.
    pub fn check_url(url: &str) -> Result<(), SqlError> {
        options(url, &Timeouts::default()).map(drop)
    }

    /// Where this server promises less than durability, a sentence each.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// Has the server say no to what does not fit, read SQL as the others do, and end by itself
    /// what takes too long.
    fn prepare_session(&mut self, timeouts: &Timeouts) -> Result<(), SqlError> {
        let limit = timeouts.statement;
        // Whole seconds, and at least one.
        let lock_wait = limit.as_secs().max(1);
        let limit = match self.is_mariadb {
            true => format!("max_statement_time = {}", limit.as_secs_f64()),
            false => format!("max_execution_time = {}", limit.as_millis()),
        };
        let settings = [
            "SET NAMES utf8mb4".to_owned(),
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,\
             NO_ENGINE_SUBSTITUTION,ANSI_QUOTES,PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY'"
                .to_owned(),
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ".to_owned(),
            format!("SET SESSION innodb_lock_wait_timeout = {lock_wait}"),
            format!("SET SESSION {limit}"),
        ];
        settings
            .iter()
            .try_for_each(|sql| self.execute(sql, &[]).map(drop))
    }

    fn look_for_doubts(&mut self) -> Result<Vec<String>, SqlError> {
        let sql = "SELECT @@innodb_flush_log_at_trx_commit, @@innodb_doublewrite <> 'OFF', \
                   @@log_bin, @@sync_binlog";
        let mut doubts = Vec::new();
        let Some(row) = self.query(sql, &[])?.into_iter().next() else {
            return Ok(doubts);
        };
        let setting = row.integer(0)?;
        if setting != 1 {
            doubts.push(format!(
                "innodb_flush_log_at_trx_commit is {setting}: set it to 1"
            ));
        }
        if row.integer(1)? == 0 {
            doubts.push("innodb_doublewrite is off: set it to on".into());
        }
        // With a binary log, that decides which transactions are taken back at a start.
        let setting = row.integer(3)?;
        if row.integer(2)? != 0 && setting != 1 {
            doubts.push(format!("sync_binlog is {setting}: set it to 1"));
        }
        Ok(doubts)
    }

    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64, mysql::Error> {
        if values.is_empty() {
            // In text: MySQL prepares no BEGIN and no SAVEPOINT.
            return finish(self.connection.query_iter(sql)?);
        }
        finish(self.connection.exec_iter(sql, parameters(values))?)
    }

    fn read(
        &mut self,
        sql: &str,
        values: &[Value],
    ) -> Result<Vec<Result<Row, SqlError>>, mysql::Error> {
        // With values or without: only prepared statements answer numbers as numbers.
        let mut result = self.connection.exec_iter(sql, parameters(values))?;
        let mut rows = Vec::new();
        if let Some(set) = result.iter() {
            for given in set {
                rows.push(row(given?));
            }
        }
        Ok(rows)
    }
}

impl Database for MySql {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        self.run(sql, values).map_err(|why| error(&why))
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let rows = self.read(sql, values).map_err(|why| error(&why))?;
        rows.into_iter().collect()
    }

    fn migrate(&mut self) -> Result<(), SqlError> {
        // Neither ignores spaces at the end, as utf8mb4_bin does.
        let (text, long) = match self.is_mariadb {
            true => (
                "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
                "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
            ),
            false => (
                "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
                "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
            ),
        };
        let types = migrate::Types {
            number: "BIGINT",
            text,
            long,
            blob: "BLOB",
            hash: "VARBINARY(32)",
            table: " ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, DEFAULT CHARSET = utf8mb4",
        };
        // Of a connection, so it goes with us whatever happens.
        let lock = self.query("SELECT GET_LOCK('wharf.migrate', 5)", &[])?;
        if lock.first().map(|row| row.maybe_integer(0)).transpose()? != Some(Some(1)) {
            return Err(SqlError::Busy);
        }
        let migrated = migrate::run(&mut Migrator(self), &types);
        let unlocked = self.query("SELECT RELEASE_LOCK('wharf.migrate')", &[]);
        migrated.and(unlocked.map(drop))
    }

    /// Several servers may share the database: what each read must hold until it has written.
    fn begin(&self) -> &'static str {
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN"
    }

    fn begin_read(&self) -> &'static str {
        "START TRANSACTION READ ONLY"
    }
}

impl Changes for MySql {
    /// Changes of tables commit by themselves here, so a migration that was cut short is done in
    /// part. Each statement is atomic, and nobody else makes things of our names: what is there
    /// already was made by that migration, which goes on where it was.
    fn change(&mut self, sql: &str) -> Result<(), SqlError> {
        const TABLE_EXISTS: u16 = 1050;
        const COLUMN_EXISTS: u16 = 1060;
        const INDEX_EXISTS: u16 = 1061;
        match self.run(sql, &[]) {
            Err(mysql::Error::MySqlError(said))
                if [TABLE_EXISTS, COLUMN_EXISTS, INDEX_EXISTS].contains(&said.code) =>
            {
                tracing::warn!(%said, "a migration that was cut short goes on");
                Ok(())
            }
            other => other.map(drop).map_err(|why| error(&why)),
        }
    }
}

fn options(url: &str, timeouts: &Timeouts) -> Result<Opts, SqlError> {
    // What the driver says of it may quote the URL.
    let unreadable = || {
        SqlError::Wrong("the store's URL is not mysql://USER:PASSWORD@HOST:PORT/DATABASE".into())
    };
    let url = match url.strip_prefix("mariadb://") {
        Some(rest) => &format!("mysql://{rest}"),
        None => url,
    };
    let given = Opts::from_url(url).map_err(|_| unreadable())?;
    if given.get_db_name().is_none_or(str::is_empty) {
        return Err(unreadable());
    }
    let patience = timeouts.statement + GRACE;
    let options = OptsBuilder::from_opts(given)
        .tcp_connect_timeout(Some(timeouts.connect))
        .read_timeout(Some(patience))
        .write_timeout(Some(patience))
        .tcp_keepalive_time_ms(Some(30_000))
        // Where it was asked to go, and not to a socket that the server names.
        .prefer_socket(false)
        // Rows that an UPDATE found, not those that it changed: as everywhere else.
        .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS)
        // A server must not read our files.
        .local_infile_handler(Some(LocalInfileHandler::new(|_, _| {
            Err(std::io::Error::from(ErrorKind::PermissionDenied))
        })))
        .stmt_cache_size(STATEMENTS_MAX);
    Ok(options.into())
}

fn parameters(values: &[Value]) -> mysql::Params {
    if values.is_empty() {
        return mysql::Params::Empty;
    }
    let parameter = |value: &Value| match value {
        Value::Null => mysql::Value::NULL,
        Value::Integer(number) => mysql::Value::Int(*number),
        Value::Text(text) => mysql::Value::Bytes(text.clone().into_bytes()),
        Value::Bytes(bytes) => mysql::Value::Bytes(bytes.clone()),
    };
    mysql::Params::Positional(values.iter().map(parameter).collect())
}

/// Reads all of an answer. Dropping it would do as well, and swallow the errors in it.
fn finish<P: Protocol>(mut result: QueryResult<'_, '_, '_, P>) -> Result<u64, mysql::Error> {
    let mut touched = 0;
    while let Some(mut set) = result.iter() {
        touched = set.affected_rows();
        set.try_for_each(|row| row.map(drop))?;
    }
    Ok(touched)
}

fn row(row: mysql::Row) -> Result<Row, SqlError> {
    let columns = row.columns();
    let values = row.unwrap();
    let value = |(column, given): (&Column, mysql::Value)| value(column, given);
    columns
        .iter()
        .zip(values)
        .map(value)
        .collect::<Result<_, _>>()
        .map(Row)
}

fn value(column: &Column, given: mysql::Value) -> Result<Value, SqlError> {
    let kind = column.column_type();
    let misfit = || {
        SqlError::Wrong(format!(
            "a column is of type {kind:?}: CAST it to one of ours"
        ))
    };
    let is_decimal = matches!(
        kind,
        ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL
    );
    match given {
        mysql::Value::NULL => Ok(Value::Null),
        mysql::Value::Int(number) => Ok(Value::Integer(number)),
        mysql::Value::UInt(number) => number.try_into().map(Value::Integer).map_err(|_| misfit()),
        // Sums of numbers.
        mysql::Value::Bytes(digits) if is_decimal => {
            let number = str::from_utf8(&digits).ok().and_then(|it| it.parse().ok());
            number.map(Value::Integer).ok_or_else(misfit)
        }
        mysql::Value::Bytes(bytes) if column.character_set() == BINARY => Ok(Value::Bytes(bytes)),
        mysql::Value::Bytes(bytes) => {
            let text = String::from_utf8(bytes).map_err(|_| misfit())?;
            Ok(Value::Text(text))
        }
        _ => Err(misfit()),
    }
}

fn error(why: &mysql::Error) -> SqlError {
    match why {
        mysql::Error::MySqlError(said) => said_error(said),
        mysql::Error::IoError(why)
            if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
        {
            SqlError::Broken("MySQL does not answer in time".into())
        }
        mysql::Error::DriverError(
            DriverError::MismatchedStmtParams(..)
            | DriverError::Params(_)
            | DriverError::MixedParams,
        ) => SqlError::Wrong(why.to_string()),
        // It may quote the URL.
        mysql::Error::UrlError(_) => SqlError::Wrong("the store's URL cannot be read".into()),
        mysql::Error::FromValueError(_) | mysql::Error::FromRowError(_) => {
            SqlError::Wrong(why.to_string())
        }
        // In all others the link may be in any state.
        _ => SqlError::Broken(why.to_string()),
    }
}

fn said_error(said: &mysql::MySqlError) -> SqlError {
    match said.code {
        // A key that is there: in a table, or by a named key.
        1062 | 1586 => SqlError::Unique,
        // A lock that was waited for too long, a deadlock, a row that changed (MariaDB 11).
        1205 | 1213 | 1020 => SqlError::Busy,
        // Connections, disk, memory, shutting down, killed, taking too long, only reading.
        1021 | 1037 | 1038 | 1040 | 1041 | 1053 | 1077 | 1114 | 1135 | 1203 | 1290 | 1317
        | 1792 | 1836 | 1927 | 1969 | 2006 | 2013 | 3024 | 4031 => {
            SqlError::Broken(said.to_string())
        }
        // These quote the value.
        1264 | 1265 | 1292 | 1366 | 1411 | 3988 => {
            SqlError::Wrong(format!("a value does not fit ({})", said.code))
        }
        _ => SqlError::Wrong(said.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn a_connection_waits_for_no_answer_without_a_limit() {
        let timeouts = Timeouts {
            connect: Duration::from_secs(1),
            statement: Duration::from_secs(2),
        };
        let options = options("mariadb://kim:secret@db.example/wharf", &timeouts).unwrap();
        assert_eq!(options.get_tcp_connect_timeout(), Some(timeouts.connect));
        let patience = timeouts.statement + GRACE;
        assert_eq!(options.get_read_timeout(), Some(&patience));
        assert_eq!(options.get_write_timeout(), Some(&patience));
    }
}
