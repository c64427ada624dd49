//! The report: `docs/bench/README.md` and its pictures, from the lines that are kept.

mod picture;

use crate::figures::line::{self, Line};
use crate::figures::origin::Origin;
use crate::figures::record::{Record, Row};
use crate::figures::stats::median;
use crate::figures::table;
use crate::figures::target::{self, Verdict};
use crate::server::{Scale, root};
use crate::workload::{self, Cell, ROUNDS_TOGETHER, Sample};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

/// Writes the report: each workload and size at the newest commit that has rounds of it.
///
/// # Errors
/// What the system says, or that nothing was measured. Nothing of the report before is gone then.
pub fn write(lines: Vec<Line>) -> Result<(), String> {
    let page = Page::of(&Record::new(lines), &workload::groups(false))?;
    remove_pictures()?;
    for (file, picture) in &page.pictures {
        save(file, picture)?;
    }
    save("README.md", &page.text)
}

/// What is written.
struct Page {
    text: String,
    /// By the names of their files.
    pictures: BTreeMap<String, String>,
}

impl Page {
    fn of(record: &Record, groups: &[Vec<Cell>]) -> Result<Self, String> {
        let newest = record.newest().ok_or("nothing has been measured yet")?;
        let mut page = Self {
            text: head(newest),
            pictures: BTreeMap::new(),
        };
        let (mut verdicts, mut sections) = (Vec::new(), String::new());
        let (mut failures, mut missing) = (Vec::new(), Vec::new());
        for cell in groups.iter().flatten() {
            let Row {
                lines,
                missing: of_it,
            } = record.row(cell);
            missing.extend(not_measured(cell, &of_it));
            if !lines.is_empty() {
                verdicts.extend(target::of_cell(&lines));
                failures.extend(lines.iter().flat_map(failures_of));
                sections.push_str(&page.section(&lines, newest)?);
            }
        }
        verdicts.extend(groups.iter().flat_map(|group| record.pairs(group)));
        page.text.push_str(&targets(&verdicts));
        page.text.push_str(&list("Rounds that failed", &failures));
        page.text.push_str(&list("Not measured", &missing));
        page.text.push_str("\n## Figures\n");
        page.text.push_str(&sections);
        for group in groups {
            page.add_growth(record, group)?;
        }
        Ok(page)
    }

    /// The table and pictures of a cell, which has a line at least.
    fn section(&mut self, cell: &[Line], newest: &Origin) -> Result<String, String> {
        let title = cell[0].title();
        let mut section = format!("\n### {title}\n\n");
        let ratios = picture::ratios(&title, cell)?;
        let file = self.add(format!("ratios-{}.svg", slug(&title)), ratios);
        let _ = writeln!(section, "![Wharf's share of each server's CPU]({file})");
        let curves: [(&str, &str, Curve); 2] = [
            ("closed", "closed loop", |sample| &sample.curve_us),
            ("rate", "fixed rate", |sample| &sample.rate_curve_us),
        ];
        for (name, what, curve) in curves {
            if let Some(picture) = picture::latencies(&format!("{title}, {what}"), cell, curve) {
                let file = self.add(format!("latency-{name}-{}.svg", slug(&title)), picture?);
                let _ = writeln!(section, "![Latencies, {what}]({file})");
            }
        }
        let _ = write!(section, "\n```text\n{}```\n", table::of(cell));
        let origin = cell[0].origin();
        if origin.machine != newest.machine {
            let _ = write!(section, "\nOn another machine: {}.\n", origin.machine);
        }
        if let Some(hiccups) = hiccups(cell) {
            let _ = write!(
                section,
                "\nBeside client and server, a thread that only looks at the clock woke late by {hiccups}.\n"
            );
        }
        Ok(section)
    }

