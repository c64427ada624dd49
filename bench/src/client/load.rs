//! Loads: who says what when, and what came of it.

use super::crowd::Crowd;
use super::dialect::{Event, Mark};
use super::order::Order;
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::time::Duration;

/// The longest latency that is told apart from longer ones.
const LATENCY_MAX_US: u64 = 60_000_000;

/// A crowd under load. Serials and what was heard last from one run to the next.
pub struct Load {
    crowd: Crowd,
    per_room: usize,
    /// Members of each room who read.
    listeners: usize,
    order: Order,
    /// What each client says next.
    serials: Vec<u32>,
}

/// What one run brought.
pub struct Outcome {
    pub deliveries: u64,
    pub seconds: f64,
    /// From when a message was due to its delivery, in microseconds.
    pub latency: Histogram<u64>,
    /// Of an open loop: by how much messages were sent late, in microseconds. A client that has
    /// too much to do comes late to all of it.
    pub lag: Histogram<u64>,
}

/// A histogram of microseconds.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).expect("good bounds")
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.deliveries as f64 / self.seconds
    }
}

/// What a run keeps while it goes on.
struct Run {
    began_ns: u64,
    deliveries: u64,
    latency: Histogram<u64>,
    lag: Histogram<u64>,
}

impl Run {
    fn begin(crowd: &Crowd) -> Self {
        Self {
            began_ns: crowd.now_ns(),
            deliveries: 0,
            latency: latencies(),
            lag: latencies(),
        }
    }

    fn delivered(&mut self, now_ns: u64, mark: Mark) {
        self.deliveries += 1;
        self.latency
            .saturating_record(now_ns.saturating_sub(mark.due_ns) / 1_000);
    }

    fn end(self, crowd: &Crowd) -> Outcome {
        Outcome {
            deliveries: self.deliveries,
            seconds: (crowd.now_ns() - self.began_ns) as f64 / 1e9,
            latency: self.latency,
            lag: self.lag,
        }
    }
}

impl Load {
    /// Loads `crowd`, whose rooms have `per_room` members; 1 where everybody only hears itself.
    pub fn new(crowd: Crowd, per_room: usize) -> Self {
        let count = crowd.len();
        Self {
            order: Order::new(count, per_room),
            serials: vec![0; count],
            crowd,
            per_room,
            listeners: per_room,
        }
    }

    /// Has the first member of each room stop reading.
    pub fn make_the_first_deaf(&mut self) {
        (0..self.crowd.len())
            .step_by(self.per_room)
            .for_each(|client| self.crowd.go_deaf(client));
        self.listeners = self.per_room - 1;
    }

    /// Of those that stopped reading, how many the server has cut off since.
    pub fn cut_among_the_deaf(&mut self) -> usize {
        self.crowd.cut_among_the_deaf()
    }

    fn publish(&mut self, sender: usize, due_ns: u64) {
        let serial = self.serials[sender];
        self.serials[sender] += 1;
        let mark = Mark {
            sender: sender as u32,
            serial,
            due_ns,
        };
        self.crowd.publish(sender, mark);
    }

    /// One turn; the deliveries of it, checked.
    fn turn(&mut self, patience: Duration, news: &mut Vec<(usize, Mark)>) -> Result<(), String> {
        let order = &mut self.order;
        self.crowd.turn(patience, |receiver, event| {
            if let Event::Delivery(mark) = event {
                order.heard(receiver, mark.sender, mark.serial)?;
                news.push((receiver, mark));
            }
            Ok(())
        })
    }

