//! What the guide asks of step 4: threads that are apart, and what goes between them.

use lesson_lab::{Client, PATIENCE, wait_until};
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};
use t04_logic::network::PACKET_BYTES;
use t04_logic::outgoing::Queue;
use t04_logic::{Application, Balancer, Server, SessionId, Sessions, Settings};

const BALANCERS: [Balancer; 3] = [Balancer::ByIndex, Balancer::Fewest, Balancer::WhoeverIsFree];

/// After how long one is silent, where a test is about that.
const IDLE_MS: u64 = 200;

fn settings(logic_threads: usize, balancer: Balancer) -> Settings {
    Settings {
        basic: t03_events::Settings {
            port: 0,
            clients_max: 10,
            idle_ms: 1_000_000,
            trace: false,
        },
        io_threads: 2,
        logic_threads,
        balancer,
        packets: 64,
    }
}

fn start(settings: &Settings, application: impl Application) -> io::Result<Server<Queue>> {
    Server::start(settings, Queue::default(), application)
}

/// Bytes in which each place can be told from its neighbours.
fn numbered(count: usize) -> Vec<u8> {
    let words = (0..count.div_ceil(4)).flat_map(|index| (index as u32).to_be_bytes());
    words.take(count).collect()
}

struct Echo;

impl Application for Echo {
    fn on_receive(&self, sessions: &dyn Sessions, session: SessionId, bytes: &[u8]) {
        sessions.send(session, bytes);
    }
}

/// An event as a test reads it.
#[derive(Debug, PartialEq)]
enum Told {
    Connected(SessionId),
    Received(SessionId, String),
    TimedOut(SessionId),
    Closed(SessionId),
}

/// Echoes, and tells the test of everything. Who says "stop" stops its thread until the test says
/// that it may go on.
struct Recorder {
    told: Sender<Told>,
    go_on: Mutex<Receiver<()>>,
}

/// What the test has of a recorder.
struct Recorded {
    server: Server<Queue>,
    told: Receiver<Told>,
    go_on: Sender<()>,
}

impl Recorded {
    fn start(settings: &Settings) -> io::Result<Recorded> {
        let (tell, told) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let recorder = Recorder {
            told: tell,
            go_on: Mutex::new(may_go_on),
        };
        let server = start(settings, recorder)?;
        Ok(Recorded {
            server,
            told,
            go_on,
        })
    }

    fn next(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("an event in time")
    }

    /// Connects a client, and returns the name that the application has for it.
    fn connect(&self) -> io::Result<(Client, SessionId)> {
        let client = Client::connect(self.server.address())?;
        match self.next() {
            Told::Connected(session) => Ok((client, session)),
            told => panic!("of the session first, not of {told:?}"),
        }
    }
}

impl Recorder {
    fn tell(&self, told: Told) {
        // A test that has seen enough hears no more.
        let _ = self.told.send(told);
    }
}

impl Application for Recorder {
    fn on_connect(&self, _: &dyn Sessions, session: SessionId) {
        self.tell(Told::Connected(session));
    }

    fn on_receive(&self, sessions: &dyn Sessions, session: SessionId, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let stops = text == "stop";
        self.tell(Told::Received(session, text));
        if stops {
            let _ = self.go_on.lock().unwrap().recv();
        }
        sessions.send(session, bytes);
    }

    fn on_timeout(&self, sessions: &dyn Sessions, session: SessionId) {
        self.tell(Told::TimedOut(session));
        sessions.close(session, "it was silent for too long");
    }

    fn on_close(&self, _: &dyn Sessions, session: SessionId) {
        self.tell(Told::Closed(session));
    }
}

#[test]
fn each_balancer_keeps_the_order_of_each_session_with_1_2_and_4_threads() -> io::Result<()> {
    for balancer in BALANCERS {
        for threads in [1, 2, 4] {
            let server = start(&settings(threads, balancer), Echo)?;
            let address = server.address();
            let talk = move |client: u8| {
                let mut bytes = numbered(200_000);
                bytes[0] = client;
                let mut client = Client::connect(address)?;
                for part in bytes.chunks(7_001) {
                    client.send(part)?;
                }
                client.half_close()?;
                io::Result::Ok(client.receive_to_end()? == bytes)
            };
            let talks: Vec<_> = (0..6)
                .map(|client| thread::spawn(move || talk(client)))
                .collect();
            for talk in talks {
                let is_same = talk.join().unwrap()?;
                assert!(is_same, "{threads} threads, {balancer:?}: other bytes");
            }
        }
    }
    Ok(())
}

