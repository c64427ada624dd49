//! What the server says when it starts and when it stops.

use super::admin::Door;
use super::assemble::{Assembly, ClassicLogins, classic_logins};
use super::say::say;
use super::services;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::absolute;
use wharf_host::config::Effective;
use wharf_host::{Placement, ShardReport, StorePlaces};
use wharf_net::NetLimits;
use wharf_store::Place;

/// Where the server listens, on what, with which limits and memory, and what to try next.
pub(super) fn print(config: &Effective, assembly: &Assembly, local: SocketAddr, admin: &Door) {
    say(text(config, assembly, local, admin));
}

fn text(config: &Effective, assembly: &Assembly, local: SocketAddr, admin: &Door) -> String {
    let options = &assembly.options;
    let reach = match (local.ip().is_loopback(), config.flag("insecure")) {
        (true, _) => "this machine only",
        (false, true) => "INSECURE: every id that is not empty may log in, from anywhere",
        (false, false) => "authenticated",
    };
    let placement = match options.placement {
        Placement::Fused => "content on the same threads",
        Placement::Split => "content on threads of its own",
    };
    let memory = options.limits.memory();
    let mut origins = config.origins();
    origins.push("built-in defaults".to_owned());
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10}{value}");
    };
    line("listening", format!("{local} ({reach})"));
    line("admin", admin.to_string());
    let best = if assembly.chosen.is_best() {
        ": the best that this system has"
    } else {
        ""
    };
    line("port", format!("{}{best}", assembly.chosen));
    line(
        "threads",
        format!("{} I/O shards, {placement}", options.shards),
    );
    line(
        "sessions",
        format!(
            "{} at most, {} of them not logged in; {}",
            options.limits.sessions_max,
            options.limits.sessions_not_logged_in,
            per_address(&options.limits)
        ),
    );
    line("rooms", rooms(config, assembly));
    if assembly.is_classic {
        line("store", store(&services::store_places(config)));
        line(
            "accounts",
            accounts(classic_logins(config, true)).to_owned(),
        );
    }
    line(
        "memory",
        format!(
            "{} set aside, touched as sessions come; at most {} more for one session, {} for all",
            mebibytes(memory.idle_sessions_bytes + pool_bytes(assembly)),
            mebibytes(memory.session_bytes_max),
            mebibytes(memory.reassembly_bytes + memory.send_queues_bytes + memory.pooled_bytes)
        ),
    );
    line(
        "config",
        format!("{}; `wharf config print` shows all", origins.join(" over ")),
    );
    format!(
        "wharf {}\n\n{text}\nTry next, in another terminal:\n{}  Ctrl-C here stops in order\n\n",
        env!("CARGO_PKG_VERSION"),
        try_next(
            &this_program(std::env::args_os().next()),
            assembly.is_classic.then(|| classic_logins(config, true)),
            local,
            admin.address()
        )
    )
}

/// What may be typed in another terminal, and what that does.
///
/// `classic` is who logs in by the guide's packets; `None` for a game of its own. The bots have no
/// accounts: they are of use where none is needed.
fn try_next(
    program: &str,
    classic: Option<ClassicLogins>,
    local: SocketAddr,
    admin: Option<SocketAddr>,
) -> String {
    let target = target_flag(local);
    let mut lines = Vec::new();
    let talk = "talk: /enter 0, then words; /help tells the rest";
    lines.push(match classic {
        Some(_) => (format!("chat --guest{target}"), talk),
        None => (format!("chat --classic --user NAME{target}"), talk),
    });
    match classic {
        None | Some(ClassicLogins::Open) => {
            lines.push((format!("bots{target}"), whose_clients(classic.is_some())));
        }
        Some(ClassicLogins::Register | ClassicLogins::Known) => {
            let account = "make an account, and talk";
            lines.push((format!("chat --user NAME --register{target}"), account));
        }
    }
    if let Some(address) = admin {
        let flag = match address.port() {
            11_022 => String::new(),
            _ => format!(" --admin {address}"),
        };
        lines.push((format!("top{flag}"), "what the server does, live"));
    }
    let width = lines.iter().map(|(typed, _)| typed.len()).max();
    let width = width.unwrap_or_default();
    let line = |(typed, what)| format!("  {program} {typed:width$}   {what}\n");
    lines.into_iter().map(line).collect()
}

/// This program as it was typed, or as cargo has built it: nothing has to be built once more.
fn this_program(typed: Option<OsString>) -> String {
    let typed = typed.map_or_else(String::new, |typed| typed.to_string_lossy().into_owned());
    match typed {
        typed if typed.is_empty() => "wharf".to_owned(),
        typed if typed.contains(char::is_whitespace) => format!("\"{typed}\""),
        typed => typed,
    }
}

