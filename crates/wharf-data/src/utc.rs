//! Times as people in every country read them.

use crate::UnixMs;
use core::fmt;

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
        let ([year, month, day], [hour, minute, second]) = self.parts();
        let ms = self.0.rem_euclid(1_000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }

    /// Year, month and day; hour, minute and second.
    fn parts(self) -> ([i64; 3], [i64; 3]) {
        let seconds = self.0.div_euclid(1_000);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        (date(days), [second / 3_600, second / 60 % 60, second % 60])
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([year, month, day], [hour, minute, second]) = self.parts();
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"
        )
    }
}

/// Year, month and day of the Gregorian calendar, of a day counted from 1970-01-01 on. Years begin
/// in March here, so that the day that leap years have more is their last.
fn date(days: i64) -> [i64; 3] {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    [year, month, day]
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
        for ms in [i64::MIN, i64::MAX] {
            assert!(Utc(ms).to_string().ends_with(" UTC"));
        }
    }
}
