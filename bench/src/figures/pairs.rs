//! What is found by looking at two workloads, which were measured beside each other.

use super::line::Line;
use super::stats::Interval;
use super::target::{AGAIN, BARE, Verdict, noise, shown};
use crate::workload::{SLOW, Sample};

/// What one slow reader may take: four budgets of its queue, and what the kernel has for its link.
const SLOW_READER_KIB: f64 = 4.0 * 512.0 + 1_024.0;

/// The latest that a delivery may come while passwords are hashed.
const LATEST_US: f64 = 20_000.0;

/// Those that look at two cells of one commit, which were measured beside each other: growth, what
/// slow readers cost the others, the platform's chat, and what hashing costs.
pub fn of_all(lines: &[Line]) -> Vec<Verdict> {
    let pair = |small: (&str, usize), large: (&str, usize)| {
        let find = |(workload, sessions): (&str, usize), peer: &str| {
            let is_it = |line: &&Line| {
                let is_sized = sessions == 0 || line.sessions == sessions;
                line.peer == peer && line.workload == workload && is_sized
            };
            lines.iter().find(is_it)
        };
        let bare = |name: &&str| Some((find(small, name)?, find(large, name)?));
        Some(Pair {
            small: find(small, "wharf")?,
            large: find(large, "wharf")?,
            again: find(large, AGAIN),
            bare: BARE.iter().find_map(bare),
        })
    };
    let mut verdicts = Vec::new();
    for workload in ["echo growth", "chat growth"] {
        if let Some(pair) = pair((workload, 100), (workload, 19_000)) {
            let of = format!("{workload}: CPU at 19,000 sessions over that at 100");
            verdicts.extend(pair.ratio(of, 1.25, |sample| sample.cpu_us_per_message));
        }
    }
    if let Some(pair) = pair(("slow readers, none", 0), ("slow readers, one in ten", 0)) {
        for (name, figure) in [
            ("p50", (|sample| sample.rate_p50_us) as fn(&Sample) -> f64),
            ("p99", |sample| sample.rate_p99_us),
        ] {
            let of = format!("slow readers: the others' {name} over that without");
            verdicts.extend(pair.ratio(of, 1.2, figure));
        }
        verdicts.extend(pair.memory_of_slow_readers());
    }
    if let Some(pair) = pair(("platform chat, classic", 0), ("platform chat", 0)) {
        let of = "platform chat: CPU a delivery over the classic one's".to_owned();
        verdicts.extend(pair.ratio(of, 1.05, |sample| sample.cpu_us_per_message));
    }
    if let Some(pair) = pair(("hash storm, none", 0), ("hash storm, a thousand", 0)) {
        let of = "hash storm: CPU a delivery of I/O and logic over that without".to_owned();
        verdicts.extend(pair.ratio(of, 1.05, |sample| sample.cpu_us_per_message));
        let of = "hash storm: p50 over that without".to_owned();
        verdicts.extend(pair.ratio(of, 1.2, |sample| sample.rate_p50_us));
        verdicts.extend(pair.latest());
    }
    verdicts
}

/// Two cells of Wharf, round by round beside each other.
struct Pair<'a> {
    small: &'a Line,
    large: &'a Line,
    again: Option<&'a Line>,
    /// The same two of a bare loop, if one was measured beside them.
    bare: Option<(&'a Line, &'a Line)>,
}

