//! What was said, read again: both ways, after a restart, and while more is said.

use super::{enter, heard, id_of, lasting, saying, somebody};
use crate::platform::{Guest, log_in, say, text_of};
use crate::support::{BACKENDS, Server, UNHURRIED};
use wharf::proto::chat::get_history::From;
use wharf::proto::chat::{GetHistory, Remove, Said, WasRemoved};
use wharf::proto::room::{History, Rank};
use wharf::proto::session::Code;

#[test]
fn a_durable_history_is_read_both_ways_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for (round, backend) in BACKENDS.iter().enumerate() {
        let data = folder.path().join(round.to_string());
        let server = Server::start_in(&data, backend, UNHURRIED);
        let (mut kim, _) = somebody(&server, "kim");
        let room = id_of(&kim.ask(&lasting("diary", History::Durable)).unwrap());
        for (id, text) in (1..).zip(["one", "two", "three", "four", "five"]) {
            let so = kim.ask(&saying(text, id)).unwrap();
            assert!(so.seq == id as i64 && so.stored && !so.is_duplicate);
            assert_eq!(heard(&mut kim), text);
        }
        let again = kim.ask(&saying("two", 2)).unwrap();
        assert!(again.is_duplicate && again.seq == 2);
        drop((kim, server));

        let server = Server::start_in(&data, backend, UNHURRIED);
        let mut kim = Guest::new(&server);
        kim.ask(&log_in("kim", "correct horse")).unwrap();
        let entered = kim.ask(&enter(room, "")).unwrap();
        assert_eq!((entered.rank(), entered.last_seq), (Rank::Owner, 5));
        let again = kim.ask(&saying("five", 5)).unwrap();
        assert!(again.is_duplicate && again.seq == 5, "known to the store");
        let read = |guest: &mut Guest, from, limit| {
            let history = guest
                .ask(&GetHistory {
                    from,
                    limit,
                    ..GetHistory::default()
                })
                .unwrap();
            let texts = history.messages.iter().map(|it| text_of(it).to_owned());
            (texts.collect::<Vec<_>>(), history.has_more)
        };
        let newest = read(&mut kim, None, 2);
        assert_eq!(newest, (vec!["five".into(), "four".into()], true));
        let before = read(&mut kim, Some(From::Before(4)), 10);
        assert_eq!(
            before,
            (vec!["three".into(), "two".into(), "one".into()], false)
        );
        let after = read(&mut kim, Some(From::After(2)), 2);
        assert_eq!(after, (vec!["three".into(), "four".into()], true));

        kim.ask(&Remove { seq: 3 }).unwrap();
        assert_eq!(kim.notice::<WasRemoved>().seq, 3);
        let history = kim.ask(&GetHistory::default()).unwrap();
        let third = history.messages.iter().find(|it| it.seq == 3).unwrap();
        assert!(third.is_removed && third.content.is_none());
    }
}

#[cfg(unix)]
#[test]
fn a_buffered_history_is_numbered_at_once_and_kept_when_the_server_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path(), BACKENDS[0], UNHURRIED);
    let (mut kim, _) = somebody(&server, "kim");
    let room = id_of(&kim.ask(&lasting("gossip", History::Buffered)).unwrap());
    for seq in 1..=100 {
        let so = kim.ask(&saying(&format!("no. {seq}"), seq as u64)).unwrap();
        assert!(so.seq == seq && !so.stored);
    }
    let again = kim.ask(&saying("no. 7", 7)).unwrap();
    assert!(again.is_duplicate && again.seq == 7);
    kim.notices.clear();
    let history = kim
        .ask(&GetHistory {
            limit: 1,
            ..GetHistory::default()
        })
        .unwrap();
    assert_eq!(
        history.messages[0].seq, 100,
        "what was said a moment ago is read"
    );
    kim.ask(&say("the last")).unwrap();
    drop(kim);
    stop(server);

    let server = Server::start_in(folder.path(), BACKENDS[0], UNHURRIED);
    let mut kim = Guest::new(&server);
    kim.ask(&log_in("kim", "correct horse")).unwrap();
    let entered = kim.ask(&enter(room, "")).unwrap();
    assert_eq!(entered.last_seq, 101);
    let history = kim
        .ask(&GetHistory {
            limit: 1,
            ..GetHistory::default()
        })
        .unwrap();
    assert_eq!(text_of(&history.messages[0]), "the last");
    assert_eq!(kim.ask(&say("on")).unwrap().seq, 102);
}

/// Ends a server as an operator does.
#[cfg(unix)]
fn stop(mut server: Server) {
    use rustix::process::{Pid, Signal, kill_process};
    kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
    assert!(server.wait().success());
}

/// Messages that are said while others read.
const SAID: i64 = 200;

