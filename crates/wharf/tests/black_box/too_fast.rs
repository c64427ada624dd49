//! Requests that come too fast: an error to whoever makes them, and nothing else.

use crate::platform::{Guest, by_number, hello, log_in, register, say, text_of, whisper};
use crate::support::{BACKENDS, Server};
use wharf::proto::chat::{Said, Say, Whisper, Whispered};
use wharf::proto::room::{ListMembers, Presence, SetPresence};
use wharf::proto::session::{Code, Error, Ping};

/// A server on which a session may say one thing in a minute.
fn start(backend: &str) -> Server {
    Server::start(backend, &["limits.chats_per_minute=1"])
}

fn assert_too_fast(error: &Error) {
    assert_eq!(error.code(), Code::Rate, "{error:?}");
    assert!((1..=60_000).contains(&error.retry_after_ms), "{error:?}");
    let told = format!("too fast: again in {} ms", error.retry_after_ms);
    assert_eq!(error.text, told);
}

#[test]
fn lines_and_whispers_count_together_and_what_is_too_much_is_refused_alone() {
    for backend in BACKENDS {
        let server = start(backend);
        let (mut kim, mut lee) = (Guest::new(&server), Guest::new(&server));
        kim.ask(&register("kim")).unwrap();
        lee.ask(&register("lee")).unwrap();
        kim.ask(&by_number(0)).unwrap();
        lee.ask(&by_number(0)).unwrap();
        kim.notices.clear();
        kim.ask(&say("one")).unwrap();
        // As fast as they can be sent: each is answered, in order.
        let numbers: Vec<_> = (0..50).map(|_| kim.send(&say("two"))).collect();
        for number in numbers {
            assert_too_fast(&kim.answer_to::<Say>(number).unwrap_err());
        }
        let number = kim.send(&whisper("lee", "three", 0));
        assert_too_fast(&kim.answer_to::<Whisper>(number).unwrap_err());
        kim.ask(&ListMembers::default()).expect("another class");
        kim.ask(&Ping::default()).expect("the session goes on");
        lee.ask(&whisper("kim", "four", 0))
            .expect("another session");
        lee.ask(&say("five"))
            .expect_err("a whisper counted with it");
        assert_heard(&mut lee, &["one"]);
        assert_heard(&mut kim, &["one", "four"]);
    }
}

fn visible() -> SetPresence {
    SetPresence {
        presence: Presence::Everybody.into(),
    }
}

/// A request of each class, by the setting that bounds it.
type Ask = fn(&mut Guest) -> Result<(), Error>;
const CLASSES: [(&str, Ask); 5] = [
    ("chats", |guest| guest.ask(&say("hello")).map(drop)),
    ("queries", |guest| {
        guest.ask(&ListMembers::default()).map(drop)
    }),
    ("commands", |guest| guest.ask(&visible()).map(drop)),
    ("logins", |guest| {
        guest.ask(&log_in("kim", "correct horse")).map(drop)
    }),
    ("pings", |guest| guest.ask(&Ping::default()).map(drop)),
];

#[test]
fn a_flood_of_any_class_leaves_every_other_class_alone() {
    for (flooded, ask) in CLASSES {
        let setting = format!("limits.{flooded}_per_minute=1");
        let server = Server::start(BACKENDS[0], &[&setting]);
        let mut kim = Guest::new(&server);
        kim.ask(&register("kim")).unwrap();
        kim.ask(&by_number(0)).unwrap();
        // The first may be one too many already: who is in has logged in.
        let _ = ask(&mut kim);
        for _ in 0..20 {
            assert_too_fast(&ask(&mut kim).expect_err(flooded));
        }
        for (class, ask) in CLASSES.iter().filter(|(class, _)| *class != flooded) {
            match ask(&mut kim) {
                Ok(()) => {}
                // Who is in cannot log in, which is told in time.
                Err(error) => assert_eq!(
                    (error.code(), *class),
                    (Code::WrongState, "logins"),
                    "{class} beside {flooded}: {error:?}"
                ),
            }
        }
    }
}

/// Everything that was said to somebody, in whatever order both kinds come.
fn assert_heard(guest: &mut Guest, expected: &[&str]) {
    guest.ask(&Ping::default()).unwrap();
    let mut heard = Vec::new();
    while heard.len() < expected.len() {
        let (id, body) = guest.next_notice();
        let message = match id {
            _ if id == <Said as wharf::wire::Packet>::ID => {
                <Said as wharf::wire::Packet>::decode(&body)
                    .unwrap()
                    .message
            }
            _ if id == <Whispered as wharf::wire::Packet>::ID => {
                <Whispered as wharf::wire::Packet>::decode(&body)
                    .unwrap()
                    .message
            }
            _ => continue,
        };
        heard.push(text_of(&message.unwrap()).to_owned());
    }
    let mut expected: Vec<_> = expected.to_vec();
    expected.sort_unstable();
    heard.sort_unstable();
    assert_eq!(heard, expected);
    assert!(guest.notices.is_empty(), "what was refused was told");
}

#[test]
fn who_floods_all_the_same_is_cut_and_logins_are_counted_apart() {
    let settings = [
        "limits.logins_per_minute=1",
        "limits.inbound_packets_per_second=50",
        "limits.flood_seconds=1",
    ];
    let mut server = Server::start(BACKENDS[0], &settings);
    let mut flood = Guest::connect(&server);
    flood.ask(&hello()).unwrap();
    assert_eq!(flood.ask(&register("k")).unwrap_err().code(), Code::Invalid);
    assert_eq!(flood.ask(&register("kim")).unwrap_err().code(), Code::Rate);
    let mut bytes = Vec::new();
    for number in 100..2_100 {
        let extensions = wharf::wire::Extensions::request(number);
        extensions.encode_frame(<Ping as wharf::wire::Packet>::ID, &mut bytes, |_| {});
    }
    flood.client.send_rudely(&bytes);
    server.wait_for_log(&["flood"]);
    assert!(flood.client.is_ended());
    Guest::new(&server).ask(&register("kim")).unwrap();
}
