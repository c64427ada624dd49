//! Events, beside how people see them.

use super::*;
use expect_test::{Expect, expect};
use wharf_proto::chat::{Said, Whispered};
use wharf_proto::room::{Joined, MutedHere, Parted, Reason};
use wharf_proto::session::{Code, Error, Goodbye, Muted};

fn message(name: &str, text: &str) -> Option<Message> {
    let what = Some(What::Text(text.to_owned()));
    Some(Message {
        author_name: name.to_owned(),
        content: Some(Content { what }),
        ..Message::default()
    })
}

fn shows(packet: ServerPacket, columns: usize, expected: Expect) {
    let about = About {
        names: [(7, "김".to_owned())].into(),
        ..About::default()
    };
    let paper = Paper {
        columns: Some(columns),
        has_colours: false,
    };
    let event = Event::Notice { packet, about };
    expected.assert_eq(&paper.write(&lines(&event)));
}

fn says(name: &str, text: &str) -> ServerPacket {
    ServerPacket::Said(Said {
        message: message(name, text),
    })
}

#[test]
fn a_long_line_goes_on_beside_the_name() {
    shows(
        says("김철수", "오늘은 하늘에서 눈이 내립니다 and more of it"),
        24,
        expect![[r"
            김철수: 오늘은 하늘에서
                    눈이 내립니다
                    and more of it
        "]],
    );
    shows(
        says("a name that is long", "한글은 넓다"),
        24,
        expect![[r"
            a name that is long: 한
              글은 넓다
        "]],
    );
}

#[test]
fn what_others_say_is_harmless() {
    shows(
        says("\u{1b}[31mkim", "\u{1b}[2J\u{1b}[Hgone\nlee: forged"),
        80,
        expect![[r"
            ^[[31mkim: ^[[2J^[[Hgone
                    lee: forged
        "]],
    );
    let whisper = Whispered {
        message: message("kim", "\u{9b}2J"),
        was_kept: false,
    };
    shows(
        ServerPacket::Whispered(whisper),
        80,
        expect![[r"
            kim whispers: <009B>2J
        "]],
    );
}

#[test]
fn who_comes_and_goes_is_told_by_name() {
    let member = Some(Member {
        display_name: "lee\n".to_owned(),
        ..Member::default()
    });
    let joined = ServerPacket::Joined(Joined { member });
    shows(
        joined,
        80,
        expect![[r"
        lee⏎ came
    "]],
    );
    for (account, told) in [(7, "김 was kicked\n"), (8, "#8 was kicked\n")] {
        let reason = Reason::Kicked.into();
        let parted = ServerPacket::Parted(Parted { account, reason });
        let paper = Paper {
            columns: Some(80),
            has_colours: false,
        };
        let names = [(7, "김".to_owned())].into();
        let about = About {
            names,
            ..About::default()
        };
        let packet = parted;
        assert_eq!(paper.write(&lines(&Event::Notice { packet, about })), told);
    }
}

#[test]
fn whoever_is_muted_is_told_where_until_when_and_why() {
    let about = || About {
        room: Some(super::super::event::InRoom {
            id: 44,
            name: "lounge".to_owned(),
        }),
        ..About::default()
    };
    let here = |is_muted, text: &str, until_ms| {
        let text = text.to_owned();
        ServerPacket::MutedHere(MutedHere {
            is_muted,
            text,
            until_ms,
        })
    };
    let everywhere = |is_muted, text: &str, until_ms| {
        let text = text.to_owned();
        ServerPacket::Muted(Muted {
            is_muted,
            text,
            until_ms,
        })
    };
    let noon = 1_795_694_400_000;
    for (packet, told) in [
        (
            here(true, "calm\u{1b} down", noon),
            "a moderator muted you in lounge until 2026-11-26 12:00 UTC: calm^[ down\n",
        ),
        (
            here(true, "", 0),
            "a moderator muted you in lounge for ever\n",
        ),
        (
            here(false, "", 0),
            "a moderator lets you speak again in lounge\n",
        ),
        (
            everywhere(true, "spam", noon),
            "those who run the server have muted you until 2026-11-26 12:00 UTC: spam\n",
        ),
        (
            everywhere(false, "sorry", 0),
            "those who run the server let you speak again: sorry\n",
        ),
    ] {
        let paper = Paper {
            columns: None,
            has_colours: false,
        };
        let about = about();
        assert_eq!(paper.write(&lines(&Event::Notice { packet, about })), told);
    }
}

#[test]
fn whoever_is_out_of_a_room_is_told_why_and_for_how_long() {
    let room = Some(super::super::event::InRoom {
        id: 44,
        name: "lounge".to_owned(),
    });
    for (reason, text, until_ms, told) in [
        (
            Reason::Kicked,
            "",
            0,
            "a moderator kicked you out of lounge\n",
        ),
        (
            Reason::Kicked,
            "be nice",
            0,
            "a moderator kicked you out of lounge: be nice\n",
        ),
        (
            Reason::Banned,
            "spam",
            0,
            "a moderator kicked you out of lounge, and you are kept out for ever: spam\n",
        ),
        (
            Reason::Banned,
            "",
            1_795_694_400_000,
            "a moderator kicked you out of lounge, and you are kept out until 2026-11-26 12:00 UTC\n",
        ),
        (Reason::Closed, "", 0, "lounge was closed\n"),
    ] {
        let packet = ServerPacket::Removed(Removed {
            reason: reason.into(),
            text: text.to_owned(),
            until_ms,
        });
        let about = About {
            room: room.clone(),
            ..About::default()
        };
        let paper = Paper {
            columns: None,
            has_colours: false,
        };
        assert_eq!(paper.write(&lines(&Event::Notice { packet, about })), told);
    }
}

#[test]
fn what_waited_is_told_with_its_time_and_who_has_gone_as_erased() {
    let kept = Whispered {
        message: message("kim", "call me").map(|message| Message {
            at_ms: 1_795_694_400_000,
            ..message
        }),
        was_kept: true,
    };
    shows(
        ServerPacket::Whispered(kept),
        80,
        expect![[r"
            kim whispered at 2026-11-26 12:00 UTC: call me
        "]],
    );
    let by = |author| message("", "be nice").map(|message| Message { author, ..message });
    assert_eq!(author(&by(7).unwrap()), "(erased)");
    assert_eq!(author(&by(0).unwrap()), "the server");
    assert_eq!(
        (counted(1, "session"), counted(2, "session")),
        ("1 session".into(), "2 sessions".into())
    );
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let line = Line::new(Style::Bad, "oops");
    let paper = |has_colours| Paper {
        columns: None,
        has_colours,
    };
    assert_eq!(paper(false).write(std::slice::from_ref(&line)), "oops\n");
    assert_eq!(paper(true).write(&[line]), "\u{1b}[31moops\u{1b}[0m\n");
}

#[test]
fn whom_maintenance_has_kept_out_is_told_how_to_come_in_when_it_is_over() {
    for (is_out, told) in [
        (
            true,
            "maintenance is over, or called off: /login NAME logs in now\n",
        ),
        (false, "maintenance is over, or called off\n"),
    ] {
        let about = About {
            is_out,
            ..About::default()
        };
        let packet = ServerPacket::Maintenance(Maintenance::default());
        let paper = Paper {
            columns: None,
            has_colours: false,
        };
        assert_eq!(paper.write(&lines(&Event::Notice { packet, about })), told);
    }
}

#[test]
fn maintenance_is_told_with_its_times() {
    let maintenance = |begins_ms, ends_ms| {
        ServerPacket::Maintenance(Maintenance {
            is_on: true,
            text: "new rooms".to_owned(),
            begins_ms,
            ends_ms,
        })
    };
    let (noon, one) = (1_795_694_400_000, 1_795_698_000_000);
    shows(
        maintenance(0, 0),
        99,
        expect![[r#"
        maintenance: new rooms
    "#]],
    );
    shows(
        maintenance(noon, 0),
        99,
        expect![[r#"
        maintenance from 2026-11-26 12:00:00 UTC: new rooms
    "#]],
    );
    shows(
        maintenance(noon, one),
        99,
        expect![[r#"
        maintenance from 2026-11-26 12:00:00 UTC until 2026-11-26 13:00:00 UTC: new rooms
    "#]],
    );
    shows(
        maintenance(0, one),
        99,
        expect![[r#"
        maintenance until 2026-11-26 13:00:00 UTC: new rooms
    "#]],
    );
}

#[test]
fn answers_say_when_and_to_whom() {
    let answered = |line: &str, packet: ServerPacket| {
        let call = super::super::parse::parse(line, false).unwrap().unwrap();
        let (done, about) = (Done::Packet(packet), About::default());
        let paper = Paper {
            columns: None,
            has_colours: false,
        };
        paper.write(&lines(&Event::Done { call, done, about }))
    };
    let so = |waits| {
        ServerPacket::SaidSo(wharf_proto::chat::SaidSo {
            waits,
            ..wharf_proto::chat::SaidSo::default()
        })
    };
    assert_eq!(answered("/w kim psst", so(false)), "whispered to kim\n");
    assert_eq!(
        answered("/w kim psst", so(true)),
        "whispered to kim; it waits, as far as can be seen they are not there\n"
    );
    let messages = message("kim", "hello").map(|message| Message {
        seq: 7,
        at_ms: 1_795_694_400_000,
        ..message
    });
    let history = wharf_proto::chat::History {
        messages: messages.into_iter().collect(),
        ..wharf_proto::chat::History::default()
    };
    assert_eq!(
        answered("/history", ServerPacket::History(history)),
        "    7 2026-11-26 12:00 UTC kim: hello\n"
    );
}

#[test]
fn whoever_the_server_sends_away_is_told_by_whom_and_why() {
    for (code, told) in [
        (
            Code::Kicked,
            "those who run the server have kicked you: spam\n",
        ),
        (
            Code::Banned,
            "those who run the server have banned you: spam\n",
        ),
        (Code::TakenOver, "the server ends it: taken_over, spam\n"),
    ] {
        let goodbye = Goodbye {
            code: code.into(),
            text: "spam".to_owned(),
            retry_after_ms: 0,
        };
        let packet = ServerPacket::Goodbye(goodbye);
        let about = About::default();
        let paper = Paper {
            columns: None,
            has_colours: false,
        };
        assert_eq!(paper.write(&lines(&Event::Notice { packet, about })), told);
    }
}

#[test]
fn whoever_is_kept_out_is_told_once_until_when_and_why() {
    let text = "the account is banned until 2026-11-26 12:00:00 UTC: cheating";
    let error = Error::new(Code::Banned, text);
    let error = error.until(Some(1_795_694_400_000)).why("cheating");
    let paper = Paper {
        columns: None,
        has_colours: false,
    };
    let told = paper.write(&failed(&Problem::from(&error)));
    assert_eq!(told, format!("banned: {text}\n"));
}
