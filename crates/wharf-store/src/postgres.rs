//! PostgreSQL.
//!
//! The driver is asynchronous and the store's workers are not: each connection has a small runtime
//! that runs while a statement does, on the worker's own thread. So every answer can be waited for
//! with a limit, which the blocking driver cannot: a server that was stopped still acknowledges
//! packets, and no option of the socket notices.

mod tls;

use crate::database::{Database, Row, SqlError, Value};
use crate::migrate;
use crate::remote::{self, Changes, GRACE, Migrator, Timeouts, numbered};
use core::future::Future;
use core::time::Duration;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tokio::runtime::Runtime;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Prepared statements of one connection; beyond it all are forgotten, and prepared again.
const STATEMENTS_MAX: usize = 512;

/// Who changes the tables holds this lock, an arbitrary number, lest two servers do at once.
const MIGRATION_LOCK: i64 = 0x0077_6861_7266;

/// A connection to PostgreSQL.
///
/// Invariant: after an error that is [`SqlError::Broken`] it is of no use.
pub struct PostgreSql {
    client: Client,
    /// `Some` until it is dropped.
    runtime: Option<Runtime>,
    statements: BTreeMap<String, Statement>,
    patience: Duration,
    doubts: Vec<String>,
}

impl PostgreSql {
    /// Connects to `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; with `?sslmode=require`,
    /// `verify-ca` or `verify-full` over TLS, and with `&sslrootcert=FILE` only to a server for
    /// which the certificates of that file vouch.
    ///
    /// # Errors
    /// That the URL is none, or what the server says. The password is in no error.
    pub fn connect(url: &str, timeouts: &Timeouts) -> Result<Self, SqlError> {
        let (url, wish) = tls::wish_of(url)?;
        let (config, tls) = (config(&url, timeouts)?, wish.config()?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|why| SqlError::Broken(format!("no runtime for PostgreSQL: {why}")))?;
        let connecting = async {
            // The connection ends with the client, or with the link: then every statement says so.
            match tls {
                None => {
                    let (client, connection) = config.connect(NoTls).await?;
                    tokio::spawn(connection);
                    Ok(client)
                }
                Some(tls) => {
                    let (client, connection) = encrypted(config)
                        .connect(MakeRustlsConnect::new(tls))
                        .await?;
                    tokio::spawn(connection);
                    Ok(client)
                }
            }
        };
        let client = block_on(&runtime, timeouts.connect, connecting)?;
        let mut database = Self {
            client,
            runtime: Some(runtime),
            statements: BTreeMap::new(),
            patience: timeouts.statement + GRACE,
            doubts: Vec::new(),
        };
        database.prepare_session(timeouts)?;
        database.doubts = database.look_for_doubts()?;
        remote::warn("PostgreSQL", &database.doubts);
        Ok(database)
    }

    /// Whether a URL is one that [`PostgreSql::connect`] understands.
    ///
    /// # Errors
    /// What is wrong with it, without the password.
    pub fn check_url(url: &str) -> Result<(), SqlError> {
        let (url, _) = tls::wish_of(url)?;
        config(&url, &Timeouts::default()).map(drop)
    }

    /// Whether the certificates that a URL names can be read.
    ///
    /// # Errors
    /// Why they cannot.
    pub fn check_files(url: &str) -> Result<(), SqlError> {
        let (_, wish) = tls::wish_of(url)?;
        wish.config().map(drop)
    }

    /// Where this server promises less than durability, a sentence each.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// The server ends by itself what takes too long, and frees what we hold when we are gone.
    fn prepare_session(&mut self, timeouts: &Timeouts) -> Result<(), SqlError> {
        let limit_ms = timeouts.statement.as_millis();
        let sql = format!(
            "SET statement_timeout = {limit_ms}; SET lock_timeout = {limit_ms}; \
             SET idle_in_transaction_session_timeout = {}; SET client_min_messages = warning; \
             SET standard_conforming_strings = on",
            limit_ms * 2
        );
        self.execute(&sql, &[]).map(drop)
    }