#[test]
fn a_handler_that_waits_holds_up_neither_the_network_nor_another_thread() -> io::Result<()> {
    for balancer in BALANCERS {
        let recorded = Recorded::start(&settings(2, balancer))?;
        let (mut stopped, first) = recorded.connect()?;
        stopped.send(b"stop")?;
        assert_eq!(recorded.next(), Told::Received(first, "stop".into()));
        // The network goes on receiving, for who is held up too.
        stopped.send(b" and go")?;
        let lent = || recorded.server.network().pool().lent_bytes();
        wait_until("two packets wait", || lent() == 2 * PACKET_BYTES);
        // Somebody comes, is told of and answered, by the thread that is left.
        let (mut other, _) = recorded.connect()?;
        assert_eq!(other.echo(b"hello")?, b"hello");
        recorded.go_on.send(()).unwrap();
        assert_eq!(stopped.receive(11)?, b"stop and go");
    }
    Ok(())
}

#[test]
fn of_each_session_the_logic_hears_its_beginning_first_and_its_end_last() -> io::Result<()> {
    for balancer in BALANCERS {
        let recorded = Recorded::start(&settings(4, balancer))?;
        let mut ids = Vec::new();
        for _ in 0..20 {
            let (mut client, session) = recorded.connect()?;
            client.send(b"hello")?;
            assert_eq!(recorded.next(), Told::Received(session, "hello".into()));
            drop(client);
            assert_eq!(recorded.next(), Told::Closed(session));
            assert!(!ids.contains(&session), "{session} once more");
            ids.push(session);
        }
    }
    Ok(())
}

#[test]
fn a_late_reply_reaches_nobody_else_in_the_same_place() -> io::Result<()> {
    let mut settings = settings(2, Balancer::WhoeverIsFree);
    settings.basic.clients_max = 1;
    let recorded = Recorded::start(&settings)?;
    let (gone, former) = recorded.connect()?;
    drop(gone);
    assert_eq!(recorded.next(), Told::Closed(former));
    // The place is free a moment later.
    let mut newcomer = None;
    wait_until("the seat is free", || {
        let mut client = Client::connect(recorded.server.address()).unwrap();
        let is_let_in = client.echo(b"here").is_ok_and(|echo| echo == b"here");
        newcomer = is_let_in.then_some(client);
        is_let_in
    });
    let mut newcomer = newcomer.expect("let in");
    let Told::Connected(present) = recorded.next() else {
        panic!("nobody has come");
    };
    assert_eq!(present.index, former.index, "the same place");

    // It took its time: a database was asked, say.
    let network = recorded.server.network();
    network.send(former, b"for who is gone");
    network.close(former, "this one too");
    assert_eq!(newcomer.echo(b"hello").unwrap_or_default(), b"hello");
    Ok(())
}

#[test]
fn after_ten_megabytes_every_packet_has_been_given_back() -> io::Result<()> {
    const PART: usize = 64 * 1024;
    let server = start(&settings(2, Balancer::WhoeverIsFree), Echo)?;
    let mut client = Client::connect(server.address())?;
    for _ in 0..10_000_000_usize.div_ceil(PART) {
        client.echo(&[b'x'; PART])?;
    }
    client.half_close()?;
    client.receive_to_end()?;
    // Its end was told, so all before it is handled. Only what the end itself was received into may
    // still be on its way back.
    let lent = server.network().pool().lent_bytes();
    assert!(lent <= PACKET_BYTES, "{lent} bytes are never given back");
    Ok(())
}

#[test]
fn who_has_nothing_to_do_sleeps_until_it_is_told() -> io::Result<()> {
    let server = start(&settings(2, Balancer::ByIndex), Echo)?;
    let mut client = Client::connect(server.address())?;
    for _ in 0..200 {
        client.echo(b"hello")?;
    }
    let loads = server.loads();
    let idle = loads.iter().find(|load| load.thread == "logic 1");
    let idle = idle.expect("the second of two");
    assert_eq!(idle.handled, 0);
    assert!(idle.waits <= 1, "it looked {} times", idle.waits);
    Ok(())
}

