//! What lives for a short time, as it is seen from outside: delays of those who guess, who is
//! online, which rooms are busy.

use crate::platform::{Guest, log_in, register};
use crate::support::{BACKENDS, Server, UNHURRIED, output, wait_until, wharf};
use std::path::Path;
use wharf::proto::room::{Create, Enter, Info, Leave, List, Order, Presence, SetPresence, enter};
use wharf::proto::session::Code;

/// A server in that directory, which asks nobody to be slow; with what else is set.
fn start(data: &Path, more: &[&str]) -> Server {
    let settings = [UNHURRIED, more].concat();
    Server::start_in(data, BACKENDS[0], &settings)
}

/// Guesses at kim's password until that is refused, or so often; whether it was refused.
pub(crate) fn is_refused_within(server: &Server, guesses: u32) -> bool {
    let mut thief = Guest::new(server);
    (0..guesses).any(|_| {
        let code = thief.refused(&log_in("kim", "wrong horse"));
        assert!(matches!(code, Code::Credentials | Code::Rate), "{code:?}");
        code == Code::Rate
    })
}

fn a_delay_outlives_the_server(settings: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), settings);
    Guest::new(&server).ask(&register("kim")).unwrap();
    assert!(is_refused_within(&server, 100));
    drop(server);
    // Five are free for whoever is not remembered.
    let server = start(folder.path(), settings);
    assert!(is_refused_within(&server, 4));
}

/// Somebody new, who is there once the store is.
fn arrive(server: &Server, name: &str) -> Guest {
    let mut guest = Guest::new(server);
    wait_until(name, || match guest.ask(&register(name)) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Code::Unavailable, "{error:?}");
            false
        }
    });
    guest
}

fn make(guest: &mut Guest, name: &str, is_hidden: bool) -> i64 {
    let create = Create {
        name: name.into(),
        is_hidden,
        is_persistent: true,
        ..Create::default()
    };
    guest.ask(&create).unwrap().info.unwrap().room
}

fn enter(guest: &mut Guest, room: i64) {
    let enter = Enter {
        by: Some(enter::By::Room(room)),
        ..Enter::default()
    };
    guest.ask(&enter).unwrap();
}

/// Whom `wharf db online` tells of, each with the room that they are in.
fn online(data: &Path, more: &[&str]) -> Vec<(String, Option<String>)> {
    let mut command = wharf();
    command.args(["db", "online", "--json", "--data"]).arg(data);
    let said = output(command.args(more));
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{complaint}");
    let said = String::from_utf8(said.stdout).expect("text");
    let person = |line: &str| {
        let person: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(person["kind"], "online");
        assert!(person["since"].is_i64() && person["node"] == 0, "{line}");
        assert!(person["account"].is_string(), "{line}");
        let text = |name: &str| person[name].as_str().map(str::to_owned);
        assert_eq!(text("room").is_some(), text("room_name").is_some());
        (text("name").expect("a name"), text("room_name"))
    };
    said.lines().map(person).collect()
}

/// Waits until exactly these are online, in these rooms.
fn wait_for(data: &Path, how: &[&str], expected: &[(&str, Option<&str>)]) {
    let mut last = Vec::new();
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, room)| ((*name).to_owned(), room.map(str::to_owned)))
        .collect();
    let what = format!("{expected:?}");
    wait_until(&what, || {
        let seen = online(data, how);
        if seen != last {
            eprintln!("online: {seen:?}");
            last.clone_from(&seen);
        }
        seen == expected
    });
}

