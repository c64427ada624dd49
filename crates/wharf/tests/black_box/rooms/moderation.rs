//! Who may do what to whom in a room, and how long it holds.

use super::{
    enter, id_of, lasting, moderate, room_called, somebody, until, until_gone, until_notice,
};
use crate::platform::{Guest, assert_tells_of_ban, log_in, say};
use crate::support::{BACKENDS, Server, UNHURRIED};
use std::time::{SystemTime, UNIX_EPOCH};
use wharf::proto::chat::{GetHistory, Remove};
use wharf::proto::room::{
    Change, Close, Create, Entered, History, Leave, ListBans, ListMembers, Measure, MemberChanged,
    MutedHere, Rank, Reason, Removed,
};
use wharf::proto::session::{Code, Ping};

#[test]
fn ranks_kicks_bans_and_mutes_hold_in_rooms_of_both_kinds() {
    for (backend, is_persistent) in BACKENDS
        .iter()
        .zip([true, false])
        .chain([(&BACKENDS[0], false)])
    {
        let server = Server::start(backend, &[&["shards=2"], UNHURRIED].concat());
        let (mut kim, kims) = somebody(&server, "kim");
        let (mut lee, lees) = somebody(&server, "lee");
        let (mut max, maxes) = somebody(&server, "max");
        let made = kim
            .ask(&Create {
                is_persistent,
                ..room_called("court")
            })
            .unwrap();
        let room = id_of(&made);
        lee.ask(&enter(room, "")).unwrap();
        max.ask(&enter(room, "")).unwrap();

        // A member may nothing, a moderator what is a moderator's.
        assert_eq!(
            lee.refused(&moderate(maxes, Measure::Kick, 0)),
            Code::Forbidden
        );
        kim.ask(&moderate(lees, Measure::Promote, 0)).unwrap();
        assert_eq!(until_rank(&mut lee, lees), Rank::Moderator);
        assert_eq!(
            lee.refused(&moderate(kims, Measure::Kick, 0)),
            Code::Forbidden
        );
        assert_eq!(
            lee.refused(&moderate(maxes, Measure::Promote, 0)),
            Code::Forbidden
        );

        lee.ask(&moderate(maxes, Measure::Mute, 0)).unwrap();
        until(|| {
            max.ask(&say("psst"))
                .err()
                .filter(|error| error.code() == Code::Muted)
        });
        let told = until_notice::<MutedHere>(&mut max);
        assert_eq!(
            (told.is_muted, &*told.text, told.until_ms),
            (true, "because", 0)
        );
        lee.ask(&moderate(maxes, Measure::Unmute, 0)).unwrap();
        max.ask(&say("thanks")).unwrap();
        assert!(!until_notice::<MutedHere>(&mut max).is_muted);

        max.notices.clear();
        lee.ask(&moderate(maxes, Measure::Kick, 0)).unwrap();
        let removed = until_notice::<Removed>(&mut max);
        assert_eq!(
            (removed.reason(), &*removed.text),
            (Reason::Kicked, "because")
        );
        assert_eq!(max.refused(&say("still here?")), Code::WrongState);
        max.ask(&enter(room, "")).unwrap();
        max.notices.clear();
        lee.ask(&moderate(maxes, Measure::Ban, 3_600)).unwrap();
        let removed = until_notice::<Removed>(&mut max);
        assert_eq!(removed.reason(), Reason::Banned);
        assert!(removed.until_ms > 0);
        let banned = max.ask(&enter(room, "")).unwrap_err();
        assert_tells_of_ban(&banned, "banned from this room", "because");
        lee.ask(&moderate(maxes, Measure::Unban, 0)).unwrap();
        max.ask(&enter(room, "")).unwrap();

        // The room is handed over: who was the owner may no more.
        kim.ask(&moderate(maxes, Measure::HandOver, 0)).unwrap();
        assert_eq!(until_rank(&mut max, maxes), Rank::Owner);
        let change = Change {
            topic: Some("new".into()),
            ..Change::default()
        };
        assert_eq!(kim.refused(&change), Code::Forbidden);
        assert_eq!(
            kim.refused(&moderate(maxes, Measure::Kick, 0)),
            Code::Forbidden
        );
        max.ask(&moderate(lees, Measure::Demote, 0)).unwrap();
        assert_eq!(until_rank(&mut lee, lees), Rank::Member);
        max.ask(&change).unwrap();
        assert_eq!(kim.refused(&Close {}), Code::Forbidden);
        kim.notices.clear();
        max.ask(&Close {}).unwrap();
        assert_eq!(until_notice::<Removed>(&mut kim).reason(), Reason::Closed);
        assert_eq!(until_gone(&mut kim, room), Code::NotFound);
        max.ask(&Ping::default()).unwrap();
    }
}

