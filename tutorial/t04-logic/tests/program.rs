//! The program, from outside.

use lesson_lab::{Client, Server, wait_until};
use std::io;

fn start(arguments: &[&str]) -> io::Result<Server> {
    let arguments = [&["--port", "0"], arguments].concat();
    Server::start(env!("CARGO_BIN_EXE_t04-logic"), &arguments)
}

#[test]
fn the_classic_clients_echo_packet_comes_back_wherever_it_is_cut() -> io::Result<()> {
    lesson_lab::check_classic_echo(start(&[])?.address())
}

#[test]
fn the_load_of_each_thread_is_told_when_asked_for() -> io::Result<()> {
    let arguments = ["--balancer", "by-index", "--logic-threads", "2"];
    let mut server = start(&arguments)?;
    let mut client = server.connect()?;
    for _ in 0..10 {
        assert_eq!(client.echo(b"hello")?, b"hello");
    }
    server.say("load")?;
    for thread in ["network 0: handled", "network 1: handled"] {
        server.wait_for_line(|line| line.starts_with(thread))?;
    }
    // That it was there, and ten times that it said something: all on the first of the two. The
    // last of it may be counted when the echo is here already.
    wait_until("all is counted", || {
        server.say("load").unwrap();
        let line = server.wait_for_line(|line| line.starts_with("logic 0: "));
        line.unwrap().starts_with("logic 0: handled 11, ")
    });
    server.wait_for_line(|line| line.starts_with("logic 1: handled 0, "))?;
    Ok(())
}

#[test]
fn one_that_does_not_read_is_cut_and_that_is_why() -> io::Result<()> {
    let mut server = start(&["--idle-ms", "2000"])?;
    let mut client = Client::narrow(server.address(), 16 * 1024)?;
    client.send_until_stalled(&vec![b'x'; 8 << 20])?;
    let end = server.wait_for_line(|line| line.contains("disconnected"))?;
    assert!(end.ends_with("it does not read"), "{end}");
    Ok(())
}

#[test]
fn what_cannot_serve_anybody_is_refused_with_what_would() {
    for option in ["--io-threads", "--logic-threads", "--packets"] {
        let error = start(&[option, "0"]).unwrap_err();
        assert!(
            error.to_string().contains(&format!("{option} 1")),
            "{error}"
        );
    }
}
