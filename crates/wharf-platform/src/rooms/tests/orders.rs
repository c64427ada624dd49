//! Names that change, and what whoever runs the server does to rooms.

use super::*;
use wharf_data::operators::RoomAct;
use wharf_data::room::Standing;
use wharf_data::rooms::{News, Shown};

impl Rig {
    fn begin_rename(&mut self, by: i64, of: &Entry, name: &str) -> Ticket {
        let change = Change {
            name: Some(name.into()),
            ..Change::default()
        };
        let request = Request::Change(here(of), Box::new(change));
        self.call(None, by, request)
    }

    fn rename(&mut self, by: i64, of: &Entry, name: &str) -> Result<String, Error> {
        let ticket = self.begin_rename(by, of, name);
        self.settle();
        match self.outcome(ticket)? {
            Outcome::Changed(info) => Ok(info.name),
            other => panic!("not changed: {other:?}"),
        }
    }

    fn operate(&mut self, room: RoomId, act: RoomAct) -> Result<Outcome, Error> {
        self.last_ticket += 1;
        let (ticket, times) = (Ticket(self.last_ticket), self.times());
        self.rooms
            .operate(times, ticket, (room, act), "because".into());
        self.pump();
        self.settle();
        self.outcome(ticket)
    }

    fn shown(&mut self, room: RoomId) -> Shown {
        match self.operate(room, RoomAct::Show) {
            Ok(Outcome::Shown(shown)) => *shown,
            other => panic!("not shown: {other:?}"),
        }
    }

    fn watch(&mut self, at: &Entry) -> Ticket {
        self.call(None, 0, Request::Watch(here(at)))
    }

    /// What a room has heard; `None` if it still waits.
    fn news(&mut self, watch: Ticket) -> Option<Vec<News>> {
        match self.replies.remove(&watch)? {
            Ok(Given::Rooms(Outcome::News(news))) => Some(news),
            other => panic!("no news: {other:?}"),
        }
    }
}

fn renamed(name: &str) -> RoomAct {
    RoomAct::Change {
        name: Some(name.into()),
        topic: None,
        is_locked: None,
    }
}

#[test]
fn a_room_is_renamed_by_its_owner_and_its_old_name_is_free() {
    for is_persistent in [false, true] {
        let mut rig = Rig::new(options());
        rig.entry(7, create("cave", true)).unwrap();
        rig.entry(8, create("den", false)).unwrap();
        let own = rig.entry(1, create("tent", is_persistent)).unwrap();
        rig.entry(2, enter(&own)).unwrap();
        assert_eq!(rig.rename(2, &own, "hut"), Err(Error::Forbidden));
        for taken in ["CAVE", "Den", "Room 3"] {
            assert_eq!(rig.rename(1, &own, taken), Err(Error::Taken), "{taken}");
        }
        let invalid = rig.rename(1, &own, " ");
        assert!(matches!(invalid, Err(Error::Invalid { field: "name", .. })));
        assert_eq!(rig.rename(1, &own, "hut"), Ok("hut".into()));
        assert_eq!(rig.rename(1, &own, "HUT"), Ok("HUT".into()), "as it looks");
        assert!(rig.listed(3).contains(&"HUT".to_owned()));
        assert_eq!(rig.entry(3, create("hut", false)), Err(Error::Taken));
        assert_eq!(rig.entry(3, create("hut", true)), Err(Error::Taken));
        rig.entry(3, create("tent", true)).unwrap();
        assert_eq!(rig.entry(4, enter(&own)).unwrap().info.name, "HUT");
        let close = rig.operate(own.info.room, RoomAct::Close);
        assert_eq!(close, Ok(Outcome::Done));
        for who in [1, 2, 4] {
            rig.rooms.session_closed(SessionTag(who));
        }
        rig.entry(5, create("hut", false)).unwrap();
    }
}

