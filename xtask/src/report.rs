//! Runs stages one after another and tells how it went: which failed, how to repeat only that
//! one, and each one's time against its budget.

use std::time::{Duration, Instant};

use crate::stages::{Mode, STAGES, Stage};
use crate::{Outcome, Workspace};

/// What all stages together may take on two cores, from a fresh clone.
const BUDGET_IN_ALL: Duration = Duration::from_secs(40 * 60);

/// Which of a mode's stages run, and whether one that fails stops the rest.
#[derive(Default)]
pub(crate) struct Selection {
    /// These alone, if any are named.
    pub(crate) only: Vec<String>,
    /// This one and those behind it.
    pub(crate) from: Option<String>,
    /// The stages behind one that failed do not run.
    pub(crate) fail_fast: bool,
}

enum Verdict {
    Passed,
    Failed(String),
    Skipped(String),
}

struct Row {
    stage: &'static Stage,
    verdict: Verdict,
    took: Duration,
}

/// Runs the mode's stages and prints the table.
///
/// # Errors
///
/// A line that names the stages which failed.
pub(crate) fn run(workspace: &Workspace, mode: Mode, selection: &Selection) -> Outcome {
    let stages = selected(mode, selection);
    let mut rows: Vec<Row> = Vec::with_capacity(stages.len());
    for (index, stage) in stages.iter().enumerate() {
        println!(
            "\n=== {} ({}/{}): {}",
            stage.name,
            index + 1,
            stages.len(),
            stage.promise
        );
        let begun = Instant::now();
        let verdict = match (stage.skip)(workspace) {
            Some(why) => Verdict::Skipped(why),
            None => (stage.run)(workspace).map_or_else(Verdict::Failed, |()| Verdict::Passed),
        };
        let row = Row {
            stage,
            verdict,
            took: begun.elapsed(),
        };
        print_end(&row);
        let stop = selection.fail_fast && matches!(row.verdict, Verdict::Failed(_));
        rows.push(row);
        if stop {
            break;
        }
    }
    print_table(&rows);
    let failed: Vec<&str> = rows
        .iter()
        .filter(|row| row.failed())
        .map(|row| row.stage.name)
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let again: Vec<String> = failed
        .iter()
        .map(|name| format!("  cargo xtask test --only {name}"))
        .collect();
    Err(format!(
        "failed: {}; to repeat:\n{}",
        failed.join(", "),
        again.join("\n")
    ))
}

/// Prints every stage, its budget and what it promises.
pub(crate) fn list() {
    for stage in STAGES {
        let smoke = if stage.in_smoke { "smoke" } else { "" };
        println!(
            "{:<16} {:>6}  {smoke:<5}  {}",
            stage.name,
            clock(stage.budget),
            stage.promise
        );
    }
}

fn selected(mode: Mode, selection: &Selection) -> Vec<&'static Stage> {
    let mut begun = selection.from.is_none();
    STAGES
        .iter()
        .filter(|stage| {
            begun |= selection.from.as_deref() == Some(stage.name);
            let named = selection.only.iter().any(|name| name == stage.name);
            begun && stage.is_in(mode) && (named || selection.only.is_empty())
        })
        .collect()
}

impl Row {
    fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Failed(_))
    }

    fn remark(&self) -> String {
        match &self.verdict {
            Verdict::Failed(_) => "FAILED".into(),
            Verdict::Skipped(why) => format!("skipped: {why}"),
            Verdict::Passed if self.took > self.stage.budget => "ok, over its budget".into(),
            Verdict::Passed => "ok".into(),
        }
    }
}

fn print_end(row: &Row) {
    let name = row.stage.name;
    match &row.verdict {
        Verdict::Passed => println!("--- {name}: {} in {}", row.remark(), clock(row.took)),
        Verdict::Skipped(_) => println!("--- {name}: {}", row.remark()),
        Verdict::Failed(why) => {
            println!("--- {name} FAILED after {}: {why}", clock(row.took));
            println!("    to repeat only this stage: cargo xtask test --only {name}");
        }
    }
}

fn print_table(rows: &[Row]) {
    println!("\n{:<16} {:>6} {:>7}", "stage", "time", "budget");
    for row in rows {
        let (took, budget) = (clock(row.took), clock(row.stage.budget));
        println!(
            "{:<16} {took:>6} {budget:>7}  {}",
            row.stage.name,
            row.remark()
        );
    }
    let total: Duration = rows.iter().map(|row| row.took).sum();
    let remark = if total > BUDGET_IN_ALL {
        "over its budget"
    } else {
        "ok"
    };
    println!(
        "{:<16} {:>6} {:>7}  {remark}",
        "in all",
        clock(total),
        clock(BUDGET_IN_ALL)
    );
    let count = |of: fn(&Verdict) -> bool| rows.iter().filter(|row| of(&row.verdict)).count();
    println!(
        "stages: {} passed, {} failed, {} skipped",
        count(|verdict| matches!(verdict, Verdict::Passed)),
        count(|verdict| matches!(verdict, Verdict::Failed(_))),
        count(|verdict| matches!(verdict, Verdict::Skipped(_))),
    );
}

/// Minutes and seconds.
fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}
