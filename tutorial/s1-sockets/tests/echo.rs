//! What the servers promise to their clients.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::thread;

use lesson_lab::Client;
use s1_sockets::{client, select, sys, threads};

/// Starts a server in this process.
fn start(serve: impl FnOnce(&TcpListener) -> io::Result<()> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(&listener).expect("the server goes on"));
    address
}

fn start_threads() -> SocketAddr {
    start(threads::serve)
}

fn start_select() -> SocketAddr {
    start(|listener| select::serve(listener, 4 * sys::FD_SETSIZE))
}

#[test]
fn the_client_prints_each_line_that_comes_back() {
    for server in [start_threads(), start_select()] {
        let mut printed = Vec::new();
        client::talk(
            server,
            &b"hello\n\xed\x95\x9c\xea\xb8\x80\n"[..],
            &mut printed,
        )
        .unwrap();
        assert_eq!(String::from_utf8(printed).unwrap(), "hello\n한글\n");
    }
}

#[test]
fn a_thread_each_serves_the_second_client_while_the_first_is_silent() {
    serves_the_second(start_threads());
}

#[test]
fn select_serves_the_second_client_while_the_first_is_silent() {
    serves_the_second(start_select());
}

fn serves_the_second(server: SocketAddr) {
    let mut first = Client::connect(server).unwrap();
    assert_eq!(first.echo(b"I am here").unwrap(), b"I am here");
    let mut second = Client::connect(server).unwrap();
    let echo = second.echo(b"and I");
    assert!(echo.is_ok(), "the second client is not served: {echo:?}");
}

/// Nobody reads until no more can be sent, so some sends of the server are cut short.
#[test]
fn a_client_that_reads_late_gets_every_byte_in_order() {
    let mut client = Client::narrow(start_select(), 4096).unwrap();
    let mut writer = client.stream().try_clone().unwrap();
    // Three times what Linux keeps for a peer that does not read.
    let bytes: Vec<u8> = (0..12 << 20).map(|index| (index / 251) as u8).collect();
    let sent = client.send_until_stalled(&bytes).unwrap();
    let received = thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&bytes[sent..]).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        client.receive_to_end().unwrap()
    });
    assert_eq!(bytes.len() - received.len(), 0, "bytes are lost");
    assert!(received == bytes, "bytes are not in order");
}

#[test]
fn a_client_that_resets_takes_nobody_with_it() {
    for server in [start_threads(), start_select()] {
        let mut gone = Client::connect(server).unwrap();
        gone.echo(b"for now").unwrap();
        gone.reset().unwrap();
        let mut other = Client::connect(server).unwrap();
        assert_eq!(other.echo(b"still here").unwrap(), b"still here");
    }
}

#[test]
fn a_client_that_ends_its_stream_gets_the_rest_and_then_the_end() {
    for server in [start_threads(), start_select()] {
        let mut client = Client::connect(server).unwrap();
        client.send(b"last words").unwrap();
        client.half_close().unwrap();
        assert_eq!(client.receive_to_end().unwrap(), b"last words");
    }
}
