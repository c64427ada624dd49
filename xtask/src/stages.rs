//! The stages of the test command, in the order in which they begin: what is quick to fail first,
//! but what takes long early enough not to end alone.
//!
//! Budgets are for two cores, each shared with another stage, and a fresh clone, so most of each is
//! compilation: what is built for one is to do for others (`docs/decisions/0009`). Stages with
//! other flags or another compiler have a target directory of their own, lest they rebuild the
//! rest.

use std::num::NonZero;
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;

use crate::command::{cargo, linted, run, succeeds};
use crate::windows::{self, Wine};
use crate::{Outcome, Workspace, counts, docs, lessons, proto, setup, tidy};

/// The package that makes the program.
const PROGRAM: &str = "wharf";

/// Where what runs optimized is built.
const OPTIMIZED: &str = "target/optimized";

/// In nextest's words: the tests that look at the program from outside. They have a stage of their
/// own, in which they look at it optimized.
const BLACK_BOX: &str = "package(=wharf) & kind(test)";

/// The packages with memory that the kernel can touch: they run under AddressSanitizer.
const SANITIZED: &[&str] = &["wharf-port", "wharf-net"];

/// The loom models: package, and the target that holds them.
const MODELS: &[(&str, &[&str])] = &[
    ("wharf-base", &["--test", "loom_handover"]),
    ("wharf-port", &["--lib", "models"]),
    ("t04-logic", &["--test", "loom_inbox"]),
];

/// Beside the simulator the packages whose feature `canary` plants bugs that their tests must find.
const CANARIES: &[&str] = &["wharf-content", "wharf-net"];

/// Seeds of the test command.
pub(crate) const SEEDS: u64 = 500;

/// What is built for Windows, and whose tests run under Wine.
pub(crate) const ON_WINDOWS: &[&str] = &[
    "wharf-base",
    "wharf-port",
    "wharf-net",
    "wharf-store",
    "wharf-host",
    "wharf-bots",
    "wharf",
];

/// How much of the stages to run.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Under a minute once built: for daily work
    Smoke,
    /// Everything, as `cargo xtask test`
    Test,
}

/// One thing that must hold before a change lands.
pub(crate) struct Stage {
    /// As typed behind `--only`.
    pub(crate) name: &'static str,
    /// What is true once it has passed.
    pub(crate) promise: &'static str,
    /// The time it should take at most.
    pub(crate) budget: Duration,
    /// Whether `ci smoke` runs it.
    pub(crate) in_smoke: bool,
    /// What has to end before it begins: it needs what they make, or they need the same.
    pub(crate) after: &'static [&'static str],
    /// Why it cannot run on this machine, if so.
    pub(crate) skip: fn(&Workspace) -> Option<String>,
    /// Does it.
    pub(crate) run: fn(&Workspace) -> Outcome,
}

impl Stage {
    pub(crate) fn is_in(&self, mode: Mode) -> bool {
        mode == Mode::Test || self.in_smoke
    }

    pub(crate) const fn new(
        name: &'static str,
        budget_minutes: u64,
        promise: &'static str,
        run: fn(&Workspace) -> Outcome,
    ) -> Stage {
        let budget = Duration::from_secs(budget_minutes * 60);
        Stage {
            name,
            promise,
            budget,
            in_smoke: false,
            after: &["setup"],
            skip: |_| None,
            run,
        }
    }

    const fn smoke(self) -> Stage {
        Stage {
            in_smoke: true,
            ..self
        }
    }

    const fn after(self, after: &'static [&'static str]) -> Stage {
        Stage { after, ..self }
    }

    const fn unless(self, skip: fn(&Workspace) -> Option<String>) -> Stage {
        Stage { skip, ..self }
    }
}