/// Which there are, and where more is said of them.
fn rooms(config: &Effective, assembly: &Assembly) -> String {
    if !assembly.is_classic {
        return format!("{}, of a game of its own", assembly.options.app.rooms());
    }
    format!(
        "{} of up to {} members; people make up to {} more that have a name (docs/CHAT.md)",
        config.integer("chat.rooms"),
        config.integer("chat.room_members_max"),
        config.integer("chat.halls_max")
    )
}

/// Where accounts, rooms and messages are kept. What might be a password is not in it.
fn store(places: &StorePlaces) -> String {
    let kept = match &places.kept {
        Place::File(path) => {
            let whole = absolute(path).unwrap_or_else(|_| path.clone());
            format!("SQLite, {}", whole.display())
        }
        server @ Place::Server(_) => server.to_string(),
    };
    let short = places.short.as_ref();
    let short = short.map_or_else(String::new, |redis| {
        format!("; keys for one use in {}", Place::at(&*redis.url))
    });
    format!("{kept}{short} (docs/OPERATIONS.md, Stores)")
}

/// Who logs in by the guide's packets, and where more is said of the others.
fn accounts(classic: ClassicLogins) -> &'static str {
    match classic {
        ClassicLogins::Open => {
            "classic clients need none, any id will do; others register or are guests (docs/CHAT.md)"
        }
        ClassicLogins::Register => {
            "for everybody: a classic client's new id becomes one (docs/OPERATIONS.md, Logins)"
        }
        ClassicLogins::Known => {
            "for everybody: classic clients log in by one that is there (docs/OPERATIONS.md, Logins)"
        }
    }
}

/// What clients must be told, if anything.
fn target_flag(local: SocketAddr) -> String {
    let home = Ipv4Addr::LOCALHOST;
    let ip = match local.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => home.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    match SocketAddr::new(ip, local.port()) {
        usual if usual == SocketAddr::from((home, 11_021)) => String::new(),
        other => format!(" --target {other}"),
    }
}

fn whose_clients(is_classic: bool) -> &'static str {
    match is_classic {
        true => "clients that check every delivery",
        false => "clients of the classic chat, if that is what your rooms speak",
    }
}

fn per_address(limits: &NetLimits) -> String {
    let from = match limits.connections_per_address {
        0 => return "any number from one address".to_owned(),
        count => format!("{count} from one address"),
    };
    if limits.loopback_exempt {
        from + ", this machine's own aside"
    } else {
        from
    }
}

fn pool_bytes(assembly: &Assembly) -> u64 {
    let port = &assembly.options.port;
    let pool = u64::from(port.recv_buffers) * u64::from(port.recv_buffer_bytes);
    pool * u64::from(assembly.options.shards)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// What came and went, when the server has stopped, and what is left of it: nothing.
pub(super) fn farewell(reports: &[ShardReport]) {
    say(farewell_text(reports));
}

fn farewell_text(reports: &[ShardReport]) -> String {
    let served: u64 = reports.iter().map(|report| report.net.opened).sum();
    let mut text = format!("stopped; {served} sessions served\n");
    let away = sum(reports.iter().flat_map(|report| report.net.turned_away()));
    let mut ends = sum(reports
        .iter()
        .flat_map(|report| report.net.closed_by_reason()));
    ends.retain(|name, _| !away.contains_key(name));
    for (name, count) in ends {
        let _ = writeln!(text, "  {name:<22}{count}");
    }
    if !away.is_empty() {
        let _ = writeln!(text, "{} turned away", away.values().sum::<u64>());
    }
    for (name, count) in away {
        let _ = writeln!(text, "  {name:<22}{count}");
    }
    for (name, count) in troubles(reports) {
        let _ = writeln!(text, "  {name:<22}{count}");
    }
    let left: u64 = reports.iter().map(left_behind).sum();
    let left = if left == 0 { "nothing" } else { "SOMETHING" };
    let _ = writeln!(text, "  left behind           {left}");
    text
}

/// What went wrong in content, beside what ended a session and is told with the ends.
fn troubles(reports: &[ShardReport]) -> impl Iterator<Item = (&'static str, u64)> {
    let logic = || reports.iter().filter_map(|report| report.logic.as_ref());
    [
        ("rooms panicked", logic().map(|it| it.room_panics).sum()),
        ("letters refused", logic().map(|it| it.mail_full).sum()),
        ("ticks skipped", logic().map(|it| it.ticks_skipped).sum()),
    ]
    .into_iter()
    .filter(|&(_, count)| count > 0)
}

fn sum<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> BTreeMap<&'a str, u64> {
    let mut sums = BTreeMap::new();
    for (name, count) in counts {
        *sums.entry(name).or_default() += count;
    }
    sums
}

