//! What the views say of the services: the store, Redis, accounts, and rooms that have a name.

use super::figures::{below_micros, count, percent, rate, uptime};
use super::sample::{REDIS, SQL, Sample, StoreOf, logins_in};
use super::views::{counted, heading, limit};
use ratatui::style::Style;
use ratatui::text::Line;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use wharf_host::admin::{ServicesSnapshot, StoreSnapshot};

fn figure(of: &BTreeMap<String, u64>, field: &str) -> u64 {
    of.get(field).copied().unwrap_or(0)
}

fn bad() -> Style {
    Style::new().red().bold()
}

/// The view of the store.
pub(super) fn lines(sample: &Sample) -> Vec<Line<'static>> {
    let Some(services) = &sample.now.services else {
        return vec![Line::raw(" no accounts and no store: a game of its own")];
    };
    let mut lines = states(sample, services);
    lines.push(Line::default());
    lines.extend(requests(sample, services));
    lines.push(Line::default());
    lines.extend(limits(services));
    lines.push(Line::default());
    lines.extend(people(sample, services));
    lines.push(Line::default());
    lines.extend(logins(sample, services));
    lines
}

/// The store in the overview.
pub(super) fn in_one_line(sample: &Sample) -> Option<Line<'static>> {
    let services = sample.now.services.as_ref()?;
    let store = &services.store;
    let text = format!(
        " {:<12}{} {}, {} wait, {}/s answered, 99 % {}; {} online",
        "store",
        store.kind,
        state(store),
        count(figure(&store.figures, "waiting")),
        rate(sample.outcome_rate(SQL, "answered")),
        within(sample, SQL, 99),
        count(figure(&services.people, "online")),
    );
    Some(match store.is_answering {
        true => Line::raw(text),
        false => Line::styled(text, bad()),
    })
}

/// Rooms that have a name, in the view of rooms.
pub(super) fn named_rooms(sample: &Sample) -> Vec<Line<'static>> {
    let Some(services) = &sample.now.services else {
        return Vec::new();
    };
    let people = &services.people;
    let members = count(figure(people, "hall_members"));
    let (open, most) = (figure(people, "halls"), figure(people, "halls_max"));
    vec![
        Line::default(),
        limit("named rooms", open, most, count),
        Line::raw(format!(" {:<14}{members:>12}", "members there")),
    ]
}

fn state(store: &StoreSnapshot) -> &'static str {
    match store.is_answering {
        true => "up",
        false => "DOWN",
    }
}

fn within(sample: &Sample, store: StoreOf, percent: u64) -> String {
    let bound = sample.answers_within(store, percent);
    bound.map_or_else(|| "-".to_owned(), below_micros)
}

/// The store, and Redis where there is one.
fn stores(services: &ServicesSnapshot) -> impl Iterator<Item = (StoreOf, &StoreSnapshot)> {
    let known = |store: StoreOf| Some((store, store(services)?));
    [SQL, REDIS].into_iter().filter_map(known)
}

/// Whether each is there, and what it does in a second.
fn states(sample: &Sample, services: &ServicesSnapshot) -> Vec<Line<'static>> {
    let mut lines = vec![heading(format!(
        " {:<11}{:>6}{:>15}{:>9}{:>12}{:>11}{:>13}",
        "store", "state", "for", "waiting", "answers/s", "commits/s", "in a commit"
    ))];
    for (of, store) in stores(services) {
        let (commits, requests) = (
            sample.store_rate(of, "groups"),
            sample.store_rate(of, "grouped"),
        );
        let each = commits.filter(|commits| *commits > 0.0).zip(requests);
        let each = each.map(|(commits, requests)| requests / commits);
        let text = format!(
            " {:<11}{:>6}{:>15}{:>9}{:>12}{:>11}{:>13}",
            store.kind,
            state(store),
            uptime(store.steady_seconds),
            count(figure(&store.figures, "waiting")),
            rate(sample.outcome_rate(of, "answered")),
            rate(commits),
            rate(each),
        );
        lines.push(match store.is_answering {
            true => Line::raw(text),
            false => Line::styled(text, bad()),
        });
    }
    lines
}

