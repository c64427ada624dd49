//! Where a line comes from: which sources were measured, and on what machine.

use crate::server::root;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What is measured, and what measures it: other commits change no figure.
const SOURCES: [&str; 5] = ["--", "crates", "bench", "Cargo.toml", "Cargo.lock"];

/// Rounds of one origin may be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The last commit that touched the sources. With `+` and what their changes hash to if they
    /// were changed since, so that two states of one commit are not taken for each other.
    pub commit: String,
    pub machine: String,
}

impl Origin {
    /// Of the sources as they lie here, and of this machine.
    pub fn here() -> Self {
        let last = ["rev-list", "-1", "--abbrev-commit", "HEAD"];
        Self {
            commit: git(&[&last, &SOURCES[..]].concat()) + &changes(),
            machine: machine(),
        }
    }
}

/// Nothing if the sources are those of the commit.
fn changes() -> String {
    let sources = &SOURCES[..];
    let tracked = git(&[&["diff", "HEAD"], sources].concat());
    let new = git(&[&["ls-files", "--others", "--exclude-standard"], sources].concat());
    if tracked.is_empty() && new.is_empty() {
        return String::new();
    }
    let hashes = git_told(&["hash-object", "--stdin-paths"], &new);
    let hash = git_told(
        &["hash-object", "--stdin"],
        &[tracked, new, hashes].join("\n"),
    );
    format!("+{}", hash.get(..7).unwrap_or_default())
}

fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = model.map_or("unknown", |(_, model)| model);
    // One for the server and one for the client, however many there are.
    format!("{model}, 2 cores used, Linux {}", kernel.trim())
}

fn git(arguments: &[&str]) -> String {
    git_told(arguments, "")
}

/// What git says to those arguments and that input; nothing where it is not there.
fn git_told(arguments: &[&str], input: &str) -> String {
    let output = Command::new("git")
        .current_dir(root())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .and_then(|mut git| {
            let mut pipe = git.stdin.take().expect("it is piped");
            pipe.write_all(input.as_bytes())?;
            drop(pipe);
            git.wait_with_output()
        });
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_is_told_comes_back_hashed() {
        let hash = git_told(&["hash-object", "--stdin"], "wharf\n");
        assert_eq!(hash.len(), 40, "{hash}");
        assert_ne!(hash, git_told(&["hash-object", "--stdin"], "wharf!\n"));
    }
}