fn who_is_online_is_told_from_outside(settings: &[&str], how: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = start(data, settings);
    let mut kim = arrive(&server, "kim");
    make(&mut kim, "winter", false);
    let mut lee = arrive(&server, "lee");
    let unseen = SetPresence {
        presence: Presence::Nobody.into(),
    };
    lee.ask(&unseen).unwrap();
    let mut park = arrive(&server, "park");
    make(&mut park, "secret", true);
    wait_for(data, how, &[("kim", Some("winter")), ("park", None)]);
    kim.ask(&Leave {}).unwrap();
    drop(park);
    wait_for(data, how, &[("kim", None)]);
    // A process that was killed has left somebody behind; the next one clears up.
    drop(server);
    assert_eq!(online(data, how).len(), 1);
    let server = start(data, settings);
    wait_for(data, how, &[]);
    let mut kim = Guest::new(&server);
    kim.ask(&log_in("kim", "correct horse")).unwrap();
    wait_for(data, how, &[("kim", None)]);
    // One that stops takes its own away.
    drop(kim);
    #[cfg(unix)]
    {
        stop(server);
        assert_eq!(online(data, how), []);
    }
}

#[cfg(unix)]
fn stop(mut server: Server) {
    use rustix::process::{Pid, Signal, kill_process};
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    assert_eq!(server.wait().code(), Some(0));
}

fn busiest(guest: &mut Guest) -> Vec<Info> {
    let list = List {
        order: Order::Busiest.into(),
        ..List::default()
    };
    let told = guest.ask(&list).unwrap();
    assert_eq!(told.next_page, "");
    told.rooms
}

fn told(rooms: &[Info]) -> Vec<(&str, u32)> {
    let told = rooms.iter().map(|info| (info.name.as_str(), info.members));
    told.collect()
}

#[test]
fn who_has_guessed_has_to_wait_after_a_restart_too() {
    a_delay_outlives_the_server(&[]);
}

#[test]
fn who_is_online_is_told_from_the_store() {
    who_is_online_is_told_from_outside(&[], &[]);
}

#[test]
fn rooms_are_listed_by_how_busy_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[]);
    let mut guests = ["kim", "lee", "park", "choi", "yoon"].map(|name| arrive(&server, name));
    let [kim, lee, park, choi, yoon] = &mut guests;
    let quiet = make(kim, "quiet", false);
    kim.ask(&Leave {}).unwrap();
    make(lee, "secret", true);
    make(park, "small", false);
    let large = make(kim, "large", false);
    enter(choi, large);
    assert_eq!(told(&busiest(yoon)), [("large", 2), ("small", 1)]);
    enter(yoon, quiet);
    kim.ask(&Leave {}).unwrap();
    choi.ask(&Leave {}).unwrap();
    assert_eq!(told(&busiest(kim)), [("quiet", 1), ("small", 1)]);
    for (page, search) in [("x", ""), ("", "sma")] {
        let list = List {
            order: Order::Busiest.into(),
            page: page.into(),
            search: search.into(),
            ..List::default()
        };
        assert_eq!(kim.refused(&list), Code::Invalid);
    }
}

#[cfg(target_os = "linux")]
mod with_redis {
    use super::*;
    use crate::platform::{by_token, whisper};
    use crate::servers::{self, Kind};
    use wharf::proto::account::RevokeLogins;
    use wharf::proto::chat::Whispered;

    #[test]
    fn who_has_guessed_has_to_wait_after_a_restart_too() {
        let redis = servers::Server::start(Kind::Redis);
        a_delay_outlives_the_server(&[&format!("store.redis={}", redis.url())]);
    }

    #[test]
    fn redis_that_hangs_or_is_gone_stops_no_login() {
        let mut redis = servers::Server::start(Kind::Redis);
        let folder = tempfile::tempdir().unwrap();
        let url = format!("store.redis={}", redis.url());
        let server = start(folder.path(), &[&url]);
        for name in ["kim", "lee", "park"] {
            Guest::new(&server).ask(&register(name)).unwrap();
        }
        let comes_in = |name| {
            let told = Guest::new(&server).refused(&log_in(name, "wrong horse"));
            assert_eq!(told, Code::Credentials);
            let request = log_in(name, "correct horse");
            Guest::new(&server).ask(&request).unwrap();
        };
        comes_in("kim");
        redis.hang();
        comes_in("lee");
        redis.kill();
        comes_in("park");
    }

