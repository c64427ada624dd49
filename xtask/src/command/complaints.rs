//! What a command complained of, kept for the end: a log of half an hour is cut where it is
//! shown, and its end is what is left of it.

use std::io::{BufRead, BufReader, PipeReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::voice::Voice;

/// The first lines are those that the others follow from.
const KEPT: usize = 60;

/// A panic's message and the sides of a comparison come behind the line that announces them.
const BEHIND: usize = 6;

/// What one of a command's own children may still print behind its end. Some stay, Wine's server
/// among them, and keep the pipe open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The lines of an output that say what failed, and those right behind them.
#[derive(Default)]
pub(super) struct Complaints {
    lines: Vec<String>,
    behind: usize,
}

impl Complaints {
    /// Runs the command, shows what it prints as it comes, and keeps its complaints.
    ///
    /// # Errors
    ///
    /// It did not start.
    pub(super) fn of(command: &mut Command) -> std::io::Result<(ExitStatus, Complaints)> {
        let (output, its_end) = std::io::pipe()?;
        command.stdout(its_end.try_clone()?).stderr(its_end);
        let child = command.spawn();
        // Our own copies of its end are in there: the pipe ends with the last of them.
        command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        let (to_us, lines) = mpsc::channel();
        let voice = Voice::of_this_thread();
        std::thread::spawn(move || show(output, voice, &to_us));
        let status = child?.wait()?;

        let mut complaints = Complaints::default();
        while let Ok(line) = lines.recv_timeout(LAST_WORDS) {
            complaints.hear(line);
        }
        Ok((status, complaints))
    }

    /// Of a text that is all there.
    pub(super) fn in_text(text: &str) -> Complaints {
        let mut complaints = Complaints::default();
        text.lines()
            .for_each(|line| complaints.hear(line.trim_end().into()));
        complaints
    }

    /// What is kept, each line indented and on a line of its own.
    pub(super) fn text(&self) -> String {
        self.lines
            .iter()
            .map(|line| format!("\n    {line}"))
            .collect()
    }

    fn hear(&mut self, line: String) {
        if announces_a_failure(&line) {
            self.behind = BEHIND + 1;
        }
        let kept = self.behind > 0 && self.lines.len() < KEPT;
        self.behind = self.behind.saturating_sub(1);
        // A summary says again what was said when it happened.
        if kept && !line.trim().is_empty() && !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }
}

/// Passes on line by line, whatever the bytes are.
fn show(output: PipeReader, voice: Voice, to_us: &mpsc::Sender<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output
        .read_until(b'\n', &mut line)
        .is_ok_and(|length| length > 0)
    {
        voice.say(&line);
        let _ = to_us.send(String::from_utf8_lossy(&line).trim_end().to_string());
        line.clear();
    }
}

/// By rustc, cargo, libtest, nextest, the panic handler and AddressSanitizer.
fn announces_a_failure(line: &str) -> bool {
    let begins = [
        "error",
        "Diff in",
        "FAIL [",
        "SIGABRT [",
        "SIGSEGV [",
        "TIMEOUT [",
    ];
    let contains = [" panicked at ", "... FAILED", "ERROR: AddressSanitizer"];
    begins
        .iter()
        .any(|words| line.trim_start().starts_with(words))
        || contains.iter().any(|words| line.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_kept_once_with_what_is_said_of_it() {
        let said = [
            "test one ... ok",
            "test two ... FAILED",
            "",
            "thread 'two' panicked at two.rs:3:5:",
            "assertion `left == right` failed",
            "  left: 1",
            " right: 2",
            "a",
            "b",
            "c",
            "d",
            "e",
            "test three ... ok",
            "test two ... FAILED",
        ];
        let kept = Complaints::in_text(&said.join("\n")).lines;
        assert_eq!(kept[0], "test two ... FAILED");
        assert_eq!(kept[3..5], ["  left: 1", " right: 2"]);
        assert_eq!(kept.last().unwrap(), "c");
    }

    #[test]
    fn the_first_ones_are_kept_of_very_many() {
        let lines: Vec<String> = (0..1000).map(|number| format!("error: {number}")).collect();
        let kept = Complaints::in_text(&lines.join("\n")).lines;
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0], "error: 0");
    }

    #[cfg(unix)]
    #[test]
    fn a_child_that_stays_keeps_nobody_waiting() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo 'error: so it is' >&2; exit 3"]);
        let (status, complaints) = Complaints::of(&mut command).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(complaints.text(), "\n    error: so it is");
    }
}
