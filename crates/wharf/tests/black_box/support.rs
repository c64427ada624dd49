//! Starts the server, and speaks to it as a client would.

pub(crate) use crate::places::{Reserved, replace};
pub(crate) use crate::program::{output, output_for, program, start, start_talking, wharf};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wharf::wire::classic::{
    ChatRequest, ChatText, EnterRequest, LoginRequest, ResultCode, UserName, id,
};
use wharf::wire::{HEADER_BYTES, Header, Packet};

/// Long enough for anything that is going to happen at all, on a busy machine, under Wine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Every backend that this system has.
#[cfg(target_os = "linux")]
pub(crate) const BACKENDS: &[&str] = &["uring", "readiness"];
/// Every backend that this system has.
#[cfg(windows)]
pub(crate) const BACKENDS: &[&str] = &["iocp"];

/// Settings by which everybody may ask as fast as they like, and log in as late.
pub(crate) const UNHURRIED: &[&str] = &[
    "limits.chats_per_minute=0",
    "limits.queries_per_minute=0",
    "limits.commands_per_minute=0",
    "limits.logins_per_minute=0",
    "limits.pings_per_minute=0",
    "limits.inbound_packets_per_second=0",
    "limits.login_seconds=600",
];

pub(crate) fn serve(backend: &str, settings: &[&str]) -> Command {
    let mut command = wharf();
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.args(["--port-backend", backend]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    command
}

/// Looks again until it is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: it does not come true");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How long a server waits for its store before it serves without.
const SETTLED_WITHIN: Duration = Duration::from_secs(3);

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    /// What it said when it started.
    pub(crate) banner: String,
    /// What it says behind the banner.
    #[cfg_attr(not(unix), expect(dead_code, reason = "one system asks"))]
    output: Receiver<String>,
    log: Receiver<String>,
    /// Lines of the log that came before anybody waited for one.
    early: VecDeque<String>,
    /// Lines of the log that were waited for, or came before one that was.
    seen: Vec<String>,
    /// What it writes into, unless its command line says where.
    _data: TempDir,
}

impl Server {
    /// Starts a server on a free port, with `--set` for each of `settings`, that writes into a
    /// directory of its own.
    pub(crate) fn start(backend: &str, settings: &[&str]) -> Self {
        Self::start_command(serve(backend, settings))
    }

    /// As [`Server::start`], in that data directory.
    pub(crate) fn start_in(data: &Path, backend: &str, settings: &[&str]) -> Self {
        let mut command = serve(backend, settings);
        command.arg("--data").arg(data);
        Self::start_command(command)
    }

