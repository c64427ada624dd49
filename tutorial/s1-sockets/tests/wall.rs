//! The wall of `select`, run against.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use lesson_lab::{Client, Server};
use s1_sockets::sys::FD_SETSIZE;
use s1_sockets::{select, wall};

/// Starts a server in this process.
fn start(capacity: usize) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || select::serve(&listener, capacity).expect("the server goes on"));
    address
}

/// Clients up to the first that is not served.
fn served_of(server: SocketAddr, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    while clients.len() < count {
        let mut client = Client::connect(server).unwrap();
        // Who is refused may learn it from the end of the stream, or from a reset.
        if let Err(error) = client.echo(b"am I in?") {
            assert_ne!(error.kind(), ErrorKind::TimedOut, "neither in nor refused");
            break;
        }
        clients.push(client);
    }
    clients
}

#[test]
fn who_does_not_fit_into_the_set_is_turned_away_and_those_inside_stay() {
    // A process of its own: no other test takes numbers of descriptors there.
    let program = env!("CARGO_BIN_EXE_s1-sockets");
    let server = Server::start(program, &["select", "--set", "48", "--port", "0"]).unwrap();
    let mut clients = served_of(server.address(), 48);
    let served = clients.len();
    assert!((1..48).contains(&served), "{served}");
    for client in &mut clients {
        assert_eq!(client.echo(b"still").unwrap(), b"still");
    }
    // And a place that is free again is given again.
    clients.pop();
    let again = || served_of(server.address(), 1).pop();
    assert!((0..1000).find_map(|_| again()).is_some());
}

#[test]
fn a_larger_set_takes_more_clients_than_the_wall_has_room_for() {
    allow_descriptors(4 * FD_SETSIZE as u64);
    let count = FD_SETSIZE + 6;
    assert_eq!(served_of(start(4 * FD_SETSIZE), count).len(), count);
}

#[test]
fn the_system_itself_has_no_wall() {
    allow_descriptors(4 * FD_SETSIZE as u64);
    assert!(wall::select_reports_beyond(FD_SETSIZE).unwrap());
    assert_eq!(wall::tried().unwrap().len(), 3);
}

/// Many systems let a process have 1024 descriptors unless it asks for more.
#[cfg(unix)]
fn allow_descriptors(count: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        limit.current = Some(count);
        setrlimit(Resource::Nofile, limit).expect("so many descriptors are allowed");
    }
}

#[cfg(windows)]
fn allow_descriptors(_count: u64) {}
