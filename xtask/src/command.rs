//! Running other programs: each is shown as it would be typed, and one that fails says so.

mod complaints;
mod voice;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, Workspace};
use complaints::Complaints;
pub(crate) use voice::{Voice, say, speak_as};

/// The cargo that runs us, in the workspace.
pub(crate) fn cargo(workspace: &Workspace) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&workspace.root);
    if !workspace.incremental {
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// That cargo, with a compiler that also looks for what clippy finds and takes it as an error: to
/// build all that lies below a second time, for clippy alone, would take as long as the first did.
pub(crate) fn linted(mut cargo: Command) -> Command {
    let compiler = beside(&cargo, "clippy-driver");
    cargo
        .env("RUSTC_WORKSPACE_WRAPPER", compiler)
        .env("CLIPPY_ARGS", "-Dwarnings");
    cargo
}

/// The program of this name that belongs to that cargo: another toolchain's may come first in the
/// path.
pub(crate) fn beside(cargo: &Command, name: &str) -> OsString {
    let beside = Path::new(cargo.get_program()).with_file_name(name);
    match beside.is_file() {
        true => beside.into(),
        false => name.into(),
    }
}

/// Shows the command, runs it to its end, and fails if it failed: with what it complained of,
/// unless it had a terminal to itself, where one scrolls.
pub(crate) fn run(command: &mut Command) -> Outcome {
    say(format_args!("$ {}", shown(command)));
    let ran = if voice::has_a_terminal_to_itself() {
        command.status().map(|status| (status, String::new()))
    } else {
        Complaints::of(command).map(|(status, complaints)| (status, complaints.text()))
    };
    let (status, complaints) =
        ran.map_err(|error| format!("`{}` did not start: {error}", program(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!(
        "`{}` ended with {status}{complaints}",
        short(command)
    ))
}

/// What the command prints, if it ran and succeeded; its complaints go to the terminal.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{}` did not start: {error}", program(command)))?;
    if !output.status.success() {
        return Err(format!("`{}` ended with {}", short(command), output.status));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`{}` printed something that is not UTF-8", program(command)))
}

/// What a command printed, and how it ended.
pub(crate) struct Printed {
    pub(crate) text: String,
    pub(crate) succeeded: bool,
}

impl Printed {
    /// What the command complained of, each line indented and on a line of its own.
    pub(crate) fn complaints(&self) -> String {
        Complaints::in_text(&self.text).text()
    }
}

/// Shows the command, runs it to its end, and returns what it prints, whether it failed or not; its
/// complaints go to the terminal.
pub(crate) fn printed(command: &mut Command) -> Outcome<Printed> {
    say(format_args!("$ {}", shown(command)));
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{}` did not start: {error}", program(command)))?;
    if output.status.code().is_none() {
        // It could not say so itself.
        say(format_args!(
            "`{}` was ended: {}",
            program(command),
            output.status
        ));
    }
    Ok(Printed {
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        succeeded: output.status.success(),
    })
}

/// Whether the command runs and succeeds; nothing of it is seen.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a program of this name is on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn shown(command: &Command) -> String {
    let mut line = String::new();
    // The path is long, and the program's own name says what matters of it.
    for (name, value) in command.get_envs().filter(|(name, _)| *name != "PATH") {
        if let Some(value) = value {
            let _ = write!(line, "{}={} ", name.to_string_lossy(), quoted(value));
        }
    }
    line.push_str(&program(command));
    for argument in command.get_args() {
        let _ = write!(line, " {}", quoted(argument));
    }
    line
}

/// The program and its first argument, which is cargo's subcommand.
fn short(command: &Command) -> String {
    let first = command.get_args().next().unwrap_or_default();
    format!("{} {}", program(command), first.to_string_lossy())
}

fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    // A toolchain's own path says nothing to a reader; `cargo` does.
    let name = path.file_name().unwrap_or(command.get_program());
    name.to_string_lossy().into_owned()
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_=./:,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{word}'")
    }
}
