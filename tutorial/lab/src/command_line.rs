//! The command line of a lesson that serves, and measures if told to.

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::io;
use std::process::ExitCode;

#[derive(Parser)]
struct CommandLine<S: Args> {
    #[command(flatten)]
    settings: S,
    #[command(subcommand)]
    instead: Option<Instead>,
}

#[derive(Subcommand)]
enum Instead {
    /// Measure what the README's tables say
    Figures,
}

/// Reads the command line of `program`, which does what `about` says, and does it: serves with the
/// settings, or measures its `figures`.
pub fn run<S: Args>(
    program: &'static str,
    about: &'static str,
    serve: impl FnOnce(&S) -> io::Result<()>,
    figures: impl FnOnce() -> io::Result<()>,
) -> ExitCode {
    let command = CommandLine::<S>::command().name(program).about(about);
    let mut typed = command.get_matches();
    let CommandLine { settings, instead } =
        CommandLine::from_arg_matches_mut(&mut typed).unwrap_or_else(|error| error.exit());
    let done = match instead {
        None => serve(&settings),
        Some(Instead::Figures) => figures(),
    };
    crate::exit(program, done)
}
