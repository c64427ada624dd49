//! What the guide asks of step 2, from outside.

use lesson_lab::{Client, Server, crowd};
use std::io;
use std::thread;
use std::time::Duration;
use t02_memory::server::Settings;

fn start(arguments: &[&str]) -> Server {
    let arguments = [&["--port", "0"], arguments].concat();
    Server::start(env!("CARGO_BIN_EXE_t02-memory"), &arguments).unwrap()
}

/// Bytes in which each place can be told from its neighbours.
fn numbered(count: usize) -> Vec<u8> {
    let words = (0..count.div_ceil(4)).flat_map(|index| (index as u32).to_be_bytes());
    words.take(count).collect()
}

#[test]
fn a_thousand_idle_sessions_take_a_fifth_of_the_memory_of_step_one() -> io::Result<()> {
    let basic = t01_echo::server::Settings {
        port: 0,
        prefix: String::new(),
        clients_max: 1_000,
        unread_bytes: None,
        trace: false,
    };
    let settings = Settings {
        basic: basic.clone(),
        buffers: 16,
        buffer_bytes: t01_echo::server::RECEIVE_BYTES,
    };
    let then = t01_echo::server::Server::start(&basic)?.bytes();
    let now = t02_memory::server::Server::start(&settings)?.bytes();
    assert!(now * 5 < then, "{then} bytes then, {now} now");
    Ok(())
}

#[test]
fn a_message_of_256_bytes_leaves_the_neighbours_buffer_alone() -> io::Result<()> {
    let server = start(&[
        "--clients-max",
        "2",
        "--buffers",
        "2",
        "--buffer-bytes",
        "128",
        "--unread-bytes",
        "16384",
    ]);
    // The first to borrow has the last buffer, and keeps it while it does not read.
    let mut stalled = Client::narrow(server.address(), 16 * 1024)?;
    let bytes = numbered(8 << 20);
    let sent = stalled.send_until_stalled(&bytes)?;

    let mut neighbour = server.connect()?;
    assert!(neighbour.echo(&[b'!'; 256])? == [b'!'; 256]);
    for expected in bytes[..sent].chunks(64 * 1024) {
        let received = stalled.receive(expected.len());
        assert!(received.is_ok_and(|it| it == expected), "wrong bytes");
    }
    Ok(())
}

#[test]
fn messages_of_any_size_come_back_whatever_size_the_buffers_have() -> io::Result<()> {
    for buffer_bytes in ["1", "64", "4096"] {
        let server = start(&["--buffer-bytes", buffer_bytes]);
        let mut client = server.connect()?;
        for bytes in [1, 63, 64, 65, 1000, 5000] {
            assert!(client.echo(&numbered(bytes))? == numbered(bytes));
        }
    }
    Ok(())
}

#[test]
fn the_classic_clients_echo_packet_comes_back_wherever_it_is_cut() -> io::Result<()> {
    lesson_lab::check_classic_echo(start(&[]).address())
}

#[test]
fn a_hundred_clients_share_one_buffer() -> io::Result<()> {
    let server = start(&["--buffers", "1"]);
    let mut clients = crowd(server.address(), 100)?;
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
fn one_that_does_not_read_loses_the_buffer_to_who_waits_for_it() -> io::Result<()> {
    let server = start(&["--buffers", "1", "--unread-bytes", "16384"]);
    let mut stalled = Client::narrow(server.address(), 16 * 1024)?;
    stalled.send_until_stalled(&numbered(8 << 20))?;
    let mut client = server.connect()?;
    assert_eq!(client.echo(b"hello")?, b"hello");
    Ok(())
}

#[test]
fn how_long_one_was_here_and_when_it_was_last_active_is_logged() -> io::Result<()> {
    let mut server = start(&[]);
    let mut client = server.connect()?;
    server.wait_for_line(|line| line.contains("connected"))?;
    thread::sleep(Duration::from_millis(50));
    client.echo(b"hello")?;
    drop(client);
    let line = server.wait_for_line(|line| line.contains("disconnected"))?;
    let numbers: Vec<f64> = line
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [here, silent] = numbers[..] else {
        panic!("two times are wanted: {line}");
    };
    assert!(here >= 0.05 && silent < here, "{line}");
    Ok(())
}

#[test]
fn settings_that_do_not_go_together_are_refused_with_what_would() {
    for (arguments, advice) in [
        (["--buffers", "0"].as_slice(), "--buffers 1"),
        (
            &["--prefix", "hello", "--buffer-bytes", "5"],
            "--buffer-bytes 69",
        ),
    ] {
        let arguments = [&["--port", "0"], arguments].concat();
        let error = Server::start(env!("CARGO_BIN_EXE_t02-memory"), &arguments).unwrap_err();
        assert!(error.to_string().contains(advice), "{error}");
    }
}
