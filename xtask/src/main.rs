//! `cargo xtask`: the one test command, and the habits around it.
//!
//! Everything that must pass before a change lands is a *stage* (`stages`); `test` runs them all
//! and `ci smoke` the minute's worth. What the stages need from the system comes from `setup`.

mod bench;
mod command;
mod counts;
mod docs;
mod kill;
mod lanes;
mod lessons;
mod proto;
mod report;
mod setup;
mod stages;
mod tidy;
mod windows;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use report::Selection;
use stages::Mode;

/// What can go wrong, as a line for whoever typed the command.
type Outcome<T = ()> = Result<T, String>;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The one test command"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that must pass before a change lands; installs what it needs
    Test(TestArguments),
    /// The same by how long you have: `smoke` is a minute, `test` is all of it
    Ci {
        /// Which stages
        #[arg(value_enum)]
        mode: Mode,
    },
    /// Install what the tests need, and only what is missing (Debian 12, as root)
    Setup,
    /// Check the habits: layers, headers, lengths, banned calls, documents
    Tidy {
        /// Write the new hash into documents whose code has changed: read them again first
        #[arg(long)]
        bless: bool,
    },
    /// Run whole servers in a simulated world, each seed twice: `cargo xtask sim --seeds 10000`
    Sim {
        /// How many seeds
        #[arg(long, default_value_t = stages::SEEDS)]
        seeds: u64,
        /// The first seed; with `--seeds 1` it replays that run exactly
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Measure Wharf beside its peers: `cargo xtask bench --quick`, `-- --help` for all of it
    Bench {
        /// The harness's own arguments: --quick, --only NAME, --json FILE, --rounds N
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Kill the store and its servers under load, and look for what they had acknowledged
    Kill {
        /// How often each of them is killed
        #[arg(long, default_value_t = 200)]
        times: u32,
    },
    /// Test the lessons: each passes, and each fault that it teaches turns its own tests red
    Lessons(lessons::Choice),
    /// Count the instructions of the hot paths and compare them with those in the repository
    Counts {
        /// Keep what is counted now
        #[arg(long)]
        bless: bool,
    },
    /// Compare what is generated from the .proto files with what they say
    Proto {
        /// Write it
        #[arg(long)]
        bless: bool,
    },
    /// Run cargo for the Windows target, its programs under Wine: `cargo xtask windows test -p ..`
    Windows {
        /// cargo's own arguments, subcommand first
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<OsString>,
    },
    /// Run one Windows program under Wine: cargo's runner for the Windows target
    #[command(hide = true)]
    WineRun {
        /// The program and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        program: Vec<OsString>,
    },
}

#[derive(clap::Args)]
struct TestArguments {
    /// Run this stage alone (may be given several times)
    #[arg(long, value_name = "STAGE", value_parser = stages::names())]
    only: Vec<String>,
    /// Begin with this stage
    #[arg(long, value_name = "STAGE", value_parser = stages::names(), conflicts_with = "only")]
    from: Option<String>,
    /// Stop at the first stage that fails
    #[arg(long)]
    fail_fast: bool,
    /// Print the stages, what each promises and its budget
    #[arg(long)]
    list: bool,
}

/// Where the workspace and this program lie. What is made lies below the `target/` of the first.
struct Workspace {
    root: PathBuf,
    /// This program, beside what cargo makes of the others. Asked for at the start: Linux says of
    /// a program that it is deleted, once a build has put a new one in its place.
    xtask: PathBuf,
    /// Whether cargo keeps what makes the next build quick: it makes this one slow.
    incremental: bool,
}

impl Workspace {
    fn here() -> Workspace {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = xtask
            .parent()
            .expect("xtask/ lies in the workspace")
            .to_path_buf();
        Workspace {
            root,
            xtask: std::env::current_exe().expect("a program knows where it is"),
            incremental: true,
        }
    }
}

fn main() -> ExitCode {
    if let Some(ended) = docs::instead_of_rustdoc() {
        return ended;
    }
    let task = Arguments::parse().task;
    let is_all = matches!(&task, Task::Test(_) | Task::Ci { mode: Mode::Test });
    let workspace = Workspace {
        incremental: !is_all,
        ..Workspace::here()
    };
    let outcome = match task {
        Task::Test(arguments) if arguments.list => {
            report::list();
            Ok(())
        }
        Task::Test(arguments) => report::run(
            &workspace,
            Mode::Test,
            &Selection {
                only: arguments.only,
                from: arguments.from,
                fail_fast: arguments.fail_fast,
            },
        ),
        Task::Ci { mode } => report::run(&workspace, mode, &Selection::default()),
        Task::Setup => setup::install(&workspace),
        Task::Tidy { bless } => tidy::run(&workspace, bless),
        Task::Sim { seeds, seed } => stages::simulate(&workspace, seeds, seed),
        Task::Bench { arguments } => bench::measure(&workspace, &arguments),
        Task::Kill { times } => kill::kill(&workspace, times),
        Task::Lessons(choice) => lessons::of_choice(&workspace, &choice),
        Task::Counts { bless } => counts::check(&workspace, bless),
        Task::Proto { bless } => proto::run(&workspace, bless),
        Task::Windows { arguments } => windows::cargo_with(&workspace, &arguments),
        Task::WineRun { program } => return windows::wine_run(&workspace, &program),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
