//! What comes in an unlucky order, and rules that hold wherever a room is kept.

use super::*;

#[test]
fn whoever_hands_a_room_over_on_the_way_back_to_it_comes_as_a_moderator() {
    let mut rig = Rig::new(options());
    let own = rig.entry(1, create("hall", true)).unwrap();
    rig.entry(2, enter(&own)).unwrap();
    let request = Request::Moderate {
        here: here(&own),
        account: AccountId::new(2),
        name: String::new(),
        measure: Measure::HandOver,
        reason: String::new(),
    };
    let act = rig.call(None, 1, request);
    let (number, hand_over) = rig.asked.pop().unwrap();
    rig.ask(1, left(&own)).unwrap();
    let back = rig.call(Some(1), 1, enter(&own));
    // Read before the room was handed over, answered behind that.
    let (late, look) = rig.asked.pop().unwrap();
    let owner = rig.store.ask(&look);
    let done = rig.store.ask(&hand_over);
    rig.rooms.stored(rig.times(), number, done);
    rig.rooms.stored(rig.times(), late, owner);
    rig.pump();
    assert!(matches!(rig.outcome(act), Ok(Outcome::Moderated(_))));
    match rig.outcome(back) {
        Ok(Outcome::Entry(entry)) => assert_eq!(entry.role, Role::Moderator),
        other => panic!("no entry: {other:?}"),
    }
}

#[test]
fn whoever_asks_twice_at_once_is_where_they_were_let_in_last() {
    let mut rig = Rig::new(options());
    let secret = NewRoom {
        password: Hidden::from("open sesame"),
        ..new_room("cave", false)
    };
    let own = rig.entry(1, Request::Create(Box::new(secret))).unwrap();
    let enter = Request::Enter {
        room: own.info.room,
        password: Hidden::from("open sesame"),
    };
    let asked = [0; 2].map(|_| rig.call(Some(2), 2, enter.clone()));
    rig.ask(1, left(&own)).unwrap();
    let entries = asked.map(|ticket| rig.outcome(ticket));
    assert!(entries.iter().all(Result::is_ok), "{entries:?}");
    let hall = &rig.rooms.halls[&own.info.room];
    assert_eq!(hall.inside.len(), 1);
}

#[test]
fn the_name_of_a_room_that_was_closed_a_moment_ago_is_shown_once() {
    for is_persistent in [false, true] {
        let mut rig = Rig::new(options());
        let old = rig.entry(1, create("den", true)).unwrap();
        let close = rig.call(None, 1, Request::Close(here(&old)));
        let (number, ask) = rig.asked.pop().expect("the store is asked");
        let late = rig.store.ask(&ask);
        assert_eq!(late, Ok(wharf_data::Answer::Done));
        let new = rig.entry(2, create("den", is_persistent)).unwrap();
        assert_eq!(rig.listed(3), ["den"]);
        assert_eq!(rig.entry(3, enter(&old)), Err(Error::NotFound));
        rig.rooms.stored(rig.times(), number, late);
        rig.pump();
        assert_eq!(rig.outcome(close), Ok(Outcome::Done));
        rig.entry(3, enter(&new)).unwrap();
    }
}