#[test]
fn a_name_that_is_asked_for_is_nobody_elses_until_the_store_has_answered() {
    for is_persistent in [false, true] {
        let mut rig = Rig::new(options());
        let own = rig.entry(1, create("tent", is_persistent)).unwrap();
        let renaming = rig.begin_rename(1, &own, "hut");
        let other = rig.call(Some(2), 2, create("HUT", false));
        assert_eq!(rig.outcome(other), Err(Error::Taken));
        rig.store.is_dead = true;
        rig.settle();
        assert_eq!(rig.outcome(renaming), Err(Error::Unavailable));
        rig.store.is_dead = false;
        assert!(rig.listed(3).contains(&"tent".to_owned()));
        assert_eq!(rig.entry(2, create("Hut", false)).unwrap().info.name, "Hut");
        assert_eq!(rig.rename(1, &own, "hut"), Err(Error::Taken));
    }
}

#[test]
fn whoever_runs_the_server_changes_hands_over_and_closes_rooms_which_hear_of_it() {
    for is_persistent in [false, true] {
        let mut rig = Rig::new(options());
        let own = rig.entry(1, create("tent", is_persistent)).unwrap();
        rig.entry(2, enter(&own)).unwrap();
        let room = own.info.room;
        let watch = rig.watch(&own);
        assert_eq!(rig.news(watch), None, "nothing was done yet");
        let Ok(Outcome::Changed(info)) = rig.operate(room, renamed("hut")) else {
            panic!("not changed");
        };
        assert_eq!(rig.news(watch), Some(vec![News::Changed(info)]));
        // What is done while the room does not ask, it hears when it does.
        let two = AccountId::new(2);
        let handed_over = rig.operate(room, RoomAct::HandOver(two));
        assert!(matches!(handed_over, Ok(Outcome::Moderated(_))));
        assert_eq!(rig.rename(1, &own, "mine"), Err(Error::Forbidden));
        assert_eq!(rig.rename(2, &own, "theirs"), Ok("theirs".into()));
        rig.rooms.removed(room, 9);
        let watch = rig.watch(&own);
        let expected = vec![News::HandedOver(two), News::Removed(9)];
        assert_eq!(rig.news(watch), Some(expected));
        let roles: Vec<Role> = rig
            .shown(room)
            .people
            .iter()
            .map(|it| it.standing.role)
            .collect();
        assert_eq!(roles, [Role::Moderator, Role::Owner]);
        let watch = rig.watch(&own);
        assert_eq!(rig.operate(room, RoomAct::Close), Ok(Outcome::Done));
        assert_eq!(rig.news(watch), Some(vec![News::Closed("because".into())]));
        assert!(rig.entry(3, enter(&own)).is_err());
    }
}

#[test]
fn a_room_that_nobody_is_in_is_opened_for_what_is_done_to_it() {
    let mut rig = Rig::new(RoomOptions {
        linger: Duration::from_secs(1),
        ..options()
    });
    let own = rig.entry(1, create("tent", true)).unwrap();
    rig.ask(1, left(&own)).unwrap();
    rig.pass(Duration::from_secs(2));
    assert_eq!(rig.rooms.open(), 0);
    let room = own.info.room;
    let shown = rig.shown(room);
    assert!(!shown.is_open && shown.people.len() == 1 && !shown.people[0].is_here);
    assert!(rig.operate(room, renamed("hut")).is_ok());
    assert_eq!(rig.store.rooms[&room].name, "hut");
    assert_eq!(rig.operate(room, RoomAct::Close), Ok(Outcome::Done));
    assert!(rig.store.rooms.is_empty());
    assert_eq!(rig.operate(room, RoomAct::Close), Err(Error::NotFound));
    assert_eq!(rig.rooms.open(), 0);
    rig.entry(2, create("hut", false)).unwrap();
}

#[test]
fn every_question_of_a_room_has_one_answer_and_an_empty_room_asks_in_vain() {
    let mut rig = Rig::new(options());
    let own = rig.entry(1, create("tent", false)).unwrap();
    let first = rig.watch(&own);
    let second = rig.watch(&own);
    assert_eq!(rig.news(first), Some(Vec::new()), "the later one waits");
    assert_eq!(rig.news(second), None);
    rig.ask(1, left(&own)).unwrap();
    assert_eq!(rig.news(second), Some(Vec::new()));
    let gone = rig.watch(&own);
    assert_eq!(rig.outcome(gone), Err(Error::Conflict));
    let own = rig.entry(1, create("tent", true)).unwrap();
    rig.ask(1, left(&own)).unwrap();
    let empty = rig.watch(&own);
    assert_eq!(rig.news(empty), Some(Vec::new()));
}

