//! What Wharf is to reach, and whether it does.

use super::line::Line;
use super::stats::Interval;
use crate::workload::{SATURATION, Sample};

/// The same program once more: how far apart its two ratios lie is the machine's doing.
pub(super) const AGAIN: &str = "wharf again";

/// Those who send what comes, or to whom it is to go, and do nothing else.
pub(super) const BARE: [&str; 2] = ["uring", "uring-fanout"];

/// Sessions among which what the server touches once is little for each.
const MANY_SESSIONS: usize = 10_000;

/// One target, and what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub of: String,
    pub target: String,
    pub found: String,
    /// What a bare loop found beside it, which does nothing that Wharf is there for: as low as it
    /// goes. Empty where none was measured.
    pub floor: String,
    /// The one that was measured.
    pub commit: String,
    pub is_reached: bool,
    /// Whether more rounds would hardly change it.
    pub has_settled: bool,
}

impl Verdict {
    /// In a word or three.
    pub fn mark(&self) -> &'static str {
        match (self.is_reached, self.has_settled) {
            (true, true) => "reached",
            (true, false) => "reached so far",
            (false, true) => "MISSED",
            (false, false) => "MISSED so far",
        }
    }
}

/// Those of one cell, whose first line is Wharf's.
pub fn of_cell(cell: &[Line]) -> Vec<Verdict> {
    let Some((wharf, peers)) = cell.split_first() else {
        return Vec::new();
    };
    let judge = Judge { wharf, peers };
    let mut verdicts = match wharf.workload.as_str() {
        _ if wharf.has_only_failed() => Vec::new(),
        "echo" => judge.echo(),
        "fan-out" | "chat" => judge.rooms(),
        SATURATION => {
            Vec::from_iter(judge.capacity(&["uring-fanout", "redis", "nats", "tokio-chat"]))
        }
        "token login" => Vec::from_iter(judge.cpu("tokio-login", 1.2)),
        "churn" => Vec::from_iter(judge.cpu("tokio-chat", 1.0)),
        "long churn" => vec![judge.grown()],
        "idle" => judge.idle(),
        _ => Vec::new(),
    };
    if wharf.failed {
        verdicts.push(Verdict {
            of: judge.named("every delivery right"),
            target: "every round".into(),
            found: format!("failed in {} of {} rounds", wharf.failures(), wharf.rounds),
            floor: String::new(),
            commit: wharf.commit.clone(),
            is_reached: false,
            has_settled: true,
        });
    }
    verdicts
}

/// What the machine makes of two equal programs: half of the interval of their ratio.
pub(super) fn noise(again: Option<&Line>) -> f64 {
    let ratio = again.and_then(Line::ratio);
    ratio.map_or(0.0, |again| (again.high - again.low) / 2.0)
}

pub(super) fn shown(ratio: &Interval) -> String {
    let Interval { median, low, high } = ratio;
    format!("{median:.3} ({low:.3}-{high:.3})")
}

