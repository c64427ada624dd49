//! The platform with a store in memory and hash workers that answer at once.

/// The accounts' own store in memory, and chance.
#[path = "../../wharf-accounts/tests/accounts"]
#[allow(dead_code, reason = "their tests look at more of it")]
mod accounts {
    pub(crate) mod seeded;
    pub(crate) mod store;
}

use accounts::seeded::Seeded;
use accounts::store::MapStore;
use std::net::IpAddr;
use wharf_accounts::{AccountOptions, Accounts, Hashed, imitate};
use wharf_base::{Duration, Instant, Rng, UniqueIds};
use wharf_data::access::{Error, LoggedIn, Outcome, Request, UnknownId, User};
use wharf_data::people::{self, Addressee};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{AccountId, Answer, Ask, ConversationId, Notice, account, message};
use wharf_platform::{Effect, From, LoginEnd, LoginWay, Places, Platform, SessionTag, Ticket};

const AT: i64 = UniqueIds::EPOCH_UNIX_MS as i64 + 1_000_000;

struct Rig {
    platform: Platform,
    store: MapStore,
    replies: Vec<(Ticket, Reply)>,
    notices: Vec<(SessionTag, Notice)>,
    last_ticket: u64,
    now: Instant,
    /// While it is held, nothing is stored.
    holds_store: bool,
}

impl Rig {
    fn new() -> Self {
        let chance = Box::new(Seeded(Rng::from_seed(1)));
        Self {
            platform: Platform::new(Accounts::new(AccountOptions::default(), chance), 0),
            store: MapStore::default(),
            replies: Vec::new(),
            notices: Vec::new(),
            last_ticket: 0,
            now: Instant::ZERO,
            holds_store: false,
        }
    }

    fn call(&mut self, from: From, call: Call) -> Ticket {
        let ticket = self.say(from, call);
        self.pump();
        ticket
    }

    /// Calls, and nothing is done for it yet.
    fn say(&mut self, from: From, call: Call) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.platform.call(self.now, AT, from, ticket, call);
        ticket
    }

    fn ask(&mut self, session: u64, by: Option<User>, request: Request) -> Result<Outcome, Error> {
        let ticket = self.call(session_of(session), Call::Access { by, request });
        match self.reply_to(ticket) {
            Ok(Given::Access(outcome)) => Ok(outcome),
            Ok(other) => panic!("another answer: {other:?}"),
            Err(error) => Err(error),
        }
    }

    fn reply_to(&mut self, ticket: Ticket) -> Reply {
        let at = self.replies.iter().position(|(to, _)| *to == ticket);
        self.replies.swap_remove(at.expect("a reply")).1
    }

    fn register(&mut self, session: u64, name: &str) -> LoggedIn {
        logged_in(self.ask(session, None, register(name)))
    }

    fn pump(&mut self) {
        while let Some(effect) = self.platform.poll() {
            match effect {
                Effect::Reply { to, reply } => self.replies.push((to, reply)),
                Effect::Notice { to, notice } => self.notices.push((to, notice)),
                Effect::Kick { .. }
                | Effect::Announce { .. }
                | Effect::TellAll(_)
                | Effect::Publish(_) => panic!("nobody operates here"),
                Effect::Ask { .. } if self.holds_store => {}
                Effect::Ask { tag, ask } => {
                    let reply = match &ask {
                        Ask::Message(message::Ask::Whisper { .. }) => Ok(kept()),
                        // Nothing waits for anybody.
                        Ask::Message(_) => Ok(Answer::Message(message::Answer::Messages {
                            messages: Vec::new(),
                            has_more: false,
                        })),
                        ask => self.store.run(ask),
                    };
                    self.platform.stored(self.now, AT, tag, reply);
                }
                Effect::Hash(job) => {
                    let took = Duration::from_millis(50);
                    let result = imitate(&job.work);
                    let hashed = Hashed { result, took };
                    self.platform.hashed(self.now, AT, job.id, hashed);
                }
            }
        }
    }
}

