//! What the platform shows to whoever is not in the process: who is online, which rooms are busy.

/// The accounts' own store in memory, and chance.
#[path = "../../wharf-accounts/tests/accounts"]
#[allow(dead_code, reason = "their tests look at more of it")]
mod accounts {
    pub(crate) mod seeded;
    pub(crate) mod store;
}

use accounts::seeded::Seeded;
use accounts::store::MapStore;
use std::collections::BTreeMap;
use std::net::IpAddr;
use wharf_accounts::{AccountOptions, Accounts, Hashed, imitate};
use wharf_base::{Duration, Instant, Rng, UniqueIds};
use wharf_data::access::{Outcome, Request, User};
use wharf_data::rooms::{self, Entry, Here, NewRoom};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::short::{Ask as Short, Space};
use wharf_data::{Answer, Ask, Hidden, Refusal, message, people};
use wharf_platform::{BriefOptions, Effect, From, Platform, RoomOptions, SessionTag, Ticket};

const AT: i64 = UniqueIds::EPOCH_UNIX_MS as i64 + 1_000_000;

fn chance() -> Box<Seeded> {
    Box::new(Seeded(Rng::from_seed(1)))
}

struct Rig {
    platform: Platform,
    store: MapStore,
    /// What is shown: value and score.
    shown: BTreeMap<(Space, String), (String, i64)>,
    replies: BTreeMap<Ticket, Reply>,
    writes: usize,
    last_ticket: u64,
    now: Instant,
}

impl Rig {
    fn new(options: Option<BriefOptions>) -> Self {
        let accounts = Accounts::new(AccountOptions::default(), chance());
        let platform = Platform::new(accounts, 0).with_rooms(RoomOptions::default(), chance());
        let mut rig = Self {
            platform: match options {
                None => platform,
                Some(options) => platform.with_brief(options),
            },
            store: MapStore::default(),
            shown: BTreeMap::new(),
            replies: BTreeMap::new(),
            writes: 0,
            last_ticket: 0,
            now: Instant::ZERO,
        };
        rig.pass(Duration::ZERO);
        rig
    }

    fn showing() -> Self {
        Self::new(Some(BriefOptions::with_redis(3)))
    }

    fn at(&self) -> i64 {
        AT + (self.now - Instant::ZERO).as_millis() as i64
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        let at = self.at();
        self.platform.handle_timeout(self.now, at);
        self.pump();
    }

