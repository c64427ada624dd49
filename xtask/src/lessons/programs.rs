//! Test programs: built by one command, and run several at a time. Most of their time they wait,
//! for what a fault keeps from coming, or for Wine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::command::{self, Printed, output, run};
use crate::{Outcome, lanes, stages};

/// A test program of a package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// The package's folder, where its tests run.
    pub(super) folder: PathBuf,
    pub(super) path: PathBuf,
}

/// Has cargo build the tests, and returns them.
///
/// # Errors
///
/// What does not compile.
pub(super) fn build(cargo_test: &mut Command) -> Outcome<Vec<Program>> {
    run(cargo_test.arg("--no-run"))?;
    // Once more, only to be told: with this, what does not compile would not be kept for the end.
    let told = output(cargo_test.args(["--quiet", "--message-format=json"]))?;
    Ok(told.lines().filter_map(program).collect())
}

/// What a line of cargo's tells of, if that is a test program.
fn program(line: &str) -> Option<Program> {
    let artifact: Value = serde_json::from_str(line).ok()?;
    let is_test = artifact["profile"]["test"].as_bool()?;
    let manifest = Path::new(artifact["manifest_path"].as_str()?);
    let path = artifact["executable"].as_str().filter(|_| is_test)?;
    Some(Program {
        folder: manifest.parent()?.into(),
        path: path.into(),
    })
}

/// Runs them all, one for each processor at a time, and returns what each printed, in their order.
///
/// # Errors
///
/// One did not start.
pub(super) fn run_all(commands: impl Iterator<Item = Command> + Send) -> Outcome<Vec<Printed>> {
    let commands = Mutex::new(commands.enumerate());
    let next = || {
        let mut commands = commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.next()
    };
    let run = |mut command| command::printed(&mut command);
    let printed = lanes::share(stages::cores(), next, run);
    printed.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_known_from_what_else_cargo_builds() {
        let line = |test: bool, executable: Value| {
            let line = serde_json::json!({
                "reason": "compiler-artifact",
                "manifest_path": "/w/tutorial/s3-port/Cargo.toml",
                "profile": { "test": test },
                "executable": executable,
            });
            program(&line.to_string())
        };
        let found = line(true, "/w/target/debug/deps/port-1234".into()).unwrap();
        assert_eq!(found.folder, Path::new("/w/tutorial/s3-port"));
        assert_eq!(found.path, Path::new("/w/target/debug/deps/port-1234"));
        assert_eq!(line(false, "/w/target/debug/s3-port".into()), None);
        assert_eq!(line(true, Value::Null), None);
        assert_eq!(
            program(r#"{"reason":"build-finished","success":true}"#),
            None
        );
        assert_eq!(program("running 3 tests"), None);
    }

    #[cfg(unix)]
    #[test]
    fn what_they_print_is_in_their_order_however_long_each_takes() {
        let folder = std::env::temp_dir().join(format!("programs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // The first ends behind the last.
        let scripts = [
            "until test -e done; do sleep 0.01; done; echo first",
            "echo second; exit 3",
            "echo third; touch done",
        ];
        let commands = scripts.map(|script| {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]).current_dir(&folder);
            shell
        });
        let printed = run_all(commands.into_iter()).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let said = printed.iter().map(|it| (it.text.trim(), it.succeeded));
        let expected = [("first", true), ("second", false), ("third", true)];
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }
}
