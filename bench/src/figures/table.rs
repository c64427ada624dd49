//! The table on the terminal, and in the report.

use super::line::Line;
use super::stats::Interval;
use super::target::Verdict;
use std::fmt::Write as _;

/// One cell's lines beside each other: what a message costs and how long it takes, then what the
/// kernel did for it.
pub fn of(lines: &[Line]) -> String {
    let mut table = String::new();
    let Some(first) = lines.first() else {
        return table;
    };
    let rounds = lines.iter().map(|line| line.rounds).max().unwrap_or(0);
    let rounds = match rounds {
        1 => "1 round".to_owned(),
        _ => format!("{rounds} rounds"),
    };
    let _ = writeln!(table, "{}; {rounds} at {}", first.title(), first.commit);
    let _ = writeln!(
        table,
        "  {:<14}{:>8} {:>15}  {:>19}  {:>9} {:>20} {:>20}",
        "server",
        "CPU us",
        "(min-max)",
        "wharf/it (95 %)",
        "a second",
        "closed p50/p99/p99.9",
        "at the fixed rate"
    );
    for line in lines {
        let _ = writeln!(table, "  {:<14}{}{}", line.peer, costs(line), more(line));
        for sample in line
            .samples
            .iter()
            .filter(|sample| !sample.failed.is_empty())
        {
            let _ = writeln!(table, "  {:<14}FAILED: {}", "", sample.failed);
        }
    }
    let _ = writeln!(
        table,
        "  {:<14}{:>9} {:>9} {:>9} {:>12} {:>13} {:>11} {:>14}",
        "a message",
        "syscalls",
        "wakes",
        "switches",
        "completions",
        "resident KiB",
        "kernel KiB",
        "client busy"
    );
    for line in lines {
        let _ = writeln!(table, "  {:<14}{}", line.peer, kernel(line));
    }
    table
}

/// Targets and what was found, one a line, all of one commit.
pub fn of_verdicts(verdicts: &[Verdict]) -> String {
    let mut table = String::new();
    for verdict in verdicts {
        let Verdict {
            of, target, found, ..
        } = verdict;
        let mark = verdict.mark();
        let _ = writeln!(table, "  {mark:<15}  {of}: {found}; target {target}");
    }
    table
}

fn costs(line: &Line) -> String {
    let range = format!("({:.2}-{:.2})", line.cpu_us_min, line.cpu_us_max);
    let ratio = line.ratio().map_or("-".into(), |ratio| {
        let Interval { median, low, high } = ratio;
        format!("{median:.3} ({low:.3}-{high:.3})")
    });
    let closed = latencies(
        line.median(|sample| sample.p50_us),
        line.median(|sample| sample.p99_us),
        line.median(|sample| sample.p999_us),
    );
    let at_rate = latencies(
        line.median(|sample| sample.rate_p50_us),
        line.median(|sample| sample.rate_p99_us),
        line.median(|sample| sample.rate_p999_us),
    );
    format!(
        "{:>8.3} {range:>15}  {ratio:>19}  {:>9.0} {closed:>20} {at_rate:>20}",
        line.cpu_us_per_message, line.per_second,
    )
}

fn latencies(p50: f64, p99: f64, p999: f64) -> String {
    match p999 {
        0.0 => "-".into(),
        _ => format!("{p50:.0}/{p99:.0}/{p999:.0}"),
    }
}

fn kernel(line: &Line) -> String {
    let or_dash = |figure: f64, decimals: usize| match figure {
        0.0 => "-".into(),
        _ => format!("{figure:.decimals$}"),
    };
    let limit = match line.client_was_the_limit() {
        true => " (limit)",
        false => "",
    };
    let client = 100.0 * line.median(|sample| sample.client_busy);
    format!(
        "{:>9} {:>9} {:>9.3} {:>12} {:>13.0} {:>11} {:>14}",
        or_dash(line.median(|sample| sample.syscalls_per_message), 3),
        or_dash(line.median(|sample| sample.wakes_per_message), 3),
        line.median(|sample| sample.switches_per_message),
        or_dash(line.median(|sample| sample.completions_per_wait), 1),
        line.resident_kib,
        or_dash(line.median(|sample| sample.kernel_kib), 0),
        format!("{client:.0} %{limit}"),
    )
}

