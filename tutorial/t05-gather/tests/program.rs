//! The program, from outside.

use lesson_lab::Server;
use std::io;

fn start(arguments: &[&str]) -> io::Result<Server> {
    let arguments = [&["--port", "0"], arguments].concat();
    Server::start(env!("CARGO_BIN_EXE_t05-gather"), &arguments)
}

#[test]
fn a_word_is_told_to_everybody_as_often_as_was_chosen() -> io::Result<()> {
    let mut server = start(&["--times", "3"])?;
    let mut one = server.connect()?;
    server.wait_for_line(|line| line.contains("connected as #0.0"))?;
    one.send(b"hello")?;
    assert_eq!(one.receive(15)?, b"hellohellohello");
    let mut two = server.connect()?;
    server.wait_for_line(|line| line.contains("connected as #1.0"))?;
    two.send(b"here")?;
    for client in [&mut one, &mut two] {
        assert_eq!(client.receive(12)?, b"hereherehere");
    }
    server.say("sums")?;
    server.wait_for_line(|line| line.starts_with("9 messages given, 9 left by "))?;
    Ok(())
}

#[test]
fn as_an_echo_it_tells_whoever_said_it_and_nobody_else() -> io::Result<()> {
    let server = start(&["--echo"])?;
    let (mut one, mut two) = (server.connect()?, server.connect()?);
    for _ in 0..3 {
        assert_eq!(one.echo(b"hello")?, b"hello");
        assert_eq!(two.echo(b"here")?, b"here");
    }
    Ok(())
}

#[test]
fn the_classic_clients_echo_packet_comes_back_wherever_it_is_cut() -> io::Result<()> {
    lesson_lab::check_classic_echo(start(&["--echo"])?.address())
}
