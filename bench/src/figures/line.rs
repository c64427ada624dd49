//! One line of the results: a server at one workload and size, over some rounds.

use super::stats::{Interval, Spread, median};
use crate::workload::{Cell, Sample};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Rounds of a cell whose ratios do not settle.
pub const ROUNDS_MAX: usize = 40;
/// Fewer tell nothing of how settled they are.
const ROUNDS_MIN: usize = 5;
/// Half the width of a settled ratio's interval.
const SETTLED: f64 = 0.02;
/// A client that comes so late to a hundredth of its messages has too much to do.
const LATE_US: f64 = 5_000.0;

/// As it is written, one JSON object a line. `ratio` is the median over the rounds of this
/// server's CPU per message in terms of Wharf's in the same round, turned round: Wharf's share of
/// it, so that less than 1 means that Wharf needs less.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub workload: String,
    pub peer: String,
    pub sessions: usize,
    pub per_room: usize,
    pub in_flight: u32,
    pub rounds: usize,
    pub cpu_us_per_message: f64,
    pub cpu_us_min: f64,
    pub cpu_us_max: f64,
    /// `None` without a round in which both were right.
    pub ratio: Option<f64>,
    pub ratio_low: Option<f64>,
    pub ratio_high: Option<f64>,
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub resident_kib: f64,
    pub failed: bool,
    pub commit: String,
    pub machine: String,
    /// Every round, in order; rounds of the same number were measured beside each other.
    pub samples: Vec<Sample>,
    /// Wharf's CPU per message over this server's, round by round.
    pub ratios: Vec<f64>,
}

/// Where a line comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    pub commit: String,
    pub machine: String,
}

impl Line {
    /// Of what `peer` and Wharf did beside each other in the rounds of a cell.
    pub fn new(
        cell: &Cell,
        peer: &str,
        samples: Vec<Sample>,
        wharf: &[Sample],
        origin: &Origin,
    ) -> Self {
        let good = |sample: &Sample| sample.failed.is_empty() && sample.cpu_us_per_message > 0.0;
        let ratios = wharf
            .iter()
            .zip(&samples)
            .filter(|(ours, theirs)| good(ours) && good(theirs))
            .map(|(ours, theirs)| ours.cpu_us_per_message / theirs.cpu_us_per_message)
            .collect();
        let mut line = Self {
            workload: cell.workload.to_owned(),
            peer: peer.to_owned(),
            sessions: cell.scale.sessions,
            per_room: cell.scale.per_room,
            in_flight: cell.in_flight,
            commit: origin.commit.clone(),
            machine: origin.machine.clone(),
            samples,
            ratios,
            rounds: 0,
            cpu_us_per_message: 0.0,
            cpu_us_min: 0.0,
            cpu_us_max: 0.0,
            ratio: None,
            ratio_low: None,
            ratio_high: None,
            per_second: 0.0,
            p50_us: 0.0,
            p99_us: 0.0,
            p999_us: 0.0,
            resident_kib: 0.0,
            failed: false,
        };
        line.sum_up();
        line
    }

    /// Adds the rounds of another invocation.
    pub fn merge(&mut self, other: Self) {
        self.samples.extend(other.samples);
        self.ratios.extend(other.ratios);
        self.sum_up();
    }

    /// Whether it is of this workload and size.
    pub fn is_of(&self, cell: &Cell) -> bool {
        (
            self.workload.as_str(),
            self.sessions,
            self.per_room,
            self.in_flight,
        ) == (
            cell.workload,
            cell.scale.sessions,
            cell.scale.per_room,
            cell.in_flight,
        )
    }

    /// The same cell, server, commit and machine.
    pub fn is_like(&self, other: &Self) -> bool {
        let key = |line: &Self| {
            let names = [&line.workload, &line.peer, &line.commit, &line.machine];
            let names = names.map(String::clone);
            (names, line.sessions, line.per_room, line.in_flight)
        };
        key(self) == key(other)
    }

    /// The workload and its size.
    pub fn title(&self) -> String {
        let Self {
            workload,
            sessions,
            per_room,
            in_flight,
            ..
        } = self;
        match (in_flight, workload.as_str()) {
            (0, _) => format!("{workload}, {sessions} sessions in rooms of {per_room}"),
            (_, "fan-out") => format!("{workload} to {sessions}, {in_flight} in flight"),
            _ => format!("{workload}, {sessions} sessions, {in_flight} in flight"),
        }
    }

    /// Whether the client had no time to spare, and the server had. In an open loop it looks at the
    /// clock until the next message is due; there, it had none if it came late to its own messages.
    pub fn client_was_the_limit(&self) -> bool {
        let client = self.median(|sample| sample.client_busy);
        let server = self.median(|sample| sample.server_busy);
        match self.in_flight {
            0 => self.median(|sample| sample.client_lag_us) > LATE_US && server < 0.95,
            _ => client > 0.95 && client > server,
        }
    }

