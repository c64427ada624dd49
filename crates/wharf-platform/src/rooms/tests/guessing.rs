//! Those who guess at passwords of rooms have to wait, at every server and after a restart too.

use super::*;
use crate::rooms::guessing::LIMITS;

/// A room that stays, with a password, and its owner.
fn cave(rig: &mut Rig) -> RoomId {
    let secret = NewRoom {
        password: Hidden::from("open sesame"),
        ..new_room("cave", true)
    };
    let own = rig.entry(1, Request::Create(Box::new(secret))).unwrap();
    own.info.room
}

fn enter(room: RoomId, text: &str) -> Request {
    let password = Hidden::from(text);
    Request::Enter { room, password }
}

fn rate(seconds: u64) -> Error {
    let retry_after = Duration::from_secs(seconds);
    Error::Rate { retry_after }
}

/// Guesses until that has to wait.
fn guess(rig: &mut Rig, room: RoomId) {
    for _ in 0..=LIMITS.free {
        let wrong = rig.entry(2, enter(room, "open barley"));
        assert_eq!(wrong, Err(Error::Credentials));
    }
}

/// Another process on the same store, at the same time.
fn another(rig: &mut Rig) {
    let (store, now) = (core::mem::take(&mut rig.store), rig.now);
    let last_ticket = rig.last_ticket;
    *rig = Rig::new(options());
    (rig.store, rig.now, rig.last_ticket) = (store, now, last_ticket);
}

#[test]
fn guesses_at_a_password_are_slowed_down() {
    let mut rig = Rig::new(options());
    let room = cave(&mut rig);
    guess(&mut rig, room);
    let slowed = rig.entry(2, enter(room, "open sesame"));
    assert_eq!(slowed, Err(rate(1)));
    rig.entry(3, enter(room, "open sesame")).unwrap();
    rig.pass(Duration::from_secs(1));
    rig.entry(2, enter(room, "open sesame")).unwrap();
    assert!(rig.store.guesses.is_empty(), "they begin anew");
}

#[test]
fn whoever_knows_the_password_of_one_room_guesses_no_faster_at_another() {
    let mut rig = Rig::new(options());
    let room = cave(&mut rig);
    let theirs = NewRoom {
        password: Hidden::from("known"),
        ..new_room("den", true)
    };
    let own = rig.entry(3, Request::Create(Box::new(theirs))).unwrap();
    guess(&mut rig, room);
    rig.entry(2, enter(own.info.room, "known")).unwrap();
    assert_eq!(rig.entry(2, enter(room, "open barley")), Err(rate(1)));
    another(&mut rig);
    assert_eq!(rig.entry(2, enter(room, "open barley")), Err(rate(1)));
}

#[test]
fn whoever_has_guessed_waits_at_another_server_and_after_a_restart_too() {
    let mut rig = Rig::new(options());
    let room = cave(&mut rig);
    guess(&mut rig, room);
    another(&mut rig);
    assert_eq!(rig.entry(2, enter(room, "open sesame")), Err(rate(1)));
    rig.pass(Duration::from_secs(1));
    let wrong = rig.entry(2, enter(room, "open barley"));
    assert_eq!(wrong, Err(Error::Credentials));
    another(&mut rig);
    assert_eq!(rig.entry(2, enter(room, "open sesame")), Err(rate(2)));
    rig.entry(3, enter(room, "open sesame")).unwrap();
    rig.pass(LIMITS.forget);
    guess(&mut rig, room);
}

#[test]
fn whoever_was_right_at_another_server_begins_anew_here() {
    let mut here = Rig::new(options());
    let room = cave(&mut here);
    guess(&mut here, room);
    for seconds in [1, 2, 4] {
        here.pass(Duration::from_secs(seconds));
        let wrong = here.entry(2, enter(room, "open barley"));
        assert_eq!(wrong, Err(Error::Credentials));
    }
    let mut there = Rig::new(options());
    there.now = here.now;
    there.pass(Duration::from_secs(8));
    core::mem::swap(&mut here.store, &mut there.store);
    there.entry(2, enter(room, "open sesame")).unwrap();
    core::mem::swap(&mut here.store, &mut there.store);
    assert_eq!(here.entry(2, enter(room, "open sesame")), Err(rate(8)));
    here.pass(Duration::from_secs(1));
    here.entry(2, enter(room, "open sesame")).unwrap();
}

#[test]
fn a_store_that_is_dead_or_hangs_keeps_nobody_out() {
    let mut rig = Rig::new(options());
    let room = cave(&mut rig);
    let is_get = |asked: &(u64, Ask)| matches!(asked.1, Ask::Short(_));
    rig.store.is_short_dead = true;
    rig.entry(2, enter(room, "open sesame")).unwrap();
    let ticket = rig.call(Some(3), 3, enter(room, "open sesame"));
    let (number, ask) = rig.asked.remove(0);
    let reply = rig.store.ask(&ask);
    rig.rooms.stored(rig.times(), number, reply);
    rig.pump();
    assert!(!rig.asked.iter().any(is_get), "nobody waits for a while");
    rig.settle();
    rig.outcome(ticket).unwrap();

    rig.pass(Duration::from_secs(10));
    let ticket = rig.call(Some(4), 4, enter(room, "open sesame"));
    let (number, ask) = rig.asked.remove(0);
    let reply = rig.store.ask(&ask);
    rig.rooms.stored(rig.times(), number, reply);
    rig.pump();
    assert!(rig.asked.iter().any(is_get), "it is asked again");
    let hung = core::mem::take(&mut rig.asked);
    assert_eq!(rig.rooms.next_deadline(), Some(rig.now + options().recall));
    rig.pass(options().recall);
    rig.settle();
    rig.outcome(ticket).unwrap();
    for (number, _) in hung {
        let late = Err(Refusal::Unavailable);
        rig.rooms.stored(rig.times(), number, late);
    }
    rig.pump();
    assert!(rig.replies.is_empty(), "nothing follows from what is late");
}

#[test]
fn what_is_decided_while_the_store_thinks_about_guesses_holds() {
    let mut rig = Rig::new(options());
    let room = cave(&mut rig);
    let own = rig.entry(1, enter(room, "")).unwrap();
    let ticket = rig.call(Some(2), 2, enter(room, "open sesame"));
    let (number, ask) = rig.asked.remove(0);
    let reply = rig.store.ask(&ask);
    rig.rooms.stored(rig.times(), number, reply);
    rig.pump();
    assert!(matches!(rig.asked[0].1, Ask::Short(_)));
    let recall = rig.asked.remove(0);
    rig.moderate(1, &own, 2, Measure::Ban(0)).unwrap();
    rig.asked.push(recall);
    rig.settle();
    let banned = rig.outcome(ticket);
    assert!(matches!(banned, Err(Error::Banned { .. })), "{banned:?}");
}
