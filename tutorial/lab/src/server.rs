//! A lesson's server as a process of its own.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Client, PATIENCE, Usage};

/// A running server; it is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    input: Option<ChildStdin>,
    address: SocketAddr,
    lines: Receiver<String>,
    /// What it has said so far, for whoever has to find out why it did not say more.
    said: Vec<String>,
}

impl Server {
    /// Starts the program and waits until it says `listening on ADDR`.
    ///
    /// # Errors
    /// When it does not start, ends, or does not say so within [`PATIENCE`]; the error tells what
    /// it said instead.
    pub fn start(program: impl AsRef<Path>, arguments: &[&str]) -> io::Result<Self> {
        Self::start_command(Command::new(program.as_ref()).args(arguments))
    }

    /// As [`Server::start`], for a command with an environment or a directory of its own.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_command(command: &mut Command) -> io::Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn(command.stderr(Stdio::piped())).map_err(|error| {
            let program = Path::new(command.get_program()).display();
            io::Error::new(error.kind(), format!("{program} did not start: {error}"))
        })?;
        let (line, lines) = mpsc::channel();
        let (Some(output), Some(complaints)) = (child.stdout.take(), child.stderr.take()) else {
            unreachable!("both are piped");
        };
        forward(output, line.clone());
        forward(complaints, line);
        let mut server = Self {
            input: child.stdin.take(),
            child,
            address: SocketAddr::from(([0; 4], 0)),
            lines,
            said: Vec::new(),
        };
        let line = server.wait_for_line(|line| line.starts_with(LISTENING))?;
        let address = line[LISTENING.len()..].trim();
        let address: SocketAddr = address
            .parse()
            .map_err(|_| server.error(io::ErrorKind::InvalidData, "no address"))?;
        server.address = reachable(address);
        Ok(server)
    }

    /// Where it can be connected to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects a client.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect(&self) -> io::Result<Client> {
        Client::connect(self.address)
    }

    /// Waits until it prints (on stdout or stderr) a line of which `wanted` is true, and returns
    /// that line. Lines before it are passed over.
    ///
    /// # Errors
    /// When no such line comes within [`PATIENCE`], or the process ends; the error tells what it
    /// said instead.
    pub fn wait_for_line(&mut self, mut wanted: impl FnMut(&str) -> bool) -> io::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if wanted(&line) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.error(io::ErrorKind::TimedOut, "the line did not come"));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.error(io::ErrorKind::UnexpectedEof, "the server ended"));
                }
            }
        }
    }

    /// All that it has said by now, the lines passed over included.
    pub fn said(&mut self) -> &[String] {
        self.said.extend(self.lines.try_iter());
        &self.said
    }

    /// What the process has used so far.
    pub fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its stdin.
    ///
    /// # Errors
    /// When it reads no more.
    pub fn say(&mut self, line: impl Display) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(input, "{line}")?;
        input.flush()
    }

    /// Ends its stdin, and waits until the process has ended by itself.
    ///
    /// # Errors
    /// When it has not within [`PATIENCE`].
    pub fn wait_for_end(&mut self) -> io::Result<ExitStatus> {
        self.input = None;
        // Its output ends with it, so nobody needs to ask again and again.
        match self.wait_for_line(|_| false) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.child.wait(),
            Err(error) => Err(error),
            Ok(_) => unreachable!("no line was wanted"),
        }
    }

    fn error(&mut self, kind: io::ErrorKind, what: &str) -> io::Error {
        let said = self.said().join("\n");
        io::Error::new(kind, format!("{what}; it said:\n{said}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program. Wine at times says "internal error" instead, where many start at once.
fn spawn(command: &mut Command) -> io::Result<Child> {
    const INTERNAL_ERROR: i32 = 1359;
    let is_wines =
        |error: &io::Error| cfg!(windows) && error.raw_os_error() == Some(INTERNAL_ERROR);
    for _ in 0..4 {
        match command.spawn() {
            Err(error) if is_wines(&error) => thread::sleep(Duration::from_millis(300)),
            started => return started,
        }
    }
    command.spawn()
}

const LISTENING: &str = "listening on ";

/// An address to connect to: who listens everywhere listens here too.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let here = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(here);
    }
    address
}

fn forward(output: impl Read + Send + 'static, line: Sender<String>) {
    thread::spawn(move || {
        for said in BufReader::new(output).lines().map_while(Result::ok) {
            if line.send(said).is_err() {
                break;
            }
        }
    });
}
