//! What is typed, beside what is asked for.

use super::super::commands::{COMMANDS, Kind};
use super::super::parse::parse;
use super::*;
use wharf_proto::room::{self, Measure};

struct Somebody;

impl Known for Somebody {
    fn account(&self, name: &str) -> Option<i64> {
        (name == "kim").then_some(7)
    }
    fn client_id(&mut self) -> u64 {
        9
    }
    fn device_secret(&mut self) -> Result<Vec<u8>, String> {
        Ok(vec![1; 32])
    }
    fn token(&self) -> Option<Vec<u8>> {
        Some(vec![2; 32])
    }
    fn now_ms(&self) -> i64 {
        5
    }
}

fn planned(line: &str) -> Result<Plan, Mistake> {
    let call = parse(line, false)?.unwrap();
    call.check()?;
    plan(&call, &mut Somebody)
}

fn asked(line: &str) -> ClientPacket {
    match planned(line) {
        Ok(Plan::Ask(packet)) => packet,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_command_sends_what_the_table_says() {
    let word = |name: &str, kind| match (name, kind) {
        ("by", _) => "device",
        ("kind", _) => "ticket",
        ("sure", _) => "forever",
        ("decision", _) => "ban",
        ("to", _) => "all",
        ("who", _) => "nobody",
        ("room" | "login", _) => "3",
        (_, Kind::Number) => "4",
        ("name", _) => "kim",
        _ => "correct-horse",
    };
    for command in COMMANDS.iter().filter(|it| it.name != "link") {
        let needed = command.takes.iter().filter(|it| it.is_needed);
        let typed = needed.map(|it| word(it.name, it.kind));
        let mut line = format!("/{} ", command.name) + &typed.collect::<Vec<_>>().join(" ");
        match command.name {
            "change" => line += "locked=yes",
            "password" => line += " another-horse",
            _ => {}
        }
        let sent = match planned(&line) {
            Ok(Plan::Ask(packet)) => vec![packet.id()],
            Ok(Plan::Nothing) => vec![],
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(sent, command.sends, "{line}");
    }
    assert_eq!(asked("/link device").id(), 1116);
    assert_eq!(asked("/link name kim correct-horse").id(), 1115);
}

#[test]
fn people_are_found_by_name_or_number() {
    let moderated = |line| match asked(line) {
        ClientPacket::Moderate(it) => (it.account, it.measure(), it.seconds, it.text),
        other => panic!("{other:?}"),
    };
    let kim = moderated("/ban kim 10m be nice");
    assert_eq!(kim, (7, Measure::Ban, 600, "be nice".to_owned()));
    let nobody = moderated("/kick #12");
    assert_eq!(nobody, (12, Measure::Kick, 0, String::new()));
    let unknown = planned("/promote lee").unwrap();
    assert!(matches!(unknown, Plan::FindAccount("name")));
    let unknown = planned("/history with=lee").unwrap();
    assert!(matches!(unknown, Plan::FindAccount("with")));
    let ClientPacket::Whisper(whisper) = asked("/w lee hi") else {
        panic!("a whisper");
    };
    let by_name = chat::whisper::To::Name("lee".into());
    assert_eq!(whisper.to, Some(by_name), "the server finds those");
    assert_eq!(whisper.client_id, 9);
}

#[test]
fn a_room_is_found_by_number_id_or_name() {
    let entered = |line| match asked(line) {
        ClientPacket::Enter(enter) => (enter.by, enter.password),
        other => panic!("{other:?}"),
    };
    let number = Some(room::enter::By::Number(3));
    assert_eq!(entered("/enter 3"), (number, String::new()));
    let id = Some(room::enter::By::Room(44));
    assert_eq!(entered("/enter #44 sesame"), (id, "sesame".to_owned()));
    let lounge = planned("/enter lounge").unwrap();
    assert!(matches!(lounge, Plan::FindRoom("room")));
}

#[test]
fn what_cannot_be_is_told() {
    for (line, told) in [
        ("/presence friends", "who is everybody, nobody"),
        (
            "/erase now pw",
            "there is no way back, so it is typed as /erase forever",
        ),
        ("/create a history=all", "history is off, buffered, durable"),
        ("/create a max=many", "max is no such number: many"),
        ("/change", "nothing is to change"),
        ("/change locked=maybe", "locked is yes, true, no, false"),
        ("/slow -1", "seconds is a number"),
        ("/link", "by is missing"),
        ("/link letter", "by is name, device or ticket"),
        ("/link name", "name is missing"),
        ("/link ticket", "the ticket is missing"),
    ] {
        assert_eq!(planned(line).unwrap_err().text, told, "{line}");
    }
}
