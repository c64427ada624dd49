//! Two servers on one database, at the same time: what is promised to one holds against the
//! other.

use crate::bench::{Bench, act};
use crate::each_database;
use crate::harbour::{self, KIM, LEE};
use wharf_data::message::{self, NewMessage, Place};
use wharf_data::room;
use wharf_data::short::{self, Space};
use wharf_data::{AccountId, Actor, Answer, Ask, ConversationId, Refusal, Reply};
use wharf_data::{ReportId, RoomId, keep, report};

/// How often two try at once.
const ROUNDS: i64 = 30;

/// Asks both servers without waiting, and then waits: what each answered, whichever came first.
fn both(one: &mut Bench, other: &mut Bench, ask: impl Fn(i64) -> [Ask; 2]) -> Vec<[Reply; 2]> {
    for round in 0..ROUNDS {
        let [first, second] = ask(round);
        one.send(first).unwrap();
        other.send(second).unwrap();
    }
    let answers = |bench: &mut Bench, server: usize| {
        let mut answers: Vec<_> = (0..ROUNDS).map(|_| bench.next()).collect();
        answers.sort_by_key(|(tag, _)| tag.0);
        let mut replies: Vec<Reply> = answers.into_iter().map(|(_, reply)| reply).collect();
        // Whom the other was in the way of too often has done nothing, and asks again.
        for (round, reply) in (0..).zip(&mut replies) {
            while *reply == Err(Refusal::Unavailable) {
                let [first, second] = ask(round);
                *reply = bench.ask(if server == 0 { first } else { second });
            }
        }
        replies
    };
    let (ones, others) = (answers(one, 0), answers(other, 1));
    ones.into_iter()
        .zip(others)
        .map(|(one, other)| [one, other])
        .collect()
}

fn with_two(test: impl Fn(&mut Bench, &mut Bench)) {
    each_database(|one| {
        one.person(1, "kim");
        one.person(2, "lee");
        let mut other = one.another();
        test(one, &mut other);
    });
}

fn create(room: i64, name: &str) -> Ask {
    harbour::create(RoomId::new(room), name, 1_000)
}

fn says(author: AccountId, client_id: i64) -> NewMessage {
    NewMessage {
        author,
        client_id: Some(client_id as u64),
        seq: None,
        kind: 1,
        body: b"hello".to_vec(),
        at: client_id,
    }
}

#[test]
fn a_name_goes_to_one_of_two() {
    with_two(|one, other| {
        let answers = both(one, other, |round| {
            let name = format!("room {round}");
            [create(100 + round, &name), create(500 + round, &name)]
        });
        for (round, answers) in answers.into_iter().enumerate() {
            let made = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(made, 1, "{round}: {answers:?}");
            let refused = answers.into_iter().find_map(Result::err);
            let owner = refused.is_some_and(|why| matches!(why, Refusal::Duplicate(_)));
            assert!(owner, "{round}: {refused:?}");
        }
    });
}

#[test]
fn a_list_that_two_change_at_once_has_all_that_both_have_put_on_it() {
    with_two(|one, other| {
        let put = |number: i64, id: i64| {
            Ask::Keep(keep::Ask::SetListed {
                name: "list".into(),
                id,
                is_listed: true,
                ids_max: 1_000,
                act: act(number, Actor::Operator, 5),
            })
        };
        let answers = both(one, other, |round| {
            [put(100 + round, 100 + round), put(500 + round, 500 + round)]
        });
        let is_there = |it: &Reply| it.is_ok() || matches!(it, Err(Refusal::Duplicate(_)));
        assert!(answers.iter().flatten().all(is_there), "{answers:?}");
        let name = "list".into();
        let ids: Vec<String> = (100..100 + ROUNDS)
            .chain(500..500 + ROUNDS)
            .map(|id| id.to_string())
            .collect();
        let answer = Answer::Keep(keep::Answer::Setting(ids.join(" ")));
        assert_eq!(one.ask(Ask::Keep(keep::Ask::Setting { name })), Ok(answer));
    });
}

#[test]
fn what_two_count_at_once_is_added_up() {
    each_database(|one| {
        // In SQL, whatever else there is: a Redis does one thing after the other.
        let (mut one, mut other) = (one.another(), one.another());
        let count = || {
            Ask::Short(short::Ask::Count {
                key: "somebody".into(),
                window_ms: 1_000,
                since_last: true,
                at: 1,
            })
        };
        let count_of = |reply: &Reply| match reply {
            Ok(Answer::Short(short::Answer::Counted { count, .. })) => *count,
            other => panic!("not counted: {other:?}"),
        };
        let answers = both(&mut one, &mut other, |_| [count(), count()]);
        let mut counts: Vec<i64> = answers.iter().flatten().map(count_of).collect();
        counts.sort_unstable();
        assert!(
            counts.iter().eq(&(1..=2 * ROUNDS).collect::<Vec<_>>()),
            "{counts:?}"
        );
    });
}

