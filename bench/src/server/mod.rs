//! The servers that are measured: Wharf and its peers, each started on a free port and one core.

mod counts;
mod metrics;
mod port;
mod usage;

pub use counts::{Counter, Counts};
pub use metrics::Metrics;
pub use usage::{Usage, kernel_tcp_kib};

use crate::client::Dialect;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The core of every server; the client has the other.
pub const CORE: usize = 0;
/// How far admin addresses are looked for from where servers' are.
const ADMIN_PORTS: u32 = 10_000;
/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// The build that is measured as [`Who::WharfAgain`], if not the same.
static BESIDE: OnceLock<PathBuf> = OnceLock::new();

/// Has another build of Wharf measured in the place of `wharf again`.
///
/// # Errors
/// When there is no such program.
pub fn put_beside(program: &Path) -> Result<(), String> {
    // Servers start elsewhere.
    let program = program
        .canonicalize()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    BESIDE.get_or_init(|| program);
    Ok(())
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Wharf,
    /// The same once more: what the machine's noise makes of no difference. Or another build.
    WharfAgain,
    /// Content on a thread of its own.
    WharfSplit,
    /// A program of this package, or Asio's beside it.
    Peer(&'static str),
    Redis,
    Nats,
}

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Self::Wharf => "wharf",
            Self::WharfAgain if BESIDE.get().is_some() => "wharf beside",
            Self::WharfAgain => "wharf again",
            Self::WharfSplit => "wharf split",
            Self::Peer(program) => program.strip_prefix("peer-").unwrap_or(program),
            Self::Redis => "redis",
            Self::Nats => "nats",
        }
    }

    /// What it speaks where rooms are needed.
    pub fn room_dialect(self) -> Dialect {
        match self {
            Self::Redis => Dialect::Redis,
            Self::Nats => Dialect::Nats,
            _ => Dialect::Classic,
        }
    }

    pub fn is_wharf(self) -> bool {
        matches!(self, Self::Wharf | Self::WharfAgain | Self::WharfSplit)
    }

    /// Why it cannot be measured here, if so.
    pub fn missing(self) -> Option<String> {
        let program = self.program();
        let found = if program.components().count() == 1 {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|folder| folder.join(&program).is_file())
        } else {
            program.is_file()
        };
        (!found).then(|| format!("{} is not there", program.display()))
    }

    fn program(self) -> PathBuf {
        match self {
            Self::Peer(program) => root().join("bench/target/release").join(program),
            Self::Redis => "redis-server".into(),
            Self::Nats => "nats-server".into(),
            Self::WharfAgain => BESIDE.get().cloned().unwrap_or_else(wharf_here),
            _ => wharf_here(),
        }
    }
}

fn wharf_here() -> PathBuf {
    root().join("target/release/wharf")
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// How many clients come, and how they are spread.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub sessions: usize,
    pub per_room: usize,
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Where Wharf is asked about itself.
    admin: SocketAddr,
    /// Which of its threads are looked at, by their names.
    counts: fn(&str) -> bool,
    folder: Folder,
}

impl Server {
    /// Starts it for so many clients and waits until it listens.
    ///
    /// # Errors
    /// When it does not start, with what it said last.
    pub fn start(who: Who, scale: Scale) -> Result<Self, String> {
        Self::start_with(who, scale, &[])
    }

