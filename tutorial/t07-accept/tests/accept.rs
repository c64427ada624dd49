//! What the guide asks of step 7, from outside.

use clap::{Args, FromArgMatches};
use lesson_lab::{Client, PATIENCE, Server, crowd};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use t01_echo::acceptor::FULL;
use t01_echo::descriptors;
use t06_queue::{Application, Class, Network, SessionId};
use t07_accept::server::{self, Settings};

fn start(arguments: &[&str]) -> Server {
    let arguments = [&["--port", "0"], arguments].concat();
    Server::start(env!("CARGO_BIN_EXE_t07-accept"), &arguments).unwrap()
}

fn ping(client: &mut Client) -> io::Result<String> {
    client.send(b"ping me\n")?;
    client.receive_line()
}

/// Another address of this machine.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Wine takes its time for each of them.
const MANY: usize = if cfg!(windows) { 1_000 } else { 5_000 };

#[test]
fn thousands_connect_at_once_and_each_is_answered() -> io::Result<()> {
    descriptors::provide(MANY)?;
    let many = MANY.to_string();
    let server = start(&["--clients-max", &many, "--per-address-max", &many]);
    let mut clients = crowd(server.address(), MANY)?;
    for client in &mut clients {
        assert_eq!(ping(client)?, "pong me");
    }
    clients.into_iter().try_for_each(Client::reset)
}

#[test]
fn far_more_than_there_are_seats_do_no_harm() -> io::Result<()> {
    descriptors::provide(MANY)?;
    let server = start(&["--clients-max", "1"]);
    let mut first = server.connect()?;
    assert_eq!(ping(&mut first)?, "pong me");
    let clients = crowd(server.address(), MANY)?;
    for mut client in clients {
        assert_eq!(client.receive(FULL.len())?, FULL.as_bytes());
    }
    assert_eq!(ping(&mut first)?, "pong me");
    Ok(())
}

#[test]
fn the_classic_clients_echo_packet_comes_back_wherever_it_is_cut() -> io::Result<()> {
    lesson_lab::check_classic_echo(start(&["--echo"]).address())
}

#[cfg(target_os = "linux")]
#[test]
fn the_server_has_one_thread() -> io::Result<()> {
    let server = start(&[]);
    let mut clients = crowd(server.address(), 10)?;
    for client in &mut clients {
        assert_eq!(ping(client)?, "pong me");
    }
    let mut names = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{}/task", server.id()))? {
        names.push(std::fs::read_to_string(thread?.path().join("comm"))?);
    }
    // The kernel may have workers of its own in there.
    names.retain(|name| !name.starts_with("iou-"));
    assert_eq!(names, ["t07-accept\n"]);
    Ok(())
}

/// Holds up the server's one thread for as long as the test likes.
struct Holding {
    held: Sender<()>,
    go_on: Receiver<()>,
}

impl Application for Holding {
    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        if bytes == b"hold" {
            self.held.send(()).expect("the test waits");
            self.go_on.recv().expect("the test lets go");
        }
        network.send(session, Class::Control, bytes);
    }
}

/// The defaults, and a port that is free.
fn settings() -> Settings {
    let command = Settings::augment_args(clap::Command::new("server"));
    let matches = command.get_matches_from(["server", "--port", "0"]);
    Settings::from_arg_matches(&matches).expect("the defaults go together")
}

#[test]
fn three_who_connect_and_reset_at_once_keep_nobody_out() -> io::Result<()> {
    let (held, is_held) = mpsc::channel();
    let (let_go, go_on) = mpsc::channel();
    let server = server::Server::start(&settings(), Holding { held, go_on })?;
    let address = server.address();
    thread::spawn(move || server.run());

    // While the server is busy they come and go, so it finds all three gone.
    let mut busy = Client::connect(address)?;
    busy.send(b"hold")?;
    is_held.recv_timeout(PATIENCE).expect("the server is busy");
    for _ in 0..3 {
        Client::connect(address)?.reset()?;
    }
    let_go.send(()).expect("the server waits");

    let answer = Client::connect(address).and_then(|mut next| next.echo(b"hello"));
    assert_eq!(answer.unwrap_or_default(), b"hello");
    assert_eq!(busy.receive(4)?, b"hold");
    Ok(())
}

