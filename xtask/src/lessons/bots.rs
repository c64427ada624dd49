//! Wharf's dummy clients at the lessons that say back what they hear: the READMEs promise that they
//! are answered.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::command::run;
use crate::{Outcome, Workspace};

/// The program of each such lesson, and what makes it one.
const SERVERS: [(&str, &[&str]); 8] = [
    ("s5-ring", &[]),
    ("t01-echo", &[]),
    ("t02-memory", &[]),
    ("t03-echo", &[]),
    ("t04-logic", &[]),
    ("t05-gather", ECHO),
    ("t06-queue", ECHO),
    ("t07-accept", ECHO),
];
const ECHO: &[&str] = &["--echo"];

/// Has the dummy clients of the program `wharf` check every echo of each.
///
/// # Errors
///
/// Whose echoes were wrong, a line for each.
pub(crate) fn are_answered(workspace: &Workspace, wharf: &Path) -> Outcome {
    super::build(workspace)?;
    let complaints = SERVERS.iter().filter_map(|(program, arguments)| {
        let server = Server::start(workspace, program, arguments);
        let answered = server.and_then(|server| server.answers(wharf));
        let why = answered.err()?;
        Some(format!("{program}: {why}"))
    });
    let complaints: Vec<String> = complaints.collect();
    match complaints.len() {
        0 => Ok(()),
        _ => Err(complaints.join("\n")),
    }
}

/// A lesson's server, until this is dropped.
struct Server {
    child: Child,
    address: String,
    /// A server that nobody hears any more would end at its next word.
    said: BufReader<ChildStdout>,
}

impl Server {
    /// Starts the program, which lies beside this one.
    fn start(workspace: &Workspace, program: &str, arguments: &[&str]) -> Outcome<Server> {
        let why = |error: std::io::Error| format!("it does not start: {error}");
        let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        let mut command = Command::new(workspace.xtask.with_file_name(name));
        command.args(["--port", "0"]).args(arguments);
        command.stdout(Stdio::piped());
        let mut child = command.spawn().map_err(why)?;
        let said = child.stdout.take().expect("it is piped");
        let mut server = Server {
            child,
            address: String::new(),
            said: BufReader::new(said),
        };
        let mut line = String::new();
        server.said.read_line(&mut line).map_err(why)?;
        let address = line.trim().strip_prefix("listening on ");
        server.address = address.ok_or("it does not say where it listens")?.into();
        Ok(server)
    }

    fn answers(&self, wharf: &Path) -> Outcome {
        let mut bots = Command::new(wharf);
        bots.args(["bots", "echo", "--no-login", "--target", &self.address]);
        run(bots.args(["--sessions", "20", "--seconds", "2"]))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
