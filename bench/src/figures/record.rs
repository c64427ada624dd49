//! What was measured so far. A row of the report (a workload at one size) shows the newest commit
//! that has rounds of it, so that who measures one workload anew loses no other.

use super::line::Line;
use super::origin::Origin;
use super::pairs;
use super::target::Verdict;
use crate::workload::Cell;

/// Invariant: every line's origin is among `origins`, which stand in the order in which they were
/// first measured: the newest last.
pub struct Record {
    lines: Vec<Line>,
    origins: Vec<Origin>,
}

/// What is known of a cell at the newest commit that has rounds of it.
pub struct Row {
    /// In the order of the cell's servers, Wharf's first; none where nobody was measured.
    pub lines: Vec<Line>,
    /// Servers that were not measured beside them.
    pub missing: Vec<&'static str>,
}

impl Record {
    /// Of lines in the order in which they were first kept.
    pub fn new(lines: Vec<Line>) -> Self {
        let mut origins: Vec<Origin> = Vec::new();
        for line in &lines {
            let origin = line.origin();
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Self { lines, origins }
    }

    /// Where was measured last; `None` if nothing was measured yet.
    pub fn newest(&self) -> Option<&Origin> {
        self.origins.last()
    }

    /// A row of the report.
    pub fn row(&self, cell: &Cell) -> Row {
        let newest = self.origins.iter().rev().find(|origin| {
            let mut of_it = self.lines.iter().filter(|line| line.is_of(cell));
            of_it.any(|line| line.origin() == **origin)
        });
        let (mut lines, mut missing) = (Vec::new(), Vec::new());
        for who in &cell.servers {
            let is_it = |line: &&Line| {
                let is_newest = newest.is_some_and(|newest| *newest == line.origin());
                is_newest && line.is_of(cell) && line.peer == who.name()
            };
            match self.lines.iter().find(is_it) {
                Some(line) => lines.push(line.clone()),
                None => missing.push(who.name()),
            }
        }
        Row { lines, missing }
    }

    /// What is found by comparing cells of a group, at the newest commit at which those that are
    /// compared were measured: never one commit's with another's.
    pub fn pairs(&self, group: &[Cell]) -> Vec<Verdict> {
        let at = |origin: &Origin| {
            let is_it = |line: &&Line| {
                line.origin() == *origin && group.iter().any(|cell| line.is_of(cell))
            };
            let lines: Vec<Line> = self.lines.iter().filter(is_it).cloned().collect();
            pairs::of_all(&lines)
        };
        let mut found = self.origins.iter().rev().map(at);
        found
            .find(|verdicts| !verdicts.is_empty())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::line::{test_cell, test_line};
    use crate::workload::Sample;

    fn line(workload: &str, sessions: usize, commit: &str, cpu_us: f64) -> Line {
        let mut line = test_line("wharf", &[1.0]);
        (line.workload, line.sessions) = (workload.into(), sessions);
        line.commit = commit.into();
        line.samples[0] = Sample {
            cpu_us_per_message: cpu_us,
            ..Sample::default()
        };
        line
    }

    #[test]
    fn who_measures_one_workload_anew_loses_no_other() {
        let record = Record::new(vec![
            line("echo", 64, "old", 1.0),
            line("churn", 64, "old", 2.0),
            line("echo", 64, "new", 3.0),
        ]);
        let commit = |workload| {
            let row = record.row(&test_cell(workload, 64));
            let commits: Vec<String> = row.lines.into_iter().map(|it| it.commit).collect();
            (commits.concat(), row.missing)
        };
        assert_eq!(commit("echo"), ("new".into(), vec!["uring"]));
        assert_eq!(commit("churn"), ("old".into(), vec!["uring"]));
        assert_eq!(commit("idle"), (String::new(), vec!["wharf", "uring"]));
        assert_eq!(record.newest().unwrap().commit, "new");
    }

    #[test]
    fn a_commit_is_as_old_as_its_first_rounds() {
        let record = Record::new(vec![
            line("echo", 64, "old", 1.0),
            line("churn", 64, "new", 1.0),
            line("echo", 64, "new", 1.0),
            line("churn", 64, "old", 1.0),
        ]);
        for workload in ["echo", "churn"] {
            let row = record.row(&test_cell(workload, 64));
            assert_eq!(row.lines[0].commit, "new", "{workload}");
        }
    }

    #[test]
    fn cells_of_different_commits_are_never_compared() {
        let growth = |sessions| test_cell("echo growth", sessions);
        let group = [growth(100), growth(19_000)];
        let record = Record::new(vec![
            line("echo growth", 100, "old", 1.0),
            line("echo growth", 19_000, "old", 1.2),
            line("echo growth", 19_000, "new", 9.0),
        ]);
        let verdicts = record.pairs(&group);
        let found: Vec<_> = verdicts
            .iter()
            .map(|it| (it.found.as_str(), it.commit.as_str()))
            .collect();
        assert_eq!(found, [("1.200 (1.200-1.200)", "old")]);
        let record = Record::new(vec![
            line("echo growth", 100, "old", 1.0),
            line("echo growth", 19_000, "new", 9.0),
        ]);
        assert_eq!(record.pairs(&group), []);
    }
}