#[test]
fn a_seat_is_free_as_soon_as_its_session_has_ended() -> io::Result<()> {
    let mut server = start(&["--clients-max", "1"]);
    for _ in 0..5 {
        let mut client = server.connect()?;
        assert_eq!(ping(&mut client)?, "pong me");
        drop(client);
        let left = server.wait_for_line(|line| line.contains("has left"))?;
        assert!(left.ends_with("free seats: 1"), "{left}");
    }
    Ok(())
}

#[test]
fn who_says_nothing_loses_the_seat_and_who_has_said_something_does_not() -> io::Result<()> {
    let mut server = start(&["--clients-max", "3", "--first-ms", "2000"]);
    let mut talker = server.connect()?;
    assert_eq!(ping(&mut talker)?, "pong me");
    // They sit there, and that is all they do.
    for silent in crowd(server.address(), 2)? {
        assert!(is_kept_out(Ok(silent)));
    }
    server.wait_for_line(|line| line.contains("has left"))?;
    let left = server.wait_for_line(|line| line.contains("has left"))?;
    assert!(left.ends_with("free seats: 2"), "{left}");
    assert_eq!(ping(&mut server.connect()?)?, "pong me");
    assert_eq!(ping(&mut talker)?, "pong me");
    Ok(())
}

#[test]
fn who_is_to_leave_and_does_not_read_is_cut() -> io::Result<()> {
    let mut server = start(&["--leave-ms", "200", "--kernel-bytes", "16384"]);
    let mut client = Client::narrow(server.address(), 16 * 1024)?;
    client.send(b"bulk 1000 4096\nquit\n")?;
    let line = server.wait_for_line(|line| line.contains("disconnected"))?;
    assert!(line.ends_with("it did not leave in time"), "{line}");
    Ok(())
}

#[test]
fn an_address_that_is_denied_is_not_served_and_another_is() -> io::Result<()> {
    let server = start(&["--deny", "127.0.0.2/32"]);
    let denied = Client::connect_from(ELSEWHERE, server.address());
    assert!(is_kept_out(denied));
    assert_eq!(ping(&mut server.connect()?)?, "pong me");
    Ok(())
}

#[test]
fn no_more_than_so_many_are_served_from_one_address() -> io::Result<()> {
    let mut server = start(&["--per-address-max", "2"]);
    let mut clients = crowd(server.address(), 2)?;
    for client in &mut clients {
        assert_eq!(ping(client)?, "pong me");
    }
    assert!(is_kept_out(server.connect()));
    let mut other = Client::connect_from(ELSEWHERE, server.address())?;
    assert_eq!(ping(&mut other)?, "pong me");
    clients.pop();
    server.wait_for_line(|line| line.contains("has left"))?;
    assert_eq!(ping(&mut server.connect()?)?, "pong me");
    Ok(())
}

/// Whether the server ends the connection without a word: in order, or by a reset, which may be
/// quicker than `connect` is to return.
fn is_kept_out(client: io::Result<Client>) -> bool {
    match client.and_then(|mut client| client.receive_to_end()) {
        Ok(bytes) => bytes.is_empty(),
        Err(error) => error.kind() != io::ErrorKind::TimedOut,
    }
}

#[test]
fn a_network_that_is_none_is_refused_with_what_would_be_one() {
    let arguments = ["--port", "0", "--deny", "127.0.0.2/33"];
    let error = Server::start(env!("CARGO_BIN_EXE_t07-accept"), &arguments).unwrap_err();
    assert!(error.to_string().contains("--deny <CIDR>"), "{error}");
}