fn kept() -> Answer {
    let kept = message::Kept {
        conversation: ConversationId::new(1),
        seq: 1,
        is_duplicate: false,
    };
    Answer::Message(message::Answer::Kept(vec![kept]))
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

fn logged_in(outcome: Result<Outcome, Error>) -> LoggedIn {
    match outcome {
        Ok(Outcome::LoggedIn(logged_in)) => logged_in,
        other => panic!("not logged in: {other:?}"),
    }
}

#[test]
fn an_account_is_in_one_session_and_the_older_is_told() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user;
    logged_in(rig.ask(2, None, log_in("kim")));
    assert_eq!(rig.notices, [(SessionTag(1), Notice::TakenOver)]);
    let online = rig.platform.presence().find(kim.account).unwrap();
    assert_eq!(online.session, SessionTag(2));
    rig.platform.session_closed(SessionTag(1));
    assert_eq!(
        rig.platform.presence().len(),
        1,
        "the older's end is nobody's"
    );
    rig.platform.session_closed(SessionTag(2));
    assert!(rig.platform.presence().is_empty());
}

#[test]
fn a_login_that_ends_elsewhere_ends_its_session() {
    let mut rig = Rig::new();
    let first = rig.register(1, "kim").user;
    rig.platform.session_closed(SessionTag(1));
    let second = logged_in(rig.ask(2, None, log_in("kim"))).user;
    let revoke = Request::RevokeLogin { login: first.login };
    assert_eq!(rig.ask(2, Some(second), revoke), Ok(Outcome::Done));
    assert!(rig.notices.is_empty(), "nobody is in that session");
    assert_eq!(rig.ask(2, Some(second), Request::LogOut), Ok(Outcome::Done));
    assert_eq!(rig.notices, [(SessionTag(2), Notice::LoginEnded)]);
    assert!(rig.platform.presence().is_empty());
}

#[test]
fn whoever_goes_while_the_store_thinks_is_not_here_when_it_answers() {
    let mut rig = Rig::new();
    rig.register(1, "kim");
    rig.platform.session_closed(SessionTag(1));
    rig.holds_store = true;
    let call = Call::Access {
        by: None,
        request: log_in("kim"),
    };
    let ticket = rig.call(session_of(2), call);
    rig.platform.session_closed(SessionTag(2));
    rig.holds_store = false;
    rig.now += AccountOptions::default().deadline;
    rig.platform.handle_timeout(rig.now, AT);
    rig.pump();
    assert_eq!(rig.reply_to(ticket), Err(Error::Unavailable));
    assert!(rig.platform.presence().is_empty());
}

#[test]
fn the_store_is_asked_as_it_is_and_its_refusals_are_told() {
    let mut rig = Rig::new();
    let account = AccountId::new(99);
    let ask = Ask::Account(account::Ask::Profile { account });
    let ticket = rig.call(From::Room, Call::Store(ask));
    assert_eq!(rig.reply_to(ticket), Err(Error::NotFound));
}

#[test]
fn a_room_is_nobodys_account() {
    let mut rig = Rig::new();
    let call = Call::Access {
        by: None,
        request: log_in("kim"),
    };
    let ticket = rig.call(From::Room, call);
    assert_eq!(rig.reply_to(ticket), Err(Error::Forbidden));
}

#[test]
fn a_classic_login_of_an_account_that_is_here_is_refused_and_nobody_is_disturbed() {
    let mut rig = Rig::new();
    rig.register(1, "kim");
    let classic = |unknown| Request::LogInClassic {
        id: "kim".into(),
        password: "correct horse".into(),
        unknown,
    };
    let refused = rig.ask(2, None, classic(UnknownId::Refused));
    assert_eq!(refused, Err(Error::InUse));
    assert!(rig.notices.is_empty());
    rig.platform.session_closed(SessionTag(1));
    let kim = logged_in(rig.ask(2, None, classic(UnknownId::Refused)));
    assert_eq!(kim.token, None);
    // Whoever comes by the platform takes over from a classic client too.
    logged_in(rig.ask(3, None, log_in("kim")));
    assert_eq!(rig.notices, [(SessionTag(2), Notice::TakenOver)]);
}

