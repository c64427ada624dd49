//! What operators see of accounts, rooms that have a name, and the store.

use crate::operators::{ANYWHERE, admin_address, get, sum, top};
use crate::platform::{Guest, by_token, classic_login, log_in, register, say};
use crate::support::{BACKENDS, PATIENCE, Server, serve};
use std::time::{Duration, Instant};
use wharf::proto::account::{LogInAsGuest, Register};
use wharf::proto::chat::Say;
use wharf::proto::room::enter::By;
use wharf::proto::room::{Create, Enter, History};
use wharf::proto::session::{Code, QueuePlace};
use wharf::wire::classic::ResultCode;

/// What `/metrics` tells of now: a look that serves whoever asks within a moment may be older.
pub(crate) fn metrics(server: &Server) -> String {
    let look = || get(admin_address(server), "/metrics", "").1;
    let uptime = |page: &str| sum(page, "wharf_uptime_seconds ");
    let first = uptime(&look());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = look();
        if uptime(&page) > first {
            return page;
        }
        assert!(Instant::now() < deadline, "nobody looks again");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a sample has this value.
pub(crate) fn wait_for(server: &Server, sample: &str, value: f64) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = metrics(server);
        if page.lines().any(|line| line.starts_with(sample)) && sum(&page, sample) == value {
            return page;
        }
        assert!(
            Instant::now() < deadline,
            "{sample} never is {value}:\n{page}"
        );
    }
}

fn assert_samples(page: &str, expected: &[(&str, f64)]) {
    for (sample, value) in expected {
        assert!(
            page.lines()
                .any(|line| line.starts_with(&format!("{sample} "))),
            "{sample} is not in:\n{page}"
        );
        assert_eq!(sum(page, &format!("{sample} ")), *value, "{sample}\n{page}");
    }
}

#[test]
fn logins_people_rooms_and_hashes_are_counted_as_they_were() {
    let settings = [
        ANYWHERE,
        "accounts.classic=register",
        "limits.send_memory_bytes=67108864",
    ];
    let server = Server::start(BACKENDS[0], &settings);
    let mut kim = Guest::new(&server);
    let kims = kim.ask(&register("kim")).unwrap();
    let mut lee = Guest::new(&server);
    lee.ask(&register("lee")).unwrap();
    let wrong = Guest::new(&server).refused(&log_in("kim", "wrong horse"));
    assert_eq!(wrong, Code::Credentials);
    assert_eq!(Guest::new(&server).refused(&register("KIM")), Code::Taken);
    assert_samples(
        &metrics(&server),
        &[
            // A name that is taken is refused before anything is hashed for it.
            ("wharf_hash_done_total", 3.0),
            ("wharf_hash_refused_total", 0.0),
            ("wharf_hash_waiting", 0.0),
            ("wharf_people_online", 2.0),
            ("wharf_accounts_made_total", 2.0),
            ("wharf_shard_send_memory_max_bytes", 67_108_864.0),
        ],
    );
    let mut again = Guest::new(&server);
    again.ask(&by_token(&kims)).unwrap();
    let device = LogInAsGuest {
        secret: vec![7; 32],
        device: None,
    };
    let mut guest = Guest::new(&server);
    guest.ask(&device).unwrap();
    let (_park, result) = classic_login(&server, "park", "long enough");
    assert_eq!(result, ResultCode::None);
    let (_, result) = classic_login(&server, "park", "another one");
    assert_eq!(result, ResultCode::LoginUserInvalid);
    let made = again
        .ask(&Create {
            name: "winter".into(),
            ..Create::default()
        })
        .unwrap();
    let room = made.info.unwrap().room;
    let enter = Enter {
        by: Some(By::Room(room)),
        ..Enter::default()
    };
    lee.ask(&enter).unwrap();
    let page = wait_for(&server, "wharf_named_room_members ", 2.0);
    let ended = |way, outcome| {
        let sample = format!("wharf_logins_total{{way=\"{way}\",outcome=\"{outcome}\"}} ");
        sum(&page, &sample)
    };
    for (way, outcome, count) in [
        ("register", "ok", 2.0),
        ("register", "taken", 1.0),
        ("password", "wrong", 1.0),
        ("token", "ok", 1.0),
        ("device", "ok", 1.0),
        ("classic", "ok", 1.0),
        ("classic", "wrong", 1.0),
    ] {
        assert_eq!(ended(way, outcome), count, "{way} {outcome}\n{page}");
    }
    assert_eq!(sum(&page, "wharf_logins_total{"), 8.0, "and no others");
    assert_samples(
        &page,
        &[
            ("wharf_accounts_made_total", 4.0),
            ("wharf_people_online", 4.0),
            ("wharf_named_rooms", 1.0),
            // The named room asks what is done to it, and waits.
            ("wharf_services_queries", 1.0),
            ("wharf_services_panics_total", 0.0),
            ("wharf_services_up", 1.0),
        ],
    );
    drop(lee);
    wait_for(&server, "wharf_named_room_members ", 1.0);
}

