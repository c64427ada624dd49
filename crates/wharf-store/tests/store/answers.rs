//! What the store promises whatever its database does: one answer to each request, by its
//! deadline, and what failed is known to have failed or said not to be known. What the other
//! databases do badly is in `faults`.

use crate::bench::{self, Bench, PATIENCE, patient};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use wharf_base::Instant;
use wharf_data::message::{self, Kept, NewMessage};
use wharf_data::short::{self, Space};
use wharf_data::{AccountId, Answer, Ask, ConversationId, Refusal, Reply};
use wharf_store::{
    Access, Clock, Database, Durability, Row, SqlError, Sqlite, StoreOptions, Value,
};

/// What a test does to the database: called around every statement, it may fail it or wait.
type Hook = dyn Fn(&Step<'_>) -> Result<(), SqlError> + Send + Sync;

/// Where the store is.
struct Step<'a> {
    access: Access,
    when: When,
    sql: &'a str,
    values: &'a [Value],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Connecting,
    Before,
    After,
}

/// The hook of a test, which may set another while the store runs.
#[derive(Clone)]
struct Fault(Arc<Mutex<Arc<Hook>>>);

impl Fault {
    fn none() -> Self {
        Self(Arc::new(Mutex::new(Arc::new(|_| Ok(())))))
    }

    fn set(&self, hook: impl Fn(&Step<'_>) -> Result<(), SqlError> + Send + Sync + 'static) {
        *self.0.lock().unwrap() = Arc::new(hook);
    }

    fn at(&self, access: Access, when: When, sql: &str, values: &[Value]) -> Result<(), SqlError> {
        // It may wait, and be replaced meanwhile: not under the lock.
        let hook = Arc::clone(&self.0.lock().unwrap());
        hook(&Step {
            access,
            when,
            sql,
            values,
        })
    }
}

/// A database with somebody in between.
struct Faulty {
    database: Sqlite,
    access: Access,
    fault: Fault,
}

impl Database for Faulty {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        self.fault.at(self.access, When::Before, sql, values)?;
        let touched = self.database.execute(sql, values)?;
        self.fault.at(self.access, When::After, sql, values)?;
        Ok(touched)
    }

    fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.fault.at(self.access, When::Before, sql, values)?;
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

/// A store over such a database.
struct World {
    bench: Bench,
    fault: Fault,
    folder: TempDir,
}

fn world(options: StoreOptions) -> World {
    let folder = tempfile::tempdir().unwrap();
    let fault = Fault::none();
    let bench = start(options, &fault, &folder);
    World {
        bench,
        fault,
        folder,
    }
}

fn start(options: StoreOptions, fault: &Fault, folder: &TempDir) -> Bench {
    start_at(options, bench::clock(), fault, folder)
}

fn start_at(options: StoreOptions, clock: Clock, fault: &Fault, folder: &TempDir) -> Bench {
    let (fault, path) = (fault.clone(), folder.path().join("wharf.db"));
    let connect = move |access| {
        fault.at(access, When::Connecting, "", &[])?;
        let database = match access {
            Access::Write => Sqlite::open(&path, Durability::Off)?,
            Access::Read => Sqlite::open_to_read(&path)?,
        };
        Ok(Box::new(Faulty {
            database,
            access,
            fault: fault.clone(),
        }) as Box<dyn Database>)
    };
    Bench::start_at(options, clock, Arc::new(connect))
}

/// Holds the writer at its next `BEGIN` until the gate is opened by dropping the sender; says
/// when it is there.
fn hold(fault: &Fault, what: &'static str) -> (Receiver<()>, Sender<()>) {
    let (arrived, arrives) = channel();
    let (opens, opened) = channel::<()>();
    let opened = Mutex::new(opened);
    fault.set(move |step| {
        let is_it = step.access == Access::Write && step.when == When::Before;
        if is_it && step.sql.starts_with(what) {
            let _ = arrived.send(());
            // Until the other end is dropped.
            let _ = opened.lock().unwrap().recv();
        }
        Ok(())
    });
    (arrives, opens)
}

fn put(key: impl Into<String>, only_new: bool) -> Ask {
    Ask::Short(short::Ask::Put {
        space: Space::Ticket,
        key: key.into(),
        value: Vec::new(),
        score: 1,
        expires: 100,
        only_new,
        at: 1,
    })
}

fn get(key: &str) -> Ask {
    Ask::Short(short::Ask::Get {
        space: Space::Ticket,
        key: key.into(),
        at: 1,
    })
}

/// Waits for what the store's threads do by themselves.
fn until(is_so: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "it never is so");
        thread::yield_now();
    }
}

