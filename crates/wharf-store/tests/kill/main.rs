//! What is acknowledged survives SIGKILL: of the program that has SQLite in it, of PostgreSQL, of
//! MariaDB; and service heals by itself. `KILLS=200` kills as often.
#![cfg(target_os = "linux")]

#[path = "../ledger/mod.rs"]
mod ledger;
#[path = "../servers/mod.rs"]
mod servers;

use core::time::Duration;
use ledger::Verdict;
use servers::{Kind, Medium, PATIENT, Server};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use wharf_base::Rng;
use wharf_store::{Database, Durability, SqlError, Sqlite};

/// Kills of each in the test command.
const KILLS: u64 = 5;

/// No acknowledgement takes as long, a server's start included.
const PATIENCE: Duration = Duration::from_secs(90);

/// Each life of a program has numbers of its own.
const NUMBERS_OF_A_LIFE: u64 = 1_000_000;

#[test]
fn a_program_that_is_killed_has_lost_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wharf.db");
    let mut rng = Rng::from_seed(1);
    let mut acknowledged = BTreeSet::new();
    let kills = kills();
    for kill in 0..kills {
        let first = kill * NUMBERS_OF_A_LIFE + 1;
        let mut program = Program::start(file.to_str().expect("UTF-8"), first);
        program.wait_for(rng.range(20..400));
        program.kill();
        acknowledged.append(&mut program.acknowledged);
        let mut database = Sqlite::open(&file, Durability::Full).expect("it is sound");
        report("SQLite", kill, kills, &mut database, &acknowledged);
    }
}

#[test]
fn postgresql_that_is_killed_has_lost_nothing_and_comes_back() {
    survives_kills(Kind::PostgreSql);
}

#[test]
fn mariadb_that_is_killed_has_lost_nothing_and_comes_back() {
    survives_kills(Kind::MariaDb);
}

/// Without this the others would prove nothing.
#[test]
fn postgresql_that_does_not_wait_for_its_disk_is_found_out() {
    loses_something(
        Kind::PostgreSql,
        &["-c", "synchronous_commit=off", "-c", "wal_writer_delay=10s"],
    );
}

#[test]
fn mariadb_that_does_not_wait_for_its_disk_is_found_out() {
    loses_something(Kind::MariaDb, &["--innodb-flush-log-at-trx-commit=0"]);
}

fn survives_kills(kind: Kind) {
    let mut server = Server::start_with(kind, Medium::Disk, &[]);
    let url = server.fresh_database();
    let mut program = Program::start(&url, 1);
    let mut rng = Rng::from_seed(2);
    let kills = kills();
    for kill in 0..kills {
        program.wait_for(rng.range(20..400));
        server.kill();
        server.start_again();
        // The same program goes on, with nobody's help.
        program.wait_for(20);
        let mut database = connect(&url).expect("it is back");
        let name = format!("{kind:?}");
        report(&name, kill, kills, &mut *database, &program.acknowledged);
    }
}

fn loses_something(kind: Kind, settings: &[&str]) {
    for _ in 0..10 {
        let mut server = Server::start_with(kind, Medium::Disk, settings);
        let url = server.fresh_database();
        let mut program = Program::start(&url, 1);
        program.wait_for(100);
        server.kill();
        program.kill();
        server.start_again();
        let verdict = connect(&url)
            .and_then(|mut database| ledger::check(&mut *database, &program.acknowledged));
        // Whole tables may be gone as well.
        if !verdict.is_ok_and(|verdict| verdict.is_sound()) {
            return;
        }
    }
    panic!("{kind:?} with {settings:?} lost nothing: these kills are no test");
}

fn connect(url: &str) -> Result<Box<dyn Database>, SqlError> {
    wharf_store::connect(url, &PATIENT)
}

fn report(
    name: &str,
    kill: u64,
    kills: u64,
    database: &mut dyn Database,
    acknowledged: &BTreeSet<i64>,
) {
    let verdict: Verdict = ledger::check(database, acknowledged).expect("it can be read");
    let (count, kill) = (acknowledged.len(), kill + 1);
    assert!(verdict.is_sound(), "{name}, kill {kill}: {verdict:?}");
    eprintln!("{name}: kill {kill} of {kills}, {count} entries acknowledged, none lost");
}

fn kills() -> u64 {
    match std::env::var("KILLS") {
        Ok(kills) => kills.parse().expect("KILLS is a number"),
        Err(_) => KILLS,
    }
}

/// The program under load, and what it has said.
struct Program {
    child: Child,
    said: Receiver<String>,
    acknowledged: BTreeSet<i64>,
}

impl Program {
    fn start(place: &str, first: u64) -> Self {
        let mut child = Command::new(Path::new(env!("CARGO_BIN_EXE_wharf-store-append")))
            .args([place, &first.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo has built it");
        let output = child.stdout.take().expect("it is piped");
        let (sender, said) = channel();
        thread::spawn(move || {
            read_lines(output, |line| sender.send(line).is_ok());
        });
        Self {
            child,
            said,
            acknowledged: BTreeSet::new(),
        }
    }

    /// Waits for so many more acknowledgements.
    fn wait_for(&mut self, count: u64) {
        let enough = self.acknowledged.len() + count as usize;
        while self.acknowledged.len() < enough {
            let line = self.said.recv_timeout(PATIENCE);
            self.note(&line.expect("it is alive, and acknowledges"));
        }
    }

    /// Kills it, and hears what it had said before.
    fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
        while let Ok(line) = self.said.recv_timeout(PATIENCE) {
            self.note(&line);
        }
    }

    fn note(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("ack", number)) => {
                let number = number.parse().expect("a number");
                assert!(
                    self.acknowledged.insert(number),
                    "{number} was answered twice"
                );
            }
            Some(("unknown", _)) => {}
            _ => panic!("it says {line:?}"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads whole lines: what a killed program had no time to end is not said.
fn read_lines(output: ChildStdout, mut hear: impl FnMut(String) -> bool) {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    while output
        .by_ref()
        .read_line(&mut line)
        .is_ok_and(|bytes| bytes > 0)
    {
        match line.strip_suffix('\n') {
            Some(whole) if hear(whole.to_owned()) => line.clear(),
            _ => return,
        }
    }
}
