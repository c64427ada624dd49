//! A store of each kind.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each suite uses a part of it"
)]

mod bench;
#[cfg(target_os = "linux")]
pub(crate) mod elsewhere;
#[cfg(target_os = "linux")]
#[path = "../servers/mod.rs"]
pub(crate) mod servers;

pub(crate) use bench::{Bench, act, ban, clock, patient};
use wharf_store::{Durability, Sqlite};

/// Runs `test` on an empty store, of each kind: in the suite's own run on SQLite, and once more on
/// each server that `elsewhere` starts. Whatever the test does, what is always true still is.
pub(crate) fn each_database(test: impl Fn(&mut Bench)) {
    let folder = tempfile::tempdir().unwrap();
    let connect = Sqlite::connector(folder.path().join("wharf.db"), Durability::Full);
    #[cfg(target_os = "linux")]
    let mut bench = elsewhere::start(connect);
    #[cfg(not(target_os = "linux"))]
    let mut bench = Bench::start(patient(), connect);
    test(&mut bench);
    assert_eq!(bench.findings(), [] as [String; 0]);
}

/// The whole suite once more, where Redis keeps what lives for a short time.
macro_rules! also_with_redis {
    () => {
        #[cfg(all(target_os = "linux", feature = "redis"))]
        mod with_redis {
            use crate::common::elsewhere::run_again;
            use crate::common::servers::Kind;

            #[test]
            fn the_same_is_so_on_sqlite() {
                run_again(&[Kind::Redis]);
            }

            #[test]
            fn the_same_is_so_on_postgresql() {
                run_again(&[Kind::PostgreSql, Kind::Redis]);
            }

            #[test]
            fn the_same_is_so_on_mariadb() {
                run_again(&[Kind::MariaDb, Kind::Redis]);
            }
        }
    };
}
pub(crate) use also_with_redis;