fn broken() -> SqlError {
    SqlError::Broken("planted".into())
}

#[test]
fn all_that_waits_is_one_transaction_and_what_is_refused_in_it_leaves_the_rest_alone() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(patient());
    bench.ask(put("taken", true)).unwrap();
    let before = bench.stats();
    let (arrives, gate) = hold(&fault, "BEGIN");
    bench.send(put("first", true)).unwrap();
    arrives.recv_timeout(PATIENCE).unwrap();
    let mut tags = Vec::new();
    for number in 0..50 {
        let key = match number {
            25 => "taken".to_owned(),
            _ => format!("key {number}"),
        };
        tags.push(bench.send(put(key, true)).unwrap());
    }
    drop(gate);
    assert_eq!(bench.next().1, Ok(Answer::Done));
    for (number, tag) in tags.into_iter().enumerate() {
        let expected: Reply = match number {
            25 => Err(Refusal::Duplicate(1)),
            _ => Ok(Answer::Done),
        };
        assert_eq!(bench.next(), (tag, expected));
    }
    let stats = bench.stats();
    assert_eq!(stats.groups - before.groups, 2);
    assert_eq!(stats.grouped - before.grouped, 51);
    assert_eq!((stats.group_largest, stats.waiting), (50, 0));
    assert!(bench.ask(get("key 49")).is_ok());
}

#[test]
fn no_more_waits_than_there_may() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(StoreOptions {
        queue_max: 5,
        ..patient()
    });
    let (arrives, gate) = hold(&fault, "BEGIN");
    for number in 0..5 {
        bench.send(put(format!("key {number}"), true)).unwrap();
    }
    arrives.recv_timeout(PATIENCE).unwrap();
    let one_more = bench.send(put("more", true));
    assert!(matches!(one_more, Err(Refusal::Busy { retry_after_ms }) if retry_after_ms > 0));
    assert_eq!(bench.stats().refused_busy, 1);
    drop(gate);
    for _ in 0..5 {
        assert_eq!(bench.next().1, Ok(Answer::Done));
    }
    assert!(bench.ask(get("more")).is_err());
}

#[test]
fn a_request_is_answered_at_its_deadline_while_the_database_hangs_and_only_once() {
    let options = StoreOptions {
        answer: Duration::from_millis(20),
        group_max: 1,
        ..patient()
    };
    // The time of this test passes when it says so.
    let now = Arc::new(AtomicU64::new(0));
    let clock = {
        let now = Arc::clone(&now);
        Arc::new(move || Instant::from_nanos(now.load(Ordering::SeqCst)))
    };
    let (folder, fault) = (tempfile::tempdir().unwrap(), Fault::none());
    let (arrives, gate) = hold(&fault, "COMMIT");
    let mut bench = start_at(options, clock, &fault, &folder);
    let first = bench.send(put("first", true)).unwrap();
    arrives.recv_timeout(PATIENCE).unwrap();
    let second = bench.send(put("second", true)).unwrap();
    now.store(20_000_000, Ordering::SeqCst);
    let mut answered = [bench.next(), bench.next()];
    answered.sort_by_key(|(tag, _)| tag.0);
    let unavailable = Err(Refusal::Unavailable);
    assert_eq!(
        answered,
        [(first, unavailable.clone()), (second, unavailable)]
    );
    assert_eq!(bench.stats().expired, 2);
    drop(gate);
    assert_eq!(bench.end(), [], "a second answer");
    // The first was under way and was done after all; the second was not begun any more.
    let mut after = start(patient(), &Fault::none(), &folder);
    assert!(after.ask(get("first")).is_ok());
    assert_eq!(after.ask(get("second")), Err(Refusal::NotFound));
}

#[test]
fn every_request_has_one_outcome_and_the_answered_ones_a_time() {
    let options = StoreOptions {
        queue_max: 2,
        readers: 0,
        ..patient()
    };
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(options);
    bench.ask(put("first", true)).unwrap();
    assert_eq!(bench.ask(get("nothing")), Err(Refusal::NotFound));
    let (arrives, gate) = hold(&fault, "BEGIN");
    bench.send(put("second", true)).unwrap();
    arrives.recv_timeout(PATIENCE).unwrap();
    bench.send(put("third", true)).unwrap();
    assert!(bench.send(put("fourth", true)).is_err());
    let stats = bench.stats();
    assert_eq!((stats.waiting, stats.waiting_max), (2, 2));
    drop(gate);
    assert_eq!(bench.next().1, Ok(Answer::Done));
    assert_eq!(bench.next().1, Ok(Answer::Done));
    fault.set(
        |step| match step.sql.starts_with("COMMIT") || step.when == When::Connecting {
            true => Err(broken()),
            false => Ok(()),
        },
    );
    assert_eq!(bench.ask(put("fifth", true)), Err(Refusal::Unavailable));
    // It is known to be gone when the next connection has failed.
    until(|| !bench.stats().is_connected);
    assert_eq!(bench.ask(put("sixth", true)), Err(Refusal::Unavailable));
    let stats = bench.stats();
    assert_eq!((stats.answered, stats.refused_busy), (4, 1));
    assert_eq!((stats.failed, stats.refused_lost), (1, 1));
    assert_eq!((stats.expired, stats.waiting, stats.asked), (0, 0, 5));
    assert_eq!(stats.answer_times.count(), 4);
    assert_eq!((stats.groups, stats.grouped), (4, 4));
}