    /// Rounds that failed.
    pub fn failures(&self) -> usize {
        let failed = |sample: &&Sample| !sample.failed.is_empty();
        self.samples.iter().filter(failed).count()
    }

    /// Whether nothing is known of it.
    pub fn has_only_failed(&self) -> bool {
        self.failures() == self.samples.len()
    }

    /// Whether another round would hardly change the ratio.
    pub fn has_settled(&self) -> bool {
        let ratio = self.ratio();
        self.rounds >= ROUNDS_MAX
            || self.rounds >= ROUNDS_MIN && ratio.is_none_or(|ratio| ratio.half_width() <= SETTLED)
    }

    /// What one figure was in each round that did not fail.
    pub fn figures(&self, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let good = self
            .samples
            .iter()
            .filter(|sample| sample.failed.is_empty());
        good.map(figure).collect()
    }

    pub fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(&self.figures(figure)).unwrap_or(0.0)
    }

    /// Wharf's CPU per message over this server's; `None` without a round of both.
    pub fn ratio(&self) -> Option<Interval> {
        Interval::of(&self.ratios)
    }

    fn sum_up(&mut self) {
        let cpu = self.figures(|sample| sample.cpu_us_per_message);
        let none = Spread {
            median: 0.0,
            min: 0.0,
            max: 0.0,
        };
        let spread = Spread::of(&cpu).unwrap_or(none);
        self.rounds = self.samples.len();
        (self.cpu_us_per_message, self.cpu_us_min, self.cpu_us_max) =
            (spread.median, spread.min, spread.max);
        let ratio = self.ratio();
        self.ratio = ratio.map(|ratio| ratio.median);
        self.ratio_low = ratio.map(|ratio| ratio.low);
        self.ratio_high = ratio.map(|ratio| ratio.high);
        self.per_second = self.median(|sample| sample.per_second);
        // Of the loop that the workload is about.
        let is_closed_loop = self.in_flight > 0;
        let of_loop = |closed: f64, at_rate: f64| if is_closed_loop { closed } else { at_rate };
        self.p50_us = self.median(|it| of_loop(it.p50_us, it.rate_p50_us));
        self.p99_us = self.median(|it| of_loop(it.p99_us, it.rate_p99_us));
        self.p999_us = self.median(|it| of_loop(it.p999_us, it.rate_p999_us));
        self.resident_kib = self.median(|sample| sample.resident_kib);
        self.failed = self.failures() > 0;
    }
}

/// The lines of a file, those of the same cell merged; none if there is no file.
///
/// # Errors
/// What is wrong with the file.
pub fn read(path: &Path) -> Result<Vec<Line>, String> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|error| format!("{}: {error}", path.display()))?,
    };
    let mut lines: Vec<Line> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| format!("{}:{}: {error}", path.display(), number + 1))?;
        match lines.iter_mut().find(|before| before.is_like(&line)) {
            Some(before) => before.merge(line),
            None => lines.push(line),
        }
    }
    Ok(lines)
}

/// Appends lines to a file.
///
/// # Errors
/// What the system says.
pub fn append(path: &Path, lines: &[Line]) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(told)?;
    for line in lines {
        let json = serde_json::to_string(line).map_err(|error| format!("a line: {error}"))?;
        writeln!(file, "{json}").map_err(told)?;
    }
    Ok(())
}

/// A line of some rounds at 64 sessions, by its ratios.
#[cfg(test)]
pub fn test_line(peer: &str, ratios: &[f64]) -> Line {
    let mut line: Line = serde_json::from_value(serde_json::json!({
        "workload": "echo", "peer": peer, "sessions": 64, "per_room": 10, "in_flight": 1,
        "rounds": 0, "cpu_us_per_message": 0.0, "cpu_us_min": 0.0, "cpu_us_max": 0.0,
        "ratio": null, "ratio_low": null, "ratio_high": null, "per_second": 0.0, "p50_us": 0.0,
        "p99_us": 0.0, "p999_us": 0.0, "resident_kib": 0.0, "failed": false, "commit": "abc",
        "machine": "here", "samples": [], "ratios": ratios,
    }))
    .expect("every field is there");
    line.samples = vec![Sample::default(); ratios.len()];
    line.sum_up();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_of_one_commit_are_merged_and_those_of_others_are_not() {
        let path = std::env::temp_dir().join(format!("lines-{}.jsonl", std::process::id()));
        let other = Line {
            commit: "def".into(),
            ..test_line("uring", &[3.0])
        };
        let lines = [
            test_line("uring", &[1.0, 2.0]),
            other,
            test_line("uring", &[6.0]),
        ];
        append(&path, &lines).unwrap();
        let read = read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let found: Vec<_> = read.iter().map(|line| (line.rounds, line.ratio)).collect();
        assert_eq!(found, [(3, Some(2.0)), (1, Some(3.0))]);
    }
}
