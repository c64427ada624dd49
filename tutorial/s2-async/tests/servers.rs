//! Both servers do the same; where the two systems differ, it is said.

use lesson_lab::{Client, Server, crowd};
use s2_async::Model;
use s2_async::sys::{Ended, Io, Operation, Operations, Readiness, WALL};
use socket2::SockRef;
use std::net::{SocketAddr, TcpListener, TcpStream};

fn start(model: Model) -> SocketAddr {
    model.start().unwrap().0
}

/// A client that says nothing, and many that talk.
fn serves_the_others(model: Model) {
    let address = start(model);
    let mut silent = Client::connect(address).unwrap();
    let mut talkers = crowd(address, 30).unwrap();
    for round in 0..10 {
        for talker in &mut talkers {
            talker.send(format!("round {round}").as_bytes()).unwrap();
        }
        for talker in &mut talkers {
            let heard = talker.receive(7).map_err(|error| error.to_string());
            assert_eq!(heard, Ok(format!("round {round}").into_bytes()));
        }
    }
    assert_eq!(silent.echo(b"now I speak").unwrap(), b"now I speak");
}

#[test]
fn readiness_serves_others_while_one_is_silent() {
    serves_the_others(Model::Readiness);
}

#[test]
fn completion_serves_others_while_one_is_silent() {
    serves_the_others(Model::Completion);
}

/// More than the system takes from a server whose client does not read.
fn returns_all(model: Model) {
    let mut client = Client::narrow(start(model), 4096).unwrap();
    let message: Vec<u8> = (0..12_u32 << 20).map(|index| (index / 3) as u8).collect();
    let sent = client.send_until_stalled(&message).unwrap();
    let writer = client.stream().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| std::io::Write::write_all(&mut &writer, &message[sent..]).unwrap());
        assert!(client.receive(message.len()).unwrap() == message);
    });
    client.half_close().unwrap();
    assert_eq!(client.receive_to_end().unwrap(), b"");
}

#[test]
fn readiness_returns_all_of_it_to_a_slow_reader() {
    returns_all(Model::Readiness);
}

#[test]
fn completion_returns_all_of_it_to_a_slow_reader() {
    returns_all(Model::Completion);
}

/// Clients come and go, by all means.
fn outlives_its_clients(model: Model) {
    let address = start(model);
    for _ in 0..100 {
        Client::connect(address).unwrap().reset().unwrap();
        let mut client = Client::connect(address).unwrap();
        client.echo(b"one").unwrap();
        client.reset().unwrap();
    }
    let mut client = Client::connect(address).unwrap();
    assert_eq!(client.echo(b"alive").unwrap(), b"alive");
}

#[test]
fn readiness_outlives_its_clients() {
    outlives_its_clients(Model::Readiness);
}

#[test]
fn completion_outlives_its_clients() {
    outlives_its_clients(Model::Completion);
}

/// Two ends of a connection.
fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, peer)
}

/// As many sockets as one would like one thread to wait for.
const MANY: usize = 150;

#[test]
fn readiness_has_a_wall_at_64_on_windows_and_none_on_linux() {
    let mut readiness = Readiness::new().unwrap();
    let pairs: Vec<_> = (0..MANY).map(|_| connected()).collect();
    let watched = pairs
        .iter()
        .enumerate()
        .map_while(|(key, (socket, _))| readiness.watch(SockRef::from(socket), key).ok());
    assert_eq!(watched.count(), WALL.unwrap_or(MANY));
}

#[test]
fn completion_has_a_wall_at_64_on_windows_and_none_on_linux() {
    let mut operations = Operations::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let (sockets, mut peers): (Vec<_>, Vec<_>) = (0..MANY).map(|_| connected()).unzip();
    let begun = sockets
        .into_iter()
        .enumerate()
        .map_while(|(key, socket)| operations.recv(Io::new(socket, key).unwrap()).ok());
    // One of the events is the listener's.
    let begun = begun.count();
    assert_eq!(begun, WALL.map_or(MANY, |wall| wall - 1));
    // Those before the wall are served as ever.
    std::io::Write::write_all(&mut peers[begun - 1], b"hello").unwrap();
    let Ok(Ended::Moved(io, Ok(5))) = operations.wait() else {
        panic!("five bytes were sent to it");
    };
    assert_eq!((io.key(), io.operation()), (begun - 1, Operation::Recv));
}

#[test]
fn who_comes_beyond_the_wall_is_sent_away_and_the_others_are_served() {
    let address = start(Model::Readiness);
    let mut clients = crowd(address, MANY).unwrap();
    let served = |client: &mut Client| client.echo(b"me?").is_ok();
    let count = clients
        .iter_mut()
        .map(served)
        .filter(|served| *served)
        .count();
    assert_eq!(count, WALL.map_or(MANY, |wall| wall - 1));
    // Whoever was sent away can come again when somebody has left.
    drop(clients);
    let mut client = Client::connect(address).unwrap();
    lesson_lab::wait_until("there is room", || {
        client.echo(b"me?").is_ok() || {
            client = Client::connect(address).unwrap();
            false
        }
    });
}

#[test]
fn both_models_can_be_chosen() {
    for model in ["readiness", "completion"] {
        let program = env!("CARGO_BIN_EXE_s2-async");
        let server = Server::start(program, &["--port", "0", "--model", model]).unwrap();
        let mut client = server.connect().unwrap();
        assert_eq!(client.echo(b"hello").unwrap(), b"hello");
    }
}
