//! What owners and those who run the server do to rooms: names, owners, the end.

use super::{enter, id_of, lasting, room_called, somebody};
use crate::operating::Operator;
use crate::operators::ANYWHERE;
use crate::support::{BACKENDS, Server, UNHURRIED};
use serde_json::Value;
use wharf::proto::room::{
    Change, History, Joined, MemberChanged, NowChanged, Rank, Reason, Removed,
};
use wharf::proto::session::Code;

fn called(name: &str) -> Change {
    Change {
        name: Some(name.into()),
        ..Change::default()
    }
}

#[test]
fn an_owner_renames_a_room_and_everybody_in_it_hears_of_it() {
    let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
    let (mut kim, _) = somebody(&server, "kim");
    let (mut lee, _) = somebody(&server, "lee");
    let (mut park, _) = somebody(&server, "park");
    park.ask(&room_called("cave")).unwrap();
    for new in [room_called("tent"), lasting("tent", History::Off)] {
        let room = id_of(&kim.ask(&new).unwrap());
        lee.ask(&enter(room, "")).unwrap();
        kim.notice::<Joined>();
        assert_eq!(lee.refused(&called("mine")), Code::Forbidden);
        assert_eq!(kim.refused(&called("CAVE")), Code::Taken);
        assert_eq!(kim.refused(&called("Room 7")), Code::Taken);
        assert_eq!(kim.refused(&called("\u{202e}tnet")), Code::Invalid);
        let changed = kim.ask(&called("house")).unwrap().info.unwrap();
        assert_eq!((&*changed.name, changed.members), ("house", 2));
        assert_eq!(lee.notice::<NowChanged>().info.unwrap().name, "house");
        kim.ask(&wharf::proto::room::Close {}).unwrap();
        assert_eq!(lee.notice::<Removed>().reason(), Reason::Closed);
    }
}

/// Account, role, and whether they are there.
fn people(shown: &Value) -> Vec<(&str, &str, bool)> {
    let people = shown["people"].as_array().expect("people").iter();
    let person = |it| {
        let it: &Value = it;
        let (name, role) = (it["display_name"].as_str(), it["role"].as_str());
        (name.unwrap(), role.unwrap(), it["is_here"] == true)
    };
    people.map(person).collect()
}

#[test]
fn whoever_runs_the_server_shows_changes_hands_over_and_closes_a_room() {
    let settings = [&[ANYWHERE, "shards=2"], UNHURRIED].concat();
    let server = Server::start(BACKENDS[0], &settings);
    let operator = Operator::of(&server);
    let (mut kim, kims) = somebody(&server, "kim");
    let (mut lee, lees) = somebody(&server, "lee");
    let (mut park, _) = somebody(&server, "park");
    park.ask(&room_called("cave")).unwrap();
    for new in [room_called("tent"), lasting("tent", History::Durable)] {
        let id = id_of(&kim.ask(&new).unwrap());
        lee.ask(&enter(id, "")).unwrap();
        kim.notice::<Joined>();
        let room = &*id.to_string();
        let shown = operator.does(&["rooms", "show", room]);
        assert_eq!(
            (&shown["name"], &shown["members"]),
            (&"tent".into(), &2.into())
        );
        assert_eq!(
            people(&shown),
            [("kim", "owner", true), ("lee", "member", true)]
        );
        let page = operator.run(&["rooms", "show", room]).1;
        assert!(
            page.contains(&format!("kim ({kims})  owner  here")),
            "{page}"
        );
        let open = operator.does(&["rooms", "list", "--search", "TE"])["open_rooms"].take();
        let named = |it: &Value| (it["name"].clone(), it["members"].clone());
        let open: Vec<_> = open.as_array().expect("rooms").iter().map(named).collect();
        assert_eq!(open, [("tent".into(), 2.into())], "kept or not");
        assert_eq!(operator.does(&["rooms", "show", "Tent"])["room"], room);

        let change = ["rooms", "change", room, "--name", "hall", "--lock"];
        operator.does(&[&change[..], &["--reason", "tidy"]].concat());
        for guest in [&mut kim, &mut lee] {
            let info = guest.notice::<NowChanged>().info.unwrap();
            assert_eq!(
                (&*info.name, info.is_locked, info.members),
                ("hall", true, 2)
            );
        }
        assert_eq!(park.refused(&enter(id, "")), Code::WrongState);
        let taken = operator.is_refused(&["rooms", "change", room, "--name", "Cave"]);
        assert!(taken.contains("taken"), "{taken}");

        operator.does(&["rooms", "hand-over", room, &lees.to_string()]);
        for guest in [&mut kim, &mut lee] {
            let changed = [0, 1].map(|_| guest.notice::<MemberChanged>().member.unwrap());
            let ranks = changed.map(|it| (it.account, it.rank()));
            assert_eq!(ranks, [(kims, Rank::Moderator), (lees, Rank::Owner)]);
        }
        assert_eq!(kim.refused(&called("mine")), Code::Forbidden);
        lee.ask(&called("lair")).unwrap();
        kim.notice::<NowChanged>();

        operator.does(&["rooms", "close", room, "--reason", "it is over"]);
        for guest in [&mut kim, &mut lee] {
            let removed = guest.notice::<Removed>();
            assert_eq!(
                (removed.reason(), &*removed.text),
                (Reason::Closed, "it is over")
            );
        }
        assert_eq!(lee.refused(&enter(id, "")), Code::NotFound);
        operator.is_refused(&["rooms", "show", room]);
        let acts = operator.audit(&[]);
        for act in [
            format!("operator room.change {room} tidy"),
            format!("operator room.delete {room} it is over"),
        ] {
            assert!(acts.contains(&act), "{act}: {acts:?}");
        }
        let handed_over = acts
            .iter()
            .any(|act| act.starts_with("operator room.hand_over"));
        assert!(handed_over, "{acts:?}");
    }
}

#[test]
fn a_room_that_nobody_is_in_is_closed_and_renamed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path(), BACKENDS[0], &[ANYWHERE]);
    let (mut kim, _) = somebody(&server, "kim");
    let id = id_of(&kim.ask(&lasting("tent", History::Off)).unwrap());
    drop((kim, server));
    let server = Server::start_in(folder.path(), BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let room = &*id.to_string();
    let shown = operator.does(&["rooms", "show", room]);
    assert_eq!(
        (&shown["is_open"], &shown["members"]),
        (&false.into(), &0.into())
    );
    operator.does(&["rooms", "change", "Tent", "--name", "hall"]);
    let rooms = operator.does(&["rooms", "list"]);
    assert_eq!(rooms["rooms"][0]["name"], "hall");
    operator.does(&["rooms", "hand-over", "hall", "kim"]);
    operator.does(&["rooms", "close", "hall"]);
    let gone = operator.is_refused(&["rooms", "close", room]);
    assert!(gone.contains("no such"), "{gone}");
}