#[test]
fn whoever_comes_as_an_owner_that_was_made_another_meanwhile_is_a_moderator() {
    let mut rig = Rig::new(options());
    let own = rig.entry(1, create("tent", true)).unwrap();
    rig.entry(2, enter(&own)).unwrap();
    rig.ask(1, left(&own)).unwrap();
    // The store has said that it is the owner's, and the answer is on its way.
    let coming = rig.call(Some(1), 1, enter(&own));
    let (number, ask) = rig.asked.remove(0);
    let reply = rig.store.ask(&ask);
    assert!(
        rig.operate(own.info.room, RoomAct::HandOver(AccountId::new(2)))
            .is_ok()
    );
    rig.rooms.stored(rig.times(), number, reply);
    rig.pump();
    let Ok(Outcome::Entry(entry)) = rig.outcome(coming) else {
        panic!("not let in");
    };
    assert_eq!(entry.role, Role::Moderator);
    let standing = rig.store.standing(own.info.room, AccountId::new(1), AT);
    let role = Role::Moderator;
    assert_eq!(standing, Standing { role, ..standing });
}

#[test]
fn a_room_that_is_lost_tells_those_in_it() {
    // It is open elsewhere, or was deleted there.
    for is_deleted in [false, true] {
        let mut rig = Rig::new(options());
        let own = rig.entry(1, create("hall", true)).unwrap();
        let watch = rig.watch(&own);
        let room = own.info.room;
        let expected = if is_deleted {
            rig.store.rooms.remove(&room);
            Error::NotFound
        } else {
            rig.store.open(room);
            Error::Conflict
        };
        assert_eq!(rig.rename(1, &own, "cave"), Err(expected));
        let news = rig.news(watch).expect("it hears of it");
        assert!(matches!(&news[..], [News::Closed(_)]), "{news:?}");
    }
}

#[test]
fn a_room_whose_name_the_store_has_given_to_another_tells_those_in_it() {
    let mut rig = Rig::new(options());
    let own = rig.entry(1, create("hall", true)).unwrap();
    let watch = rig.watch(&own);
    rig.store.rooms.remove(&own.info.room);
    rig.entry(2, create("hall", true)).unwrap();
    let news = rig.news(watch).expect("it hears of it");
    assert!(matches!(&news[..], [News::Closed(_)]), "{news:?}");
}

#[test]
fn whoever_runs_the_server_lists_what_is_open_a_page_at_a_time_hidden_rooms_too() {
    let mut rig = Rig::new(options());
    for (who, name) in [(1, "tent"), (2, "Teahouse"), (3, "cave"), (4, "TEA")] {
        let mut new = new_room(name, who % 2 == 0);
        new.is_hidden = who == 4;
        rig.entry(who, Request::Create(Box::new(new))).unwrap();
    }
    let list = |rig: &Rig, search: &str, page: Option<&PageToken>| {
        let Outcome::Listed { rooms, next } = rig.rooms.open_now(search, page, 2)? else {
            panic!("no list")
        };
        let names: Vec<String> = rooms.into_iter().map(|info| info.name).collect();
        Ok((names, next))
    };
    let (names, next) = list(&rig, "te", None).unwrap();
    assert_eq!(names, ["tent", "Teahouse"]);
    let next = next.expect("there is one more");
    let (names, none) = list(&rig, "te", Some(&next)).unwrap();
    assert_eq!((names, none), (vec!["TEA".to_owned()], None));
    assert_eq!(list(&rig, "cave", None).unwrap().1, None);
    for (search, page) in [("t", next), ("te", PageToken::received("made-up"))] {
        let refused = list(&rig, search, Some(&page));
        assert!(matches!(refused, Err(Error::Invalid { field: "page", .. })));
    }
}
