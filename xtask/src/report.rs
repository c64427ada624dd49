//! Runs stages one after another and tells how it went: which failed, how to repeat only that
//! one, and each one's time against its budget.

use std::time::{Duration, Instant};

use crate::stages::{BUDGET_IN_ALL, Mode, STAGES, Stage};
use crate::{Outcome, Workspace};

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
    print!("\n{}", table(&rows));
    closing(&rows)
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
            let why = why.lines().next().unwrap_or_default();
            println!("--- {name} FAILED after {}: {why}", clock(row.took));
            println!("    to repeat only this stage: cargo xtask test --only {name}");
        }
    }
}

/// Each stage's time against its budget. The last line is for machines that count.
fn table(rows: &[Row]) -> String {
    let mut table = line("stage", "time", "budget", "");
    for row in rows {
        let (took, budget) = (clock(row.took), clock(row.stage.budget));
        table += &line(row.stage.name, &took, &budget, &row.remark());
    }
    let took: Duration = rows.iter().map(|row| row.took).sum();
    let remark = if took > BUDGET_IN_ALL {
        "over its budget"
    } else {
        ""
    };
    table += &line("in all", &clock(took), &clock(BUDGET_IN_ALL), remark);
    let count = |of: fn(&Verdict) -> bool| rows.iter().filter(|row| of(&row.verdict)).count();
    let passed = count(|verdict| matches!(verdict, Verdict::Passed));
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    table + &format!("stages: {passed} passed, {failed} failed, {skipped} skipped\n")
}

fn line(stage: &str, time: &str, budget: &str, remark: &str) -> String {
    let line = format!("{stage:<16} {time:>6} {budget:>7}  {remark}");
    format!("{}\n", line.trim_end())
}

/// Names the stages that failed, why, and what to type to repeat each alone.
fn closing(rows: &[Row]) -> Outcome {
    let failed = rows.iter().filter_map(|row| match &row.verdict {
        Verdict::Failed(why) => Some((row.stage.name, why)),
        _ => None,
    });
    let (names, reasons): (Vec<&str>, Vec<&String>) = failed.unzip();
    if names.is_empty() {
        return Ok(());
    }
    let each = names.iter().zip(reasons);
    let each = each.map(|(name, why)| format!("\n{name}: {why}"));
    let again = names
        .iter()
        .map(|name| format!("\n  cargo xtask test --only {name}"));
    Err(format!(
        "failed: {}{}\nto repeat:{}",
        names.join(", "),
        each.collect::<String>(),
        again.collect::<String>()
    ))
}

/// Minutes and seconds.
fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn row(stage: &'static Stage, verdict: Verdict, seconds: u64) -> Row {
        let took = Duration::from_secs(seconds);
        Row {
            stage,
            verdict,
            took,
        }
    }

    fn names(mode: Mode, selection: &Selection) -> Vec<&'static str> {
        selected(mode, selection)
            .iter()
            .map(|stage| stage.name)
            .collect()
    }

    #[test]
    fn the_table_tells_what_failed_what_was_skipped_and_what_took_too_long() {
        let rows = [
            row(&STAGES[0], Verdict::Passed, 9),
            row(&STAGES[1], Verdict::Passed, 61),
            row(
                &STAGES[2],
                Verdict::Failed("2 findings\n    of both".into()),
                5,
            ),
            row(&STAGES[3], Verdict::Skipped("no compiler".into()), 0),
        ];
        expect![[r#"
            stage              time  budget
            setup              0:09    2:00  ok
            fmt                1:01    1:00  ok, over its budget
            tidy               0:05    1:00  FAILED
            clippy             0:00    2:00  skipped: no compiler
            in all             1:15   40:00
            stages: 2 passed, 1 failed, 1 skipped
        "#]]
        .assert_eq(&table(&rows));
        expect![[r#"
            failed: tidy
            tidy: 2 findings
                of both
            to repeat:
              cargo xtask test --only tidy"#]]
        .assert_eq(&closing(&rows).unwrap_err());
    }

    #[test]
    fn what_passes_or_is_skipped_is_a_success() {
        let skipped = Verdict::Skipped("no compiler".into());
        let rows = [
            row(&STAGES[0], Verdict::Passed, 1),
            row(&STAGES[1], skipped, 0),
        ];
        assert_eq!(closing(&rows), Ok(()));
    }

    #[test]
    fn all_together_may_take_too_long_though_none_does() {
        let rows = STAGES
            .iter()
            .map(|stage| row(stage, Verdict::Passed, stage.budget.as_secs()));
        let mut rows: Vec<Row> = rows.collect();
        assert!(!table(&rows).contains("over"));
        rows.push(row(&STAGES[0], Verdict::Passed, BUDGET_IN_ALL.as_secs()));
        assert!(table(&rows).contains("over its budget"));
    }

    #[test]
    fn stages_are_chosen_by_name_or_from_one_on() {
        let only = vec!["docs".to_string(), "fmt".to_string()];
        let only = Selection {
            only,
            ..Selection::default()
        };
        assert_eq!(names(Mode::Test, &only), ["fmt", "docs"]);
        let from = Selection {
            from: Some("loom".into()),
            ..Selection::default()
        };
        assert_eq!(names(Mode::Test, &from), ["loom", "windows"]);
        assert_eq!(names(Mode::Test, &Selection::default()).len(), STAGES.len());
        let smoke = names(Mode::Smoke, &Selection::default());
        assert_eq!(smoke, ["fmt", "tidy", "clippy", "tests"]);
    }
}
