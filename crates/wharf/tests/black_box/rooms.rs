//! Rooms that have a name, on real sockets and a real store.

mod doors;
mod governed;
mod history;
mod moderation;
mod operated;
mod reported;

use crate::platform::{Guest, by_number, log_in, register, say, text_of};
use crate::support::{BACKENDS, PATIENCE, Server, UNHURRIED};
use std::time::{Duration, Instant};
use wharf::proto::account::Rename;
use wharf::proto::chat::content::What;
use wharf::proto::chat::{Content, GetHistory, Item, Said, Say};
use wharf::proto::room::enter::By;
use wharf::proto::room::{
    Change, Create, Enter, Entered, History, Joined, Leave, List, ListMembers, ListUsers, Measure,
    MemberChanged, Moderate, Parted, Rank, Reason,
};
use wharf::proto::session::Code;

/// Somebody with an account of that name, and its id.
fn somebody(server: &Server, name: &str) -> (Guest, i64) {
    let mut guest = Guest::new(server);
    let account = guest.ask(&register(name)).unwrap().account;
    (guest, account)
}

fn room_called(name: &str) -> Create {
    Create {
        name: name.into(),
        ..Create::default()
    }
}

fn lasting(name: &str, history: History) -> Create {
    Create {
        is_persistent: true,
        history: history.into(),
        ..room_called(name)
    }
}

fn id_of(entered: &Entered) -> i64 {
    entered.info.as_ref().expect("a room is told").room
}

fn enter(room: i64, password: &str) -> Enter {
    Enter {
        by: Some(By::Room(room)),
        password: password.into(),
    }
}

fn moderate(account: i64, measure: Measure, seconds: u32) -> Moderate {
    Moderate {
        account,
        measure: measure.into(),
        seconds,
        text: "because".into(),
    }
}

fn saying(text: &str, client_id: u64) -> Say {
    Say {
        client_id,
        ..say(text)
    }
}

/// What is heard next.
fn heard(guest: &mut Guest) -> String {
    let message = guest.notice::<Said>().message.unwrap();
    text_of(&message).to_owned()
}

fn names_of(guest: &mut Guest, list: &List) -> Vec<String> {
    let rooms = guest.ask(list).unwrap().rooms;
    rooms.into_iter().map(|room| room.name).collect()
}

/// Asks until it is answered: for what happens a moment after something else was seen.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never happens");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_room_is_made_found_entered_talked_in_and_gone_when_it_is_empty() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[&["shards=2"], UNHURRIED].concat());
        let (mut kim, kims) = somebody(&server, "kim");
        let (mut lee, lees) = somebody(&server, "lee");
        let made = kim
            .ask(&Create {
                topic: "snow".into(),
                members_max: 2,
                ..room_called("winter")
            })
            .unwrap();
        let info = made.info.clone().unwrap();
        assert_eq!(
            (made.rank(), info.members, info.members_max),
            (Rank::Owner, 1, 2)
        );
        assert!(!info.is_persistent && info.history() == History::Off);

        let search = List {
            search: "Win".into(),
            ..List::default()
        };
        let found = lee.ask(&search).unwrap().rooms;
        assert_eq!(found.len(), 1);
        assert_eq!((&*found[0].name, &*found[0].topic), ("winter", "snow"));
        let entered = lee.ask(&enter(found[0].room, "")).unwrap();
        assert_eq!(entered.rank(), Rank::Member);
        let there: Vec<i64> = entered.members.iter().map(|it| it.account).collect();
        assert_eq!(there, [lees, kims]);
        assert_eq!(kim.notice::<Joined>().member.unwrap().account, lees);

        let (mut third, _) = somebody(&server, "third");
        assert_eq!(third.refused(&enter(id_of(&made), "")), Code::Full);
        assert_eq!(third.refused(&room_called("WINTER")), Code::Taken);
        assert_eq!(third.refused(&room_called("Room 3")), Code::Taken);

        let so = lee.ask(&say("it snows")).unwrap();
        assert!(so.seq == 0 && !so.stored);
        assert_eq!(
            (heard(&mut kim), heard(&mut lee)),
            ("it snows".into(), "it snows".into())
        );
        assert_eq!(lee.refused(&GetHistory::default()), Code::NotFound);
        let users = third.ask(&ListUsers::default()).unwrap().users;
        let place = users.iter().find(|user| user.account == kims).unwrap().room;
        assert_eq!(place, id_of(&made));

        lee.ask(&Leave {}).unwrap();
        assert_eq!(kim.notice::<Parted>().reason(), Reason::Left);
        assert_eq!(lee.refused(&say("alone")), Code::WrongState);
        kim.ask(&Leave {}).unwrap();
        assert_eq!(until_gone(&mut third, id_of(&made)), Code::NotFound);
        third.ask(&room_called("winter")).unwrap();
    }
}

fn until_gone(guest: &mut Guest, room: i64) -> Code {
    until(|| match guest.ask(&enter(room, "")) {
        Ok(_) => {
            guest.ask(&Leave {}).unwrap();
            None
        }
        Err(error) => Some(error.code()),
    })
}

