//! Three programs over one library.

use lesson_lab::{Client, Server};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::Path;

const ECHO: &str = env!("CARGO_BIN_EXE_t03-echo");
const CHAT: &str = env!("CARGO_BIN_EXE_t03-chat");
const FILES: &str = env!("CARGO_BIN_EXE_t03-files");

fn start(program: &str, arguments: &[&str]) -> io::Result<Server> {
    Server::start(program, &[&["--port", "0"], arguments].concat())
}

/// What the guide's C# client sends for its echo button, and `wharf bots echo`: a header of five
/// bytes (length of the whole packet, packet id 1, type 0; little-endian), then the text.
fn echo_packet(text: &str) -> Vec<u8> {
    let length = u16::try_from(5 + text.len()).unwrap();
    let header = [length.to_le_bytes(), 1_u16.to_le_bytes()].concat();
    [header.as_slice(), &[0], text.as_bytes()].concat()
}

#[test]
fn the_classic_clients_echo_packet_comes_back_wherever_it_is_cut() -> io::Result<()> {
    let server = start(ECHO, &[])?;
    let mut client = server.connect()?;
    let packet = echo_packet("안녕하세요");
    for cut in 0..=packet.len() {
        client.send(&packet[..cut])?;
        client.send(&packet[cut..])?;
        assert_eq!(client.receive(packet.len())?, packet);
    }
    Ok(())
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

fn path(path: &Path) -> &str {
    path.to_str().expect("a folder with a plain name")
}