#[test]
fn a_database_that_hangs_or_is_gone_is_found_out_though_nobody_asks_anything_of_it() {
    let options = StoreOptions {
        answer: Duration::from_millis(20),
        retry: Duration::from_millis(1),
        ..patient()
    };
    // The time of this test passes when it says so.
    let now = Arc::new(AtomicU64::new(0));
    let clock = {
        let now = Arc::clone(&now);
        Arc::new(move || Instant::from_nanos(now.load(Ordering::SeqCst)))
    };
    let at = |millis: u64| now.store(millis * 1_000_000, Ordering::SeqCst);
    let (folder, fault) = (tempfile::tempdir().unwrap(), Fault::none());
    let mut bench = start_at(options, clock, &fault, &folder);
    bench.ask(put("first", true)).unwrap();
    let well = bench.stats();
    assert!(well.is_answering && well.is_connected);

    let (arrives, gate) = hold(&fault, "BEGIN");
    at(10);
    bench.probe();
    arrives.recv_timeout(PATIENCE).unwrap();
    at(29);
    assert!(bench.stats().is_answering, "it may take so long");
    at(40);
    bench.probe();
    let silent = bench.stats();
    assert!(silent.is_connected && !silent.is_answering);
    assert_eq!(silent.steady_for, Duration::from_millis(30));
    drop(gate);
    until(|| bench.stats().is_answering);
    at(45);
    assert_eq!(bench.stats().steady_for, Duration::from_millis(5));
    let after = bench.stats();
    assert_eq!((after.groups, after.asked), (well.groups, well.asked));

    fault.set(|_| Err(broken()));
    at(50);
    bench.probe();
    until(|| !bench.stats().is_connected);
    at(57);
    let gone = bench.stats();
    assert!(!gone.is_answering);
    assert_eq!(gone.steady_for, Duration::from_millis(7));
    fault.set(|_| Ok(()));
    until(|| bench.stats().is_answering);
    assert_eq!(bench.ask(get("first")).map(drop), Ok(()));
}

#[test]
fn a_connection_that_is_lost_before_the_commit_costs_nothing_but_a_new_one() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(patient());
    bench.ask(put("first", true)).unwrap();
    for lost_at in ["BEGIN", "SAVEPOINT", "INSERT", "RELEASE"] {
        let left = Mutex::new(1);
        fault.set(move |step| {
            let mut left = left.lock().unwrap();
            if step.when == When::Before && step.sql.starts_with(lost_at) && *left > 0 {
                *left -= 1;
                return Err(broken());
            }
            Ok(())
        });
        let before = bench.stats().connections;
        assert_eq!(bench.ask(put(lost_at, true)), Ok(Answer::Done), "{lost_at}");
        assert_eq!(bench.stats().connections, before + 1, "{lost_at}");
    }
}

#[test]
fn another_transaction_in_the_way_is_tried_again_on_the_same_connection() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(patient());
    bench.ask(put("first", true)).unwrap();
    let before = bench.stats().connections;
    let left = Mutex::new(2);
    fault.set(move |step| {
        let mut left = left.lock().unwrap();
        if step.when == When::Before && step.sql.starts_with("INSERT") && *left > 0 {
            *left -= 1;
            return Err(SqlError::Busy);
        }
        Ok(())
    });
    assert_eq!(bench.ask(put("second", true)), Ok(Answer::Done));
    assert_eq!(bench.stats().connections, before);
}

fn whisper() -> Ask {
    Ask::Message(message::Ask::Whisper {
        to: AccountId::new(2),
        conversation: ConversationId::new(9),
        message: NewMessage {
            author: AccountId::new(1),
            client_id: Some(7),
            seq: None,
            kind: 1,
            body: b"hello".to_vec(),
            at: 1,
        },
        waits: true,
    })
}

