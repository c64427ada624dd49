//! Events, beside how scripts see them.

use super::super::parse::parse;
use super::*;
use expect_test::expect;
use wharf_proto::chat::{Content, Said};

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
            room: Some("lounge".to_owned()),
            ..About::default()
        },
    };
    expect![[r#"{"account":"9007199254740993","at_ms":1,"event":"message","from":"김","room":"lounge","seq":4,"text":"\u001b[2J안녕\nkim\u009b"}"#]]
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
    }));
    let about = About::default();
    let event = Event::Done {
        call: call.clone(),
        done,
        about,
    };
    expect![[r#"{"cmd":"say","event":"ok","id":[1],"is_duplicate":false,"seq":3,"stored":true}"#]]
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
