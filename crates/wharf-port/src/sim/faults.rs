//! What goes wrong in a simulated network, how often, and how often it did.

use core::time::Duration;
use wharf_base::Rng;

/// The probabilities of one run. Each run draws its own first, so that some runs are quiet in one
/// respect and wild in another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// A receive brings only a part of what is there.
    pub split: f64,
    /// A send takes only a part of what there is room for.
    pub short_send: f64,
    /// A stream of completions ends with one that has data, and must be armed again.
    pub stream_end: f64,
    /// A connection is reset at some time of its life.
    pub reset: f64,
    /// A connect is refused although somebody listens.
    pub refused: f64,
    /// An accept brings a connection that has died already.
    pub dead_accept: f64,
    /// An accept finds no descriptor.
    pub starved_accept: f64,
    /// A cancel is slow, so that its operation may complete first.
    pub slow_cancel: f64,
    /// A completion comes later than it could.
    pub late: f64,
    /// How long anything that is delayed is delayed, at the most.
    pub delay_max: Duration,
    /// Bytes on their way to one end at the most: the buffers of both kernels together.
    pub buffer_bytes_max: u64,
}

impl Faults {
    /// Nothing goes wrong, and everything arrives a nanosecond later.
    pub fn none() -> Self {
        Self {
            split: 0.0,
            short_send: 0.0,
            stream_end: 0.0,
            reset: 0.0,
            refused: 0.0,
            dead_accept: 0.0,
            starved_accept: 0.0,
            slow_cancel: 0.0,
            late: 0.0,
            delay_max: Duration::from_nanos(1),
            buffer_bytes_max: 64 * 1024,
        }
    }

    /// Probabilities for one run, each of its own kind off in some runs.
    pub fn draw(rng: &mut Rng) -> Self {
        let mut often = |most: f64| {
            if rng.chance(0.3) {
                0.0
            } else {
                most * unit(rng)
            }
        };
        Self {
            split: often(0.8),
            short_send: often(0.6),
            stream_end: often(0.3),
            reset: often(0.15),
            refused: often(0.2),
            dead_accept: often(0.1),
            starved_accept: often(0.1),
            slow_cancel: often(0.8),
            late: often(0.5),
            delay_max: Duration::from_micros(100 + rng.below(50_000)),
            buffer_bytes_max: 512 + rng.below(64 * 1024),
        }
    }
}

fn unit(rng: &mut Rng) -> f64 {
    rng.below(1 << 20) as f64 / f64::from(1 << 20)
}

/// How often each fault happened, so that a generator that has fallen silent is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Receives that brought only a part.
    pub splits: u64,
    /// Sends that took only a part.
    pub short_sends: u64,
    /// Sends that waited for room.
    pub stalled_sends: u64,
    /// Streams that ended with data.
    pub stream_ends: u64,
    /// Connections reset.
    pub resets: u64,
    /// Connects refused.
    pub refused: u64,
    /// Accepts of the dead.
    pub dead_accepts: u64,
    /// Accepts without a descriptor.
    pub starved_accepts: u64,
    /// Cancels that came too late.
    pub lost_cancels: u64,
    /// Completions delayed.
    pub late: u64,
    /// Orderly closes that turned into a reset, because input was unread.
    pub rude_closes: u64,
}

impl FaultCounts {
    /// Name and count of each kind.
    pub fn each(&self) -> [(&'static str, u64); 11] {
        [
            ("split", self.splits),
            ("short send", self.short_sends),
            ("stalled send", self.stalled_sends),
            ("stream end", self.stream_ends),
            ("reset", self.resets),
            ("refused connect", self.refused),
            ("dead accept", self.dead_accepts),
            ("starved accept", self.starved_accepts),
            ("lost cancel", self.lost_cancels),
            ("late completion", self.late),
            ("rude close", self.rude_closes),
        ]
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.splits += other.splits;
        self.short_sends += other.short_sends;
        self.stalled_sends += other.stalled_sends;
        self.stream_ends += other.stream_ends;
        self.resets += other.resets;
        self.refused += other.refused;
        self.dead_accepts += other.dead_accepts;
        self.starved_accepts += other.starved_accepts;
        self.lost_cancels += other.lost_cancels;
        self.late += other.late;
        self.rude_closes += other.rude_closes;
    }
}