#[test]
fn rooms_that_stay_are_listed_behind_those_with_members_a_page_at_a_time() {
    let server = Server::start(BACKENDS[0], &[&["chat.rooms=2"], UNHURRIED].concat());
    let (mut kim, _) = somebody(&server, "kim");
    let (mut lee, _) = somebody(&server, "lee");
    for name in ["alpha", "beta", "gamma"] {
        kim.ask(&lasting(name, History::Off)).unwrap();
        kim.ask(&Leave {}).unwrap();
    }
    kim.ask(&Create {
        is_hidden: true,
        ..room_called("secret")
    })
    .unwrap();
    lee.ask(&room_called("party")).unwrap();
    let mut names = Vec::new();
    let mut list = List {
        limit: 2,
        ..List::default()
    };
    loop {
        let page = kim.ask(&list).unwrap();
        assert!(page.rooms.len() <= 2);
        let numbers = page.rooms.iter().filter_map(|room| room.number);
        assert!(numbers.clone().all(|number| number < 2));
        names.extend(page.rooms.into_iter().map(|room| room.name));
        if page.next_page.is_empty() {
            break;
        }
        list.page = page.next_page;
    }
    assert_eq!(names[0], "party", "the one with members first: {names:?}");
    names.sort();
    assert_eq!(
        names,
        ["Room 0", "Room 1", "alpha", "beta", "gamma", "party"]
    );
    let forged = List {
        page: "made-up".into(),
        ..List::default()
    };
    assert_eq!(kim.refused(&forged), Code::Invalid);
}

/// The next notice of that kind; others before it are skipped.
fn until_notice<P: wharf::wire::Packet>(guest: &mut Guest) -> P {
    loop {
        if guest.notices.is_empty() {
            guest.await_notice();
        }
        let (id, body) = guest.notices.pop_front().expect("one came");
        if id == P::ID {
            return P::decode(&body).unwrap();
        }
    }
}

#[test]
fn slow_mode_holds_members_and_content_of_every_kind_passes() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let (mut kim, _) = somebody(&server, "kim");
    let (mut lee, _) = somebody(&server, "lee");
    let made = kim
        .ask(&Create {
            slow_seconds: 3_600,
            ..room_called("library")
        })
        .unwrap();
    lee.ask(&enter(id_of(&made), "")).unwrap();
    lee.ask(&saying("first", 1)).unwrap();
    let slow = lee.ask(&say("second")).unwrap_err();
    assert_eq!(slow.code(), Code::Muted);
    assert!(slow.retry_after_ms > 3_000_000);
    assert!(
        lee.ask(&saying("first", 1)).unwrap().is_duplicate,
        "a retry is none"
    );
    for what in [
        What::Emote("wave".into()),
        What::Item(Item {
            item: 7,
            name: "sword".into(),
        }),
    ] {
        let say = Say {
            content: Some(Content {
                what: Some(what.clone()),
            }),
            client_id: 0,
        };
        kim.ask(&say).unwrap();
        let said = until_said_by(&mut lee, "kim");
        assert_eq!(said.content.and_then(|content| content.what), Some(what));
    }
    kim.ask(&Change {
        slow_seconds: Some(0),
        ..Change::default()
    })
    .unwrap();
    lee.ask(&say("second")).unwrap();
}

fn until_said_by(guest: &mut Guest, name: &str) -> wharf::proto::chat::Message {
    loop {
        let message = until_notice::<Said>(guest).message.unwrap();
        if message.author_name == name {
            return message;
        }
    }
}

#[test]
fn whoever_is_called_something_else_is_shown_so_in_the_room() {
    let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
    let (mut kim, _) = somebody(&server, "kim");
    let mut lee = Guest::new(&server);
    let device = wharf::proto::account::LogInAsGuest {
        secret: vec![9; 32],
        device: None,
    };
    let lees = lee.ask(&device).unwrap().account;
    let made = kim.ask(&room_called("stage")).unwrap();
    lee.ask(&enter(id_of(&made), "")).unwrap();
    let rename = Rename {
        display_name: "Haneul".into(),
    };
    lee.ask(&rename).unwrap();
    let member = until_notice::<MemberChanged>(&mut kim).member.unwrap();
    assert_eq!((member.account, &*member.display_name), (lees, "Haneul"));
    lee.ask(&say("hello")).unwrap();
    assert_eq!(until_said_by(&mut kim, "Haneul").author, lees);
    let members = kim.ask(&ListMembers::default()).unwrap().members;
    assert!(members.iter().any(|it| it.display_name == "Haneul"));
}

