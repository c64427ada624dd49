//! The server that is measured: this same program, as a child.

use super::cores::Cores;
use super::plan::{Load, Plan, SHARDS};
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tempfile::TempDir;

/// How long it may take to listen, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropping it kills it.
pub(super) struct Server {
    child: Child,
    /// While this is open it serves: should this process be killed, it stops by itself.
    input: Option<ChildStdin>,
    /// What it says, line by line, until it ends.
    output: Receiver<String>,
    errors: Option<JoinHandle<String>>,
    pub(super) address: SocketAddr,
    /// The completion port it chose, as it says.
    pub(super) port: String,
    _directory: TempDir,
}

impl Server {
    /// Starts one for `load` and waits until it listens.
    ///
    /// # Errors
    /// Why it does not, as it says.
    pub(super) fn start(load: &Load, plan: &Plan, cores: &Cores) -> Result<Self, String> {
        let directory = tempfile::tempdir()
            .map_err(|error| format!("no temporary directory for the server: {error}"))?;
        let mut command = command(load, plan, &directory)?;
        let mut child = cores
            .on_the_servers(|| command.spawn())
            .map_err(|error| format!("the server cannot be started: {error}"))?;
        let (line, output) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        thread::spawn(move || {
            // To its end even when nobody listens any more, or the server would block.
            for read in lines.map_while(Result::ok) {
                let _ = line.send(read);
            }
        });
        let mut stderr = child.stderr.take().expect("piped");
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let mut server = Self {
            input: child.stdin.take(),
            child,
            output,
            errors: Some(errors),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            port: String::new(),
            _directory: directory,
        };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    pub(super) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Has it stop in order.
    ///
    /// # Errors
    /// When it does not, or had ended before.
    pub(super) fn stop(mut self) -> Result<(), String> {
        drop(self.input.take());
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err("the server does not stop".into()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.explain(&format!("the server ended with {status}"))),
            Err(error) => Err(format!("the server's end is not known: {error}")),
        }
    }

    /// Reads its banner.
    fn wait_until_it_listens(&mut self) -> Result<(), String> {
        let mut found = None;
        loop {
            let line = match self.output.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => return Err("the server does not listen".into()),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.explain("the server does not start"));
                }
            };
            match line.trim_start().split_once(' ') {
                Some(("listening", rest)) => {
                    let address = rest.split_whitespace().next();
                    found = address.and_then(|address| address.parse().ok());
                }
                Some(("port", rest)) => self.port = rest.trim().to_owned(),
                _ if line.contains("Ctrl-C") => break,
                _ => {}
            }
        }
        self.address = found.ok_or("the server does not say where it listens")?;
        Ok(())
    }

    /// What happened, and what it said about it.
    fn explain(&mut self, what: &str) -> String {
        let errors = self.errors.take().map(JoinHandle::join);
        let errors = errors.and_then(Result::ok).unwrap_or_default();
        let said = errors.trim().trim_start_matches("wharf: ");
        if said.is_empty() {
            what.to_owned()
        } else {
            format!("{what}: {said}")
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail for one that has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(load: &Load, plan: &Plan, directory: &TempDir) -> Result<Command, String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("this program's own file is not found: {error}"))?;
    let mut command = Command::new(program);
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(["--shards", &SHARDS.to_string()])
        .args(["--port-backend", &plan.backend, "--until-input-ends"])
        .arg("--data")
        .arg(directory.path())
        .args(load.settings().iter().flat_map(|set| ["--set", set]))
        // Nobody's configuration file lies there.
        .current_dir(directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WHARF_") {
            command.env_remove(name);
        }
    }
    apart_from_our_signals(&mut command);
    Ok(command)
}

/// Ctrl-C is for this process, which then stops the server.
#[cfg(unix)]
fn apart_from_our_signals(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Ctrl-C is for this process, which then stops the server.
#[cfg(windows)]
fn apart_from_our_signals(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}
