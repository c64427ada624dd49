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
use figures::line::{self, Line, ROUNDS_MAX};
use figures::origin::Origin;
use figures::stats::Chance;
use figures::{pairs, table, target};
use server::{Who, root};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use workload::{Cell, Measure, Method, ROUNDS_TOGETHER, Sample};

/// The core of the client.
const CORE: usize = 1;

/// Measure Wharf against its peers
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Cli {
    /// One round of the smallest sizes, without growth
    #[arg(long)]
    quick: bool,
    /// Only workloads whose name contains this (echo, fan-out, chat, platform,
    /// hash, durable, idle, token, churn, slow, growth)
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
    #[arg(long, value_name = "N", default_value_t = ROUNDS_MAX, value_parser = rounds)]
    #[arg(conflicts_with = "quick")]
    rounds: usize,
    /// Nothing is kept in docs/bench
    #[arg(long)]
    dry: bool,
    /// Another build of Wharf to measure in the place of `wharf again`; nothing is kept then
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
    /// Measure nothing: write the report anew from what is kept
    #[arg(long, exclusive = true)]
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

/// A number of rounds; with none, nothing would be measured.
fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("a number from 1 on".into()),
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
        report::write(line::read(&kept)?)?;
        return Ok(true);
    }
    if let Some(path) = &cli.json {
        // Rather now than after the first round.
        line::append(path, &[])?;
    }
    prepare()?;
    if let Some(program) = &cli.beside {
        server::put_beside(program)?;
    }
    let mut groups = workload::groups(cli.quick);
    groups
        .iter_mut()
        .for_each(|group| group.retain(|cell| cli.wants(cell)));
    groups.retain(|group| !group.is_empty());
    if groups.is_empty() {
        let of_quick = if cli.quick {
            " among those of --quick"
        } else {
            ""
        };
        return Err(format!(
            "no workload{of_quick} has such a name and size; --help lists the names"
        ));
    }
    if let Some(why) = Who::Wharf.missing() {
        return Err(format!("{why}; cargo xtask bench builds it"));
    }
    let (mut failed, count) = (false, groups.len());
    for (number, group) in groups.into_iter().enumerate() {
        let campaign = Campaign {
            cli,
            kept: &kept,
            origin: Origin::here(),
            progress: format!("[{}/{count}]", number + 1),
            before: line::read(&kept)?,
        };
        failed |= campaign.measure(&group)?;
    }
    if cli.keeps() {
        report::write(line::read(&kept)?)?;
        println!("The report: docs/bench/README.md");
    }
    Ok(!failed)
}

/// The rounds of one group of cells.
struct Campaign<'a> {
    cli: &'a Cli,
    kept: &'a Path,
    origin: Origin,
    progress: String,
    /// What was measured before.
    before: Vec<Line>,
}

