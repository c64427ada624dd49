//! Reports from rooms, and what becomes of what was said there.

use super::{enter, heard, id_of, lasting, room_called, saying, somebody};
use crate::operating::Operator;
use crate::operators::ANYWHERE;
use crate::platform::{Guest, by_number, say, whisper};
use crate::support::{BACKENDS, Server, UNHURRIED};
use wharf::proto::chat::{GetHistory, Report, WasRemoved, Whispered};
use wharf::proto::room::{History, Joined};
use wharf::proto::session::{Code, Ping};

fn report(account: i64, seq: i64) -> Report {
    Report {
        account,
        seq,
        is_whisper: false,
        text: "insults".into(),
    }
}

/// The texts that a report comes with.
fn evidence(operator: &Operator, report: i64) -> Vec<String> {
    let shown = operator.does(&["reports", "show", &report.to_string()]);
    let messages = shown["messages"].as_array().expect("messages").iter();
    let text = |it: &serde_json::Value| it["text"].as_str().expect("a text").to_owned();
    messages.map(text).collect()
}

fn remove(operator: &Operator, report: i64) {
    let report = &*report.to_string();
    operator.does(&["reports", "take", report]);
    operator.does(&["reports", "decide", report, "remove"]);
}

#[test]
fn what_was_said_last_where_nothing_is_kept_goes_with_a_report() {
    let settings = [&[ANYWHERE, "shards=2"], UNHURRIED].concat();
    let server = Server::start(BACKENDS[0], &settings);
    let operator = Operator::of(&server);
    let (mut kim, _) = somebody(&server, "kim");
    let (mut lee, lees) = somebody(&server, "lee");
    let mut classic = server.connect();
    classic.log_in("classic");
    classic.enter(7);
    classic.read_frame();
    let tent = id_of(&kim.ask(&room_called("tent")).unwrap());
    for room in [enter(tent, ""), by_number(7)] {
        if room == by_number(7) {
            kim.ask(&wharf::proto::room::Leave {}).unwrap();
            kim.ask(&room).unwrap();
        }
        lee.ask(&room).unwrap();
        kim.notice::<Joined>();
        for number in 0..25 {
            lee.ask(&say(&format!("line {number}"))).unwrap();
            for guest in [&mut kim, &mut lee] {
                assert_eq!(heard(guest), format!("line {number}"));
            }
        }
        assert_eq!(kim.refused(&report(lees, 3)), Code::NotFound);
        let reported = kim.ask(&report(lees, 0)).unwrap().report;
        let expected: Vec<String> = (5..25).map(|number| format!("line {number}")).collect();
        assert_eq!(evidence(&operator, reported), expected);
        lee.ask(&wharf::proto::room::Leave {}).unwrap();
        kim.await_notice();
        kim.notices.clear();
    }
}

#[test]
fn what_is_removed_by_a_decision_is_taken_away_in_the_room_and_from_a_whisper() {
    let settings = [&[ANYWHERE, "shards=2"], UNHURRIED].concat();
    let server = Server::start(BACKENDS[0], &settings);
    let operator = Operator::of(&server);
    let (mut kim, kims) = somebody(&server, "kim");
    let (mut lee, lees) = somebody(&server, "lee");
    for history in [History::Durable, History::Buffered] {
        let den = lasting(&format!("den {}", history as i32), history);
        let room = id_of(&kim.ask(&den).unwrap());
        lee.ask(&enter(room, "")).unwrap();
        kim.notice::<Joined>();
        let seq = lee.ask(&saying("you fool", 0)).unwrap().seq;
        for guest in [&mut kim, &mut lee] {
            assert_eq!(heard(guest), "you fool");
        }
        // Of a buffered room the store may have it a moment later: who reads waits for that.
        kim.ask(&GetHistory::default()).unwrap();
        let reported = kim.ask(&report(lees, seq)).unwrap().report;
        assert_eq!(evidence(&operator, reported), ["you fool"]);
        remove(&operator, reported);
        for guest in [&mut kim, &mut lee] {
            let removed = guest.notice::<WasRemoved>();
            assert_eq!((removed.seq, removed.with), (seq, 0));
        }
        for guest in [&mut kim, &mut lee] {
            guest.ask(&wharf::proto::room::Leave {}).unwrap();
            guest.notices.clear();
        }
    }
    let seq = lee.ask(&whisper("kim", "you fool", 1)).unwrap().seq;
    kim.notice::<Whispered>();
    let whispered = Report {
        is_whisper: true,
        ..report(lees, seq)
    };
    remove(&operator, kim.ask(&whispered).unwrap().report);
    let told = |guest: &mut Guest| {
        let removed = guest.notice::<WasRemoved>();
        (removed.seq, removed.with)
    };
    assert_eq!((told(&mut kim), told(&mut lee)), ((seq, lees), (seq, kims)));
    kim.ask(&Ping::default()).unwrap();
    assert!(kim.notices.is_empty());
}
