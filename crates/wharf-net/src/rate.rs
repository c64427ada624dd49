//! How much one session may send: two token buckets, each kept as the time at which it is full.

use crate::NetLimits;
use core::time::Duration;
use wharf_base::Instant;

/// The rates that hold for every accepted session.
///
/// There is one pair of buckets a session: all packets that a client can send today are of one
/// class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    packets_per_second: u64,
    bytes_per_second: u64,
    burst_ns: u64,
    flood: Duration,
}

/// What one session has used of its rates.
///
/// A bucket that will be full at `t` lacks, now, what flows in until `t`. It is in debt while it
/// lacks more than the burst. So using tokens moves `t`, and nothing needs to be refilled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    packets_full_at: Instant,
    bytes_full_at: Instant,
    charged_at: Instant,
    /// How much longer it was in debt than out of it, up to `charged_at`: at `flood` the next debt
    /// is one. Full buckets forget it, for then the rate was kept since they last were.
    overdrawn: Duration,
}

/// How many times `limits.flood` a debt may take to pay. One receive brings as much as the pool has
/// buffers for, before a pause can take effect: enough small frames to fill every queue with their
/// answers. A thousand frames at once are still no flood at the default rate.
const FLOOD_DEPTH: u32 = 4;

/// What a charge came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// Within the rate and its burst.
    Paid,
    /// More than there was. Input waits until [`Rates::resume_at`].
    Debt,
    /// In debt, and so much longer than out of it as makes a flood; or [`FLOOD_DEPTH`] times deeper
    /// in debt than that.
    Flood,
}

impl Rates {
    pub(crate) fn new(limits: &NetLimits) -> Self {
        Self {
            packets_per_second: u64::from(limits.inbound_packets_per_second),
            bytes_per_second: u64::from(limits.inbound_bytes_per_second),
            burst_ns: u64::try_from(limits.inbound_burst.as_nanos()).unwrap_or(u64::MAX),
            flood: limits.flood,
        }
    }

    /// Takes tokens for what has arrived. It has arrived, so there is no refusing it, only debt.
    pub(crate) fn charge(
        &self,
        usage: &mut Usage,
        now: Instant,
        packets: u32,
        bytes: u32,
    ) -> Charge {
        self.settle(usage, now);
        take(
            &mut usage.packets_full_at,
            now,
            packets,
            self.packets_per_second,
        );
        take(&mut usage.bytes_full_at, now, bytes, self.bytes_per_second);
        let paid_at = self.paid_at(usage);
        if paid_at <= now {
            return Charge::Paid;
        }
        if usage.overdrawn >= self.flood || paid_at - now > self.flood * FLOOD_DEPTH {
            Charge::Flood
        } else {
            Charge::Debt
        }
    }

    /// Whether input is to pause for a debt.
    pub(crate) fn is_paused(&self, usage: &Usage, now: Instant) -> bool {
        self.paid_at(usage) > now && self.resume_at(usage) > now
    }

    /// When input that was paused for a debt goes on; in the past if there is none.
    ///
    /// That is when the debt is paid, or, if that takes longer, when it has lasted as long as makes
    /// a flood: what arrives then shows whether it is one.
    pub(crate) fn resume_at(&self, usage: &Usage) -> Instant {
        let flood_at = usage.charged_at + (self.flood - usage.overdrawn);
        self.paid_at(usage).min(flood_at)
    }

    /// Counts the time since the last charge: first that in debt, then that out of it.
    fn settle(&self, usage: &mut Usage, now: Instant) {
        if usage.packets_full_at <= now && usage.bytes_full_at <= now {
            usage.overdrawn = Duration::ZERO;
            usage.charged_at = now;
            return;
        }
        let paid_at = self.paid_at(usage).max(usage.charged_at).min(now);
        let in_debt = usage.overdrawn + (paid_at - usage.charged_at);
        usage.overdrawn = in_debt.min(self.flood).saturating_sub(now - paid_at);
        usage.charged_at = now;
    }

