//! What is measured: who serves how many clients that do what.

mod chat;
mod churn;
mod durable;
mod echo;
mod fanout;
mod hashes;
mod idle;
mod platform;
mod slow;
mod tokens;

pub use chat::SATURATION;
pub use slow::SLOW;

use crate::client::Outcome;
use crate::hiccup::{Hiccups, Probe};
use crate::server::{Counts, Scale, Server, Usage, Who, kernel_tcp_kib};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One line of a table: a workload at one size, by several servers.
#[derive(Clone, Debug)]
pub struct Cell {
    pub workload: &'static str,
    pub scale: Scale,
    pub in_flight: u32,
    /// Messages a second that are offered; 0 for a closed loop.
    pub rate: f64,
    /// How long it is measured at that rate; 0 for a closed loop alone.
    pub span: Duration,
    pub servers: Vec<Who>,
    /// Whether it is also counted what the kernel does.
    pub counts: bool,
    pub method: Method,
}

/// How the servers of a cell are measured.
#[derive(Clone, Copy, Debug)]
pub enum Method {
    /// Each is started for a round and ends with it.
    Alone(fn(&Cell, Who) -> Result<Sample, String>),
    /// All stay for [`ROUNDS_TOGETHER`] rounds and are measured in turns, each for a few tenths of
    /// a second: the machine is slower by a third for seconds at a time, and then for all of them.
    Together(fn(&Cell, Who) -> Result<Measure, String>),
}

/// Measures a server that runs once more.
pub type Measure = Box<dyn FnMut() -> Result<Sample, String>>;

/// Rounds after which servers are started anew: where their memory lies is a matter of chance too.
pub const ROUNDS_TOGETHER: usize = 10;

/// The part of a measurement in turns that is done before each, since others were measured
/// meanwhile.
const AGAIN_WARM: u32 = 5;

/// What logins set off later has ended by then, such as Wharf's telling its lists of rooms a second
/// after who has come: it is no part of what a message costs.
const AFTERMATH: Duration = Duration::from_secs(2);

impl Cell {
    /// What the kernel did for a server during a run, and the run's deliveries; `None` where that
    /// is not asked for, or not allowed.
    fn counted(
        &self,
        server: &Server,
        run: impl FnOnce() -> Result<Outcome, String>,
    ) -> Result<Option<(Counts, u64)>, String> {
        let Some(counter) = self.counts.then(|| server.count()).flatten() else {
            return Ok(None);
        };
        let deliveries = run()?.deliveries;
        Ok(counter.stop().map(|counts| (counts, deliveries)))
    }
}

/// What one measurement brought. Latencies are in microseconds; what a workload does not have is
/// left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// When its round began, in milliseconds since 1970: the same for all that were measured
    /// beside each other. 0 in those that were kept before this was.
    pub round_ms: u64,
    /// Of the server, for each message that was delivered (churn: each login; idle: each echo).
    pub cpu_us_per_message: f64,
    pub per_second: f64,
    /// In a closed loop.
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    /// At a fixed rate, the same for every server.
    pub rate_p50_us: f64,
    pub rate_p99_us: f64,
    pub rate_p999_us: f64,
    pub resident_kib: f64,
    /// TCP memory of the kernel, of all sockets there are.
    pub kernel_kib: f64,
    /// Of the server's CPU, what the store's threads had of it.
    pub store_us_per_message: f64,
    /// Resident memory above that of an empty server, for each session.
    pub bytes_per_session: f64,
    pub switches_per_message: f64,
    /// Counted in a pass of their own; 0 where perf(1) may not count.
    pub syscalls_per_message: f64,
    pub wakes_per_message: f64,
    /// Of io_uring(7); 0 for other servers.
    pub completions_per_wait: f64,
    /// Latencies at [`QUANTILES`], in the closed loop and at the fixed rate.
    pub curve_us: Vec<f64>,
    pub rate_curve_us: Vec<f64>,
    /// The most deliveries a second of all rates that were offered.
    pub capacity_per_second: f64,
    /// The deliveries a second that were offered when the server ended connections, as it does
    /// with those that do not keep up; 0 where it did not.
    pub cut_above_per_second: f64,
    /// How busy both were then, or in the closed loop.
    pub client_busy: f64,
    pub server_busy: f64,
    /// By how much the client was late with a hundredth of what it sent then.
    pub client_lag_us: f64,
    /// Passwords that waited to be hashed when it began and when it ended, those that were hashed
    /// meanwhile, and the share of the time in which the worker was at it.
    pub passwords_waiting_first: f64,
    pub passwords_waiting: f64,
    pub passwords_hashed: f64,
    pub hashing_busy: f64,
    /// Of the slow readers, the share that the server cut off.
    pub cut: f64,
    /// The most memory of server and kernel (TCP) together at any time.
    pub peak_kib: f64,
    /// By how much a thread beside the client, which only looks at the clock, woke late meanwhile.
    pub hiccup_p99_us: f64,
    pub hiccup_max_us: f64,
    /// Empty unless a delivery was wrong or the server failed.
    pub failed: String,
}