/// The rank that somebody has once it is no more what it was.
fn until_rank(guest: &mut Guest, account: i64) -> Rank {
    guest
        .notices
        .retain(|(id, _)| *id == <MemberChanged as wharf::wire::Packet>::ID);
    loop {
        let member = until_notice::<MemberChanged>(guest).member.unwrap();
        if member.account == account {
            let members = guest.ask(&ListMembers::default()).unwrap().members;
            let listed = members.iter().find(|it| it.account == account).unwrap();
            assert_eq!(listed.rank, member.rank);
            return member.rank();
        }
    }
}

const MEASURES: [Measure; 8] = [
    Measure::Kick,
    Measure::Ban,
    Measure::Unban,
    Measure::Mute,
    Measure::Unmute,
    Measure::Promote,
    Measure::Demote,
    Measure::HandOver,
];

/// Whether somebody of rank `by` may do that to somebody of rank `to`.
fn may(by: Rank, measure: Measure, to: Rank) -> bool {
    let is_ranking = matches!(
        measure,
        Measure::Promote | Measure::Demote | Measure::HandOver
    );
    match (by, to) {
        (Rank::Owner, Rank::Moderator | Rank::Member) => true,
        (Rank::Moderator, Rank::Member) => !is_ranking,
        _ => false,
    }
}

/// A room with somebody of each rank in it, and a second one of each but of the owner's.
struct Court {
    room: i64,
    people: Vec<(Guest, i64, Rank)>,
}

impl Court {
    fn new(server: &Server, name: &str, is_persistent: bool) -> Self {
        let (mut owner, owners) = somebody(server, &format!("{name} owner"));
        let made = owner
            .ask(&Create {
                is_persistent,
                ..room_called(name)
            })
            .unwrap();
        let mut court = Self {
            room: id_of(&made),
            people: vec![(owner, owners, Rank::Owner)],
        };
        for (title, rank) in [
            ("first mod", Rank::Moderator),
            ("other mod", Rank::Moderator),
            ("first man", Rank::Member),
            ("other man", Rank::Member),
        ] {
            let (mut guest, account) = somebody(server, &format!("{name} {title}"));
            guest.ask(&enter(court.room, "")).unwrap();
            court.people.push((guest, account, rank));
            if rank == Rank::Moderator {
                let promote = moderate(account, Measure::Promote, 0);
                court.people[0].0.ask(&promote).unwrap();
            }
        }
        court
    }

    /// Asserts that everybody is there, as what they were made, and may speak.
    fn assert_unchanged(&mut self, after: &str) {
        let members = self.people[0].0.ask(&ListMembers::default()).unwrap();
        assert_eq!(members.members.len(), self.people.len(), "after {after}");
        for (_, account, rank) in &self.people {
            let mut found = members.members.iter();
            let member = found.find(|it| it.account == *account).unwrap();
            assert_eq!((member.rank(), member.is_muted), (*rank, false), "{after}");
        }
    }

    /// Undoes what `by` has done to `to`.
    fn undo(&mut self, measure: Measure, by: usize, to: usize) {
        let (account, rank) = (self.people[to].1, self.people[to].2);
        let bys = self.people[by].1;
        let owner = 0;
        let mut order = |who: usize, account, measure| {
            let guest = &mut self.people[who].0;
            guest.ask(&moderate(account, measure, 0)).unwrap();
        };
        match measure {
            Measure::Mute => order(by, account, Measure::Unmute),
            Measure::Ban => order(by, account, Measure::Unban),
            Measure::Promote if rank == Rank::Member => order(by, account, Measure::Demote),
            Measure::Demote if rank == Rank::Moderator => order(by, account, Measure::Promote),
            Measure::HandOver => {
                order(to, bys, Measure::HandOver);
                if rank == Rank::Member {
                    order(owner, account, Measure::Demote);
                }
            }
            _ => {}
        }
        if matches!(measure, Measure::Kick | Measure::Ban) {
            until_notice::<Removed>(&mut self.people[to].0);
            self.people[to].0.ask(&enter(self.room, "")).unwrap();
            if measure == Measure::Ban && rank == Rank::Moderator {
                let promote = moderate(account, Measure::Promote, 0);
                self.people[owner].0.ask(&promote).unwrap();
            }
        }
        for (guest, ..) in &mut self.people {
            guest.notices.clear();
        }
    }
}