#[test]
fn a_whisper_says_whether_it_waits_and_gives_nobody_away_who_is_hidden() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user;
    let lee = rig.register(2, "lee").user;
    let waits = |rig: &mut Rig| {
        let request = people::Request::Whisper(people::Whisper {
            to: Addressee::Account(lee.account),
            client_id: None,
            kind: 1,
            body: Vec::new(),
        });
        let by = kim.account;
        let ticket = rig.call(session_of(1), Call::People { by, request });
        match rig.reply_to(ticket) {
            Ok(Given::People(people::Outcome::Kept { waits, .. })) => waits,
            other => panic!("not kept: {other:?}"),
        }
    };
    assert!(!waits(&mut rig), "lee is seen to be here");
    let (by, hide) = (lee.account, people::Request::SetVisible(false));
    let hidden = rig.call(session_of(2), Call::People { by, request: hide });
    assert!(rig.reply_to(hidden).is_ok());
    assert!(waits(&mut rig), "nobody is told that lee is here");
    rig.platform.session_closed(SessionTag(2));
    assert!(waits(&mut rig), "lee is not here");
}

/// One place, and so many who may wait for it.
fn full_rig(queue_max: usize) -> (Rig, Places) {
    let places = Places::new(1);
    let mut rig = Rig::new();
    rig.platform = rig.platform.with_places(places.clone(), queue_max);
    (rig, places)
}

impl Rig {
    fn close(&mut self, session: u64) {
        self.platform.session_closed(SessionTag(session));
        self.platform.place_freed(self.now, AT);
        self.pump();
    }

    fn begin(&mut self, session: u64, request: Request) -> Ticket {
        self.call(session_of(session), Call::Access { by: None, request })
    }

    fn has_reply(&self, ticket: Ticket) -> bool {
        self.replies.iter().any(|(to, _)| *to == ticket)
    }

    /// Who was told which place.
    fn spots(&mut self) -> Vec<(u64, u32)> {
        let spot = |(SessionTag(to), notice)| match notice {
            Notice::Queued { before, .. } => (to, before),
            other => panic!("another notice: {other:?}"),
        };
        self.notices.drain(..).map(spot).collect()
    }
}

#[test]
fn whoever_finds_no_place_logs_in_when_it_is_their_turn() {
    let (mut rig, places) = full_rig(2);
    rig.register(1, "kim");
    let lee = rig.begin(2, register("lee"));
    let park = rig.begin(3, register("park"));
    assert!(!rig.has_reply(lee) && !rig.has_reply(park));
    assert_eq!(rig.spots(), [(2, 0), (3, 1)]);
    assert_eq!(rig.ask(4, None, register("choi")), Err(Error::Full));
    assert_eq!(
        rig.ask(2, None, log_in("kim")),
        Err(Error::WrongState),
        "it waits"
    );
    rig.close(1);
    assert!(matches!(
        rig.reply_to(lee),
        Ok(Given::Access(Outcome::LoggedIn(_)))
    ));
    assert!(!rig.has_reply(park));
    rig.now += Duration::from_secs(1);
    rig.platform.handle_timeout(rig.now, AT);
    rig.pump();
    assert_eq!(rig.spots(), [(3, 0)]);
    rig.close(2);
    assert!(matches!(
        rig.reply_to(park),
        Ok(Given::Access(Outcome::LoggedIn(_)))
    ));
    rig.close(3);
    assert_eq!((places.taken(), rig.platform.waiting()), (0, 0));
}

#[test]
fn a_login_that_fails_gives_its_place_to_the_next() {
    let (mut rig, places) = full_rig(8);
    rig.register(1, "kim");
    let wrong = rig.begin(
        2,
        Request::LogIn {
            name: "kim".into(),
            password: "battery staple".into(),
            device: String::new(),
        },
    );
    let late = rig.begin(3, register("lee"));
    rig.close(1);
    assert_eq!(rig.reply_to(wrong), Err(Error::Credentials));
    assert!(matches!(
        rig.reply_to(late),
        Ok(Given::Access(Outcome::LoggedIn(_)))
    ));
    assert_eq!(places.taken(), 1);
}

#[test]
fn whoever_goes_while_they_wait_has_no_place_and_their_call_is_over() {
    let (mut rig, places) = full_rig(8);
    rig.register(1, "kim");
    let gone = rig.begin(2, register("lee"));
    let next = rig.begin(3, register("park"));
    rig.close(2);
    assert_eq!(rig.reply_to(gone), Err(Error::WrongState));
    assert!(!rig.has_reply(next));
    rig.close(1);
    assert!(matches!(
        rig.reply_to(next),
        Ok(Given::Access(Outcome::LoggedIn(_)))
    ));
    rig.close(3);
    assert_eq!(places.taken(), 0);
}

