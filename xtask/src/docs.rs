//! The documentation: rustdoc has no warning, and the examples run.
//!
//! `cargo doc` would have every package of others checked once more, for rustdoc alone. When it
//! runs the examples, rustdoc is given what the tests were built with; so this program stands in
//! for it there, and has it write the pages as well.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use crate::command::{beside, cargo, linted, run};
use crate::{Outcome, Workspace};

/// Where it is set, this program stands in for rustdoc, which is there.
const RUSTDOC: &str = "WHARF_XTASK_RUSTDOC";
/// Where the pages go. `cargo doc` makes better ones for readers: it knows what stands beside.
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
    let mut examples = linted(cargo(workspace));
    let rustdoc = beside(&examples, "rustdoc");
    run(examples
        .args(["test", "--workspace", "--doc", "--no-fail-fast"])
        .env("RUSTDOC", &workspace.xtask)
        .env(RUSTDOC, rustdoc)
        .env(PAGES, workspace.root.join("target/pages")))
}

/// Does what rustdoc was asked for, if cargo has called this program instead; and writes the
/// pages, if that was to run the examples.
pub(crate) fn instead_of_rustdoc() -> Option<ExitCode> {
    let (program, pages) = std::env::var_os(RUSTDOC).zip(std::env::var_os(PAGES))?;
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let rustdoc = || Command::new(&program);
    let are_written = for_pages(&arguments).is_none_or(|arguments| {
        let mut write = rustdoc();
        write.args(arguments).arg("-Dwarnings");
        succeeds(write.arg("--out-dir").arg(pages))
    });
    // Both, so that one look shows all that is wrong.
    let run = succeeds(rustdoc().args(&arguments));
    match are_written && run {
        true => Some(ExitCode::SUCCESS),
        false => Some(ExitCode::FAILURE),
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

fn succeeds(command: &mut Command) -> bool {
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
    fn what_is_not_to_run_examples_is_passed_on_as_it_is() {
        assert_eq!(for_pages(&["--version".into()]), None);
    }
}
