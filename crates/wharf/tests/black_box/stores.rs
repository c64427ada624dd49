//! The whole server on the databases of others: PostgreSQL, MariaDB, and Redis beside one.

use crate::operators::{ANYWHERE, admin_address, get, sum};
use crate::platform::{Guest, by_number, by_token, log_in, register, say, text_of, whisper};
use crate::servers::{self, Kind, PASSWORD, wait_until};
use crate::support::{BACKENDS, PATIENCE, Server, UNHURRIED, output};
use crate::tickets::shown;
use crate::watched::{metrics, wait_for};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wharf::proto::account::{LogOut, LoggedIn};
use wharf::proto::chat::{Said, Whispered};
use wharf::proto::session::{Code, Error, Ping};

/// A server whose store is there. Everybody needs an account.
fn start(url: &str) -> Server {
    let url = format!("store.url={url}");
    let settings = [&[&*url, ANYWHERE, "accounts.classic=known"], UNHURRIED].concat();
    Server::start(BACKENDS[0], &settings)
}

/// Waits until operators see that a store answers, or does not; how that is for a balancer.
fn seen(server: &Server, store: &str, is_up: bool) -> String {
    let sample = format!("wharf_store_up{{store=\"{store}\"}} ");
    wait_for(server, &sample, if is_up { 1.0 } else { 0.0 });
    let (status, _) = get(admin_address(server), "/healthz", "");
    assert!(status.contains(" 200 "), "a new process would not mend it");
    get(admin_address(server), "/readyz", "").1
}

/// Somebody new, once the store is there.
fn arrive(server: &Server, name: &str) -> (Guest, LoggedIn) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut guest = Guest::new(server);
        match guest.ask(&register(name)) {
            Ok(logged_in) => return (guest, logged_in),
            Err(error) => assert_waits(&error),
        }
        assert!(Instant::now() < deadline, "the store does not come");
    }
}

/// Whoever is told that something is unavailable is told when to come again.
fn assert_waits(error: &Error) {
    assert_eq!(error.code(), Code::Unavailable, "{error:?}");
    assert!(error.retry_after_ms > 0, "{error:?}");
}

fn an_account_outlives_the_server_and_its_database(kind: Kind) {
    let mut database = servers::Server::start(kind);
    let url = database.fresh_database();
    let server = start(&url);
    let (mut kim, kims) = arrive(&server, "kim");
    let (mut lee, _) = arrive(&server, "lee");
    lee.ask(&LogOut {}).unwrap();
    assert!(lee.client.is_ended());
    let said = kim.ask(&whisper("lee", "are you there?", 1)).unwrap();
    assert!(said.stored);
    drop((kim, lee, server));

    let server = start(&url);
    let mut kim = Guest::new(&server);
    let again = retried(&mut kim, |kim| kim.ask(&by_token(&kims)));
    assert_eq!(again.account, kims.account);
    let mut lee = Guest::new(&server);
    lee.ask(&log_in("lee", "correct horse")).unwrap();
    let kept = lee.notice::<Whispered>().message.unwrap();
    assert_eq!(text_of(&kept), "are you there?");

    kim.ask(&by_number(0)).unwrap();
    lee.ask(&by_number(0)).unwrap();
    // Nobody asks anything of it but who looks.
    database.hang();
    seen(&server, "sql", false);
    database.go_on();
    seen(&server, "sql", true);
    database.kill();
    let ready = seen(&server, "sql", false);
    assert!(
        ready.contains("\"reason\":\"store-unavailable\""),
        "{ready}"
    );
    let mut park = Guest::new(&server);
    let error = park.ask(&log_in("lee", "correct horse")).unwrap_err();
    assert_waits(&error);
    kim.ask(&say("does this go on?")).unwrap();
    let heard = loop {
        let heard = lee.notice_of::<Said>();
        if let Some(heard) = heard {
            break heard.message.unwrap();
        }
    };
    assert_eq!(text_of(&heard), "does this go on?");
    database.start_again();
    let ready = seen(&server, "sql", true);
    assert!(ready.contains("\"ready\":true"), "{ready}");
    let reconnects = "wharf_store_connections_total{store=\"sql\"} ";
    assert!(sum(&metrics(&server), reconnects) >= 2.0);
    let back = retried(&mut park, |park| park.ask(&log_in("lee", "correct horse")));
    assert!(!back.is_new);
    kim.ask(&whisper("lee", "it does", 2)).unwrap();
    let told = park.notice::<Whispered>().message.unwrap();
    assert_eq!(text_of(&told), "it does");
}