/// Every stage, in order.
#[rustfmt::skip]
pub(crate) const STAGES: &[Stage] = &[
    Stage::new("setup", 2, "what the stages need is installed", setup::install),
    Stage::new("fmt", 1, "rustfmt has nothing to change", fmt).smoke(),
    Stage::new("tidy", 1, "the habits of STYLE.md and the .proto files hold", tidy).smoke(),
    Stage::new("windows", 20, "the Windows build has no warning and passes in Wine", windows_tests)
        .unless(windows::missing),
    Stage::new("windows-lessons", 8, "the lessons do so in Wine too", lessons::on_windows)
        .after(&["windows"])
        .unless(windows::missing),
    Stage::new("tests", 11, "clippy finds nothing; unit, property, contract tests pass", tests)
        .smoke(),
    Stage::new("program", 7, "the program is built, optimized", program),
    Stage::new("lessons", 4, "the lessons pass, and find the faults they teach", lessons::here)
        .after(&["tests"]),
    Stage::new("docs", 2, "rustdoc has no warning, and its examples run", docs::check)
        .after(&["lessons"]),
    Stage::new("black-box", 4, "the program, optimized, from outside", black_box)
        .after(&["program", "tests", "lessons"]),
    Stage::new("sim", 5, "500 whole servers in a simulated world, each twice", sim)
        .after(&["program"]),
    Stage::new("canaries", 4, "every planted bug is found", canaries)
        .after(&["sim", "tests"]),
    Stage::new("counts", 4, "the hot paths take no more instructions than they did", counts)
        .unless(counts::missing),
    Stage::new("asan", 4, "no stray access to lent memory, no leak", asan).unless(no_asan),
    Stage::new("loom", 2, "what crosses threads holds in every interleaving", loom),
];

/// Stages that run at once. A stage waits for half of its time, for a disk, a clock or another
/// process, or links on one core alone.
pub(crate) const LANES: usize = 2;

/// What all stages together may take.
pub(crate) const BUDGET_IN_ALL: Duration = Duration::from_secs(40 * 60);

const _: () = {
    let (mut index, mut seconds) = (0, 0);
    while index < STAGES.len() {
        seconds += STAGES[index].budget.as_secs();
        index += 1;
    }
    assert!(
        seconds <= LANES as u64 * BUDGET_IN_ALL.as_secs(),
        "the stages' budgets do not fit the whole"
    );
};

/// The stages' names, for the command line.
pub(crate) fn names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

fn fmt(workspace: &Workspace) -> Outcome {
    run(cargo(workspace).args(["fmt", "--all", "--check"]))
}

fn tidy(workspace: &Workspace) -> Outcome {
    let [habits, proto] = [tidy::run(workspace, false), proto::run(workspace, false)];
    habits.and(proto)
}

fn tests(workspace: &Workspace) -> Outcome {
    test(workspace)?;
    // What is tested was looked at as tests see it; this is what those see who use it.
    run(linted(cargo(workspace))
        .args(["build", "--bins", "--examples"])
        .args(all_but_lessons(workspace)?))
}

fn test(workspace: &Workspace) -> Outcome {
    if has_nextest(workspace) {
        return run(&mut nextest(workspace, &format!("not ({BLACK_BOX})"))?);
    }
    run(cargo_test(workspace)
        .arg("--all-targets")
        .args(all_but_lessons(workspace)?)
        .args(["--exclude", PROGRAM]))?;
    run(cargo_test(workspace).args(["-p", PROGRAM, "--lib", "--bins"]))
}

/// To cargo: all packages but the lessons. Fewer would have other features, and be built anew.
fn all_but_lessons(workspace: &Workspace) -> Outcome<Vec<String>> {
    let lessons = lessons::packages(workspace)?.into_iter();
    let excluded = lessons.flat_map(|lesson| ["--exclude".into(), lesson]);
    Ok(std::iter::once("--workspace".into())
        .chain(excluded)
        .collect())
}

fn program(workspace: &Workspace) -> Outcome {
    run(optimized(workspace, "build").args(["-p", PROGRAM]))
}

/// The tests themselves are built as the others are: optimizing them as one whole with all that
/// they link would take longer than they run.
fn black_box(workspace: &Workspace) -> Outcome {
    program(workspace)?;
    let mut tests = if has_nextest(workspace) {
        nextest(workspace, BLACK_BOX)?
    } else {
        let mut tests = cargo_test(workspace);
        tests.args(["-p", PROGRAM, "--test", "*"]);
        tests
    };
    let program = workspace.root.join(OPTIMIZED).join("release").join(PROGRAM);
    run(tests.env("PROGRAM_UNDER_TEST", &program))?;
    lessons::bots::are_answered(workspace, &program)
}

/// The simulator's store has no client of a server. What such a build says is tested beside it:
/// everything else is built with all of them.
fn sim(workspace: &Workspace) -> Outcome {
    simulate(workspace, SEEDS, 0)?;
    run(optimized(workspace, "test")
        .args(["--quiet", "-p", "wharf-store", "--lib"])
        .arg("--no-default-features"))
}

