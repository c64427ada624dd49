//! What is promised of rooms, on every database there is.

use crate::bench::{Bench, act};
use crate::each_database;
use wharf_data::room::Until;
use wharf_data::room::{Answer, Ask, By, Change, History, Measure, Role, Room, Settings, Standing};
use wharf_data::{AccountId, Actor, DisplayName, NameKey, PageToken, Refusal, RoomId};

const OWNER: AccountId = AccountId::new(1);
const MODERATOR: AccountId = AccountId::new(2);
const MEMBER: AccountId = AccountId::new(3);
const OTHER: AccountId = AccountId::new(4);

/// The room of most tests, as it was opened first.
const ROOM: (RoomId, i64) = (RoomId::new(100), 1);

fn settings() -> Settings {
    Settings {
        topic: "talk".into(),
        password: Some("hash".into()),
        members_max: 20,
        is_hidden: false,
        is_locked: false,
        slow_ms: 0,
        history: History::Durable,
        options: vec![1, 0, 255],
    }
}

fn create(room: i64, name: &str, owner: AccountId) -> Ask {
    Ask::Create {
        room: RoomId::new(room),
        kind: "lobby".into(),
        name: DisplayName::new(name).unwrap(),
        owner,
        owned_max: 100,
        settings: settings(),
        at: 5,
    }
}

fn ask(bench: &mut Bench, ask: Ask) -> Result<Option<Answer>, Refusal> {
    bench
        .ask(wharf_data::Ask::Room(ask))
        .map(|answer| match answer {
            wharf_data::Answer::Room(answer) => Some(answer),
            wharf_data::Answer::Done => None,
            other => panic!("not about rooms: {other:?}"),
        })
}

fn room(bench: &mut Bench, wanted: Ask) -> Result<Room, Refusal> {
    match ask(bench, wanted)? {
        Some(Answer::Room(room)) => Ok(room),
        other => panic!("no room: {other:?}"),
    }
}

fn measure(bench: &mut Bench, id: i64, by: Actor, of: AccountId, what: Measure) -> Done {
    let act = act(id, by, 10);
    let wanted = Ask::Moderate {
        room: ROOM,
        account: of,
        measure: what,
        act,
    };
    match ask(bench, wanted)? {
        Some(Answer::Standing(standing)) => Ok(standing),
        other => panic!("no standing: {other:?}"),
    }
}

type Done = Result<Standing, Refusal>;

fn standing(bench: &mut Bench, account: AccountId, at: i64) -> Standing {
    let room = ROOM.0;
    match ask(bench, Ask::Standing { room, account, at }) {
        Ok(Some(Answer::Standing(standing))) => standing,
        other => panic!("no standing: {other:?}"),
    }
}

/// A room with an owner, a moderator and a member.
fn with_room(test: impl Fn(&mut Bench)) {
    each_database(|bench| {
        for (number, name) in [(1, "owner"), (2, "moderator"), (3, "member"), (4, "other")] {
            bench.person(number, name);
        }
        room(bench, create(100, "Harbour", OWNER)).unwrap();
        let moderator = Measure::Rank(Role::Moderator);
        measure(bench, 1, Actor::Account(OWNER), MODERATOR, moderator).unwrap();
        test(bench);
    });
}

#[test]
fn a_room_is_found_as_it_was_made() {
    with_room(|bench| {
        let expected = Room {
            id: RoomId::new(100),
            kind: "lobby".into(),
            name: "Harbour".into(),
            settings: settings(),
            epoch: 1,
            last_seq: 0,
            created_at: 5,
        };
        let by = By::Name(NameKey::of("HARBOUR"));
        assert_eq!(room(bench, Ask::Find { by }), Ok(expected.clone()));
        let by = By::Id(RoomId::new(100));
        assert_eq!(room(bench, Ask::Find { by }), Ok(expected));
        let by = By::Id(RoomId::new(101));
        assert_eq!(room(bench, Ask::Find { by }), Err(Refusal::NotFound));
        assert_eq!(standing(bench, OWNER, 10).role, Role::Owner);
    });
}

