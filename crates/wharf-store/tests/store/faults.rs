//! A server that dies, hangs, refuses or comes back: each request has one answer in time, nothing
//! panics, service heals by itself, and no password is in a log.

use crate::bench::{PATIENCE, clock, log};
use crate::ledger::entry;
use crate::servers::{Kind, Medium, PASSWORD, PATIENT, Proxy, Server, wait_until};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use wharf_data::{Refusal, Reply};
use wharf_store::{SqlError, Store, StoreOptions, Tag, Timeouts, connect, connector};

/// Short, so that a hanging server is given up while the test looks.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_millis(500),
    statement: Duration::from_millis(1_000),
};

#[test]
fn postgresql_is_killed_and_comes_back() {
    is_killed_and_comes_back(Kind::PostgreSql);
}

#[test]
fn mariadb_is_killed_and_comes_back() {
    is_killed_and_comes_back(Kind::MariaDb);
}

#[test]
fn postgresql_hangs_and_goes_on() {
    hangs_and_goes_on(Kind::PostgreSql);
}

#[test]
fn mariadb_hangs_and_goes_on() {
    hangs_and_goes_on(Kind::MariaDb);
}

#[test]
fn postgresql_is_not_there_yet() {
    is_not_there_yet(Kind::PostgreSql);
}

#[test]
fn mariadb_is_not_there_yet() {
    is_not_there_yet(Kind::MariaDb);
}

#[test]
fn postgresql_is_cut_off_in_mid_sentence() {
    is_cut_off_in_mid_sentence(Kind::PostgreSql);
}

#[test]
fn mariadb_is_cut_off_in_mid_sentence() {
    is_cut_off_in_mid_sentence(Kind::MariaDb);
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    log::watch();
    for kind in [Kind::PostgreSql, Kind::MariaDb] {
        let server = Server::start(kind);
        let url = server.url().replace(PASSWORD, "wr0ng-secret");
        let Err(error) = connect(&url, &PATIENT) else {
            panic!("{kind:?} let us in")
        };
        let text = error.to_string();
        assert!(!text.contains("wr0ng-secret"), "{text}");
        assert!(text.contains("wharf"), "it says who was refused: {text}");
    }
}

fn is_killed_and_comes_back(kind: Kind) {
    let mut server = Server::start(kind);
    let mut client = Client::start(&server.fresh_database());
    client.heal();
    for _ in 0..2 {
        // Some are on their way, some come when it is gone.
        client.ask(20);
        server.kill();
        client.ask(20);
        client.wait_for_all();
        wait_until("the loss is noticed", || {
            client.ask(1);
            !client.store.stats().is_connected
        });
        client.wait_for_all();
        server.start_again();
        client.heal();
    }
    client.end();
}

fn hangs_and_goes_on(kind: Kind) {
    let server = Server::start(kind);
    let mut client = Client::start(&server.fresh_database());
    client.heal();
    for _ in 0..2 {
        server.hang();
        client.ask(20);
        // Each has its answer while the server hangs still, and it is no success.
        let before = client.done;
        client.wait_for_all();
        assert_eq!(
            client.done, before,
            "a server that hangs has done something"
        );
        // And the one who talks to it is not stuck either: it has given it up.
        let mut is_asked = false;
        wait_until("the server is given up", || {
            if !is_asked {
                client.ask(1);
                is_asked = true;
            }
            !client.store.stats().is_connected
        });
        client.wait_for_all();
        server.go_on();
        client.heal();
    }
    client.end();
}

fn is_cut_off_in_mid_sentence(kind: Kind) {
    let server = Server::start(kind);
    let proxy = Proxy::start(server.port());
    let url = proxy.url(&server.fresh_database(), server.port());
    let mut client = Client::start(&url);
    client.heal();
    for bytes in [0, 1, 3, 8, 21, 55, 144, 377] {
        proxy.cut_after(bytes);
        client.ask(10);
        client.wait_for_all();
        proxy.mend();
        client.heal();
    }
    client.end();
}

fn is_not_there_yet(kind: Kind) {
    let mut server = Server::start(kind);
    let url = server.fresh_database();
    server.kill();
    let mut client = Client::start(&url);
    client.ask(20);
    client.wait_for_all();
    assert_eq!(client.done, 0);
    server.start_again();
    client.heal();
    client.end();
}

/// A store over a server, and the answers that it owes.
struct Client {
    store: Store,
    replies: Receiver<(Tag, Reply)>,
    /// How often each request that was taken in has been answered.
    answers: BTreeMap<u64, u32>,
    waiting: usize,
    next: u64,
    done: u64,
}

