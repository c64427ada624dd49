//! Counters of a logic shard: plain numbers, nothing per session.

use core::time::Duration;

/// What happened on one logic shard since it began; gauges where the name says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogicStats {
    /// Gauge: sessions that have their home here.
    pub sessions: u32,
    /// Gauge: rooms that live here.
    pub rooms: u32,
    /// Gauge: seats taken in those rooms.
    pub members: u32,
    /// Gauge: users whose whereabouts this shard knows for all others.
    pub users: u32,
    /// Gauge: frames held because their session cannot be served right now.
    pub frames_held: u64,
    /// Frames that a handler served.
    pub frames: u64,
    /// Frames of sessions that were being closed.
    pub frames_ignored: u64,
    /// Credits given back.
    pub credits: u64,
    /// Frames sent, each receiver counted.
    pub sends: u64,
    /// Broadcasts.
    pub broadcasts: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that were refused.
    pub logins_refused: u64,
    /// Members that entered a room.
    pub entered: u64,
    /// Refusals to enter a room.
    pub enters_refused: u64,
    /// Members that left a room.
    pub left: u64,
    /// Refusals that handlers answered with.
    pub refusals: u64,
    /// Packets that came too fast for their class.
    pub too_fast: u64,
    /// Rules that sessions broke.
    pub violations: u64,
    /// Sessions that went to another logic shard.
    pub moved_out: u64,
    /// Sessions that came from another logic shard.
    pub moved_in: u64,
    /// Moves that were called off because the session ended.
    pub moves_off: u64,
    /// Sessions ended because too much was held for them.
    pub overloaded: u64,
    /// Times that no more frames were served in a batch because the outbox was full.
    pub outbox_full: u64,
    /// Rooms closed by a panic.
    pub room_panics: u64,
    /// Sessions closed by a panic in the foyer.
    pub foyer_panics: u64,
    /// Notes given to rooms.
    pub notes: u64,
    /// Queries to the services.
    pub queries: u64,
    /// Queries refused because too many had no reply yet.
    pub queries_full: u64,
    /// Replies of the services.
    pub replies: u64,
    /// What the services said unasked.
    pub notices: u64,
    /// Letters refused because too many were under way.
    pub mail_full: u64,
    /// Answers, words, verdicts and replies for somebody who was gone.
    pub strays: u64,
    /// Ticks that ran.
    pub ticks: u64,
    /// Ticks that were skipped because the room was too far behind.
    pub ticks_skipped: u64,
    /// How late ticks ran.
    pub tick_lateness: Histogram,
    /// How long ticks took, if somebody watches ([`crate::HandlerWatch`]).
    pub tick_work: Histogram,
}

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