    #[test]
    fn who_is_online_is_told_from_redis() {
        let redis = servers::Server::start(Kind::Redis);
        let setting = format!("store.redis={}", redis.url());
        let url = redis.url();
        who_is_online_is_told_from_outside(&[&setting], &["--redis", &url]);
    }

    #[test]
    fn what_redis_has_lost_it_has_again() {
        let mut redis = servers::Server::start(Kind::Redis);
        let folder = tempfile::tempdir().unwrap();
        let (data, url) = (folder.path(), redis.url());
        let server = start(data, &[&format!("store.redis={url}")]);
        let mut kim = arrive(&server, "kim");
        let how = ["--redis", &url];
        wait_for(data, &how, &[("kim", None)]);
        redis.kill();
        // What is said while it is gone shows that it is.
        make(&mut kim, "winter", false);
        redis.start_again();
        wait_for(data, &how, &[("kim", Some("winter"))]);
    }

    /// Two servers, and somebody at the second who sees a room of the first.
    fn a_room_elsewhere_is_listed(settings: &[&str]) {
        let mut database = servers::Server::start(Kind::PostgreSql);
        let url = format!("store.url={}", database.fresh_database());
        let folder = tempfile::tempdir().unwrap();
        let start = |node: &str| {
            let settings = [&[url.as_str(), node], settings].concat();
            start(&folder.path().join(node), &settings)
        };
        let (first, second) = (start("store.node=0"), start("store.node=1"));
        let mut kim = arrive(&first, "kim");
        let room = make(&mut kim, "winter", false);
        let mut choi = arrive(&first, "choi");
        enter(&mut choi, room);
        let mut park = arrive(&first, "park");
        make(&mut park, "secret", true);
        let mut lee = arrive(&second, "lee");
        wait_until("the room of the other server", || {
            told(&busiest(&mut lee)) == [("winter", 2)]
        });
        make(&mut lee, "summer", false);
        let both = [("winter", 2), ("summer", 1)];
        wait_until("both rooms", || told(&busiest(&mut park)) == both);
        // The store knows that it is hidden before anybody says so to others.
        choi.ask(&Leave {}).unwrap();
        kim.ask(&wharf::proto::room::Close {}).unwrap();
        assert_eq!(told(&busiest(&mut lee)), [("summer", 1)]);
        database.kill();
        assert_eq!(told(&busiest(&mut lee)), [("summer", 1)]);
    }

    #[test]
    fn what_another_server_did_is_so_here_at_once() {
        let database = servers::Server::start(Kind::PostgreSql);
        let url = format!("store.url={}", database.fresh_database());
        let folder = tempfile::tempdir().unwrap();
        let start = |node: &str| start(&folder.path().join(node), &[url.as_str(), node]);
        let (first, second) = (start("store.node=0"), start("store.node=1"));
        let mut lee = arrive(&first, "lee");
        drop(arrive(&second, "kim"));
        let logged_in = Guest::new(&second).ask(&log_in("kim", "correct horse"));
        let logged_in = logged_in.unwrap();
        // Nothing waits for Kim, and the second server has seen the token.
        Guest::new(&second).ask(&by_token(&logged_in)).unwrap();
        lee.ask(&whisper("kim", "are you there?", 1)).unwrap();
        let mut again = Guest::new(&second);
        again.ask(&by_token(&logged_in)).unwrap();
        assert!(again.notice::<Whispered>().message.is_some());
        // At the first server, all her logins end.
        let mut elsewhere = Guest::new(&first);
        elsewhere.ask(&log_in("kim", "correct horse")).unwrap();
        elsewhere.ask(&RevokeLogins { login: 0 }).unwrap();
        let told = Guest::new(&second).refused(&by_token(&logged_in));
        assert_eq!(told, Code::Token);
    }

    #[test]
    fn busy_rooms_of_other_servers_are_known_by_the_store() {
        a_room_elsewhere_is_listed(&[]);
    }

    #[test]
    fn busy_rooms_of_other_servers_are_known_by_redis() {
        let redis = servers::Server::start(Kind::Redis);
        a_room_elsewhere_is_listed(&[&format!("store.redis={}", redis.url())]);
    }
}
