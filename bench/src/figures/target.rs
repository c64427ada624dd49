//! What Wharf is to reach, and whether it does.

use super::line::Line;
use super::stats::Interval;
use crate::workload::Sample;

/// The same program once more: how far apart its two ratios lie is the machine's doing.
const AGAIN: &str = "wharf again";

/// One target, and what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub of: String,
    pub target: String,
    pub found: String,
    pub is_reached: bool,
}

/// Those of one cell, whose first line is Wharf's.
pub fn of_cell(cell: &[Line]) -> Vec<Verdict> {
    let Some((wharf, peers)) = cell.split_first() else {
        return Vec::new();
    };
    // What failed says so in its table, and reaches nothing.
    if wharf.failed {
        return Vec::new();
    }
    let judge = Judge { wharf, peers };
    match wharf.workload.as_str() {
        "echo" => judge.echo(),
        "fan-out" | "chat" => judge.rooms(),
        "churn" => Vec::from_iter(judge.cpu("tokio-chat", 1.0)),
        "long churn" => vec![judge.grown()],
        "idle" => judge.idle(),
        _ => Vec::new(),
    }
}

/// Those that look at more than one cell: growth, and what slow readers cost the others.
pub fn of_all(lines: &[Line]) -> Vec<Verdict> {
    let wharf = |workload: &str, sessions: usize| {
        lines.iter().find(|line| {
            line.peer == "wharf"
                && line.workload == workload
                && (sessions == 0 || line.sessions == sessions)
        })
    };
    let mut verdicts = Vec::new();
    for workload in ["echo growth", "chat growth"] {
        if let (Some(few), Some(many)) = (wharf(workload, 100), wharf(workload, 19_000)) {
            let found = many.cpu_us_per_message / few.cpu_us_per_message;
            verdicts.push(Verdict {
                of: format!("{workload}: CPU at 19,000 sessions"),
                target: "at most 1.25 of that at 100".into(),
                found: format!("{found:.2}"),
                is_reached: found <= 1.25,
            });
        }
    }
    if let (Some(without), Some(with)) = (wharf("all read", 0), wharf("one in ten is slow", 0)) {
        verdicts.push(slowed("p50", without, with, |sample| sample.p50_us));
        verdicts.push(slowed("p99", without, with, |sample| sample.p99_us));
    }
    verdicts
}

fn slowed(name: &str, without: &Line, with: &Line, figure: fn(&Sample) -> f64) -> Verdict {
    let found = with.median(figure) / without.median(figure);
    Verdict {
        of: format!("slow readers: the others' {name}"),
        target: "at most 1.2 of that without".into(),
        found: format!("{found:.2}"),
        is_reached: found <= 1.2,
    }
}

/// Wharf and its peers beside each other.
struct Judge<'a> {
    wharf: &'a Line,
    peers: &'a [Line],
}

