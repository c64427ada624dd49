//! `cargo xtask lessons`: every lesson's tests pass, and each fault that it teaches turns exactly
//! its own tests red.

pub(crate) mod bots;
pub(crate) mod coverage;
mod programs;
mod verdict;

use std::collections::BTreeMap;
use std::process::Command;

use crate::command::{Printed, cargo, linted, run, say};
use crate::windows::{self, Wine};
use crate::{Outcome, Workspace, stages, tidy};
use coverage::Coverage;
use programs::Program;
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
    match choice {
        Choice { figures: true, .. } => measure(workspace, &lessons),
        Choice { windows: true, .. } => test(workspace, &lessons, System::Windows, &[]),
        Choice { .. } => test(workspace, &lessons, System::This, &[]),
    }
}

/// Every lesson, on this system: the stage `lessons`.
pub(crate) fn here(workspace: &Workspace) -> Outcome {
    let others = others(workspace)?;
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    test(workspace, &packages(workspace)?, System::This, &others)
}

/// Every lesson's Windows build, under Wine: the stage `windows-lessons`.
pub(crate) fn on_windows(workspace: &Workspace) -> Outcome {
    let lessons = packages(workspace)?;
    test(workspace, &lessons, System::Windows, stages::ON_WINDOWS)
}

/// Builds every lesson, as the stage `lessons` does.
fn build(workspace: &Workspace) -> Outcome {
    let packages = [others(workspace)?, packages(workspace)?].concat();
    let mut build = tests(workspace, System::This)?;
    build.args(packages.iter().flat_map(|package| ["-p", package]));
    run(build.args(["-p", LAB.1, "--no-run"]))
}

/// The lessons' packages.
pub(crate) fn packages(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut packages = packages_in(workspace, "tutorial")?;
    packages.retain(|name| name != LAB.0);
    Ok(packages)
}

/// The packages that are neither lessons nor what those use: the stage `tests` builds them.
fn others(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut packages = packages_in(workspace, "crates")?;
    packages.push("xtask".into());
    Ok(packages)
}