/// Where latency curves are kept.
pub const QUANTILES: [f64; 9] = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0];

impl Sample {
    /// What a run cost, in whatever loop.
    fn costs(meter: &Metered) -> Self {
        let Metered {
            outcome,
            used,
            seconds_of_client,
            hiccups,
        } = meter;
        let messages = outcome.deliveries as f64;
        Self {
            cpu_us_per_message: used.cpu_ns as f64 / 1e3 / messages,
            per_second: outcome.per_second(),
            resident_kib: used.resident_kib as f64,
            kernel_kib: kernel_tcp_kib() as f64,
            switches_per_message: used.switches as f64 / messages,
            client_busy: seconds_of_client / outcome.seconds,
            server_busy: used.cpu_ns as f64 / 1e9 / outcome.seconds,
            client_lag_us: outcome.lag.value_at_quantile(0.99) as f64,
            hiccup_p99_us: hiccups.p99_us,
            hiccup_max_us: hiccups.max_us,
            ..Self::default()
        }
    }

    /// A run in a closed loop.
    fn in_a_closed_loop(meter: &Metered) -> Self {
        let [p50_us, p99_us, p999_us] = percentiles(&meter.outcome);
        Self {
            p50_us,
            p99_us,
            p999_us,
            curve_us: curve(&meter.outcome),
            ..Self::costs(meter)
        }
    }

    /// A run at a fixed rate.
    fn at_a_rate(meter: &Metered) -> Self {
        Self::costs(meter).and_at_a_rate(meter)
    }

    /// With the latencies of another run beside its own, at the fixed rate.
    fn and_at_a_rate(self, meter: &Metered) -> Self {
        let [rate_p50_us, rate_p99_us, rate_p999_us] = percentiles(&meter.outcome);
        Self {
            rate_p50_us,
            rate_p99_us,
            rate_p999_us,
            rate_curve_us: curve(&meter.outcome),
            hiccup_p99_us: self.hiccup_p99_us.max(meter.hiccups.p99_us),
            hiccup_max_us: self.hiccup_max_us.max(meter.hiccups.max_us),
            ..self
        }
    }

    /// With what the kernel did for each message of another run.
    fn and_counts(self, counted: Option<(Counts, u64)>) -> Self {
        let Some((counts, messages)) = counted else {
            return self;
        };
        Self {
            syscalls_per_message: counts.syscalls / messages as f64,
            wakes_per_message: counts.wakes / messages as f64,
            completions_per_wait: counts.completions / counts.enters.max(1.0),
            ..self
        }
    }
}

fn percentiles(outcome: &Outcome) -> [f64; 3] {
    [0.5, 0.99, 0.999].map(|quantile| outcome.latency.value_at_quantile(quantile) as f64)
}

fn curve(outcome: &Outcome) -> Vec<f64> {
    QUANTILES
        .map(|quantile| outcome.latency.value_at_quantile(quantile) as f64)
        .to_vec()
}

/// A run, and what was used for it.
struct Metered {
    outcome: Outcome,
    used: Usage,
    seconds_of_client: f64,
    hiccups: Hiccups,
}

/// Runs a load and reads the server's meter before and after.
fn metered(
    server: &Server,
    run: impl FnOnce() -> Result<Outcome, String>,
) -> Result<Metered, String> {
    let probe = Probe::start();
    let (before, client_before) = (server.usage(), Usage::of_this_thread());
    let outcome = run();
    let (after, client_after) = (server.usage(), Usage::of_this_thread());
    let hiccups = probe.stop();
    Ok(Metered {
        outcome: outcome.map_err(|why| why_of(server, why))?,
        used: used(after, before)?,
        seconds_of_client: client_after.since(client_before)?.cpu_ns as f64 / 1e9,
        hiccups,
    })
}

