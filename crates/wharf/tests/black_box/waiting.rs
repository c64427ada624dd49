//! A server that is full: who waits for a place, and who is told to go.

use crate::platform::{Guest, hello, log_in, register};
use crate::support::{BACKENDS, PATIENCE, Server};
use std::time::Instant;
use wharf::proto::account::{LogIn, Register};
use wharf::proto::session::{Code, Goodbye, Ping, QueuePlace};
use wharf::wire::classic::ResultCode;

/// Two places, and two that wait.
fn start(backend: &str) -> Server {
    let settings = ["limits.sessions_max=2", "accounts.queue_max=2"];
    Server::start(backend, &settings)
}

#[test]
fn who_finds_no_place_waits_is_told_where_and_comes_in_in_order() {
    for backend in BACKENDS {
        let server = start(backend);
        let mut kim = Guest::new(&server);
        kim.ask(&register("kim")).unwrap();
        let mut classic = server.connect();
        assert_eq!(classic.log_in("classic"), ResultCode::None);

        let mut lee = Guest::new(&server);
        let lees = lee.send(&register("lee"));
        assert_eq!(lee.notice::<QueuePlace>().before, 0);
        let mut park = Guest::new(&server);
        let parks = park.send(&register("park"));
        assert_eq!(park.notice::<QueuePlace>().before, 1);
        park.ask(&Ping::default())
            .expect("whoever waits is served as a guest");
        let again = park.refused(&log_in("kim", "correct horse"));
        assert_eq!(again, Code::WrongState);

        // Beyond the queue nobody is taken in, and a classic client is told so as ever.
        let mut late = server.connect();
        assert_eq!(late.log_in("late"), ResultCode::LoginUserUsedAll);
        assert!(late.is_ended());

        drop(classic);
        lee.answer_to::<Register>(lees).expect("it is lee's turn");
        assert_eq!(park.notice::<QueuePlace>().before, 0);
        drop(kim);
        park.answer_to::<Register>(parks)
            .expect("it is park's turn");
        lee.ask(&Ping::default()).unwrap();
        assert!(lee.notices.is_empty() && park.notices.is_empty());
    }
}

#[test]
fn whoever_goes_loses_their_place_in_the_queue() {
    let server = start(BACKENDS[0]);
    let (mut kim, mut lee) = (Guest::new(&server), Guest::new(&server));
    kim.ask(&register("kim")).unwrap();
    lee.ask(&register("lee")).unwrap();
    let mut gone = Guest::new(&server);
    gone.send(&register("gone"));
    assert_eq!(gone.notice::<QueuePlace>().before, 0);
    let mut park = Guest::new(&server);
    let parks = park.send(&register("park"));
    assert_eq!(park.notice::<QueuePlace>().before, 1);
    drop(gone);
    assert_eq!(park.notice::<QueuePlace>().before, 0);
    // A classic client that finds a seat finds no place.
    let mut classic = server.connect();
    assert_eq!(classic.log_in("classic"), ResultCode::LoginUserUsedAll);
    drop(lee);
    park.answer_to::<Register>(parks)
        .expect("it is park's turn");
    drop(kim);
    let mut again = Guest::new(&server);
    let never = again.refused(&log_in("gone", "correct horse"));
    assert_eq!(never, Code::Credentials, "its registration never began");
}

#[test]
fn whoever_says_no_more_while_they_wait_has_gone() {
    let server = start(BACKENDS[0]);
    let (mut kim, mut lee) = (Guest::new(&server), Guest::new(&server));
    kim.ask(&register("kim")).unwrap();
    lee.ask(&register("lee")).unwrap();
    let mut gone = Guest::new(&server);
    gone.send(&register("gone"));
    gone.client.half_close();
    assert_eq!(gone.notice::<QueuePlace>().before, 0);
    assert!(gone.client.is_ended());
    let mut park = Guest::new(&server);
    park.send(&register("park"));
    assert_eq!(park.notice::<QueuePlace>().before, 0);
    park.client.half_close();
    assert!(park.client.is_ended());
}

#[test]
fn who_waits_is_not_cut_for_not_being_logged_in_and_who_fails_then_is() {
    let settings = [
        "limits.sessions_max=1",
        "limits.sessions_not_logged_in=1",
        // Longer than anything keeps those who log in here from it.
        "limits.login_seconds=8",
        "accounts.queue_max=2",
    ];
    let server = Server::start(BACKENDS[0], &settings);
    let mut kim = Guest::new(&server);
    kim.ask(&register("kim")).unwrap();
    let mut wrong = Guest::new(&server);
    let wrongs = wrong.send(&log_in("kim", "battery staple"));
    assert_eq!(wrong.notice::<QueuePlace>().before, 0);
    let mut other = Guest::new(&server);
    let others = other.send(&register("other"));
    assert_eq!(other.notice::<QueuePlace>().before, 1);
    // Somebody else runs into the deadline meanwhile.
    wait_until_cut(&server);
    drop(kim);
    let refused = wrong.answer_to::<LogIn>(wrongs).unwrap_err();
    assert_eq!(refused.code(), Code::Credentials);
    other
        .answer_to::<Register>(others)
        .expect("the place is free again");
    assert!(
        wrong.client.is_ended(),
        "it had the usual time from then on"
    );
    other.ask(&Ping::default()).unwrap();
}

#[test]
fn who_says_hello_and_does_not_log_in_is_told_why_it_ends() {
    let server = Server::start(BACKENDS[0], &["limits.login_seconds=5"]);
    let mut silent = Guest::new(&server);
    let told = silent.next_of::<Goodbye>();
    assert_eq!(told.code(), Code::WrongState);
    assert_eq!(told.text, "nobody has logged in within 5 s");
    assert!(silent.client.is_ended());
}

/// Waits until a session that has come after all others is cut because it does not log in.
fn wait_until_cut(server: &Server) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut silent = Guest::connect(server);
        silent.send(&hello());
        if silent.client.is_ended() {
            return;
        }
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn without_a_queue_whoever_finds_no_place_is_told_so() {
    let settings = ["limits.sessions_max=2", "accounts.queue_max=0"];
    let server = Server::start(BACKENDS[0], &settings);
    let mut kim = Guest::new(&server);
    kim.ask(&register("kim")).unwrap();
    let mut lee = Guest::new(&server);
    lee.ask(&register("lee")).unwrap();
    // There is not even a seat to ask from.
    let mut late = Guest::connect(&server);
    late.send(&hello());
    let told = late.notice::<Goodbye>();
    assert_eq!(
        (told.code(), &*told.text),
        (Code::Full, "the server is full")
    );
    assert!(told.retry_after_ms > 0);
    assert!(late.client.is_ended());
    kim.ask(&Ping::default()).unwrap();
}
