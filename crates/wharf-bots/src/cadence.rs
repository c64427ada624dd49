//! When a bot speaks: an open-loop schedule.
//!
//! Open loop means that the times are fixed beforehand and do not wait for answers. A latency is
//! counted from the *intended* time, so a server that stalls is charged for every message that
//! could not leave meanwhile (no coordinated omission).

use wharf_base::{Duration, Rng};

/// The intended times of one bot's messages, counted from the start of the talking phase.
///
/// Invariant: `first < interval`, and the last of the `count` messages lies within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cadence {
    first: Duration,
    interval: Duration,
    count: u32,
}

impl Cadence {
    /// `rate` messages a second for as long as `window`, beginning at a random part of the first
    /// interval so that many bots spread evenly.
    ///
    /// # Panics
    /// If `rate` is not above 0.
    pub(crate) fn new(rate: f64, window: Duration, rng: &mut Rng) -> Self {
        assert!(rate > 0.0, "an open loop has a rate");
        let interval_nanos = ((1e9 / rate) as u64).max(1);
        let first_nanos = rng.below(interval_nanos);
        let window_nanos = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let count = window_nanos
            .saturating_sub(first_nanos)
            .div_ceil(interval_nanos);
        Self {
            first: Duration::from_nanos(first_nanos),
            interval: Duration::from_nanos(interval_nanos),
            count: u32::try_from(count).unwrap_or(u32::MAX),
        }
    }

    /// When message `index` (from 0) is due; `None` behind the last.
    pub(crate) fn offset(&self, index: u32) -> Option<Duration> {
        (index < self.count).then(|| self.first + self.interval * index)
    }

    /// The same messages, but none behind the first `count`.
    pub(crate) fn cut_at(self, count: u32) -> Self {
        Self {
            count: self.count.min(count),
            ..self
        }
    }

    /// How many messages there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn messages_are_one_interval_apart_and_fill_the_window(
            seed in any::<u64>(),
            rate in 0.01f64..2_000.0,
            window_millis in 0u64..20_000,
        ) {
            let window = Duration::from_millis(window_millis);
            let cadence = Cadence::new(rate, window, &mut Rng::from_seed(seed));
            let interval = Duration::from_nanos((1e9 / rate) as u64);
            let offsets: Vec<Duration> = (0..).map_while(|index| cadence.offset(index)).collect();
            prop_assert_eq!(offsets.len(), cadence.count() as usize);
            prop_assert!(offsets.iter().all(|&offset| offset < window));
            prop_assert!(offsets.windows(2).all(|pair| pair[1] - pair[0] == interval));
            let last = offsets.last().copied();
            prop_assert!(last.is_none_or(|last| last + interval >= window), "one more would fit");
            prop_assert!(offsets.first().is_none_or(|&first| first < interval));
            let planned = window.as_secs_f64() * rate;
            prop_assert!((offsets.len() as f64 - planned).abs() <= 1.0 + planned * 1e-6);
        }

        #[test]
        fn the_same_seed_gives_the_same_times(seed in any::<u64>()) {
            let window = Duration::from_secs(3);
            let make = || Cadence::new(2.5, window, &mut Rng::from_seed(seed));
            prop_assert_eq!(make(), make());
        }
    }
}