#[test]
fn a_name_belongs_to_one_room_and_a_room_asked_for_again_says_its_own_id() {
    with_room(|bench| {
        let again = room(bench, create(100, "Harbour", OWNER));
        assert_eq!(again, Err(Refusal::Duplicate(100)));
        let alike = room(bench, create(101, "harb\u{43e}ur", OTHER));
        assert_eq!(alike, Err(Refusal::Duplicate(100)));
        let nobodys = room(bench, create(102, "pier", AccountId::new(99)));
        assert_eq!(nobodys, Err(Refusal::NotFound));
    });
}

#[test]
fn nobody_owns_more_rooms_than_they_may() {
    with_room(|bench| {
        let mut second = create(101, "pier", OWNER);
        if let Ask::Create { owned_max, .. } = &mut second {
            *owned_max = 1;
        }
        assert_eq!(room(bench, second), Err(Refusal::Full));
        let by = By::Id(RoomId::new(101));
        assert_eq!(room(bench, Ask::Find { by }), Err(Refusal::NotFound));
    });
}

#[test]
fn who_had_a_room_before_can_write_no_more() {
    with_room(|bench| {
        let opened = room(bench, Ask::Open { room: ROOM.0 }).unwrap();
        assert_eq!(opened.epoch, 2);
        let old = measure(bench, 9, Actor::Operator, MEMBER, Measure::Unban);
        assert_eq!(old, Err(Refusal::Fenced));
        for epoch in [1, 3] {
            let wanted = Ask::Change {
                room: (ROOM.0, epoch),
                change: Change::default(),
                act: act(10 + epoch, Actor::Operator, 10),
            };
            assert_eq!(room(bench, wanted), Err(Refusal::Fenced), "epoch {epoch}");
        }
        let nowhere = Ask::Open {
            room: RoomId::new(7),
        };
        assert_eq!(room(bench, nowhere), Err(Refusal::NotFound));
    });
}

#[test]
fn owners_change_a_room_and_others_do_not() {
    with_room(|bench| {
        let change = |id, by| Ask::Change {
            room: ROOM,
            change: Change {
                topic: Some("news".into()),
                password: Some(None),
                slow_ms: Some(3_000),
                is_locked: Some(true),
                ..Change::default()
            },
            act: act(id, Actor::Account(by), 10),
        };
        for by in [MODERATOR, MEMBER] {
            assert_eq!(room(bench, change(20, by)), Err(Refusal::Forbidden));
        }
        let changed = room(bench, change(20, OWNER)).unwrap();
        let expected = Settings {
            topic: "news".into(),
            password: None,
            slow_ms: 3_000,
            is_locked: true,
            ..settings()
        };
        assert_eq!(changed.settings, expected);
        let by = By::Id(ROOM.0);
        assert_eq!(room(bench, Ask::Find { by }).unwrap(), changed);
        // The same act again is not done again.
        assert_eq!(room(bench, change(20, OWNER)), Err(Refusal::Duplicate(20)));
    });
}

#[test]
fn a_room_is_renamed_to_what_no_other_is_called() {
    with_room(|bench| {
        room(bench, create(101, "pier", MEMBER)).unwrap();
        let rename = |id, name: &str| Ask::Change {
            room: ROOM,
            change: Change {
                name: Some(DisplayName::new(name).unwrap()),
                ..Change::default()
            },
            act: act(id, Actor::Account(OWNER), 10),
        };
        assert_eq!(
            room(bench, rename(30, "PIER")),
            Err(Refusal::Duplicate(101))
        );
        let old = room(bench, Ask::Find { by: By::Id(ROOM.0) }).unwrap().name;
        assert_eq!(room(bench, rename(31, "quay")).unwrap().name, "quay");
        assert_eq!(room(bench, rename(32, "Quay")).unwrap().name, "Quay");
        let named = |name: &str| Ask::Find {
            by: By::Name(NameKey::of(name)),
        };
        assert_eq!(room(bench, named("QUAY")).unwrap().id, ROOM.0);
        assert_eq!(room(bench, named(&old)), Err(Refusal::NotFound));
        room(bench, create(102, &old, MEMBER)).unwrap();
    });
}