    fn look_for_doubts(&mut self) -> Result<Vec<String>, SqlError> {
        let sql = "SELECT name::text, setting FROM pg_settings WHERE name IN \
                   ('server_encoding', 'synchronous_commit', 'fsync', 'full_page_writes') \
                   ORDER BY name";
        let mut doubts = Vec::new();
        for mut row in self.query(sql, &[])? {
            match (row.text(0)?.as_str(), row.text(1)?.as_str()) {
                ("server_encoding", "UTF8") => {}
                ("server_encoding", other) => {
                    return Err(SqlError::Wrong(format!(
                        "the database's encoding is {other}: make it with ENCODING 'UTF8'"
                    )));
                }
                (name, "off") => doubts.push(format!("{name} is off: set it to on")),
                _ => {}
            }
        }
        Ok(doubts)
    }

    fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, SqlError> {
        let runtime = self.runtime.as_ref().expect("it is dropped last");
        block_on(runtime, self.patience, answer)
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, SqlError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(self.client.prepare(&numbered(sql)))?;
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Database for PostgreSql {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        if values.is_empty() {
            // One way to the server and back, where preparing would be two.
            let answers = self.wait(self.client.simple_query(sql))?;
            let touched = |answer: &SimpleQueryMessage| match answer {
                SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                _ => None,
            };
            return Ok(answers.iter().filter_map(touched).next_back().unwrap_or(0));
        }
        let statement = self.prepared(sql)?;
        let values = parameters(&statement, values)?;
        self.wait(self.client.execute(&statement, &borrowed(&values)))
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let statement = self.prepared(sql)?;
        let values = parameters(&statement, values)?;
        let rows = self.wait(self.client.query(&statement, &borrowed(&values)))?;
        rows.iter().map(row).collect()
    }

    fn migrate(&mut self) -> Result<(), SqlError> {
        let types = migrate::Types {
            number: "BIGINT",
            text: "VARCHAR(255) COLLATE \"C\"",
            long: "TEXT COLLATE \"C\"",
            blob: "BYTEA",
            hash: "BYTEA",
            table: "",
        };
        self.execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"), &[])?;
        let migrated = migrate::run(&mut Migrator(self), &types);
        // Plans from before may not fit any more.
        self.statements.clear();
        let unlocked = self.execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"), &[]);
        migrated.and(unlocked.map(drop))
    }

    /// Several servers may share the database: what each read must hold until it has written.
    fn begin(&self) -> &'static str {
        "BEGIN ISOLATION LEVEL SERIALIZABLE"
    }

    fn begin_read(&self) -> &'static str {
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    }
}

impl Changes for PostgreSql {}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A look-up of the server's name may still be under way; nobody waits for it.
            runtime.shutdown_background();
        }
    }
}

fn config(url: &str, timeouts: &Timeouts) -> Result<Config, SqlError> {
    // What the driver says of it may quote the URL.
    let unreadable = "the store's URL is not postgres://USER:PASSWORD@HOST:PORT/DATABASE";
    let mut config: Config = url
        .parse()
        .map_err(|_| SqlError::Wrong(unreadable.into()))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(SqlError::Wrong(unreadable.into()));
    }
    config
        .connect_timeout(timeouts.connect)
        .tcp_user_timeout(timeouts.statement + GRACE)
        .keepalives_idle(Duration::from_secs(30))
        .ssl_mode(SslMode::Disable);
    if config.get_application_name().is_none() {
        config.application_name("wharf");
    }
    Ok(config)
}

/// The same over TLS, and not at all without.
fn encrypted(mut config: Config) -> Config {
    config.ssl_mode(SslMode::Require);
    config
}

fn block_on<T>(
    runtime: &Runtime,
    limit: Duration,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, SqlError> {
    runtime.block_on(async {
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|why| error(&why)),
            Err(_) => Err(SqlError::Broken(format!(
                "PostgreSQL does not answer within {} ms",
                limit.as_millis()
            ))),
        }
    })
}

type Parameter<'a> = Box<dyn ToSql + Sync + 'a>;

/// The values in the types that the statement has.
fn parameters<'a>(
    statement: &Statement,
    values: &'a [Value],
) -> Result<Vec<Parameter<'a>>, SqlError> {
    let types = statement.params();
    if types.len() != values.len() {
        let (expected, got) = (types.len(), values.len());
        return Err(SqlError::Wrong(format!(
            "the statement has {expected} parameters and is given {got}"
        )));
    }
    types
        .iter()
        .zip(values)
        .map(|(kind, value)| parameter(kind, value))
        .collect()
}

