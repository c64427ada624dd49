//! What holds for the whole server holds in rooms that have a name.

use super::{enter, id_of, lasting, room_called, somebody, until};
use crate::operating::Operator;
use crate::operators::ANYWHERE;
use crate::platform::{say, text_of};
use crate::support::{BACKENDS, Server};
use crate::words::{self, assert_filtered};
use serde_json::Value;
use wharf::proto::chat::{Announce, Announcement, Report, Said, Scope};
use wharf::proto::room::{Change, History};
use wharf::proto::session::Code;

#[test]
fn words_that_are_not_said_are_not_said_there_and_no_room_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("words.txt");
    std::fs::write(&list, "darn\nheck = refuse\n").unwrap();
    let server = words::start(BACKENDS[0], &list);
    let (mut kim, _) = somebody(&server, "kim");
    assert_filtered(&kim.ask(&room_called("heck club")).unwrap_err(), "name");
    let mut room = lasting("club", History::Durable);
    room.topic = "darn".into();
    assert_filtered(&kim.ask(&room).unwrap_err(), "topic");
    kim.ask(&lasting("club", History::Durable)).unwrap();
    let topic = Change {
        topic: Some("what the heck".into()),
        ..Change::default()
    };
    assert_filtered(&kim.ask(&topic).unwrap_err(), "topic");
    assert_filtered(&kim.ask(&say("what the heck")).unwrap_err(), "content.text");
    kim.ask(&say("oh darn")).unwrap();
    let heard = kim.next_of::<Said>().message.unwrap();
    assert_eq!((text_of(&heard), heard.seq), ("oh ****", 1));
}

#[test]
fn operators_mute_tell_and_read_what_was_reported_there() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE, "shards=2"]);
    let operator = Operator::of(&server);
    let (mut kim, kims) = somebody(&server, "kim");
    let (mut lee, lees) = somebody(&server, "lee");
    let (mut max, _) = somebody(&server, "max");
    let room = id_of(&kim.ask(&lasting("court", History::Durable)).unwrap());
    lee.ask(&enter(room, "")).unwrap();
    let seq = kim.ask(&say("you fool")).unwrap().seq;

    let lees = lees.to_string();
    operator.does(&["accounts", "mute", &lees, "--reason", "spam"]);
    assert_eq!(lee.refused(&say("who, me?")), Code::Muted);
    operator.does(&["accounts", "unmute", &lees]);
    lee.ask(&say("who, me?")).unwrap();

    let told = operator.does(&["notice", "--room-id", &room.to_string(), "order"]);
    assert_eq!(told["sessions"], 2);
    operator.does(&["moderators", "add", &kims.to_string()]);
    let announce = Announce {
        scope: Scope::Room.into(),
        text: "quiet".into(),
    };
    // Too soon behind the other is refused for a moment.
    let told = until(|| kim.ask(&announce).ok());
    assert_eq!(told.sessions, 2);
    operator.does(&["notice", "--all", "good night"]);
    for guest in [&mut kim, &mut lee] {
        for expected in ["order", "quiet", "good night"] {
            assert_eq!(guest.next_of::<Announcement>().text, expected);
        }
    }
    assert_eq!(max.next_of::<Announcement>().text, "good night");

    let report = Report {
        account: kims,
        seq,
        text: "insults".into(),
        ..Report::default()
    };
    let reported = lee.ask(&report).unwrap().report.to_string();
    let shown = operator.does(&["reports", "show", &reported]);
    let said = shown["messages"].as_array().expect("what was said");
    let texts: Vec<&Value> = said.iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["you fool", "who, me?"]);
    let elsewhere = Report {
        seq: 77,
        ..report.clone()
    };
    assert_eq!(lee.refused(&elsewhere), Code::NotFound);
    assert_eq!(max.refused(&report), Code::WrongState);
}