#[test]
fn nobody_acts_upon_their_equals_or_betters() {
    with_room(|bench| {
        let ban = Measure::Ban(Until::TakenBack);
        for (by, of) in [
            (MEMBER, OTHER),
            (MEMBER, MODERATOR),
            (MODERATOR, OWNER),
            (MODERATOR, MODERATOR),
            (OWNER, OWNER),
        ] {
            let answer = measure(bench, 30, Actor::Account(by), of, ban);
            assert_eq!(answer, Err(Refusal::Forbidden), "{by} {of}");
        }
        for (what, why) in [
            (Measure::Rank(Role::Moderator), Refusal::Forbidden),
            (Measure::HandOver, Refusal::Forbidden),
        ] {
            let answer = measure(bench, 31, Actor::Account(MODERATOR), MEMBER, what);
            assert_eq!(answer, Err(why));
        }
        // There is one owner.
        let second = Measure::Rank(Role::Owner);
        let answer = measure(bench, 32, Actor::Operator, MEMBER, second);
        assert_eq!(answer, Err(Refusal::Invalid));
    });
}

#[test]
fn a_ban_ends_at_its_time_or_when_it_is_taken_back() {
    with_room(|bench| {
        let by = Actor::Account(MODERATOR);
        let until = Until::Time(100);
        measure(bench, 40, by, MEMBER, Measure::Ban(until)).unwrap();
        assert_eq!(standing(bench, MEMBER, 99).ban, Some(until));
        assert_eq!(standing(bench, MEMBER, 100).ban, None);
        let for_ever = Measure::Ban(Until::TakenBack);
        measure(bench, 41, by, MEMBER, for_ever).unwrap();
        assert_eq!(
            standing(bench, MEMBER, i64::MAX).ban,
            Some(Until::TakenBack)
        );
        // The last ban's, whatever else was done to them since.
        measure(bench, 45, by, MEMBER, Measure::Mute(until)).unwrap();
        let why = Ask::BanReason {
            room: ROOM.0,
            account: MEMBER,
        };
        let reason = Answer::BanReason("reason 41".to_owned());
        assert_eq!(ask(bench, why), Ok(Some(reason)));
        let after = measure(bench, 42, by, MEMBER, Measure::Unban).unwrap();
        assert_eq!(after.ban, None);
        measure(bench, 43, by, MEMBER, Measure::Mute(until)).unwrap();
        assert_eq!(standing(bench, MEMBER, 99).mute, Some(until));
        measure(bench, 44, by, MEMBER, Measure::Unmute).unwrap();
        assert_eq!(standing(bench, MEMBER, 99).mute, None);
    });
}

#[test]
fn a_banned_moderator_is_none_any_more_and_cannot_become_one() {
    with_room(|bench| {
        let by = Actor::Account(OWNER);
        let ban = Measure::Ban(Until::TakenBack);
        let after = measure(bench, 50, by, MODERATOR, ban).unwrap();
        assert_eq!(after.role, Role::Member);
        let again = measure(bench, 51, by, MODERATOR, Measure::Rank(Role::Moderator));
        assert_eq!(again, Err(Refusal::Conflict));
        let muted = measure(
            bench,
            52,
            Actor::Account(MODERATOR),
            MEMBER,
            Measure::Mute(Until::TakenBack),
        );
        assert_eq!(muted, Err(Refusal::Forbidden));
    });
}

#[test]
fn a_ban_that_has_ended_is_in_nobodys_way() {
    with_room(|bench| {
        let by = Actor::Account(OWNER);
        // Acts are at 10.
        measure(bench, 55, by, MEMBER, Measure::Ban(Until::Time(10))).unwrap();
        let moderator = Measure::Rank(Role::Moderator);
        let after = measure(bench, 56, by, MEMBER, moderator).unwrap();
        assert_eq!((after.role, after.ban), (Role::Moderator, None));
    });
}

