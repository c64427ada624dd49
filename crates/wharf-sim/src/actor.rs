//! Things with turns, and who has the next one.

use std::cell::RefCell;
use std::rc::Rc;
use wharf_base::{Duration, Instant, Rng};
use wharf_port::sim::{SimPulse, SimSleeper, SimWorld};

/// Something that has turns. Never blocks.
pub(crate) trait Actor {
    /// One turn; when the next deadline is.
    fn turn(&mut self, now: Instant) -> Option<Instant>;
}

/// What makes an actor want a turn, beside its deadline.
pub(crate) enum Alarm {
    Port(SimPulse),
    Sleeper(SimSleeper),
    /// Nothing.
    Clock,
}

impl Alarm {
    fn next(&self) -> Option<Instant> {
        match self {
            Self::Port(pulse) => pulse.next(),
            Self::Clock => None,
            Self::Sleeper(sleeper) => sleeper.is_woken().then_some(Instant::ZERO),
        }
    }
}

/// The number of a seat; never the same twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeatNumber(u64);

struct Seat {
    number: SeatNumber,
    actor: Rc<RefCell<dyn Actor>>,
    alarm: Alarm,
    deadline: Option<Instant>,
    /// Until when it is kept waiting although it could run: its thread has no processor.
    waits_until: Instant,
}

/// Gives turns: draws who is next among those that can run, and lets time pass when none can.
pub(crate) struct Scheduler {
    world: SimWorld,
    rng: Rng,
    /// How often one that can run is kept waiting.
    stall_chance: f64,
    stall_max: Duration,
    stalls: u64,
    seats: Vec<Seat>,
    last_seat: u64,
}

impl Scheduler {
    pub(crate) fn new(world: &SimWorld, mut rng: Rng) -> Self {
        let stall_chance = if rng.chance(0.5) { 0.0 } else { 0.3 };
        let stall_max = Duration::from_micros(10 + rng.below(20_000));
        Self {
            world: world.clone(),
            rng,
            stall_chance,
            stall_max,
            stalls: 0,
            seats: Vec::new(),
            last_seat: 0,
        }
    }

    pub(crate) fn add(&mut self, actor: Rc<RefCell<dyn Actor>>, alarm: Alarm) -> SeatNumber {
        let deadline = Some(Instant::ZERO);
        self.last_seat += 1;
        let number = SeatNumber(self.last_seat);
        self.seats.push(Seat {
            number,
            actor,
            alarm,
            deadline,
            waits_until: Instant::ZERO,
        });
        number
    }

    /// They have no turns any more.
    pub(crate) fn remove(&mut self, numbers: &[SeatNumber]) {
        self.seats.retain(|seat| !numbers.contains(&seat.number));
    }

    /// How often one that could run was kept waiting.
    pub(crate) fn stalls(&self) -> u64 {
        self.stalls
    }

    /// Gives turns until so much time has passed.
    pub(crate) fn run_for(&mut self, span: Duration) {
        let until = self.world.now() + span;
        let mut runnable = Vec::new();
        loop {
            let now = self.world.now();
            runnable.clear();
            let mut soonest = until;
            for (index, seat) in self.seats.iter().enumerate() {
                let wish = [seat.alarm.next(), seat.deadline]
                    .into_iter()
                    .flatten()
                    .min();
                let Some(at) = wish.map(|at| at.max(seat.waits_until)) else {
                    continue;
                };
                if at <= now {
                    runnable.push(index);
                } else {
                    soonest = soonest.min(at);
                }
            }
            if runnable.is_empty() {
                if now >= until {
                    return;
                }
                self.world.advance_to(soonest);
                continue;
            }
            let index = runnable[self.rng.below(runnable.len() as u64) as usize];
            self.give_turn(index, now);
        }
    }

    fn give_turn(&mut self, index: usize, now: Instant) {
        let stalled = self.rng.chance(self.stall_chance);
        let seat = &mut self.seats[index];
        if stalled && seat.waits_until < now {
            let wait = 1 + self.rng.below(self.stall_max.as_nanos() as u64);
            seat.waits_until = now + Duration::from_nanos(wait);
            self.stalls += 1;
            return;
        }
        if let Alarm::Sleeper(sleeper) = &seat.alarm {
            sleeper.wake_up();
        }
        seat.deadline = seat.actor.borrow_mut().turn(now);
        if let Alarm::Sleeper(sleeper) = &seat.alarm {
            sleeper.fall_asleep();
        }
        let number = seat.number.0;
        self.world.trace(format_args!("{now:?} turn of {number}"));
    }
}
