//! How long things took, counted in few numbers.

use core::time::Duration;

/// Durations counted by powers of two of a microsecond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// `buckets[0]`: under 1 us; `buckets[n]`: from `2^(n-1)` to under `2^n` us; the last: all
    /// longer ones.
    pub buckets: [u64; Self::BUCKETS],
}

impl Histogram {
    /// The last bucket begins at about four seconds.
    pub const BUCKETS: usize = 24;

    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = duration.as_micros() as u64;
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.buckets[bucket.min(Self::BUCKETS - 1)] += 1;
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_is_twice_as_wide_as_the_one_before() {
        let mut histogram = Histogram::default();
        for (micros, bucket) in [(0, 0), (1, 1), (3, 2), (4, 3), (1 << 40, 23)] {
            let before = histogram.buckets[bucket];
            histogram.record(Duration::from_micros(micros));
            assert_eq!(histogram.buckets[bucket], before + 1, "{micros} us");
        }
        assert_eq!(histogram.count(), 5);
    }
}
