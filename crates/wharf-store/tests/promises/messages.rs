//! What is promised of messages, on every database there is.

use crate::bench::{Bench, act};
use crate::harbour::{KIM, LEE, PARK, ROOM, with_people};
use wharf_data::message::{Answer, Ask, From, Kept, Message, NewMessage, Place};
use wharf_data::room::{self, Measure, Role};
use wharf_data::{AccountId, Actor, ConversationId, PageToken, Refusal};

const NOBODY: AccountId = AccountId::new(99);
const TALK: ConversationId = ConversationId::new(200);

fn says(author: AccountId, client_id: u64, body: &str, at: i64) -> NewMessage {
    NewMessage {
        author,
        client_id: (client_id > 0).then_some(client_id),
        seq: None,
        kind: 1,
        body: body.as_bytes().to_vec(),
        at,
    }
}

fn ask(bench: &mut Bench, ask: Ask) -> Result<Option<Answer>, Refusal> {
    let reply = bench.ask(wharf_data::Ask::Message(ask));
    reply.map(|answer| match answer {
        wharf_data::Answer::Message(answer) => Some(answer),
        wharf_data::Answer::Done => None,
        other => panic!("not about messages: {other:?}"),
    })
}

/// What became of it, as numbers, with a star for those that had been kept before.
fn kept(answer: Result<Option<Answer>, Refusal>) -> Result<String, Refusal> {
    let star = |kept: &Kept| if kept.is_duplicate { "*" } else { "" };
    match answer? {
        Some(Answer::Kept(kept)) => {
            let kept: Vec<String> = kept
                .iter()
                .map(|kept| format!("{}{}", kept.seq, star(kept)))
                .collect();
            Ok(kept.join(" "))
        }
        other => panic!("nothing was kept: {other:?}"),
    }
}

fn append(bench: &mut Bench, messages: Vec<NewMessage>) -> Result<String, Refusal> {
    let room = ROOM;
    kept(ask(bench, Ask::Append { room, messages }))
}

fn whisper(
    bench: &mut Bench,
    message: NewMessage,
    to: AccountId,
    waits: bool,
) -> Result<String, Refusal> {
    // Each pair has a conversation of its own.
    let conversation = ConversationId::new(TALK.get() + message.author.get() + to.get());
    kept(ask(
        bench,
        Ask::Whisper {
            to,
            conversation,
            message,
            waits,
        },
    ))
}

fn read(message: &Message) -> String {
    let body = String::from_utf8(message.body.clone()).unwrap();
    format!("{}:{}:{body}", message.seq, message.author_name)
}

fn messages(answer: Result<Option<Answer>, Refusal>) -> (Vec<String>, bool) {
    match answer {
        Ok(Some(Answer::Messages { messages, has_more })) => {
            (messages.iter().map(read).collect(), has_more)
        }
        other => panic!("no messages: {other:?}"),
    }
}

fn history(bench: &mut Bench, place: Place, from: From, limit: u32) -> (Vec<String>, bool) {
    messages(ask(bench, Ask::History { place, from, limit }))
}

fn waiting(
    bench: &mut Bench,
    account: AccountId,
    delivery: i64,
    limit: u32,
) -> (Vec<String>, bool) {
    messages(ask(
        bench,
        Ask::TakeWaiting {
            account,
            delivery,
            limit,
        },
    ))
}

