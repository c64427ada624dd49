//! `wharf db`: what an operator does with the store.

mod online;

use super::operate::counted;
use super::say::{complain, say};
use super::{CANNOT_START, ConfigArgs};
use clap::{Args, Subcommand};
use online::OnlineArgs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use wharf_host::config::Effective;
use wharf_store::Place;
use wharf_store::admin::{self, Tell, Trouble, Verdict};

/// What is to be done, and with which store.
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(super) struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

const ABOUT: &str = "\
Without --store it is the store of the configuration: the file wharf.db in the data directory
(--data DIR), or what store.url names.

Exit code 0: done, or sound. 1: damaged (verify). 2: it could not be done, and why.";

/// How long a terminal shows one state at least.
const BETWEEN_TELLING: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Make the tables, or bring them up to this version of the program
    Migrate(Which),
    /// Copy the store into FILE, as it is at one moment; a server may go on meanwhile
    Backup {
        /// Where to; nothing is overwritten
        file: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Put a backup where no store is yet, of whatever kind: so one also moves to another
    Restore {
        /// What `wharf db backup` has made, of a file or a server
        file: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Look at all of it, and say whether it is sound
    Verify(Which),
    /// Tell who is online, as the servers show it; from Redis where there is one
    Online(OnlineArgs),
}

/// Which store.
#[derive(Debug, Args)]
struct Which {
    /// A database server, such as postgres://user:password@host/wharf or mysql://...
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Does it.
pub(super) fn run(args: &DbArgs, before: &ConfigArgs) -> ExitCode {
    match try_run(args, before) {
        Ok(code) => code,
        Err(problem) => {
            complain(format_args!("wharf db: {problem}"));
            ExitCode::from(CANNOT_START)
        }
    }
}

fn try_run(args: &DbArgs, before: &ConfigArgs) -> Result<ExitCode, String> {
    let told = |trouble: Trouble| trouble.to_string();
    match &args.command {
        DbCommand::Migrate(which) => {
            let place = which.place(before)?;
            let version = admin::migrate(&place).map_err(told)?;
            say(format_args!(
                "{place}: the tables are of version {version}\n"
            ));
        }
        DbCommand::Backup { file, which } => {
            let place = which.place(before)?;
            let bytes = told_on_the_way(|tell| admin::backup(&place, file, tell)).map_err(told)?;
            say(format_args!("{}: {bytes} bytes, sound\n", file.display()));
        }
        DbCommand::Restore { file, which } => {
            let place = which.place(before)?;
            told_on_the_way(|tell| admin::restore(&place, file, tell)).map_err(told)?;
            say(format_args!("{place}: restored from {}\n", file.display()));
        }
        DbCommand::Online(args) => online::run(args, before)?,
        DbCommand::Verify(which) => return Ok(verify(&which.place(before)?)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Does what takes long on a large store, and says on a terminal how far it is.
fn told_on_the_way<T>(work: impl FnOnce(Tell<'_>) -> T) -> T {
    let is_seen = io::stderr().is_terminal();
    let mut told = Instant::now();
    let mut is_told = false;
    let done = work(&mut |table, rows| {
        if is_seen && told.elapsed() >= BETWEEN_TELLING {
            (told, is_told) = (Instant::now(), true);
            let _ = write!(io::stderr(), "\r\x1b[K  {table}: {rows} rows");
        }
    });
    if is_told {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    done
}

fn verify(place: &Place) -> ExitCode {
    let verdict = admin::verify(place);
    match &verdict {
        Verdict::Sound(sound) => say(format_args!(
            "{place}: sound; tables of version {}, {}, {}, {}\n",
            sound.version,
            counted(sound.accounts.unsigned_abs(), "account"),
            counted(sound.rooms.unsigned_abs(), "room"),
            counted(sound.messages.unsigned_abs(), "message")
        )),
        Verdict::Damaged(findings) => {
            complain(format_args!("wharf db: {place}: damaged"));
            for finding in findings {
                complain(format_args!("  {finding}"));
            }
            complain("  restore a backup: wharf db restore FILE, having moved this one away");
        }
        Verdict::CannotOpen(trouble) => complain(format_args!("wharf db: {trouble}")),
    }
    ExitCode::from(verdict.exit_code())
}

impl Which {
    fn place(&self, before: &ConfigArgs) -> Result<Place, String> {
        if let Some(url) = &self.store {
            return Ok(Place::at(url.clone()));
        }
        let config = before.clone().then(self.config.clone()).resolve();
        Ok(place_of(&config.map_err(|error| error.to_string())?))
    }
}

/// The store that a configuration names.
pub(super) fn place_of(config: &Effective) -> Place {
    match config.secret("store.url") {
        None => Place::in_folder(config.path("data")),
        Some(url) => Place::at(url.expose()),
    }
}
