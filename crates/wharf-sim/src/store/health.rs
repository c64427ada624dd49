//! How a store is in a run, and what went wrong with it.

use wharf_base::{Duration, Rng};

/// How the store is, in a run: drawn once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health {
    /// The longest that a group takes when all is well.
    pub(crate) slow_max: Duration,
    /// How often a group is not begun for a long time.
    pub(crate) hang_chance: f64,
    /// How often it is lost before it is durable.
    pub(crate) cut_chance: f64,
    /// How often it is durable, and nobody learns of it.
    pub(crate) mute_chance: f64,
    /// How often it forgets everything.
    pub(crate) forget_chance: f64,
}

impl Health {
    /// Nothing goes wrong.
    pub(crate) const GOOD: Self = Self {
        slow_max: Duration::from_millis(5),
        hang_chance: 0.0,
        cut_chance: 0.0,
        mute_chance: 0.0,
        forget_chance: 0.0,
    };

    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let slow_max = Duration::from_micros(100 + rng.below(50_000));
        let mut chance = |often: f64| if rng.chance(0.5) { often } else { 0.0 };
        Self {
            slow_max,
            hang_chance: chance(0.02),
            cut_chance: chance(0.05),
            mute_chance: chance(0.05),
            forget_chance: 0.0,
        }
    }

    /// That of a store for what lives for a short time, of which nothing may be expected.
    pub(crate) fn draw_short(rng: &mut Rng) -> Self {
        match rng.chance(0.5) {
            true => Self::GOOD,
            false => Self {
                forget_chance: if rng.chance(0.5) { 0.01 } else { 0.0 },
                ..Self::draw(rng)
            },
        }
    }

    /// Whether nothing goes wrong, and nobody waits for long.
    pub(crate) fn is_good(&self) -> bool {
        let chances = [
            self.hang_chance,
            self.cut_chance,
            self.mute_chance,
            self.forget_chance,
        ];
        chances == [0.0; 4] && self.slow_max <= Self::GOOD.slow_max
    }
}

/// What went wrong, how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFaults {
    /// It did nothing for a long time.
    pub hangs: u64,
    /// It lost a group that was not durable yet.
    pub cuts: u64,
    /// A group was durable, and nobody learned of it.
    pub mutes: u64,
    /// A request waited until its deadline.
    pub expired: u64,
    /// A request was refused because too many waited, or because it was down.
    pub refused: u64,
    /// What it was at when the server crashed was lost.
    pub crash_losses: u64,
    /// What it was at when the server crashed was durable, and nobody learned of it.
    pub crash_mutes: u64,
    /// It forgot everything.
    pub forgets: u64,
}

impl StoreFaults {
    /// Counts what went wrong elsewhere, too.
    pub fn add(&mut self, other: &Self) {
        self.hangs += other.hangs;
        self.cuts += other.cuts;
        self.mutes += other.mutes;
        self.expired += other.expired;
        self.refused += other.refused;
        self.crash_losses += other.crash_losses;
        self.crash_mutes += other.crash_mutes;
        self.forgets += other.forgets;
    }
}
