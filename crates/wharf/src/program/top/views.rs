//! What each view says, as lines.

use super::figures::{below_micros, bytes, bytes_rate, count, of, percent, rate};
use super::sample::{CLOSED, LOGIC, NET, PORT, Part, Sample, TURNED_AWAY};
use super::service_view;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// The views, in the order of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Overview,
    Shards,
    Rooms,
    Ends,
    Store,
}

impl View {
    pub(super) const ALL: [Self; 5] = [
        Self::Overview,
        Self::Shards,
        Self::Rooms,
        Self::Ends,
        Self::Store,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Shards => "shards",
            Self::Rooms => "rooms",
            Self::Ends => "ends",
            Self::Store => "store",
        }
    }

    pub(super) fn lines(self, sample: &Sample) -> Vec<Line<'static>> {
        match self {
            Self::Overview => overview(sample),
            Self::Shards => shards(sample),
            Self::Rooms => rooms(sample),
            Self::Ends => ends(sample),
            Self::Store => service_view::lines(sample),
        }
    }
}

/// A limit this full is worth a look,
const NEAR: f64 = 0.8;
/// and this full it is about to be felt.
const AT_ONCE: f64 = 0.95;

fn overview(sample: &Sample) -> Vec<Line<'static>> {
    let mut lines = limits(sample);
    lines.push(Line::default());
    let mut line = |name: &str, text: String| lines.push(Line::raw(format!(" {name:<12}{text}")));
    let (net, logic) = (
        |field| sample.rate(NET, field),
        |field| sample.rate(LOGIC, field),
    );
    line(
        "messages",
        format!(
            "{}/s in, {}/s out",
            rate(net("frames_in")),
            rate(net("frames_out"))
        ),
    );
    line(
        "bytes",
        format!(
            "{}/s in, {}/s out",
            bytes_rate(net("bytes_in")),
            bytes_rate(net("bytes_out"))
        ),
    );
    let (closed, away) = (
        rate_of_all(sample, CLOSED),
        rate_of_all(sample, TURNED_AWAY),
    );
    line(
        "sessions",
        format!(
            "{}/s opened, {}/s closed, {}/s turned away",
            rate(net("opened")),
            rate(closed),
            rate(away)
        ),
    );
    line(
        "logins",
        format!(
            "{}/s, {}/s refused",
            rate(logic("logins")),
            rate(logic("logins_refused"))
        ),
    );
    let members = of(sample.total(LOGIC, "members"), "member");
    let broadcasts = rate(logic("broadcasts"));
    let rooms = count(sample.total(LOGIC, "rooms"));
    line(
        "rooms",
        format!("{rooms} with {members}, {broadcasts} broadcasts/s"),
    );
    let queued = bytes(sample.total(NET, "queued_bytes"));
    let sessions = of(sample.total(NET, "queues"), "session");
    line("queues", format!("{queued} wait for {sessions}"));
    let memory = bytes(sample.now.process.resident_bytes);
    line(
        "process",
        format!("{} CPU, {memory} memory", percent(sample.cpu())),
    );
    lines.extend(service_view::in_one_line(sample));
    lines.extend(troubles(sample));
    lines
}

/// Every limit that has a bound, the fullest shard's where each shard has its own.
fn limits(sample: &Sample) -> Vec<Line<'static>> {
    let (now, limits) = (&sample.now, &sample.now.limits);
    let of_shards = |fields: &[&str], part: Part| {
        let sum = |shard| {
            fields
                .iter()
                .filter_map(|field| part(shard).get(*field))
                .sum()
        };
        now.shards.iter().map(sum).max().unwrap_or(0)
    };
    let leaving = of_shards(&["queued_bytes", "leaving_bytes"], NET);
    let mut lines = vec![
        limit("sessions", now.sessions, limits.sessions, count),
        limit(
            "not logged in",
            now.sessions_not_logged_in,
            limits.sessions_not_logged_in,
            count,
        ),
        limit("rooms", sample.total(LOGIC, "rooms"), limits.rooms, count),
        limit(
            "send memory",
            leaving,
            limits.send_memory_bytes_per_shard,
            bytes,
        ),
        limit(
            "part frames",
            of_shards(&["reassembly_bytes"], NET),
            limits.reassembly_bytes_per_shard,
            bytes,
        ),
        limit(
            "recv buffers",
            of_shards(&["recv_buffers_out"], PORT),
            limits.receive_buffers_per_shard,
            count,
        ),
    ];
    if let (Some(open), Some(most)) = (now.process.descriptors, now.process.descriptors_max) {
        lines.push(limit("descriptors", open, most, count));
    }
    lines
}

