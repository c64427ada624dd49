//! Events, beside how scripts see them.

use super::super::event::InRoom;
use super::super::parse::parse;
use super::*;
use expect_test::expect;
use wharf_proto::FROM_SERVER;
use wharf_proto::chat::{self, Content, Said};
use wharf_proto::room::{self, User};
use wharf_proto::session::{Goodbye, Maintenance, QueuePlace};

fn lounge() -> InRoom {
    InRoom {
        id: 44,
        name: "lounge".to_owned(),
    }
}

/// A packet as the event that it is, unasked and as an answer.
fn both(packet: ServerPacket) -> [Map<String, Value>; 2] {
    let about = About {
        room: Some(lounge()),
        ..About::default()
    };
    let notice = Event::Notice {
        packet: packet.clone(),
        about: about.clone(),
    };
    let call = parse("/ping", true).unwrap().unwrap();
    let done = Done::Packet(packet);
    [notice, Event::Done { call, done, about }].map(|event| object(&event))
}

fn any_room() -> Option<Info> {
    Some(Info {
        room: 44,
        name: "lounge".to_owned(),
        ..Info::default()
    })
}

/// Packets with a room in them.
fn about_rooms() -> Vec<ServerPacket> {
    let info = any_room();
    let rooms = vec![any_room().unwrap()];
    let user = User {
        room: 44,
        ..User::default()
    };
    let users = vec![user, User::default()];
    let case = Case {
        room: 44,
        ..Case::default()
    };
    let cases = vec![case.clone(), Case::default()];
    let next_page = String::new();
    vec![
        ServerPacket::Entered(Entered {
            info: info.clone(),
            ..Entered::default()
        }),
        ServerPacket::Changed(room::Changed { info: info.clone() }),
        ServerPacket::NowChanged(room::NowChanged { info }),
        ServerPacket::Rooms(room::Rooms {
            rooms,
            next_page: next_page.clone(),
        }),
        ServerPacket::Users(room::Users {
            users,
            next_page: next_page.clone(),
        }),
        ServerPacket::Reports(chat::Reports { cases, next_page }),
        ServerPacket::ReportTaken(chat::ReportTaken {
            case: Some(case),
            messages: Vec::new(),
        }),
    ]
}

/// Wherever a room stands in a value: its id is a text or nothing, and a name stands beside it
/// where it is known.
fn check_rooms(value: &Value, within: &str) -> usize {
    let Some(object) = value.as_object() else {
        let items = value.as_array().into_iter().flatten();
        return items.map(|it| check_rooms(it, within)).sum();
    };
    let mut seen = 0;
    for (name, value) in object {
        match &**name {
            "room" => {
                let digits = value.as_str().map(|it| it.parse::<i64>().is_ok());
                assert!(value.is_null() || digits == Some(true), "{within}: {value}");
                seen += 1;
            }
            "room_name" => assert!(object.contains_key("room"), "{within}"),
            "info" => assert!(
                value.is_null() || value["name"].is_string(),
                "{within}: {value}"
            ),
            _ => {}
        }
        seen += check_rooms(value, within);
    }
    seen
}

#[test]
fn a_room_is_its_id_in_every_event_and_its_name_stands_beside_it() {
    let nothing = FROM_SERVER
        .iter()
        .map(|it| ServerPacket::decode(it.id, &[]).unwrap());
    let mut seen = 0;
    for packet in nothing.chain(about_rooms()) {
        let [notice, done] = both(packet);
        let within = notice["event"].to_string();
        seen += check_rooms(&Value::Object(notice.clone()), &within);
        seen += check_rooms(&Value::Object(done), &within);
        assert!(notice.contains_key("room_name"), "{notice:?}");
    }
    assert!(seen > 2 * FROM_SERVER.len() / 2, "{seen}");
    for packet in about_rooms().into_iter().take(3) {
        let told = both(packet);
        let mut whole = told.iter().filter(|it| it.contains_key("info")).peekable();
        assert!(whole.peek().is_some(), "{told:?}");
        for it in whole {
            let named = (&it["room"], &it["room_name"]);
            assert_eq!(named, (&json!("44"), &json!("lounge")));
            assert_eq!(it["info"]["room"], "44");
        }
    }
}