    /// What a message costs against the number of sessions, if the group is about that.
    fn add_growth(&mut self, record: &Record, group: &[Cell]) -> Result<(), String> {
        let workload = group.first().map_or("", |cell| cell.workload);
        let lines: Vec<Line> = group
            .iter()
            .flat_map(|cell| record.row(cell).lines)
            .collect();
        if !workload.ends_with(" growth") || lines.is_empty() {
            return Ok(());
        }
        let mut commits: Vec<&str> = lines.iter().map(|line| line.commit.as_str()).collect();
        commits.dedup();
        let picture = picture::growth(workload, &lines)?;
        let file = self.add(format!("{}.svg", slug(workload)), picture);
        let _ = write!(
            self.text,
            "\n### {workload}\n\n![CPU a message against sessions]({file})\n\nMeasured at {}.\n",
            commits.join(", ")
        );
        Ok(())
    }

    /// Keeps a picture; its file.
    fn add(&mut self, file: String, picture: String) -> String {
        self.pictures.insert(file.clone(), picture);
        file
    }
}

/// What of a cell was not measured at the commit of its row.
fn not_measured(cell: &Cell, missing: &[&str]) -> Option<String> {
    let Scale { sessions, per_room } = cell.scale;
    let title = line::title(cell.workload, sessions, per_room, cell.in_flight);
    match missing.len() {
        0 => None,
        all if all == cell.servers.len() => Some(title),
        _ => Some(format!("{title}: {}", missing.join(", "))),
    }
}

/// Which of a line's rounds failed, and why.
fn failures_of(line: &Line) -> Vec<String> {
    let failed = |(index, sample): (usize, &Sample)| {
        let Line { peer, commit, .. } = line;
        let (round, why) = (index + 1, &sample.failed);
        let is_failed = !why.is_empty();
        is_failed.then(|| {
            format!(
                "{}: round {round} of {peer} at {commit}: {why}",
                line.title()
            )
        })
    };
    line.samples.iter().enumerate().filter_map(failed).collect()
}

/// A list under a heading of its own; nothing for none.
fn list(heading: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items: String = items.iter().map(|item| format!("- {item}\n")).collect();
    format!("\n{heading}:\n\n{items}")
}

type Curve = fn(&Sample) -> &[f64];

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

fn targets(verdicts: &[Verdict]) -> String {
    let reached = verdicts.iter().filter(|verdict| verdict.is_reached).count();
    let mut page = format!(
        "\n## Targets\n\n\
         {reached} of {} are reached, those \"so far\" among them. \
         A ratio is reached if its interval's upper end is at most the target plus half of the \
         interval of `wharf again`: within that, two programs cannot be told apart. A latency is \
         reached if the interval of Wharf's median holds that of the best peer, or lies below it; \
         which peer is best is found out for each figure anew. \"So far\": the interval is still \
         wider than 2 % to each side, after fewer than 40 rounds. With one round there is no \
         interval: it is written as if it had no width. The floor is what a bare loop on io_uring \
         found in the same rounds, which looks at nothing of what it sends: its CPU over that of \
         the peer of the row, its latency, its growth.\n\n\
         | | target | found | the floor | | at |\n|---|---|---|---|---|---|\n",
        verdicts.len(),
    );
    for verdict in verdicts {
        let Verdict {
            of,
            target,
            found,
            floor,
            commit,
            ..
        } = verdict;
        let mark = match verdict.is_reached {
            true => verdict.mark().to_owned(),
            false => format!("**{}**", verdict.mark().to_lowercase()),
        };
        let _ = writeln!(
            page,
            "| {of} | {target} | {found} | {floor} | {mark} | {commit} |"
        );
    }
    page
}

