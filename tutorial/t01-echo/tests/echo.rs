//! What the guide asks of step 1, from outside.

use lesson_lab::{Client, Server, crowd};
use std::io;
use t01_echo::acceptor::FULL;
use t01_echo::descriptors;

fn start(arguments: &[&str]) -> Server {
    let arguments = [&["--port", "0"], arguments].concat();
    Server::start(env!("CARGO_BIN_EXE_t01-echo"), &arguments).unwrap()
}

/// Bytes in which each place can be told from its neighbours.
fn numbered(count: usize) -> Vec<u8> {
    let words = (0..count.div_ceil(4)).flat_map(|index| (index as u32).to_be_bytes());
    words.take(count).collect()
}

#[test]
fn what_is_said_comes_back() -> io::Result<()> {
    let server = start(&[]);
    let mut client = server.connect()?;
    assert_eq!(client.echo(b"hello\r\n")?, b"hello\r\n");
    Ok(())
}

#[test]
fn the_classic_clients_echo_packet_comes_back_wherever_it_is_cut() -> io::Result<()> {
    lesson_lab::check_classic_echo(start(&[]).address())
}

#[test]
fn several_clients_at_once_get_their_own_bytes() -> io::Result<()> {
    let server = start(&[]);
    let mut clients = crowd(server.address(), 50)?;
    for round in 0..20 {
        let line = |index: usize| format!("client {index}, line {round}\r\n");
        for (index, client) in clients.iter_mut().enumerate() {
            client.send(line(index).as_bytes())?;
        }
        for (index, client) in clients.iter_mut().enumerate() {
            let echo = client.receive(line(index).len())?;
            assert_eq!(String::from_utf8_lossy(&echo), line(index));
        }
    }
    Ok(())
}

#[test]
fn a_prefix_stands_before_each_echo() -> io::Result<()> {
    let server = start(&["--prefix", "[서버 응답] "]);
    let mut client = server.connect()?;
    for line in ["hello\r\n", "once more\r\n"] {
        client.send(line.as_bytes())?;
        let expected = format!("[서버 응답] {line}");
        let echo = client.receive(expected.len())?;
        assert_eq!(String::from_utf8_lossy(&echo), expected);
    }
    Ok(())
}

#[test]
fn the_timeline_shows_each_submission_and_each_completion_in_order() -> io::Result<()> {
    let mut server = start(&["--trace"]);
    let mut client = server.connect()?;
    client.echo(b"hello")?;
    client.half_close()?;
    server.wait_for_line(|line| line.contains("disconnected"))?;
    let mut told: Vec<String> = Vec::new();
    for line in server.said() {
        if let Some((_, what)) = line.split_once(" ms  session 0: ") {
            told.push(what.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    assert_eq!(
        told[..4],
        [
            "receive submitted: room for 1024 bytes",
            "receive completed: 5 bytes",
            "send submitted: 5 bytes",
            "receive submitted: room for 1024 bytes",
        ]
    );
    // The client may be quicker to end than the server to hear that all was sent.
    told[4..].sort();
    assert_eq!(
        told[4..],
        ["receive completed: 0 bytes", "send completed: 5 bytes"]
    );
    Ok(())
}

#[test]
fn who_comes_and_who_goes_is_logged() -> io::Result<()> {
    let mut server = start(&[]);
    let client = server.connect()?;
    let address = client.local_address()?;
    let connected = format!("{address} connected as session 0: 1 of 100");
    server.wait_for_line(|line| line == connected)?;
    drop(client);
    let disconnected = format!("{address} disconnected: it said goodbye");
    server.wait_for_line(|line| line == disconnected)?;

    let client = server.connect()?;
    server.wait_for_line(|line| line.contains("connected as session 0"))?;
    let address = client.local_address()?;
    client.reset()?;
    let disconnected = format!("{address} disconnected: ");
    let line = server.wait_for_line(|line| line.starts_with(&disconnected))?;
    // Wine forgets a reset that comes while nobody receives, and calls it the end of the stream.
    assert!(cfg!(windows) || !line.contains("goodbye"), "{line}");
    Ok(())
}

#[test]
fn one_that_has_only_ended_its_own_half_still_gets_the_echo() -> io::Result<()> {
    let server = start(&[]);
    let mut client = server.connect()?;
    client.send(&numbered(100_000))?;
    client.half_close()?;
    assert!(client.receive_to_end()? == numbered(100_000), "other bytes");
    Ok(())
}

#[test]
fn after_the_101st_client_was_turned_away_a_seat_that_is_given_back_is_taken() -> io::Result<()> {
    let mut server = start(&["--clients-max", "100"]);
    let mut clients = crowd(server.address(), 100)?;
    for client in &mut clients {
        client.echo(b"here")?;
    }
    let mut one_too_many = server.connect()?;
    let told = one_too_many.receive_to_end()?;
    assert_eq!(String::from_utf8_lossy(&told), FULL);

    clients.truncate(99);
    server.wait_for_line(|line| line.contains("disconnected"))?;
    let mut newcomer = server.connect()?;
    let echo = newcomer.echo(b"hello");
    assert_eq!(echo.unwrap_or_default(), b"hello", "nobody accepts");
    Ok(())
}

#[test]
fn a_reader_that_stalls_gets_the_right_bytes_afterwards() -> io::Result<()> {
    // So that it takes little to stall the server, however slow it is.
    let server = start(&["--unread-bytes", "16384"]);
    let mut client = Client::narrow(server.address(), 16 * 1024)?;
    let bytes = numbered(8 << 20);
    let sent = client.send_until_stalled(&bytes)?;
    for expected in bytes[..sent].chunks(64 * 1024) {
        let received = client.receive(expected.len());
        assert!(received.is_ok_and(|it| it == expected), "wrong bytes");
    }
    Ok(())
}

/// Under Wine a tenth of them: there each socket costs three system calls of another process.
#[test]
fn ten_thousand_clients_are_served() -> io::Result<()> {
    let count = if cfg!(windows) { 1_000 } else { 10_000 };
    descriptors::provide(count)?;
    let server = start(&["--clients-max", &count.to_string()]);
    let mut clients = crowd(server.address(), count)?;
    for client in &mut clients {
        client.send(b"here")?;
    }
    for client in &mut clients {
        assert_eq!(client.receive(4)?, b"here");
    }
    // Ports of clients that say goodbye are not free for a minute.
    clients.into_iter().try_for_each(Client::reset)
}