#[test]
fn each_rank_may_do_what_is_its_own_to_those_below_and_nothing_else() {
    let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
    for (name, is_persistent) in [("stone court", true), ("sand court", false)] {
        let mut court = Court::new(&server, name, is_persistent);
        for by in [0, 1, 3] {
            for to in 0..court.people.len() {
                for measure in MEASURES {
                    let (rank, account) = (court.people[by].2, court.people[to].1);
                    let case = format!("{measure:?} by {rank:?} {by} to {to} in {name}");
                    let done = court.people[by].0.ask(&moderate(account, measure, 0));
                    if may(rank, measure, court.people[to].2) {
                        assert!(done.is_ok(), "{case}: {done:?}");
                        court.undo(measure, by, to);
                    } else {
                        assert_eq!(done.unwrap_err().code(), Code::Forbidden, "{case}");
                    }
                    court.assert_unchanged(&case);
                }
            }
            if by > 0 {
                let change = Change {
                    is_locked: Some(true),
                    ..Change::default()
                };
                assert_eq!(court.people[by].0.refused(&change), Code::Forbidden);
                assert_eq!(court.people[by].0.refused(&Close {}), Code::Forbidden);
            }
        }
        // Who is in no room, or in another, acts upon nothing.
        let (mut stranger, _) = somebody(&server, &format!("{name} alien"));
        let members = court.people[3].1;
        for measure in MEASURES {
            let act = moderate(members, measure, 0);
            assert_eq!(stranger.refused(&act), Code::WrongState, "{measure:?}");
        }
        stranger.ask(&room_called(&format!("{name} two"))).unwrap();
        stranger.ask(&moderate(members, Measure::Ban, 0)).unwrap();
        court.assert_unchanged("a ban from somewhere else");
        let list = |page: &str| ListBans { page: page.into() };
        assert_eq!(court.people[3].0.refused(&list("")), Code::Forbidden);
        assert_eq!(court.people[1].0.refused(&list("made-up")), Code::Invalid);
        assert!(court.people[1].0.ask(&list("")).unwrap().bans.is_empty());
    }
}

#[test]
fn messages_are_removed_by_their_authors_and_by_those_above_them() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut court = Court::new(&server, "archive", true);
    let mut seqs = Vec::new();
    for (guest, ..) in &mut court.people {
        seqs.push(guest.ask(&say("something")).unwrap().seq);
    }
    let removes = |court: &mut Court, by: usize, of: usize| {
        let seq = seqs[of];
        match court.people[by].0.ask(&Remove { seq }) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.code(), Code::Forbidden);
                false
            }
        }
    };
    // The owner's, a moderator's, another's, a member's, another's.
    for (by, of, is_done) in [
        (3, 0, false),
        (3, 1, false),
        (3, 4, false),
        (1, 0, false),
        (1, 2, false),
        (3, 3, true),
        (1, 4, true),
        (1, 1, true),
        (0, 2, true),
        (0, 0, true),
    ] {
        assert_eq!(removes(&mut court, by, of), is_done, "{by} removes {of}");
    }
    let owner = &mut court.people[0].0;
    let history = owner.ask(&GetHistory::default()).unwrap();
    for message in &history.messages {
        assert!(message.is_removed && message.content.is_none());
    }
    assert_eq!(owner.refused(&Remove { seq: 99 }), Code::NotFound);
    assert_eq!(owner.refused(&Remove { seq: i64::MAX }), Code::NotFound);
    assert_eq!(owner.refused(&Remove { seq: 0 }), Code::Invalid);
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as i64
}

