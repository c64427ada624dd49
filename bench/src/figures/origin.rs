//! Where a line comes from: which sources were measured, and on what machine.

use crate::server::root;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is measured, and what measures it: a commit that touches nothing else, such as one of
/// results or of documents, changes no figure.
const SOURCES: [&str; 12] = [
    "--",
    "Cargo.lock",
    "Cargo.toml",
    "crates",
    "bench/Cargo.lock",
    "bench/Cargo.toml",
    "bench/peers",
    "bench/src",
    // Not part of the server.
    ":(exclude)crates/wharf-sim",
    ":(exclude,glob)**/tests/**",
    ":(exclude,glob)**/tests.rs",
    ":(exclude,glob)**/*.md",
];

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
        Self {
            commit: commit(&root()),
            machine: machine(),
        }
    }
}

/// The commit of the sources in that repository. Always as long: rounds of one may be gathered
/// while the repository grows.
fn commit(repository: &Path) -> String {
    let last = ["rev-list", "-1", "--abbrev-commit", "--abbrev=7", "HEAD"];
    git(repository, &[&last, &SOURCES[..]].concat()) + &changes(repository)
}

/// Nothing if the sources are those of the commit.
fn changes(repository: &Path) -> String {
    let sources = &SOURCES[..];
    let tracked = git(repository, &[&["diff", "HEAD"], sources].concat());
    let new = ["ls-files", "--others", "--exclude-standard"];
    let new = git(repository, &[&new, sources].concat());
    if tracked.is_empty() && new.is_empty() {
        return String::new();
    }
    let hashes = git_told(repository, &["hash-object", "--stdin-paths"], &new);
    let all = [tracked, new, hashes].join("\n");
    let hash = git_told(repository, &["hash-object", "--stdin"], &all);
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

fn git(repository: &Path, arguments: &[&str]) -> String {
    git_told(repository, arguments, "")
}

/// What git says to those arguments and that input; nothing where it is not there.
fn git_told(repository: &Path, arguments: &[&str], input: &str) -> String {
    let output = Command::new("git")
        .current_dir(repository)
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
    use std::fs;
    use std::path::PathBuf;

    /// A repository of its own; gone when dropped.
    struct Repository(PathBuf);

    impl Repository {
        fn new(name: &str) -> Self {
            let name = format!("wharf-bench-{name}-{}", std::process::id());
            let repository = Self(std::env::temp_dir().join(name));
            fs::create_dir_all(&repository.0).unwrap();
            git(&repository.0, &["init", "--quiet"]);
            repository
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.0.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// What the sources are called after a commit that changes that file.
        fn commit(&self, file: &str, text: &str) -> String {
            self.write(file, text);
            git(&self.0, &["add", "."]);
            let who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
            let commit = ["commit", "--quiet", "--no-gpg-sign", "-m", file];
            git(&self.0, &[&who[..], &commit].concat());
            commit_of(self)
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn commit_of(repository: &Repository) -> String {
        commit(&repository.0)
    }

    #[test]
    fn only_a_commit_of_what_is_measured_begins_new_rounds() {
        let repository = Repository::new("commits");
        let mut last = repository.commit("crates/wharf/src/lib.rs", "1");
        assert_eq!(last.len(), 7, "{last}");
        for file in [
            "docs/bench/results.jsonl",
            "docs/bench/README.md",
            "CHANGELOG.md",
            "xtask/src/main.rs",
            "bench/counts/counts.toml",
            "crates/wharf/README.md",
            "crates/wharf-sim/src/lib.rs",
            "crates/wharf/tests/black_box.rs",
            "crates/wharf/src/program/tests.rs",
            "crates/wharf-net/src/session/tests/ends.rs",
        ] {
            assert_eq!(repository.commit(file, "1"), last, "{file}");
        }
        for file in [
            "crates/wharf/src/lib.rs",
            "crates/wharf-host/Cargo.toml",
            "Cargo.lock",
            "Cargo.toml",
            "bench/Cargo.lock",
            "bench/Cargo.toml",
            "bench/src/main.rs",
            "bench/peers/asio.cpp",
        ] {
            let next = repository.commit(file, "2");
            assert_ne!(next, last, "{file}");
            last = next;
        }
    }

    #[test]
    fn sources_that_were_changed_since_are_marked_and_told_from_each_other() {
        let repository = Repository::new("changes");
        let clean = repository.commit("crates/wharf/src/lib.rs", "1");
        repository.write("docs/bench/results.jsonl", "1");
        repository.write("crates/wharf/tests/black_box.rs", "1");
        assert_eq!(commit_of(&repository), clean);
        let mut states = vec![clean.clone()];
        for (file, text) in [
            ("crates/wharf/src/lib.rs", "2"),
            ("crates/wharf/src/lib.rs", "3"),
            ("crates/wharf/src/new.rs", "1"),
            ("crates/wharf/src/new.rs", "2"),
        ] {
            repository.write(file, text);
            let state = commit_of(&repository);
            assert!(state.starts_with(&format!("{clean}+")), "{state}");
            assert!(!states.contains(&state), "{file} {text}: {states:?}");
            states.push(state);
        }
    }
}