    /// Starts a server as `command` says; in a directory of its own, if it does not say where.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        command.env("WHARF_DATA", data.path());
        let begun = Instant::now();
        let (mut child, mut output) = start_talking(&mut command);
        let (line, log) = mpsc::channel();
        forward(child.stderr.take().expect("piped"), line);
        let mut banner = String::new();
        let mut address = None;
        let address = loop {
            let start = banner.len();
            let read = output.read_line(&mut banner).expect("text");
            if read == 0 {
                let said: Vec<String> = log.try_iter().collect();
                panic!("no listening line in:\n{banner}\n{}", said.join("\n"));
            }
            let mut words = banner[start..].split_whitespace();
            if words.next() == Some("listening") {
                let word = words.next().expect("an address");
                address = Some(word.parse().expect("an address"));
            }
            // Its last line tells how to stop it.
            if banner[start..].contains("Ctrl-C") {
                break address.expect("the address comes first");
            }
        };
        let (rest, output_lines) = mpsc::channel();
        forward(output, rest);
        let is_late = begun.elapsed() >= SETTLED_WITHIN;
        let mut server = Self {
            child,
            address,
            banner,
            output: output_lines,
            log,
            early: VecDeque::new(),
            seen: Vec::new(),
            _data: data,
        };
        if is_late && has_own_store(&command) {
            server.wait_for_store();
        }
        server
    }

    /// Waits until the store is open: on a slow machine the server may serve before.
    fn wait_for_store(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.log.recv_timeout(left) else {
                let early: Vec<_> = self.early.drain(..).collect();
                panic!("the store does not open:\n{}", early.join("\n"));
            };
            let is_open = line.contains("the store is open");
            self.early.push_back(line);
            if is_open {
                return;
            }
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Waits until a line of the log contains all of `words`. It and those before it are over then:
    /// the next wait is for a line behind them.
    pub(crate) fn wait_for_log(&mut self, words: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let early = self.early.pop_front();
            let Ok(line) = early.map_or_else(|| self.log.recv_timeout(left), Ok) else {
                let seen = self.seen.join("\n");
                panic!("no new line with {words:?} in the log:\n{seen}");
            };
            self.seen.push(line.clone());
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }

    /// The log up to the last line that was waited for.
    pub(crate) fn log_until_now(&self) -> String {
        self.seen.join("\n")
    }

    /// Waits until a line of the output behind the banner contains `words`.
    #[cfg(unix)]
    pub(crate) fn wait_for_output(&mut self, words: &str) -> String {
        loop {
            let line = self.output.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line with {words:?} in the output"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Sockets that the process has open. (Its store opens and closes files as it likes.)
    #[cfg(target_os = "linux")]
    pub(crate) fn sockets(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.child.id());
        let open = std::fs::read_dir(directory).expect("our own child");
        // What was closed meanwhile is none.
        let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        let sockets = targets.filter(|target| target.to_string_lossy().starts_with("socket:"));
        sockets.count()
    }

    /// Waits until the process has so many sockets open: what ends closes a moment later.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait_for_sockets(&self, expected: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.sockets() != expected {
            let now = self.sockets();
            assert!(Instant::now() < deadline, "{now} sockets, not {expected}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the process to end, and no longer than is reasonable.
    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Whether that starts the program, with a store that nobody else has to start.
fn has_own_store(command: &Command) -> bool {
    let is_elsewhere = |argument: &std::ffi::OsStr| {
        let argument = argument.to_string_lossy();
        argument.starts_with("store.url=")
    };
    command.get_program() == program() && !command.get_args().any(is_elsewhere)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(source: impl Read + Send + 'static, lines: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        // The pipe is read to its end even when nobody listens any more, or the server would block.
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
}

fn login_of(user: &str) -> LoginRequest {
    LoginRequest {
        user: UserName::truncated(user),
        password: UserName::EMPTY,
    }
}

/// A client with blocking reads.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(crate) fn send(&mut self, packet: &impl Packet) {
        self.send_bytes(&packet.to_frame());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .expect("the server takes bytes");
    }

    /// Sends what the server may refuse half-way.
    pub(crate) fn send_rudely(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next frame: id and body.
    pub(crate) fn read_frame(&mut self) -> (u16, Vec<u8>) {
        let mut header = [0; HEADER_BYTES];
        self.stream.read_exact(&mut header).expect("a header");
        let header = Header::from_bytes(header);
        assert_eq!(header.flags, 0, "classic packets have no flags");
        let mut body = vec![0; usize::from(header.frame_bytes) - HEADER_BYTES];
        self.stream.read_exact(&mut body).expect("a body");
        (header.id, body)
    }

    /// The next packet, which must be a `P`.
    pub(crate) fn read<P: Packet>(&mut self) -> P {
        let (id, body) = self.read_frame();
        assert_eq!(id, P::ID, "another packet came, with {body:?}");
        P::decode(&body).expect("a packet that can be read")
    }

    /// The next packet, which must be the response `id`.
    pub(crate) fn read_result(&mut self, id: u16) -> ResultCode {
        let (got, body) = self.read_frame();
        assert_eq!(got, id, "another packet came, with {body:?}");
        ResultCode::from_wire(u16::from_le_bytes(body.try_into().expect("a result")))
    }

    pub(crate) fn log_in(&mut self, user: &str) -> ResultCode {
        self.send(&login_of(user));
        self.read_result(id::LOGIN_RESPONSE)
    }

    /// As [`Self::log_in`]; `None` if the server ends the connection instead.
    pub(crate) fn try_to_log_in(&mut self, user: &str) -> Option<ResultCode> {
        self.send_rudely(&login_of(user).to_frame());
        let mut answer = [0; HEADER_BYTES + 2];
        self.stream.read_exact(&mut answer).ok()?;
        let [.., low, high] = answer;
        Some(ResultCode::from_wire(u16::from_le_bytes([low, high])))
    }

    pub(crate) fn enter(&mut self, room: i32) -> ResultCode {
        self.send(&EnterRequest { room });
        self.read_result(id::ENTER_RESPONSE)
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.send(&ChatRequest {
            message: ChatText::truncated(text),
        });
    }

    /// Whether the server has ended the connection, orderly or not; what it still sends is read.
    pub(crate) fn is_ended(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => return false,
                Err(_) => return true,
            }
        }
    }

    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Shows that the session lives and serves.
    pub(crate) fn assert_serves(&mut self) {
        self.send_bytes(&[7, 0, 1, 0, 0, b'o', b'k']);
        loop {
            let (id, body) = self.read_frame();
            if id == id::ECHO {
                assert_eq!(body, b"ok");
                return;
            }
        }
    }
}