    fn paid_at(&self, usage: &Usage) -> Instant {
        let full_at = usage.packets_full_at.max(usage.bytes_full_at);
        Instant::from_nanos(full_at.as_nanos().saturating_sub(self.burst_ns))
    }
}

impl Usage {
    /// Full buckets.
    pub(crate) const NONE: Self = Self {
        packets_full_at: Instant::ZERO,
        bytes_full_at: Instant::ZERO,
        charged_at: Instant::ZERO,
        overdrawn: Duration::ZERO,
    };
}

fn take(full_at: &mut Instant, now: Instant, count: u32, per_second: u64) {
    let nanos = (u64::from(count) * 1_000_000_000)
        .checked_div(per_second)
        .unwrap_or(0);
    let from = (*full_at).max(now).as_nanos();
    *full_at = Instant::from_nanos(from.saturating_add(nanos));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rates(packets: u32, bytes: u32) -> Rates {
        Rates::new(&NetLimits {
            inbound_packets_per_second: packets,
            inbound_bytes_per_second: bytes,
            ..NetLimits::default()
        })
    }

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(1_000_000 * (1_000_000 + millis))
    }

    #[test]
    fn a_debt_that_takes_too_long_to_pay_is_a_flood_at_once() {
        let (rates, mut usage) = (rates(200, 0), Usage::NONE);
        assert_eq!(rates.charge(&mut usage, at(0), 4_400, 0), Charge::Debt);
        assert_eq!(rates.charge(&mut usage, at(0), 1, 0), Charge::Flood);
    }

    #[test]
    fn a_burst_is_free_and_more_than_that_is_debt_until_paid() {
        let (rates, mut usage) = (rates(200, 0), Usage::NONE);
        assert_eq!(rates.charge(&mut usage, at(0), 400, 0), Charge::Paid);
        assert_eq!(rates.charge(&mut usage, at(0), 1, 0), Charge::Debt);
        assert_eq!(rates.resume_at(&usage), at(5));
        assert_eq!(rates.charge(&mut usage, at(10), 1, 0), Charge::Paid);
    }

    #[test]
    fn bytes_count_apart_from_packets() {
        let (rates, mut usage) = (rates(200, 1_000), Usage::NONE);
        assert_eq!(rates.charge(&mut usage, at(0), 1, 2_001), Charge::Debt);
        assert_eq!(rates.resume_at(&usage), at(1));
    }

    #[test]
    fn zero_is_off() {
        let (rates, mut usage) = (rates(0, 0), Usage::NONE);
        for millis in 0..10_000 {
            let charge = rates.charge(&mut usage, at(millis), 1_000_000, u32::MAX);
            assert_eq!(charge, Charge::Paid);
        }
    }

    #[test]
    fn a_thousand_frames_at_once_are_no_flood() {
        let (rates, mut usage) = (rates(200, 0), Usage::NONE);
        assert_eq!(rates.charge(&mut usage, at(0), 1_000, 0), Charge::Debt);
        assert_eq!(rates.resume_at(&usage), at(3_000));
        // Once paid, the session goes on at a chatting pace, and much later does it again.
        for second in 4..60 {
            assert_eq!(
                rates.charge(&mut usage, at(second * 1_000), 50, 0),
                Charge::Paid
            );
        }
        assert_eq!(rates.charge(&mut usage, at(60_000), 1_000, 0), Charge::Debt);
    }

    #[test]
    fn who_fills_every_pause_with_more_is_a_flood_after_its_time() {
        let (rates, mut usage) = (rates(200, 0), Usage::NONE);
        let mut now = at(0);
        let end = loop {
            match rates.charge(&mut usage, now, 500, 0) {
                Charge::Paid => panic!("500 packets at once are above the burst of 400"),
                Charge::Debt => now = rates.resume_at(&usage),
                Charge::Flood => break now,
            }
        };
        assert!(end >= at(5_000) && end < at(8_000), "{end:?}");
    }

    #[test]
    fn a_debt_that_would_take_long_to_pay_is_looked_at_when_it_could_be_a_flood() {
        let (rates, mut usage) = (rates(200, 0), Usage::NONE);
        assert_eq!(rates.charge(&mut usage, at(0), 4_000, 0), Charge::Debt);
        assert_eq!(rates.resume_at(&usage), at(5_000));
        assert_eq!(rates.charge(&mut usage, at(5_000), 1, 0), Charge::Flood);
    }

    #[test]
    fn two_small_debts_with_time_between_are_no_flood() {
        let (rates, mut usage) = (rates(200, 0), Usage::NONE);
        // Five above the burst; then below the rate, so the buckets never fill up again.
        assert_eq!(rates.charge(&mut usage, at(0), 405, 0), Charge::Debt);
        for second in 1..30 {
            let charge = rates.charge(&mut usage, at(second * 1_000), 195, 0);
            assert_eq!(charge, Charge::Paid);
        }
        assert_eq!(rates.charge(&mut usage, at(30_000), 365, 0), Charge::Debt);
    }

    #[test]
    fn a_packet_that_comes_a_little_early_at_the_full_rate_is_no_flood() {
        let (rates, mut usage) = (rates(200, 0), Usage::NONE);
        rates.charge(&mut usage, at(0), 400, 0);
        for packet in 1..10_000 {
            let early = packet % 2;
            let charge = rates.charge(&mut usage, at(packet * 5 - early), 1, 0);
            assert_eq!(charge == Charge::Debt, early == 1, "{packet}");
        }
    }

    proptest! {
        /// The definition of a token bucket, against the one that keeps only a time.
        #[test]
        fn is_in_debt_exactly_when_a_counted_bucket_is(
            steps in prop::collection::vec((0u64..3_000, 0u32..900), 1..60)
        ) {
            let (rates, mut usage) = (rates(200, 0), Usage::NONE);
            let (mut millis, mut tokens) = (0u64, 400_000i64);
            for (pause, packets) in steps {
                millis += pause;
                tokens = (tokens + pause as i64 * 200).min(400_000) - i64::from(packets) * 1_000;
                let charge = rates.charge(&mut usage, at(millis), packets, 0);
                prop_assert_eq!(charge != Charge::Paid, tokens < 0);
                if tokens < 0 {
                    let wait = Duration::from_nanos(tokens.unsigned_abs() * 5_000);
                    prop_assert_eq!(rates.paid_at(&usage), at(millis) + wait);
                }
            }
        }

        /// A flood, millisecond by millisecond: more time in debt than out of it, by `flood`, and
        /// not once full meanwhile.
        #[test]
        fn is_a_flood_exactly_when_it_was_in_debt_for_longer_than_out_of_it(
            steps in prop::collection::vec((1u64..3_000, 0u32..900), 1..60)
        ) {
            let (rates, mut usage) = (rates(200, 0), Usage::NONE);
            let (mut millis, mut tokens, mut overdrawn) = (0u64, 400_000i64, 0i64);
            for (pause, packets) in steps {
                for _ in 0..pause {
                    overdrawn = (overdrawn + if tokens < 0 { 1 } else { -1 }).clamp(0, 5_000);
                    tokens = (tokens + 200).min(400_000);
                }
                if tokens == 400_000 {
                    overdrawn = 0;
                }
                millis += pause;
                tokens -= i64::from(packets) * 1_000;
                let flood = tokens < 0 && (overdrawn >= 5_000 || tokens < -20 * 200_000);
                let charge = rates.charge(&mut usage, at(millis), packets, 0);
                prop_assert_eq!(charge == Charge::Flood, flood, "{} at {}", tokens, millis);
            }
        }
    }
}
