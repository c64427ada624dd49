//! A Redis that dies, hangs, and comes back: each request has one answer in time, service heals by
//! itself; and of two who take a ticket one gets it. What it answers is in `promises`.

use crate::bench::{PATIENCE, clock};
use crate::servers::{Kind, Proxy, Server, wait_until};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use wharf_data::short::{Answer, Ask, Space};
use wharf_data::{Refusal, Reply};
use wharf_store::{Redis, RedisPlace, SqlError, StoreOptions, Tag, Timeouts};

#[test]
fn redis_is_killed_and_comes_back() {
    let mut server = Server::start(Kind::Redis);
    let mut client = Client::start(&server.url());
    client.heal();
    for _ in 0..2 {
        client.ask(20);
        server.kill();
        client.ask(20);
        client.wait_for_all();
        wait_until("the loss is noticed", || {
            client.ask(1);
            !client.redis.stats().is_connected
        });
        client.wait_for_all();
        server.start_again();
        client.heal();
    }
    client.end();
}

#[test]
fn redis_hangs_and_goes_on() {
    let server = Server::start(Kind::Redis);
    let mut client = Client::start(&server.url());
    client.heal();
    for _ in 0..2 {
        server.hang();
        client.ask(20);
        let before = client.done;
        client.wait_for_all();
        assert_eq!(
            client.done, before,
            "a server that hangs has done something"
        );
        wait_until("the server is given up", || {
            !client.redis.stats().is_connected
        });
        server.go_on();
        client.heal();
    }
    client.end();
}

/// Were each that goes with it waited for, nobody would have the patience.
#[test]
fn a_group_without_an_answer_is_given_up_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    let (asked, is_asked) = channel();
    let (go_on, may_answer) = channel();
    let script = thread::spawn(move || answer_once(listener, &asked, &may_answer));
    // As long as whoever asks may be kept from it.
    let mut client = Client::start_with(&url, PATIENCE, Duration::from_secs(10));
    wait_until("it is asked", || {
        client.ask(1);
        client.waiting > 0
    });
    is_asked.recv_timeout(PATIENCE).unwrap();
    client.ask(200);
    assert_eq!(client.waiting, 201, "these wait behind the first");
    go_on.send(()).unwrap();
    client.wait_for_all();
    assert_eq!(client.done, 1);
    drop(client);
    script.join().unwrap();
}

/// A Redis that answers one request, when it may, and is silent from then on, until the link ends.
fn answer_once(listener: TcpListener, asked: &Sender<()>, may_answer: &Receiver<()>) {
    let (mut link, _) = listener.accept().unwrap();
    drop(listener);
    let mut bytes = [0; 1 << 16];
    let mut was_asked = false;
    loop {
        let said = match link.read(&mut bytes) {
            Ok(count) if count > 0 => String::from_utf8_lossy(&bytes[..count]),
            _ => return,
        };
        let greetings = said.matches("SETINFO").count() + said.matches("PING").count();
        link.write_all("+OK\r\n".repeat(greetings).as_bytes())
            .unwrap();
        if said.contains("EVAL") && !was_asked {
            was_asked = true;
            asked.send(()).unwrap();
            may_answer.recv().unwrap();
            link.write_all(b"*2\r\n:1\r\n:1000\r\n").unwrap();
        }
    }
}

#[test]
fn redis_is_not_there_yet() {
    let mut server = Server::start(Kind::Redis);
    server.kill();
    let mut client = Client::start(&server.url());
    client.ask(20);
    client.wait_for_all();
    assert_eq!(client.done, 0);
    server.start_again();
    client.heal();
    client.end();
}

#[test]
fn redis_is_cut_off_in_mid_sentence() {
    let server = Server::start(Kind::Redis);
    let proxy = Proxy::start(server.port());
    let mut client = Client::start(&proxy.url(&server.url(), server.port()));
    client.heal();
    for bytes in [0, 1, 3, 8, 21, 55] {
        proxy.cut_after(bytes);
        client.ask(10);
        client.wait_for_all();
        proxy.mend();
        client.heal();
    }
    client.end();
}

