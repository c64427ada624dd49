//! The command line of a lesson that serves, or measures if told to.

use clap::{ArgMatches, Args, Command};
use std::io;
use std::process::ExitCode;

/// Reads the command line of `program`, which does what `about` says, and does it: serves with the
/// settings, or measures its `figures`.
pub fn run<S: Args>(
    program: &'static str,
    about: &'static str,
    serve: impl FnOnce(&S) -> io::Result<()>,
    figures: impl FnOnce() -> io::Result<()>,
) -> ExitCode {
    let typed = command::<S>(program, about).get_matches();
    let done = match typed.subcommand() {
        None => serve(&read(&typed)),
        Some(_) => figures(),
    };
    crate::exit(program, done)
}

/// The same for a lesson that can also be the server of a step before, to compare with: it serves
/// with that one's settings if told the step's name.
pub fn run_beside<S: Args, B: Args>(
    program: &'static str,
    about: &'static str,
    serve: impl FnOnce(&S) -> io::Result<()>,
    (step, serve_as_before): (&'static str, impl FnOnce(&B) -> io::Result<()>),
    figures: impl FnOnce() -> io::Result<()>,
) -> ExitCode {
    let before = with::<B>(step, "Be the server of that step, to compare with");
    let command = command::<S>(program, about).subcommand(before);
    let typed = command.get_matches();
    let done = match typed.subcommand() {
        None => serve(&read(&typed)),
        Some((name, typed)) if name == step => serve_as_before(&read(typed)),
        Some(_) => figures(),
    };
    crate::exit(program, done)
}

fn command<S: Args>(program: &'static str, about: &'static str) -> Command {
    let figures = Command::new("figures").about("Measure what the README's tables say");
    with::<S>(program, about).subcommand(figures)
}

/// A command with these settings. About what it is comes last: the settings say so of themselves.
fn with<S: Args>(name: &'static str, about: &'static str) -> Command {
    S::augment_args(Command::new(name)).about(about)
}

fn read<S: Args>(typed: &ArgMatches) -> S {
    S::from_arg_matches(typed).unwrap_or_else(|error| error.exit())
}