#[test]
fn a_ticket_is_taken_by_one_of_two() {
    each_database(|one| {
        // In SQL, whatever else there is: a Redis has a suite of its own.
        let (mut one, mut other) = (one.another(), one.another());
        for round in 0..ROUNDS {
            let put = short::Ask::Put {
                space: Space::Ticket,
                key: format!("ticket {round}"),
                value: Vec::new(),
                score: 0,
                expires: 100,
                only_new: true,
                at: 1,
            };
            one.done(Ask::Short(put)).unwrap();
        }
        let answers = both(&mut one, &mut other, |round| {
            let take = short::Ask::Take {
                space: Space::Ticket,
                key: format!("ticket {round}"),
                at: 1,
            };
            [Ask::Short(take.clone()), Ask::Short(take)]
        });
        for answers in answers {
            let taken = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(taken, 1, "{answers:?}");
        }
    });
}

#[test]
fn what_both_write_to_one_conversation_has_each_number_once() {
    with_two(|one, other| {
        let whisper = |message, to| {
            Ask::Message(message::Ask::Whisper {
                to,
                conversation: ConversationId::new(9),
                message,
                waits: true,
            })
        };
        one.ask(whisper(says(KIM, 1_000), LEE)).unwrap();
        let answers = both(one, other, |round| {
            [
                whisper(says(KIM, round), LEE),
                whisper(says(LEE, round), KIM),
            ]
        });
        let mut seqs: Vec<i64> = answers
            .into_iter()
            .flatten()
            .map(|answer| match answer {
                Ok(Answer::Message(message::Answer::Kept(kept))) => kept[0].seq,
                other => panic!("not kept: {other:?}"),
            })
            .collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (2..2 + 2 * ROUNDS).collect::<Vec<_>>());
        let history = message::Ask::History {
            place: Place::Direct(KIM, LEE),
            from: message::From::After(0),
            limit: 1_000,
        };
        let Ok(Answer::Message(message::Answer::Messages { messages, .. })) =
            one.ask(Ask::Message(history))
        else {
            panic!("no messages")
        };
        assert_eq!(messages.len() as i64, 1 + 2 * ROUNDS);
    });
}

#[test]
fn what_waits_is_delivered_by_one_of_two() {
    with_two(|one, other| {
        for round in 0..ROUNDS {
            let whisper = message::Ask::Whisper {
                to: LEE,
                conversation: ConversationId::new(9),
                message: says(KIM, round),
                waits: true,
            };
            one.ask(Ask::Message(whisper)).unwrap();
        }
        let answers = both(one, other, |round| {
            [1, 2].map(|server| {
                Ask::Message(message::Ask::TakeWaiting {
                    account: LEE,
                    delivery: 10 * round + server,
                    limit: 1,
                })
            })
        });
        let mut seqs: Vec<i64> = answers
            .into_iter()
            .flatten()
            .flat_map(|answer| match answer {
                Ok(Answer::Message(message::Answer::Messages { messages, .. })) => messages,
                other => panic!("no messages: {other:?}"),
            })
            .map(|message| message.seq)
            .collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=ROUNDS).collect::<Vec<_>>());
    });
}

#[test]
fn a_report_is_taken_by_one_of_two() {
    with_two(|one, other| {
        for round in 0..ROUNDS {
            let file = report::Ask::File {
                remembered: None,
                report: ReportId::new(100 + round),
                by: KIM,
                about: LEE,
                message: None,
                around: 0,
                text: "spam".into(),
                at: 1,
            };
            one.done(Ask::Report(file)).unwrap();
        }
        let answers = both(one, other, |round| {
            [KIM, LEE].map(|by| {
                Ask::Report(report::Ask::Take {
                    report: ReportId::new(100 + round),
                    by,
                })
            })
        });
        for mut answers in answers {
            answers.sort_by_key(Result::is_err);
            assert_eq!(answers, [Ok(Answer::Done), Err(Refusal::Conflict)]);
        }
    });
}

#[test]
fn a_room_that_is_opened_elsewhere_is_written_to_from_there_only() {
    with_two(|one, other| {
        one.ask(create(100, "harbour")).unwrap();
        let room = RoomId::new(100);
        let append = |epoch, client_id| {
            Ask::Message(message::Ask::Append {
                room: (room, epoch),
                messages: vec![says(KIM, client_id)],
            })
        };
        for number in 0..ROUNDS {
            one.send(append(1, number)).unwrap();
        }
        let open = Ask::Room(room::Ask::Open { room });
        let Ok(Answer::Room(room::Answer::Room(opened))) = other.ask(open) else {
            panic!("not opened")
        };
        // What had been written by then is all that there will be from there.
        let kept = (0..ROUNDS).filter(|_| one.next().1.is_ok()).count() as i64;
        assert_eq!(opened.last_seq, kept);
        let Ok(Answer::Message(message::Answer::Kept(first))) = other.ask(append(2, 1_000)) else {
            panic!("not kept")
        };
        assert_eq!(first[0].seq, kept + 1);
        let change = room::Ask::Change {
            room: (room, 1),
            change: room::Change::default(),
            act: act(1, Actor::Operator, 1),
        };
        assert_eq!(one.ask(Ask::Room(change)), Err(Refusal::Fenced));
    });
}