/// How full one limit is; marked when it is nearly or quite full. All rooms of a game that names
/// them may be there, which is no trouble.
pub(super) fn limit(name: &str, now: u64, most: u64, shown: fn(u64) -> String) -> Line<'static> {
    let share = if most == 0 {
        0.0
    } else {
        now as f64 / most as f64
    };
    let (mark, style) = match share {
        _ if name == "rooms" => ("", Style::new()),
        AT_ONCE.. => ("!!", Style::new().red().bold()),
        NEAR.. => ("!", Style::new().yellow()),
        _ => ("", Style::new()),
    };
    let (now, most) = (shown(now), shown(most));
    let filled = (share.min(1.0) * BAR as f64).round() as usize;
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(BAR - filled));
    let percent = percent(Some(share));
    let text = format!(" {name:<14}{now:>12} of {most:>10} {percent:>6} {bar} {mark}");
    Line::styled(text.trim_end().to_owned(), style)
}

/// Columns of a bar.
const BAR: usize = 20;

fn troubles(sample: &Sample) -> impl Iterator<Item = Line<'static>> {
    let of_shards = sample.now.shards.iter().filter_map(|shard| {
        let trouble = shard.trouble.as_ref()?;
        Some(format!(" shard {}: {trouble}", shard.shard))
    });
    let services = sample.now.services.as_ref();
    let of_services = services.and_then(|services| services.trouble.as_ref());
    let of_services = of_services.map(|trouble| format!(" services: {trouble}"));
    let bad = Style::new().red().bold();
    of_shards
        .chain(of_services)
        .map(move |text| Line::styled(text, bad))
}

pub(super) fn heading(text: String) -> Line<'static> {
    Line::styled(text, Style::new().add_modifier(Modifier::BOLD))
}

fn shards(sample: &Sample) -> Vec<Line<'static>> {
    let mut lines = vec![heading(format!(
        " {:>5}{:>9}{:>10}{:>10}{:>11}{:>11}{:>7}{:>9}",
        "shard", "sessions", "in/s", "out/s", "in B/s", "out B/s", "CPU", "waits/s"
    ))];
    for (index, shard) in sample.now.shards.iter().enumerate() {
        let net = |field| sample.shard_rate(index, NET, field);
        let text = format!(
            " {:>5}{:>9}{:>10}{:>10}{:>11}{:>11}{:>7}{:>9}",
            shard.shard,
            count(shard.net.get("sessions").copied().unwrap_or(0)),
            rate(net("frames_in")),
            rate(net("frames_out")),
            bytes_rate(net("bytes_in")),
            bytes_rate(net("bytes_out")),
            percent(sample.shard_cpu(index)),
            rate(sample.shard_rate(index, PORT, "waits")),
        );
        lines.push(match shard.trouble {
            Some(_) => Line::styled(text, Style::new().red().bold()),
            None => Line::raw(text),
        });
    }
    lines.push(Line::default());
    lines.push(heading(format!(
        " {:>5}{:>12}{:>9}{:>12}{:>11}{:>11}{:>10}",
        "shard", "queued", "queues", "leaving", "paused/s", "wakes/s", "sockets"
    )));
    for (index, shard) in sample.now.shards.iter().enumerate() {
        let net = |field: &str| shard.net.get(field).copied().unwrap_or(0);
        let paused = ["pauses_credit", "pauses_rate", "pauses_replies"];
        let paused = paused.map(|field| sample.shard_rate(index, NET, field));
        let paused = paused.into_iter().try_fold(0.0, |sum, it| Some(sum + it?));
        lines.push(Line::raw(format!(
            " {:>5}{:>12}{:>9}{:>12}{:>11}{:>11}{:>10}",
            shard.shard,
            bytes(net("queued_bytes")),
            count(net("queues")),
            bytes(net("leaving_bytes")),
            rate(paused),
            rate(sample.shard_rate(index, PORT, "wakes")),
            count(shard.port.get("sockets").copied().unwrap_or(0)),
        )));
    }
    lines.extend(troubles(sample));
    lines
}