#[test]
fn what_the_store_did_is_counted_as_it_was_and_who_looks_counts_for_nothing() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let mut kim = Guest::new(&server);
    kim.ask(&register("kim")).unwrap();
    let room = Create {
        name: "winter".into(),
        is_persistent: true,
        history: History::Durable.into(),
        ..Create::default()
    };
    kim.ask(&room).unwrap();
    let mut client_ids = 1..;
    let after = until_alone("five lines are five commits", || {
        let before = metrics(&server);
        for client_id in client_ids.by_ref().take(5) {
            let line = Say {
                client_id,
                ..say("it snows")
            };
            assert!(kim.ask(&line).unwrap().stored);
        }
        metrics(&server);
        let after = metrics(&server);
        let grown = STORED.map(|(sample, _)| {
            let sample = format!("{sample}{{store=\"sql\"}} ");
            sum(&after, &sample) - sum(&before, &sample)
        });
        if grown == STORED.map(|(_, more)| more) {
            Ok(after)
        } else {
            Err(format!("{grown:?} of {STORED:?}"))
        }
    });
    let answered = "wharf_store_requests_total{store=\"sql\",outcome=\"answered\"} ";
    let all = sum(&after, "wharf_store_requests_total{");
    assert_eq!(sum(&after, answered), all, "nothing else came of any");
    assert_eq!(all, sum(&after, "wharf_store_asked_total{"));
    assert_samples(
        &after,
        &[
            ("wharf_store_info{store=\"sql\",kind=\"sqlite\"}", 1.0),
            ("wharf_store_up{store=\"sql\"}", 1.0),
            ("wharf_store_waiting{store=\"sql\"}", 0.0),
        ],
    );
    let admin = admin_address(&server);
    let (code, page, error) = top(&["--admin", admin, "--once"]);
    assert_eq!(code, 0, "{error}");
    for words in ["sqlite up", "register: ok", "1 online", "named rooms"] {
        assert!(page.contains(words), "{words} is not in:\n{page}");
    }
    until_alone("looking is no commit", || {
        let (_, json, _) = top(&["--admin", admin, "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["services"]["people"]["online"], 1);
        assert_eq!(json["services"]["store"]["is_answering"], true);
        let commits = &json["per_second"]["store_commits"];
        if *commits == 0.0 {
            Ok(())
        } else {
            Err(commits.to_string())
        }
    });
}

/// What five lines in a room with a history make of what a store counts.
const STORED: [(&str, f64); 6] = [
    ("wharf_store_asked_total", 5.0),
    ("wharf_store_commits_total", 5.0),
    ("wharf_store_committed_requests_total", 5.0),
    ("wharf_store_answer_seconds_count", 5.0),
    ("wharf_store_reads_total", 0.0),
    ("wharf_store_connections_total", 0.0),
];

/// Measures again while it is not as it should be: the server writes for itself as well, who is
/// there and which rooms are full, at moments of its own.
fn until_alone<T>(what: &str, mut measured: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match measured() {
            Ok(right) => return right,
            Err(wrong) => assert!(Instant::now() < deadline, "{what}: {wrong}"),
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn the_queue_at_a_full_server_is_seen() {
    let settings = [ANYWHERE, "limits.sessions_max=1", "accounts.queue_max=2"];
    let server = Server::start(BACKENDS[0], &settings);
    let mut kim = Guest::new(&server);
    kim.ask(&register("kim")).unwrap();
    let mut lee = Guest::new(&server);
    let lees = lee.send(&register("lee"));
    assert_eq!(lee.notice::<QueuePlace>().before, 0);
    let page = wait_for(&server, "wharf_login_queue ", 1.0);
    assert_samples(&page, &[("wharf_login_queue_max", 2.0)]);
    let mut classic = server.connect();
    assert_eq!(classic.log_in("classic"), ResultCode::LoginUserUsedAll);
    drop(kim);
    lee.answer_to::<Register>(lees).expect("it is lee's turn");
    wait_for(&server, "wharf_login_queue ", 0.0);
}

#[test]
fn a_first_run_tells_what_to_try_and_what_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(BACKENDS[0], &[ANYWHERE]);
    command.arg("--data").arg(folder.path());
    command.env("WHARF_LIMITS__LOGIN_SECONDS", "20");
    let server = Server::start_command(command);
    let target = format!("chat --guest --target {}", server.address);
    let database = folder.path().join("wharf.db");
    let database = format!("SQLite, {}", database.display());
    let admin = format!("top --admin {}", admin_address(&server));
    for words in [
        &*target,
        &database,
        &admin,
        "docs/CHAT.md",
        "docs/OPERATIONS.md",
        "the command line over the environment over built-in defaults",
    ] {
        assert!(
            server.banner.contains(words),
            "{words} is not in:\n{}",
            server.banner
        );
    }
}
