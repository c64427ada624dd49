//! Latencies, in a histogram of bounded size.

use hdrhistogram::Histogram;
use serde::Serialize;
use wharf_base::Duration;

/// The longest latency that is told apart; longer ones count as this.
const LATENCY_MAX: Duration = Duration::from_secs(3_600);

/// A recorder of latencies from 1 us to an hour, to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// Nothing recorded.
    pub(crate) fn new() -> Self {
        let highest = LATENCY_MAX.as_nanos() as u64;
        let histogram = Histogram::new_with_bounds(1_000, highest, 3);
        Self(histogram.expect("these bounds are good ones"))
    }

    /// Records one.
    pub(crate) fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanos);
    }

    /// Adds what another thread has recorded.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0
            .add(&other.0)
            .expect("all histograms have the same bounds");
    }

    /// The latency that this share (0.99, say) of all does not exceed. Zero when there is none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }

    /// The figures of the report; `None` when nothing was recorded.
    pub(crate) fn summary(&self) -> Option<LatencySummary> {
        let micros = |nanos: u64| nanos as f64 / 1e3;
        let quantile = |share| micros(self.0.value_at_quantile(share));
        (!self.0.is_empty()).then(|| LatencySummary {
            count: self.0.len(),
            p50_us: quantile(0.5),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            max_us: micros(self.0.max()),
        })
    }
}

/// The distribution of latencies, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LatencySummary {
    /// How many were recorded.
    pub count: u64,
    /// Half were no longer than this.
    pub p50_us: f64,
    /// 99 of 100 were no longer than this.
    pub p99_us: f64,
    /// 999 of 1,000 were no longer than this.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_true_to_three_digits() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.summary(), None);
        for millis in 1..=1_000 {
            latencies.record(Duration::from_millis(millis));
        }
        let summary = latencies.summary().unwrap();
        let figures = [
            summary.p50_us,
            summary.p99_us,
            summary.p999_us,
            summary.max_us,
        ];
        for (figure, wanted) in figures.into_iter().zip([500e3, 990e3, 999e3, 1_000e3]) {
            assert!(
                (figure / wanted - 1.0).abs() < 0.002,
                "{figure} is not {wanted}"
            );
        }
    }

    #[test]
    fn what_two_threads_recorded_adds_up() {
        let (mut one, mut other) = (Latencies::new(), Latencies::new());
        one.record(Duration::from_millis(1));
        other.record(Duration::from_secs(100_000));
        one.add(&other);
        let summary = one.summary().unwrap();
        assert_eq!(summary.count, 2);
        assert!(
            summary.max_us >= 3_600e6,
            "longer than the range counts as its end"
        );
    }
}
