//! The documentation: rustdoc has no warning, and the examples run.
//!
//! `cargo doc` would have every package of others checked once more, for rustdoc alone. When it
//! runs the examples, rustdoc is given what the tests were built with; so this program stands in
//! for it there, and has it write the pages as well.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use crate::command::{cargo, linted, run};
use crate::{Outcome, Workspace};

/// Where it is set, this program is rustdoc; and here the pages go.
const PAGES: &str = "WHARF_XTASK_PAGES";
/// What rustdoc is told for the examples and not for the pages, and whether a word follows it.
const FOR_EXAMPLES: [(&str, bool); 3] = [
    ("--test", false),
    ("--test-args", true),
    ("--test-run-directory", true),
];

/// The stage `docs`.
///
/// # Errors
///
/// A warning, or an example that does not do what it says.
pub(crate) fn check(workspace: &Workspace) -> Outcome {
    run(linted(cargo(workspace))
        .args(["test", "--workspace", "--doc", "--no-fail-fast"])
        .env("RUSTDOC", &workspace.xtask)
        .env(PAGES, workspace.root.join("target/doc")))
}

/// Whether cargo has called this program instead of rustdoc.
pub(crate) fn is_rustdoc() -> bool {
    std::env::var_os(PAGES).is_some()
}

/// Does what rustdoc was asked for; and writes the pages, if that was to run the examples.
pub(crate) fn as_rustdoc() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let pages = std::env::var_os(PAGES).expect("is_rustdoc() has seen it");
    let written = match for_pages(&arguments) {
        Some(arguments) => rustdoc(
            Command::new("rustdoc")
                .args(arguments)
                .arg("--out-dir")
                .arg(pages)
                .arg("-Dwarnings"),
        ),
        None => true,
    };
    // Both, so that one look shows all that is wrong.
    match rustdoc(Command::new("rustdoc").args(&arguments)) && written {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What to tell rustdoc for the pages of what it is to run the examples of.
fn for_pages(arguments: &[OsString]) -> Option<Vec<&OsStr>> {
    if !arguments.iter().any(|argument| argument == "--test") {
        return None;
    }
    let mut rest = arguments.iter();
    let mut kept = Vec::new();
    while let Some(argument) = rest.next() {
        match FOR_EXAMPLES.iter().find(|(name, _)| argument == name) {
            Some((_, true)) => drop(rest.next()),
            Some((_, false)) => (),
            None => kept.push(argument.as_os_str()),
        }
    }
    Some(kept)
}

fn rustdoc(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("rustdoc did not start: {error}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_of_what_the_examples_are_of() {
        let line = "--edition=2024 --crate-name wharf --test src/lib.rs --test-run-directory /w \
                    --test-args --quiet --extern ring=libring.rlib --cfg test_only";
        let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let kept = "--edition=2024 --crate-name wharf src/lib.rs --extern ring=libring.rlib \
                    --cfg test_only";
        let kept: Vec<&str> = kept.split_whitespace().collect();
        assert_eq!(for_pages(&arguments).unwrap(), kept);
    }

    #[test]
    fn there_are_no_pages_of_what_has_no_examples_to_run() {
        assert_eq!(for_pages(&["--version".into()]), None);
    }
}