#[test]
fn what_is_said_is_numbered_and_read_both_ways() {
    with_people(|bench| {
        let said = vec![
            says(KIM, 1, "a", 10),
            says(LEE, 1, "b", 11),
            says(KIM, 2, "c", 12),
        ];
        assert_eq!(append(bench, said).unwrap(), "1 2 3");
        assert_eq!(append(bench, vec![says(LEE, 0, "d", 13)]).unwrap(), "4");
        let place = Place::Room(ROOM.0);
        for (from, limit, expected, more) in [
            (From::End, 2, vec!["4:lee:d", "3:kim:c"], true),
            (From::Before(3), 2, vec!["2:lee:b", "1:kim:a"], false),
            (
                From::After(0),
                3,
                vec!["1:kim:a", "2:lee:b", "3:kim:c"],
                true,
            ),
            (From::After(3), 3, vec!["4:lee:d"], false),
            (From::After(i64::MAX), 3, vec![], false),
            (From::Before(i64::MIN), 3, vec![], false),
        ] {
            let (found, has_more) = history(bench, place, from, limit);
            assert_eq!((found, has_more), (owned(expected), more), "{from:?}");
        }
    });
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

#[test]
fn what_is_sent_again_is_kept_once_and_says_its_first_number() {
    with_people(|bench| {
        assert_eq!(append(bench, vec![says(KIM, 7, "a", 1)]).unwrap(), "1");
        assert_eq!(append(bench, vec![says(LEE, 0, "b", 2)]).unwrap(), "2");
        let again = vec![
            says(KIM, 7, "a", 3),
            says(KIM, 8, "c", 3),
            says(KIM, 8, "c", 3),
        ];
        assert_eq!(append(bench, again).unwrap(), "1* 3 3*");
        // Numbers are each author's own, and all 64 bits of them.
        assert_eq!(append(bench, vec![says(LEE, 7, "d", 4)]).unwrap(), "4");
        for expected in ["5", "5*"] {
            let last = vec![says(LEE, u64::MAX, "e", 5)];
            assert_eq!(append(bench, last).unwrap(), expected);
        }
    });
}

#[test]
fn a_room_that_gives_numbers_itself_may_write_a_batch_twice() {
    with_people(|bench| {
        let numbered = |seq| NewMessage {
            seq: Some(seq),
            ..says(KIM, 0, "a", 1)
        };
        let batch = vec![numbered(1), numbered(2), numbered(5)];
        assert_eq!(append(bench, batch.clone()).unwrap(), "1 2 5");
        assert_eq!(append(bench, batch).unwrap(), "1* 2* 5*");
        assert_eq!(append(bench, vec![numbered(0)]), Err(Refusal::Invalid));
        // One that makes no sense takes the whole batch with it.
        let mixed = vec![numbered(6), numbered(i64::MIN)];
        assert_eq!(append(bench, mixed), Err(Refusal::Invalid));
        let (found, _) = history(bench, Place::Room(ROOM.0), From::After(5), 10);
        assert_eq!(found, [] as [String; 0]);
    });
}

#[test]
fn who_has_lost_a_room_writes_nothing_into_it() {
    with_people(|bench| {
        let open = room::Ask::Open { room: ROOM.0 };
        bench.ask(wharf_data::Ask::Room(open)).unwrap();
        assert_eq!(
            append(bench, vec![says(KIM, 1, "late", 1)]),
            Err(Refusal::Fenced)
        );
        let (found, _) = history(bench, Place::Room(ROOM.0), From::End, 10);
        assert_eq!(found, [] as [String; 0]);
    });
}

#[test]
fn a_whisper_waits_and_is_delivered_once() {
    with_people(|bench| {
        whisper(bench, says(KIM, 1, "a", 10), LEE, true).unwrap();
        whisper(bench, says(PARK, 1, "b", 11), LEE, true).unwrap();
        whisper(bench, says(KIM, 2, "seen", 12), LEE, false).unwrap();
        whisper(bench, says(KIM, 3, "c", 13), LEE, true).unwrap();
        let first = (owned(vec!["1:kim:a", "1:park:b"]), true);
        assert_eq!(waiting(bench, LEE, 1, 2), first);
        // Its answer was lost: the same delivery brings the same.
        assert_eq!(waiting(bench, LEE, 1, 2), first);
        let second = (owned(vec!["3:kim:c"]), false);
        assert_eq!(waiting(bench, LEE, 2, 2), second);
        assert_eq!(waiting(bench, LEE, 3, 2), (vec![], false));
        assert_eq!(waiting(bench, KIM, 4, 2), (vec![], false));
        // All of it is history, whoever asks.
        for place in [Place::Direct(KIM, LEE), Place::Direct(LEE, KIM)] {
            let (found, _) = history(bench, place, From::After(0), 10);
            assert_eq!(found, owned(vec!["1:kim:a", "2:kim:seen", "3:kim:c"]));
        }
        let (none, _) = history(bench, Place::Direct(LEE, NOBODY), From::End, 10);
        assert_eq!(none, [] as [String; 0]);
    });
}

#[test]
fn a_whisper_that_is_sent_again_waits_once() {
    with_people(|bench| {
        for expected in ["1", "1*"] {
            let answer = whisper(bench, says(KIM, 1, "a", 10), LEE, true);
            assert_eq!(answer.unwrap(), expected);
        }
        assert_eq!(waiting(bench, LEE, 1, 10).0.len(), 1);
    });
}

#[test]
fn nobody_whispers_to_nobody_to_themselves_or_to_who_will_not_hear() {
    with_people(|bench| {
        let block = |account, other, blocks_max| Ask::Block {
            account,
            other,
            blocks_max,
            at: 1,
        };
        let blocked = ask(bench, block(LEE, KIM, 1));
        assert_eq!(blocked, Ok(Some(Answer::Blocks(vec![KIM]))));
        // Again is as good as once, and one more is too many.
        assert_eq!(ask(bench, block(LEE, KIM, 1)), blocked);
        assert_eq!(ask(bench, block(LEE, PARK, 1)), Err(Refusal::Full));
        assert_eq!(ask(bench, block(LEE, LEE, 9)), Err(Refusal::Invalid));
        for (from, to, expected) in [
            (KIM, LEE, Err(Refusal::Forbidden)),
            (LEE, KIM, Ok("1".to_owned())),
            (KIM, KIM, Err(Refusal::Invalid)),
            (KIM, NOBODY, Err(Refusal::NotFound)),
        ] {
            assert_eq!(whisper(bench, says(from, 0, "a", 1), to, true), expected);
        }
        // Whoever has blocked somebody, and whom they have, is told to both of them.
        let among = |account, others: &[AccountId]| {
            let others = others.to_vec();
            Ask::BlocksAmong { account, others }
        };
        for (account, others, expected) in [
            (KIM, &[LEE, PARK][..], vec![LEE]),
            (LEE, &[PARK, KIM, LEE], vec![KIM]),
            (LEE, &[PARK], vec![]),
            (PARK, &[KIM, LEE], vec![]),
            (KIM, &[], vec![]),
        ] {
            let told = ask(bench, among(account, others));
            assert_eq!(told, Ok(Some(Answer::Blocks(expected))), "{account:?}");
        }
        let too_many = ask(bench, among(KIM, &[LEE; 1_001]));
        assert_eq!(too_many, Err(Refusal::Invalid));
        let unblock = Ask::Unblock {
            account: LEE,
            other: KIM,
        };
        assert_eq!(ask(bench, unblock), Ok(Some(Answer::Blocks(vec![]))));
        let heard = whisper(bench, says(KIM, 0, "b", 2), LEE, true);
        assert_eq!(heard.unwrap(), "2");
        let blocks = ask(bench, Ask::Blocks { account: LEE });
        assert_eq!(blocks, Ok(Some(Answer::Blocks(vec![]))));
    });
}

#[test]
fn a_removed_message_says_nothing_any_more_and_only_some_may_remove() {
    with_people(|bench| {
        let said = vec![
            says(KIM, 0, "owner's", 1),
            says(LEE, 0, "lee's", 1),
            says(PARK, 0, "park's", 1),
        ];
        append(bench, said).unwrap();
        let promote = room::Ask::Moderate {
            room: ROOM,
            account: LEE,
            measure: Measure::Rank(Role::Moderator),
            act: act(1, Actor::Account(KIM), 2),
        };
        bench.ask(wharf_data::Ask::Room(promote)).unwrap();
        let remove = |id, seq, by| Ask::Remove {
            place: Place::Room(ROOM.0),
            seq,
            act: act(id, by, 3),
        };
        for (id, seq, by, expected) in [
            (2, 1, Actor::Account(PARK), Err(Refusal::Forbidden)),
            (3, 1, Actor::Account(LEE), Err(Refusal::Forbidden)),
            (4, 3, Actor::Account(LEE), Ok(None)),
            (5, 2, Actor::Account(LEE), Ok(None)),
            (6, 9, Actor::Account(LEE), Err(Refusal::NotFound)),
            (7, 1, Actor::Operator, Ok(None)),
        ] {
            assert_eq!(ask(bench, remove(id, seq, by)), expected, "{id}");
        }
        let place = Place::Room(ROOM.0);
        let from = From::After(0);
        let Ok(Some(Answer::Messages { messages, .. })) = ask(
            bench,
            Ask::History {
                place,
                from,
                limit: 10,
            },
        ) else {
            panic!("no messages")
        };
        let found: Vec<(i64, usize, Option<i64>)> = messages
            .iter()
            .map(|it| (it.seq, it.body.len(), it.removed_by.map(AccountId::get)))
            .collect();
        assert_eq!(found, [(1, 0, Some(0)), (2, 0, Some(2)), (3, 0, Some(2))]);
    });
}

#[test]
fn a_direct_message_is_removed_by_its_author_only() {
    with_people(|bench| {
        whisper(bench, says(KIM, 1, "a", 10), LEE, false).unwrap();
        let remove = |by| Ask::Remove {
            place: Place::Direct(by, if by == KIM { LEE } else { KIM }),
            seq: 1,
            act: act(1, Actor::Account(by), 3),
        };
        assert_eq!(ask(bench, remove(LEE)), Err(Refusal::Forbidden));
        assert_eq!(ask(bench, remove(KIM)), Ok(None));
    });
}

#[test]
fn what_was_not_read_is_counted_and_reading_never_goes_back() {
    with_people(|bench| {
        for number in 1..=4 {
            whisper(bench, says(KIM, number, "a", 10), LEE, false).unwrap();
        }
        whisper(bench, says(LEE, 1, "mine", 11), KIM, false).unwrap();
        let conversation = ConversationId::new(TALK.get() + 3);
        let mut check = |seq: Option<i64>, expected| {
            if let Some(seq) = seq {
                let account = LEE;
                let read = Ask::SetRead {
                    account,
                    conversation,
                    seq,
                };
                assert_eq!(ask(bench, read), Ok(None));
            }
            let unread = ask(bench, Ask::Unread { account: LEE });
            assert_eq!(unread, Ok(Some(Answer::Unread(expected))), "{seq:?}");
        };
        check(None, 4);
        check(Some(3), 1);
        check(Some(1), 1);
        check(Some(i64::MAX), 0);
        let nowhere = Ask::SetRead {
            account: LEE,
            conversation: ConversationId::new(7),
            seq: 1,
        };
        assert_eq!(ask(bench, nowhere), Err(Refusal::NotFound));
        // Read to the end, and no further: what comes is new.
        whisper(bench, says(KIM, 9, "new", 12), LEE, false).unwrap();
        let unread = ask(bench, Ask::Unread { account: LEE });
        assert_eq!(unread, Ok(Some(Answer::Unread(1))));
    });
}

#[test]
fn the_people_one_has_talked_to_come_latest_first() {
    with_people(|bench| {
        whisper(bench, says(KIM, 1, "a", 10), LEE, false).unwrap();
        whisper(bench, says(PARK, 1, "b", 20), LEE, false).unwrap();
        whisper(bench, says(KIM, 2, "c", 15), PARK, false).unwrap();
        let mut seen = Vec::new();
        let mut page: Option<PageToken> = None;
        loop {
            let wanted = Ask::Directs {
                account: LEE,
                page,
                limit: 1,
            };
            let Ok(Some(Answer::Directs { directs, next })) = ask(bench, wanted) else {
                panic!("no conversations")
            };
            seen.extend(directs.iter().map(|direct| {
                let (with, name) = (direct.with, direct.name.as_str());
                (with, name.to_owned(), direct.last_seq, direct.read_seq)
            }));
            page = next;
            if page.is_none() {
                break;
            }
        }
        let expected = [
            (PARK, "park".to_owned(), 1, 0),
            (KIM, "kim".to_owned(), 1, 0),
        ];
        assert_eq!(seen, expected);
    });
}