#[test]
fn a_room_is_handed_over_once() {
    with_room(|bench| {
        let hand_over = Measure::HandOver;
        let after = measure(bench, 60, Actor::Account(OWNER), MEMBER, hand_over).unwrap();
        assert_eq!(after.role, Role::Owner);
        assert_eq!(standing(bench, OWNER, 10).role, Role::Moderator);
        let again = measure(bench, 61, Actor::Account(OWNER), OTHER, hand_over);
        assert_eq!(again, Err(Refusal::Forbidden));
        let nobody = AccountId::new(99);
        let answer = measure(bench, 62, Actor::Account(MEMBER), nobody, hand_over);
        assert_eq!(answer, Err(Refusal::NotFound));
    });
}

#[test]
fn a_room_that_is_no_more_gives_its_name_back() {
    with_room(|bench| {
        let delete = |id, by| Ask::Delete {
            room: ROOM,
            act: act(id, Actor::Account(by), 10),
        };
        assert_eq!(ask(bench, delete(70, MODERATOR)), Err(Refusal::Forbidden));
        assert_eq!(ask(bench, delete(70, OWNER)), Ok(None));
        let by = By::Id(ROOM.0);
        assert_eq!(room(bench, Ask::Find { by }), Err(Refusal::NotFound));
        assert_eq!(
            room(bench, Ask::Open { room: ROOM.0 }),
            Err(Refusal::NotFound)
        );
        room(bench, create(101, "harbour", OTHER)).unwrap();
    });
}

fn list(search: &str, with_hidden: bool, page: Option<PageToken>, limit: u32) -> Ask {
    Ask::List {
        search: search.into(),
        with_hidden,
        page,
        limit,
    }
}

/// All pages of a list, a name and a semicolon each, a bar between two pages.
fn names(bench: &mut Bench, search: &str, with_hidden: bool, limit: u32) -> String {
    let (mut names, mut page) = (String::new(), None);
    loop {
        let answer = ask(bench, list(search, with_hidden, page, limit));
        let Ok(Some(Answer::Rooms { rooms, next })) = answer else {
            panic!("no rooms: {answer:?}")
        };
        names.extend(rooms.iter().map(|room| format!("{};", room.name)));
        let Some(next) = next else { return names };
        names.push('|');
        page = Some(PageToken::received(next.as_str()));
    }
}

#[test]
fn rooms_are_listed_by_name_page_by_page() {
    with_room(|bench| {
        for (id, name) in [
            (101, "Hall"),
            (102, "pier b"),
            (103, "pier a"),
            (104, "Ahoy"),
        ] {
            room(bench, create(id, name, OTHER)).unwrap();
        }
        let mut hidden = create(105, "hideout", OTHER);
        if let Ask::Create { settings, .. } = &mut hidden {
            settings.is_hidden = true;
        }
        room(bench, hidden).unwrap();
        for (search, with_hidden, limit, expected) in [
            ("", false, 2, "Ahoy;Hall;|Harbour;pier a;|pier b;"),
            ("", false, 5, "Ahoy;Hall;Harbour;pier a;pier b;"),
            ("HA", false, 1, "Hall;|Harbour;"),
            ("h", true, 10, "Hall;Harbour;hideout;"),
            ("pier", false, 10, "pier a;pier b;"),
            ("%", false, 10, ""),
            ("' OR 1=1 --", true, 10, ""),
        ] {
            assert_eq!(
                names(bench, search, with_hidden, limit),
                expected,
                "{search}"
            );
        }
    });
}

#[test]
fn some_rooms_are_found_at_once_and_those_that_are_no_more_are_not() {
    with_room(|bench| {
        for (id, name) in [(500, "tea"), (501, "coffee"), (502, "soup")] {
            room(bench, create(id, name, OTHER)).unwrap();
        }
        let delete = Ask::Delete {
            room: (RoomId::new(501), 1),
            act: act(70, Actor::Account(OTHER), 10),
        };
        assert_eq!(ask(bench, delete), Ok(None));
        let mut these = |ids: &[i64]| {
            let rooms = ids.iter().map(|id| RoomId::new(*id)).collect();
            match ask(bench, Ask::These { rooms }) {
                Ok(Some(Answer::Rooms { rooms, next: None })) => {
                    let mut names: Vec<_> = rooms.into_iter().map(|room| room.name).collect();
                    names.sort();
                    names.join(" ")
                }
                other => panic!("no rooms: {other:?}"),
            }
        };
        assert_eq!(these(&[500, 501, 502, 503, -1]), "soup tea");
        assert_eq!(these(&[]), "");
        let many = (0..1_001).map(RoomId::new).collect();
        let refused = ask(bench, Ask::These { rooms: many });
        assert_eq!(refused, Err(Refusal::Invalid));
    });
}