/// What comes of it once the store is there.
fn retried<T>(guest: &mut Guest, mut ask: impl FnMut(&mut Guest) -> Result<T, Error>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask(guest) {
            Ok(answer) => return answer,
            Err(error) => assert_waits(&error),
        }
        assert!(Instant::now() < deadline, "the store does not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn accounts_on_postgresql_outlive_the_server_and_a_killed_database() {
    an_account_outlives_the_server_and_its_database(Kind::PostgreSql);
}

#[test]
fn accounts_on_mariadb_outlive_the_server_and_a_killed_database() {
    an_account_outlives_the_server_and_its_database(Kind::MariaDb);
}

/// Says one thing to Redis, as a studio's service would; its answer's first line.
fn tell_redis(port: u16, words: &[&str]) -> String {
    tell_redis_with(PASSWORD, port, words)
}

fn tell_redis_with(password: &str, port: u16, words: &[&str]) -> String {
    let link = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    link.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answers = BufReader::new(link.try_clone().unwrap());
    let mut answer = String::new();
    for words in [&["AUTH", password][..], words] {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        (&link).write_all(command.as_bytes()).unwrap();
        answer.clear();
        answers.read_line(&mut answer).unwrap();
    }
    answer.trim().to_owned()
}

/// Gives out a key for one use, as `docs/OPERATIONS.md` tells studios to.
fn give_out(port: u16, key: &str, subject: &str) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let ends = (since + Duration::from_secs(600)).as_millis().to_string();
    let value = format!(r#"{{"sub":"{subject}","name":"{subject}"}}"#);
    let name = format!("wharf:ticket:{key}");
    let put = ["HSET", &name, "v", &value, "s", "0", "e", &ends];
    assert!(
        tell_redis(port, &put).starts_with(':'),
        "a number of fields"
    );
}

fn with_redis(redis: &servers::Server) -> Server {
    let url = format!("store.redis={}", redis.url());
    Server::start(BACKENDS[0], &[&[&*url, ANYWHERE], UNHURRIED].concat())
}

#[test]
fn a_key_for_one_use_lies_in_redis_and_is_good_once() {
    let redis = servers::Server::start(Kind::Redis);
    let server = with_redis(&redis);
    let ticket = shown("0123456789abcdef");
    assert_eq!(
        Guest::new(&server).refused(&ticket),
        Code::Token,
        "never given out"
    );
    give_out(redis.port(), "0123456789abcdef", "Kim");
    let first = Guest::new(&server).ask(&ticket).unwrap();
    assert!(first.is_new && first.display_name == "Kim");
    assert_eq!(
        Guest::new(&server).refused(&ticket),
        Code::Token,
        "replayed"
    );
    give_out(redis.port(), "fedcba9876543210", "Kim");
    let again = Guest::new(&server).ask(&shown("fedcba9876543210")).unwrap();
    assert_eq!(again.account, first.account);
    let late = [
        "HSET",
        "wharf:ticket:late-late-late-late",
        "v",
        "{\"sub\":\"Kim\"}",
        "s",
        "0",
        "e",
        "1",
    ];
    tell_redis(redis.port(), &late);
    let late = shown("late-late-late-late");
    assert_eq!(Guest::new(&server).refused(&late), Code::Token, "expired");
}

/// What fails while Redis is not well, and what does not; then it is well again.
fn only_tickets_wait(server: &Server, port: u16, name: &str, heal: impl FnOnce()) {
    let mut guest = Guest::new(server);
    let error = guest.ask(&shown("0123456789abcdef")).unwrap_err();
    assert_waits(&error);
    guest.ask(&register(name)).expect("accounts are elsewhere");
    guest.ask(&by_number(0)).expect("rooms are nowhere");
    guest.ask(&say("hello")).unwrap();
    guest.ask(&Ping::default()).unwrap();
    heal();
    give_out(port, "0123456789abcdef", "Park");
    let back = retried(&mut Guest::new(server), |guest| {
        guest.ask(&shown("0123456789abcdef"))
    });
    assert_eq!(back.display_name, "Park");
}

#[test]
fn redis_that_refuses_hangs_or_dies_fails_what_is_asked_of_it_and_nothing_else() {
    let mut redis = servers::Server::start(Kind::Redis);
    let mut server = with_redis(&redis);
    wait_until("Redis is connected", || {
        Guest::new(&server).refused(&shown("0123456789abcdef")) == Code::Token
    });
    let port = redis.port();
    redis.hang();
    only_tickets_wait(&server, port, "hangs", || {
        let ready = seen(&server, "redis", false);
        assert!(
            ready.contains("\"ready\":true"),
            "accounts are elsewhere: {ready}"
        );
        redis.go_on();
    });
    seen(&server, "redis", true);
    redis.kill();
    only_tickets_wait(&server, port, "dies", || {
        seen(&server, "redis", false);
        redis.start_again();
    });
    seen(&server, "redis", true);
    // Slower than any request may be, and than whoever asks.
    let pause = ["CLIENT", "PAUSE", "20000", "ALL"];
    assert_eq!(tell_redis(port, &pause), "+OK");
    only_tickets_wait(&server, port, "slow", || {});
    assert_eq!(
        tell_redis(port, &["CONFIG", "SET", "requirepass", "another"]),
        "+OK"
    );
    tell_redis_with("another", port, &["CLIENT", "KILL", "TYPE", "normal"]);
    only_tickets_wait(&server, port, "refuses", || {
        seen(&server, "redis", false);
        tell_redis_with("another", port, &["CONFIG", "SET", "requirepass", PASSWORD]);
    });
    // Its return is told as its loss is.
    server.wait_for_log(&["ERROR", "Redis cannot be reached"]);
    server.wait_for_log(&["INFO", "Redis is connected"]);
}

#[test]
fn a_wrong_url_of_redis_keeps_the_server_from_starting_and_is_not_shown() {
    let mut command = crate::support::serve(BACKENDS[0], &["store.redis=http://kim:secret@x"]);
    let folder = tempfile::tempdir().unwrap();
    let said = output(command.env("WHARF_DATA", folder.path()));
    assert_eq!(said.status.code(), Some(2));
    let said = String::from_utf8_lossy(&said.stderr);
    assert!(
        said.contains("store.redis") && said.contains("redis://"),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
}