fn head(newest: &Origin) -> String {
    format!(
        "# Measured against the field\n\n\
         Written by `cargo xtask bench`; `results.jsonl` beside it has every round.\n\n\
         - Each workload and size stands here as it was at the newest commit that has rounds of \
           it, which its table names, and the targets beside what they found; nothing is mixed with \
           what was measured at another. A commit is the last that touched what is measured or \
           measures (`crates`, `bench/src`, `bench/peers`, the lists of dependencies; tests and \
           documents left out), so rounds are gathered over later ones; `+` and a hash behind it: \
           with changes that were in no commit. The newest of all is {}, on {}.\n\
         - The peers but Redis and NATS are the shortest honest programs of their kind: `uring` and `epoll` are bare \
           loops that send back what comes without looking at it; `uring-fanout` is the floor of a \
           fan-out, with one send for each receiver and nothing else; `tokio-chat` speaks the same \
           frames as Wharf. `wharf split` has content on a thread of its own. \"(limit)\" means that \
           the client could not keep up.\n\
         - Each server has one core and the client, the same for all, another; the order is drawn \
           anew in each round. Echo, fan-out, churn and chat at its fixed rate are measured for some \
           tenths of a second a round, and their servers stay for {ROUNDS_TOGETHER} rounds: the machine \
           is slower by a third for seconds at a time, and so it is for all of them.\n\
         - CPU is what the kernel charged the server, over a fixed number of messages. The ratio is \
           Wharf's over the other's in the same round, with its 95 % bootstrap interval; below 1, \
           Wharf needs less. `wharf again` is the same program once more: what the machine makes of \
           no difference at all.\n\
         - Latencies are the client's, from when a message was due: in the closed loop, where the \
           next message waits for the last, and at a fixed rate that is the same for all. Under \
           each table stands how late threads woke that only look at the clock, one on the client's \
           core and, before all else there, one on the server's: a p99 near that says more of the \
           machine than of a server.\n",
        newest.commit, newest.machine,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::line::{test_cell, test_line};

    fn line(peer: &str, workload: &str, commit: &str) -> Line {
        let mut line = test_line(peer, &[0.5]);
        line.workload = workload.into();
        line.commit = commit.into();
        line.samples[0].curve_us = vec![1.0; 9];
        line
    }

    fn page(lines: Vec<Line>) -> Page {
        let groups = [vec![test_cell("echo", 64)], vec![test_cell("churn", 64)]];
        Page::of(&Record::new(lines), &groups).unwrap()
    }

    #[test]
    fn rows_of_older_commits_stay_and_say_at_which_they_were_measured() {
        let page = page(vec![
            line("wharf", "echo", "old"),
            line("uring", "echo", "old"),
            line("wharf", "churn", "old"),
            line("wharf", "echo", "new"),
            line("uring", "echo", "new"),
        ]);
        let has = |text: &str| assert!(page.text.contains(text), "{text}: {}", page.text);
        has("echo, 64 sessions, 1 in flight; 1 round at new\n");
        has("churn, 64 sessions, 1 in flight; 1 round at old\n");
        has(
            "| echo, 64 sessions, 1 in flight: CPU against uring | at most 1.05 + 0.000 | 0.500 (0.500-0.500) |  | reached so far | new |",
        );
        has("The newest of all is new, on here.");
        has("Not measured:\n\n- churn, 64 sessions, 1 in flight: uring\n");
        assert!(
            !page
                .text
                .contains("echo, 64 sessions, 1 in flight; 1 round at old")
        );
        let files: Vec<&str> = page.pictures.keys().map(String::as_str).collect();
        let expected = [
            "latency-closed-churn-64-sessions-1-in-flight.svg",
            "latency-closed-echo-64-sessions-1-in-flight.svg",
            "ratios-churn-64-sessions-1-in-flight.svg",
            "ratios-echo-64-sessions-1-in-flight.svg",
        ];
        assert_eq!(files, expected);
    }

    #[test]
    fn a_round_that_failed_is_told_with_its_reason_and_of_whom() {
        let mut uring = line("uring", "echo", "new");
        uring.samples.push(Sample {
            failed: "client 3 heard message 5 of client 1 again: 6 was next".into(),
            ..Sample::default()
        });
        let page = page(vec![line("wharf", "echo", "new"), uring]);
        let expected = "Rounds that failed:\n\n- echo, 64 sessions, 1 in flight: round 2 of uring \
                        at new: client 3 heard message 5 of client 1 again: 6 was next\n";
        assert!(page.text.contains(expected), "{}", page.text);
    }

    #[test]
    fn nothing_measured_is_no_page() {
        assert!(Page::of(&Record::new(Vec::new()), &[]).is_err());
    }
}