#[test]
fn whoever_is_banned_or_muted_is_so_until_it_ends_and_no_longer() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    for (name, is_persistent) in [("stone", true), ("sand", false)] {
        let (mut kim, _) = somebody(&server, &format!("{name} kim"));
        let (mut lee, lees) = somebody(&server, &format!("{name} lee"));
        let made = kim
            .ask(&Create {
                is_persistent,
                ..room_called(name)
            })
            .unwrap();
        let room = id_of(&made);
        lee.ask(&enter(room, "")).unwrap();
        kim.ask(&moderate(lees, Measure::Mute, 1)).unwrap();
        let mut muted_until = None;
        until(|| match lee.ask(&say("now?")) {
            Ok(_) => Some(()),
            Err(error) => {
                assert_eq!(error.code(), Code::Muted);
                let detail = error.details.iter().find(|it| it.name == "until_ms");
                muted_until = detail.map(|it| it.value.parse::<i64>().unwrap());
                None
            }
        });
        // By the clock that rooms have.
        let now = lee.ask(&Ping::default()).unwrap().now_ms;
        assert!(muted_until.is_none_or(|until| now >= until));

        lee.notices.clear();
        kim.ask(&moderate(lees, Measure::Ban, 1)).unwrap();
        let ends = until_notice::<Removed>(&mut lee).until_ms;
        until(|| match lee.ask(&enter(room, "")) {
            Ok(_) => Some(()),
            Err(error) => {
                assert_eq!(error.code(), Code::Banned);
                None
            }
        });
        assert!(now_ms() >= ends, "back before the ban ended");
        lee.ask(&say("here again")).unwrap();
    }
}

#[test]
fn moderators_read_who_is_kept_out_by_whom_and_why() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    for (name, is_persistent) in [("stone", true), ("sand", false)] {
        let mut court = Court::new(&server, name, is_persistent);
        let mut loud = Vec::new();
        for number in 0..15 {
            let (mut guest, account) = somebody(&server, &format!("{name} loud {number}"));
            guest.ask(&enter(court.room, "")).unwrap();
            let ban = moderate(account, Measure::Ban, 3_600);
            court.people[1].0.ask(&ban).unwrap();
            loud.push((account, format!("{name} loud {number}")));
        }
        let mut read = Vec::new();
        let mut list = ListBans::default();
        loop {
            let page = court.people[2].0.ask(&list).unwrap();
            for ban in page.bans {
                assert_eq!((ban.by, &*ban.text), (court.people[1].1, "because"));
                assert!(ban.until_ms > 0);
                read.push((ban.account, ban.display_name));
            }
            if page.next_page.is_empty() {
                break;
            }
            list.page = page.next_page;
        }
        loud.sort();
        assert_eq!(read, loud);
    }
}

#[test]
fn ranks_bans_mutes_and_what_was_set_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path(), BACKENDS[0], UNHURRIED);
    let (mut kim, _) = somebody(&server, "kim");
    let people = ["mod", "lout", "quiet"].map(|name| {
        let (guest, account) = somebody(&server, name);
        (name, guest, account)
    });
    let made = kim
        .ask(&Create {
            password: "open sesame".into(),
            is_hidden: true,
            ..lasting("vault", History::Durable)
        })
        .unwrap();
    let room = id_of(&made);
    let measures = [Measure::Promote, Measure::Ban, Measure::Mute];
    for ((_, _, account), measure) in people.iter().zip(measures) {
        kim.ask(&moderate(*account, measure, 0)).unwrap();
    }
    kim.ask(&Change {
        topic: Some("gold".into()),
        members_max: Some(5),
        slow_seconds: Some(9),
        ..Change::default()
    })
    .unwrap();
    drop((kim, people, server));

    let server = Server::start_in(folder.path(), BACKENDS[0], UNHURRIED);
    let mut back = ["kim", "mod", "lout", "quiet"].map(|name| {
        let mut guest = Guest::new(&server);
        guest.ask(&log_in(name, "correct horse")).unwrap();
        guest
    });
    let [kim, moderator, lout, quiet] = &mut back;
    let entered: Entered = kim.ask(&enter(room, "")).unwrap();
    let info = entered.info.clone().unwrap();
    assert_eq!((&*info.topic, info.members_max), ("gold", 5));
    assert!(info.has_password && info.is_hidden && info.slow_seconds == 9);
    assert_eq!(entered.rank(), Rank::Owner);
    let entered = moderator.ask(&enter(room, "")).unwrap();
    assert_eq!(entered.rank(), Rank::Moderator);
    assert_eq!(lout.refused(&enter(room, "open sesame")), Code::Banned);
    assert_eq!(quiet.refused(&enter(room, "")), Code::Credentials);
    quiet.ask(&enter(room, "open sesame")).unwrap();
    assert_eq!(quiet.refused(&say("hm")), Code::Muted);
    quiet.ask(&Leave {}).unwrap();
}
