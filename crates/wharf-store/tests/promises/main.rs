//! What is promised on every database there is: the suites run on SQLite, and `elsewhere` has them
//! run once more on each server.

#[path = "../bench/mod.rs"]
mod bench;
#[cfg(target_os = "linux")]
mod elsewhere;
mod harbour;
#[cfg(target_os = "linux")]
#[path = "../servers/mod.rs"]
mod servers;

mod accounts;
mod messages;
mod operations;
mod rooms;
mod short;
mod two_servers;

use bench::Bench;
use wharf_store::{Durability, Sqlite};

/// Runs `test` on an empty store, of the kind that this run is about. Whatever the test does, what
/// is always true still is.
fn each_database(test: impl Fn(&mut Bench)) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::connector(folder.path().join("wharf.db"), Durability::Full);
    let check = |bench: &mut Bench| {
        test(bench);
        assert_eq!(bench.findings(), [] as [String; 0]);
    };
    #[cfg(target_os = "linux")]
    elsewhere::with_store(sqlite, check);
    #[cfg(not(target_os = "linux"))]
    check(&mut Bench::start(bench::patient(), sqlite));
}
