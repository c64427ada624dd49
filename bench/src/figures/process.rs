//! Starting servers and clients, and what the kernel says of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The core of every server.
const SERVER_CORE: &str = "0";
/// The core of every client.
const CLIENT_CORE: &str = "1";

/// A server process; killed when dropped.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    /// Wharf on one core and one shard, its rate limits raised but still evaluated.
    pub fn wharf(port: u16, more: &[&str]) -> Self {
        let address = format!("127.0.0.1:{port}");
        let settings = [
            "limits.inbound_packets_per_second=100000000",
            "limits.inbound_bytes_per_second=4000000000",
        ];
        let mut command = pinned(SERVER_CORE, &root("target/release/wharf"));
        command.args(["serve", "--listen", &address, "--shards", "1"]);
        for setting in settings.iter().chain(more) {
            command.args(["--set", setting]);
        }
        Self::start(command, address)
    }

    /// Wharf as a newcomer starts it.
    pub fn wharf_default(port: u16) -> Self {
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(root("target/release/wharf"));
        command.args(["serve", "--listen", &address]);
        Self::start(command, address)
    }

    /// A peer of this package.
    pub fn peer(name: &str, port: u16) -> Self {
        let address = format!("127.0.0.1:{port}");
        let mut command = pinned(SERVER_CORE, &root("bench/target/release").join(name));
        command.arg(&address);
        Self::start(command, address)
    }

    fn start(mut command: Command, address: String) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Self {
            child: child.expect("built in release mode"),
            address,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&server.address).is_err() {
            assert!(
                Instant::now() < deadline,
                "{} does not listen",
                server.address
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// What the kernel has counted for all threads so far.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        let tasks = format!("/proc/{}/task", self.child.id());
        for task in fs::read_dir(tasks).expect("it lives").flatten() {
            let read = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let on_cpu = read("schedstat")
                .split(' ')
                .next()
                .and_then(|ns| ns.parse::<u64>().ok());
            usage.cpu_ns += on_cpu.unwrap_or(0);
            usage.voluntary_switches += field(&read("status"), "voluntary_ctxt_switches:");
        }
        let status = format!("/proc/{}/status", self.child.id());
        usage.resident_kib = field(&fs::read_to_string(status).unwrap_or_default(), "VmRSS:");
        usage
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has used.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub cpu_ns: u64,
    pub voluntary_switches: u64,
    pub resident_kib: u64,
}

/// Kibibytes that the kernel itself has in use for sockets (TCP memory is in pages).
pub fn kernel_tcp_kib() -> u64 {
    let text = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with("TCP:"))
        .unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
    let pages = words
        .iter()
        .position(|word| *word == "mem")
        .and_then(|at| words.get(at + 1));
    pages
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4
}

/// `wharf bots`, pinned to the client's core.
pub fn bots(arguments: &[&str]) -> Command {
    let mut command = pinned(CLIENT_CORE, &root("target/release/wharf"));
    command
        .arg("bots")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs bots to their end; their report as JSON text.
pub fn run_bots(arguments: &[&str]) -> String {
    let file = std::env::temp_dir().join(format!("figures-{}.jsonl", std::process::id()));
    let _ = fs::remove_file(&file);
    let path = file.display().to_string();
    let output = bots(arguments)
        .args(["--json", &path])
        .output()
        .expect("bots run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::read_to_string(&file).expect("a report")
}

/// The number of `"name":` in a line of JSON.
pub fn json_number(json: &str, name: &str) -> f64 {
    let key = format!("\"{name}\":");
    let at = json
        .find(&key)
        .unwrap_or_else(|| panic!("no {name} in {json}"))
        + key.len();
    let end = json[at..]
        .find([',', '}'])
        .map_or(json.len(), |end| at + end);
    json[at..end]
        .trim()
        .parse()
        .unwrap_or_else(|_| panic!("{name} is no number in {json}"))
}

/// Waits until a child's output has a line with `words`.
pub fn wait_for_line(child: &mut Child, words: &str) {
    let output = child.stderr.take().expect("piped");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains(words)),
        "the bots ended without {words:?}"
    );
    std::thread::spawn(move || lines.for_each(drop));
}

/// The middle of some figures.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

fn pinned(core: &str, program: &PathBuf) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program);
    command
}

fn root(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

fn field(status: &str, name: &str) -> u64 {
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
