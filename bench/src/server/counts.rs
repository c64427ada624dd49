//! What the kernel did for a server, counted by `perf stat`: in a pass of its own, since counting
//! costs time too.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SYSCALLS: &str = "raw_syscalls:sys_enter";
const ENTERS: &str = "syscalls:sys_enter_io_uring_enter";
const COMPLETIONS: &str = "io_uring:io_uring_complete";
/// By whoever does the waking, whether or not the other one slept.
const WAKES: &str = "sched:sched_waking";

/// Of all threads of a process while it was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub syscalls: f64,
    /// Calls of io_uring_enter(2), and completions that it posted; 0 for other kinds of servers.
    pub enters: f64,
    pub completions: f64,
    pub wakes: f64,
}

/// Counts from its start to its end. It is told when by pipes, so that nothing else is counted.
pub struct Counter {
    perf: Child,
    control: File,
    answers: BufReader<File>,
    folder: PathBuf,
}

impl Counter {
    /// Begins to count. `None` where perf is missing or not allowed to.
    pub fn start(pid: u32) -> Option<Self> {
        let folder = std::env::temp_dir().join(format!("wharf-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).ok()?;
        let counter = Self::start_in(&folder, pid);
        if counter.is_none() {
            let _ = fs::remove_dir_all(&folder);
        }
        counter
    }

    fn start_in(folder: &Path, pid: u32) -> Option<Self> {
        let (control, answers) = (folder.join("control"), folder.join("answers"));
        for pipe in [&control, &answers] {
            let _ = fs::remove_file(pipe);
            let made = Command::new("mkfifo").arg(pipe).status().ok()?;
            made.success().then_some(())?;
        }
        let pipes = format!("fifo:{},{}", control.display(), answers.display());
        let events = [SYSCALLS, ENTERS, COMPLETIONS, WAKES].join(",");
        let perf = Command::new("perf")
            .args(["stat", "-x", ",", "-D", "-1", "--control", &pipes])
            .args(["-e", &events, "-p", &pid.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        // Both ways, so that no open blocks should perf end at once.
        let both = |path| File::options().read(true).write(true).open(path).ok();
        let mut counter = Self {
            control: both(&control)?,
            answers: BufReader::new(both(&answers)?),
            perf,
            folder: folder.to_owned(),
        };
        // It would never answer if it were not allowed to count.
        std::thread::sleep(std::time::Duration::from_millis(300));
        let runs = matches!(counter.perf.try_wait(), Ok(None));
        (runs && counter.ask("enable")).then_some(counter)
    }

    /// Ends counting.
    pub fn stop(mut self) -> Option<Counts> {
        self.ask("disable").then_some(())?;
        let perf = rustix::process::Pid::from_child(&self.perf);
        rustix::process::kill_process(perf, rustix::process::Signal::INT).ok()?;
        let mut report = String::new();
        self.perf.stderr.take()?.read_to_string(&mut report).ok()?;
        let _ = self.perf.wait();
        Some(Counts::from_report(&report))
    }

    fn ask(&mut self, what: &str) -> bool {
        let mut answer = String::new();
        writeln!(self.control, "{what}").is_ok()
            && self.answers.read_line(&mut answer).is_ok()
            && answer.contains("ack")
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        let _ = self.perf.kill();
        let _ = self.perf.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Counts {
    fn from_report(report: &str) -> Self {
        let count = |event| {
            let line = report.lines().find(|line| line.contains(event));
            let number = line.and_then(|line| line.split(',').next()?.parse().ok());
            number.unwrap_or(0.0)
        };
        Self {
            syscalls: count(SYSCALLS),
            enters: count(ENTERS),
            completions: count(COMPLETIONS),
            wakes: count(WAKES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_by_its_names() {
        let report = "1200,,raw_syscalls:sys_enter,5,100.00,,\n\
                      <not counted>,,io_uring:io_uring_complete,0,0.00,,\n\
                      7,,sched:sched_waking,5,100.00,,\n";
        let expected = Counts {
            syscalls: 1_200.0,
            wakes: 7.0,
            ..Counts::default()
        };
        assert_eq!(Counts::from_report(report), expected);
    }
}
