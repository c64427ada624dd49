//! The client against sockets of the other kinds, and a server as a process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use lesson_lab::{Client, PATIENCE, Server, announce, crowd, wait_until};

fn pair() -> (Client, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn what_is_sent_in_pieces_is_received_whole() {
    let (mut client, mut peer) = pair();
    client.send(b"ask").unwrap();
    let mut asked = [0; 3];
    peer.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"ask");
    assert_eq!(client.receive_at_once(9).unwrap(), b"");
    peer.write_all(b"ans").unwrap();
    peer.write_all(b"wer").unwrap();
    assert_eq!(client.receive(6).unwrap(), b"answer");
    peer.write_all(b"bye").unwrap();
    drop(peer);
    assert_eq!(client.receive_to_end().unwrap(), b"bye");
}

#[test]
fn what_does_not_come_is_told_with_what_came() {
    let (client, mut peer) = pair();
    let mut client = client.with_patience(Duration::from_millis(20));
    peer.write_all(b"12").unwrap();
    // A machine that is busy for so long may find that nothing came, the first time.
    wait_until("what came is told of", || {
        let late = client.receive(5).unwrap_err();
        late.to_string() == "nothing moved for 20ms after 2 of 5 bytes"
    });
    drop(peer);
    let mut client = client.with_patience(PATIENCE);
    let ended = client.receive(5).unwrap_err();
    let expected = "the server ended the connection after 0 of 5 bytes";
    assert_eq!(ended.to_string(), expected);
}

#[test]
fn a_line_is_received_without_its_end_and_nothing_behind_it() {
    let (mut client, mut peer) = pair();
    peer.write_all(b"one\r\ntwo\nthr").unwrap();
    assert_eq!(client.receive_line().unwrap(), "one");
    assert_eq!(client.receive_line().unwrap(), "two");
    drop(peer);
    let error = client.receive_line().unwrap_err().to_string();
    assert!(error.ends_with("behind \"thr\""), "{error}");
}

#[test]
fn a_client_may_come_from_another_address_of_this_machine() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = "127.0.0.2".parse().unwrap();
    let _client = Client::connect_from(source, listener.local_addr().unwrap()).unwrap();
    assert_eq!(listener.accept().unwrap().1.ip(), source);
}

#[test]
fn a_reset_is_no_end_in_good_order() {
    let (client, mut peer) = pair();
    client.reset().unwrap();
    assert!(was_reset(&mut peer));
    let (client, mut peer) = pair();
    client.half_close().unwrap();
    assert!(!was_reset(&mut peer));
}

/// Whether what comes next is a reset, and not the end of the stream.
///
/// Wine forgets a reset that comes while nobody receives, and calls it the end. It does not look
/// like the end of a half, all the same: the other half would still take a byte.
fn was_reset(peer: &mut TcpStream) -> bool {
    match peer.read(&mut [0; 8]) {
        Ok(0) => cfg!(windows) && peer.write(b"?").is_err(),
        Ok(_) => panic!("nothing was sent"),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_narrow_client_that_does_not_read_stalls_its_sender() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = Client::narrow(listener.local_addr().unwrap(), 4096).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.set_nonblocking(true).unwrap();
    let stalled = loop {
        if let Err(error) = peer.write(&[0; 4096]) {
            break error;
        }
    };
    assert_eq!(stalled.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn what_left_before_it_stalled_is_counted() {
    let (mut client, mut peer) = pair();
    let bytes = vec![7; 64 << 20];
    let sent = client.send_until_stalled(&bytes).unwrap();
    assert!((1..bytes.len()).contains(&sent), "{sent} bytes");
    client.half_close().unwrap();
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert_eq!(received.len(), sent);
}

/// This test program is the server too, if it is asked to be.
const SERVE: &str = "LESSON_LAB_SERVES";

#[test]
fn a_server_is_a_process_that_says_where_it_listens() {
    let this = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(this);
    command
        .args(["--exact", "serves_if_asked", "--nocapture"])
        .env(SERVE, "1");
    let mut server = Server::start_command(&mut command).unwrap();
    let mut clients = crowd(server.address(), 3).unwrap();
    for client in &mut clients {
        assert_eq!(client.echo(b"echo").unwrap(), b"echo");
    }
    let line = server
        .wait_for_line(|line| line.contains("served"))
        .unwrap();
    assert_eq!(line, "served 3");
    assert!(server.usage().resident_bytes > 0);
    server.say("enough").unwrap();
    assert!(server.wait_for_end().unwrap().success());
    assert!(server.said().iter().any(|line| line == "told enough"));
}

#[test]
fn serves_if_asked() {
    if std::env::var_os(SERVE).is_none() {
        return;
    }
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    println!();
    announce(listener.local_addr().unwrap());
    for _ in 0..3 {
        let mut stream = listener.accept().unwrap().0;
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
    }
    println!("served 3");
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).unwrap();
    eprintln!("told {}", told.trim());
}

#[test]
fn a_program_that_is_no_server_is_told() {
    let this = std::env::current_exe().unwrap();
    let error = Server::start(this, &["--exact", "serves_if_asked"]).unwrap_err();
    assert!(error.to_string().starts_with("the server ended"), "{error}");
    assert!(error.to_string().contains("1 passed"), "{error}");
}
