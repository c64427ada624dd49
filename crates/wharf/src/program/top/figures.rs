//! Numbers as people read them.

/// `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 room`, `1,200 rooms`: so many of something, whose word takes an s.
pub(super) fn of(number: u64, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {one}{ending}", count(number))
}

/// `1.5 MiB`.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1_024 {
        return format!("{number} B");
    }
    let mut scaled = number as f64 / 1_024.0;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if scaled < 1_023.95 {
            break;
        }
        scaled /= 1_024.0;
        unit = next;
    }
    format!("{scaled:.1} {unit}")
}

/// How often in a second; a dash where that is not known yet.
pub(super) fn rate(per_second: Option<f64>) -> String {
    match per_second {
        None => "-".to_owned(),
        Some(few) if few > 0.0 && few < 9.95 => format!("{few:.1}"),
        Some(many) => count(many.round() as u64),
    }
}

/// Bytes in a second.
pub(super) fn bytes_rate(per_second: Option<f64>) -> String {
    per_second.map_or_else(|| "-".to_owned(), |it| bytes(it.round() as u64))
}

/// A share of one processor, in percent.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

/// `3 d 04:05:06`.
pub(super) fn uptime(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let clock = format!("{hours:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60);
    match days {
        0 => clock,
        days => format!("{days} d {clock}"),
    }
}

/// A time that a power of two of a microsecond bounds: `< 4.1 ms`.
pub(super) fn below_micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("< {micros} us"),
        1_000..1_000_000 => format!("< {:.1} ms", micros as f64 / 1e3),
        _ => format!("< {:.1} s", micros as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_at_every_size() {
        let counts = [0, 999, 1_000, 1_234_567, u64::MAX].map(count);
        let wanted = [
            "0",
            "999",
            "1,000",
            "1,234,567",
            "18,446,744,073,709,551,615",
        ];
        assert_eq!(counts, wanted);
        let rooms = [0, 1, 1_200].map(|number| of(number, "room"));
        assert_eq!(rooms, ["0 rooms", "1 room", "1,200 rooms"]);
        let sizes = [0, 1_023, 1_024, 1_048_575, 1_048_576, 3 << 30, 5 << 50].map(bytes);
        let wanted = [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.0 MiB",
            "1.0 MiB",
            "3.0 GiB",
            "5120.0 TiB",
        ];
        assert_eq!(sizes, wanted);
        let rates = [None, Some(0.0), Some(0.25), Some(9.96), Some(1_234.4)].map(rate);
        assert_eq!(rates, ["-", "0", "0.2", "10", "1,234"]);
        assert_eq!(
            [59.9, 3_661.0, 190_000.0].map(uptime),
            ["00:00:59", "01:01:01", "2 d 04:46:40"]
        );
        let times = [1, 512, 4_096, 2 << 20].map(below_micros);
        assert_eq!(times, ["< 1 us", "< 512 us", "< 4.1 ms", "< 2.1 s"]);
        assert_eq!([None, Some(1.234)].map(percent), ["-", "123 %"]);
    }
}