#[test]
fn lists_tell_how_many_are_in_the_numbered_rooms() {
    let server = Server::start(BACKENDS[0], &[&["chat.rooms=3"], UNHURRIED].concat());
    let (mut kim, _) = somebody(&server, "kim");
    let (mut lee, _) = somebody(&server, "lee");
    kim.ask(&by_number(2)).unwrap();
    let first = |guest: &mut Guest| {
        let rooms = guest.ask(&List::default()).unwrap().rooms;
        (rooms[0].number, rooms[0].members)
    };
    until(|| (first(&mut lee) == (Some(2), 1)).then_some(()));
    lee.ask(&by_number(2)).unwrap();
    until(|| (first(&mut lee) == (Some(2), 2)).then_some(()));
    kim.ask(&Leave {}).unwrap();
    lee.ask(&Leave {}).unwrap();
    until(|| (first(&mut lee).1 == 0).then_some(()));
}

#[test]
fn every_text_is_kept_as_it_was_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let texts = [
        "'; DROP TABLE room; --",
        "<script>alert(1)</script>",
        "%_\\\" ${jndi:x}",
        "e\u{301} \u{1f469}\u{200d}\u{1f680} \u{5d0}\u{5d1} \u{ac00}",
    ];
    let server = Server::start_in(folder.path(), BACKENDS[0], UNHURRIED);
    let (mut kim, _) = somebody(&server, "kim");
    let topic = |text: &str| Change {
        topic: Some(text.into()),
        ..Change::default()
    };
    let room = id_of(&kim.ask(&lasting("lab", History::Durable)).unwrap());
    for text in texts {
        let info = kim.ask(&topic(text)).unwrap().info.unwrap();
        assert_eq!(info.topic, text);
        kim.ask(&say(text)).unwrap();
        assert_eq!(heard(&mut kim), text);
        let search = List {
            search: text.into(),
            ..List::default()
        };
        assert_eq!(names_of(&mut kim, &search), Vec::<String>::new());
    }
    for text in ["a\0b", "a\u{1b}[2Jb", "a\nb", &"x".repeat(257)] {
        assert_eq!(kim.refused(&topic(text)), Code::Invalid, "{text:?}");
    }
    for text in ["", "a\0b", "a\u{1b}[2Jb", &"x".repeat(2_001)] {
        assert_eq!(kim.refused(&say(text)), Code::Invalid, "{text:?}");
    }
    drop((kim, server));
    let server = Server::start_in(folder.path(), BACKENDS[0], UNHURRIED);
    let mut kim = Guest::new(&server);
    kim.ask(&log_in("kim", "correct horse")).unwrap();
    let info = kim.ask(&enter(room, "")).unwrap().info.unwrap();
    assert_eq!(info.topic, texts[3]);
}

#[test]
fn every_mistake_about_rooms_is_answered_and_the_session_goes_on() {
    let server = Server::start(BACKENDS[0], &[&["chat.owned_max=1"], UNHURRIED].concat());
    let mut guest = Guest::new(&server);
    assert_eq!(guest.refused(&room_called("early")), Code::WrongState);
    guest.ask(&register("kim")).unwrap();
    for id in [11, i64::from(u32::MAX) + 1, i64::MAX] {
        assert_eq!(guest.refused(&enter(id, "")), Code::NotFound, "{id}");
    }
    assert_eq!(guest.refused(&enter(0, "")), Code::Invalid);
    for name in ["", "x", "two  spaces", "<b>", "a\u{202e}b"] {
        let error = guest.ask(&room_called(name)).unwrap_err();
        assert_eq!(
            (error.code(), &*error.field),
            (Code::Invalid, "name"),
            "{name:?}"
        );
    }
    let keeps = Create {
        history: History::Durable.into(),
        ..room_called("keeper")
    };
    assert_eq!(guest.refused(&keeps), Code::Invalid);
    for request in [
        Change::default(),
        Change {
            topic: Some("x".into()),
            ..Change::default()
        },
    ] {
        assert_eq!(guest.refused(&request), Code::WrongState, "in no room");
    }
    guest.ask(&by_number(0)).unwrap();
    assert_eq!(
        guest.refused(&Change::default()),
        Code::Forbidden,
        "nobody's"
    );
    assert_eq!(
        guest.refused(&moderate(1, Measure::Kick, 0)),
        Code::Forbidden
    );
    assert_eq!(guest.refused(&room_called("inside")), Code::WrongState);
    guest.ask(&Leave {}).unwrap();

    guest.ask(&lasting("one", History::Off)).unwrap();
    assert_eq!(
        guest.refused(&room_called("another")),
        Code::WrongState,
        "still inside"
    );
    assert_eq!(
        guest.refused(&moderate(12_345, Measure::Kick, 0)),
        Code::NotFound
    );
    assert_eq!(
        guest.refused(&Change {
            name: Some("x".into()),
            ..Change::default()
        }),
        Code::Invalid
    );
    guest.ask(&Leave {}).unwrap();
    assert_eq!(guest.refused(&lasting("two", History::Off)), Code::Full);
    assert_eq!(guest.refused(&lasting("ONE", History::Off)), Code::Taken);
    let names = names_of(
        &mut guest,
        &List {
            search: "on".into(),
            ..List::default()
        },
    );
    assert_eq!(names, ["one"]);
}
