//! The table on the terminal.

use super::line::Line;
use std::fmt::Write as _;

/// One cell's lines beside each other.
pub fn of(lines: &[Line]) -> String {
    let mut table = String::new();
    let Some(first) = lines.first() else {
        return table;
    };
    let size = match (first.in_flight, first.workload.as_str()) {
        (0, _) => format!("{} sessions, rooms of {}", first.sessions, first.per_room),
        (flight, "fan-out") => format!("to {} receivers, {flight} in flight", first.sessions),
        (flight, _) => format!("{} sessions, {flight} in flight", first.sessions),
    };
    let rounds = lines.iter().map(|line| line.rounds).max().unwrap_or(0);
    let _ = writeln!(table, "{}: {size}; {rounds} rounds", first.workload);
    let _ = writeln!(
        table,
        "  {:<14}{:>8} {:>15}  {:>19}  {:>9} {:>8} {:>8} {:>9} {:>9}",
        "server",
        "CPU us",
        "(min-max)",
        "wharf/it (95 %)",
        "a second",
        "p50 us",
        "p99 us",
        "p50 rate",
        "p99 rate"
    );
    for line in lines {
        let range = format!("({:.2}-{:.2})", line.cpu_us_min, line.cpu_us_max);
        let ratio = format!(
            "{:.3} ({:.3}-{:.3})",
            line.ratio, line.ratio_low, line.ratio_high
        );
        let _ = write!(
            table,
            "  {:<14}{:>8.3} {range:>15}  {ratio:>19}  {:>9.0} {:>8.0} {:>8.0} {:>9.0} {:>9.0}",
            line.peer,
            line.cpu_us_per_message,
            line.per_second,
            line.p50_us,
            line.p99_us,
            line.median(|sample| sample.rate_p50_us),
            line.median(|sample| sample.rate_p99_us),
        );
        let more = more(line);
        let _ = writeln!(table, "{more}");
        for sample in line
            .samples
            .iter()
            .filter(|sample| !sample.failed.is_empty())
        {
            let _ = writeln!(table, "  {:<14}FAILED: {}", "", sample.failed);
        }
    }
    table
}

/// What only some workloads have.
fn more(line: &Line) -> String {
    let mut more = String::new();
    let capacity = line.median(|sample| sample.capacity_per_second);
    if capacity > 0.0 {
        let limit = match line.median(|sample| sample.client_busy) {
            busy if busy > 0.95 => " (the client's limit)",
            _ => "",
        };
        let _ = write!(more, "  up to {capacity:.0}/s{limit}");
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
