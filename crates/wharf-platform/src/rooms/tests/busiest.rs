//! The busiest rooms: those that are open here, and those of others.

use super::*;
use wharf_data::room::{self as stored, History, Settings};

fn busiest(rig: &mut Rig, limit: u32) -> Vec<(String, u32)> {
    match rig.ask(99, Request::Busiest { limit }) {
        Ok(Outcome::Listed { rooms, next: None }) => {
            let told = rooms.into_iter().map(|info| (info.name, info.members));
            told.collect()
        }
        other => panic!("no list: {other:?}"),
    }
}

/// A room that stays, open on another server.
fn elsewhere(rig: &mut Rig, id: i64, members: i64, change: impl FnOnce(&mut stored::Room)) {
    let mut room = stored::Room {
        id: RoomId::new(id),
        kind: "hall".into(),
        name: format!("far {id}"),
        settings: Settings {
            topic: String::new(),
            password: None,
            members_max: 100,
            is_hidden: false,
            is_locked: false,
            slow_ms: 0,
            history: History::Durable,
            options: Vec::new(),
        },
        epoch: 1,
        last_seq: 0,
        created_at: AT,
    };
    change(&mut room);
    rig.store.rooms.insert(room.id, room);
    rig.store.busy.insert(format!("7:{id}"), members);
}

fn told(rooms: &[(&str, u32)]) -> Vec<(String, u32)> {
    let rooms = rooms.iter();
    rooms
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn the_busiest_come_first_wherever_they_are_open() {
    let mut rig = Rig::new(options());
    let tea = rig.entry(1, create("tea", true)).unwrap();
    rig.entry(2, enter(&tea)).unwrap();
    rig.entry(3, create("here alone", false)).unwrap();
    let empty = rig.entry(4, create("empty", true)).unwrap();
    rig.ask(4, left(&empty)).unwrap();
    elsewhere(&mut rig, 50, 5, |_| {});
    elsewhere(&mut rig, 51, 1_000, |_| {});
    // What is said of a room that is open here is not what counts.
    let stale = format!("7:{}", tea.info.room.get());
    rig.store.busy.insert(stale, 900);
    let all = told(&[
        ("far 51", 100),
        ("far 50", 5),
        ("tea", 2),
        ("here alone", 1),
    ]);
    assert_eq!(busiest(&mut rig, 50), all);
    assert_eq!(busiest(&mut rig, 3), all[..3]);
    assert_eq!(busiest(&mut rig, 0), all[..1]);
}

#[test]
fn what_is_hidden_gone_or_no_room_of_chat_is_not_listed_whatever_is_said_of_it() {
    let mut rig = Rig::new(options());
    let mut secret = new_room("secret", true);
    secret.is_hidden = true;
    rig.entry(1, Request::Create(Box::new(secret))).unwrap();
    let closed = rig.entry(2, create("closed", false)).unwrap();
    let ticket = rig.call(None, 2, Request::Close(here(&closed)));
    rig.settle();
    assert_eq!(rig.outcome(ticket), Ok(Outcome::Done));
    elsewhere(&mut rig, 50, 5, |room| room.settings.is_hidden = true);
    elsewhere(&mut rig, 51, 5, |room| room.kind = "arena".into());
    elsewhere(&mut rig, 52, 5, |_| {});
    rig.store.rooms.remove(&RoomId::new(52));
    for rubbish in ["", "7", "x:1", "7:-1", "7:99999999999999999999"] {
        rig.store.busy.insert(rubbish.into(), i64::MAX);
    }
    assert_eq!(busiest(&mut rig, 50), []);
}

#[test]
fn without_the_short_store_or_the_other_what_is_open_here_is_told() {
    let mut rig = Rig::new(options());
    rig.entry(1, create("tea", false)).unwrap();
    elsewhere(&mut rig, 50, 5, |_| {});
    rig.store.is_short_dead = true;
    assert_eq!(busiest(&mut rig, 50), told(&[("tea", 1)]));
    rig.store.is_short_dead = false;
    rig.call(Some(99), 99, Request::Busiest { limit: 5 });
    let (number, ask) = rig.asked.remove(0);
    let reply = rig.store.ask(&ask);
    rig.rooms.stored(rig.times(), number, reply);
    rig.pump();
    rig.store.is_dead = true;
    rig.settle();
    let (_, reply) = rig.replies.pop_last().unwrap();
    let Ok(Given::Rooms(Outcome::Listed { rooms, .. })) = reply else {
        panic!("no list: {reply:?}");
    };
    assert_eq!(rooms.len(), 1);
}

#[test]
fn numbered_rooms_are_not_among_them() {
    let mut rig = Rig::new(RoomOptions {
        lobbies: 3,
        ..options()
    });
    let members = 50;
    rig.call(
        None,
        0,
        Request::Count {
            number: 1,
            members,
            moves: Vec::new(),
        },
    );
    assert_eq!(busiest(&mut rig, 50), []);
}
