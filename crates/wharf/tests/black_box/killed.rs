//! The program is killed while clients write, at whatever moment that is: what it had acknowledged
//! is there when it runs again, once, and nothing is there in part.
//!
//! `KILLS=200` kills as often; `cargo xtask kill` does that.

use crate::asker::{Asker, device};
use crate::ledger::Diary;
use crate::sleeper::{SLEEPER, Sleeper};
use crate::support::{BACKENDS, PATIENCE, Server, UNHURRIED, output, start, wharf};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use wharf::Rng;

/// Kills of the test command. Where a program takes its time to start, fewer show as much.
const KILLS: u64 = if cfg!(windows) { 2 } else { 5 };
/// Who writes at once.
const WRITERS: usize = 3;

#[test]
fn what_was_acknowledged_is_there_after_every_kill() {
    let mut show = Show::new(1);
    let kills = kills();
    for kill in 1..=kills {
        show.write_and_be_killed();
        assert_sound(show.data.path());
        let mut wrong = show.audit();
        if kill == kills {
            // All of it once more, from the first line on.
            wrong.extend(show.audit_all());
        }
        assert!(wrong.is_empty(), "kill {kill}:\n{}", wrong.join("\n"));
        let count: usize = show.diaries.iter().map(Diary::acknowledged).sum();
        eprintln!("Wharf: kill {kill} of {kills}, {count} requests acknowledged, none lost");
    }
}

/// Without this the other would prove nothing.
#[test]
fn a_server_that_forgets_its_last_moments_is_found_out() {
    let mut show = Show::new(2);
    show.write_and_be_killed();
    assert_eq!(show.audit(), Vec::<String>::new());
    // A disk that had taken nothing since.
    let old = tempfile::tempdir().expect("a directory");
    copy(show.data.path(), old.path());
    show.write_and_be_killed();
    copy(old.path(), show.data.path());
    let wrong = show.audit();
    let lost = wrong.iter().filter(|what| what.contains("is lost"));
    assert!(lost.count() > 0, "{wrong:?}");
}

#[test]
fn a_server_that_was_killed_while_it_made_its_tables_serves_when_it_runs_again() {
    for _ in 0..kills() {
        let data = tempfile::tempdir().expect("a directory");
        let mut serve = wharf();
        serve
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = start(&mut serve);
        let deadline = Instant::now() + PATIENCE;
        while !data.path().join("wharf.db").exists() {
            assert!(Instant::now() < deadline, "no store is made");
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("our own child");
        child.wait().expect("our own child");
        let server = Server::start_in(data.path(), BACKENDS[0], UNHURRIED);
        Asker::guest(&server, 1).assert_serves();
    }
}

/// A server's data, those who write, and one who is away while they do.
struct Show {
    data: tempfile::TempDir,
    diaries: Vec<Diary>,
    sleeper: Sleeper,
    rng: Rng,
}

impl Show {
    fn new(seed: u64) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let server = Server::start_in(data.path(), BACKENDS[0], UNHURRIED);
        let mut accounts = Vec::new();
        for secret in (1..=WRITERS as u32).chain([SLEEPER]) {
            accounts.push(Asker::greeted(&server).done(&device(secret)).account);
        }
        Self {
            data,
            diaries: (0..WRITERS)
                .map(|number| Diary::new(number, &accounts))
                .collect(),
            sleeper: Sleeper::default(),
            rng: Rng::from_seed(seed),
        }
    }

    /// Runs the server, has everybody write, and kills it after some acknowledgements.
    fn write_and_be_killed(&mut self) {
        let mut server = Server::start_in(self.data.path(), BACKENDS[0], UNHURRIED);
        let (address, patience) = (server.address, self.rng.range(20..300));
        let (acknowledged, heard) = channel();
        let writes = thread::scope(|scope| {
            for diary in &mut self.diaries {
                let acknowledged = acknowledged.clone();
                scope.spawn(move || diary.write(address, &acknowledged));
            }
            drop(acknowledged);
            let writes = (0..patience).all(|_| heard.recv_timeout(PATIENCE).is_ok());
            server.child.kill().expect("our own child");
            server.child.wait().expect("our own child");
            writes
        });
        assert!(writes, "nothing is acknowledged any more");
    }

    /// Runs the server again; what is wrong.
    fn audit(&mut self) -> Vec<String> {
        let server = Server::start_in(self.data.path(), BACKENDS[0], UNHURRIED);
        let mut wrong: Vec<String> = Vec::new();
        for diary in &mut self.diaries {
            wrong.extend(diary.audit(&server));
        }
        if wrong.is_empty() {
            wrong.extend(self.sleeper.wake(&server, &self.diaries));
        }
        wrong
    }

    fn audit_all(&mut self) -> Vec<String> {
        self.diaries
            .iter_mut()
            .for_each(Diary::forget_what_was_looked_at);
        self.audit()
    }
}

/// `wharf db verify` finds nothing.
fn assert_sound(data: &Path) {
    let mut verify = wharf();
    let output = output(verify.args(["db", "verify", "--data"]).arg(data));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
}

/// Makes `to` what `from` is: files alone.
fn copy(from: &Path, to: &Path) {
    let files = |folder: &Path| {
        let entries = std::fs::read_dir(folder).expect("a directory");
        let entries = entries.map(|entry| entry.expect("an entry"));
        entries
            .filter(|entry| entry.path().is_file())
            .collect::<Vec<_>>()
    };
    for entry in files(to) {
        std::fs::remove_file(entry.path()).expect("our own file");
    }
    for entry in files(from) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("room for it");
    }
}

fn kills() -> u64 {
    match std::env::var("KILLS") {
        Ok(kills) => kills.parse().expect("KILLS is a number"),
        Err(_) => KILLS,
    }
}