/// CPU of one peer over that of another, by what Wharf's is of theirs; `None` of itself.
fn ratio_of(one: &Line, other: &Line) -> Option<String> {
    let (of_one, of_other) = (one.ratio?, other.ratio?);
    (one.peer != other.peer).then(|| format!("{:.3}", of_other / of_one))
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
        let ratio = |name: &&str| self.peer(name).and_then(|line| line.ratio).unwrap_or(0.0);
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
            floor: String::new(),
            commit: self.wharf.commit.clone(),
            is_reached: bytes < 0.5,
            has_settled: true,
        }
    }

    fn idle(&self) -> Vec<Verdict> {
        let bytes = self.wharf.median(|sample| sample.bytes_per_session);
        let busy = self.wharf.median(|sample| sample.server_busy);
        let silence = Verdict {
            of: self.named("CPU of silence"),
            target: "none".into(),
            found: format!("{:.4} % of a core", 100.0 * busy),
            floor: String::new(),
            commit: self.wharf.commit.clone(),
            is_reached: busy < 1e-4,
            has_settled: true,
        };
        // With few sessions the memory that a server touches once outweighs that of each.
        let memory = (self.wharf.sessions >= MANY_SESSIONS).then(|| Verdict {
            of: self.named("resident memory of a session in a room"),
            target: "at most 2,048 bytes, half of a receive buffer".into(),
            found: format!("{bytes:.0} bytes"),
            floor: String::new(),
            commit: self.wharf.commit.clone(),
            is_reached: bytes <= 2_048.0,
            has_settled: true,
        });
        memory.into_iter().chain([silence]).collect()
    }

    /// Reached if the interval's upper end is at most the target and what the machine's noise
    /// makes of two equal programs.
    fn cpu(&self, peer: &str, target: f64) -> Option<Verdict> {
        let peer = self.peer(peer)?;
        let (ratio, noise) = (peer.ratio()?, noise(self.peer(AGAIN)));
        Some(Verdict {
            of: self.named(&format!("CPU against {}", peer.peer)),
            target: format!("at most {target} + {noise:.3}"),
            found: shown(&ratio),
            floor: self.floor(|bare| ratio_of(bare, peer)),
            commit: self.wharf.commit.clone(),
            is_reached: ratio.high <= target + noise,
            has_settled: peer.has_settled(),
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
            floor: self.floor(|bare| {
                let bare = Some(bare.median(&figure)).filter(|us| *us > 0.0);
                bare.map(|us| format!("{us:.0} us"))
            }),
            commit: self.wharf.commit.clone(),
            is_reached: ours.low <= median(&best),
            has_settled: self.peer(AGAIN).is_some_and(Line::has_settled),
        })
    }

    /// Reached with more than every peer; or as many, where the client could not take more.
    fn capacity(&self, rivals: &[&str]) -> Option<Verdict> {
        let figure = |sample: &Sample| sample.capacity_per_second;
        let best = self
            .those(rivals)
            .max_by(|a, b| a.median(figure).total_cmp(&b.median(figure)))?;
        let limited = |line: &Line| match line.client_was_the_limit() {
            true => " (the client's limit)",
            false => "",
        };
        // A brief run offers no more than the fixed rate.
        let ours = Interval::of(&self.wharf.figures(figure)).filter(|it| it.median > 0.0)?;
        let most = best.median(figure);
        let is_tie = self.wharf.client_was_the_limit() && ours.high >= most;
        Some(Verdict {
            of: self.named("deliveries a second at saturation"),
            target: format!("more than the {most:.0}{} of {}", limited(best), best.peer),
            found: format!(
                "{:.0} ({:.0}-{:.0}){}",
                ours.median,
                ours.low,
                ours.high,
                limited(self.wharf)
            ),
            floor: String::new(),
            commit: self.wharf.commit.clone(),
            is_reached: ours.median > most || is_tie,
            has_settled: self.peer(AGAIN).is_some_and(Line::has_settled),
        })
    }

    /// What `figure` is of the bare loop among the peers, with its name.
    fn floor(&self, figure: impl Fn(&Line) -> Option<String>) -> String {
        let bare = self.those(&BARE).next();
        let figure = bare.and_then(|bare| Some(format!("{} as {}", figure(bare)?, bare.peer)));
        figure.unwrap_or_default()
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

    #[test]
    fn a_target_stands_beside_what_a_bare_loop_makes_of_it() {
        let lines = [
            test_line("wharf", &[1.0; 5]),
            test_line("uring", &[1.1; 5]),
            test_line("epoll", &[0.88; 5]),
        ];
        let floors: Vec<_> = of_cell(&lines).into_iter().map(|it| it.floor).collect();
        // Of itself it is none; the bare loop takes 0.8 of what epoll does.
        assert_eq!(floors[..2], ["", "0.800 as uring"]);
    }

    #[test]
    fn few_rounds_settle_nothing_and_a_failure_is_a_miss() {
        let mark = |ratios: &[f64]| echo(ratios, &[1.0; 5])[0].mark();
        assert_eq!(mark(&[1.0; 4]), "reached so far");
        assert_eq!(mark(&[1.0; 5]), "reached");
        assert_eq!(mark(&[2.0; 5]), "MISSED");
        assert_eq!(mark(&[1.0, 1.5, 2.0, 2.5, 3.0]), "MISSED so far");
        let mut wharf = test_line("wharf", &[1.0; 5]);
        wharf.samples[3].failed = "a delivery was lost".into();
        wharf.failed = true;
        let verdicts = of_cell(&[wharf]);
        assert_eq!(verdicts.last().unwrap().found, "failed in 1 of 5 rounds");
    }

    #[test]
    fn a_tie_at_the_clients_limit_is_no_miss() {
        let of = |peer: &str, most: f64, lag_us: f64| {
            let mut line = test_line(peer, &[1.0]);
            (line.workload, line.in_flight) = (SATURATION.into(), 0);
            line.samples[0].capacity_per_second = most;
            line.samples[0].client_lag_us = lag_us;
            line
        };
        let reached = |ours: f64, lag_us: f64| {
            let verdicts = of_cell(&[of("wharf", ours, lag_us), of("redis", 100.0, 0.0)]);
            verdicts.last().unwrap().is_reached
        };
        assert!(reached(101.0, 0.0));
        assert!(!reached(100.0, 0.0));
        assert!(reached(100.0, 1e6), "nobody could have been given more");
        assert!(!reached(99.0, 1e6));
    }
}
