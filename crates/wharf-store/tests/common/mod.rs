//! A store of each kind.
#![allow(dead_code, unused_imports, reason = "each suite uses a part of it")]

mod bench;
#[cfg(target_os = "linux")]
mod elsewhere;
#[cfg(target_os = "linux")]
#[path = "../servers/mod.rs"]
mod servers;

pub(crate) use bench::{Bench, act, clock};
#[cfg(not(target_os = "linux"))]
use wharf_store::StoreOptions;
use wharf_store::{Durability, Sqlite};

/// Runs `test` on an empty store, of each kind: in the suite's own run on SQLite, and once more on
/// each server that `elsewhere` starts. Whatever the test does, what is always true still is.
pub(crate) fn each_database(test: impl Fn(&mut Bench)) {
    let folder = tempfile::tempdir().unwrap();
    let connect = Sqlite::connector(folder.path().join("wharf.db"), Durability::Full);
    #[cfg(target_os = "linux")]
    let mut bench = elsewhere::start(connect);
    #[cfg(not(target_os = "linux"))]
    let mut bench = Bench::start(StoreOptions::default(), connect);
    test(&mut bench);
    assert_eq!(bench.findings(), [] as [String; 0]);
}
