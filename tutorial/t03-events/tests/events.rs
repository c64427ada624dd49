//! What the library promises to an application: which events, of whom, in which order.

use lesson_lab::{Client, PATIENCE};
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use t03_events::{Application, Network, SessionId, Settings};

/// An event as a test reads it.
#[derive(Debug, PartialEq)]
enum Told {
    Connected(SessionId),
    Received(SessionId, String),
    TimedOut(SessionId),
    Closed(SessionId),
}

/// Answers each word that it hears, and tells the test of everything.
struct Recorder(Sender<Told>);

impl Recorder {
    fn tell(&self, told: Told) {
        // A test that has seen enough hears no more.
        let _ = self.0.send(told);
    }
}

impl Application for Recorder {
    fn on_connect(&mut self, _: &mut Network, session: SessionId) {
        self.tell(Told::Connected(session));
    }

    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.tell(Told::Received(session, text));
        network.send(session, b"heard");
    }

    fn on_timeout(&mut self, network: &mut Network, session: SessionId) {
        self.tell(Told::TimedOut(session));
        network.close(session, "it was silent for too long");
    }

    fn on_close(&mut self, _: &mut Network, session: SessionId) {
        self.tell(Told::Closed(session));
    }
}

/// A network with a recorder, on a thread that ends with the test.
struct Recorded {
    address: SocketAddr,
    told: Receiver<Told>,
}

impl Recorded {
    fn start(idle_ms: u64) -> io::Result<Recorded> {
        let settings = Settings {
            port: 0,
            clients_max: 10,
            idle_ms,
            trace: false,
        };
        let network = Network::open(&settings)?;
        let address = network.address();
        let (sender, told) = mpsc::channel();
        thread::spawn(move || network.run(&mut Recorder(sender)));
        Ok(Recorded { address, told })
    }

    fn connect(&self) -> io::Result<Client> {
        Client::connect(self.address)
    }

    fn next(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("an event in time")
    }

    /// Has the client say a word, and returns the session that the application heard it of.
    fn say(&self, client: &mut Client, word: &str) -> io::Result<SessionId> {
        client.send(word.as_bytes())?;
        loop {
            if let Told::Received(session, text) = self.next() {
                assert_eq!(text, word);
                return Ok(session);
            }
        }
    }
}

const FOR_EVER: u64 = 1_000_000;

#[test]
fn a_session_is_told_of_before_what_it_says_and_after_that_its_end() -> io::Result<()> {
    let recorded = Recorded::start(FOR_EVER)?;
    let mut client = recorded.connect()?;
    client.send(b"hello")?;
    let told = recorded.next();
    let Told::Connected(session) = told else {
        panic!("of the session first, not of {told:?}");
    };
    assert_eq!(recorded.next(), Told::Received(session, "hello".into()));
    drop(client);
    assert_eq!(recorded.next(), Told::Closed(session));
    Ok(())
}

#[test]
fn what_one_says_is_told_as_its_own() -> io::Result<()> {
    let recorded = Recorded::start(FOR_EVER)?;
    let mut one = recorded.connect()?;
    let first = recorded.say(&mut one, "one")?;
    let mut two = recorded.connect()?;
    let second = recorded.say(&mut two, "two")?;
    assert_ne!(first, second);
    assert_eq!(recorded.say(&mut one, "one again")?, first);
    Ok(())
}

#[test]
fn an_id_is_never_used_again() -> io::Result<()> {
    let recorded = Recorded::start(FOR_EVER)?;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let mut client = recorded.connect()?;
        let session = recorded.say(&mut client, "hello")?;
        drop(client);
        while recorded.next() != Told::Closed(session) {}
        assert!(!ids.contains(&session), "{session} once more");
        ids.push(session);
    }
    Ok(())
}

#[test]
fn one_that_is_silent_times_out_and_is_closed() -> io::Result<()> {
    let recorded = Recorded::start(100)?;
    let mut client = recorded.connect()?;
    let told = recorded.next();
    let Told::Connected(session) = told else {
        panic!("of the session first, not of {told:?}");
    };
    assert_eq!(recorded.next(), Told::TimedOut(session));
    assert_eq!(client.receive_to_end()?, b"");
    assert_eq!(recorded.next(), Told::Closed(session));
    Ok(())
}
