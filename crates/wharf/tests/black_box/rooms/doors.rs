//! Who gets in, who does not, and who is out again.

use super::{enter, id_of, room_called, somebody, until_gone, until_notice};
use crate::platform::{Guest, by_number, log_in, say};
use crate::support::{BACKENDS, Server, UNHURRIED};
use wharf::proto::account::LogOut;
use wharf::proto::room::{
    Change, Create, Enter, Joined, Leave, ListMembers, NowChanged, Parted, Rank, Reason,
};
use wharf::proto::session::{Code, Goodbye};
use wharf::wire::Packet;
use wharf::wire::classic::{LeaveUserNotify, NewUserNotify, UserListNotify};

#[test]
fn a_password_a_lock_and_the_number_of_seats_keep_others_out() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let (mut kim, _) = somebody(&server, "kim");
    let (mut lee, _) = somebody(&server, "lee");
    for is_persistent in [false, true] {
        let made = kim
            .ask(&Create {
                password: "open sesame".into(),
                is_persistent,
                ..room_called(if is_persistent { "cave" } else { "tent" })
            })
            .unwrap();
        assert!(made.info.as_ref().unwrap().has_password);
        let room = id_of(&made);
        assert_eq!(lee.refused(&enter(room, "")), Code::Credentials);
        assert_eq!(lee.refused(&enter(room, "open barley")), Code::Credentials);
        lee.ask(&enter(room, "open sesame")).unwrap();
        kim.notice::<Joined>();
        assert_eq!(
            lee.refused(&Change {
                topic: Some("mine".into()),
                ..Change::default()
            }),
            Code::Forbidden
        );
        lee.ask(&Leave {}).unwrap();
        kim.notice::<Parted>();
        let changed = kim
            .ask(&Change {
                password: Some(String::new()),
                is_locked: Some(true),
                topic: Some("nobody".into()),
                ..Change::default()
            })
            .unwrap();
        let info = changed.info.unwrap();
        assert!(info.is_locked && !info.has_password && info.topic == "nobody");
        assert_eq!(lee.refused(&enter(room, "")), Code::Forbidden);
        let unlock = Change {
            is_locked: Some(false),
            members_max: Some(1),
            password: Some("again".into()),
            ..Change::default()
        };
        kim.ask(&unlock).unwrap();
        assert_eq!(lee.refused(&enter(room, "again")), Code::Full);
        kim.ask(&Change {
            members_max: Some(2),
            ..Change::default()
        })
        .unwrap();
        assert_eq!(lee.refused(&enter(room, "open sesame")), Code::Credentials);
        lee.ask(&enter(room, "again")).unwrap();
        kim.notice::<Joined>();
        kim.ask(&Change {
            topic: Some("us".into()),
            ..Change::default()
        })
        .unwrap();
        assert_eq!(lee.notice::<NowChanged>().info.unwrap().topic, "us");
        lee.ask(&Leave {}).unwrap();
        kim.notice::<Parted>();
        kim.ask(&Leave {}).unwrap();
    }
}

/// The older session's client takes no notice, so that its link lasts.
#[test]
fn whoever_is_taken_over_is_out_of_the_room_before_they_come_again() {
    let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
    let (mut lee, _) = somebody(&server, "lee");
    let (mut first, kims) = somebody(&server, "kim");
    let den = Create {
        members_max: 2,
        ..room_called("den")
    };
    let room = id_of(&lee.ask(&den).unwrap());
    first.ask(&enter(room, "")).unwrap();
    assert_eq!(lee.notice::<Joined>().member.unwrap().account, kims);
    let mut second = Guest::new(&server);
    second.ask(&log_in("kim", "correct horse")).unwrap();
    let entered = second.ask(&enter(room, "")).unwrap();
    let own = entered.members.iter().filter(|it| it.account == kims);
    assert_eq!((own.count(), entered.members.len()), (1, 2));
    let parted = lee.notice::<Parted>();
    assert_eq!((parted.account, parted.reason()), (kims, Reason::Gone));
    assert_eq!(lee.notice::<Joined>().member.unwrap().account, kims);
    let members = lee.ask(&ListMembers::default()).unwrap().members;
    assert_eq!(members.len(), 2);
    assert_eq!(first.notice::<Goodbye>().code(), Code::TakenOver);
}