#[test]
fn a_hundred_clients_share_one_packet() -> io::Result<()> {
    let mut settings = settings(2, Balancer::Fewest);
    settings.basic.clients_max = 100;
    settings.packets = 1;
    let server = start(&settings, Echo)?;
    let mut clients = lesson_lab::crowd(server.address(), 100)?;
    for _ in 0..5 {
        for (index, client) in clients.iter_mut().enumerate() {
            client.send(&[index as u8; 100])?;
        }
        for (index, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.receive(100)?, [index as u8; 100]);
        }
    }
    Ok(())
}

#[test]
fn one_that_reads_nothing_loses_nothing_and_holds_up_nobody() -> io::Result<()> {
    let server = start(&settings(1, Balancer::WhoeverIsFree), Echo)?;
    let mut stalled = Client::narrow(server.address(), 16 * 1024)?;
    let bytes = numbered(32 << 20);
    let sent = stalled.send_until_stalled(&bytes)?;
    let mut other = Client::connect(server.address())?;
    assert_eq!(other.echo(b"hello")?, b"hello");
    for expected in bytes[..sent].chunks(64 * 1024) {
        assert!(stalled.receive(expected.len())? == expected, "wrong bytes");
    }
    Ok(())
}

#[test]
fn silence_is_told_to_the_logic_and_ends_the_session() -> io::Result<()> {
    let mut settings = settings(2, Balancer::WhoeverIsFree);
    settings.basic.idle_ms = IDLE_MS;
    let recorded = Recorded::start(&settings)?;
    let (mut client, session) = recorded.connect()?;
    assert_eq!(recorded.next(), Told::TimedOut(session));
    assert_eq!(client.receive_to_end()?, b"");
    assert_eq!(recorded.next(), Told::Closed(session));
    Ok(())
}

#[test]
fn one_that_only_listens_is_silent_too() -> io::Result<()> {
    let mut settings = settings(2, Balancer::WhoeverIsFree);
    settings.basic.idle_ms = IDLE_MS;
    let recorded = Recorded::start(&settings)?;
    let (_client, session) = recorded.connect()?;
    wait_until("its silence is told", || {
        recorded.server.network().send(session, b"news");
        recorded.told.try_recv() == Ok(Told::TimedOut(session))
    });
    Ok(())
}

#[test]
fn one_that_waits_for_an_answer_is_not_silent() -> io::Result<()> {
    let mut settings = settings(2, Balancer::WhoeverIsFree);
    settings.basic.idle_ms = IDLE_MS;
    let recorded = Recorded::start(&settings)?;
    let (mut waiting, session) = recorded.connect()?;
    waiting.send(b"stop")?;
    assert_eq!(recorded.next(), Told::Received(session, "stop".into()));
    // Who has come later, and says nothing, is told of by the thread that is left.
    let (_silent, other) = recorded.connect()?;
    assert_eq!(recorded.next(), Told::TimedOut(other));
    assert_eq!(recorded.next(), Told::Closed(other));
    let answered = Instant::now();
    recorded.go_on.send(()).unwrap();
    assert_eq!(recorded.next(), Told::TimedOut(session));
    let silent = answered.elapsed();
    assert!(
        silent >= Duration::from_millis(IDLE_MS),
        "{silent:?} after the answer"
    );
    Ok(())
}

#[test]
fn what_has_come_before_a_session_is_ended_is_still_answered() -> io::Result<()> {
    let recorded = Recorded::start(&settings(1, Balancer::WhoeverIsFree))?;
    let (mut client, session) = recorded.connect()?;
    client.send(b"stop")?;
    assert_eq!(recorded.next(), Told::Received(session, "stop".into()));
    client.send(b" and go")?;
    let network = recorded.server.network();
    wait_until("two packets wait", || {
        network.pool().lent_bytes() == 2 * PACKET_BYTES
    });
    network.close(session, "it has said enough");
    recorded.go_on.send(()).unwrap();
    assert_eq!(client.receive_to_end()?, b"stop and go");
    Ok(())
}
