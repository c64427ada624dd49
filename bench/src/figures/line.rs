//! One line of the results: a server at one workload and size, over some rounds.

use super::origin::Origin;
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

/// As it is written, one JSON object a line. `ratio` is Wharf's CPU per message over this server's
/// in the same round, the median over the rounds: less than 1 means that Wharf needs less.
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

impl Line {
    /// Of what `peer` and Wharf did beside each other in the rounds of a cell: `samples` and
    /// `wharf` have one of each round.
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

    /// The same cell, server, commit and machine: only their rounds are merged.
    pub fn is_like(&self, other: &Self) -> bool {
        let key = |line: &Self| {
            let names = [&line.workload, &line.peer, &line.commit, &line.machine];
            let names = names.map(String::clone);
            (names, line.sessions, line.per_room, line.in_flight)
        };
        key(self) == key(other)
    }

    /// Where its rounds were measured.
    pub fn origin(&self) -> Origin {
        Origin {
            commit: self.commit.clone(),
            machine: self.machine.clone(),
        }
    }

    /// The workload and its size.
    pub fn title(&self) -> String {
        title(&self.workload, self.sessions, self.per_room, self.in_flight)
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

    /// How many of its rounds failed.
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

/// A workload and its size, in words.
pub fn title(workload: &str, sessions: usize, per_room: usize, in_flight: u32) -> String {
    match (in_flight, workload) {
        (0, _) => format!("{workload}, {sessions} sessions in rooms of {per_room}"),
        (_, "fan-out") => format!("{workload} to {sessions}, {in_flight} in flight"),
        _ => format!("{workload}, {sessions} sessions, {in_flight} in flight"),
    }
}

/// The lines of a file in the order in which they were first written, those that are alike merged;
/// none if there is no file.
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

/// What is asked of these workloads does not matter: they are not run.
#[cfg(test)]
pub fn test_cell(workload: &'static str, sessions: usize) -> Cell {
    use crate::server::{Scale, Who};
    use crate::workload::Method;
    Cell {
        workload,
        scale: Scale {
            sessions,
            per_room: 10,
        },
        in_flight: 1,
        rate: 0.0,
        span: std::time::Duration::ZERO,
        servers: vec![Who::Wharf, Who::Peer("peer-uring")],
        counts: false,
        method: Method::Alone(|_, _| Err("nobody measures here".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_cpu(us: &[f64]) -> Vec<Sample> {
        let of = |&cpu_us_per_message: &f64| Sample {
            cpu_us_per_message,
            ..Sample::default()
        };
        us.iter().map(of).collect()
    }

    fn beside(wharf: &[Sample], peer: &[Sample]) -> Line {
        let origin = Origin {
            commit: "abc".into(),
            machine: "here".into(),
        };
        let cell = test_cell("echo", 64);
        Line::new(&cell, "uring", peer.to_vec(), wharf, &origin)
    }

    #[test]
    fn a_ratio_is_wharfs_cpu_over_the_others_in_the_same_round() {
        let line = beside(&of_cpu(&[2.0, 30.0, 1.0]), &of_cpu(&[4.0, 60.0, 2.0]));
        assert_eq!(line.ratio, Some(0.5), "half of what the other needs");
        assert_eq!(line.ratios, [0.5; 3], "a slow round was slow for both");
        let range = (line.cpu_us_min, line.cpu_us_per_message, line.cpu_us_max);
        assert_eq!(range, (2.0, 4.0, 60.0), "the other's own");
    }

    #[test]
    fn a_failed_round_is_in_no_figure_and_is_counted() {
        let (mut wharf, mut peer) = (of_cpu(&[2.0, 2.0, 2.0]), of_cpu(&[4.0, 1.0, 8.0]));
        wharf[1].failed = "a delivery was lost".into();
        peer[2].failed = "it does not listen".into();
        let line = beside(&wharf, &peer);
        assert_eq!(
            line.ratios,
            [0.5],
            "of the one round in which both were right"
        );
        assert_eq!(line.figures(|it| it.cpu_us_per_message), [4.0, 1.0]);
        assert_eq!((line.failures(), line.rounds, line.failed), (1, 3, true));
        assert!(!line.has_only_failed());
    }

    #[test]
    fn without_a_round_of_both_there_is_no_ratio_and_nothing_is_settled_early() {
        let mut peer = of_cpu(&[1.0; 4]);
        peer.iter_mut()
            .for_each(|it| it.failed = "it does not listen".into());
        let line = beside(&of_cpu(&[1.0; 4]), &peer);
        assert_eq!((line.ratio, line.has_only_failed()), (None, true));
        assert!(!line.has_settled());
    }

    #[test]
    fn rounds_of_one_commit_are_merged_and_those_of_others_are_not() {
        let path = std::env::temp_dir().join(format!("lines-{}.jsonl", std::process::id()));
        let other = Line {
            commit: "def".into(),
            ..test_line("uring", &[3.0])
        };
        let elsewhere = Line {
            machine: "there".into(),
            ..test_line("uring", &[4.0])
        };
        let lines = [
            test_line("uring", &[1.0, 2.0]),
            other,
            test_line("uring", &[6.0]),
            elsewhere,
        ];
        append(&path, &lines).unwrap();
        let read = read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let found: Vec<_> = read.iter().map(|line| (line.rounds, line.ratio)).collect();
        assert_eq!(found, [(3, Some(2.0)), (1, Some(3.0)), (1, Some(4.0))]);
    }
}
