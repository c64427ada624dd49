//! Sessions and packets, each alone, and the server that puts them together.

use lesson_lab::{Client, Server};
use s5_ring::packet::{BadLength, PACKET_BYTES_MAX, Packet};
use s5_ring::ring::Ring;
use s5_ring::server::{COUNT, ECHO};
use s5_ring::sessions::Sessions;
use std::io;

#[test]
fn a_name_of_one_who_is_gone_finds_nobody() {
    let mut sessions = Sessions::new(1);
    let first = sessions.insert(|_| "first").unwrap();
    assert!(sessions.insert(|_| "no place").is_none());
    assert_eq!(sessions.remove(first), Some("first"));
    let second = sessions.insert(|_| "second").unwrap();
    assert_eq!(first.index(), second.index());
    assert_eq!(sessions.get_mut(first), None);
    assert_eq!(sessions.remove(first), None);
    assert_eq!(sessions.get_mut(second), Some(&mut "second"));
    assert_eq!(sessions.count(), 1);
}

fn echo(text: &str) -> Packet {
    Packet {
        id: ECHO,
        body: text.into(),
    }
}

#[test]
fn a_packet_is_taken_when_it_is_whole() {
    let mut ring = Ring::new(64);
    let bytes = [echo("one").to_bytes(), echo("").to_bytes()].concat();
    let mut taken = Vec::new();
    for byte in bytes {
        assert!(ring.write(&[byte]));
        taken.extend(Packet::take(&mut ring).unwrap());
    }
    assert_eq!(taken, [echo("one"), echo("")]);
}

#[test]
fn a_length_that_no_packet_has_is_an_error() {
    for length in [0, 4, PACKET_BYTES_MAX as u16 + 1, u16::MAX] {
        let mut ring = Ring::new(64);
        let [low, high] = length.to_le_bytes();
        assert!(ring.write(&[low, high, 1, 0, 0]));
        assert_eq!(Packet::take(&mut ring), Err(BadLength(length.into())));
    }
}

fn start() -> io::Result<Server> {
    Server::start(env!("CARGO_BIN_EXE_s5-ring"), &["--port", "0"])
}

#[test]
fn many_packets_in_one_piece_and_one_in_many_are_answered_alike() -> io::Result<()> {
    let server = start()?;
    let mut client = server.connect()?;
    let packets: Vec<u8> = (0..200)
        .flat_map(|i| echo(&"ab".repeat(i)).to_bytes())
        .collect();
    assert!(client.echo(&packets)? == packets, "other bytes");
    for piece in packets[..2000].chunks(7) {
        client.send(piece)?;
    }
    // The last of those may be a part of a packet: the rest makes it whole.
    client.send(&packets[2000..])?;
    assert!(client.receive(packets.len())? == packets, "other bytes");
    Ok(())
}

#[test]
fn one_may_ask_how_many_are_here() -> io::Result<()> {
    let server = start()?;
    let mut clients = [server.connect()?, server.connect()?];
    let question = Packet {
        id: COUNT,
        body: Vec::new(),
    };
    let answer = |count: u32| Packet {
        id: COUNT,
        body: count.to_le_bytes().into(),
    };
    for client in &mut clients {
        client.echo(&echo("here").to_bytes())?;
    }
    clients[0].send(&question.to_bytes())?;
    let expected = answer(2).to_bytes();
    assert_eq!(clients[0].receive(expected.len())?, expected);
    Ok(())
}

#[test]
fn a_reader_that_stalls_is_not_read_from_and_gets_all_of_it_later() -> io::Result<()> {
    let server = start()?;
    let mut client = Client::narrow(server.address(), 16 * 1024)?;
    let packet = echo(&"x".repeat(1000)).to_bytes();
    let packets = packet.repeat(16_000);
    let sent = client.send_until_stalled(&packets)?;
    let whole = sent / packet.len() * packet.len();
    assert!(client.receive(whole)? == packets[..whole], "other bytes");
    Ok(())
}

#[test]
fn what_is_no_packet_ends_the_session_with_a_reason() -> io::Result<()> {
    let mut server = start()?;
    let unknown = Packet {
        id: 999,
        body: Vec::new(),
    };
    let wrong = [
        (unknown.to_bytes(), "no packet has that id"),
        (vec![4, 0, 1, 0, 0], "no packet has a length of 4"),
    ];
    for (bytes, why) in wrong {
        let mut client = server.connect()?;
        client.send(&bytes)?;
        assert_eq!(client.receive_to_end()?, b"");
        server.wait_for_line(|line| line.ends_with(why))?;
    }
    Ok(())
}