#[test]
fn a_forged_page_token_is_refused() {
    with_room(|bench| {
        room(bench, create(101, "Hall", OTHER)).unwrap();
        let Ok(Some(Answer::Rooms { next, .. })) = ask(bench, list("", false, None, 1)) else {
            panic!("no rooms")
        };
        let token = next.expect("there is more");
        for (search, with_hidden, page) in [
            ("x", false, token.clone()),
            ("", true, token),
            ("", false, PageToken::received("")),
            ("", false, PageToken::received("AAAA")),
            ("", false, PageToken::received("x".repeat(100_000))),
        ] {
            let answer = ask(bench, list(search, with_hidden, Some(page), 1));
            assert_eq!(answer, Err(Refusal::Invalid));
        }
    });
}

#[test]
fn who_is_what_in_a_room_is_listed_page_by_page() {
    with_room(|bench| {
        let by = Actor::Operator;
        let mute = Measure::Mute(Until::Time(50));
        measure(bench, 80, by, MEMBER, mute).unwrap();
        measure(bench, 81, by, OTHER, Measure::Ban(Until::Time(20))).unwrap();
        let mut seen = Vec::new();
        let mut page = None;
        loop {
            let wanted = Ask::Standings {
                room: ROOM.0,
                at: 30,
                page,
                limit: 1,
            };
            let Ok(Some(Answer::Standings { standings, next })) = ask(bench, wanted) else {
                panic!("no standings")
            };
            seen.extend(standings);
            page = next;
            if page.is_none() {
                break;
            }
        }
        let accounts: Vec<AccountId> = seen.iter().map(|(account, _)| *account).collect();
        // The ban has ended.
        assert_eq!(accounts, [OWNER, MODERATOR, MEMBER]);
        assert_eq!(seen[2].1.mute, Some(Until::Time(50)));
    });
}

#[test]
fn whoever_is_kept_out_is_listed_with_who_did_it_and_why() {
    with_room(|bench| {
        let mut ban = |id, account, reason: &str, until| {
            let act = wharf_data::Act {
                reason: reason.into(),
                ..act(id, Actor::Account(MODERATOR), 10)
            };
            let wanted = Ask::Moderate {
                room: ROOM,
                account,
                measure: Measure::Ban(until),
                act,
            };
            ask(bench, wanted).unwrap();
        };
        ban(10, MEMBER, "spam", Until::Time(20));
        ban(11, MEMBER, "spam again", Until::Time(50));
        ban(12, OTHER, "noise", Until::TakenBack);
        let mut page = None;
        let mut seen = Vec::new();
        loop {
            let wanted = Ask::Bans {
                room: ROOM.0,
                at: 49,
                page,
                limit: 1,
            };
            let Ok(Some(Answer::Bans { bans, next })) = ask(bench, wanted) else {
                panic!("no bans")
            };
            seen.extend(bans);
            page = next;
            if page.is_none() {
                break;
            }
        }
        let told: Vec<_> = seen
            .iter()
            .map(|ban| (ban.account, &*ban.name, ban.by, &*ban.reason, ban.until))
            .collect();
        let expected = [
            (MEMBER, "member", MODERATOR, "spam again", Until::Time(50)),
            (OTHER, "other", MODERATOR, "noise", Until::TakenBack),
        ];
        assert_eq!(told, expected);
        let wanted = Ask::Bans {
            room: ROOM.0,
            at: 50,
            page: None,
            limit: 10,
        };
        let Ok(Some(Answer::Bans { bans, .. })) = ask(bench, wanted) else {
            panic!("no bans")
        };
        assert_eq!(bans.len(), 1, "one has ended");
    });
}
