//! A file server over the library: `GET name` is answered by `OK bytes` and the file, or by
//! `ERROR why`.
//!
//! ```text
//! cargo run -p t03-events --bin t03-files -- --root tutorial
//! printf 'GET README.md\n' | nc -q 1 127.0.0.1 11021
//! ```

use clap::Parser;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use t03_events::{Application, Network, SessionId, Settings};

/// The longest request, without its end.
const REQUEST_BYTES_MAX: usize = 1024;
/// How much of a file is read at once. However long the file, a download takes no more than that in
/// its queue, and as much again while it is read.
const CHUNK_BYTES: usize = 64 * 1024;

/// Sends the files of one folder
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    settings: Settings,
    /// The folder
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

struct Files {
    root: PathBuf,
    clients: BTreeMap<SessionId, Download>,
}

/// What one client has asked for.
#[derive(Default)]
struct Download {
    /// Requests that wait, the last of them perhaps not whole.
    asked: Vec<u8>,
    /// What is being sent, and how much of it is left.
    file: Option<(File, u64)>,
}

impl Application for Files {
    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        let client = self.clients.entry(session).or_default();
        client.asked.extend_from_slice(bytes);
        self.go_on(network, session);
    }

    /// The next chunk is read when the one before has left, so a slow client slows nobody down.
    fn on_sent(&mut self, network: &mut Network, session: SessionId) {
        self.go_on(network, session);
    }

    fn on_close(&mut self, _: &mut Network, session: SessionId) {
        self.clients.remove(&session);
    }
}

impl Files {
    /// Sends the next chunk, or answers the next request if the file before was sent.
    fn go_on(&mut self, network: &mut Network, session: SessionId) {
        let Some(client) = self.clients.get_mut(&session) else {
            return;
        };
        match client.next_chunk() {
            Ok(Some(chunk)) => return network.send(session, &chunk),
            Ok(None) => {}
            // That many bytes were promised; all that one can do is to end early.
            Err(error) => return network.close(session, &format!("reading failed: {error}")),
        }
        let end = client.asked.iter().position(|&byte| byte == b'\n');
        // Whole or only begun: what is too long does not depend on where TCP has cut it.
        if end.unwrap_or(client.asked.len()) > REQUEST_BYTES_MAX {
            client.asked.clear();
            let why = format!("ERROR a request may have {REQUEST_BYTES_MAX} bytes\n");
            network.send(session, why.as_bytes());
            return network.close(session, "its request is too long");
        }
        let Some(end) = end else {
            return;
        };
        let request: Vec<u8> = client.asked.drain(..=end).collect();
        let answer = match open(&self.root, String::from_utf8_lossy(&request).trim()) {
            Ok((file, bytes)) => {
                client.file = Some((file, bytes));
                format!("OK {bytes}\n")
            }
            Err(why) => format!("ERROR {why}\n"),
        };
        network.send(session, answer.as_bytes());
    }
}

impl Download {
    fn next_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some((file, left)) = self.file.as_mut().filter(|(_, left)| *left > 0) else {
            self.file = None;
            return Ok(None);
        };
        let mut chunk = vec![0; CHUNK_BYTES.min(usize::try_from(*left).unwrap_or(CHUNK_BYTES))];
        file.read_exact(&mut chunk)?;
        *left -= chunk.len() as u64;
        Ok(Some(chunk))
    }
}

/// The file that a request names, and how long it is; or what to say instead.
fn open(root: &Path, request: &str) -> Result<(File, u64), String> {
    let name = request.strip_prefix("GET ").ok_or("say GET and a name")?;
    // `..`, a leading `/` and a drive's letter lead out of the folder.
    let is_plain = |part| matches!(part, Component::Normal(_));
    if !Path::new(name).components().all(is_plain) {
        return Err("that leads out of the folder".into());
    }
    let no_file = |_| format!("no file {name}");
    // So may a link.
    let path = root.join(name).canonicalize().map_err(no_file)?;
    if !path.starts_with(root) {
        return Err("that leads out of the folder".into());
    }
    let file = File::open(path).map_err(no_file)?;
    let about = file.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err(format!("{name} is no file"));
    }
    Ok((file, about.len()))
}

fn main() -> ExitCode {
    lesson_lab::exit("t03-files", serve(&Args::parse()))
}

fn serve(args: &Args) -> io::Result<()> {
    let root = args.root.canonicalize().map_err(|error| {
        let message = format!("--root {}: {error}", args.root.display());
        io::Error::new(error.kind(), message)
    })?;
    let network = Network::open(&args.settings)?;
    lesson_lab::announce(network.address());
    network.run(&mut Files {
        root,
        clients: BTreeMap::new(),
    })
}
