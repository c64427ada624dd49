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
fn what_is_known_of_headers_goes_with_a_run_until_another_is_put_behind_it() {
    let mut commands = Commands::new();
    let bytes = frame(7, 3).repeat(2);
    for (receiver, headers, times) in [
        (1, Headers::Alike, 1),
        (2, Headers::Various, 1),
        (3, Headers::Alike, 2),
    ] {
        for _ in 0..times {
            let run = FrameRun::known_with(&bytes, 2, headers);
            let sending = commands.store_run(SendClass::Reliable, &run);
            commands.send_alone(session(receiver), Origin::Own, sending);
        }
    }
    let mut known = Vec::new();
    commands.drain(|command| {
        let ContentCommand::Send { payload, .. } = command else {
            unreachable!("nothing else was sent")
        };
        known.push((payload.frames().frame_count(), payload.frames().headers()));
    });
    let expected = [
        (2, Headers::Alike),
        (2, Headers::Various),
        (4, Headers::Various),
    ];
    assert_eq!(known, expected);
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

/// What each session was sent, in order: the first byte of each frame's body and its origin.
fn heard(commands: &mut Commands) -> std::collections::BTreeMap<u32, Vec<(u8, Origin)>> {
    let mut heard: std::collections::BTreeMap<u32, Vec<(u8, Origin)>> = Default::default();
    commands.drain(|command| {
        if let ContentCommand::Send {
            session,
            origin,
            payload,
            ..
        } = command
        {
            let frames = payload.frames().map(|frame| (frame.body[0], origin));
            heard
                .entry(session.key().index())
                .or_default()
                .extend(frames);
        }
    });
    heard
}

mod spreads {
    use super::*;
    use proptest::prelude::*;

    fn audience(room: u32, version: u32) -> Audience {
        let room = Key::from_parts(room, 0);
        Audience {
            room,
            version,
            dialect: crate::Dialect::default(),
        }
    }

    /// One thing that is said.
    #[derive(Clone, Debug)]
    enum Said {
        /// To everybody in a room, by a member or nobody, but for one or nobody.
        Spread {
            room: u32,
            sender: Option<u32>,
            except: Option<u32>,
            bytes: usize,
        },
        Send(u32),
        Credit(u32),
        /// Somebody comes or goes.
        Change(u32),
    }

    fn said() -> impl Strategy<Value = Said> {
        let member = 0u32..8;
        prop_oneof![
            4 => (0u32..2, prop::option::of(member.clone()), prop::option::of(member.clone()),
                  prop_oneof![Just(1usize), Just(300), Just(3_000)])
                .prop_map(|(room, sender, except, bytes)| {
                    Said::Spread { room, sender, except, bytes }
                }),
            3 => (0u32..12).prop_map(Said::Send),
            1 => member.clone().prop_map(Said::Credit),
            1 => (0u32..2).prop_map(Said::Change),
        ]
    }

    proptest! {
        #[test]
        fn each_session_hears_what_is_for_it_in_order(
            script in prop::collection::vec(said(), 0..60),
            cut in 0usize..60,
        ) {
            let (mut commands, mut later) = (Commands::new(), Commands::new());
            let mut plain: std::collections::BTreeMap<u32, Vec<(u8, Origin)>> = Default::default();
            let mut sizes = [4u32, 6];
            let mut versions = [0u32; 2];
            let mut told = 0;
            for (mark, said) in script.iter().enumerate() {
                let mark = mark as u8;
                let commands = if mark as usize >= cut { &mut later } else { &mut commands };
                match *said {
                    Said::Spread { room, sender, except, bytes } => {
                        let sending = match bytes > 1_000 {
                            true => commands.share(SendClass::Reliable, frame(mark, bytes).into()),
                            false => commands.store(SendClass::Reliable, &frame(mark, bytes)),
                        };
                        let audience = audience(room, versions[room as usize]);
                        let spread = Spread {
                            sending,
                            sender: sender.map(session),
                            except: except.map(session),
                        };
                        let members = 0..sizes[room as usize];
                        told += members.len();
                        commands.spread(audience, members.clone().map(session), spread);
                        for member in members.filter(|member| Some(*member) != except) {
                            let origin = match Some(member) == sender {
                                true => Origin::Own,
                                false => Origin::Others,
                            };
                            plain.entry(member).or_default().push((mark, origin));
                        }
                    }
                    Said::Send(to) => {
                        let sending = commands.store(SendClass::Reliable, &frame(mark, 9));
                        commands.send_alone(session(to), Origin::Own, sending);
                        plain.entry(to).or_default().push((mark, Origin::Own));
                    }
                    Said::Credit(to) => {
                        let session = session(to);
                        commands.push(ContentCommand::Credit { session, frames: 1 });
                    }
                    Said::Change(room) => {
                        versions[room as usize] += 1;
                        sizes[room as usize] = 9 - sizes[room as usize];
                    }
                }
            }
            commands.append(&mut later);
            prop_assert!(commands.size_bytes() >= told * RECORD_BYTES);
            prop_assert_eq!(heard(&mut commands), plain);
            prop_assert_eq!(commands.size_bytes(), 0);
            prop_assert!(later.is_empty());
        }
    }

    #[test]
    fn a_run_is_of_one_class_has_its_bound_and_no_latest_value() {
        use SendClass::{Bulk, Latest, Reliable};
        let mut commands = Commands::new();
        let audience = audience(0, 0);
        let said = [
            (Reliable, 1_500),
            (Reliable, 1_500),
            (Reliable, 1_500),
            (Latest, 9),
            (Latest, 9),
            (Bulk, 9),
            (Bulk, 9),
        ];
        for (class, bytes) in said {
            let spread = Spread {
                sending: commands.store(class, &frame(0, bytes)),
                sender: None,
                except: None,
            };
            commands.spread(audience, (0..1).map(session), spread);
        }
        let mut runs = Vec::new();
        commands.drain(|command| {
            if let ContentCommand::Send { class, payload, .. } = command {
                runs.push((class, payload.frames().frame_count()));
            }
        });
        let expected = [
            (Reliable, 2),
            (Reliable, 1),
            (Latest, 1),
            (Latest, 1),
            (Bulk, 2),
        ];
        assert_eq!(runs, expected);
    }

    #[test]
    fn lines_that_follow_one_another_are_one_run_for_whoever_only_listens() {
        let mut commands = Commands::new();
        let audience = audience(0, 0);
        for mark in 0..8 {
            let answer = commands.store(SendClass::Reliable, &frame(mark, 2));
            commands.send_alone(session(0), Origin::Own, answer);
            let sending = commands.store(SendClass::Reliable, &frame(mark, 295));
            let spread = Spread {
                sending,
                sender: Some(session(0)),
                except: None,
            };
            commands.spread(audience, (0..3).map(session), spread);
        }
        let mut counts = Vec::new();
        commands.drain(|command| {
            if let ContentCommand::Send {
                session, payload, ..
            } = command
            {
                counts.push((session.key().index(), payload.frames().frame_count()));
            }
        });
        let listeners: Vec<_> = counts.iter().filter(|(index, _)| *index > 0).collect();
        assert_eq!(listeners, [&(1, 8), &(2, 8)]);
        assert_eq!(counts.len() - 2, 16, "answers and lines, one by one");
    }
}
