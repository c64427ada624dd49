//! Times as people in every country read them.

use crate::UnixMs;
use core::fmt;
use time::UtcDateTime;

/// A moment in UTC, to the second: `2026-11-26 15:04:05 UTC`.
///
/// ```
/// use wharf_data::Utc;
///
/// assert_eq!(Utc(951_782_400_000).to_string(), "2000-02-29 00:00:00 UTC");
/// assert_eq!(Utc(1).to_rfc3339(), "1970-01-01T00:00:00.001Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc(pub UnixMs);

impl Utc {
    /// For programs, to the millisecond: `2026-11-26T15:04:05.123Z`.
    pub fn to_rfc3339(self) -> String {
        let at = self.at();
        let (hour, minute, second, ms) = at.as_hms_milli();
        format!("{}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z", at.date())
    }

    /// By the calendar; what that does not reach is its first or its last moment.
    fn at(self) -> UtcDateTime {
        let end = match self.0 < 0 {
            true => UtcDateTime::MIN,
            false => UtcDateTime::MAX,
        };
        UtcDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).unwrap_or(end)
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at();
        let (hour, minute, second) = at.as_hms();
        write!(f, "{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_utc() {
        for (ms, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (1_709_251_199_999, "2024-02-29 23:59:59 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(Utc(ms).to_string(), expected);
        }
        assert_eq!(Utc(-1).to_rfc3339(), "1969-12-31T23:59:59.999Z");
        // What no calendar reaches is told all the same.
        let ends = [i64::MIN, i64::MAX].map(|ms| Utc(ms).to_string());
        assert_eq!(
            ends,
            ["-9999-01-01 00:00:00 UTC", "9999-12-31 23:59:59 UTC"]
        );
    }
}