impl Judge<'_> {
    fn echo(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        if self.wharf.sessions > 1 {
            let bare = self.cpu("uring", 1.05);
            let within = bare.as_ref().is_some_and(|bare| bare.is_reached);
            verdicts.extend(bare);
            verdicts.extend(self.cpu("tokio", 0.95).map(|tokio| Verdict {
                target: tokio.target + ", or 1.05 of uring's",
                is_reached: tokio.is_reached || within,
                ..tokio
            }));
            for peer in ["epoll", "compio", "monoio", "asio"] {
                verdicts.extend(self.cpu(peer, 1.0));
            }
        }
        let rivals = ["epoll", "uring", "tokio", "compio", "monoio", "asio"];
        verdicts.extend(self.latency("p50", &rivals, |sample| sample.p50_us));
        verdicts.extend(self.latency("p99", &rivals, |sample| sample.p99_us));
        verdicts
    }

    fn rooms(&self) -> Vec<Verdict> {
        let share = if self.wharf.in_flight > 1 { 0.75 } else { 0.8 };
        // The better of the two is the one of which Wharf needs the larger share.
        let ratio = |name: &&str| self.peer(name).map_or(0.0, |line| line.ratio);
        let better = ["redis", "nats"]
            .into_iter()
            .max_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        let mut verdicts: Vec<_> = better
            .and_then(|better| self.cpu(better, share))
            .into_iter()
            .collect();
        let rivals = ["redis", "nats", "tokio-chat"];
        if self.wharf.in_flight > 0 {
            verdicts.extend(self.latency("p50", &rivals, |sample| sample.p50_us));
            verdicts.extend(self.latency("p99", &rivals, |sample| sample.p99_us));
        } else {
            verdicts.extend(self.latency("p50", &rivals, |sample| sample.rate_p50_us));
            verdicts.extend(self.latency("p99", &rivals, |sample| sample.rate_p99_us));
            verdicts.extend(self.capacity(&rivals));
        }
        verdicts
    }

    /// A byte a login would be a mebibyte.
    fn grown(&self) -> Verdict {
        let bytes = self.wharf.median(|sample| sample.bytes_per_session);
        Verdict {
            of: self.named("memory that a million logins leave behind"),
            target: "less than half a byte each".into(),
            found: format!("{bytes:.3} bytes each"),
            is_reached: bytes < 0.5,
        }
    }

    fn idle(&self) -> Vec<Verdict> {
        let bytes = self.wharf.median(|sample| sample.bytes_per_session);
        let busy = self.wharf.median(|sample| sample.server_busy);
        vec![
            Verdict {
                of: self.named("resident memory of a session in a room"),
                target: "at most 2,048 bytes".into(),
                found: format!("{bytes:.0} bytes"),
                is_reached: bytes <= 2_048.0,
            },
            Verdict {
                of: self.named("CPU of silence"),
                target: "none".into(),
                found: format!("{:.4} % of a core", 100.0 * busy),
                is_reached: busy < 1e-4,
            },
        ]
    }

    /// Reached if the interval's upper end is at most the target and what the machine's noise
    /// makes of two equal programs: half of their interval.
    fn cpu(&self, peer: &str, target: f64) -> Option<Verdict> {
        let ratio = self.peer(peer)?.ratio()?;
        let noise = self.peer(AGAIN).and_then(Line::ratio);
        let noise = noise.map_or(0.0, |again| (again.high - again.low) / 2.0);
        let Interval { median, low, high } = ratio;
        Some(Verdict {
            of: self.named(&format!("CPU against {peer}")),
            target: format!("at most {target} + {noise:.3}"),
            found: format!("{median:.3} ({low:.3}-{high:.3})"),
            is_reached: high <= target + noise,
        })
    }

    /// Reached if the interval of Wharf's median holds the best peer's, or lies below it.
    fn latency(
        &self,
        name: &str,
        rivals: &[&str],
        figure: impl Fn(&Sample) -> f64,
    ) -> Option<Verdict> {
        let ours = Interval::of(&self.wharf.figures(&figure))?;
        let median = |line: &&Line| line.median(&figure);
        let best = self
            .those(rivals)
            .filter(|line| median(line) > 0.0)
            .min_by(|a, b| median(a).total_cmp(&median(b)))?;
        Some(Verdict {
            of: self.named(name),
            target: format!("{:.0} us as {}, or below", median(&best), best.peer),
            found: format!("{:.0} us ({:.0}-{:.0})", ours.median, ours.low, ours.high),
            is_reached: ours.low <= median(&best),
        })
    }

    fn capacity(&self, rivals: &[&str]) -> Option<Verdict> {
        let most = |line: &Line| line.median(|sample| sample.capacity_per_second);
        let best = self
            .those(rivals)
            .max_by(|a, b| most(a).total_cmp(&most(b)))?;
        let limit = match self.wharf.client_was_the_limit() {
            true => " (the client's limit)",
            false => "",
        };
        Some(Verdict {
            of: self.named("deliveries a second at saturation"),
            target: format!("more than the {:.0} of {}", most(best), best.peer),
            found: format!("{:.0}{limit}", most(self.wharf)),
            is_reached: most(self.wharf) > most(best),
        })
    }

    fn peer(&self, name: &str) -> Option<&Line> {
        self.peers.iter().find(|line| line.peer == name)
    }

    fn those(&self, names: &[&str]) -> impl Iterator<Item = &Line> {
        self.peers
            .iter()
            .filter(|line| names.contains(&&*line.peer))
    }

    fn named(&self, what: &str) -> String {
        format!("{}: {what}", self.wharf.title())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::line::test_line;

    fn echo(uring: &[f64], again: &[f64]) -> Vec<Verdict> {
        of_cell(&[
            test_line("wharf", &[1.0; 5]),
            test_line(AGAIN, again),
            test_line("uring", uring),
        ])
    }

    #[test]
    fn a_ratio_passes_by_its_interval_and_the_noise() {
        let cpu = |verdicts: Vec<Verdict>| verdicts[0].is_reached;
        assert!(cpu(echo(&[1.05; 5], &[1.0; 5])));
        assert!(!cpu(echo(&[1.06; 5], &[1.0; 5])), "no noise, no mercy");
        assert!(cpu(echo(&[1.06; 5], &[0.98, 0.98, 1.0, 1.02, 1.02])));
        let torn = [0.9, 0.9, 1.0, 1.2, 1.2];
        assert!(!cpu(echo(&torn, &[1.0; 5])), "the upper end counts");
    }
}
