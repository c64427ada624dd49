//! Runs stages and tells how it went: which failed, how to repeat only that one, and each one's
//! time against its budget.

use std::time::{Duration, Instant};

use crate::command::{say, speak_as};
use crate::stages::{BUDGET_IN_ALL, LANES, Mode, STAGES, Stage};
use crate::{Outcome, Workspace, lanes};

/// Which of a mode's stages run, and whether one that fails stops the rest.
#[derive(Default)]
pub(crate) struct Selection {
    /// These alone, if any are named.
    pub(crate) only: Vec<String>,
    /// This one and those behind it.
    pub(crate) from: Option<String>,
    /// No stage begins once one has failed.
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
    let begun = Instant::now();
    let run = |stage: &'static Stage| {
        // What has the terminal to itself needs no name.
        if stages.len() > 1 {
            speak_as(stage.name);
        }
        row(workspace, stage)
    };
    let ends_all = |row: &Row| selection.fail_fast && matches!(row.verdict, Verdict::Failed(_));
    let rows = lanes::run(&stages, LANES, run, ends_all);
    print!("\n{}", table(&rows, begun.elapsed()));
    closing(&rows)
}

/// Runs the stage.
fn row(workspace: &Workspace, stage: &'static Stage) -> Row {
    say(format_args!("=== {}: {}", stage.name, stage.promise));
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
    say_end(&row);
    row
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

fn say_end(row: &Row) {
    let (name, took) = (row.stage.name, clock(row.took));
    match &row.verdict {
        Verdict::Passed => say(format_args!("--- {name}: {} in {took}", row.remark())),
        Verdict::Skipped(_) => say(format_args!("--- {name}: {}", row.remark())),
        Verdict::Failed(why) => {
            let why = why.lines().next().unwrap_or_default();
            say(format_args!(
                "--- {name} FAILED after {took}: {why}\n    \
                 to repeat only this stage: cargo xtask test --only {name}"
            ));
        }
    }
}

/// Each stage's time against its budget, and that of all, some of which ran at once. The last line
/// is for machines that count.
fn table(rows: &[Row], took: Duration) -> String {
    let mut table = line("stage", "time", "budget", "");
    for row in rows {
        let (took, budget) = (clock(row.took), clock(row.stage.budget));
        table += &line(row.stage.name, &took, &budget, &row.remark());
    }
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

    /// Stages of the tests' own: the budgets of the real ones change, and the table does not.
    static TOLD: [Stage; 4] = [
        stage("setup", 2),
        stage("fmt", 1),
        stage("tidy", 1),
        stage("windows", 17),
    ];

    const fn stage(name: &'static str, budget_minutes: u64) -> Stage {
        Stage::new(name, budget_minutes, "", |_| Ok(()))
    }

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
            row(&TOLD[0], Verdict::Passed, 9),
            row(&TOLD[1], Verdict::Passed, 61),
            row(
                &TOLD[2],
                Verdict::Failed("2 findings\n    of both".into()),
                5,
            ),
            row(&TOLD[3], Verdict::Skipped("no compiler".into()), 0),
        ];
        expect![[r#"
            stage              time  budget
            setup              0:09    2:00  ok
            fmt                1:01    1:00  ok, over its budget
            tidy               0:05    1:00  FAILED
            windows            0:00   17:00  skipped: no compiler
            in all             1:10   40:00
            stages: 2 passed, 1 failed, 1 skipped
        "#]]
        .assert_eq(&table(&rows, Duration::from_secs(70)));
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
        let rows: Vec<Row> = rows.collect();
        let over = |took| table(&rows, took).contains("over its budget");
        assert!(!over(BUDGET_IN_ALL));
        assert!(over(BUDGET_IN_ALL + Duration::from_secs(1)));
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
        assert_eq!(names(Mode::Test, &from), ["loom"]);
        assert_eq!(names(Mode::Test, &Selection::default()).len(), STAGES.len());
        let smoke = names(Mode::Smoke, &Selection::default());
        assert_eq!(smoke, ["fmt", "tidy", "tests"]);
    }
}