/// A failure, and beside it that the server is gone, if so.
fn why_of(server: &Server, why: String) -> String {
    match server.lives() {
        true => why,
        false => format!("{why}; the server is gone{}", server.last_words()),
    }
}

/// What was used between two looks at busy threads.
///
/// # Errors
/// When one of them ended, or none has done anything: they may have other names now.
fn used(after: Usage, before: Usage) -> Result<Usage, String> {
    let used = after.since(before)?;
    match used.cpu_ns {
        0 => Err("those threads of the server that count have used no CPU".into()),
        _ => Ok(used),
    }
}

/// Every cell, in the order of the report; with `quick` the smallest of each and no growth. Those
/// of one group are compared with each other, so they are measured beside each other too.
pub fn groups(quick: bool) -> Vec<Vec<Cell>> {
    let alone = |cells: Vec<Cell>| cells.into_iter().map(|cell| vec![cell]);
    let mut groups: Vec<Vec<Cell>> = alone(echo::cells(quick)).collect();
    groups.extend(alone(fanout::cells(quick)));
    groups.extend(alone(chat::cells(quick)));
    groups.extend(alone(idle::cells(quick)));
    groups.push(slow::cells(quick));
    groups.push(platform::cells(quick));
    groups.push(hashes::cells(quick));
    groups.extend(alone(durable::cells(quick)));
    if !quick {
        groups.push(echo::growth());
        groups.push(chat::growth());
    }
    // Last: what has come and gone is the kernel's work for a minute.
    groups.extend(alone(tokens::cells(quick)));
    groups.extend(alone(churn::cells(quick)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::latencies;

    #[test]
    fn costs_are_in_microseconds_a_delivery_and_in_shares_of_a_core() {
        let mut outcome = Outcome {
            deliveries: 1_000,
            seconds: 0.5,
            latency: latencies(),
            lag: latencies(),
        };
        (1..=100).for_each(|us| outcome.latency.saturating_record(us));
        let meter = Metered {
            outcome,
            used: Usage {
                cpu_ns: 4_000_000,
                switches: 500,
                resident_kib: 2_048,
            },
            seconds_of_client: 0.25,
            hiccups: Hiccups {
                p99_us: 7.0,
                max_us: 9.0,
            },
        };
        let sample = Sample::in_a_closed_loop(&meter).and_at_a_rate(&meter);
        assert_eq!(sample.cpu_us_per_message, 4.0);
        assert_eq!(sample.per_second, 2_000.0);
        assert_eq!(sample.switches_per_message, 0.5);
        assert_eq!((sample.client_busy, sample.server_busy), (0.5, 0.008));
        assert_eq!(
            (sample.p50_us, sample.p99_us, sample.p999_us),
            (50.0, 99.0, 100.0)
        );
        assert_eq!((sample.rate_p50_us, sample.hiccup_max_us), (50.0, 9.0));
        assert_eq!(sample.curve_us.len(), QUANTILES.len());
    }

    #[test]
    fn what_the_kernel_did_is_told_a_message_and_a_wait() {
        let counts = Counts {
            syscalls: 300.0,
            enters: 200.0,
            completions: 800.0,
            wakes: 50.0,
        };
        let sample = Sample::default().and_counts(Some((counts, 100)));
        assert_eq!(
            (sample.syscalls_per_message, sample.wakes_per_message),
            (3.0, 0.5)
        );
        assert_eq!(sample.completions_per_wait, 4.0);
    }

    #[test]
    fn threads_that_did_nothing_are_an_error_and_no_saving() {
        let usage = |cpu_ns| Usage {
            cpu_ns,
            ..Usage::default()
        };
        assert!(used(usage(9), usage(9)).is_err());
        assert_eq!(used(usage(9), usage(4)).unwrap().cpu_ns, 5);
    }

    #[test]
    fn the_quick_cells_have_one_of_each_workload_but_the_long_ones() {
        let names = |quick| {
            let groups = groups(quick).into_iter().flatten();
            let names = groups.map(|cell| cell.workload);
            let long = ["growth", "long", SATURATION];
            let wanted = names.filter(|name| !long.iter().any(|long| name.contains(long)));
            wanted.collect::<std::collections::BTreeSet<&str>>()
        };
        assert_eq!(names(true), names(false));
        let of_growth = |cell: &&Cell| cell.workload.contains("growth");
        let quick = groups(true);
        assert_eq!(quick.iter().flatten().filter(of_growth).count(), 0);
    }
}
