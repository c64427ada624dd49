//! Two servers on one PostgreSQL: what whoever runs them does at one holds at the other too, soon
//! and while both run.

use crate::brief::is_refused_within;
use crate::operating::Operator;
use crate::operators::ANYWHERE;
use crate::platform::{Guest, by_number, log_in, register, say};
use crate::servers::{self, Kind, wait_until};
use crate::support::{BACKENDS, Server, UNHURRIED};
use std::path::Path;
use wharf::proto::account::{ListLogins, RevokeLogins};
use wharf::proto::chat::ListReports;
use wharf::proto::room::{Create, Enter, enter};
use wharf::proto::session::{Code, Goodbye, Maintenance, Muted, Ping};

/// A server of that node, on that store, that asks nobody to be slow; with what else is set.
fn start(folder: &Path, url: &str, node: &str, more: &[&str]) -> Server {
    let (url, number) = (format!("store.url={url}"), format!("store.node={node}"));
    let settings = [&[url.as_str(), &number, ANYWHERE], UNHURRIED, more].concat();
    Server::start_in(&folder.join(node), BACKENDS[0], &settings)
}

/// Two servers, and what has to be there for as long as they run: their database and directories.
struct Both {
    kept: (servers::Server, tempfile::TempDir),
    first: Server,
    second: Server,
}

impl Both {
    fn start(more: &[&str]) -> Self {
        let database = servers::Server::start(Kind::PostgreSql);
        let url = database.fresh_database();
        let folder = tempfile::tempdir().unwrap();
        let start = |node| start(folder.path(), &url, node, more);
        let (first, second) = (start("0"), start("1"));
        Self {
            kept: (database, folder),
            first,
            second,
        }
    }
}

/// Somebody new at a server, whose store is there, and how they are called there.
fn somebody(server: &Server, name: &str) -> (Guest, String) {
    let (mut guest, mut id) = (Guest::new(server), String::new());
    wait_until(name, || match guest.ask(&register(name)) {
        Ok(logged_in) => {
            id = logged_in.account.to_string();
            true
        }
        Err(error) => {
            assert_eq!(error.code(), Code::Unavailable, "{error:?}");
            false
        }
    });
    (guest, id)
}

#[test]
fn mutes_moderators_and_maintenance_reach_the_other_server_while_it_runs() {
    let Both {
        kept: _kept,
        first,
        second,
    } = Both::start(&[]);
    let (here, there) = (Operator::of(&first), Operator::of(&second));
    let (mut kim, kims) = somebody(&second, "kim");
    let (_lee, lees) = somebody(&first, "lee");
    kim.ask(&by_number(0)).unwrap();
    kim.ask(&say("hello")).unwrap();

    here.does(&["accounts", "mute", &kims, "--reason", "spam"]);
    wait_until("the mute", || {
        let said = kim.ask(&say("hello"));
        assert!(said.is_ok() || said.as_ref().unwrap_err().code() == Code::Muted);
        said.is_err()
    });
    let told = kim.next_of::<Muted>();
    assert!(told.is_muted && told.text.is_empty(), "{told:?}");
    here.does(&["accounts", "unmute", &kims]);
    wait_until("the end of the mute", || kim.ask(&say("hello")).is_ok());
    assert!(!kim.next_of::<Muted>().is_muted);

    let list = ListReports::default();
    assert_eq!(kim.refused(&list), Code::Forbidden);
    here.does(&["moderators", "add", &kims]);
    wait_until("the moderator", || kim.ask(&list).is_ok());
    // What each adds and removes is added and removed, whatever the other knew of it.
    there.does(&["moderators", "add", &lees]);
    here.does(&["moderators", "remove", &kims]);
    let both = || [&here, &there].map(|it| it.does(&["moderators", "list"])["moderators"].clone());
    wait_until("the same moderators", || {
        both().iter().all(|list| *list == serde_json::json!([lees]))
    });
    assert_eq!(kim.refused(&list), Code::Forbidden);

    there.does(&["maintenance", "on", "new rooms"]);
    wait_until("the maintenance", || {
        let tried = Guest::new(&first).ask(&log_in("kim", "correct horse"));
        tried.is_err_and(|error| error.code() == Code::Maintenance)
    });
    here.does(&["maintenance", "off"]);
    let told = [(); 2].map(|()| kim.next_of::<Maintenance>().is_on);
    assert_eq!(told, [true, false], "it is over there too");
}

