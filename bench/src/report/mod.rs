//! The report: `docs/bench/README.md` and its pictures, from the lines that are kept.

mod picture;

use crate::figures::line::Line;
use crate::figures::pairs;
use crate::figures::stats::median;
use crate::figures::table;
use crate::figures::target::{self, Verdict};
use crate::server::root;
use crate::workload::{self, Cell, Sample};
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
    let groups = workload::groups(false);
    let mut page = head(last);
    let mut verdicts: Vec<Verdict> = Vec::new();
    let (mut sections, mut missing) = (String::new(), Vec::new());
    remove_pictures()?;
    for cell in groups.iter().flatten() {
        let (lines, without) = lines_of(cell, &lines);
        missing.extend(without);
        if !lines.is_empty() {
            verdicts.extend(target::of_cell(&lines));
            sections.push_str(&section(&lines)?);
        }
    }
    verdicts.extend(pairs::of_all(&lines));
    page.push_str(&targets(&verdicts, &missing));
    page.push_str(&sections);
    for workload in ["echo growth", "chat growth"] {
        let of_it: Vec<&Line> = lines
            .iter()
            .filter(|line| line.workload == workload)
            .collect();
        if !of_it.is_empty() {
            let file = format!("{}.svg", slug(workload));
            save(&file, &picture::growth(workload, &of_it)?)?;
            let _ = write!(
                page,
                "\n### {workload}\n\n![CPU a message against sessions]({file})\n"
            );
        }
    }
    save("README.md", &page)
}

/// The lines of a cell, Wharf's first, and what of it was not measured.
fn lines_of(cell: &Cell, lines: &[Line]) -> (Vec<Line>, Vec<String>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for who in &cell.servers {
        let is_it = |line: &&Line| line.is_of(cell) && line.peer == who.name();
        match lines.iter().find(is_it) {
            Some(line) => found.push(line.clone()),
            None => missing.push(format!(
                "{} x {} x {} by {}",
                cell.workload,
                cell.scale.sessions,
                cell.in_flight,
                who.name()
            )),
        }
    }
    (found, missing)
}

type Curve = fn(&Sample) -> &[f64];

/// The table and pictures of a cell, which has a line at least.
fn section(cell: &[Line]) -> Result<String, String> {
    let title = cell[0].title();
    let mut section = format!("\n### {title}\n\n");
    let file = format!("ratios-{}.svg", slug(&title));
    save(&file, &picture::ratios(&title, cell)?)?;
    let _ = writeln!(section, "![Wharf's share of each server's CPU]({file})");
    let curves: [(&str, &str, Curve); 2] = [
        ("closed", "closed loop", |sample| &sample.curve_us),
        ("rate", "fixed rate", |sample| &sample.rate_curve_us),
    ];
    for (name, what, curve) in curves {
        if let Some(picture) = picture::latencies(&format!("{title}, {what}"), cell, curve) {
            let file = format!("latency-{name}-{}.svg", slug(&title));
            save(&file, &picture?)?;
            let _ = writeln!(section, "![Latencies, {what}]({file})");
        }
    }
    let _ = write!(section, "\n```text\n{}```\n", table::of(cell));
    if let Some(hiccups) = hiccups(cell) {
        let _ = write!(
            section,
            "\nBeside the client, a thread woke late by {hiccups}.\n"
        );
    }
    Ok(section)
}

/// How late a thread woke that only looks at the clock; `None` where none looked.
fn hiccups(lines: &[Line]) -> Option<String> {
    let most = |figure: fn(&Sample) -> f64| {
        let figures = lines.iter().flat_map(|line| line.figures(figure));
        figures.fold(0.0, f64::max)
    };
    let p99: Vec<f64> = lines
        .iter()
        .flat_map(|line| line.figures(|sample| sample.hiccup_p99_us))
        .collect();
    let max = most(|sample| sample.hiccup_max_us);
    (max > 0.0).then(|| {
        let p99 = median(&p99).unwrap_or(0.0);
        format!("{p99:.0} us at the 99th percentile of the median run, {max:.0} us at most")
    })
}

/// A title as a part of a file's name.
fn slug(title: &str) -> String {
    let words: Vec<&str> = title
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-")
}

fn targets(verdicts: &[Verdict], missing: &[String]) -> String {
    let reached = verdicts.iter().filter(|verdict| verdict.is_reached).count();
    let mut page = format!(
        "\n## Targets\n\n\
         {reached} of {} are reached, those \"so far\" among them. \
         A ratio is reached if its interval's upper end is at most the target plus half of the \
         interval of `wharf again`: within that, two programs cannot be told apart. A latency is \
         reached if the interval of Wharf's median holds that of the best peer, or lies below it; \
         which peer is best is found out for each figure anew. \"So far\": the interval is still \
         wider than 2 % to each side, after fewer than 40 rounds. With one round there is no \
         interval: it is written as if it had no width.\n\n\
         | | target | found | |\n|---|---|---|---|\n",
        verdicts.len(),
    );
    for verdict in verdicts {
        let Verdict {
            of, target, found, ..
        } = verdict;
        let mark = match verdict.is_reached {
            true => verdict.mark().to_owned(),
            false => format!("**{}**", verdict.mark().to_lowercase()),
        };
        let _ = writeln!(page, "| {of} | {target} | {found} | {mark} |");
    }
    if !missing.is_empty() {
        let _ = write!(page, "\nNot measured: {}.\n", missing.join("; "));
    }
    page.push_str("\n## Figures\n");
    page
}

fn head(last: &Line) -> String {
    format!(
        "# Measured against the field\n\n\
         Written by `cargo xtask bench`; `results.jsonl` beside it has every round.\n\n\
         - Commit {}, on {}.\n\
         - The peers but Redis and NATS are the shortest honest programs of their kind: `uring` and `epoll` are bare \
           loops that send back what comes without looking at it; `uring-fanout` is the floor of a \
           fan-out, with one send for each receiver and nothing else; `tokio-chat` speaks the same \
           frames as Wharf. `wharf split` has content on a thread of its own. \"(limit)\" means that \
           the client could not keep up.\n\
         - Each server has one core and the client, the same for all, another; the order is drawn \
           anew in each round.\n\
         - CPU is what the kernel charged the server, over a fixed number of messages. The ratio is \
           Wharf's over the other's in the same round, with its 95 % bootstrap interval; below 1, \
           Wharf needs less. `wharf again` is the same program once more: what the machine makes of \
           no difference at all.\n\
         - Latencies are the client's, from when a message was due: in the closed loop, where the \
           next message waits for the last, and at a fixed rate that is the same for all. Under \
           each table stands how late a thread woke on the client's core that only looks at the \
           clock: a p99 near that says more of the machine than of a server.\n",
        last.commit, last.machine,
    )
}

/// Those of before: their cells may be called otherwise now.
fn remove_pictures() -> Result<(), String> {
    let folder = root().join("docs/bench");
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(&folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.extension().is_some_and(|it| it == "svg") {
            fs::remove_file(&path).map_err(told)?;
        }
    }
    Ok(())
}

fn save(name: &str, text: &str) -> Result<(), String> {
    let path = root().join("docs/bench").join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
