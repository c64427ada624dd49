//! The store: requests go in, each is one transaction, answers come out when it is durable.
//!
//! ```text
//!  ask(tag, ask) -> bounded queue -> writer: BEGIN, all that waits, COMMIT -> reply(tag, ..) each
//!                                 -> readers: what only reads              -> reply(tag, ..)
//!                                    watcher: at the deadline              -> reply(tag, ..)
//! ```
//!
//! The SQL is written once (`sql/`) and runs on SQLite, PostgreSQL and MySQL or MariaDB; a
//! [`Database`] is a connection to one of them. A worker owns its connection, blocks in it alone,
//! and makes a new one when it is lost. It knows no room and no session.

#![forbid(unsafe_code)]

pub mod admin;
mod database;
mod desk;
mod migrate;
#[cfg(feature = "mysql")]
mod mysql;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod rehearsal;
mod remote;
mod sql;
mod sqlite;
mod store;
mod worker;

pub use database::{Database, Row, SqlError, Value};
pub use migrate::migrate;
#[cfg(feature = "mysql")]
pub use mysql::MySql;
pub use place::Place;
#[cfg(feature = "postgres")]
pub use postgres::PostgreSql;
#[cfg(feature = "redis")]
pub use redis::{Redis, RedisPlace};
pub use rehearsal::Rehearsal;
pub use remote::{Timeouts, check_files, check_url, connect, connector};
pub use sqlite::{Durability, Sqlite};
pub use store::{Access, Clock, Connect, Replies, Store, StoreOptions, StoreStats, Tag};