#[test]
fn whoever_is_taken_over_gives_their_place_to_the_next_while_their_link_lasts() {
    let places = Places::new(2);
    let mut rig = Rig::new();
    rig.platform = rig.platform.with_places(places.clone(), 8);
    rig.register(1, "kim");
    let by = |request| Call::Access { by: None, request };
    let again = rig.say(session_of(2), by(log_in("kim")));
    let lee = rig.begin(3, register("lee"));
    for ticket in [again, lee] {
        assert!(matches!(
            rig.reply_to(ticket),
            Ok(Given::Access(Outcome::LoggedIn(_)))
        ));
    }
    assert_eq!(
        rig.notices.last(),
        Some(&(SessionTag(1), Notice::TakenOver))
    );
    assert_eq!(places.taken(), 2);
    rig.close(1);
    assert_eq!(places.taken(), 2, "it was given back once");
}

#[test]
fn whoever_logs_out_gives_their_place_to_the_next_while_their_link_lasts() {
    let (mut rig, places) = full_rig(8);
    let kim = rig.register(1, "kim");
    let lee = rig.begin(2, register("lee"));
    assert!(rig.ask(1, Some(kim.user), Request::LogOut).is_ok());
    assert!(matches!(
        rig.reply_to(lee),
        Ok(Given::Access(Outcome::LoggedIn(_)))
    ));
    rig.close(1);
    assert_eq!(places.taken(), 1, "it was given back once");
}

#[test]
fn classic_clients_do_not_wait_and_pass_nobody() {
    let (mut rig, places) = full_rig(8);
    rig.register(1, "kim");
    let classic = || Request::LogInClassic {
        id: "lee".into(),
        password: "correct horse".into(),
        unknown: UnknownId::Registered,
    };
    assert_eq!(rig.ask(2, None, classic()), Err(Error::Full));
    let waits = rig.begin(3, register("park"));
    rig.platform.session_closed(SessionTag(1));
    assert_eq!(
        rig.ask(2, None, classic()),
        Err(Error::Full),
        "it is park's"
    );
    assert!(matches!(
        rig.reply_to(waits),
        Ok(Given::Access(Outcome::LoggedIn(_)))
    ));
    assert_eq!(places.taken(), 1);
}

#[test]
fn each_login_is_counted_once_by_what_its_client_was_told() {
    let (mut rig, _) = full_rig(1);
    rig.register(1, "kim");
    let lee = rig.begin(2, register("lee"));
    assert_eq!(rig.ask(3, None, log_in("kim")), Err(Error::Full));
    let stats = rig.platform.stats();
    assert_eq!((stats.online, stats.queued, stats.queued_max), (1, 1, 1));
    assert_eq!(stats.logins.of(LoginWay::Register, LoginEnd::Ok), 1);
    rig.close(1);
    assert!(rig.has_reply(lee));
    rig.close(2);
    let wrong = Request::LogIn {
        name: "kim".into(),
        password: "wrong horse".into(),
        device: String::new(),
    };
    assert_eq!(rig.ask(4, None, wrong), Err(Error::Credentials));
    logged_in(rig.ask(4, None, log_in("kim")));
    let classic = Request::LogInClassic {
        id: "kim".into(),
        password: "correct horse".into(),
        unknown: UnknownId::Refused,
    };
    rig.close(4);
    let user = logged_in(rig.ask(5, None, classic)).user;
    // What logs nobody in is no login, whatever comes of it.
    rig.ask(5, Some(user), Request::ListLogins).unwrap();
    let counted: Vec<_> = rig.platform.stats().logins.iter().collect();
    let counted: Vec<_> = counted.into_iter().filter(|it| it.2 > 0).collect();
    let expected = [
        ("register", "ok", 2),
        ("password", "ok", 1),
        ("password", "wrong", 1),
        ("password", "full", 1),
        ("classic", "ok", 1),
    ];
    assert_eq!(counted, expected);
    assert_eq!(rig.platform.stats().logins.accounts_made, 2);
}