#[test]
fn of_two_who_take_a_ticket_one_gets_it() {
    let server = Server::start(Kind::Redis);
    let mut one = Client::start(&server.url());
    let mut other = Client::start(&server.url());
    one.heal();
    other.heal();
    let mut taken = 0;
    for number in 0..50 {
        let key = format!("ticket {number}");
        one.send(Ask::Put {
            space: Space::Ticket,
            key: key.clone(),
            value: b"kim".to_vec(),
            score: 0,
            expires: 1_000,
            only_new: true,
            at: 0,
        });
        one.wait_for_all();
        let take = Ask::Take {
            space: Space::Ticket,
            key,
            at: 1,
        };
        let before = one.done + other.done;
        one.send(take.clone());
        other.send(take);
        one.wait_for_all();
        other.wait_for_all();
        taken += one.done + other.done - before;
    }
    assert_eq!(taken, 50);
}

#[test]
fn a_wrong_url_is_said_and_its_password_is_not() {
    for url in ["redis://:secret@", "http://:secret@localhost", "secret"] {
        let place = place(url, Duration::from_secs(1));
        let replies = |_: Tag, _: Reply| {};
        let Err(error) = Redis::start(StoreOptions::default(), clock(), &place, replies) else {
            panic!("{url} was taken")
        };
        assert!(matches!(error, SqlError::Wrong(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

fn place(url: &str, timeout: Duration) -> RedisPlace {
    RedisPlace {
        url: url.into(),
        prefix: "wharf".into(),
        timeouts: Timeouts {
            connect: timeout,
            statement: timeout,
        },
    }
}

/// A Redis, and the answers that it owes.
struct Client {
    redis: Redis,
    replies: Receiver<(Tag, Reply)>,
    /// How often each request that was taken in has been answered.
    answers: BTreeMap<u64, u32>,
    waiting: usize,
    next: u64,
    done: u64,
}

impl Client {
    fn start(url: &str) -> Self {
        Self::start_with(url, Duration::from_millis(300), Duration::from_millis(500))
    }

    fn start_with(url: &str, answer: Duration, timeout: Duration) -> Self {
        let options = StoreOptions {
            answer,
            retry: Duration::from_millis(20),
            retry_max: Duration::from_millis(200),
            ..StoreOptions::default()
        };
        let (sender, replies) = channel();
        // Nobody listens any more at the end.
        let reply = move |tag: Tag, reply: Reply| drop(sender.send((tag, reply)));
        Self {
            redis: Redis::start(options, clock(), &place(url, timeout), reply).expect("a thread"),
            replies,
            answers: BTreeMap::new(),
            waiting: 0,
            next: 1,
            done: 0,
        }
    }

    /// Counts so many times.
    fn ask(&mut self, count: u64) {
        for _ in 0..count {
            self.send(Ask::Count {
                key: "somebody".into(),
                window_ms: 1_000,
                since_last: false,
                at: 1,
            });
        }
    }

    /// Who is refused at once has had the answer.
    fn send(&mut self, ask: Ask) {
        match self.redis.ask(Tag(self.next), ask) {
            Ok(()) => {
                self.answers.insert(self.next, 0);
                self.waiting += 1;
            }
            Err(Refusal::Unavailable) => {}
            Err(other) => panic!("{other}"),
        }
        self.next += 1;
    }

    fn wait_for_all(&mut self) {
        while self.waiting > 0 {
            let (Tag(number), reply) = self.replies.recv_timeout(PATIENCE).expect("an answer");
            self.waiting -= 1;
            *self.answers.get_mut(&number).expect("it was asked") += 1;
            match reply {
                Ok(wharf_data::Answer::Short(Answer::Counted { count, .. })) => {
                    assert!(count > 0);
                    self.done += 1;
                }
                Ok(wharf_data::Answer::Short(Answer::Found(_))) => self.done += 1,
                Ok(wharf_data::Answer::Done) => {}
                Err(Refusal::Unavailable | Refusal::NotFound) => {}
                other => panic!("request {number}: {other:?}"),
            }
        }
    }

    /// Waits until a request succeeds again, with nobody's help.
    fn heal(&mut self) {
        let before = self.done;
        wait_until("service is back", || {
            self.ask(1);
            self.wait_for_all();
            self.done > before
        });
    }

    /// Ends it: nothing is left unanswered, and nothing was answered twice.
    fn end(mut self) {
        self.ask(5);
        drop(self.redis);
        for (Tag(number), _) in self.replies.try_iter() {
            *self.answers.get_mut(&number).expect("it was asked") += 1;
        }
        let odd = self.answers.iter().find(|(_, count)| **count != 1);
        assert_eq!(odd, None, "a request has exactly one answer");
    }
}