/// What only some workloads have.
fn more(line: &Line) -> String {
    let mut more = String::new();
    let capacity = line.median(|sample| sample.capacity_per_second);
    if capacity > 0.0 {
        let limit = match line.client_was_the_limit() {
            true => " (the client's limit)",
            false => "",
        };
        let _ = write!(more, "  up to {capacity:.0}/s{limit}");
    }
    let cut_above = line.figures(|sample| sample.cut_above_per_second);
    let cuts = cut_above.iter().filter(|rate| **rate > 0.0);
    if let Some(least) = cuts.clone().copied().reduce(f64::min) {
        let (cuts, rounds) = (cuts.count(), cut_above.len());
        let _ = write!(
            more,
            ", connections ended at {least:.0}/s ({cuts} of {rounds} rounds)"
        );
    }
    let peak_kib = line.median(|sample| sample.peak_kib);
    if peak_kib > 0.0 {
        let cut = 100.0 * line.median(|sample| sample.cut);
        let _ = write!(
            more,
            "  at most {peak_kib:.0} KiB with the kernel's, {cut:.0} % of the slow cut"
        );
    }
    let waiting = line.median(|sample| sample.passwords_waiting);
    if waiting > 0.0 {
        let first = line.median(|sample| sample.passwords_waiting_first);
        let hashed = line.median(|sample| sample.passwords_hashed);
        let busy = 100.0 * line.median(|sample| sample.hashing_busy);
        let _ = write!(
            more,
            "  {first:.0} passwords waited at first, {waiting:.0} to the end, {hashed:.0} hashed, \
             the worker {busy:.0} % busy"
        );
    }
    let store_us = line.median(|sample| sample.store_us_per_message);
    if store_us > 0.0 {
        let _ = write!(more, "  {store_us:.3} us of it the store's");
    }
    let bytes = line.median(|sample| sample.bytes_per_session);
    if bytes > 0.0 {
        let busy = line.median(|sample| sample.server_busy);
        let _ = write!(
            more,
            "  {bytes:.0} bytes a session, {:.4} % of a core",
            100.0 * busy
        );
    }
    more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::line::test_line;
    use crate::workload::Sample;

    #[test]
    fn connections_that_a_server_ended_at_saturation_are_told() {
        let mut line = test_line("wharf", &[1.0; 2]);
        line.samples[0].capacity_per_second = 3e6;
        line.samples[1].capacity_per_second = 3e6;
        assert!(!of(&[line.clone()]).contains("ended"));
        line.samples[1].cut_above_per_second = 4e6;
        let table = of(&[line]);
        let expected = "up to 3000000/s, connections ended at 4000000/s (1 of 2 rounds)";
        assert!(table.contains(expected), "{table}");
    }

    #[test]
    fn how_many_passwords_waited_is_told() {
        let mut line = test_line("wharf", &[1.0]);
        assert!(!of(&[line.clone()]).contains("passwords"));
        line.samples[0] = Sample {
            passwords_waiting_first: 990.0,
            passwords_waiting: 920.0,
            passwords_hashed: 70.0,
            hashing_busy: 0.99,
            ..Sample::default()
        };
        let table = of(&[line]);
        let expected = "990 passwords waited at first, 920 to the end, 70 hashed, \
                        the worker 99 % busy";
        assert!(table.contains(expected), "{table}");
    }

    #[test]
    fn a_table_names_its_rounds_its_commit_and_each_failure() {
        let mut line = test_line("uring", &[1.0; 2]);
        line.samples[0].failed = "it does not listen".into();
        let table = of(&[line]);
        let heading = "echo, 64 sessions, 1 in flight; 2 rounds at abc\n";
        assert!(table.starts_with(heading), "{table}");
        assert!(table.contains("FAILED: it does not listen\n"), "{table}");
    }
}