#[test]
fn a_time_that_is_none_is_null() {
    let goodbye = Goodbye::default();
    for (packet, names) in [
        (ServerPacket::Goodbye(goodbye), &["retry_after_ms"][..]),
        (
            ServerPacket::QueuePlace(QueuePlace::default()),
            &["wait_ms"],
        ),
        (
            ServerPacket::Maintenance(Maintenance::default()),
            &["begins_ms", "ends_ms"],
        ),
        (
            ServerPacket::MutedHere(room::MutedHere::default()),
            &["until_ms"],
        ),
        (
            ServerPacket::Removed(room::Removed::default()),
            &["until_ms"],
        ),
    ] {
        let [told, _] = both(packet);
        assert!(names.iter().all(|name| told[*name].is_null()), "{told:?}");
    }
}

#[test]
fn who_has_erased_the_account_is_told_apart_from_the_server() {
    let message = |author| Message {
        author,
        ..Message::default()
    };
    let erased = super::message(&message(7));
    assert_eq!(
        (&erased["from"], &erased["account"]),
        (&json!(null), &json!("7"))
    );
    assert_eq!(erased["is_erased"], true);
    let server = super::message(&message(0));
    assert_eq!(
        (&server["from"], &server["account"]),
        (&json!(null), &json!(null))
    );
    assert!(server.get("is_erased").is_none());
}

#[test]
fn a_message_is_one_harmless_line() {
    let what = Some(What::Text("\u{1b}[2J안녕\nkim\u{9b}".to_owned()));
    let message = Message {
        seq: 4,
        author: 9_007_199_254_740_993,
        author_name: "김".to_owned(),
        content: Some(Content { what }),
        at_ms: 1,
        is_removed: false,
    };
    let event = Event::Notice {
        packet: ServerPacket::Said(Said {
            message: Some(message),
        }),
        about: About {
            room: Some(lounge()),
            ..About::default()
        },
    };
    expect![[r#"{"account":"9007199254740993","at_ms":1,"event":"message","from":"김","room":"44","room_name":"lounge","seq":4,"text":"\u001b[2J안녕\nkim\u009b"}"#]]
        .assert_eq(&line(&event));
}

#[test]
fn an_answer_bears_the_command_and_what_the_script_called_it() {
    let say = r#"{"cmd":"say","text":"hi","id":[1]}"#;
    let call = parse(say, true).unwrap().unwrap();
    let done = Done::Packet(ServerPacket::SaidSo(wharf_proto::chat::SaidSo {
        seq: 3,
        stored: true,
        is_duplicate: false,
        waits: true,
    }));
    let about = About::default();
    let event = Event::Done {
        call: call.clone(),
        done,
        about,
    };
    expect![[r#"{"cmd":"say","event":"ok","id":[1],"is_duplicate":false,"seq":3,"stored":true,"waits":true}"#]]
        .assert_eq(&line(&event));
    let problem = Problem::unconfirmed(&call);
    let call = Some(call);
    expect![[r#"{"cmd":"say","code":"unconfirmed","details":{},"event":"error","field":"","hint":"the connection went before the answer came: it may have been done or not","id":[1],"retry_after_ms":null,"text":"not confirmed: hi"}"#]]
        .assert_eq(&line(&Event::Failed { call, problem }));
}

#[test]
fn a_mistake_bears_the_command_as_it_was_named() {
    let mistake = parse(r#"{"cmd":"sya","text":"hi","id":7}"#, true).unwrap_err();
    let problem = mistake.into();
    let call = None;
    let told = object(&Event::Failed { call, problem });
    let told = ["event", "code", "cmd", "id"].map(|name| told[name].clone());
    let expected = [json!("error"), json!("usage"), json!("sya"), json!(7)];
    assert_eq!(told, expected);
}

#[test]
fn a_login_shows_no_token() {
    let login = LoggedIn {
        account: 7,
        token: vec![0xab; 32],
        ..LoggedIn::default()
    };
    let packet = ServerPacket::LoggedIn(login);
    let about = About::default();
    let shown = line(&Event::Notice { packet, about });
    assert!(
        shown.contains(r#""account":"7""#) && !shown.contains("171"),
        "{shown}"
    );
}