impl Pair<'_> {
    fn ratio(&self, of: String, target: f64, figure: fn(&Sample) -> f64) -> Option<Verdict> {
        let ratio = Interval::of(&ratios(self.small, self.large, figure))?;
        let noise = noise(self.again);
        let bare = self.bare.and_then(|(small, large)| {
            let ratio = Interval::of(&ratios(small, large, figure))?;
            Some(format!("{} as {}", shown(&ratio), small.peer))
        });
        Some(Verdict {
            of,
            target: format!("at most {target} + {noise:.3}"),
            found: shown(&ratio),
            floor: bare.unwrap_or_default(),
            commit: self.large.commit.clone(),
            is_reached: ratio.high <= target + noise,
            has_settled: self.has_settled(),
        })
    }
    /// No delivery came later than [`LATEST_US`], but by as much as the machine itself paused.
    fn latest(&self) -> Option<Verdict> {
        let late = |sample: &Sample| {
            let latest = sample.rate_curve_us.last().copied().unwrap_or(0.0);
            (latest - sample.hiccup_max_us).max(0.0)
        };
        let late = self.large.figures(late);
        let most = late.iter().copied().reduce(f64::max)?;
        Some(Verdict {
            of: "hash storm: the latest delivery, the machine's own pauses left out".into(),
            target: format!("at most {LATEST_US:.0} us"),
            found: format!("{most:.0} us"),
            floor: String::new(),
            commit: self.large.commit.clone(),
            is_reached: most <= LATEST_US,
            has_settled: self.has_settled(),
        })
    }

    fn memory_of_slow_readers(&self) -> Vec<Verdict> {
        if self.small.has_only_failed() || self.large.has_only_failed() {
            return Vec::new();
        }
        let peak = |line: &Line| line.median(|sample| sample.peak_kib);
        let each = (peak(self.large) - peak(self.small)) / SLOW as f64;
        let cut = self.large.median(|sample| sample.cut);
        let verdict = |of: &str, target: String, found: String, is_reached| Verdict {
            of: format!("slow readers: {of}"),
            target,
            found,
            floor: String::new(),
            commit: self.large.commit.clone(),
            is_reached,
            has_settled: self.has_settled(),
        };
        vec![
            verdict(
                "memory of each, the kernel's included",
                format!("at most {SLOW_READER_KIB:.0} KiB"),
                format!("{each:.0} KiB"),
                each <= SLOW_READER_KIB,
            ),
            verdict(
                "cut off",
                "all of them".into(),
                format!("{:.0} %", 100.0 * cut),
                cut >= 1.0,
            ),
        ]
    }

    fn has_settled(&self) -> bool {
        self.again.is_some_and(Line::has_settled)
    }
}

/// `figure` of the larger cell over that of the smaller, in the rounds in which both were right.
fn ratios(small: &Line, large: &Line, figure: fn(&Sample) -> f64) -> Vec<f64> {
    let figure = |sample: &Sample| match sample.failed.is_empty() {
        true => figure(sample),
        false => 0.0,
    };
    let both = rounds(small, large).into_iter();
    both.map(|(small, large)| (figure(small), figure(large)))
        .filter(|(small, large)| *small > 0.0 && *large > 0.0)
        .map(|(small, large)| large / small)
        .collect()
}