    /// Closed loop: each of `senders` has `in_flight` messages under way, the next as soon as one
    /// has reached everybody in its room; until `messages` have.
    ///
    /// # Errors
    /// A delivery that is wrong, or a server that stalls.
    pub fn closed_loop(
        &mut self,
        senders: usize,
        in_flight: u32,
        messages: u64,
    ) -> Result<Outcome, String> {
        let mut run = Run::begin(&self.crowd);
        let mut news = Vec::new();
        // For each sender, how many have still to hear each message under way, oldest first.
        let mut under_way: Vec<VecDeque<usize>> = vec![VecDeque::new(); senders];
        let mut first: Vec<u32> = self.serials[..senders].to_vec();
        let mut begun = 0;
        for (sender, waiting) in under_way.iter_mut().enumerate() {
            for _ in 0..u64::from(in_flight).min(messages - begun) {
                begun += 1;
                self.publish(sender, self.crowd.now_ns());
                waiting.push_back(self.per_room);
            }
        }
        let expected = messages * self.per_room as u64;
        while run.deliveries < expected {
            self.turn(Crowd::patience(), &mut news)?;
            let now_ns = self.crowd.now_ns();
            for (_, mark) in news.drain(..) {
                run.delivered(now_ns, mark);
                let sender = mark.sender as usize;
                let waiting = &mut under_way[sender];
                waiting[(mark.serial - first[sender]) as usize] -= 1;
                while waiting.front() == Some(&0) {
                    waiting.pop_front();
                    first[sender] += 1;
                    if begun < messages {
                        begun += 1;
                        waiting.push_back(self.per_room);
                        self.publish(sender, now_ns);
                    }
                }
            }
        }
        Ok(run.end(&self.crowd))
    }

    /// Open loop: the first `senders` speak in turns, `per_second` in all, for `span`, however late
    /// the deliveries are; then all of them are waited for.
    ///
    /// # Errors
    /// As [`Load::closed_loop`].
    pub fn open_loop(
        &mut self,
        senders: usize,
        per_second: f64,
        span: Duration,
    ) -> Result<Outcome, String> {
        let senders: Vec<usize> = (0..senders).collect();
        self.open_loop_of(&senders, per_second, span)
    }

    /// The same for those of `senders`.
    ///
    /// # Errors
    /// As [`Load::closed_loop`].
    pub fn open_loop_of(
        &mut self,
        senders: &[usize],
        per_second: f64,
        span: Duration,
    ) -> Result<Outcome, String> {
        let mut run = Run::begin(&self.crowd);
        let mut news = Vec::new();
        let messages = (per_second * span.as_secs_f64()) as u64;
        let interval_ns = 1e9 / per_second;
        let expected = messages * self.listeners as u64;
        // Neighbours are in the same room: a step that shares no factor visits rooms in turn.
        let step = coprime_step(senders.len(), self.per_room);
        let (mut begun, mut speaker) = (0, 0);
        while run.deliveries < expected {
            let mut now_ns = self.crowd.now_ns();
            while begun < messages {
                let due_ns = run.began_ns + (begun as f64 * interval_ns) as u64;
                if due_ns > now_ns {
                    break;
                }
                run.lag.saturating_record((now_ns - due_ns) / 1_000);
                self.publish(senders[speaker], due_ns);
                speaker = (speaker + step) % senders.len();
                begun += 1;
            }
            let next_ns = run.began_ns + (begun as f64 * interval_ns) as u64;
            let patience = match begun < messages {
                true => patience_until(next_ns.saturating_sub(now_ns)),
                false => Crowd::patience(),
            };
            self.turn(patience, &mut news)?;
            now_ns = self.crowd.now_ns();
            for (_, mark) in news.drain(..) {
                run.delivered(now_ns, mark);
            }
        }
        Ok(run.end(&self.crowd))
    }
}

/// How long a turn may wait for what is due in so long. A wait ends on whole milliseconds, so for
/// the last of them there is none: the client has a core of its own.
fn patience_until(due_in_ns: u64) -> Duration {
    Duration::from_millis((due_in_ns / 1_000_000).saturating_sub(1))
}

/// A step through `count` clients that visits each once, and goes from room to room.
fn coprime_step(count: usize, per_room: usize) -> usize {
    let divides = |a: usize, b: usize| {
        let (mut a, mut b) = (a, b);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    (per_room + 1..)
        .find(|&step| divides(step, count))
        .expect("there are primes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_visits_everybody_once() {
        for (count, per_room) in [(1, 1), (1_000, 10), (1_000, 1_000), (64, 1)] {
            let step = coprime_step(count, per_room);
            let mut seen = vec![false; count];
            (0..count).fold(0, |at, _| {
                seen[at] = true;
                (at + step) % count
            });
            assert!(seen.iter().all(|seen| *seen), "{count} by {step}");
        }
    }
}