#[test]
fn the_same_is_so_in_a_numbered_room_and_for_whoever_signs_out() {
    let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
    let mut classic = server.connect();
    classic.log_in("witness");
    classic.enter(3);
    assert_eq!(classic.read_frame().0, UserListNotify::ID);
    let (mut first, kims) = somebody(&server, "kim");
    first.ask(&by_number(3)).unwrap();
    assert_eq!(classic.read_frame().0, NewUserNotify::ID);
    let mut second = Guest::new(&server);
    second.ask(&log_in("kim", "correct horse")).unwrap();
    let entered = second.ask(&by_number(3)).unwrap();
    let own = entered.members.iter().filter(|it| it.account == kims);
    assert_eq!((own.count(), entered.members.len()), (1, 2));
    assert_eq!(classic.read_frame().0, LeaveUserNotify::ID);
    assert_eq!(classic.read_frame().0, NewUserNotify::ID);
    second.ask(&LogOut {}).unwrap();
    assert_eq!(classic.read_frame().0, LeaveUserNotify::ID);
}

#[test]
fn whoever_loses_the_link_has_left_and_a_room_ends_with_its_last_member() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[&["shards=2"], UNHURRIED].concat());
        let (mut kim, kims) = somebody(&server, "kim");
        let (mut lee, lees) = somebody(&server, "lee");
        let (mut max, _) = somebody(&server, "max");
        let room = id_of(&kim.ask(&room_called("raft")).unwrap());
        lee.ask(&enter(room, "")).unwrap();
        assert_eq!(kim.notice::<Joined>().member.unwrap().account, lees);
        drop(lee);
        let parted = kim.notice::<Parted>();
        assert_eq!((parted.account, parted.reason()), (lees, Reason::Gone));

        // Whoever logs in elsewhere is in no room there, and free to come again.
        let (mut watcher, _) = somebody(&server, "watcher");
        watcher.ask(&enter(room, "")).unwrap();
        let mut again = Guest::new(&server);
        again.ask(&log_in("kim", "correct horse")).unwrap();
        until_notice::<Goodbye>(&mut kim);
        drop(kim);
        assert_eq!(again.refused(&say("where am I?")), Code::WrongState);
        assert_eq!(until_notice::<Parted>(&mut watcher).account, kims);
        let entered = again.ask(&enter(room, "")).unwrap();
        assert_eq!(entered.rank(), Rank::Owner);
        drop((again, watcher));
        assert_eq!(until_gone(&mut max, room), Code::NotFound);
    }
}

#[test]
fn no_more_get_in_at_once_than_there_are_seats() {
    let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
    let (mut kim, _) = somebody(&server, "kim");
    for (name, is_persistent) in [("lift", true), ("boat", false)] {
        let made = kim
            .ask(&Create {
                members_max: 4,
                is_persistent,
                ..room_called(name)
            })
            .unwrap();
        let room = id_of(&made);
        let mut crowd: Vec<Guest> = (0..8)
            .map(|number| somebody(&server, &format!("{name} {number}")).0)
            .collect();
        let numbers: Vec<u32> = crowd
            .iter_mut()
            .map(|it| it.send(&enter(room, "")))
            .collect();
        let mut inside = 0;
        for (guest, number) in crowd.iter_mut().zip(numbers) {
            match guest.answer_to::<Enter>(number) {
                Ok(_) => inside += 1,
                Err(error) => assert_eq!(error.code(), Code::Full),
            }
        }
        assert_eq!(inside, 3);
        let members = kim.ask(&ListMembers::default()).unwrap().members;
        assert_eq!(members.len(), 4);
        kim.ask(&Leave {}).unwrap();
    }
}
