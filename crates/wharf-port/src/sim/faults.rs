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
    /// A reset takes along what had arrived at one end and was not read, as some kernels do.
    pub lossy_reset: f64,
    /// A connect is refused although somebody listens.
    pub refused: f64,
    /// A connect finds no local address that is free.
    pub no_address: f64,
    /// An accept brings a connection that has died already.
    pub dead_accept: f64,
    /// An accept finds no descriptor.
    pub starved_accept: f64,
    /// An accept brings a connection that others came before.
    pub queue_jump: f64,
    /// A cancel is slow, so that its operation may complete first.
    pub slow_cancel: f64,
    /// A completion comes later than it could.
    pub late: f64,
    /// How long anything that is delayed is delayed, at the most.
    pub delay_max: Duration,
    /// Bytes on their way to one end at the most, the buffers of both kernels together: each
    /// connection draws its own between these.
    pub buffer_bytes_min: u64,
    /// See [`Faults::buffer_bytes_min`].
    pub buffer_bytes_max: u64,
}

/// What two kernels hold for a reader that does not read.
const BUFFER_BYTES: u64 = 64 * 1024;

impl Faults {
    /// Nothing goes wrong, and everything arrives a nanosecond later.
    pub fn none() -> Self {
        Self {
            split: 0.0,
            short_send: 0.0,
            stream_end: 0.0,
            reset: 0.0,
            lossy_reset: 0.0,
            refused: 0.0,
            no_address: 0.0,
            dead_accept: 0.0,
            starved_accept: 0.0,
            queue_jump: 0.0,
            slow_cancel: 0.0,
            late: 0.0,
            delay_max: Duration::from_nanos(1),
            buffer_bytes_min: BUFFER_BYTES,
            buffer_bytes_max: BUFFER_BYTES,
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
            lossy_reset: often(1.0),
            refused: often(0.2),
            no_address: often(0.1),
            dead_accept: often(0.1),
            starved_accept: often(0.1),
            queue_jump: often(0.5),
            slow_cancel: often(0.8),
            late: often(0.5),
            delay_max: Duration::from_micros(100 + rng.below(50_000)),
            buffer_bytes_min: 1,
            buffer_bytes_max: 512 + rng.below(BUFFER_BYTES),
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
    /// Resets that took bytes along.
    pub lossy_resets: u64,
    /// Connects refused.
    pub refused: u64,
    /// Connects without a local address.
    pub no_addresses: u64,
    /// Accepts of the dead.
    pub dead_accepts: u64,
    /// Accepts without a descriptor.
    pub starved_accepts: u64,
    /// Accepts out of their order.
    pub queue_jumps: u64,
    /// Receives that found no buffer.
    pub starved_recvs: u64,
    /// Cancels that came too late.
    pub lost_cancels: u64,
    /// Completions delayed.
    pub late: u64,
    /// Orderly closes that turned into a reset, because input was unread.
    pub rude_closes: u64,
}

impl FaultCounts {
    /// Name and count of each kind.
    pub fn each(&self) -> [(&'static str, u64); 15] {
        let mut counts = *self;
        counts.each_mut().map(|(name, count)| (name, *count))
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for ((_, count), (_, more)) in self.each_mut().into_iter().zip(other.each()) {
            *count += more;
        }
    }

    fn each_mut(&mut self) -> [(&'static str, &mut u64); 15] {
        [
            ("split", &mut self.splits),
            ("short send", &mut self.short_sends),
            ("stalled send", &mut self.stalled_sends),
            ("stream end", &mut self.stream_ends),
            ("reset", &mut self.resets),
            ("lossy reset", &mut self.lossy_resets),
            ("refused connect", &mut self.refused),
            ("no local address", &mut self.no_addresses),
            ("dead accept", &mut self.dead_accepts),
            ("starved accept", &mut self.starved_accepts),
            ("accept out of order", &mut self.queue_jumps),
            ("starved receive", &mut self.starved_recvs),
            ("lost cancel", &mut self.lost_cancels),
            ("late completion", &mut self.late),
            ("rude close", &mut self.rude_closes),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swarm_has_runs_without_each_fault_and_runs_with_much_of_it() {
        let mut rng = Rng::from_seed(1);
        let drawn: Vec<Faults> = (0..100).map(|_| Faults::draw(&mut rng)).collect();
        let kinds: [fn(&Faults) -> f64; 12] = [
            |it| it.split,
            |it| it.short_send,
            |it| it.stream_end,
            |it| it.reset,
            |it| it.lossy_reset,
            |it| it.refused,
            |it| it.no_address,
            |it| it.dead_accept,
            |it| it.starved_accept,
            |it| it.queue_jump,
            |it| it.slow_cancel,
            |it| it.late,
        ];
        for (number, kind) in kinds.into_iter().enumerate() {
            let off = drawn.iter().filter(|it| kind(it) == 0.0).count();
            let most = drawn.iter().map(kind).fold(0.0, f64::max);
            assert!(
                (10..60).contains(&off),
                "kind {number} is off in {off} of 100 runs"
            );
            assert!(
                (0.05..=1.0).contains(&most),
                "kind {number}: {most} at the most"
            );
        }
    }

    #[test]
    fn adding_counts_leaves_no_kind_out() {
        let one = FaultCounts::default().each().len() as u64;
        let mut ones = FaultCounts::default();
        ones.each_mut()
            .into_iter()
            .for_each(|(_, count)| *count = 1);
        let mut sum = ones;
        sum.add(&ones);
        assert_eq!(
            sum.each().iter().map(|(_, count)| count).sum::<u64>(),
            2 * one
        );
    }
}
