//! `wharf top`: what a running server does, live in a terminal, or once as text or JSON.

mod board;
mod figures;
mod live;
mod sample;
mod service_view;
mod views;

#[cfg(test)]
mod tests;

use super::refuse;
use super::say::say;
use clap::Args;
use sample::Sample;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};
use wharf_host::admin::{AdminClient, AskError, Snapshot};
use wharf_host::config::Secret;

/// Between two looks at the server, from which what happens in a second follows.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// The server's admin address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:11022")]
    admin: String,
    /// File with the server's admin.token, if it wants one
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print one page of text and end
    #[arg(long, conflicts_with = "json")]
    once: bool,
    /// Print one JSON object and end
    #[arg(long)]
    json: bool,
}

/// Shows the server until told to stop; 2 if there is none.
pub(super) fn run(args: &TopArgs) -> ExitCode {
    match try_run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => refuse(&problem),
    }
}

fn try_run(args: &TopArgs) -> Result<(), String> {
    let token = args.token_file.as_deref().map(read_token).transpose()?;
    let client = AdminClient::new(&args.admin, token).map_err(|error| explain(&error))?;
    let first = client.snapshot().map_err(|error| explain(&error))?;
    if args.once || args.json {
        let sample = second_look(&client, first)?;
        if args.json {
            say(format_args!("{}\n", sample.to_json()));
        } else {
            say(board::page(&sample));
        }
        return Ok(());
    }
    live::run(client, first).map_err(|error| no_terminal(&error))
}

/// The first line of a file.
pub(super) fn read_token(file: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("--token-file {}: {error}", file.display()))?;
    Ok(Secret::new(
        text.lines().next().unwrap_or_default().trim().to_owned(),
    ))
}

/// Looks again when a second is over.
fn second_look(client: &AdminClient, first: Snapshot) -> Result<Sample, String> {
    let until = Instant::now() + EVERY;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        thread::park_timeout(left);
    }
    let now = client.snapshot().map_err(|error| explain(&error))?;
    Ok(Sample::new(Some(first), now))
}

/// What is wrong, and what to type.
pub(super) fn explain(error: &AskError) -> String {
    let remedy = match error {
        AskError::NoSuchName(..) => "write --admin HOST:PORT, such as 127.0.0.1:11022",
        AskError::NotThere(..) => {
            "start one (`wharf`), or name its admin address, which its banner tells: --admin ADDR"
        }
        AskError::Refused(401, _) => "--token-file FILE with the server's admin.token",
        _ => "--admin ADDR names a server's admin address, which its banner tells",
    };
    format!("{error}; {remedy}")
}

fn no_terminal(error: &dyn Display) -> String {
    format!("the terminal cannot be used: {error}; --once prints one page, --json one object")
}