    /// The same, with settings of Wharf's beside those of every workload.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(who: Who, scale: Scale, settings: &[&str]) -> Result<Self, String> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let address = port::free_address(number)?;
        let admin = port::free_address(number + ADMIN_PORTS)?;
        let mut command = Command::new("taskset");
        command.args(["-c", &CORE.to_string()]).arg(who.program());
        match who {
            Who::Peer(_) => drop(command.arg(address.to_string())),
            Who::Redis => redis(&mut command, address),
            Who::Nats => nats(&mut command, address),
            _ => {
                wharf(&mut command, who, address, scale);
                let admin = format!("admin.listen={admin}");
                for setting in settings.iter().copied().chain([admin.as_str()]) {
                    command.args(["--set", setting]);
                }
            }
        }
        // Where no configuration lies, and no accounts of another.
        let folder = Folder::new(number)?;
        command.current_dir(std::env::temp_dir());
        command.env("WHARF_DATA", folder.0.join("data"));
        let complaints = File::create(folder.complaints());
        let complaints = complaints.map_err(|error| format!("{}: {error}", who.name()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(complaints)
            .spawn();
        let child = child.map_err(|error| format!("{}: {error}", who.name()))?;
        let mut server = Self {
            child,
            address,
            admin,
            counts: |_| true,
            folder,
        };
        let deadline = Instant::now() + PATIENCE;
        while !port::listens(address) {
            if let Ok(Some(status)) = server.child.try_wait() {
                let why = server.last_words();
                return Err(format!("{} ended at its start: {status}{why}", who.name()));
            }
            if Instant::now() > deadline {
                let why = server.last_words();
                return Err(format!("{} does not listen{why}", who.name()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// What it complained of last, behind a comma; nothing if of nothing.
    pub fn last_words(&self) -> String {
        let said = std::fs::read(self.folder.complaints()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        last.map_or_else(String::new, |last| {
            format!(", having said: {}", last.trim())
        })
    }

    /// From now on only what threads of such names use is looked at.
    pub fn count_threads(&mut self, counts: fn(&str) -> bool) {
        self.counts = counts;
    }

    pub fn usage(&self) -> Usage {
        self.usage_of(self.counts)
    }

    /// What threads of such names have used.
    pub fn usage_of(&self, counts: fn(&str) -> bool) -> Usage {
        Usage::of(self.child.id(), counts)
    }

    /// What Wharf says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn metrics(&self) -> Result<Metrics, String> {
        Metrics::of(self.admin)
    }

    /// Begins to count what the kernel does for it; `None` where that is not allowed.
    pub fn count(&self) -> Option<Counter> {
        Counter::start(self.child.id())
    }
}

impl Server {
    /// Whether its process still runs, which nobody asked to end.
    pub fn lives(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        stat.is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server writes into; gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(number: u32) -> Result<Self, String> {
        let name = format!("wharf-bench-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Where its errors go.
    fn complaints(&self) -> PathBuf {
        self.0.join("complaints")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it is in the way of nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One shard; its limits raised, and still evaluated.
fn wharf(command: &mut Command, who: Who, address: SocketAddr, scale: Scale) {
    command.args(["serve", "--shards", "1", "--listen", &address.to_string()]);
    let rooms = scale.sessions.div_ceil(scale.per_room).max(10);
    for setting in [
        format!(
            "placement={}",
            if who == Who::WharfSplit {
                "split"
            } else {
                "fused"
            }
        ),
        "limits.inbound_packets_per_second=100000000".into(),
        "limits.inbound_bytes_per_second=4000000000".into(),
        "limits.chats_per_minute=1000000".into(),
        "limits.sessions_not_logged_in=10000".into(),
        "limits.login_seconds=3600".into(),
        // A place in the queue takes a descriptor of 20,000, which 19,000 sessions need.
        "accounts.queue_max=0".into(),
        // A mebibyte for each of a thousand, as the peers allow.
        "limits.send_memory_bytes=2147483648".into(),
        format!("chat.rooms={rooms}"),
        format!("chat.room_members_max={}", scale.per_room.max(1_000)),
    ] {
        command.args(["--set", &setting]);
    }
}

fn redis(command: &mut Command, address: SocketAddr) {
    let port = address.port().to_string();
    command.args([
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        // Loopback is more than one address, which it else takes for strangers.
        "--protected-mode",
        "no",
        "--save",
        "",
        "--appendonly",
        "no",
    ]);
    command.args([
        "--maxclients",
        "19500",
        "--daemonize",
        "no",
        "--tcp-backlog",
        "511",
    ]);
}

fn nats(command: &mut Command, address: SocketAddr) {
    command.args(["-a", "127.0.0.1", "-p", &address.port().to_string()]);
}