/// Sessions, queues, sockets, operations and buffers that should all have gone.
fn left_behind(report: &ShardReport) -> u64 {
    let (net, port) = (&report.net, &report.port);
    [
        net.sessions,
        net.refusals,
        net.connecting,
        net.sends_in_flight,
        net.queues,
        net.reassembly_bytes,
        port.sockets,
        port.accepts_in_flight,
        port.recvs_in_flight,
        port.sends_in_flight,
        port.recv_buffers_out,
    ]
    .map(u64::from)
    .into_iter()
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use wharf_content::LogicStats;
    use wharf_net::NetStats;
    use wharf_port::PortStats;
    use wharf_store::{RedisPlace, StoreOptions, Timeouts};

    #[test]
    fn the_store_is_named_without_its_passwords() {
        let places = |kept, redis: Option<&str>| StorePlaces {
            options: StoreOptions::default(),
            kept,
            short: redis.map(|url| RedisPlace {
                url: url.to_owned(),
                prefix: "wharf".to_owned(),
                timeouts: Timeouts::default(),
            }),
        };
        let file = places(Place::in_folder("data".as_ref()), None);
        let here = std::env::current_dir().unwrap();
        let name = here.join("data").join("wharf.db");
        let told = store(&file);
        assert!(
            told.starts_with(&format!("SQLite, {} ", name.display())),
            "{told}"
        );
        let server = Place::at("postgres://kim:secret@db:5432/wharf?password=secret");
        let told = store(&places(server, Some("redis://:secret@cache:6379/1")));
        let expected = "postgres://db:5432/wharf; keys for one use in redis://cache:6379/1 (";
        assert!(told.starts_with(expected), "{told}");
    }

    #[test]
    fn what_may_be_typed_next_works_against_this_server() {
        let next =
            |classic, local: &str| try_next("wharf --", classic, local.parse().unwrap(), None);
        let open = next(Some(ClassicLogins::Open), "127.0.0.1:11021");
        assert!(
            open.contains("-- bots ") && !open.contains("--target"),
            "{open}"
        );
        let known = next(Some(ClassicLogins::Known), "0.0.0.0:11021");
        assert!(
            !known.contains("bots") && !known.contains("--target"),
            "{known}"
        );
        assert!(known.contains("chat --user NAME --register "), "{known}");
        let other = next(None, "192.0.2.7:11021");
        assert!(other.contains("bots --target 192.0.2.7:11021"), "{other}");
        assert!(next(None, "[::]:7").contains("--target [::1]:7"));
    }

    #[test]
    fn what_may_be_typed_next_is_this_program() {
        let typed = |typed: &str| this_program(Some(typed.into()));
        assert_eq!(this_program(None), "wharf");
        assert_eq!(
            typed("target/release/examples/dice"),
            "target/release/examples/dice"
        );
        assert_eq!(
            typed("C:\\my games\\wharf.exe"),
            "\"C:\\my games\\wharf.exe\""
        );
        let local = "127.0.0.1:11021".parse().unwrap();
        let next = try_next("games/dice", None, local, None);
        assert!(
            next.lines().all(|line| line.starts_with("  games/dice ")),
            "{next}"
        );
    }

    #[test]
    fn the_farewell_tells_what_went_wrong_in_content_and_no_more() {
        let report = |shard, logic| ShardReport {
            shard,
            net: NetStats {
                opened: 3,
                ..NetStats::default()
            },
            port: PortStats::default(),
            logic: Some(logic),
        };
        let fine = LogicStats {
            frames: 7,
            ..LogicStats::default()
        };
        let bad = LogicStats {
            room_panics: 2,
            ticks_skipped: 40,
            ..LogicStats::default()
        };
        let without = expect![[r#"
            stopped; 3 sessions served
              left behind           nothing
        "#]];
        without.assert_eq(&farewell_text(&[report(0, fine.clone())]));
        let with = expect![[r#"
            stopped; 9 sessions served
              rooms panicked        4
              ticks skipped         80
              left behind           nothing
        "#]];
        with.assert_eq(&farewell_text(&[
            report(0, bad.clone()),
            report(1, fine),
            report(2, bad),
        ]));
    }
}