impl Client {
    fn start(url: &str) -> Self {
        log::watch();
        let options = StoreOptions {
            answer: Duration::from_millis(400),
            retry: Duration::from_millis(20),
            retry_max: Duration::from_millis(200),
            ..StoreOptions::default()
        };
        let (sender, replies) = channel();
        // Nobody listens any more at the end.
        let reply = move |tag: Tag, reply: Reply| drop(sender.send((tag, reply)));
        let connect = connector(url, TIMEOUTS);
        Self {
            store: Store::start(options, clock(), connect, reply).expect("a thread"),
            replies,
            answers: BTreeMap::new(),
            waiting: 0,
            next: 1,
            done: 0,
        }
    }

    /// Asks for so many accounts. Who is refused at once has had the answer.
    fn ask(&mut self, count: u64) {
        for _ in 0..count {
            match self.store.ask(Tag(self.next), entry(self.next as i64)) {
                Ok(()) => {
                    self.answers.insert(self.next, 0);
                    self.waiting += 1;
                }
                Err(Refusal::Unavailable) => {}
                Err(other) => panic!("{other}"),
            }
            // Odd numbers are accounts, which stand on nothing else.
            self.next += 2;
        }
    }

    fn wait_for_all(&mut self) {
        while self.waiting > 0 {
            let (tag, reply) = self.replies.recv_timeout(PATIENCE).expect("an answer");
            self.note(tag, &reply);
        }
    }

    fn note(&mut self, Tag(number): Tag, reply: &Reply) {
        self.waiting -= 1;
        *self.answers.get_mut(&number).expect("it was asked") += 1;
        match reply {
            Ok(_) => self.done += 1,
            Err(Refusal::Unavailable) => {}
            Err(other) => panic!("request {number}: {other}"),
        }
    }

    /// Waits until a request succeeds, for the first time or again, with nobody's help.
    fn heal(&mut self) {
        let before = self.done;
        wait_until("service is back", || {
            self.ask(1);
            self.wait_for_all();
            self.done > before
        });
    }

    /// Ends the store: nothing is left unanswered, and nothing was answered twice.
    fn end(mut self) {
        self.ask(5);
        drop(self.store);
        for (Tag(number), _) in self.replies.try_iter() {
            *self.answers.get_mut(&number).expect("it was asked") += 1;
        }
        let odd = self.answers.iter().find(|(_, count)| **count != 1);
        assert_eq!(odd, None, "a request has exactly one answer");
        let log = log::said();
        assert!(log.contains("the store"), "the faults were logged");
        assert!(!log.contains(PASSWORD), "{log}");
    }
}

#[test]
fn what_a_server_does_not_promise_is_warned_of() {
    log::watch();
    let postgresql = |settings: &[&str]| {
        let server = Server::start_with(Kind::PostgreSql, Medium::Memory, settings);
        let database = wharf_store::PostgreSql::connect(&server.url(), &PATIENT);
        database.expect("it was started").doubts().to_vec()
    };
    let mariadb = |settings: &[&str]| {
        let server = Server::start_with(Kind::MariaDb, Medium::Memory, settings);
        let database = wharf_store::MySql::connect(&server.url(), &PATIENT);
        database.expect("it was started").doubts().to_vec()
    };
    let none: &[&str] = &[];
    assert_eq!(postgresql(none), [""; 0]);
    assert_eq!(mariadb(none), [""; 0]);
    let careless = ["-c", "synchronous_commit=off", "-c", "fsync=off"];
    assert_eq!(
        postgresql(&careless),
        [
            "fsync is off: set it to on",
            "synchronous_commit is off: set it to on"
        ]
    );
    let careless = [
        "--innodb-flush-log-at-trx-commit=2",
        "--log-bin",
        "--sync-binlog=0",
    ];
    assert_eq!(
        mariadb(&careless),
        [
            "innodb_flush_log_at_trx_commit is 2: set it to 1",
            "sync_binlog is 0: set it to 1"
        ]
    );
    let log = log::said();
    assert!(
        log.contains("fsync is off") && log.contains("sync_binlog is 0"),
        "{log}"
    );
}

#[test]
fn what_takes_too_long_is_given_up() {
    let postgresql = ("SELECT pg_sleep(30)", Kind::PostgreSql);
    for (sql, kind) in [postgresql, ("SELECT SLEEP(30)", Kind::MariaDb)] {
        let server = Server::start(kind);
        let timeouts = Timeouts {
            connect: PATIENCE,
            ..TIMEOUTS
        };
        let mut database = connect(&server.url(), &timeouts).expect("it was started");
        let given_up = database.execute(sql, &[]);
        assert!(matches!(given_up, Err(SqlError::Broken(_))), "{given_up:?}");
    }
}
