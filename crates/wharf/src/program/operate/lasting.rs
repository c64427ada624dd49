//! How long something lasts, as it is typed.

/// Milliseconds that something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lasting(pub(super) i64);

const UNITS: [(char, i64); 5] = [
    ('s', 1_000),
    ('m', 60_000),
    ('h', 3_600_000),
    ('d', 86_400_000),
    ('w', 604_800_000),
];
/// Longer than anything but for ever.
const MS_MAX: i64 = 100 * 366 * 86_400_000;

/// Reads a number with its unit.
pub(super) fn lasting(typed: &str) -> Result<Lasting, String> {
    let wrong = || "a time is a number and a unit, such as 30m, 12h, 7d or 4w".to_owned();
    let unit = typed.chars().next_back().ok_or_else(wrong)?;
    let (_, ms) = UNITS
        .into_iter()
        .find(|(letter, _)| *letter == unit)
        .ok_or_else(wrong)?;
    let digits = &typed[..typed.len() - unit.len_utf8()];
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: i64 = match is_number {
        true => digits.parse().unwrap_or(i64::MAX),
        false => return Err(wrong()),
    };
    match count.saturating_mul(ms) {
        0 => Err("it must last longer than nothing".to_owned()),
        ms if ms > MS_MAX => {
            Err("at most a hundred years; without --for it is for ever".to_owned())
        }
        ms => Ok(Lasting(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (typed, ms) in [
            ("90s", 90_000),
            ("30m", 1_800_000),
            ("12h", 43_200_000),
            ("7d", 604_800_000),
            ("4w", 2_419_200_000),
        ] {
            assert_eq!(lasting(typed), Ok(Lasting(ms)), "{typed}");
        }
        for typed in [
            "",
            "7",
            "d",
            "-1d",
            "+1d",
            "1.5h",
            "7 d",
            "0d",
            "7D",
            "7한",
            "99999999999999999999w",
        ] {
            assert!(lasting(typed).is_err(), "{typed:?}");
        }
    }
}
