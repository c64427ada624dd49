//! Three programs over one library.

use lesson_lab::{Client, PATIENCE, Server};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::mem;
use std::path::Path;
use std::time::Instant;

const ECHO: &str = env!("CARGO_BIN_EXE_t03-echo");
const CHAT: &str = env!("CARGO_BIN_EXE_t03-chat");
const FILES: &str = env!("CARGO_BIN_EXE_t03-files");

fn start(program: &str, arguments: &[&str]) -> io::Result<Server> {
    Server::start(program, &[&["--port", "0"], arguments].concat())
}

#[test]
fn the_classic_clients_echo_packet_comes_back_wherever_it_is_cut() -> io::Result<()> {
    lesson_lab::check_classic_echo(start(ECHO, &[])?.address())
}

#[test]
fn a_reader_that_stalls_loses_nothing_over_the_library_either() -> io::Result<()> {
    let server = start(ECHO, &[])?;
    let mut client = Client::narrow(server.address(), 16 * 1024)?;
    let bytes: Vec<u8> = (0..8_u32 << 20).map(|place| (place / 251) as u8).collect();
    let sent = client.send_until_stalled(&bytes)?;
    assert!(client.receive(sent)? == bytes[..sent], "wrong bytes");
    Ok(())
}

#[test]
fn a_line_goes_to_everybody_else() -> io::Result<()> {
    let server = start(CHAT, &[])?;
    let mut one = server.connect()?;
    assert_eq!(
        one.receive_line().unwrap_or_default(),
        "you are #0.0, others: 0"
    );
    let mut two = server.connect()?;
    assert_eq!(two.receive_line()?, "you are #1.0, others: 1");
    assert_eq!(one.receive_line()?, "#1.0 has come");
    two.send(b"hello,\r\nhow are")?;
    assert_eq!(one.receive_line()?, "#1.0 says: hello,");
    two.send(b" you?\r\n")?;
    assert_eq!(one.receive_line()?, "#1.0 says: how are you?");
    drop(two);
    assert_eq!(one.receive_line()?, "#1.0 has gone");
    Ok(())
}

#[test]
fn one_that_only_listens_is_silent_too() -> io::Result<()> {
    let server = start(CHAT, &["--idle-ms", "1000"])?;
    let mut listener = server.connect()?;
    let mut talker = server.connect()?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        // On a machine that stands still the talker may have been silent as well, and be gone.
        let _ = talker.send(b"hello\n");
        if listener.receive_line()? == "you were silent for too long" {
            return Ok(());
        }
    }
    panic!("it said nothing, and was not told so");
}

/// Has it say something, without which nobody is known while the fault is back, and waits until the
/// chat knows it.
fn join(mut client: Client) -> io::Result<Client> {
    client.send(b"\n")?;
    client.receive_line()?;
    Ok(client)
}

#[test]
fn a_line_that_is_too_long_is_refused_whole_or_only_begun() -> io::Result<()> {
    let server = start(CHAT, &[])?;
    let mut other = join(server.connect()?)?;
    let begun = [b"hello\n", &[b'x'; 513][..]].concat();
    for said in [[&begun[..], b"\n"].concat(), begun] {
        let mut client = join(server.connect()?)?;
        client.send(&said)?;
        // The other's first word may come in between.
        let answers = client.receive_to_end()?;
        let answers = String::from_utf8_lossy(&answers);
        assert!(answers.contains("a line may have 512 bytes"), "{answers}");
        let (mut before, mut line) = (String::new(), other.receive_line()?);
        while !line.ends_with("has gone") {
            before = mem::replace(&mut line, other.receive_line()?);
        }
        assert!(before.ends_with("says: hello"), "{before}");
    }
    Ok(())
}

#[test]
fn one_that_reads_too_slowly_is_cut() -> io::Result<()> {
    let mut server = start(CHAT, &[])?;
    let _stalled = join(Client::narrow(server.address(), 16 * 1024)?)?;
    let mut talker = server.connect()?;
    let line = [&[b'x'; 500][..], b"\n"].concat();
    talker.send(&line.repeat(16 * 1024))?;
    let end = server.wait_for_line(|line| line.contains("disconnected"))?;
    assert!(end.ends_with("it reads too slowly"), "{end}");
    Ok(())
}

