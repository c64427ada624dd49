//! `wharf bench`: what this machine carries.
//!
//! A server of this same program, on one core, is loaded by the dummy clients of this process, on
//! the others. What a message costs is the server's own CPU time, as the system counts it, over the
//! messages that were delivered meanwhile: it does not depend on who was the bottleneck.

mod cores;
mod hiccup;
mod machine;
mod measure;
mod plan;
mod report;
mod server;
mod text;
mod usage;

use super::say::{complain, say};
use super::{CANNOT_START, bots};
use cores::Cores;
use machine::Machine;
use measure::Measured;
use plan::Plan;
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use wharf_bots::Stop;

/// How the measuring is to be done.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = ABOUT)]
pub(super) struct BenchArgs {
    /// Seconds of each of the five workloads, 1 to 600
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Sessions of chat and of idle memory (echo has 64 of them) [default: 1000, or what the
    /// descriptors allow]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sessions: Option<u32>,
    /// Completion port of the server: auto, uring, readiness or iocp
    #[arg(long, value_name = "NAME", default_value = "auto")]
    port_backend: String,
    /// Append the results to FILE, one JSON object a line: each workload, then the summary
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

const ABOUT: &str = "\
It starts a server of its own on a free port of 127.0.0.1, with one shard on one core, and needs
nothing else; close what else is running. Every delivery is checked.

The workloads: echo of 64-byte frames with 1 and with 16 in flight; chat in rooms of 10 and of 100,
as fast as answers come; idle sessions in rooms of 10.

Exit code 0: every delivery was right. 1: one was wrong. 2: it could not be measured.";

/// Measures, and prints what was found; 0 when every delivery was right, 1 when one was wrong, 2
/// when it could not be measured.
pub(super) fn run(args: &BenchArgs) -> ExitCode {
    match try_run(args) {
        Ok(report) if report.is_right() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            complain(format_args!("wharf bench: {problem}"));
            ExitCode::from(CANNOT_START)
        }
    }
}

fn try_run(args: &BenchArgs) -> Result<Report, String> {
    let machine = Machine::look();
    let limits = machine.limits();
    let plan = Plan::new(args.seconds, args.sessions, &args.port_backend, &limits)?;
    if let Some(path) = &args.json {
        report::append(path, "")?;
    }
    let stop = Stop::new();
    bots::stop_on_signals("wharf bench", stop.clone())
        .map_err(|error| format!("signals cannot be handled: {error}"))?;
    let cores = Cores::take();
    complain(format_args!("{machine}; {cores}"));
    let mut report = Report::new(machine, cores.are_apart());
    let count = plan.workloads.len();
    for (index, workload) in plan.workloads.iter().enumerate() {
        if stop.is_asked() {
            break;
        }
        complain(format_args!("[{}/{count}] {workload}", index + 1));
        let measured: Measured = measure::measure(workload, &plan, &cores, &stop)?;
        report.add(measured);
    }
    say(format_args!("{report}\n"));
    if let Some(path) = &args.json {
        report::append(path, &report.json_lines())?;
    }
    Ok(report)
}