    /// Long enough for what has changed to be shown.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.pass(Duration::from_secs(1));
        }
    }

    fn call(&mut self, from: From, call: Call) -> Reply {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let at = self.at();
        self.platform.call(self.now, at, from, ticket, call);
        self.pump();
        self.replies.remove(&ticket).expect("a reply")
    }

    fn comes(&mut self, session: u64, request: Request) -> User {
        let call = Call::Access { by: None, request };
        match self.call(session_of(session), call) {
            Ok(Given::Access(Outcome::LoggedIn(logged_in))) => logged_in.user,
            other => panic!("not logged in: {other:?}"),
        }
    }

    fn makes(&mut self, session: u64, who: User, name: &str, is_hidden: bool) -> Entry {
        let request = rooms::Request::Create(Box::new(NewRoom {
            name: name.into(),
            topic: String::new(),
            password: Hidden::from(""),
            members_max: 0,
            is_hidden,
            is_persistent: false,
            history: None,
            slow_ms: 0,
        }));
        let by = who.account;
        match self.call(session_of(session), Call::Rooms { by, request }) {
            Ok(Given::Rooms(rooms::Outcome::Entry(entry))) => *entry,
            other => panic!("no entry: {other:?}"),
        }
    }

    fn goes(&mut self, session: u64) {
        self.platform.session_closed(SessionTag(session));
        let at = self.at();
        self.platform.place_freed(self.now, at);
        self.pump();
    }

    fn pump(&mut self) {
        while let Some(effect) = self.platform.poll() {
            let at = self.at();
            match effect {
                Effect::Reply { to, reply } => drop(self.replies.insert(to, reply)),
                Effect::Notice { .. } => {}
                Effect::Ask { tag, ask } => {
                    let reply = self.answer(&ask);
                    self.platform.stored(self.now, at, tag, reply);
                }
                Effect::Hash(job) => {
                    let took = Duration::from_millis(50);
                    let result = imitate(&job.work);
                    let hashed = Hashed { result, took };
                    self.platform.hashed(self.now, at, job.id, hashed);
                }
                other => panic!("nobody operates here: {other:?}"),
            }
        }
    }

    fn answer(&mut self, ask: &Ask) -> wharf_data::Reply {
        match ask {
            Ask::Message(_) => Ok(Answer::Message(message::Answer::Messages {
                messages: Vec::new(),
                has_more: false,
            })),
            // No room of the store is called as one that is made.
            Ask::Room(_) => Err(Refusal::NotFound),
            Ask::Audit(_) => Ok(Answer::Done),
            Ask::Short(Short::Put {
                space,
                key,
                value,
                score,
                ..
            }) if *space != Space::Rate => {
                self.writes += 1;
                let text = String::from_utf8(value.clone()).unwrap();
                self.shown.insert((*space, key.clone()), (text, *score));
                Ok(Answer::Done)
            }
            Ask::Short(Short::Delete { space, key }) if *space != Space::Rate => {
                self.writes += 1;
                self.shown.remove(&(*space, key.clone()));
                Ok(Answer::Done)
            }
            Ask::Short(Short::Top { .. }) => {
                let top = wharf_data::short::Answer::Top(Vec::new());
                Ok(Answer::Short(top))
            }
            ask => self.store.run(ask),
        }
    }

    /// Who is shown, without kind and account: those say nothing new.
    fn people(&self) -> Vec<String> {
        let people = self
            .shown
            .iter()
            .filter(|((of, _), _)| *of == Space::Presence);
        let told = people.map(|((_, key), (value, _))| {
            let id = key.strip_prefix("3:").expect("this node's");
            let begin = format!(r#"{{"kind":"online","account":"{id}","#);
            value
                .strip_prefix(&begin)
                .expect("as documented")
                .to_owned()
        });
        told.collect()
    }

    /// The busy rooms: names, and how many are inside.
    fn busy(&self) -> Vec<(String, i64)> {
        let rooms = self
            .shown
            .iter()
            .filter(|((of, _), _)| *of == Space::BusyRooms);
        let told = rooms.map(|(_, (value, score))| {
            let name = value.split(r#""name":""#).nth(1).expect("a name");
            (name.split('"').next().unwrap().to_owned(), *score)
        });
        told.collect()
    }
}

fn session_of(session: u64) -> From {
    From::Session(SessionTag(session), IpAddr::from([192, 0, 2, 1]))
}

fn register(name: &str) -> Request {
    Request::Register {
        name: name.into(),
        password: "correct horse".into(),
        device: String::new(),
    }
}

fn log_in(name: &str) -> Request {
    Request::LogIn {
        name: name.into(),
        password: "correct horse".into(),
        device: String::new(),
    }
}

fn in_room(name: &str, room: Option<(&Entry, &str)>, since: i64) -> String {
    let (room, room_name) = match room {
        None => ("null".to_owned(), "null".to_owned()),
        Some((entry, name)) => {
            let room = entry.info.room.get();
            (format!("\"{room}\""), format!("\"{name}\""))
        }
    };
    format!(r#""name":"{name}","room":{room},"room_name":{room_name},"since":{since},"node":3}}"#)
}

#[test]
fn who_comes_moves_and_goes_is_shown_so() {
    let mut rig = Rig::showing();
    rig.pass(Duration::from_secs(5));
    let kim = rig.comes(1, register("kim"));
    rig.settle();
    assert_eq!(rig.people(), [in_room("kim", None, AT + 5_000)]);
    let tea = rig.makes(1, kim, "tea", false);
    rig.settle();
    let expected = in_room("kim", Some((&tea, "tea")), AT + 5_000);
    assert_eq!(rig.people(), [expected]);
    assert_eq!(rig.busy(), [("tea".to_owned(), 1)]);
    // Another name, in another session: they came again.
    let again = rig.comes(2, log_in("kim"));
    let rename = Request::Rename {
        name: "Kira".into(),
    };
    let call = Call::Access {
        by: Some(again),
        request: rename,
    };
    rig.call(session_of(2), call).unwrap();
    rig.goes(1);
    let since = rig.at();
    rig.settle();
    assert_eq!(rig.people(), [in_room("Kira", None, since)]);
    assert_eq!(rig.busy(), []);
    rig.goes(2);
    rig.settle();
    assert!(rig.shown.is_empty());
    assert_eq!(rig.platform.next_deadline(), None, "an idle server rests");
}

#[test]
fn who_is_not_to_be_seen_and_hidden_rooms_are_not_shown() {
    let mut rig = Rig::showing();
    let kim = rig.comes(1, register("kim"));
    let lee = rig.comes(2, register("lee"));
    let tea = rig.makes(1, kim, "tea", false);
    rig.makes(2, lee, "secret", true);
    let visible = |rig: &mut Rig, is_visible| {
        let request = people::Request::SetVisible(is_visible);
        let by = lee.account;
        rig.call(session_of(2), Call::People { by, request })
            .unwrap();
        rig.settle();
    };
    visible(&mut rig, false);
    assert_eq!(rig.people(), [in_room("kim", Some((&tea, "tea")), AT)]);
    assert_eq!(rig.busy(), [("tea".to_owned(), 1)]);
    let hidden = |rig: &mut Rig, is_hidden| {
        let here = Here {
            room: tea.info.room,
            opening: tea.opening,
        };
        let change = rooms::Change {
            is_hidden: Some(is_hidden),
            ..rooms::Change::default()
        };
        let request = rooms::Request::Change(here, Box::new(change));
        let by = kim.account;
        rig.call(From::Room, Call::Rooms { by, request }).unwrap();
        rig.settle();
    };
    hidden(&mut rig, true);
    assert_eq!(rig.people(), [in_room("kim", None, AT)]);
    assert_eq!(rig.busy(), []);
    hidden(&mut rig, false);
    assert_eq!(rig.busy(), [("tea".to_owned(), 1)]);
    visible(&mut rig, true);
    let both = [
        in_room("kim", Some((&tea, "tea")), AT),
        in_room("lee", None, AT),
    ];
    assert_eq!(rig.people(), both);
}

#[test]
fn at_the_end_everything_is_taken_away() {
    let mut rig = Rig::showing();
    let kim = rig.comes(1, register("kim"));
    rig.makes(1, kim, "tea", false);
    rig.settle();
    assert_eq!(rig.shown.len(), 2);
    rig.platform.close();
    rig.pump();
    assert!(rig.shown.is_empty());
}

#[test]
fn who_comes_and_goes_at_once_costs_nothing_and_neither_does_a_platform_that_shows_nothing() {
    for options in [None, Some(BriefOptions::with_sql(3))] {
        let mut rig = Rig::new(options);
        for session in 0..20 {
            let kim = rig.comes(session, register(&format!("kim {session}")));
            rig.makes(session, kim, &format!("tea {session}"), false);
            rig.goes(session);
        }
        rig.pass(Duration::from_secs(10));
        assert_eq!(rig.writes, 0);
    }
}
