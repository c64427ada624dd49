//! A point in time that a simulator can make up.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// Nanoseconds since an origin that only the clock's owner knows (the start of the process, or the
/// start of a simulated world).
///
/// `std::time::Instant` cannot be made up; this one can, and that is the point: everything above
/// the port receives the time, nothing reads it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The clock's origin.
    pub const ZERO: Self = Self(0);
    /// Later than every deadline: 584 years after the origin.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The sooner of two deadlines, of which there may be none.
    #[must_use]
    pub fn sooner(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            _ => one.or(other),
        }
    }

    /// How long ago `earlier` was, zero if it lies in the future.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::FAR_FUTURE`], so that "never" stays never.
    fn add(self, rhs: Duration) -> Self {
        let nanos = u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, rhs: Instant) -> Duration {
        self.saturating_since(rhs)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:06}s",
            self.0 / 1_000_000_000,
            self.0 / 1_000 % 1_000_000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_stays_never() {
        assert_eq!(Instant::FAR_FUTURE + Duration::MAX, Instant::FAR_FUTURE);
        assert_eq!(Instant::ZERO - Instant::FAR_FUTURE, Duration::ZERO);
    }

    #[test]
    fn the_sooner_deadline_is_that_which_there_is() {
        let [soon, late] = [1, 2].map(|nanos| Some(Instant::from_nanos(nanos)));
        assert_eq!(Instant::sooner(soon, late), soon);
        assert_eq!(Instant::sooner(late, soon), soon);
        assert_eq!(Instant::sooner(None, late), late);
        assert_eq!(Instant::sooner(late, None), late);
        assert_eq!(Instant::sooner(None, None), None);
    }

    #[test]
    fn debug_shows_seconds_and_microseconds() {
        let instant = Instant::ZERO + Duration::from_millis(1_250);
        assert_eq!(format!("{instant:?}"), "1.250000s");
    }
}