/// Runs so many seeds, from `seed` on, each twice.
pub(crate) fn simulate(workspace: &Workspace, seeds: u64, seed: u64) -> Outcome {
    let [seeds, seed] = [seeds, seed].map(|number| number.to_string());
    run(optimized(workspace, "run")
        .args(["--quiet", "-p", "wharf-sim", "--"])
        .args(["--seeds", &seeds, "--seed", &seed]))
}

fn canaries(workspace: &Workspace) -> Outcome {
    let with_bugs = ["--features", "canary", "-p"];
    run(optimized(workspace, "test")
        .args(with_bugs)
        .arg("wharf-sim"))?;
    // One by one: a feature of one package would be one of all.
    CANARIES
        .iter()
        .try_for_each(|package| run(cargo(workspace).arg("test").args(with_bugs).arg(package)))
}

/// Not optimized: what loom's models need most by far is to be compiled.
fn loom(workspace: &Workspace) -> Outcome {
    MODELS.iter().try_for_each(|(package, target)| {
        run(cargo(workspace)
            .args(["test", "-p", package])
            .args(*target)
            .env("CARGO_TARGET_DIR", "target/loom")
            .env("RUSTFLAGS", "--cfg loom"))
    })
}

/// What runs optimized but not as it ships: what makes a program small and quick takes its time,
/// and is lost on tests. What is counted (`counts`) is built as it ships.
fn optimized(workspace: &Workspace, subcommand: &str) -> Command {
    let mut command = cargo(workspace);
    command
        .args([subcommand, "--release"])
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        // The features are others than those with which clippy has looked at it.
        .env("RUSTFLAGS", "-Dwarnings")
        .env("CARGO_TARGET_DIR", OPTIMIZED);
    command
}

/// nextest shows what hangs and runs every test in a process of its own; without it `cargo test`
/// does as well.
fn has_nextest(workspace: &Workspace) -> bool {
    succeeds(cargo(workspace).args(["nextest", "--version"]))
}

/// Those of the tests that `which` names.
fn nextest(workspace: &Workspace, which: &str) -> Outcome<Command> {
    let mut nextest = linted(cargo(workspace));
    nextest
        .args(["nextest", "run", "--status-level", "slow"])
        .args(["--test-threads", &tests_at_once(), "--no-fail-fast"])
        .args(["--all-targets", "--filterset", which])
        .args(all_but_lessons(workspace)?);
    Ok(nextest)
}

fn cargo_test(workspace: &Workspace) -> Command {
    let mut test = linted(cargo(workspace));
    test.args(["test", "--no-fail-fast"])
        .env("RUST_TEST_THREADS", tests_at_once());
    test
}

/// Two for each core: most wait for a disk, for another process or for a clock half of their time.
pub(crate) fn tests_at_once() -> String {
    (2 * cores()).to_string()
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The stable compiler has the sanitizer and hides it; std needs no rebuild for this one. The cfg
/// has the port tell the sanitizer which receive buffers are not ours to touch.
fn asan(workspace: &Workspace) -> Outcome {
    run(cargo(workspace)
        .args([
            "test",
            "--tests",
            "--no-fail-fast",
            "--target",
            "x86_64-unknown-linux-gnu",
        ])
        .args(packages(SANITIZED))
        .env("CARGO_TARGET_DIR", "target/asan")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address --cfg wharf_asan"))
}

fn counts(workspace: &Workspace) -> Outcome {
    counts::check(workspace, false)
}

fn no_asan(_: &Workspace) -> Option<String> {
    let here = cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    ));
    (!here).then(|| "AddressSanitizer is set up for x86_64 Linux only".into())
}

fn windows_tests(workspace: &Workspace) -> Outcome {
    let _wine = Wine::start(workspace)?;
    run(windows::cargo_test(workspace)?
        .args(["--tests", "--no-fail-fast"])
        .args(packages(ON_WINDOWS))
        .args(["-p", lessons::LAB.1])
        .env("RUST_TEST_THREADS", tests_at_once()))?;
    windows::ctrl_c::stops_the_server(workspace)
}

fn packages(names: &[&'static str]) -> impl Iterator<Item = &'static str> {
    names.iter().flat_map(|&name| ["-p", name])
}
