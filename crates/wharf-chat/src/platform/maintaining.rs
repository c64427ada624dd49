//! What people are told when the server will be looked after, is, or is not any more.

use super::moderating::tell_line;
use crate::foyer::ChatFoyer;
use wharf_content::{Dialect, FoyerCx};
use wharf_data::{Maintenance as Planned, UnixMs};
use wharf_proto::session::Maintenance;

/// What is planned or under way, as it is told.
pub(crate) fn maintenance_of(planned: &Planned) -> Maintenance {
    Maintenance {
        is_on: true,
        text: planned.text.clone(),
        begins_ms: planned.begins.unwrap_or(0),
        ends_ms: planned.ends.unwrap_or(0),
    }
}

/// The server will be looked after, or is, or not any more.
pub(crate) fn tell_maintenance(foyer: &ChatFoyer, cx: &mut FoyerCx<'_>, planned: Option<&Planned>) {
    match cx.dialect() {
        Dialect::Platform => cx.notify(&planned.map(maintenance_of).unwrap_or_default()),
        Dialect::Classic if cx.user().is_some() => {
            let line = line(planned, foyer.facts.unix_ms(cx));
            tell_line(cx, &line);
        }
        Dialect::Classic => {}
    }
}

/// What classic clients show, at that time: they know no times, so it says how long it takes.
fn line(planned: Option<&Planned>, now: UnixMs) -> String {
    // What was called off had perhaps not begun.
    let Some(Planned { text, begins, ends }) = planned else {
        return "The maintenance is over, or called off.".to_owned();
    };
    let begins = begins.filter(|begins| *begins > now);
    let lasts = ends.map(|ends| span(ends - begins.unwrap_or(now)));
    match (begins, lasts) {
        (None, None) => text.clone(),
        (None, Some(lasts)) => format!("Maintenance for another {lasts}: {text}"),
        (Some(begins), None) => {
            format!("Maintenance begins in {}: {text}", span(begins - now))
        }
        (Some(begins), Some(lasts)) => {
            let wait = span(begins - now);
            format!("Maintenance begins in {wait}, for {lasts}: {text}")
        }
    }
}

/// A span of time in words: of minutes, and from two hours or days on of those, rounded up.
fn span(ms: i64) -> String {
    let minutes = ms.max(1).saturating_add(59_999) / 60_000;
    let (count, unit) = match minutes {
        ..120 => (minutes, "minute"),
        120..2_880 => ((minutes + 59) / 60, "hour"),
        _ => ((minutes + 1_439) / 1_440, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn classic_clients_are_told_how_long_it_takes_until_maintenance_and_how_long_it_lasts() {
        let now = 1_000 * MINUTE;
        let plan = |begins: Option<i64>, ends: Option<i64>| {
            let planned = Planned {
                text: "new rooms".to_owned(),
                begins: begins.map(|minutes| now + minutes * MINUTE),
                ends: ends.map(|minutes| now + minutes * MINUTE),
            };
            line(Some(&planned), now)
        };
        assert_eq!(plan(None, None), "new rooms");
        assert_eq!(plan(Some(-1), None), "new rooms");
        assert_eq!(
            plan(Some(12), None),
            "Maintenance begins in 12 minutes: new rooms"
        );
        assert_eq!(
            plan(Some(1), Some(121)),
            "Maintenance begins in 1 minute, for 2 hours: new rooms"
        );
        assert_eq!(
            plan(None, Some(30)),
            "Maintenance for another 30 minutes: new rooms"
        );
        assert_eq!(line(None, now), "The maintenance is over, or called off.");
    }

    #[test]
    fn spans_are_told_in_the_largest_unit_of_which_there_are_two() {
        for (ms, expected) in [
            (0, "1 minute"),
            (MINUTE + 1, "2 minutes"),
            (119 * MINUTE, "119 minutes"),
            (121 * MINUTE, "3 hours"),
            (2_880 * MINUTE, "2 days"),
        ] {
            assert_eq!(span(ms), expected);
        }
    }
}