/// Samples of the same rounds. Old ones do not say of which round they are: the one that was kept
/// first of the smaller belongs to the first of the larger, and so on, if there are as many.
fn rounds<'a>(small: &'a Line, large: &'a Line) -> Vec<(&'a Sample, &'a Sample)> {
    let old = |line: &'_ Line| line.samples.iter().filter(|it| it.round_ms == 0).count();
    let is_even = old(small) == old(large);
    let (mut pairs, mut nth) = (Vec::new(), 0);
    for small in &small.samples {
        let is_same = |large: &&Sample| large.round_ms == small.round_ms;
        let mut same = large.samples.iter().filter(is_same);
        let large = match small.round_ms {
            0 => {
                nth += 1;
                same.nth(nth - 1).filter(|_| is_even)
            }
            _ => same.next(),
        };
        pairs.extend(large.map(|large| (small, large)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::line::test_line;

    fn line(workload: &str, sessions: usize, samples: Vec<Sample>) -> Line {
        let mut line = test_line("wharf", &[1.0; 3]);
        (line.workload, line.sessions) = (workload.into(), sessions);
        line.samples = samples;
        line
    }

    #[test]
    fn two_cells_are_compared_round_by_round() {
        let cpu = |workload: &str, sessions: usize, cpu: &[f64]| {
            let sample = |&cpu_us_per_message: &f64| Sample {
                cpu_us_per_message,
                ..Sample::default()
            };
            line(workload, sessions, cpu.iter().map(sample).collect())
        };
        // The machine was slow in the second round, for both.
        let few = cpu("echo growth", 100, &[1.0, 10.0, 1.0]);
        let many = cpu("echo growth", 19_000, &[1.2, 12.0, 1.2]);
        let verdicts = of_all(&[few, many]);
        assert_eq!(verdicts[0].found, "1.200 (1.200-1.200)");
        assert!(verdicts[0].is_reached);
    }

    #[test]
    fn what_grows_says_how_a_bare_loop_grows() {
        let of = |peer: &str, sessions: usize, cpu_us_per_message: f64| {
            let sample = Sample {
                cpu_us_per_message,
                ..Sample::default()
            };
            let mut line = line("echo growth", sessions, vec![sample; 3]);
            line.peer = peer.into();
            line
        };
        let ours = [of("wharf", 100, 1.0), of("wharf", 19_000, 1.5)];
        let bare = [of("uring", 100, 1.0), of("uring", 19_000, 1.75)];
        assert_eq!(of_all(&ours)[0].floor, "");
        let floor = &of_all(&[ours, bare].concat())[0].floor;
        assert_eq!(floor, "1.750 (1.750-1.750) as uring");
    }

    #[test]
    fn a_round_in_which_only_one_was_measured_shifts_no_other() {
        let sample = |&(round_ms, cpu_us_per_message): &(u64, f64)| Sample {
            cpu_us_per_message,
            round_ms,
            ..Sample::default()
        };
        let of = |sessions: usize, rounds: &[(u64, f64)]| {
            line("chat growth", sessions, rounds.iter().map(sample).collect())
        };
        let found = |few: &[(u64, f64)], many: &[(u64, f64)]| {
            let verdicts = of_all(&[of(100, few), of(19_000, many)]);
            verdicts.first().map(|it| it.found.clone())
        };
        let half_again = Some("1.500 (1.500-1.500)".to_owned());
        let few = [(7, 8.0), (8, 1.0), (9, 10.0)];
        assert_eq!(found(&few, &[(8, 1.5), (9, 15.0)]), half_again);
        // Of those of before it is not known which was left out.
        assert_eq!(found(&[(0, 1.0), (0, 10.0)], &[(0, 15.0)]), None);
        let old = [(0, 1.0), (0, 10.0), (9, 2.0)];
        assert_eq!(found(&old, &[(0, 1.5), (0, 15.0), (9, 3.0)]), half_again);
    }

    #[test]
    fn a_round_that_failed_is_left_out_of_a_comparison() {
        let sample = |cpu_us_per_message: f64, failed: &str| Sample {
            cpu_us_per_message,
            failed: failed.into(),
            ..Sample::default()
        };
        let few = vec![sample(1.0, ""), sample(5.0, ""), sample(1.0, "lost")];
        let many = vec![sample(1.1, ""), sample(50.0, "lost"), sample(9.0, "")];
        let lines = [
            line("echo growth", 100, few),
            line("echo growth", 19_000, many),
        ];
        assert_eq!(of_all(&lines)[0].found, "1.100 (1.100-1.100)");
    }

    #[test]
    fn a_late_delivery_is_forgiven_if_the_machine_paused_as_long() {
        let sample = |latest_us: f64, hiccup_max_us: f64| Sample {
            cpu_us_per_message: 1.0,
            rate_p50_us: 100.0,
            rate_curve_us: vec![100.0, latest_us],
            hiccup_max_us,
            ..Sample::default()
        };
        let is_reached = |storm: [Sample; 3]| {
            let calm = line("hash storm, none", 100, vec![sample(500.0, 50.0); 3]);
            let storm = line("hash storm, a thousand", 100, storm.into());
            of_all(&[calm, storm])
                .iter()
                .all(|verdict| verdict.is_reached)
        };
        let good = || sample(19_000.0, 50.0);
        assert!(is_reached([good(), good(), sample(50_000.0, 40_000.0)]));
        assert!(!is_reached([good(), good(), sample(50_000.0, 20_000.0)]));
    }
}
