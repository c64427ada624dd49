//! Ctrl-C on Windows: pressed on a pseudo-terminal, which Wine turns into a console.
//!
//! No test of the program can do this: a console event that one process raises reaches every
//! process of the console, the test among them.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::{TARGET, wine_command};
use crate::command::say;
use crate::{Outcome, Workspace};

/// The key, as a terminal sends it.
const CTRL_C: &[u8] = b"\x03";
/// What the banner's last line says, and no other line: the second Ctrl-C would end at once.
const READY: &str = "Ctrl-C here stops in order";
/// Longer than the server takes to start and to stop, on a busy machine.
const PATIENCE_SECONDS: &str = "120";

/// Starts the server of the Windows tests, presses Ctrl-C, and has it end in order.
pub(crate) fn stops_the_server(workspace: &Workspace) -> Outcome {
    let program = workspace
        .root
        .join(format!("target/windows/{TARGET}/debug/wharf.exe"));
    // In the place of the shell that `script` starts: the key's signal reaches that shell too, and
    // some shells end by it once the server has stopped.
    let serve = format!(
        "exec wine '{}' serve --listen 127.0.0.1:0",
        program.display()
    );
    say(format_args!("$ {serve}\n^C"));
    let mut terminal = wine_command(workspace, "timeout");
    terminal
        .args([PATIENCE_SECONDS, "script", "--quiet", "--return"])
        .args(["--command", &serve, "/dev/null"])
        // What `script` runs the command with, unless it is told: somebody's login shell.
        .env("SHELL", "/bin/sh")
        .current_dir(workspace.root.join("target"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut terminal = terminal
        .spawn()
        .map_err(|error| format!("`script` did not start: {error}"))?;
    let mut keyboard = terminal.stdin.take().expect("piped");
    let mut said = String::new();
    for line in BufReader::new(terminal.stdout.take().expect("piped")).lines() {
        let line = line.map_err(|error| format!("the server said no text: {error}"))?;
        said = said + &line + "\n";
        if line.contains(READY) {
            keyboard
                .write_all(CTRL_C)
                .map_err(|error| format!("Ctrl-C: {error}"))?;
        }
    }
    let status = terminal
        .wait()
        .map_err(|error| format!("`script`: {error}"))?;
    let left_nothing = said
        .lines()
        .any(|line| line.contains("left behind") && line.contains("nothing"));
    if status.success() && left_nothing {
        return Ok(());
    }
    Err(format!(
        "the server did not stop in order at Ctrl-C ({status}):\n{said}"
    ))
}
