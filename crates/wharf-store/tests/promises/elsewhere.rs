//! The same suites on the other databases, and with Redis: for each the program runs itself once
//! more, with the URLs of servers in its environment. So each server is started once for all of
//! its tests, whoever runs them, and each test has a database of its own.

use crate::bench::{Bench, patient};
use crate::servers::{Kind, PATIENT, Server, drop_database, fresh_database};
use core::sync::atomic::{AtomicU32, Ordering};
use std::env;
use std::process::Command;
use wharf_store::{Connect, RedisPlace, connector};

/// Where the URL of the SQL server is.
const SQL: &str = "WHARF_TEST_SQL";
/// Where the URL of Redis is.
const REDIS: &str = "WHARF_TEST_REDIS";

#[test]
fn the_same_is_so_on_postgresql() {
    run_again(&[Kind::PostgreSql]);
}

#[test]
fn the_same_is_so_on_mariadb() {
    run_again(&[Kind::MariaDb]);
}

#[cfg(feature = "redis")]
#[test]
fn the_same_is_so_on_sqlite_with_redis() {
    run_again(&[Kind::Redis]);
}

#[cfg(feature = "redis")]
#[test]
fn the_same_is_so_on_postgresql_with_redis() {
    run_again(&[Kind::PostgreSql, Kind::Redis]);
}

#[cfg(feature = "redis")]
#[test]
fn the_same_is_so_on_mariadb_with_redis() {
    run_again(&[Kind::MariaDb, Kind::Redis]);
}

/// Lends a store on the servers that this run is on: an empty database there, or `sqlite` where
/// there is none; and an empty part of Redis, if there is one.
pub(crate) fn with_store(sqlite: Connect, test: impl FnOnce(&mut Bench)) {
    let start = |connect| {
        let bench = Bench::start(patient(), connect);
        match env::var(REDIS) {
            Ok(url) => bench.with_redis(&empty_part(url)),
            Err(_) => bench,
        }
    };
    let Ok(server) = env::var(SQL) else {
        return test(&mut start(sqlite));
    };
    let database = fresh_database(&server);
    test(&mut start(connector(&database, PATIENT)));
    // All of them at once may be more than the server has room for.
    drop_database(&server, &database);
}

fn empty_part(url: String) -> RedisPlace {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    RedisPlace {
        url,
        prefix: format!("test-{number}"),
        timeouts: PATIENT,
    }
}

/// Runs the suites of this program on those servers.
///
/// # Panics
/// If one fails there.
fn run_again(kinds: &[Kind]) {
    let program = env::current_exe().expect("it runs");
    // Dies with this test, however that ends.
    let mut again = Command::new("setpriv");
    again.args(["--pdeathsig", "KILL", "--"]).arg(program);
    again.args(["--skip", "elsewhere::"]);
    let mut servers = Vec::new();
    for kind in kinds {
        let server = Server::start(*kind);
        let name = match kind {
            Kind::PostgreSql | Kind::MariaDb => SQL,
            Kind::Redis => REDIS,
        };
        again.env(name, server.url());
        servers.push(server);
    }
    let output = again.output().expect("setpriv is part of Debian's base");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "on {kinds:?}:\n{said}");
    assert!(!said.contains("ok. 0 passed"), "nothing ran:\n{said}");
}
