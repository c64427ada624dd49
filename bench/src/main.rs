//! Wharf against the field: the same workloads, the same client, one core each, beside each other.
//!
//! Servers are pinned to one core and this process, the client, to the other. A ratio is of two
//! runs of one round; the order of the servers is drawn anew in each. CPU is the server's own
//! accounting (`/proc/PID/task/*/schedstat`) over a fixed number of messages, never wall-clock.

mod client;
mod figures;
mod hiccup;
mod report;
mod server;
mod workload;

use clap::Parser;
use figures::line::{self, Line, Origin};
use figures::stats::Chance;
use figures::{table, target};
use server::root;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};
use workload::{Cell, Sample};

/// The core of the client.
const CORE: usize = 1;
/// Rounds of a cell whose ratios do not settle.
const ROUNDS_MAX: usize = 40;
/// Fewer tell nothing of how settled they are.
const ROUNDS_MIN: usize = 5;
/// Half the width of a settled ratio's interval.
const SETTLED: f64 = 0.02;

/// Measure Wharf against its peers
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Cli {
    /// One round of the smallest sizes, without growth
    #[arg(long)]
    quick: bool,
    /// Only workloads whose name contains this (echo, fan-out, chat, idle, churn, slow, growth)
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Only sizes of so many sessions
    #[arg(long, value_name = "N")]
    sessions: Option<usize>,
    /// Only sizes with so many messages in flight
    #[arg(long, value_name = "N")]
    in_flight: Option<u32>,
    /// Append the results, one JSON object a line, to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds at the most in this invocation; those of one commit are merged
    #[arg(long, value_name = "N", default_value_t = ROUNDS_MAX)]
    rounds: usize,
    /// Nothing is kept in docs/bench
    #[arg(long)]
    dry: bool,
    /// Another build of Wharf to measure in the place of `wharf again`; nothing is kept then
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
    /// Measure nothing: write the report anew from what is kept
    #[arg(long)]
    report: bool,
}

impl Cli {
    /// Whether what is measured belongs to the record of this commit.
    fn keeps(&self) -> bool {
        !self.quick && !self.dry && self.beside.is_none()
    }

