//! What `wharf bots` say of servers that are wrong: small ones, made for it.

use crate::support::{output, wharf};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use wharf::wire::{HEADER_BYTES, Header};

/// How often one echo of a session, the second, comes back.
type Copies = usize;

/// A server that echoes frames, and is wrong once in each session.
fn echo_server(copies: Copies) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // It ends with the process of the test.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || echo(stream, copies));
        }
    });
    address
}

/// Until the other side has had enough.
fn echo(mut stream: TcpStream, copies: Copies) -> std::io::Result<()> {
    for number in 1.. {
        let mut frame = vec![0; HEADER_BYTES];
        stream.read_exact(&mut frame)?;
        let header = Header::from_bytes(frame[..].try_into().expect("as many bytes"));
        frame.resize(header.frame_bytes.into(), 0);
        stream.read_exact(&mut frame[HEADER_BYTES..])?;
        let copies = if number == 2 { copies } else { 1 };
        stream.write_all(&frame.repeat(copies))?;
    }
    Ok(())
}

/// Runs echo bots against `target`; their exit code, and what they say.
fn bots(target: SocketAddr) -> (Option<i32>, String) {
    let target = target.to_string();
    let mut bots = wharf();
    bots.args(["bots", "echo", "--no-login", "--target", &target]);
    // Each has its second echo in that time, whatever keeps them from it for a while.
    bots.args(["--sessions", "2", "--seconds", "5", "--rate", "50"]);
    let output = output(&mut bots);
    let said = String::from_utf8(output.stdout).expect("text");
    (output.status.code(), said)
}

#[test]
fn one_wrong_delivery_is_told_and_ends_the_run_with_exit_code_1() {
    let (code, said) = bots(echo_server(1));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Every echo was right."), "{said}");
    for (copies, words) in [(2, "WRONG: 2 "), (0, "2 lost")] {
        let (code, said) = bots(echo_server(copies));
        assert_eq!(code, Some(1), "{copies} copies: {said}");
        assert!(said.contains(words), "{copies} copies: {said}");
    }
}

#[test]
fn a_target_that_never_answers_is_told_with_what_to_type() {
    // The kernel accepts for it.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = mute.local_addr().unwrap().to_string();
    let mut bots = wharf();
    bots.args(["bots", "--sessions", "3", "--target", &target]);
    let output = output(&mut bots);
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "3 never ready",
        "Nothing was ever answered",
        "--target ADDR",
    ] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
}
