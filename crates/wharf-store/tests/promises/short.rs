//! What is promised of what lives for a short time, on everything that keeps it.

use crate::bench::Bench;
use crate::each_database;
use wharf_data::short::{Answer, Ask, Found, Space};
use wharf_data::{Refusal, UnixMs};

fn ask(bench: &mut Bench, ask: Ask) -> Result<Option<Answer>, Refusal> {
    let reply = bench.ask(wharf_data::Ask::Short(ask));
    reply.map(|answer| match answer {
        wharf_data::Answer::Short(answer) => Some(answer),
        wharf_data::Answer::Done => None,
        other => panic!("not about what is short-lived: {other:?}"),
    })
}

fn put(space: Space, key: &str, score: i64, expires: UnixMs, only_new: bool) -> Ask {
    Ask::Put {
        space,
        key: key.into(),
        value: vec![0, 200, score as u8],
        score,
        expires,
        only_new,
        at: 10,
    }
}

fn get(key: &str, at: UnixMs) -> Ask {
    Ask::Get {
        space: Space::Ticket,
        key: key.into(),
        at,
    }
}

fn take(key: &str, at: UnixMs) -> Ask {
    Ask::Take {
        space: Space::Ticket,
        key: key.into(),
        at,
    }
}

#[test]
fn a_value_is_there_until_its_time() {
    each_database(|bench| {
        assert_eq!(ask(bench, put(Space::Ticket, "a", 5, 100, false)), Ok(None));
        let found = Found {
            key: "a".into(),
            value: vec![0, 200, 5],
            score: 5,
            expires: 100,
        };
        let there = Ok(Some(Answer::Found(found)));
        assert_eq!(ask(bench, get("a", 99)), there);
        assert_eq!(ask(bench, get("a", 100)), Err(Refusal::NotFound));
        assert_eq!(ask(bench, get("A", 99)), Err(Refusal::NotFound));
        let delete = Ask::Delete {
            space: Space::Ticket,
            key: "a".into(),
        };
        assert_eq!(ask(bench, delete.clone()), Ok(None));
        assert_eq!(ask(bench, get("a", 99)), Err(Refusal::NotFound));
        assert_eq!(ask(bench, delete), Ok(None));
    });
}

#[test]
fn a_ticket_is_taken_once_and_not_after_its_time() {
    each_database(|bench| {
        ask(bench, put(Space::Ticket, "a", 1, 100, true)).unwrap();
        assert!(ask(bench, take("a", 50)).is_ok());
        assert_eq!(ask(bench, take("a", 50)), Err(Refusal::NotFound));
        ask(bench, put(Space::Ticket, "b", 1, 100, true)).unwrap();
        assert_eq!(ask(bench, take("b", 100)), Err(Refusal::NotFound));
    });
}

#[test]
fn what_must_be_new_does_not_replace_what_is_there() {
    each_database(|bench| {
        let space = Space::Presence;
        ask(bench, put(space, "a", 1, 100, true)).unwrap();
        let again = ask(bench, put(space, "a", 2, 200, true));
        assert_eq!(again, Err(Refusal::Duplicate(1)));
        assert_eq!(ask(bench, put(space, "a", 3, 10, false)), Ok(None));
        // What has ended is not there.
        assert_eq!(ask(bench, put(space, "a", 4, 100, true)), Ok(None));
        // Another space is another world.
        assert_eq!(ask(bench, put(Space::Ticket, "a", 5, 99, true)), Ok(None));
        let long = "k".repeat(201);
        let too_long = ask(bench, put(space, &long, 1, 100, true));
        assert_eq!(too_long, Err(Refusal::Invalid));
    });
}

/// Counts one more, of those that are counted since the last or since the first: how many there
/// are, and until when.
fn counted(bench: &mut Bench, (key, since_last): (&str, bool), at: UnixMs) -> (i64, UnixMs) {
    let count = Ask::Count {
        key: key.into(),
        window_ms: 100,
        since_last,
        at,
    };
    match ask(bench, count) {
        Ok(Some(Answer::Counted { count, ends })) => (count, ends),
        other => panic!("not counted: {other:?}"),
    }
}

#[test]
fn what_is_counted_since_the_last_ends_so_long_after_it_whosever_clock_is_behind() {
    each_database(|bench| {
        let mut count = |at| counted(bench, ("kim", true), at);
        assert_eq!(count(10), (1, 110));
        assert_eq!(count(100), (2, 200));
        assert_eq!(count(60), (3, 200));
        assert_eq!(count(199), (4, 299));
        assert_eq!(count(299), (1, 399));
        let get = Ask::Get {
            space: Space::Rate,
            key: "kim".into(),
            at: 398,
        };
        let Ok(Some(Answer::Found(found))) = ask(bench, get) else {
            panic!("it is not there");
        };
        assert_eq!((found.score, found.expires), (1, 399));
    });
}

