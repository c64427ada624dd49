//! The text files of the repository, as paths and contents.

use std::collections::BTreeMap;
use std::process::Command;

use crate::command::output;
use crate::lessons::LAB;
use crate::{Outcome, Workspace};

/// Every text file, by its path from the root with `/` between the parts.
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// What git knows of, and what it would be told of by `git add .`.
    pub(super) fn of_repository(workspace: &Workspace) -> Outcome<Tree> {
        let list = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        let paths = output(Command::new("git").args(list).current_dir(&workspace.root))?;
        let text = |path: &str| {
            // Deleted and not yet committed, or not text: neither has lines to check.
            let text = std::fs::read_to_string(workspace.root.join(path)).ok()?;
            Some((path.to_string(), text))
        };
        Ok(Tree {
            files: paths.split_terminator('\0').filter_map(text).collect(),
        })
    }

    /// The file's text, if there is such a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    pub(super) fn replace(&mut self, path: &str, text: String) {
        self.files.insert(path.into(), text);
    }

    /// Paths and texts of the files whose name ends so.
    pub(super) fn ending(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self
            .files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(move |(path, _)| path.ends_with(suffix))
    }

    #[cfg(test)]
    pub(super) fn planted(files: &[(&str, &str)]) -> Tree {
        let owned = |&(path, text): &(&str, &str)| (path.to_string(), text.to_string());
        Tree {
            files: files.iter().map(owned).collect(),
        }
    }
}

/// The lessons: packages in folders of their own below `tutorial/`. What they all use is none.
pub(super) fn lessons(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.ending("/Cargo.toml").filter_map(lesson_of_manifest)
}

fn lesson_of_manifest<'a>((path, _): (&'a str, &'a str)) -> Option<&'a str> {
    let folder = path
        .strip_prefix("tutorial/")?
        .strip_suffix("/Cargo.toml")?;
    let is_lesson = !folder.contains('/') && folder != LAB.0;
    is_lesson.then_some(folder)
}
