//! Real servers for tests, from Debian's packages: each is a child of the test that needs it, in
//! a folder of its own, on a free port, and gone with the test.

#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

mod family;
mod programs;
mod proxy;

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use family::{kill_all, signal_all, stop_all};
pub(crate) use proxy::Proxy;
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::Instant;
use tempfile::TempDir;
use wharf_store::{SqlError, Timeouts};

/// Who logs in, and how; a test looks for it where no password may be.
pub(crate) const PASSWORD: &str = "s3cret-of-the-tests";

/// No server takes as long to start, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// For whoever is not about what happens when a server is slow.
pub(crate) const PATIENT: Timeouts = Timeouts {
    connect: PATIENCE,
    statement: PATIENCE,
};

/// How often one looks again whether something outside has happened.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    PostgreSql,
    MariaDb,
    Redis,
}

/// Where its files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// For whoever is not about what survives.
    Memory,
    /// MariaDB takes files in memory for a memory that keeps what is stored: it would have no
    /// cache that a kill could empty.
    Disk,
}

/// A server that runs.
///
/// Invariant: its processes are children of this one, and die with the thread that started it.
pub(crate) struct Server {
    kind: Kind,
    settings: Vec<String>,
    port: Port,
    child: Child,
    folder: TempDir,
}

impl Server {
    /// Starts one and waits until it serves.
    ///
    /// # Panics
    /// If it is not installed, or does not start: its log says why.
    pub(crate) fn start(kind: Kind) -> Self {
        Self::start_with(kind, Medium::Memory, &[])
    }

    /// The same with its files there, and with settings of its command line.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub(crate) fn start_with(kind: Kind, medium: Medium, settings: &[&str]) -> Self {
        let folder = programs::prepared(kind, medium);
        let settings: Vec<String> = settings.iter().map(|&it| it.to_owned()).collect();
        let port = Port::reserve();
        let mut server = Self {
            kind,
            child: programs::spawn(kind, folder.path(), port.number, &settings),
            port,
            folder,
            settings,
        };
        if let Err(log) = server.wait_until_it_serves() {
            panic!("{kind:?} ended at its start:\n{log}");
        }
        server
    }

    /// The URL of the server itself; databases are made there.
    pub(crate) fn url(&self) -> String {
        url(self.kind, self.port.number)
    }

    /// A database of its own for one test: its URL.
    pub(crate) fn fresh_database(&self) -> String {
        fresh_database(&self.url())
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port.number
    }

    /// Kills every process of it at once, as a crash would, and waits until they are gone.
    pub(crate) fn kill(&mut self) {
        kill_all(self.child.id());
        self.child.wait().expect("it is our child");
    }

    /// Starts it again after it was killed: same folder, same port.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub(crate) fn start_again(&mut self) {
        self.spawn();
        if let Err(log) = self.wait_until_it_serves() {
            panic!("{:?} did not come back:\n{log}", self.kind);
        }
    }

    /// Stops every process of it where it stands: links stay open, nothing is answered any more.
    pub(crate) fn hang(&self) {
        stop_all(self.child.id());
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        signal_all(self.child.id(), Signal::CONT);
    }

    fn spawn(&mut self) {
        self.child = programs::spawn(
            self.kind,
            self.folder.path(),
            self.port.number,
            &self.settings,
        );
    }

    /// `Err` with its log if it ended instead.
    fn wait_until_it_serves(&mut self) -> Result<(), String> {
        let log = self.folder.path().join(programs::LOG);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let why = match serves(self.kind, self.port.number) {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            let text = || fs::read_to_string(&log).unwrap_or_default();
            if self.child.try_wait().expect("it is our child").is_some() {
                return Err(text());
            }
            let is_late = Instant::now() > deadline;
            assert!(
                !is_late,
                "{:?} does not serve: {why}\n{}",
                self.kind,
                text()
            );
            thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until something outside of this process is so.
///
/// # Panics
/// If it does not come true.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} did not come true");
        thread::sleep(LOOK_AGAIN);
    }
}

/// Makes an empty database on the server that `url` names: its URL.
///
/// # Panics
/// If the server refuses.
pub(crate) fn fresh_database(url: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}", std::process::id());
    let mut server = wharf_store::connect(url, &PATIENT).expect("the server was started");
    let sql = format!("CREATE DATABASE {name}");
    server.execute(&sql, &[]).expect("it may make databases");
    let (server, _) = url.rsplit_once('/').expect("it ends with a database");
    format!("{server}/{name}")
}

/// Takes away a database that was made on the server that `url` names.
///
/// # Panics
/// If the server refuses.
pub(crate) fn drop_database(url: &str, database: &str) {
    let mut server = wharf_store::connect(url, &PATIENT).expect("the server runs");
    let (_, name) = database.rsplit_once('/').expect("it ends with a database");
    // PostgreSQL may not have noticed yet that its client has gone.
    let force = match url.starts_with("postgres") {
        true => "WITH (FORCE)",
        false => "",
    };
    let sql = format!("DROP DATABASE {name} {force}");
    server.execute(&sql, &[]).expect("nobody uses it any more");
}

fn url(kind: Kind, port: u16) -> String {
    match kind {
        Kind::PostgreSql => format!("postgres://wharf:{PASSWORD}@127.0.0.1:{port}/postgres"),
        Kind::MariaDb => format!("mariadb://wharf:{PASSWORD}@127.0.0.1:{port}/mysql"),
        Kind::Redis => format!("redis://:{PASSWORD}@127.0.0.1:{port}/"),
    }
}

fn serves(kind: Kind, port: u16) -> Result<(), SqlError> {
    if kind == Kind::Redis {
        return redis_serves(port).map_err(|why| SqlError::Broken(why.to_string()));
    }
    let timeouts = Timeouts {
        connect: Duration::from_secs(2),
        statement: Duration::from_secs(2),
    };
    wharf_store::connect(&url(kind, port), &timeouts).map(drop)
}

fn redis_serves(port: u16) -> std::io::Result<()> {
    let mut link = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    link.set_read_timeout(Some(Duration::from_secs(2)))?;
    link.write_all(format!("AUTH {PASSWORD}\r\nPING\r\n").as_bytes())?;
    let expected = b"+OK\r\n+PONG\r\n";
    let mut answer = vec![0; expected.len()];
    link.read_exact(&mut answer)?;
    match answer == expected {
        true => Ok(()),
        false => Err(std::io::Error::other(String::from_utf8_lossy(&answer))),
    }
}

/// A port that the system gives to nobody else, though a server may listen there that is told to:
/// it is still the server's when that was killed.
struct Port {
    number: u16,
    _socket: Socket,
}

impl Port {
    fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        // socket(7): two may have an address as long as one of them does not listen.
        socket.set_reuse_address(true).expect("an option");
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&anywhere.into()).expect("a free port");
        let address = socket.local_addr().expect("it is bound").as_socket();
        Self {
            number: address.expect("an address of IPv4").port(),
            _socket: socket,
        }
    }
}

fn log_file(folder: &Path) -> File {
    let path = folder.join(programs::LOG);
    let mut options = File::options();
    options.append(true).create(true);
    options.open(path).expect("the folder is ours")
}
