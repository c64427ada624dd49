//! What was found, as numbers.

use super::machine::Machine;
use super::measure::Measured;
use super::plan::{Kind, SHARDS};
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// All that was measured.
pub(super) struct Report {
    pub(super) machine: Machine,
    /// Whether server and clients had cores of their own.
    pub(super) apart: bool,
    pub(super) measured: Vec<Measured>,
}

/// The headline as numbers; what was not measured is left out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary<'a> {
    /// Always `summary`, where others have their names.
    workload: &'static str,
    version: &'static str,
    machine: &'a Machine,
    pinned: bool,
    /// Echoes a second that fill one core.
    echoes_per_second: Option<f64>,
    /// Deliveries a second that fill one core, in the smaller rooms.
    chat_deliveries_per_second: Option<f64>,
    pub(super) bytes_per_session: Option<f64>,
    pub(super) sessions_by_memory: Option<u64>,
    pub(super) sessions_by_descriptors: Option<u64>,
    pub(super) hiccup_max_us: f64,
    is_right: bool,
}

impl Report {
    /// Nothing measured yet.
    pub(super) fn new(machine: Machine, apart: bool) -> Self {
        Self {
            machine,
            apart,
            measured: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, measured: Measured) {
        self.measured.push(measured);
    }

    /// Whether every delivery was right and every server stopped in order.
    pub(super) fn is_right(&self) -> bool {
        self.measured.iter().all(Measured::is_right)
    }

    /// One line for each workload, then the summary.
    pub(super) fn json_lines(&self) -> String {
        let workloads = self.measured.iter().map(serde_json::to_string);
        let summary = [serde_json::to_string(&self.summary())];
        let lines = workloads.chain(summary).filter_map(Result::ok);
        lines.map(|line| line + "\n").collect()
    }

    pub(super) fn summary(&self) -> Summary<'_> {
        let bytes_per_session = self.of(Kind::Idle).find_map(|it| it.bytes_per_session);
        let available = self.machine.available_bytes as f64;
        Summary {
            workload: "summary",
            version: env!("CARGO_PKG_VERSION"),
            machine: &self.machine,
            pinned: self.apart,
            echoes_per_second: self.of(Kind::Echo).filter_map(carried).reduce(f64::max),
            chat_deliveries_per_second: self.of(Kind::Chat).find_map(carried),
            bytes_per_session,
            sessions_by_memory: bytes_per_session
                .filter(|&bytes| bytes > 0.0)
                .map(|bytes| (available / bytes) as u64),
            sessions_by_descriptors: self.machine.limits().sessions_by_descriptors(SHARDS),
            hiccup_max_us: self
                .measured
                .iter()
                .map(|it| it.hiccup_max_us)
                .fold(0.0, f64::max),
            is_right: self.is_right(),
        }
    }

    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(move |it| it.load.kind == kind)
    }
}

/// Appends to a file, which is made if it was not there.
///
/// # Errors
/// When it cannot be written.
pub(super) fn append(path: &Path, lines: &str) -> Result<(), String> {
    let mut file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.as_mut().map(|file| file.write_all(lines.as_bytes()));
    let failed = match written {
        Ok(written) => written.err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    failed.map_or(Ok(()), |error| {
        Err(format!("cannot append to {}: {error}", path.display()))
    })
}

pub(super) fn carried(measured: &Measured) -> Option<f64> {
    measured
        .carried_per_second
        .filter(|_| !measured.ended_early)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::measure::Limit;
    use super::super::plan::{Load, Plan};
    use super::*;
    use wharf_bots::{Faults, LatencySummary};

    /// Each workload, with twenty sessions.
    pub(crate) fn measured() -> Vec<Measured> {
        let plan = Plan::new(1, Some(20), "auto", &Machine::example().limits()).unwrap();
        let one = |(index, &load): (usize, &Load)| {
            let idle = load.kind == Kind::Idle;
            let cpu = [4.0, 0.5, 1.0, 0.8, 0.0][index];
            Measured {
                load,
                port: "sim".into(),
                ended_early: false,
                seconds: 5.0,
                messages: 1_000_000,
                per_second: 200_000.0,
                cpu_us_per_message: (!idle).then_some(cpu),
                carried_per_second: (!idle).then_some(1e6 / cpu),
                server_busy: cpu / 5.0,
                client_busy: 1.0 - cpu / 10.0,
                limit: [Limit::Server, Limit::Client, Limit::Client, Limit::Neither][index % 4],
                latency: Some(LatencySummary {
                    count: 1_000_000,
                    p50_us: 329.4,
                    p99_us: 4_329.0,
                    p999_us: 8_000.0,
                    max_us: 9_000.0,
                }),
                hiccup_max_us: 1_100.0 * index as f64,
                bytes_per_session: idle.then_some(3_600.0),
                faults: Faults::default(),
                trouble: None,
            }
        };
        plan.workloads.iter().enumerate().map(one).collect()
    }

    #[test]
    fn json_has_a_line_for_each_workload_and_a_summary() {
        let report = Report {
            machine: Machine::example(),
            apart: true,
            measured: measured(),
        };
        let lines = report.json_lines();
        let parse = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let lines: Vec<_> = lines.lines().map(parse).collect();
        let names: Vec<_> = lines.iter().map(|line| &line["workload"]).collect();
        assert_eq!(names, ["echo", "echo", "chat", "chat", "idle", "summary"]);
        let summary = &lines[5];
        assert_eq!(summary["echoes_per_second"], 2_000_000.0);
        assert_eq!(summary["chat_deliveries_per_second"], 1_000_000.0);
        assert_eq!(summary["sessions_by_memory"], 298_261);
        assert_eq!(summary["is_right"], true);
    }
}
