//! The same suite on the other databases, and with Redis: for each the test binary runs itself
//! once more, with the URLs of servers in its environment. So a binary starts each server once for
//! all of its tests, whoever runs them, and each test has a database of its own.

use super::bench::{Bench, patient};
use super::servers::{Kind, PATIENT, Server, fresh_database};
use core::sync::atomic::{AtomicU32, Ordering};
use std::env;
use std::process::Command;
use wharf_store::{Connect, RedisPlace, connector};

/// Where the URL of the SQL server is.
const SQL: &str = "WHARF_TEST_SQL";
/// Where the URL of Redis is.
const REDIS: &str = "WHARF_TEST_REDIS";

/// A store on the servers that this run is on: an empty database there, or `sqlite` where there
/// is none; and an empty part of Redis, if there is one.
pub(crate) fn start(sqlite: Connect) -> Bench {
    let connect = match env::var(SQL) {
        Ok(server) => connector(fresh_database(&server), PATIENT),
        Err(_) => sqlite,
    };
    let bench = Bench::start(patient(), connect);
    match env::var(REDIS) {
        Ok(url) => bench.with_redis(&empty_part(url)),
        Err(_) => bench,
    }
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

#[test]
fn the_same_is_so_on_postgresql() {
    run_again(&[Kind::PostgreSql]);
}

#[test]
fn the_same_is_so_on_mariadb() {
    run_again(&[Kind::MariaDb]);
}

/// Runs the suite that this binary is on those servers.
///
/// # Panics
/// If it fails there.
pub(crate) fn run_again(kinds: &[Kind]) {
    let suite = env::current_exe().expect("it runs");
    // Dies with this test, however that ends.
    let mut again = Command::new("setpriv");
    again.args(["--pdeathsig", "KILL", "--"]).arg(suite).args([
        "--skip",
        "elsewhere::",
        "--skip",
        "with_redis::",
    ]);
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