#[test]
fn what_is_counted_begins_anew_with_each_window() {
    each_database(|bench| {
        let mut count = |key: &str, at| counted(bench, (key, false), at);
        assert_eq!(count("kim", 10), (1, 110));
        assert_eq!(count("kim", 50), (2, 110));
        assert_eq!(count("lee", 60), (1, 160));
        assert_eq!(count("kim", 109), (3, 110));
        assert_eq!(count("kim", 110), (1, 210));
    });
}

/// A minute, by which clocks may differ.
const SLACK_MS: UnixMs = 60_000;

#[test]
fn a_clock_in_the_far_future_makes_nothing_count_for_ever() {
    for since_last in [true, false] {
        each_database(|bench| {
            let mut count = |at| counted(bench, ("kim", since_last), at);
            let (now, far) = (1_800_000_000_000, 4_000_000_000_000);
            assert_eq!(count(now), (1, now + 100));
            assert_eq!(count(far), (1, far + 100), "by then that has ended");
            // Whoever has the right time counts on, and takes no more than that from it.
            assert_eq!(count(now), (2, now + 100 + SLACK_MS));
            assert_eq!(count(now + 1).0, 3);
            let later = now + 100 + 2 * SLACK_MS;
            assert_eq!(count(later), (1, later + 100), "it is over then");
        });
    }
}

/// Whoever was right begins anew, though their failures were on their way.
#[test]
fn what_is_counted_and_deleted_at_once_is_done_in_the_order_of_asking() {
    each_database(|bench| {
        let count = Ask::Count {
            key: "kim".into(),
            window_ms: 100,
            since_last: true,
            at: 10,
        };
        let delete = Ask::Delete {
            space: Space::Rate,
            key: "kim".into(),
        };
        let asks = [&count, &count, &delete, &count, &delete, &count, &count];
        let mut tags = Vec::new();
        for ask in asks {
            let ask = wharf_data::Ask::Short(ask.clone());
            tags.push(bench.send(ask).unwrap());
        }
        let mut answers: Vec<_> = tags.iter().map(|_| bench.next()).collect();
        answers.sort_by_key(|(tag, _)| tag.0);
        let counts = answers.into_iter().filter_map(|(_, reply)| match reply {
            Ok(wharf_data::Answer::Short(Answer::Counted { count, .. })) => Some(count),
            other => {
                assert_eq!(other, Ok(wharf_data::Answer::Done));
                None
            }
        });
        assert_eq!(counts.collect::<Vec<_>>(), [1, 2, 1, 1, 2]);
    });
}

#[test]
fn what_ended_long_ago_makes_room_for_what_comes() {
    each_database(|bench| {
        for number in 0..20 {
            let key = format!("old {number}");
            ask(bench, put(Space::Rate, &key, 0, 100, false)).unwrap();
        }
        let late = 1_000_000;
        for number in 0..5 {
            let put = Ask::Put {
                space: Space::Rate,
                key: format!("new {number}"),
                value: Vec::new(),
                score: 0,
                expires: late + 1,
                only_new: false,
                at: late,
            };
            ask(bench, put).unwrap();
        }
        // As it was before it ended.
        let top = Ask::Top {
            space: Space::Rate,
            skip: 0,
            limit: 100,
            at: 0,
        };
        match ask(bench, top) {
            Ok(Some(Answer::Top(found))) => {
                assert!(found.iter().all(|found| found.key.starts_with("new")));
                assert_eq!(found.len(), 5);
            }
            other => panic!("no list: {other:?}"),
        }
    });
}

#[test]
fn the_highest_come_first() {
    each_database(|bench| {
        for (key, score, expires) in [
            ("c", 5, 100),
            ("a", 7, 100),
            ("gone", 9, 20),
            ("b", 5, 100),
            ("d", -3, 100),
        ] {
            ask(bench, put(Space::BusyRooms, key, score, expires, false)).unwrap();
        }
        let mut top = |skip, limit| {
            let space = Space::BusyRooms;
            let at = 50;
            match ask(
                bench,
                Ask::Top {
                    space,
                    skip,
                    limit,
                    at,
                },
            ) {
                Ok(Some(Answer::Top(found))) => {
                    found.into_iter().map(|found| found.key).collect::<String>()
                }
                other => panic!("no list: {other:?}"),
            }
        };
        assert_eq!(top(0, 10), "abcd");
        assert_eq!(top(0, 2), "ab");
        assert_eq!(top(2, 2), "cd");
        assert_eq!(top(3, 2), "d");
        assert_eq!(top(4, 2), "");
    });
}
