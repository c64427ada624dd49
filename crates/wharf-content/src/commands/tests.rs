//! The arena of commands: order, bytes, what goes together, and what is counted.

use super::*;
use wharf_base::Key;
use wharf_wire::Frame;

fn session(index: u32) -> SessionId {
    SessionId::new(0, Key::from_parts(index, 0))
}

/// A frame that says `mark` so many times.
fn frame(mark: u8, body_bytes: usize) -> Vec<u8> {
    Frame {
        id: 7,
        flags: 0,
        body: &vec![mark; body_bytes],
    }
    .to_vec()
}

fn fill(commands: &mut Commands, mark: u8) {
    let session = session(u32::from(mark));
    let sending = commands.store(SendClass::Reliable, &frame(mark, 2));
    commands.send(session, Origin::Own, sending);
    let sending = commands.share(SendClass::Bulk, frame(mark, 3).into());
    commands.send(session, Origin::Others, sending);
    let request = LoginRequest {
        user: "ann",
        password: "secret",
    };
    commands.push(ContentCommand::Authenticate { session, request });
    let reason = Dismissal::Kicked(u16::from(mark));
    commands.push(ContentCommand::Close { session, reason });
    commands.push(ContentCommand::Credit { session, frames: 2 });
}

fn drained(commands: &mut Commands) -> String {
    let mut log = String::new();
    commands.drain(|command| log += &format!("{command:?}\n"));
    log
}

#[test]
fn appended_commands_keep_their_order_and_their_bytes() {
    let (mut first, mut later) = (Commands::new(), Commands::new());
    let (mut one, mut two) = (Commands::new(), Commands::new());
    fill(&mut first, 1);
    fill(&mut later, 2);
    fill(&mut one, 1);
    fill(&mut two, 2);
    first.append(&mut later);
    assert!(later.is_empty());
    let log = drained(&mut first);
    assert_eq!(log, drained(&mut one) + &drained(&mut two));
    assert!(first.is_empty());
    assert_eq!(first.size_bytes(), 0);
}

#[test]
fn a_shared_frame_counts_once_however_many_receive_it() {
    let (mut first, mut later) = (Commands::new(), Commands::new());
    for commands in [&mut first, &mut later] {
        let sending = commands.share(SendClass::Bulk, vec![7; 9_000].into());
        for index in 0..3 {
            commands.send(session(index), Origin::Others, sending);
        }
        assert!((9_000..9_500).contains(&commands.size_bytes()));
    }
    first.append(&mut later);
    assert_eq!(later.size_bytes(), 0);
    assert!((18_000..19_000).contains(&first.size_bytes()));
    drained(&mut first);
    assert_eq!(first.size_bytes(), 0);
}

#[test]
fn receivers_are_cut_once_and_keep_their_own_answers() {
    let (mut commands, mut cut) = (Commands::new(), BTreeSet::new());
    for round in 0..2 {
        for index in [1, 2] {
            let sending = commands.store(SendClass::Reliable, &frame(0, 100));
            commands.send(session(index), Origin::Others, sending);
        }
        let sending = commands.store(SendClass::Reliable, &frame(7, 1));
        commands.send(session(3), Origin::Own, sending);
        commands.cut_receivers(&mut cut);
        let said = drained(&mut commands);
        assert_eq!(said.matches("Overloaded").count(), 2 - 2 * round, "{said}");
        assert_eq!(said.matches("[6, 0, 7, 0, 0, 7]").count(), 1, "{said}");
        assert_eq!(said.matches("Send").count(), 1, "{said}");
    }
}

#[test]
fn answers_that_follow_one_another_are_one_command_and_keep_their_order() {
    let mut commands = Commands::new();
    let answer = |commands: &mut Commands, index, class, origin, bytes| {
        let sending = commands.store(class, &frame(index as u8, bytes));
        commands.send_alone(session(index), origin, sending);
    };
    let (reliable, own) = (SendClass::Reliable, Origin::Own);
    for _ in 0..3 {
        answer(&mut commands, 1, reliable, own, 64);
    }
    answer(&mut commands, 1, reliable, Origin::Others, 64);
    answer(&mut commands, 1, SendClass::Control, Origin::Others, 64);
    answer(&mut commands, 2, SendClass::Latest, own, 64);
    answer(&mut commands, 2, SendClass::Latest, own, 64);
    answer(&mut commands, 3, reliable, own, 4_000);
    answer(&mut commands, 3, reliable, own, 4_000);
    answer(&mut commands, 1, reliable, own, 64);
    let mut counts = Vec::new();
    commands.drain(|command| {
        let ContentCommand::Send {
            session, payload, ..
        } = command
        else {
            unreachable!("only sends were pushed")
        };
        let marks = payload.frames().map(|frame| u32::from(frame.body[0]));
        assert!(marks.into_iter().all(|mark| mark == session.key().index()));
        counts.push((session.key().index(), payload.frames().frame_count()));
    });
    let expected = [
        (1, 3),
        (1, 1),
        (1, 1),
        (2, 1),
        (2, 1),
        (3, 1),
        (3, 1),
        (1, 1),
    ];
    assert_eq!(counts, expected);
}

#[test]
fn what_lies_elsewhere_is_not_sent_with_it() {
    let mut commands = Commands::new();
    let line = commands.store(SendClass::Reliable, &frame(1, 8));
    let other = commands.store(SendClass::Reliable, &frame(2, 8));
    commands.send_alone(session(1), Origin::Others, other);
    commands.send_alone(session(1), Origin::Others, line);
    assert_eq!(commands.len(), 2);
}

#[test]
fn a_password_is_never_in_a_log() {
    let mut commands = Commands::new();
    fill(&mut commands, 1);
    assert!(!drained(&mut commands).contains("secret"));
}
