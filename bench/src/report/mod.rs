//! The report: `docs/bench/README.md` and its pictures, from the lines that are kept.

mod picture;

use crate::figures::line::Line;
use crate::figures::table;
use crate::figures::target::{self, Verdict};
use crate::server::root;
use crate::workload::Sample;
use std::fmt::Write as _;
use std::fs;

/// Writes the report of the commit that was measured last.
///
/// # Errors
/// What the system says, or that nothing was measured.
pub fn write(lines: &[Line]) -> Result<(), String> {
    let last = lines.last().ok_or("nothing has been measured yet")?;
    let of_it = |line: &&Line| line.commit == last.commit && line.machine == last.machine;
    let lines: Vec<Line> = lines.iter().filter(of_it).cloned().collect();
    let mut page = head(last);
    let cells = cells(&lines);
    let mut verdicts: Vec<Verdict> = cells
        .iter()
        .flat_map(|cell| target::of_cell(cell))
        .collect();
    verdicts.extend(target::of_all(&lines));
    page.push_str(&targets(&verdicts));
    for (number, cell) in cells.iter().enumerate() {
        page.push_str(&section(number + 1, cell)?);
    }
    for workload in ["echo growth", "chat growth"] {
        let of_it: Vec<&Line> = lines
            .iter()
            .filter(|line| line.workload == workload)
            .collect();
        if !of_it.is_empty() {
            let file = format!("{}.svg", workload.replace(' ', "-"));
            save(&file, &picture::growth(workload, &of_it)?)?;
            let _ = write!(
                page,
                "\n### {workload}\n\n![CPU a message against sessions]({file})\n"
            );
        }
    }
    save("README.md", &page)
}

type Curve = fn(&Sample) -> &[f64];

/// The table and pictures of a cell, which has a line at least.
fn section(number: usize, cell: &[Line]) -> Result<String, String> {
    let first = &cell[0];
    let title = first.title();
    let mut section = format!("\n### {title}\n\n");
    let file = format!("ratios-{number:02}.svg");
    save(&file, &picture::ratios(&title, cell)?)?;
    let _ = writeln!(section, "![Wharf's share of each server's CPU]({file})");
    let curves: [(&str, &str, Curve); 2] = [
        ("closed", "closed loop", |sample| &sample.curve_us),
        ("rate", "fixed rate", |sample| &sample.rate_curve_us),
    ];
    for (name, what, curve) in curves {
        if let Some(picture) = picture::latencies(&format!("{title}, {what}"), cell, curve) {
            let file = format!("latency-{name}-{number:02}.svg");
            save(&file, &picture?)?;
            let _ = writeln!(section, "![Latencies, {what}]({file})");
        }
    }
    let hiccups = format!(
        "The machine's own pauses meanwhile: {:.0} us at the 99th percentile, {:.0} us at most.",
        first.median(|sample| sample.hiccup_p99_us),
        first.median(|sample| sample.hiccup_max_us)
    );
    let _ = write!(section, "\n```text\n{}```\n\n{hiccups}\n", table::of(cell));
    Ok(section)
}

fn targets(verdicts: &[Verdict]) -> String {
    let mut page = String::from(
        "\n## Targets\n\n\
         A ratio is reached if its interval's upper end is at most the target plus half of the \
         interval of `wharf again`.\n\n\
         | | target | found | |\n|---|---|---|---|\n",
    );
    for verdict in verdicts {
        let Verdict {
            of, target, found, ..
        } = verdict;
        let mark = if verdict.is_reached {
            "reached"
        } else {
            "**missed**"
        };
        let _ = writeln!(page, "| {of} | {target} | {found} | {mark} |");
    }
    page.push_str("\n## Figures\n");
    page
}

fn head(last: &Line) -> String {
    format!(
        "# Measured against the field\n\n\
         Written by `cargo xtask bench`; `results.jsonl` beside it has every round.\n\n\
         - Commit {}, on {}.\n\
         - Each server has one core and the client, the same for all, another; the order is drawn \
           anew in each round.\n\
         - CPU is what the kernel charged the server, over a fixed number of messages. The ratio is \
           Wharf's over the other's in the same round, with its 95 % bootstrap interval; below 1, \
           Wharf needs less. `wharf again` is the same program once more: what the machine makes of \
           no difference at all.\n\
         - Latencies are the client's, from when a message was due: in the closed loop, and behind \
           \"rate\" at a fixed rate that is the same for all. The machine's own pauses were {:.0} us \
           at the 99th percentile of a thread that only looks at the clock, {:.0} us at most: a \
           p99 near that says more of the machine than of a server.\n",
        last.commit,
        last.machine,
        last.median(|sample| sample.hiccup_p99_us),
        last.median(|sample| sample.hiccup_max_us),
    )
}

/// The lines of each cell beside each other, Wharf's first.
fn cells(lines: &[Line]) -> Vec<Vec<Line>> {
    let mut cells: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        match cells.iter_mut().find(|cell| cell[0].is_beside(line)) {
            Some(cell) => cell.push(line.clone()),
            None => cells.push(vec![line.clone()]),
        }
    }
    cells
}

fn save(name: &str, text: &str) -> Result<(), String> {
    let path = root().join("docs/bench").join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
