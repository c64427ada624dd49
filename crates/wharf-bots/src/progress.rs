//! Where a run stands, shown while it runs.

use crate::BotOptions;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::{self, IsTerminal, Write as _};
use wharf_base::{Duration, Instant};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What is going on: gathering, running, settling, parting.
    pub phase: &'static str,
    /// Sessions asked for.
    pub sessions: u32,
    /// Links that are open.
    pub connected: u32,
    /// Sessions that are logged in.
    pub logged_in: u32,
    /// Sessions that are in a room.
    pub in_rooms: u32,
    /// Messages that left.
    pub said: u64,
    /// Messages that arrived, counted once for each receiver.
    pub delivered: u64,
    /// Whole rounds of churn.
    pub cycles: u64,
    /// What went wrong, of every kind.
    pub faults: u64,
    /// 99 of 100 latencies were no longer than this.
    pub p99: Duration,
}

impl Snapshot {
    /// The sum of all threads' snapshots: the earliest phase, the worst latency. `None` of nothing.
    pub(crate) fn sum(threads: &[Option<Self>]) -> Option<Self> {
        threads.iter().flatten().copied().reduce(|a, b| Self {
            phase: a.phase,
            sessions: a.sessions + b.sessions,
            connected: a.connected + b.connected,
            logged_in: a.logged_in + b.logged_in,
            in_rooms: a.in_rooms + b.in_rooms,
            said: a.said + b.said,
            delivered: a.delivered + b.delivered,
            cycles: a.cycles + b.cycles,
            faults: a.faults + b.faults,
            p99: a.p99.max(b.p99),
        })
    }

    /// One line, with what happens a second. A narrow terminal cuts its end, so that is where the
    /// totals are.
    fn line(&self, rate: f64) -> String {
        let mut line = format!("{}: {}", self.phase, self.people());
        if self.faults > 0 {
            line += &format!("; {} FAULTS", HumanCount(self.faults));
        }
        if rate > 0.0 {
            line += &format!("; {}/s", HumanCount(rate as u64));
        }
        if self.p99 > Duration::ZERO {
            line += &format!(", p99 {}", show_latency(self.p99));
        }
        if self.said > 0 {
            let (said, delivered) = (HumanCount(self.said), HumanCount(self.delivered));
            line += &format!("; {said} sent, {delivered} delivered");
        }
        if self.cycles > 0 {
            line += &format!("; {} cycles", HumanCount(self.cycles));
        }
        line
    }

    /// How far the sessions have come; in few words once all have come as far as one another.
    fn people(&self) -> String {
        let count = |count: u32| HumanCount(count.into());
        if self.in_rooms == self.sessions {
            format!("{} in rooms", count(self.in_rooms))
        } else if self.logged_in == self.sessions && self.in_rooms == 0 {
            format!("{} logged in", count(self.logged_in))
        } else {
            format!(
                "{} of {} connected, {} logged in, {} in rooms",
                count(self.connected),
                count(self.sessions),
                count(self.logged_in),
                count(self.in_rooms),
            )
        }
    }

    fn work(&self) -> u64 {
        self.delivered + self.cycles
    }
}

/// Somebody who watches a run.
pub trait Progress {
    /// The run begins, with these parameters.
    fn begun(&mut self, options: &BotOptions);
    /// It stands here, at this time. Called a few times a second.
    fn at(&mut self, snapshot: &Snapshot, now: Instant);
    /// It has ended.
    fn ended(&mut self);
}

/// Watches nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begun(&mut self, _: &BotOptions) {}
    fn at(&mut self, _: &Snapshot, _: Instant) {}
    fn ended(&mut self) {}
}

/// Shows one live line on a terminal, and elsewhere a line every few seconds, on standard error.
#[derive(Debug)]
pub struct Console {
    bar: Option<ProgressBar>,
    shown_at: Option<Instant>,
    measured: Option<(Instant, u64)>,
    rate: f64,
}

/// How often a line is written where there is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(2);
/// Over how long the rate is measured.
const RATE_OVER: Duration = Duration::from_secs(1);

impl Console {
    /// A console for this process's standard error.
    #[expect(clippy::missing_panics_doc, reason = "the template is a constant")]
    pub fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
            ProgressBar::new_spinner().with_style(style.expect("the template is a good one"))
        });
        Self {
            bar,
            shown_at: None,
            measured: None,
            rate: 0.0,
        }
    }

    fn measure(&mut self, snapshot: &Snapshot, now: Instant) {
        let (since, before) = *self.measured.get_or_insert((now, snapshot.work()));
        let elapsed = now - since;
        if elapsed >= RATE_OVER {
            self.rate = (snapshot.work() - before) as f64 / elapsed.as_secs_f64();
            self.measured = Some((now, snapshot.work()));
        }
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Console {
    fn begun(&mut self, options: &BotOptions) {
        tell(options);
    }

    fn at(&mut self, snapshot: &Snapshot, now: Instant) {
        self.measure(snapshot, now);
        if let Some(bar) = &self.bar {
            bar.set_message(snapshot.line(self.rate));
            bar.tick();
        } else if self
            .shown_at
            .is_none_or(|shown_at| now >= shown_at + PLAIN_EVERY)
        {
            self.shown_at = Some(now);
            tell(snapshot.line(self.rate));
        }
    }

    fn ended(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line on standard error; whoever closed it does not want to know.
fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A latency with the unit that fits it.
pub(crate) fn show_latency(latency: Duration) -> String {
    let micros = latency.as_nanos() as f64 / 1e3;
    match micros {
        micros if micros < 1_000.0 => format!("{micros:.0} us"),
        micros if micros < 1_000_000.0 => format!("{:.2} ms", micros / 1e3),
        micros => format!("{:.2} s", micros / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: Snapshot = Snapshot {
        phase: "running",
        sessions: 1_000,
        connected: 1_000,
        logged_in: 999,
        in_rooms: 998,
        said: 5_000,
        delivered: 500_000,
        cycles: 0,
        faults: 0,
        p99: Duration::from_micros(1_234),
    };

    #[test]
    fn a_line_says_where_the_run_stands() {
        assert_eq!(
            SNAPSHOT.line(99_800.5),
            "running: 1,000 of 1,000 connected, 999 logged in, 998 in rooms; 99,800/s, \
             p99 1.23 ms; 5,000 sent, 500,000 delivered"
        );
        let all_in = Snapshot {
            in_rooms: 1_000,
            ..SNAPSHOT
        };
        assert_eq!(
            all_in.line(99_800.5),
            "running: 1,000 in rooms; 99,800/s, p99 1.23 ms; 5,000 sent, 500,000 delivered"
        );
        let faulty = Snapshot {
            faults: 2,
            ..SNAPSHOT
        };
        assert!(faulty.line(0.0).contains("in rooms; 2 FAULTS, p99"));
    }

    #[test]
    fn threads_add_up() {
        let slower = Snapshot {
            p99: Duration::from_secs(2),
            ..SNAPSHOT
        };
        let sum = Snapshot::sum(&[Some(SNAPSHOT), None, Some(slower)]).unwrap();
        assert_eq!((sum.sessions, sum.delivered), (2_000, 1_000_000));
        assert_eq!(show_latency(sum.p99), "2.00 s");
        assert_eq!(Snapshot::sum(&[None]), None);
    }

    #[test]
    fn latencies_have_the_unit_that_fits() {
        let shown = |nanos| show_latency(Duration::from_nanos(nanos));
        assert_eq!(shown(420_000), "420 us");
        assert_eq!(shown(20_500_000), "20.50 ms");
    }
}
