//! `cargo xtask lessons`: every lesson's tests pass, and each fault that it teaches turns exactly
//! its own tests red.

pub(crate) mod coverage;
mod verdict;

use std::process::Command;

use crate::command::{self, cargo, run, say};
use crate::windows::{self, Wine};
use crate::{Outcome, Workspace, stages, tidy};
use coverage::Coverage;
use verdict::Verdict;

/// What every lesson uses, and is none itself: the folder, and the package's name.
pub(crate) const LAB: (&str, &str) = ("lab", "lesson-lab");

/// What to do with which lessons.
#[derive(clap::Args, Default)]
pub(crate) struct Choice {
    /// This lesson alone (may be given several times)
    #[arg(long, value_name = "PACKAGE")]
    only: Vec<String>,
    /// Measure anew, and write what was measured into the lessons' READMEs; runs no test
    #[arg(long, conflicts_with = "windows")]
    figures: bool,
    /// Test the Windows build, under Wine
    #[arg(long)]
    windows: bool,
}

/// Does what `choice` says.
///
/// # Errors
///
/// What is not as it should be, a line for each lesson.
pub(crate) fn of_choice(workspace: &Workspace, choice: &Choice) -> Outcome {
    let mut lessons = packages(workspace)?;
    if let Some(unknown) = choice.only.iter().find(|only| !lessons.contains(only)) {
        let known = lessons.join(", ");
        return Err(format!("there is no lesson {unknown}; there are: {known}"));
    }
    lessons.retain(|lesson| choice.only.is_empty() || choice.only.contains(lesson));
    if choice.figures {
        return measure(workspace, &lessons);
    }
    let system = if choice.windows {
        System::Windows
    } else {
        System::This
    };
    test(workspace, &lessons, system)
}

/// Every lesson, on this system: the stage `lessons`.
pub(crate) fn here(workspace: &Workspace) -> Outcome {
    test(workspace, &packages(workspace)?, System::This)
}

/// Every lesson's Windows build, under Wine: the stage `windows-lessons`.
pub(crate) fn on_windows(workspace: &Workspace) -> Outcome {
    test(workspace, &packages(workspace)?, System::Windows)
}

/// The lessons' packages, which are named as their folders are.
pub(crate) fn packages(workspace: &Workspace) -> Outcome<Vec<String>> {
    let unreadable = |error| format!("tutorial/: {error}");
    let folders = std::fs::read_dir(workspace.root.join("tutorial")).map_err(unreadable)?;
    let mut packages = Vec::new();
    for folder in folders {
        let folder = folder.map_err(unreadable)?;
        let name = folder.file_name().to_string_lossy().into_owned();
        if folder.path().join("Cargo.toml").is_file() && name != LAB.0 {
            packages.push(name);
        }
    }
    packages.sort();
    Ok(packages)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum System {
    This,
    Windows,
}

fn test(workspace: &Workspace, lessons: &[String], system: System) -> Outcome {
    let _wine = match system {
        System::This => None,
        System::Windows => {
            if let Some(why) = windows::missing(workspace) {
                return Err(why);
            }
            Some(Wine::start(workspace)?)
        }
    };
    let coverage = read_coverage(workspace)?;
    // All at once: none has features of its own yet.
    let mut sound = tests(workspace, system)?;
    sound.args(["-p", LAB.1]);
    sound.args(lessons.iter().flat_map(|lesson| ["-p", lesson]));
    let mut complaints: Vec<String> = run(&mut sound).err().into_iter().collect();
    for lesson in lessons {
        complaints.extend(faults(workspace, system, lesson, &coverage.red(lesson)).err());
    }
    match complaints.len() {
        0 => Ok(()),
        _ => Err(complaints.join("\n")),
    }
}

/// Brings the lesson's faults back, and sees that their tests find them.
fn faults(workspace: &Workspace, system: System, lesson: &str, red: &[&str]) -> Outcome {
    if red.is_empty() {
        say(format_args!("--- {lesson}: no fault to bring back"));
        return Ok(());
    }
    let mut faulty = tests(workspace, system)?;
    faulty.args(["-p", lesson, "--features", "faulty"]);
    let output = command::printed(&mut faulty)?;
    let verdict = Verdict::of(&output);
    let complaint = match &verdict {
        Ok(verdict) => verdict.complaint(red),
        Err(why) => Some(why.clone()),
    };
    if let Some(complaint) = complaint {
        say(&output);
        return Err(format!("{lesson} with its faults: {complaint}"));
    }
    let passed = verdict.map_or(0, |verdict| verdict.passed);
    let count = red.len();
    say(format_args!(
        "--- {lesson}: its faults turn {count} tests red and leave {passed} green"
    ));
    Ok(())
}

/// `cargo test`, whose words we read: nextest's are its own.
fn tests(workspace: &Workspace, system: System) -> Outcome<Command> {
    let mut cargo = match system {
        System::This => {
            let mut cargo = cargo(workspace);
            cargo.arg("test");
            cargo
        }
        System::Windows => windows::cargo_test(workspace)?,
    };
    cargo
        .args(["--all-targets", "--no-fail-fast"])
        .env("RUST_TEST_THREADS", stages::tests_at_once());
    Ok(cargo)
}

fn read_coverage(workspace: &Workspace) -> Outcome<Coverage> {
    let path = coverage::PATH;
    let text = std::fs::read_to_string(workspace.root.join(path))
        .map_err(|error| format!("{path}: {error}"))?;
    Coverage::read(&text).map_err(|error| format!("{path}:{}: {}", error.line, error.message))
}

/// Runs each lesson's `figures`, then shows in the READMEs what they have written.
fn measure(workspace: &Workspace, lessons: &[String]) -> Outcome {
    for lesson in lessons {
        if !tidy::has_figures(workspace, lesson)? {
            say(format_args!("--- {lesson}: nothing to measure"));
            continue;
        }
        run(cargo(workspace).args(["run", "--release", "-p", lesson, "--", "figures"]))?;
    }
    tidy::show_figures(workspace)
}