/// The packages of a folder, which are named as their own folders are; but for the laboratory.
fn packages_in(workspace: &Workspace, folder: &str) -> Outcome<Vec<String>> {
    let unreadable = |error| format!("{folder}/: {error}");
    let folders = std::fs::read_dir(workspace.root.join(folder)).map_err(unreadable)?;
    let mut packages = Vec::new();
    for folder in folders {
        let folder = folder.map_err(unreadable)?;
        if folder.path().join("Cargo.toml").is_file() {
            packages.push(folder.file_name().to_string_lossy().into_owned());
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

/// Tests the lessons. `beside` them are built what a stage before this one has built with the
/// laboratory: what others ask of a third package, it is built with, and nothing is built twice.
fn test(workspace: &Workspace, lessons: &[String], system: System, beside: &[&str]) -> Outcome {
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
    let mut tested: Vec<&str> = lessons.iter().map(String::as_str).collect();
    let all = [beside, &[LAB.1], &tested].concat();
    // What is beside was tested by a stage before, and the laboratory with it.
    if beside.is_empty() {
        tested.push(LAB.1);
    }
    let mut complaints = round(workspace, system, &all, &tested, None);
    // What stands below is built with each group, so that what all of them use is built once: with
    // what the sum of those asks of it that are named.
    let mut built = [beside, &[LAB.1]].concat();
    for mut group in independent(workspace, lessons)? {
        built.extend(&group);
        group.retain(|lesson| !coverage.red(lesson).is_empty());
        complaints.extend(round(workspace, system, &built, &group, Some(&coverage)));
    }
    match complaints.len() {
        0 => Ok(()),
        _ => Err(complaints.join("\n")),
    }
}

/// The lessons in groups, of each of which none uses another, and none one of a later group: a
/// fault that one brings back would be in all that use it.
fn independent<'a>(workspace: &Workspace, lessons: &'a [String]) -> Outcome<Vec<Vec<&'a str>>> {
    let mut used = BTreeMap::new();
    for lesson in packages(workspace)? {
        let path = format!("tutorial/{lesson}/Cargo.toml");
        let text = std::fs::read_to_string(workspace.root.join(&path))
            .map_err(|error| format!("{path}: {error}"))?;
        let manifest: toml::Table =
            toml::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        let tables = ["dependencies", "dev-dependencies"].map(|table| manifest.get(table));
        let tables = tables.into_iter().flatten().filter_map(|it| it.as_table());
        used.insert(lesson, tables.flat_map(|it| it.keys().cloned()).collect());
    }
    let mut groups = BTreeMap::<usize, Vec<&str>>::new();
    for lesson in lessons {
        groups
            .entry(height(lesson, &used))
            .or_default()
            .push(lesson);
    }
    Ok(groups.into_values().collect())
}

/// How many lessons stand upon one another below this one.
fn height(lesson: &str, used: &BTreeMap<String, Vec<String>>) -> usize {
    let below = used.get(lesson).into_iter().flatten();
    let lessons = below.filter(|below| used.contains_key(*below));
    lessons
        .map(|below| 1 + height(below, used))
        .max()
        .unwrap_or(0)
}

/// Builds packages and runs the tests of some of them, with their faults if there are to be any,
/// and returns what is not as it should be.
fn round(
    workspace: &Workspace,
    system: System,
    built: &[&str],
    tested: &[&str],
    faults: Option<&Coverage>,
) -> Vec<String> {
    if tested.is_empty() {
        return Vec::new();
    }
    let printed = tests(workspace, system).and_then(|mut tests| {
        tests.args(built.iter().flat_map(|package| ["-p", package]));
        if faults.is_some() {
            let features = tested.iter().map(|package| format!("{package}/faulty"));
            tests.args(features.flat_map(|feature| ["--features".into(), feature]));
        }
        let mut programs = programs::build(&mut tests)?;
        programs.retain(|program| tested.contains(&name(program)));
        let commands = programs.iter().map(|it| command(workspace, system, it));
        let printed = programs::run_all(commands)?;
        Ok(programs.into_iter().zip(printed).collect::<Vec<_>>())
    });
    let printed = match printed {
        Ok(printed) => printed,
        Err(why) => return vec![why],
    };
    let judged = tested.iter().map(|&package| {
        let of_it = printed.iter().filter(|(it, _)| name(it) == package);
        let of_it: Vec<&Printed> = of_it.map(|(_, printed)| printed).collect();
        judge(package, &of_it, faults)
    });
    judged.filter_map(Result::err).collect()
}

fn name(program: &Program) -> &str {
    let folder = program.folder.file_name().and_then(|name| name.to_str());
    match folder {
        Some(folder) if folder == LAB.0 => LAB.1,
        folder => folder.unwrap_or_default(),
    }
}

fn command(workspace: &Workspace, system: System, program: &Program) -> Command {
    let mut command = match system {
        System::This => Command::new(&program.path),
        System::Windows => windows::under_wine(workspace, &program.path),
    };
    command
        .current_dir(&program.folder)
        .env("RUST_TEST_THREADS", stages::tests_at_once());
    command
}

/// Sees that all of a package's tests pass; or, if its faults are back, that exactly those find
/// them that are listed.
fn judge(package: &str, printed: &[&Printed], faults: Option<&Coverage>) -> Outcome {
    let red = faults.map_or_else(Vec::new, |coverage| coverage.red(package));
    let verdict = Verdict::of(printed.iter().copied());
    let complaint = match &verdict {
        Ok(verdict) => verdict.complaint(&red),
        Err(why) => Some(why.clone()),
    };
    let with_faults = faults.map_or("", |_| " with its faults");
    if let Some(complaint) = complaint {
        let said: Vec<&str> = printed.iter().map(|it| it.text.as_str()).collect();
        say(said.concat());
        let said: Vec<String> = printed.iter().map(|it| it.complaints()).collect();
        return Err(format!(
            "{package}{with_faults}: {complaint}{}",
            said.concat()
        ));
    }
    let passed = verdict.map_or(0, |verdict| verdict.passed);
    let count = red.len();
    say(format_args!(
        "--- {package}{with_faults}: {count} tests red, {passed} green, as they should be"
    ));
    Ok(())
}

/// `cargo test`, the words of whose harness we read.
fn tests(workspace: &Workspace, system: System) -> Outcome<Command> {
    let mut cargo = match system {
        System::This => {
            let mut cargo = linted(cargo(workspace));
            cargo.arg("test");
            cargo
        }
        System::Windows => windows::cargo_test(workspace)?,
    };
    cargo.arg("--tests");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_stands_higher_than_all_that_it_uses() {
        let uses = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let used: BTreeMap<String, _> = BTreeMap::from([
            ("s3-port".into(), uses(&["clap", "lesson-lab"])),
            ("t01-echo".into(), uses(&["lesson-lab"])),
            ("t02-memory".into(), uses(&["clap", "t01-echo"])),
            ("t03-events".into(), uses(&["t01-echo", "t02-memory"])),
        ]);
        let heights: Vec<usize> = used.keys().map(|lesson| height(lesson, &used)).collect();
        assert_eq!(heights, [0, 0, 1, 2]);
    }
}