fn rooms(sample: &Sample) -> Vec<Line<'static>> {
    let mut lines = vec![heading(format!(
        " {:>5}{:>9}{:>10}{:>12}{:>12}{:>9}{:>9}{:>11}",
        "shard", "rooms", "members", "frames/s", "said/s", "ticks/s", "skipped", "99 % late"
    ))];
    for (index, shard) in sample.now.shards.iter().enumerate() {
        let logic = |field: &str| shard.logic.get(field).copied().unwrap_or(0);
        let rates = |field| rate(sample.shard_rate(index, LOGIC, field));
        let late = sample.late_ticks(index);
        lines.push(Line::raw(format!(
            " {:>5}{:>9}{:>10}{:>12}{:>12}{:>9}{:>9}{:>11}",
            shard.shard,
            count(logic("rooms")),
            count(logic("members")),
            rates("frames"),
            rates("broadcasts"),
            rates("ticks"),
            count(logic("ticks_skipped")),
            late.map_or_else(|| "-".to_owned(), below_micros),
        )));
    }
    lines.extend(service_view::named_rooms(sample));
    lines.push(Line::default());
    lines.push(heading(format!(
        " {:<28}{:>14}{:>12}",
        "of all rooms", "in all", "per second"
    )));
    for (name, field) in [
        ("logins", "logins"),
        ("logins refused", "logins_refused"),
        ("entered a room", "entered"),
        ("refused to enter", "enters_refused"),
        ("left a room", "left"),
        ("frames to receivers", "sends"),
        ("refusals by handlers", "refusals"),
        ("rules broken", "violations"),
        ("letters refused", "mail_full"),
        ("rooms panicked", "room_panics"),
        ("foyer panicked", "foyer_panics"),
    ] {
        let all = sample.total(LOGIC, field);
        let text = counted(name, all, sample.rate(LOGIC, field));
        let is_bad = field.ends_with("panics") && all > 0;
        let style = if is_bad {
            Style::new().red().bold()
        } else {
            Style::new()
        };
        lines.push(Line::styled(text, style));
    }
    lines
}

fn ends(sample: &Sample) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (title, part) in [("sessions closed", CLOSED), ("turned away", TURNED_AWAY)] {
        lines.push(heading(format!(
            " {title:<28}{:>14}{:>12}",
            "in all", "per second"
        )));
        let mut reasons: Vec<(u64, &str)> = sample
            .names(part)
            .into_iter()
            .map(|name| (sample.total(part, name), name))
            .collect();
        reasons.sort_by_key(|&(all, name)| (std::cmp::Reverse(all), name));
        for &(all, name) in &reasons {
            lines.push(Line::raw(counted(name, all, sample.rate(part, name))));
        }
        if reasons.is_empty() {
            lines.push(Line::from(Span::raw(" none")));
        }
        lines.push(Line::default());
    }
    lines.pop();
    lines
}

pub(super) fn counted(name: &str, all: u64, per_second: Option<f64>) -> String {
    format!(" {name:<28}{:>14}{:>12}", count(all), rate(per_second))
}

/// What happened in a second, of all names of a part together.
fn rate_of_all(sample: &Sample, part: Part) -> Option<f64> {
    let rates = sample.names(part).into_iter();
    rates
        .map(|name| sample.rate(part, name))
        .try_fold(0.0, |sum, it| Some(sum + it?))
}