#[test]
fn whoever_is_kept_out_is_listed_to_moderators_a_page_at_a_time() {
    for is_persistent in [false, true] {
        let mut rig = Rig::new(options());
        let own = rig.entry(1, create("den", is_persistent)).unwrap();
        rig.entry(2, enter(&own)).unwrap();
        for (who, seconds) in [(11, 0), (12, 60), (13, 0)] {
            rig.moderate(1, &own, who, Measure::Ban(seconds)).unwrap();
        }
        rig.moderate(1, &own, 14, Measure::Mute(0)).unwrap();
        rig.moderate(1, &own, 13, Measure::Unban).unwrap();
        let list = |rig: &mut Rig, by, page: Option<PageToken>| {
            let here = here(&own);
            let limit = 1;
            let ticket = rig.call(None, by, Request::Bans { here, page, limit });
            rig.settle();
            match rig.outcome(ticket)? {
                Outcome::Bans { bans, next } => Ok((bans, next)),
                other => panic!("no bans: {other:?}"),
            }
        };
        let (bans, next) = list(&mut rig, 1, None).unwrap();
        assert_eq!((bans.len(), bans[0].account), (1, AccountId::new(11)));
        assert_eq!(bans[0].until, Until::TakenBack);
        let (bans, end) = list(&mut rig, 1, next.clone()).unwrap();
        assert_eq!((bans[0].account, &end), (AccountId::new(12), &None));
        assert_eq!(bans[0].until, Until::Time(AT + 60_000));
        assert_eq!(
            (bans[0].by, &*bans[0].reason),
            (AccountId::new(1), "because")
        );
        rig.pass(Duration::from_secs(60));
        assert_eq!(list(&mut rig, 1, next).unwrap().0, [], "it has ended");
        assert_eq!(list(&mut rig, 2, None), Err(Error::Forbidden));
        let forged = Some(PageToken::received("made-up"));
        let refused = list(&mut rig, 1, forged);
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
}

#[test]
fn the_rules_in_memory_are_those_of_the_store() {
    use wharf_data::room::Measure as Kept;
    let measures = [
        (Measure::Ban(60), Kept::Ban(Until::Time(AT + 60_000))),
        (Measure::Unban, Kept::Unban),
        (Measure::Mute(0), Kept::Mute(Until::TakenBack)),
        (Measure::Unmute, Kept::Unmute),
        (Measure::Promote, Kept::Rank(Role::Moderator)),
        (Measure::Demote, Kept::Rank(Role::Member)),
        (Measure::HandOver, Kept::HandOver),
    ];
    // Ranks of three people after each measure by each on each, twice in a row.
    for first in 0..measures.len() * 9 {
        for second in 0..measures.len() * 9 {
            let mut seen = Vec::new();
            for is_persistent in [false, true] {
                let mut rig = Rig::new(options());
                let own = rig.entry(1, create("court", is_persistent)).unwrap();
                rig.entry(2, enter(&own)).unwrap();
                rig.entry(3, enter(&own)).unwrap();
                rig.moderate(1, &own, 2, Measure::Promote).unwrap();
                for step in [first, second] {
                    let (by, to) = (step % 3 + 1, step / 3 % 3 + 1);
                    let measure = measures[step / 9].0;
                    let done = rig.moderate(by as i64, &own, to as i64, measure);
                    seen.push((is_persistent, done.map(|it| it.standing)));
                }
            }
            let (memory, store) = seen.split_at(2);
            for (one, other) in memory.iter().zip(store) {
                assert_eq!(one.1, other.1, "{first} then {second}");
            }
        }
    }
}

#[test]
fn a_room_that_is_being_made_is_there_for_nobody_else() {
    let mut rig = Rig::new(options());
    let creating = rig.call(Some(1), 1, create("den", true));
    let (number, ask) = rig.asked.pop().expect("the store is asked");
    let late = rig.store.ask(&ask);
    let Ok(wharf_data::Answer::Room(wharf_data::room::Answer::Room(made))) = &late else {
        panic!("not made: {late:?}");
    };
    let enter = Request::Enter {
        room: made.id,
        password: Hidden::from(""),
    };
    assert_eq!(rig.ask(2, enter.clone()), Err(Error::NotFound));
    let room = made.id;
    let close = wharf_data::operators::RoomAct::Close;
    let (times, ticket) = (rig.times(), Ticket(1_000));
    rig.rooms
        .operate(times, ticket, (room, close), String::new());
    rig.pump();
    rig.settle();
    assert_eq!(rig.outcome(ticket), Err(Error::NotFound));
    rig.rooms.stored(rig.times(), number, late);
    rig.pump();
    assert!(matches!(rig.outcome(creating), Ok(Outcome::Entry(_))));
    rig.entry(2, enter).unwrap();
    let hall = &rig.rooms.halls[&room];
    assert_eq!((hall.inside.len(), hall.slot), (2, 0));
    assert_eq!(rig.rooms.slots.take(), Some(1), "no other slot was taken");
}

#[test]
fn a_room_that_the_store_opened_while_it_was_made_is_not_opened_beside_that() {
    let mut rig = Rig::new(options());
    let creating = rig.call(Some(1), 1, create("den", true));
    let (number, ask) = rig.asked.pop().expect("the store is asked");
    let made = rig.store.ask(&ask);
    let Ok(wharf_data::Answer::Room(wharf_data::room::Answer::Room(kept))) = made.clone() else {
        panic!("not made: {made:?}");
    };
    // Whoever guessed its number was on the way before it was made.
    rig.rooms.opened(kept.id, made.clone());
    assert_eq!(rig.rooms.open(), 0);
    rig.rooms.stored(rig.times(), number, made.clone());
    rig.rooms.opened(kept.id, made);
    rig.pump();
    assert!(matches!(rig.outcome(creating), Ok(Outcome::Entry(_))));
    assert_eq!(rig.rooms.halls[&kept.id].inside.len(), 1);
    assert_eq!(rig.rooms.slots.take(), Some(1), "no other slot was taken");
}