fn parameter<'a>(kind: &Type, value: &'a Value) -> Result<Parameter<'a>, SqlError> {
    let misfit = || SqlError::Wrong(format!("a parameter of type {kind} is given another"));
    let is_text = [Type::TEXT, Type::VARCHAR, Type::BPCHAR].contains(kind);
    Ok(match value {
        Value::Null => match *kind {
            Type::INT8 => Box::new(None::<i64>),
            Type::INT4 => Box::new(None::<i32>),
            Type::INT2 => Box::new(None::<i16>),
            Type::BOOL => Box::new(None::<bool>),
            Type::BYTEA => Box::new(None::<&[u8]>),
            _ if is_text => Box::new(None::<&str>),
            _ => return Err(misfit()),
        },
        Value::Integer(number) => match *kind {
            Type::INT8 => Box::new(*number),
            Type::INT4 => Box::new(i32::try_from(*number).map_err(|_| misfit())?),
            Type::INT2 => Box::new(i16::try_from(*number).map_err(|_| misfit())?),
            Type::BOOL => Box::new(*number != 0),
            _ => return Err(misfit()),
        },
        Value::Text(text) if is_text => Box::new(text.as_str()),
        Value::Bytes(bytes) if *kind == Type::BYTEA => Box::new(bytes.as_slice()),
        Value::Text(_) | Value::Bytes(_) => return Err(misfit()),
    })
}

fn borrowed<'a>(values: &'a [Parameter<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as _).collect()
}

fn row(row: &tokio_postgres::Row) -> Result<Row, SqlError> {
    let column = |index: usize| {
        let kind = row.columns()[index].type_();
        let value = match *kind {
            Type::INT8 => row.try_get::<_, Option<i64>>(index).map(Value::from),
            Type::INT4 => {
                let number = row.try_get::<_, Option<i32>>(index);
                number.map(|it| it.map(i64::from).into())
            }
            Type::INT2 => {
                let number = row.try_get::<_, Option<i16>>(index);
                number.map(|it| it.map(i64::from).into())
            }
            Type::BOOL => {
                let is_so = row.try_get::<_, Option<bool>>(index);
                is_so.map(|it| it.map(i64::from).into())
            }
            Type::TEXT | Type::VARCHAR | Type::BPCHAR => {
                let text = row.try_get::<_, Option<String>>(index);
                text.map(|it| it.map_or(Value::Null, Value::Text))
            }
            Type::BYTEA => {
                let bytes = row.try_get::<_, Option<Vec<u8>>>(index);
                bytes.map(|it| it.map_or(Value::Null, Value::Bytes))
            }
            _ => {
                return Err(SqlError::Wrong(format!(
                    "a column is of type {kind}: CAST it to one of ours"
                )));
            }
        };
        value.map_err(|why| error(&why))
    };
    (0..row.len())
        .map(column)
        .collect::<Result<_, _>>()
        .map(Row)
}

fn error(why: &tokio_postgres::Error) -> SqlError {
    let Some(said) = why.as_db_error() else {
        let text = with_causes(why);
        // Those that never reached the server; in all others it may be in any state.
        let is_ours = text.starts_with("error serializing") || text.starts_with("expected");
        return match is_ours {
            true => SqlError::Wrong(text),
            false => SqlError::Broken(text),
        };
    };
    let code = said.code();
    // Its details quote the row: names, and hashes of passwords.
    let text = format!("{} ({})", said.message(), code.code());
    let class = code.code().get(..2).unwrap_or_default();
    match *code {
        SqlState::UNIQUE_VIOLATION => SqlError::Unique,
        SqlState::LOCK_NOT_AVAILABLE => SqlError::Busy,
        // By the time limit, or by an operator; and a server that only reads is another's replica.
        SqlState::QUERY_CANCELED | SqlState::READ_ONLY_SQL_TRANSACTION => SqlError::Broken(text),
        SqlState::IN_FAILED_SQL_TRANSACTION => SqlError::Broken(text),
        _ => match class {
            // Serialization failures and deadlocks.
            "40" => SqlError::Busy,
            // The link, resources, the operator's doing, the system, damage.
            "08" | "53" | "57" | "58" | "XX" => SqlError::Broken(text),
            _ => SqlError::Wrong(text),
        },
    }
}

fn with_causes(error: &dyn core::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let _ = write!(text, ": {next}");
        cause = next.source();
    }
    text
}