/// Why a session is over.
fn goodbye(guest: &mut Guest) -> (Code, String) {
    let goodbye = guest.next_of::<Goodbye>();
    assert!(guest.client.is_ended());
    (goodbye.code(), goodbye.text)
}

#[test]
fn bans_sign_outs_and_erasure_end_sessions_at_the_other_server_while_it_runs() {
    let Both {
        kept: _kept,
        first,
        second,
    } = Both::start(&[]);
    let here = Operator::of(&first);
    let [mut kim, mut lee, mut park, mut dan] =
        ["kim", "lee", "park", "dan"].map(|name| somebody(&second, name).0);
    let mut elsewhere = Guest::new(&first);
    elsewhere.ask(&log_in("dan", "correct horse")).unwrap();

    here.does(&["accounts", "ban", "kim", "--reason", "cheating"]);
    assert_eq!(goodbye(&mut kim), (Code::Banned, "cheating".to_owned()));
    here.does(&["accounts", "sign-out", "lee"]);
    assert_eq!(goodbye(&mut lee).0, Code::Revoked);
    here.does(&["accounts", "erase", "park", "--yes"]);
    assert_eq!(goodbye(&mut park).0, Code::Revoked);
    let logins = elsewhere.ask(&ListLogins {}).unwrap().logins;
    let other = logins.iter().find(|it| !it.is_this).expect("the other");
    elsewhere.ask(&RevokeLogins { login: other.id }).unwrap();
    assert_eq!(goodbye(&mut dan).0, Code::Revoked);
    elsewhere
        .ask(&Ping::default())
        .expect("whoever did it stays");
    let mut kim = Guest::new(&second);
    assert_eq!(kim.refused(&log_in("kim", "correct horse")), Code::Banned);
}

/// Guesses at one server make those at the other wait, though that had seen the name before.
fn failures_are_added_up(more: &[&str]) {
    let Both {
        kept: _kept,
        first,
        second,
    } = Both::start(more);
    drop(somebody(&first, "kim"));
    assert!(!is_refused_within(&second, 1), "the first is free");
    assert!(is_refused_within(&first, 100));
    // By itself it has seen one failure, and five are free.
    assert!(is_refused_within(&second, 4));
}

#[test]
fn failed_logins_at_two_servers_are_added_up_in_the_store() {
    failures_are_added_up(&[]);
}

#[test]
fn failed_logins_at_two_servers_are_added_up_in_redis() {
    let redis = servers::Server::start(Kind::Redis);
    failures_are_added_up(&[&format!("store.redis={}", redis.url())]);
}

/// Guesses at the password of a room until that has to wait, or so often; whether it had to.
fn is_slowed_within(thief: &mut Guest, room: i64, guesses: u32) -> bool {
    let enter = Enter {
        by: Some(enter::By::Room(room)),
        password: "open barley".into(),
    };
    (0..guesses).any(|_| {
        let code = thief.refused(&enter);
        assert!(matches!(code, Code::Credentials | Code::Rate), "{code:?}");
        code == Code::Rate
    })
}

#[test]
fn whoever_guesses_at_the_password_of_a_room_waits_at_the_other_server_too() {
    let Both {
        kept: _kept,
        first,
        second,
    } = Both::start(&[]);
    let (mut kim, _) = somebody(&first, "kim");
    let create = Create {
        name: "cave".into(),
        password: "open sesame".into(),
        is_persistent: true,
        ..Create::default()
    };
    let room = kim.ask(&create).unwrap().info.unwrap().room;
    let (mut lee, _) = somebody(&first, "lee");
    assert!(is_slowed_within(&mut lee, room, 100));
    drop((kim, first));
    let mut lee = Guest::new(&second);
    lee.ask(&log_in("lee", "correct horse")).unwrap();
    // Five are free for whoever is not known to have guessed.
    assert!(is_slowed_within(&mut lee, room, 4));
}
