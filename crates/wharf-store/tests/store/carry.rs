//! A store is backed up into a file and restored from one, whatever kind of store it is: so it also
//! moves from one kind to another. Nothing is overwritten, and what breaks off leaves nothing.

use crate::servers::{self, Kind, Server};
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wharf_store::admin::{self, Trouble, Verdict};
use wharf_store::{Durability, Place, Sqlite, migrate};

/// Rows of every table, of all that a column may hold; of most more than go at once, and of one as
/// many as go at once.
const ROWS: &str = r#"
CREATE TEMP TABLE n AS
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) SELECT i FROM n;
INSERT INTO account SELECT i * 9000000000, i % 2, iif(i % 3, NULL, i), i, 0 FROM n;
INSERT INTO account VALUES (-9223372036854775808, 0, 9223372036854775807, 0, 1);
INSERT INTO person SELECT i * 9000000000, '김철수 "' || i || '''', i, 'ko', x'00ff80', i FROM n;
INSERT INTO name SELECT 'key ' || i, i * 9000000000, iif(i % 2, NULL, i) FROM n;
INSERT INTO identity SELECT i % 4, 'subject ' || i, i * 9000000000 FROM n;
INSERT INTO credential SELECT i * 9000000000, '$argon2id$?;--' || i FROM n WHERE i <= 100;
INSERT INTO recovery_code SELECT i / 50, randomblob(32) FROM n;
INSERT INTO login SELECT i, i * 9000000000, '👩‍👩‍👧 ', i, i, i FROM n;
INSERT INTO token SELECT randomblob(32), i, i, i FROM n;
INSERT INTO conversation SELECT i, 300, i FROM n;
INSERT INTO room SELECT i, 'hall', 'Room ' || i, iif(i % 2, NULL, 'key ' || i), '', NULL, 9, 0, 0,
    0, 1, zeroblob(i * 100), 1, i, 0 FROM n;
INSERT INTO room_role SELECT i, j, 1 FROM (SELECT i FROM n LIMIT 15), (SELECT i AS j FROM n LIMIT 15);
INSERT INTO room_ban SELECT i, 1000, NULL FROM n;
INSERT INTO room_mute SELECT i / 7, i, i FROM n;
INSERT INTO direct SELECT i, i + 1, i FROM n;
INSERT INTO message SELECT i / 100 + 1, i, i, iif(i % 2, NULL, i), 1, randomblob(300), i,
    iif(i % 5, NULL, i) FROM n;
INSERT INTO message SELECT 200, 1, 1, 1, 1, randomblob(64000), 1, NULL;
INSERT INTO waiting SELECT i % 3, i % 5, i % 7, i, NULL FROM n;
INSERT INTO read_mark SELECT i, i, 1 FROM n;
INSERT INTO block SELECT i, i + 1, i FROM n;
INSERT INTO report SELECT i, i, i, 'why?', i, 1, NULL, NULL, NULL, i, 1 FROM n;
INSERT INTO report_message SELECT 1, i, i, i, 1, x'', i, NULL FROM n;
INSERT INTO audit SELECT i, 1, -i, 'a', 1, 1, 1, 1, '', char(9) || '<b>', ' ', i FROM n;
INSERT INTO short_lived SELECT i % 4, 'Key ' || i, x'0a', i, i FROM n;
INSERT INTO short_lived SELECT i % 4, 'key ' || i, x'0a', i, i FROM n;
INSERT INTO setting VALUES ('', '{}'), ('a', ''), ('A ', 'ä');
"#;

type Rows = BTreeMap<String, Vec<Vec<Value>>>;

/// A store in a file, with [`ROWS`] in it.
fn full() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.db");
    migrate(&mut Sqlite::open(&path, Durability::Off).unwrap()).unwrap();
    change(&path, ROWS);
    (folder, path)
}

fn change(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// All that is in a file.
fn rows(path: &Path) -> Rows {
    let file = Connection::open(path).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'refinery%'";
    let mut tables = file.prepare(sql).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let table = |name: rusqlite::Result<String>| {
        let name = name.unwrap();
        let mut all = file.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = all.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
        let rows: rusqlite::Result<Vec<Vec<Value>>> = all.query_map([], row).unwrap().collect();
        (name, rows.unwrap())
    };
    tables.map(table).collect()
}

fn restore(to: &Place, from: &Path) -> Result<(), Trouble> {
    admin::restore(to, from, &mut |_, _| ())
}

fn backup(from: &Place, to: &Path) -> Result<u64, Trouble> {
    admin::backup(from, to, &mut |_, _| ())
}

/// That it is refused, for a reason that names the server, with what to do.
fn refused(result: Result<impl Sized, Trouble>, what: &str, remedy: &str) {
    let told = result.err().expect("it is refused").to_string();
    assert!(told.contains(what) && told.contains(remedy), "{told}");
    assert!(!told.contains(servers::PASSWORD), "{told}");
}

#[test]
fn a_store_goes_from_a_file_to_each_server_and_back_with_every_row() {
    let (folder, first) = full();
    let expected = rows(&first);
    assert!(
        expected.values().all(|rows| rows.len() > 2),
        "no table is empty"
    );
    let sound = admin::verify(&Place::File(first.clone()));
    assert!(matches!(sound, Verdict::Sound(_)), "{sound:?}");
    let mut file = first;
    for kind in [Kind::PostgreSql, Kind::MariaDb] {
        let server = Server::start(kind);
        let place = Place::at(server.fresh_database());
        restore(&place, &file).unwrap();
        assert_eq!(admin::verify(&place), sound, "{kind:?}");
        file = folder.path().join(format!("{kind:?}.db"));
        let mut heard = BTreeMap::new();
        let tell = &mut |table: &str, count| {
            heard.insert(table.to_owned(), count);
        };
        let bytes = admin::backup(&place, &file, tell).unwrap();
        assert_eq!(bytes, std::fs::metadata(&file).unwrap().len());
        assert!(rows(&file) == expected, "{kind:?} has other rows");
        let counts = expected
            .iter()
            .map(|(name, rows)| (name.clone(), rows.len() as u64));
        assert_eq!(heard, counts.collect(), "{kind:?}");
    }
}

#[test]
fn nothing_on_a_server_is_overwritten_and_an_empty_one_is_no_store() {
    let (folder, file) = full();
    let copy = folder.path().join("copy.db");
    let server = Server::start(Kind::PostgreSql);
    let place = Place::at(server.fresh_database());
    let Verdict::CannotOpen(trouble) = admin::verify(&place) else {
        panic!("it is empty");
    };
    refused(
        Err::<(), _>(trouble),
        "no tables of wharf's",
        "wharf db migrate",
    );
    refused(
        backup(&place, &copy),
        "no tables of wharf's",
        "wharf db restore",
    );
    assert!(!copy.exists());
    restore(&place, &file).unwrap();
    refused(
        restore(&place, &file),
        "something in it already",
        "is empty",
    );
    backup(&place, &copy).unwrap();
    assert!(rows(&copy) == rows(&file), "it was overwritten");
    refused(
        backup(&place, &copy),
        "is there already",
        "a name that is free",
    );
}

#[test]
fn what_is_not_restored_whole_is_not_restored() {
    let (folder, file) = full();
    let server = Server::start(Kind::PostgreSql);
    let place = Place::at(server.fresh_database());
    // A text that this server does not take, in one of the last tables.
    let odd = folder.path().join("odd.db");
    std::fs::copy(&file, &odd).unwrap();
    change(&odd, "INSERT INTO setting VALUES ('b', char(0))");
    refused(
        restore(&place, &odd),
        "the statement failed",
        "right database",
    );
    let old = folder.path().join("old.db");
    std::fs::copy(&file, &old).unwrap();
    change(
        &old,
        "DELETE FROM refinery_schema_history WHERE version > 3",
    );
    refused(
        restore(&place, &old),
        "version 3, this program's",
        "wharf db migrate",
    );
    restore(&place, &file).unwrap();
}
