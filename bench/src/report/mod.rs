//! The report: `docs/bench/README.md` and its pictures, from the lines that are kept.

mod picture;

use crate::figures::line::Line;
use crate::figures::table;
use crate::server::root;
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
    let mut number = 0;
    for cell in cells(&lines) {
        let Some(first) = cell.first() else { continue };
        let title = format!("{}, {} sessions", first.workload, first.sessions);
        let flight = match first.in_flight {
            0 => String::new(),
            flight => format!(", {flight} in flight"),
        };
        number += 1;
        let _ = write!(page, "\n### {title}{flight}\n\n");
        save(
            &format!("cpu-{number:02}.svg"),
            &picture::cpu(&title, cell)?,
        )?;
        let _ = write!(
            page,
            "![CPU a message](cpu-{number:02}.svg)\n\n```text\n{}```\n",
            table::of(cell)
        );
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

/// The lines of each cell beside each other; they were kept that way.
fn cells(lines: &[Line]) -> impl Iterator<Item = &[Line]> {
    lines.chunk_by(|a, b| {
        let key = |line: &Line| {
            (
                line.workload.clone(),
                line.sessions,
                line.per_room,
                line.in_flight,
            )
        };
        key(a) == key(b)
    })
}

fn save(name: &str, text: &str) -> Result<(), String> {
    let path = root().join("docs/bench").join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
