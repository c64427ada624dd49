//! How often one session may send packets of one kind: those that are counted together share a
//! bucket, kept as the time at which it is full. What comes too fast is refused to its sender, and
//! costs nothing.

use crate::Fault;
use crate::handler::Handlers;
use core::time::Duration;
use wharf_base::Instant;

/// How often packets of a class may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run; 0 means as often as one likes.
    pub per_minute: u32,
    /// At once, after a time without any; at least 1.
    pub burst: u32,
}

/// Classes of a game at the most.
const CLASSES_MAX: usize = 8;

/// Which packets are counted together, and how many may come.
#[derive(Default)]
pub(crate) struct Rates {
    classes: Vec<Bucket>,
    /// Their places in `classes`.
    places: Option<Box<Handlers<u8>>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// For one packet to flow in.
    period: Duration,
    /// For a whole burst.
    depth: Duration,
}

/// What a session has used: when each bucket is full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage([Instant; CLASSES_MAX]);

/// One bucket of a session, while packets are taken out of it.
pub(crate) struct Meter {
    bucket: Bucket,
    place: u8,
    full_at: Instant,
}

impl Rates {
    /// Counts `packets` together.
    ///
    /// # Panics
    /// If a packet is counted already, or there are more than [`CLASSES_MAX`] classes.
    pub(crate) fn add(&mut self, rate: Rate, packets: impl IntoIterator<Item = u16>) {
        let Some(nanos) = NANOS_PER_MINUTE.checked_div(u64::from(rate.per_minute)) else {
            return;
        };
        let period = Duration::from_nanos(nanos);
        assert!(self.classes.len() < CLASSES_MAX, "a game has fewer classes");
        let place = self.classes.len() as u8;
        self.classes.push(Bucket {
            period,
            depth: period * rate.burst.max(1),
        });
        let places = self.places.get_or_insert_with(|| Box::new(Handlers::new()));
        for packet in packets {
            places.insert(packet, place);
        }
    }

    /// The bucket that `packet` is taken out of, if it is counted.
    #[inline]
    pub(crate) fn meter(&self, packet: u16, usage: &Usage) -> Option<Meter> {
        let place = *self.places.as_ref()?.get(packet)?;
        Some(Meter {
            bucket: self.classes[usize::from(place)],
            place,
            full_at: usage.0[usize::from(place)],
        })
    }
}

const NANOS_PER_MINUTE: u64 = 60_000_000_000;

impl Meter {
    /// Takes a packet out.
    ///
    /// # Errors
    /// [`Fault::TooFast`] if there is none; nothing is taken then.
    #[inline]
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Fault> {
        let full_at = self.full_at.max(now) + self.bucket.period;
        let lacks = full_at - now;
        if lacks > self.bucket.depth {
            let retry_after = lacks - self.bucket.depth;
            return Err(Fault::TooFast { retry_after });
        }
        self.full_at = full_at;
        Ok(())
    }
}

impl Usage {
    /// Full buckets.
    pub(crate) const NONE: Self = Self([Instant::ZERO; CLASSES_MAX]);

    /// Notes what was taken.
    pub(crate) fn note(&mut self, meter: &Meter) {
        self.0[usize::from(meter.place)] = meter.full_at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(1_000_000 * (1_000_000 + millis))
    }

    fn rates(per_minute: u32, burst: u32) -> Rates {
        let mut rates = Rates::default();
        rates.add(Rate { per_minute, burst }, [1_300, 1_303]);
        rates
    }

    fn take(rates: &Rates, usage: &mut Usage, packet: u16, now: Instant) -> Result<(), Fault> {
        let Some(mut meter) = rates.meter(packet, usage) else {
            return Ok(());
        };
        let taken = meter.take(now);
        usage.note(&meter);
        taken
    }

    #[test]
    fn packets_of_one_class_share_a_burst_and_others_do_not_count() {
        let (mut rates, mut usage) = (rates(60, 2), Usage::NONE);
        let one = Rate {
            per_minute: 60,
            burst: 1,
        };
        rates.add(one, [1_027]);
        assert_eq!(take(&rates, &mut usage, 1_300, at(0)), Ok(()));
        assert_eq!(take(&rates, &mut usage, 1_303, at(0)), Ok(()));
        let retry_after = Duration::from_secs(1);
        let too_fast = Err(Fault::TooFast { retry_after });
        assert_eq!(take(&rates, &mut usage, 1_300, at(0)), too_fast);
        assert_eq!(take(&rates, &mut usage, 1_027, at(0)), Ok(()));
        assert_eq!(take(&rates, &mut usage, 1, at(0)), Ok(()));
        let retry_after = Duration::from_millis(1);
        let too_fast = Err(Fault::TooFast { retry_after });
        assert_eq!(take(&rates, &mut usage, 1_303, at(999)), too_fast);
        assert_eq!(take(&rates, &mut usage, 1_303, at(1_000)), Ok(()));
    }

    #[test]
    fn zero_is_off() {
        let (rates, mut usage) = (rates(0, 1), Usage::NONE);
        for _ in 0..1_000 {
            assert_eq!(take(&rates, &mut usage, 1_300, at(0)), Ok(()));
        }
    }

    proptest! {
        /// The definition of a token bucket, against the one that keeps only a time; and whoever
        /// comes again when told is let through.
        #[test]
        fn as_many_pass_as_a_counted_bucket_lets_pass(
            pauses in prop::collection::vec(0u64..900, 1..80),
        ) {
            let (rates, mut usage) = (rates(120, 5), Usage::NONE);
            let (mut now, mut tokens) = (0u64, 5_000u64);
            for pause in pauses {
                now += pause;
                tokens = (tokens + pause * 2).min(5_000);
                let taken = take(&rates, &mut usage, 1_300, at(now));
                prop_assert_eq!(taken.is_ok(), tokens >= 1_000);
                match taken {
                    Ok(()) => tokens -= 1_000,
                    Err(Fault::TooFast { retry_after }) => {
                        let mut later = usage;
                        let again = at(now) + retry_after;
                        prop_assert_eq!(take(&rates, &mut later, 1_300, again), Ok(()));
                    }
                    Err(other) => prop_assert!(false, "{:?}", other),
                }
            }
        }
    }
}
