//! A database that is damaged: no server starts on it, and one that serves already says so once,
//! with what to do.

use crate::bench::{self, Bench, log};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;
use wharf_data::short::{self, Space};
use wharf_data::{Answer, Ask, Refusal};
use wharf_store::admin::{Seen, inspect, migrate};
use wharf_store::{
    Access, Database, Durability, Place, Row, SqlError, Sqlite, StoreOptions, Value,
};

/// A folder, and a file of a database in it that has tables.
fn made() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Place::FILE_NAME);
    migrate(&Place::File(path.clone())).unwrap();
    (folder, path)
}

/// That no server starts on it, with the file's name, why, and what to do.
fn refused(path: &Path, why: &str, remedy: &str) {
    let trouble = inspect(path).unwrap_err();
    assert!(trouble.place.ends_with(Place::FILE_NAME), "{trouble}");
    assert!(trouble.what.contains(why), "{why} is not in: {trouble}");
    assert!(trouble.remedy.contains(remedy), "{trouble}");
    assert!(!trouble.to_string().contains("connection"), "{trouble}");
}

#[test]
fn what_a_server_may_start_on_is_told_from_what_it_may_not() {
    let (_folder, path) = made();
    assert_eq!(inspect(&path), Ok(Seen::Sound));
    let whole = fs::read(&path).unwrap();
    for left in [whole.len() - 4_096, whole.len() / 2, 4_096] {
        fs::write(&path, &whole[..left]).unwrap();
        refused(&path, "damaged", "`wharf db restore`");
    }
    for page in 1..whole.len() / 4_096 {
        let mut torn = whole.clone();
        for byte in &mut torn[page * 4_096..][..100] {
            *byte = !*byte;
        }
        fs::write(&path, torn).unwrap();
        refused(&path, "damaged", "`wharf db verify`");
    }
    fs::write(&path, "dear diary").unwrap();
    refused(&path, "is no database", "right file");
    fs::write(&path, "").unwrap();
    assert_eq!(inspect(&path), Ok(Seen::Nothing), "a start was cut off");
    fs::remove_file(&path).unwrap();
    assert_eq!(inspect(&path), Ok(Seen::Nothing));
    fs::create_dir(&path).unwrap();
    refused(&path, "is no file", "--data");
}

#[test]
fn what_is_another_programs_or_a_newer_versions_is_left_to_those() {
    let (_folder, path) = made();
    let change = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    change(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
         VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')",
    );
    refused(&path, "newer wharf", "wharf --version");
    change("PRAGMA application_id = 7");
    refused(&path, "another program's", "right file");
}

/// A database in which statements fail as the test wants it, as often as it wants it.
struct Failing {
    database: Sqlite,
    fault: Arc<Fault>,
}

struct Fault {
    left: AtomicU32,
    why: SqlError,
}

impl Fault {
    fn strike(&self, sql: &str) -> Result<(), SqlError> {
        let is_work = ["SELECT", "INSERT", "UPDATE", "DELETE"]
            .iter()
            .any(|word| sql.trim_start().starts_with(word));
        let less = |left: u32| left.checked_sub(1);
        let struck = is_work
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
                .is_ok();
        match struck {
            true => Err(self.why.clone()),
            false => Ok(()),
        }
    }
}

impl Database for Failing {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        self.fault.strike(sql)?;
        self.database.execute(sql, values)
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.fault.strike(sql)?;
        self.database.query(sql, values)
    }

    fn migrate(&mut self) -> Result<(), SqlError> {
        self.database.migrate()
    }

    fn begin(&self) -> &'static str {
        self.database.begin()
    }

    fn for_update(&self) -> &'static str {
        self.database.for_update()
    }
}

/// A store whose statements fail by `why`, once the fault is wound up.
fn failing(path: &Path, why: SqlError) -> (Bench, Arc<Fault>) {
    log::watch();
    let fault = Arc::new(Fault {
        left: AtomicU32::new(0),
        why,
    });
    let (path, planted) = (path.to_owned(), Arc::clone(&fault));
    let connect = move |access| {
        let database = match access {
            Access::Write => Sqlite::open(&path, Durability::Off)?,
            Access::Read => Sqlite::open_to_read(&path)?,
        };
        let fault = Arc::clone(&planted);
        Ok(Box::new(Failing { database, fault }) as Box<dyn Database>)
    };
    let options = StoreOptions {
        readers: 1,
        ..bench::patient()
    };
    (Bench::start(options, Arc::new(connect)), fault)
}

fn put() -> Ask {
    Ask::Short(short::Ask::Put {
        space: Space::Ticket,
        key: "key".into(),
        value: Vec::new(),
        score: 1,
        expires: 100,
        only_new: false,
        at: 1,
    })
}

fn get() -> Ask {
    Ask::Short(short::Ask::Get {
        space: Space::Ticket,
        key: "key".into(),
        at: 1,
    })
}

#[test]
fn damage_that_shows_while_it_serves_is_told_once_with_what_to_do() {
    let (_folder, path) = made();
    let (mut bench, fault) = failing(&path, SqlError::Damaged("planted rot".into()));
    assert_eq!(bench.ask(put()), Ok(Answer::Done));
    fault.left.store(u32::MAX, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(bench.ask(get()), Err(Refusal::Unavailable));
        assert_eq!(bench.ask(put()), Err(Refusal::Unavailable));
    }
    fault.left.store(0, Ordering::Relaxed);
    assert_eq!(
        bench.ask(put()),
        Ok(Answer::Done),
        "what is sound is served"
    );
    bench.ask(get()).unwrap();
    assert_eq!(bench.stats().connections, 1, "another would be no better");
    let told = logged("planted rot");
    assert_eq!(told.len(), 1, "{told:?}");
    for words in [
        "ERROR",
        "is damaged",
        "`wharf db verify`",
        "`wharf db restore`",
    ] {
        assert!(told[0].contains(words), "{words} is not in: {told:?}");
    }
    assert!(!told[0].contains("connection"), "{told:?}");
}

#[test]
fn a_read_that_is_done_again_is_no_error_and_one_that_is_lost_is() {
    let (_folder, path) = made();
    let (mut bench, fault) = failing(&path, SqlError::Broken("planted loss".into()));
    assert_eq!(bench.ask(put()), Ok(Answer::Done));
    fault.left.store(1, Ordering::Relaxed);
    bench.ask(get()).unwrap();
    let told = logged("planted loss");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("INFO") && told[0].contains("again"),
        "{told:?}"
    );
    fault.left.store(2, Ordering::Relaxed);
    assert_eq!(bench.ask(get()), Err(Refusal::Unavailable));
    let told = logged("planted loss");
    let errors = told.iter().filter(|line| line.contains("ERROR")).count();
    assert_eq!((told.len(), errors), (3, 1), "{told:?}");
}

/// The lines of the log with these words.
fn logged(words: &str) -> Vec<String> {
    let log = log::said();
    let lines = log.lines().filter(|line| line.contains(words));
    lines.map(str::to_owned).collect()
}