impl Campaign<'_> {
    /// Measures round by round until all ratios have settled, together with those kept before, and
    /// keeps each round as it ends. Whether anything failed.
    fn measure(&self, group: &[Cell]) -> Result<bool, String> {
        let runs: Vec<(usize, Who)> = group
            .iter()
            .enumerate()
            .flat_map(|(cell, it)| self.present(it).into_iter().map(move |who| (cell, who)))
            .collect();
        let mut order: Vec<usize> = (0..runs.len()).collect();
        let mut running: Vec<Option<Measure>> = runs.iter().map(|_| None).collect();
        let mut chance = Chance(seed());
        let mut lines: Vec<Line> = Vec::new();
        let rounds = if self.cli.quick { 1 } else { self.cli.rounds };
        for round in 1..=rounds {
            chance.shuffle(&mut order);
            if (round - 1).is_multiple_of(ROUNDS_TOGETHER) {
                running.iter_mut().for_each(|it| *it = None);
            }
            let mut samples = vec![Sample::default(); runs.len()];
            let round_ms = since_1970().as_millis() as u64;
            for &at in &order {
                let (cell, who) = runs[at];
                let sample = self.sample(&group[cell], who, round, &mut running[at]);
                samples[at] = Sample { round_ms, ..sample };
            }
            let news = self.lines(group, &runs, &samples);
            self.keep(&news)?;
            match lines.is_empty() {
                true => lines = news,
                false => lines
                    .iter_mut()
                    .zip(news)
                    .for_each(|(line, new)| line.merge(new)),
            }
            if lines.iter().all(|line| self.with_kept(line).has_settled()) {
                break;
            }
        }
        eprint!("\r\x1b[K");
        self.show(group, &lines);
        Ok(lines.iter().any(|line| line.failed))
    }

    fn sample(&self, cell: &Cell, who: Who, round: usize, running: &mut Option<Measure>) -> Sample {
        eprint!(
            "\r\x1b[K{} {} x {}, round {round}: {}",
            self.progress,
            cell.workload,
            cell.scale.sessions,
            who.name()
        );
        let sample = match cell.method {
            Method::Alone(measure) => measure(cell, who),
            Method::Together(begin) => again(running, || begin(cell, who)),
        };
        sample.unwrap_or_else(|failed| {
            eprintln!(
                "\r\x1b[K{} x {} by {} FAILED: {failed}",
                cell.workload,
                cell.scale.sessions,
                who.name()
            );
            Sample {
                failed,
                ..Sample::default()
            }
        })
    }

    /// Those of a cell's servers that are on this machine.
    fn present(&self, cell: &Cell) -> Vec<Who> {
        let mut present = cell.servers.clone();
        present.retain(|who| match who.missing() {
            Some(why) => {
                eprintln!("{} without {}: {why}", self.progress, who.name());
                false
            }
            None => true,
        });
        present
    }

    /// The lines of one round.
    fn lines(&self, group: &[Cell], runs: &[(usize, Who)], samples: &[Sample]) -> Vec<Line> {
        let wharf = |cell: usize| runs.iter().position(|run| *run == (cell, Who::Wharf));
        let line = |((cell, who), sample): (&(usize, Who), &Sample)| {
            let wharf = wharf(*cell).expect("Wharf is in every cell");
            let (it, wharf) = (vec![sample.clone()], &samples[wharf..=wharf]);
            Line::new(&group[*cell], who.name(), it, wharf, &self.origin)
        };
        runs.iter().zip(samples).map(line).collect()
    }

    fn keep(&self, lines: &[Line]) -> Result<(), String> {
        if let Some(path) = &self.cli.json {
            line::append(path, lines)?;
        }
        if self.cli.keeps() {
            std::fs::create_dir_all(root().join("docs/bench"))
                .map_err(|error| format!("docs/bench: {error}"))?;
            line::append(self.kept, lines)?;
        }
        Ok(())
    }

    /// The tables, and whether the targets are reached, with the rounds that were kept before.
    fn show(&self, group: &[Cell], lines: &[Line]) {
        for cell in group {
            let of_it = |line: &&Line| line.is_of(cell);
            let beside: Vec<Line> = lines.iter().filter(of_it).cloned().collect();
            let merged: Vec<Line> = beside.iter().map(|line| self.with_kept(line)).collect();
            let verdicts = table::of_verdicts(&target::of_cell(&merged));
            println!("{}{verdicts}", table::of(&beside));
        }
        let merged: Vec<Line> = lines.iter().map(|line| self.with_kept(line)).collect();
        print!("{}", table::of_verdicts(&pairs::of_all(&merged)));
    }

    fn with_kept(&self, line: &Line) -> Line {
        let kept = self.before.iter().find(|kept| kept.is_like(line));
        let mut whole = kept.cloned().unwrap_or_else(|| line.clone());
        if kept.is_some() {
            whole.merge(line.clone());
        }
        whole
    }
}

/// Measures a server that runs, or one that is begun now; one that failed is not measured again.
fn again(
    running: &mut Option<Measure>,
    begin: impl FnOnce() -> Result<Measure, String>,
) -> Result<Sample, String> {
    let mut measure = match running.take() {
        Some(measure) => measure,
        None => begin()?,
    };
    let sample = measure()?;
    *running = Some(measure);
    Ok(sample)
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

fn seed() -> u64 {
    since_1970().as_nanos() as u64 | 1
}

fn since_1970() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}