/// How long answers take, and what came of requests that have none.
fn requests(sample: &Sample, services: &ServicesSnapshot) -> Vec<Line<'static>> {
    let mut lines = vec![heading(format!(
        " {:<11}{:>11}{:>11}{:>8}{:>7}{:>13}{:>8}{:>8}",
        "answers", "50 %", "99 %", "busy", "late", "unavailable", "failed", "lost"
    ))];
    for (of, store) in stores(services) {
        let requests = |outcome| count(figure(&store.requests, outcome));
        let lost = figure(&store.figures, "connections").saturating_sub(1);
        lines.push(Line::raw(format!(
            " {:<11}{:>11}{:>11}{:>8}{:>7}{:>13}{:>8}{:>8}",
            store.kind,
            within(sample, of, 50),
            within(sample, of, 99),
            requests("busy"),
            requests("late"),
            requests("unavailable"),
            requests("failed"),
            count(lost),
        )));
    }
    lines
}

/// What waits, and how much may.
fn limits(services: &ServicesSnapshot) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (name, (_, store)) in ["store queue", "redis queue"]
        .into_iter()
        .zip(stores(services))
    {
        let most = figure(&store.figures, "waiting_max");
        lines.push(limit(name, figure(&store.figures, "waiting"), most, count));
    }
    let (hashing, people) = (&services.hashing, &services.people);
    for (name, of, field) in [
        ("hash queue", hashing, "waiting"),
        ("login queue", people, "queued"),
        ("named rooms", people, "halls"),
    ] {
        let most = figure(of, &format!("{field}_max"));
        // Where nobody may wait, there is no queue.
        if most > 0 {
            lines.push(limit(name, figure(of, field), most, count));
        }
    }
    lines
}

fn people(sample: &Sample, services: &ServicesSnapshot) -> Vec<Line<'static>> {
    let (desk, people) = (&services.desk, &services.people);
    let line = |name: &str, text: String| Line::raw(format!(" {name:<12}{text}"));
    let members = count(figure(people, "hall_members"));
    let online = count(figure(people, "online"));
    let made = count(services.accounts_made);
    let done = rate(sample.service_rate(|it| it.hashing.get("done").copied()));
    let refused = rate(sample.service_rate(|it| it.hashing.get("refused").copied()));
    let threads = match figure(&services.hashing, "threads") {
        1 => "1 thread".to_owned(),
        threads => format!("{} threads", count(threads)),
    };
    let busy = percent(sample.hashing_share());
    let open = count(figure(desk, "open"));
    let answered = rate(sample.service_rate(|it| it.desk.get("answered").copied()));
    let turned_away = rate(sample.service_rate(|it| it.desk.get("refused").copied()));
    let panics = figure(desk, "panics");
    let mut lines = vec![
        line(
            "people",
            format!("{online} online, {members} in named rooms; {made} accounts made"),
        ),
        line(
            "passwords",
            format!("{done}/s hashed, {refused}/s refused, {threads} {busy} busy"),
        ),
        line(
            "queries",
            format!("{open} open, {answered}/s answered, {turned_away}/s refused"),
        ),
    ];
    if panics > 0 {
        let text = format!(" {:<12}panicked {} times", "services", count(panics));
        lines.push(Line::styled(text, bad()));
    }
    lines
}

/// Logins by how and with what they ended, the most frequent first.
fn logins(sample: &Sample, services: &ServicesSnapshot) -> Vec<Line<'static>> {
    let title = format!(
        " {:<28}{:>14}{:>12}",
        "logins of accounts", "in all", "per second"
    );
    let mut lines = vec![heading(title)];
    let all = logins_in(services);
    let per_second = sample.service_rate(|services| Some(logins_in(services)));
    lines.push(Line::raw(counted("all that succeeded", all, per_second)));
    let ways = services.logins.iter().flat_map(|(way, outcomes)| {
        let of_way = outcomes.iter();
        of_way.map(move |(outcome, count)| (*count, way.as_str(), outcome.as_str()))
    });
    let mut ways: Vec<_> = ways.collect();
    ways.sort_by_key(|&(count, way, outcome)| (Reverse(count), way, outcome));
    for (count, way, outcome) in ways {
        let read = |it: &ServicesSnapshot| Some(ended(it, way, outcome));
        let name = format!("{way}: {outcome}");
        lines.push(Line::raw(counted(&name, count, sample.service_rate(read))));
    }
    lines
}

fn ended(services: &ServicesSnapshot, way: &str, outcome: &str) -> u64 {
    let of_way = services.logins.get(way);
    of_way.map_or(0, |outcomes| figure(outcomes, outcome))
}
