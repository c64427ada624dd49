//! The habits, checked: what a review would otherwise have to say again and again.
//!
//! A check is a function from the tree to its findings; it reads no disk, so that its tests plant
//! an offender in a tree of their own. STYLE.md tells the reasons.

mod bans;
mod coverage;
mod documents;
mod figures;
mod layers;
mod locked;
mod modules;
mod rust;
mod shape;
mod tree;

use std::fmt;

use crate::command::{cargo, output, say};
use crate::{Outcome, Workspace};
use tree::Tree;

/// One place that breaks a habit, and what to do instead.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// Counted from 1; 0 if it is about the file as a whole.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: path.into(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Prints every finding. With `bless`, first writes the new hashes into documents whose code has
/// changed, and the lessons' figures into their READMEs.
///
/// # Errors
///
/// The number of findings, if there are any.
pub(crate) fn run(workspace: &Workspace, bless: bool) -> Outcome {
    let mut tree = Tree::of_repository(workspace)?;
    if bless {
        write(&mut tree, workspace, documents::blessed)?;
        write(&mut tree, workspace, figures::blessed)?;
    }
    let metadata = ["metadata", "--no-deps", "--format-version", "1"];
    let metadata = output(cargo(workspace).args(metadata))?;
    let mut findings = layers::check(&metadata)?;
    findings.extend(locked::check(&tree)?);
    findings.extend(documents::check(&tree));
    findings.extend(figures::check(&tree));
    let (sources, mut unreadable) = rust::parse(&tree);
    findings.append(&mut unreadable);
    findings.extend(modules::check(&tree, &sources));
    findings.extend(coverage::check(&tree, &sources));
    for source in &sources {
        findings.extend(shape::check(source));
        findings.extend(bans::check(source));
    }
    findings.sort();
    for finding in &findings {
        say(finding);
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("tidy: 1 finding".into()),
        count => Err(format!("tidy: {count} findings")),
    }
}

/// Writes the lessons' figures, as they were measured, into their READMEs.
pub(crate) fn show_figures(workspace: &Workspace) -> Outcome {
    write(
        &mut Tree::of_repository(workspace)?,
        workspace,
        figures::blessed,
    )
}

/// Whether a lesson's README shows figures.
pub(crate) fn has_figures(workspace: &Workspace, lesson: &str) -> Outcome<bool> {
    Ok(figures::are_shown(&Tree::of_repository(workspace)?, lesson))
}

/// Writes documents as they are to be, on disk and in the tree.
fn write(
    tree: &mut Tree,
    workspace: &Workspace,
    blessed: fn(&Tree) -> Vec<(String, String)>,
) -> Outcome {
    for (path, text) in blessed(tree) {
        std::fs::write(workspace.root.join(&path), &text)
            .map_err(|error| format!("{path}: {error}"))?;
        say(format_args!("blessed {path}"));
        tree.replace(&path, text);
    }
    Ok(())
}

/// The findings as lines, for the checks' own tests.
#[cfg(test)]
fn lines(findings: impl IntoIterator<Item = Finding>) -> String {
    findings
        .into_iter()
        .map(|finding| format!("{finding}\n"))
        .collect()
}
