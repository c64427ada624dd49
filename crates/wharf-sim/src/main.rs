//! `wharf-sim --seeds N [--seed S]`: runs seeds, each twice, on all processors, and says which one
//! failed first and how.

use clap::Parser;
use core::ops::ControlFlow;
use std::process::{Command, ExitCode};
use wharf_port::sim::FaultCounts;
use wharf_sim::{
    Plan, Report, RestartCounts, ServiceCounts, keep_last_words, quietly, run, side_by_side,
};

/// Whole servers in a simulated world, from seeds.
#[derive(Debug, Parser)]
#[command(name = "wharf-sim")]
struct Cli {
    /// How many seeds to run.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first seed; with --seeds 1 it replays that run exactly.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Clients of each run.
    #[arg(long, default_value_t = 20)]
    clients: u32,
    /// Packets of each run.
    #[arg(long, default_value_t = 2_000)]
    packets: u64,
    /// How many of the runs have services.
    #[arg(long, default_value_t = Plan::default().services)]
    services: f64,
    /// How many of those have rooms with a name.
    #[arg(long, default_value_t = Plan::default().halls)]
    halls: f64,
    /// How many of all runs have restarts.
    #[arg(long, default_value_t = Plan::default().restarts)]
    restarts: f64,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let plan = Plan {
        clients: cli.clients,
        packets: cli.packets,
        services: cli.services,
        halls: cli.halls,
        restarts: cli.restarts,
        ..Plan::default()
    };
    let Some((faults, totals)) = cli.run_all(&plan) else {
        return ExitCode::FAILURE;
    };
    println!("{} seeds, each twice and equal: {totals:?}", cli.seeds);
    let ours = [
        ("stalls", totals.stalls),
        ("stops in order", totals.restarts.stops),
        ("crashes", totals.restarts.crashes),
        ("losses by crashes", totals.services.store.crash_losses),
        ("mutes by crashes", totals.services.store.crash_mutes),
        ("names in use", totals.names_in_use),
        ("full rooms", totals.rooms_full),
        ("whispers", totals.services.whispers),
        ("told whispers", totals.services.told),
        ("muted whispers", totals.services.muted),
        ("takeovers", totals.services.takeovers),
        ("kicks and bans", totals.services.sent_away),
        ("erased accounts", totals.services.erased),
        ("silenced lines", totals.services.silenced),
        ("token logins", totals.services.token_logins),
        ("refused tokens", totals.services.refused_tokens),
        ("deaths of services", totals.services.deaths),
        ("delayed logins", totals.services.guesses.delayed),
        ("tries behind delays", totals.services.guesses.waited),
        ("tickets", totals.services.guesses.tickets),
        ("refused tickets", totals.services.guesses.replays),
        ("short store hangs", totals.services.short.hangs),
        ("short store cuts", totals.services.short.cuts),
        ("short store mutes", totals.services.short.mutes),
        ("short store forgets", totals.services.short.forgets),
        ("store hangs", totals.services.store.hangs),
        ("store cuts", totals.services.store.cuts),
        ("store mutes", totals.services.store.mutes),
        ("store deadlines", totals.services.store.expired),
        ("store refusals", totals.services.store.refused),
    ];
    let halls = totals.services.halls.each();
    for (kind, count) in faults.each().into_iter().chain(ours).chain(halls) {
        println!("  {kind:<22}{count}");
        if count == 0 && cli.seeds >= ENOUGH_FOR_ALL {
            eprintln!(
                "no {kind} in {} seeds: its generator has fallen silent",
                cli.seeds
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

impl Cli {
    /// What happened in all runs; `None` if one failed, which was told.
    fn run_all(&self, plan: &Plan) -> Option<(FaultCounts, Totals)> {
        let (mut faults, mut totals) = (FaultCounts::default(), Totals::default());
        let mut is_right = true;
        let tell = |seed: u64, outcome: Result<Report, String>| match outcome {
            Ok(report) => {
                faults.add(&report.faults);
                totals.add(&report);
                let done = seed + 1 - self.seed;
                if done.is_multiple_of(100) {
                    eprintln!("{done} of {} seeds", self.seeds);
                }
                ControlFlow::Continue(())
            }
            Err(why) => {
                let at = commit().map_or_else(String::new, |commit| format!(" at {commit}"));
                let again = self.again(seed);
                eprintln!("{}\nseed {seed} failed{at}; again: {again}", why.trim_end());
                is_right = false;
                ControlFlow::Break(())
            }
        };
        let seeds = self.seed..self.seed + self.seeds;
        keep_last_words();
        side_by_side(seeds, |seed| run_twice(seed, plan), tell);
        is_right.then_some((faults, totals))
    }

    /// What repeats the run of one seed.
    fn again(&self, seed: u64) -> String {
        let usual = Self::parse_from([""]);
        let is_usual = (self.clients, self.packets) == (usual.clients, usual.packets)
            && (self.services, self.halls, self.restarts)
                == (usual.services, usual.halls, usual.restarts);
        match is_usual {
            true => format!("cargo xtask sim --seeds 1 --seed {seed}"),
            false => format!(
                "cargo run --release -p wharf-sim -- --seeds 1 --seed {seed} --clients {} \
                 --packets {} --services {} --halls {} --restarts {}",
                self.clients, self.packets, self.services, self.halls, self.restarts
            ),
        }
    }
}

/// Seeds in which every kind of fault must have happened.
const ENOUGH_FOR_ALL: u64 = 400;

#[derive(Debug, Default)]
struct Totals {
    packets: u64,
    logins: u64,
    names_in_use: u64,
    rooms_full: u64,
    heard: u64,
    settled: u64,
    cut: u64,
    stalls: u64,
    restarts: RestartCounts,
    services: ServiceCounts,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.packets += report.packets;
        self.logins += report.logins;
        self.names_in_use += report.names_in_use;
        self.rooms_full += report.rooms_full;
        self.heard += report.heard;
        self.settled += u64::from(report.settled);
        self.cut += report.cut;
        self.stalls += report.stalls;
        self.restarts.stops += report.restarts.stops;
        self.restarts.crashes += report.restarts.crashes;
        let (ours, theirs) = (&mut self.services, &report.services);
        ours.whispers += theirs.whispers;
        ours.told += theirs.told;
        ours.muted += theirs.muted;
        ours.takeovers += theirs.takeovers;
        ours.sent_away += theirs.sent_away;
        ours.erased += theirs.erased;
        ours.silenced += theirs.silenced;
        ours.token_logins += theirs.token_logins;
        ours.refused_tokens += theirs.refused_tokens;
        ours.deaths += theirs.deaths;
        ours.halls.add(&theirs.halls);
        ours.guesses.add(&theirs.guesses);
        ours.store.add(&theirs.store);
        ours.short.add(&theirs.short);
    }
}

/// What git calls the sources, if it knows them.
fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"]);
    let said = git.current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    let name = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

/// # Errors
/// Which promise was broken, or how two runs differ.
fn run_twice(seed: u64, plan: &Plan) -> Result<Report, String> {
    let once = || quietly(|| run(seed, plan));
    let (first, second) = (once()?, once()?);
    if first.trace.hash() == second.trace.hash() {
        return Ok(first);
    }
    let lines = first.trace.lines().zip(second.trace.lines());
    let differ = lines.filter(|(one, other)| one != other).take(3);
    let differ = differ.map(|(one, other)| format!("first:  {one}\nsecond: {other}\n"));
    Err(differ.collect::<String>() + "two runs differ")
}