    fn wants(&self, cell: &Cell) -> bool {
        let named = self
            .only
            .as_ref()
            .is_none_or(|name| cell.workload.contains(name.as_str()));
        let sized = self
            .sessions
            .is_none_or(|count| count == cell.scale.sessions);
        named && sized && self.in_flight.is_none_or(|count| count == cell.in_flight)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("bench: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Whether nothing failed.
fn run(cli: &Cli) -> Result<bool, String> {
    let kept = root().join("docs/bench/results.jsonl");
    if cli.report {
        report::write(&line::read(&kept)?)?;
        return Ok(true);
    }
    prepare()?;
    if let Some(program) = &cli.beside {
        server::put_beside(program)?;
    }
    let cells: Vec<Cell> = workload::cells(cli.quick)
        .into_iter()
        .filter(|cell| cli.wants(cell))
        .collect();
    if cells.is_empty() {
        return Err("no workload has such a name and size; --help lists the names".into());
    }
    let origin = origin();
    let rounds = if cli.quick { 1 } else { cli.rounds.max(1) };
    let before = line::read(&kept)?;
    let mut failed = false;
    for (number, cell) in cells.iter().enumerate() {
        let progress = format!("[{}/{}]", number + 1, cells.len());
        let lines = measure(cell, rounds, &progress, &origin, &before);
        failed |= lines.iter().any(|line| line.failed);
        println!("{}{}", table::of(&lines), verdicts_of(&lines, &before));
        if let Some(path) = &cli.json {
            line::append(path, &lines)?;
        }
        if cli.keeps() {
            std::fs::create_dir_all(root().join("docs/bench"))
                .map_err(|error| format!("docs/bench: {error}"))?;
            line::append(&kept, &lines)?;
        }
    }
    if cli.keeps() {
        report::write(&line::read(&kept)?)?;
        println!("The report: docs/bench/README.md");
    }
    Ok(!failed)
}

/// Whether the targets are reached, with the rounds that were kept before.
fn verdicts_of(lines: &[Line], before: &[Line]) -> String {
    let merged: Vec<Line> = lines.iter().map(|line| with_kept(line, before)).collect();
    table::of_verdicts(&target::of_cell(&merged))
}

fn with_kept(line: &Line, before: &[Line]) -> Line {
    let mut line = line.clone();
    if let Some(kept) = before.iter().find(|kept| kept.is_like(&line)) {
        line.merge(kept.clone());
    }
    line
}

/// Measures a cell round by round until its ratios have settled, together with those kept before.
fn measure(
    cell: &Cell,
    rounds: usize,
    progress: &str,
    origin: &Origin,
    before: &[Line],
) -> Vec<Line> {
    let mut present = cell.servers.clone();
    present.retain(|who| match who.missing() {
        Some(why) => {
            eprintln!("{progress} without {}: {why}", who.name());
            false
        }
        None => true,
    });
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); present.len()];
    let mut chance = Chance(seed());
    let mut order: Vec<usize> = (0..present.len()).collect();
    for round in 1..=rounds {
        chance.shuffle(&mut order);
        for &at in &order {
            let who = present[at];
            eprint!(
                "\r\x1b[K{progress} {} x {}, round {round}: {}",
                cell.workload,
                cell.scale.sessions,
                who.name()
            );
            let sample = (cell.measure)(cell, who);
            let failed = |failed| Sample {
                failed,
                ..Sample::default()
            };
            samples[at].push(sample.unwrap_or_else(failed));
        }
        let lines = lines(cell, &present, &samples, origin);
        if round >= ROUNDS_MIN.min(rounds) && have_settled(&lines, before) {
            break;
        }
    }
    eprint!("\r\x1b[K");
    lines(cell, &present, &samples, origin)
}

fn lines(
    cell: &Cell,
    present: &[server::Who],
    samples: &[Vec<Sample>],
    origin: &Origin,
) -> Vec<Line> {
    let line = |(who, of_it): (&server::Who, &Vec<Sample>)| {
        Line::new(cell, who.name(), of_it.clone(), &samples[0], origin)
    };
    present.iter().zip(samples).map(line).collect()
}

fn have_settled(lines: &[Line], before: &[Line]) -> bool {
    lines.iter().all(|line| {
        let line = with_kept(line, before);
        line.rounds >= ROUNDS_MAX
            || line
                .ratio()
                .is_none_or(|ratio| ratio.half_width() <= SETTLED)
    })
}

/// Raises the descriptor limit, for the servers too, and takes the client's core.
fn prepare() -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: most,
            maximum: most,
        },
    )
    .map_err(|error| format!("descriptors: {error}"))?;
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(CORE);
    rustix::thread::sched_setaffinity(None, &cores).map_err(|error| {
        format!("a core for the client and one for the server are needed: {error}")
    })
}

fn origin() -> Origin {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(root())
            .args(arguments)
            .output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.unwrap_or_default()
    };
    // What is measured, and what measures it: other commits change no figure.
    let sources = ["--", "crates", "bench", "Cargo.toml", "Cargo.lock"];
    let changes = git(&[&["status", "--porcelain"], &sources[..]].concat());
    let changed = if changes.is_empty() { "" } else { "+" };
    let last = ["rev-list", "-1", "--abbrev-commit", "HEAD"];
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism()
        .map_or(0, usize::from)
        .max(2);
    Origin {
        commit: git(&[&last, &sources[..]].concat()) + changed,
        machine: format!(
            "{}, {cores} cores used, Linux {}",
            model.map_or("unknown", |(_, model)| model),
            kernel.trim()
        ),
    }
}

fn seed() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.as_nanos() as u64 | 1
}