#[test]
fn a_connection_lost_in_the_commit_leaves_it_open_and_asking_again_settles_it() {
    for when in [When::Before, When::After] {
        let World {
            mut bench,
            fault,
            folder: _folder,
        } = world(patient());
        bench.person(1, "kim");
        bench.person(2, "lee");
        let left = Mutex::new(1);
        fault.set(move |step| {
            let mut left = left.lock().unwrap();
            if step.when == when && step.sql == "COMMIT" && *left > 0 {
                *left -= 1;
                return Err(broken());
            }
            Ok(())
        });
        assert_eq!(bench.ask(whisper()), Err(Refusal::Unavailable));
        let kept = Kept {
            conversation: ConversationId::new(9),
            seq: 1,
            // Whether the first was done.
            is_duplicate: when == When::After,
        };
        let answer = Answer::Message(message::Answer::Kept(vec![kept]));
        assert_eq!(bench.ask(whisper()), Ok(answer));
    }
}

#[test]
fn while_there_is_no_connection_requests_are_refused_at_once_and_then_it_heals() {
    let options = StoreOptions {
        retry: Duration::from_millis(1),
        retry_max: Duration::from_millis(4),
        ..patient()
    };
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(options);
    bench.ask(put("first", true)).unwrap();
    let (tries, tried) = channel();
    let tries = Mutex::new(tries);
    let refused = move |step: &Step<'_>| {
        if step.when == When::Connecting && step.access == Access::Write {
            let _ = tries.lock().unwrap().send(());
        }
        Err(broken())
    };
    fault.set(refused);
    assert_eq!(bench.ask(put("second", true)), Err(Refusal::Unavailable));
    // It tries again and again by itself.
    for _ in 0..6 {
        tried.recv_timeout(PATIENCE).unwrap();
    }
    assert!(!bench.stats().is_connected);
    for ask in [put("third", true), get("first")] {
        assert_eq!(bench.send(ask), Err(Refusal::Unavailable));
    }
    let (heals, healed) = channel();
    let heals = Mutex::new(heals);
    fault.set(move |step| {
        if step.when == When::Before && step.sql.starts_with("BEGIN") {
            let _ = heals.lock().unwrap().send(());
        }
        Ok(())
    });
    // Asked until it is taken in: nothing else tells when it has healed.
    let begun = std::time::Instant::now();
    while bench.send(put("fourth", true)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "it does not heal");
        std::thread::yield_now();
    }
    assert_eq!(bench.next().1, Ok(Answer::Done));
    healed.recv_timeout(PATIENCE).unwrap();
    assert!(bench.ask(get("fourth")).is_ok());
    assert_eq!(bench.ask(get("third")), Err(Refusal::NotFound));
}

#[test]
fn a_request_that_breaks_every_connection_takes_no_other_with_it() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(patient());
    bench.ask(put("before", true)).unwrap();
    let (arrives, gate) = hold(&fault, "BEGIN");
    bench.send(put("first", true)).unwrap();
    arrives.recv_timeout(PATIENCE).unwrap();
    for key in ["good 1", "poison", "good 2"] {
        bench.send(put(key, true)).unwrap();
    }
    fault.set(|step| match step.values.contains(&Value::from("poison")) {
        true => Err(broken()),
        false => Ok(()),
    });
    drop(gate);
    let replies: Vec<Reply> = (0..4).map(|_| bench.next().1).collect();
    let done = Ok(Answer::Done);
    let expected = [done.clone(), done.clone(), Err(Refusal::Unavailable), done];
    assert_eq!(replies, expected);
}

#[test]
fn a_panic_in_a_request_is_that_requests_failure_and_no_others() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(patient());
    bench.ask(put("before", true)).unwrap();
    fault.set(|step| {
        let is_it = step.values.contains(&Value::from("panic"));
        assert!(!is_it || step.when != When::Before, "planted");
        Ok(())
    });
    assert_eq!(bench.ask(put("panic", true)), Err(Refusal::Unavailable));
    assert_eq!(bench.ask(get("panic")), Err(Refusal::Unavailable));
    assert_eq!(bench.ask(put("after", true)), Ok(Answer::Done));
    assert!(bench.ask(get("after")).is_ok());
}

#[test]
fn who_reads_does_not_wait_for_who_writes() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(patient());
    bench.ask(put("before", true)).unwrap();
    let (arrives, gate) = hold(&fault, "COMMIT");
    let written = bench.send(put("under way", true)).unwrap();
    arrives.recv_timeout(PATIENCE).unwrap();
    assert!(bench.ask(get("before")).is_ok());
    // What is not committed is not seen.
    assert_eq!(bench.ask(get("under way")), Err(Refusal::NotFound));
    drop(gate);
    assert_eq!(bench.next(), (written, Ok(Answer::Done)));
    assert!(bench.ask(get("under way")).is_ok());
    assert_eq!(bench.stats().reads, 3);
}