fn ask(client: &mut Client, name: &str) -> io::Result<String> {
    client.send(format!("GET {name}\n").as_bytes())?;
    client.receive_line()
}

#[test]
fn a_file_of_100_mb_arrives_as_it_is() -> io::Result<()> {
    const BYTES: usize = 100 * 1_000_000;
    let folder = tempfile::tempdir()?;
    let mut wanted = Sha256::new();
    let mut file = io::BufWriter::new(std::fs::File::create(folder.path().join("big"))?);
    for index in 0..BYTES / 1_000_000 {
        let part = vec![index as u8; 1_000_000];
        wanted.update(&part);
        file.write_all(&part)?;
    }
    file.flush()?;
    let server = start(FILES, &["--root", path(folder.path())])?;
    let mut client = server.connect()?;
    assert_eq!(ask(&mut client, "big")?, format!("OK {BYTES}"));
    let mut got = Sha256::new();
    let mut part = vec![0; 1_000_000];
    for _ in 0..BYTES / part.len() {
        client.receive_into(&mut part)?;
        got.update(&part);
    }
    assert_eq!(got.finalize(), wanted.finalize());
    Ok(())
}

#[test]
fn nothing_outside_of_the_folder_is_sent() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    std::fs::create_dir(&root)?;
    std::fs::write(folder.path().join("secret"), "secret")?;
    std::fs::write(root.join("open"), "open")?;
    #[cfg(unix)]
    std::os::unix::fs::symlink("../secret", root.join("link"))?;
    let server = start(FILES, &["--root", path(&root)])?;
    let mut client = server.connect()?;
    let absolute = folder.path().join("secret");
    let link = if cfg!(unix) { "link" } else { "../secret" };
    for name in ["../secret", "a/../../secret", path(&absolute), link] {
        let answer = ask(&mut client, name)?;
        assert_eq!(answer, "ERROR that leads out of the folder", "{name}");
    }
    assert_eq!(ask(&mut client, "none")?, "ERROR no file none");
    assert_eq!(ask(&mut client, "open")?, "OK 4");
    assert_eq!(client.receive(4)?, b"open");
    Ok(())
}

#[test]
fn requests_that_come_together_are_answered_in_order() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a"), "first")?;
    std::fs::write(folder.path().join("b"), "second")?;
    let server = start(FILES, &["--root", path(folder.path())])?;
    let mut client = server.connect()?;
    client.send(b"GET a\nGET b\nGET c\n")?;
    client.half_close()?;
    let answers = client.receive_to_end()?;
    let expected = "OK 5\nfirstOK 6\nsecondERROR no file c\n";
    assert_eq!(String::from_utf8_lossy(&answers), expected);
    Ok(())
}

#[test]
fn a_request_that_is_too_long_is_refused_whole_or_only_begun() -> io::Result<()> {
    let server = start(FILES, &[])?;
    let long = [b"GET ", &[b'x'; 1021][..]].concat();
    for asked in [[&long[..], b"\n"].concat(), long] {
        let mut client = server.connect()?;
        client.send(&asked)?;
        let answer = client.receive_line()?;
        assert_eq!(answer, "ERROR a request may have 1024 bytes");
        assert_eq!(client.receive_to_end()?, b"");
    }
    Ok(())
}

#[test]
fn one_that_does_not_read_is_cut_and_that_is_why() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::File::create(folder.path().join("big"))?.set_len(64 << 20)?;
    let arguments = ["--root", path(folder.path()), "--idle-ms", "2000"];
    let mut server = start(FILES, &arguments)?;
    let mut client = Client::narrow(server.address(), 16 * 1024)?;
    client.send(b"GET big\n")?;
    let end = server.wait_for_line(|line| line.contains("disconnected"))?;
    assert!(end.ends_with("it does not read"), "{end}");
    Ok(())
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a folder with a plain name")
}