/// Pages of `limit` messages from `from` on, until there is no more.
fn page(guest: &mut Guest, from: Option<From>, limit: u32) -> (Vec<i64>, bool) {
    guest.notices.clear();
    let request = GetHistory {
        from,
        limit,
        ..GetHistory::default()
    };
    let history = guest.ask(&request).unwrap();
    let seqs = history.messages.iter().map(|message| message.seq);
    (seqs.collect(), history.has_more)
}

/// Reads forward until the last message is there; each comes once, in order.
fn follow(guest: &mut Guest) {
    let mut last = 0;
    while last < SAID {
        let (seqs, _) = page(guest, Some(From::After(last)), 7);
        for seq in seqs {
            assert_eq!(seq, last + 1, "lost, or told again");
            last = seq;
        }
    }
}

/// Reads back from the newest to the first, again and again until the last was the newest.
fn look_back(guest: &mut Guest) {
    let mut newest = 0;
    while newest < SAID {
        let (mut seqs, mut has_more) = page(guest, None, 10);
        let Some(first) = seqs.first().copied() else {
            continue;
        };
        newest = first;
        let mut expected = first;
        loop {
            for seq in &seqs {
                assert_eq!(*seq, expected, "lost, or told again");
                expected -= 1;
            }
            if !has_more {
                break;
            }
            (seqs, has_more) = page(guest, Some(From::Before(expected + 1)), 10);
        }
        assert_eq!(expected, 0, "the history ends before its beginning");
    }
}

#[test]
fn pages_neither_lose_nor_repeat_a_message_while_more_is_said() {
    let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
    for (name, history) in [("diary", History::Durable), ("gossip", History::Buffered)] {
        let (mut kim, _) = somebody(&server, &format!("{name} kim"));
        let (mut lee, _) = somebody(&server, &format!("{name} lee"));
        let (mut max, _) = somebody(&server, &format!("{name} max"));
        let room = id_of(&kim.ask(&lasting(name, history)).unwrap());
        lee.ask(&enter(room, "")).unwrap();
        max.ask(&enter(room, "")).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| follow(&mut lee));
            scope.spawn(|| look_back(&mut max));
            for seq in 1..=SAID {
                let so = kim.ask(&saying("more", seq as u64)).unwrap();
                assert_eq!(so.seq, seq);
            }
        });
    }
}

#[test]
fn what_several_say_at_once_is_heard_by_all_in_one_order_and_kept_in_it() {
    let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
    let (mut kim, _) = somebody(&server, "kim");
    let room = id_of(&kim.ask(&lasting("square", History::Durable)).unwrap());
    let mut guests = vec![kim];
    for name in ["lee", "max"] {
        let (mut guest, _) = somebody(&server, name);
        guest.ask(&enter(room, "")).unwrap();
        guests.push(guest);
    }
    let each = 40;
    std::thread::scope(|scope| {
        for (number, guest) in guests.iter_mut().enumerate() {
            scope.spawn(move || {
                for line in 0..each {
                    guest.ask(&say(&format!("{number} {line}"))).unwrap();
                }
            });
        }
    });
    let all = each * guests.len();
    let mut orders = guests.iter_mut().map(|guest| {
        let mut order = Vec::new();
        while order.len() < all {
            let message = super::until_notice::<Said>(guest).message.unwrap();
            order.push((message.seq, text_of(&message).to_owned()));
        }
        order
    });
    let first = orders.next().unwrap();
    assert!(first.iter().map(|(seq, _)| *seq).eq(1..=all as i64));
    assert!(orders.all(|order| order == first), "each hears the same");
    let mut kept = Vec::new();
    while kept.len() < all {
        let request = GetHistory {
            from: Some(From::After(kept.len() as i64)),
            limit: 50,
            ..GetHistory::default()
        };
        let history = guests[0].ask(&request).unwrap();
        assert!(!history.messages.is_empty());
        let read = history.messages.iter();
        kept.extend(read.map(|message| (message.seq, text_of(message).to_owned())));
    }
    assert_eq!(kept, first);
}

#[test]
fn a_number_of_the_authors_own_that_was_used_elsewhere_is_refused_and_nothing_is_lost() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let (mut kim, _) = somebody(&server, "kim");
    for name in ["one", "two"] {
        kim.ask(&lasting(name, History::Durable)).unwrap();
        let said = kim.ask(&saying("hello", 7));
        if name == "one" {
            assert!(!said.unwrap().is_duplicate);
            kim.ask(&wharf::proto::room::Leave {}).unwrap();
        } else {
            let error = said.unwrap_err();
            assert_eq!((error.code(), &*error.field), (Code::Conflict, "client_id"));
        }
    }
    kim.notices.clear();
    let so = kim.ask(&saying("hello", 8)).unwrap();
    assert!(so.seq == 1 && !so.is_duplicate);
    assert_eq!(heard(&mut kim), "hello");
}
