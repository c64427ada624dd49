//! What the guide asks of step 6, from outside.

use lesson_lab::{Client, Server, crowd};
use std::io;
use t06_queue::feed;

fn start(arguments: &[&str]) -> Server {
    let arguments = [&["--port", "0"], arguments].concat();
    Server::start(env!("CARGO_BIN_EXE_t06-queue"), &arguments).unwrap()
}

fn ask(client: &mut Client, command: &str) -> io::Result<()> {
    client.send(format!("{command}\n").as_bytes())
}

/// Packets of bulk, each of this length.
const BYTES: usize = 4096;

/// A client that has asked for that many packets and then for an answer, and not read yet. Kernels
/// that may hold little, on both sides, so that nearly all of the bulk waits in the queue.
fn behind_bulk(arguments: &[&str], count: usize) -> io::Result<(Server, Client)> {
    let server = start(&[&["--kernel-bytes", "16384"], arguments].concat());
    let mut client = Client::narrow(server.address(), 16 * 1024)?;
    ask(&mut client, &format!("bulk {count} {BYTES}"))?;
    ask(&mut client, "ping me")?;
    Ok((server, client))
}

/// How many packets a client reads before the answer; they have to be in order.
fn packets_before_the_answer(client: &mut Client) -> io::Result<usize> {
    let mut packets = 0;
    loop {
        // As long as the number of a packet is.
        let beginning = client.receive(8)?;
        if beginning == b"pong me\n" {
            return Ok(packets);
        }
        let packet = [beginning, client.receive(BYTES - 8)?].concat();
        assert!(packet == feed::line(packets, BYTES), "packet {packets}");
        packets += 1;
    }
}

#[test]
fn the_classic_clients_echo_packet_comes_back_wherever_it_is_cut() -> io::Result<()> {
    lesson_lab::check_classic_echo(start(&["--echo"]).address())
}

#[test]
fn control_overtakes_the_bulk_that_waits() -> io::Result<()> {
    let (_server, mut client) = behind_bulk(&[], 1_000)?;
    let before = packets_before_the_answer(&mut client)?;
    assert!(before < 500, "{before} of 1,000 packets came first");
    for number in before..1_000 {
        assert!(
            client.receive(BYTES)? == feed::line(number, BYTES),
            "{number}"
        );
    }
    Ok(())
}

#[test]
fn without_priorities_an_answer_waits_for_all_that_was_asked_before() -> io::Result<()> {
    let (_server, mut client) = behind_bulk(&["--no-priorities"], 1_000)?;
    assert_eq!(packets_before_the_answer(&mut client)?, 1_000);
    Ok(())
}

#[test]
fn the_next_user_of_a_slot_whose_send_failed_is_sent_to() -> io::Result<()> {
    let (mut server, mut client) = behind_bulk(&[], 1_000)?;
    // It has got something, so there is a send under way, and that one fails.
    client.receive(BYTES)?;
    client.reset()?;
    server.wait_for_line(|line| line.contains("disconnected, which was #0.0"))?;
    let mut next = server.connect()?;
    server.wait_for_line(|line| line.contains("connected as #0.1"))?;
    ask(&mut next, "ping me")?;
    assert_eq!(next.receive_line().unwrap_or_default(), "pong me");
    Ok(())
}

#[test]
fn a_great_deal_arrives_whole_at_everybody() -> io::Result<()> {
    const COUNT: usize = 512;
    let server = start(&[]);
    let mut clients = crowd(server.address(), 20)?;
    for client in &mut clients {
        ask(client, &format!("bulk {COUNT} {BYTES}"))?;
    }
    let wanted: Vec<u8> = (0..COUNT)
        .flat_map(|number| feed::line(number, BYTES))
        .collect();
    let mut received = vec![0; wanted.len()];
    for client in &mut clients {
        client.receive_into(&mut received)?;
        assert!(received == wanted, "wrong bytes");
    }
    Ok(())
}

#[test]
fn who_leaves_too_much_unread_is_cut_and_nobody_else() -> io::Result<()> {
    let mut server = start(&["--waiting-bytes-max", "100000"]);
    let mut other = server.connect()?;
    let mut greedy = server.connect()?;
    ask(&mut greedy, &format!("bulk 4096 {BYTES}"))?;
    server.wait_for_line(|line| line.contains("it leaves too much unread"))?;
    ask(&mut other, "ping me")?;
    assert_eq!(other.receive_line()?, "pong me");
    Ok(())
}

#[test]
fn who_quits_still_gets_what_it_asked_for() -> io::Result<()> {
    let server = start(&[]);
    let mut client = server.connect()?;
    ask(&mut client, "bulk 3 9")?;
    ask(&mut client, "quit")?;
    let all = client.receive_to_end()?;
    assert_eq!(
        String::from_utf8_lossy(&all),
        "00000000\n00000001\n00000002\ngoodbye\n"
    );
    Ok(())
}

#[test]
fn a_command_that_cannot_be_obeyed_is_answered_with_those_that_can() -> io::Result<()> {
    let server = start(&[]);
    let mut client = server.connect()?;
    ask(&mut client, "bulk 3 8")?;
    assert_eq!(
        client.receive_line()?,
        "bulk COUNT BYTES, at least 9 of them"
    );
    ask(&mut client, "hello")?;
    assert_eq!(client.receive_line()?, "bulk COUNT BYTES, ping WORD, quit");
    Ok(())
}

#[test]
fn a_command_that_is_too_long_is_refused_whole_or_only_begun() -> io::Result<()> {
    let server = start(&[]);
    let begun = format!("ping {}", "x".repeat(252));
    for said in [format!("{begun}\n"), begun] {
        let mut client = server.connect()?;
        client.send(format!("ping me\n{said}").as_bytes())?;
        let answers = client.receive_to_end()?;
        assert_eq!(
            String::from_utf8_lossy(&answers),
            "pong me\na command may have 256 bytes\n"
        );
    }
    Ok(())
}