#[test]
fn a_reader_that_loses_its_connection_makes_another() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(StoreOptions {
        readers: 1,
        ..patient()
    });
    bench.ask(put("first", true)).unwrap();
    bench.ask(get("first")).unwrap();
    let left = Mutex::new(1);
    fault.set(move |step| {
        let mut left = left.lock().unwrap();
        let is_read = step.access == Access::Read && step.sql.starts_with("SELECT");
        if is_read && *left > 0 {
            *left -= 1;
            return Err(broken());
        }
        Ok(())
    });
    assert!(bench.ask(get("first")).is_ok());
}

#[test]
fn without_readers_the_writer_reads() {
    let World {
        mut bench,
        fault: _,
        folder: _folder,
    } = world(StoreOptions {
        readers: 0,
        ..patient()
    });
    bench.ask(put("first", true)).unwrap();
    assert!(bench.ask(get("first")).is_ok());
    assert_eq!(bench.stats().reads, 0);
}

#[test]
fn what_waits_is_done_before_the_store_ends() {
    let World {
        mut bench,
        fault,
        folder: _folder,
    } = world(StoreOptions {
        group_max: 3,
        ..patient()
    });
    let (arrives, gate) = hold(&fault, "BEGIN");
    for number in 0..20 {
        bench.send(put(format!("key {number}"), true)).unwrap();
    }
    arrives.recv_timeout(PATIENCE).unwrap();
    drop(gate);
    let answers = bench.end();
    assert_eq!(answers.len(), 20);
    assert!(answers.iter().all(|(_, reply)| reply.is_ok()));
}

#[test]
fn a_store_that_never_reached_its_database_leaves_nobody_waiting() {
    // Lost, or with another process in the way for ever.
    for error in [broken(), SqlError::Busy] {
        let fault = Fault::none();
        fault.set(move |_| Err(error.clone()));
        let folder = tempfile::tempdir().unwrap();
        let mut bench = start(patient(), &fault, &folder);
        // Refused at once or a moment later, as it had found out or not.
        let taken =
            [put("first", true), get("first")].map(|ask| usize::from(bench.send(ask).is_ok()));
        let answers = bench.end();
        assert_eq!(answers.len(), taken.iter().sum::<usize>());
        for (_, reply) in answers {
            assert_eq!(reply, Err(Refusal::Unavailable));
        }
    }
}

#[test]
fn what_is_taken_by_nobody_that_can_be_seen_is_tried_once_more_behind_the_others() {
    for (times, expected) in [(1, Ok(Answer::Done)), (9, Err(Refusal::Conflict))] {
        let World {
            mut bench,
            fault,
            folder: _folder,
        } = world(patient());
        bench.ask(put("before", true)).unwrap();
        let (arrives, gate) = hold(&fault, "BEGIN");
        bench.send(put("first", true)).unwrap();
        arrives.recv_timeout(PATIENCE).unwrap();
        for key in ["good 1", "clash", "good 2"] {
            bench.send(put(key, true)).unwrap();
        }
        let left = Mutex::new(times);
        fault.set(move |step| {
            let mut left = left.lock().unwrap();
            let is_it = step.values.contains(&Value::from("clash"));
            if is_it && step.sql.starts_with("INSERT") && *left > 0 {
                *left -= 1;
                return Err(SqlError::Unique);
            }
            Ok(())
        });
        drop(gate);
        let replies: Vec<Reply> = (0..4).map(|_| bench.next().1).collect();
        let done = Ok(Answer::Done);
        assert_eq!(replies, [done.clone(), done.clone(), done, expected]);
        assert_eq!(bench.stats().failed, 0);
    }
}

#[test]
fn another_process_that_is_in_the_way_at_first_is_waited_for() {
    let (folder, fault) = (tempfile::tempdir().unwrap(), Fault::none());
    let left = Mutex::new(3);
    fault.set(move |step| {
        let mut left = left.lock().unwrap();
        if step.when == When::Connecting && *left > 0 {
            *left -= 1;
            return Err(SqlError::Busy);
        }
        Ok(())
    });
    let options = StoreOptions {
        retry: Duration::from_millis(1),
        ..patient()
    };
    let mut bench = start(options, &fault, &folder);
    assert_eq!(bench.ask(put("first", true)), Ok(Answer::Done));
}
