//! A talk with a server that is a script.

use super::super::engine::{Engine, Moment, Output, Return};
use super::super::event::Event;
use super::super::json::line;
use super::super::keep::Keep;
use super::super::parse::parse;
use super::{Talk, Wish};
use crate::client::OwnedFrame;
use std::path::Path;
use std::time::{Duration, Instant};
use wharf_accounts::Chance;
use wharf_proto::account::{self, GetProfile, LoggedIn, Profile};
use wharf_proto::chat::SaidSo;
use wharf_proto::room::{Enter, Entered, Info, Moderate, Presence, PresenceSet, SetPresence};
use wharf_proto::session::{Code, Error, Goodbye, Hello, Maintenance, Ping, Pong, Welcome};
use wharf_wire::{Extensions, Frame, HEADER_BYTES, Header, Packet};

struct Ones;

impl Chance for Ones {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

/// A talk, and what it has sent and told.
struct Stage {
    talk: Talk,
    begun: Instant,
    now: Moment,
    /// Requests by id and number, the oldest first.
    sent: Vec<(u16, u32, Vec<u8>)>,
    told: Vec<String>,
    ends: Vec<String>,
    /// What to do where nobody can be asked.
    problems: Vec<String>,
}

impl Stage {
    fn new(folder: &Path, wish: Wish) -> Self {
        let begun = Instant::now();
        let now = Moment {
            at: begun,
            unix_ms: 1_000_000,
        };
        let keep = Keep::new(|_| Some(folder.to_owned()), "a:1", None);
        Self {
            talk: Talk::new("a:1", wish, keep, Box::new(Ones), now),
            begun,
            now,
            sent: Vec::new(),
            told: Vec::new(),
            ends: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn take(&mut self) {
        while let Some(output) = self.talk.poll() {
            match output {
                Output::Send(bytes) => {
                    let header = Header::from_bytes(*bytes.first_chunk().unwrap());
                    let (id, flags) = (header.id, header.flags);
                    let body = &bytes[HEADER_BYTES..];
                    let (extensions, body) = Extensions::split(Frame { id, flags, body }).unwrap();
                    let number = extensions.request.unwrap();
                    self.sent.push((id, number, body.to_vec()));
                }
                Output::Tell(event) => self.told.push(match *event {
                    Event::Hint(text) => text,
                    event => line(&event),
                }),
                Output::Ask(asked) => {
                    self.problems.push(asked.problem.hint.clone());
                    let call = &asked.call;
                    let names: Vec<_> = asked.secrets.iter().map(|(name, _)| *name).collect();
                    self.ends
                        .push(format!("{call:?} needs {}", names.join(", ")));
                }
                Output::Connect => self.ends.push("connect".to_owned()),
                Output::HangUp(why) => self.ends.push(why),
                Output::Ready { is_in } => self.ends.push(format!("ready: {is_in}")),
            }
        }
    }

    fn begin(&mut self) {
        self.talk.begin(self.now);
        self.take();
        self.expect::<Hello>();
        self.answer(&Welcome::default());
    }

    /// The oldest request that has no answer yet, which must be that one.
    fn expect<P: Packet>(&self) -> P {
        let (id, _, body) = self.sent.first().expect("a request");
        assert_eq!(*id, P::ID);
        P::decode(body).unwrap()
    }

    fn answer<P: Packet>(&mut self, packet: &P) {
        let (_, number, _) = self.sent.remove(0);
        self.give(Extensions::reply(number), packet);
    }

    fn notice<P: Packet>(&mut self, packet: &P) {
        self.give(Extensions::default(), packet);
    }

    fn give<P: Packet>(&mut self, extensions: Extensions, packet: &P) {
        let mut bytes = Vec::new();
        packet.encode_frame_with(&extensions, &mut bytes);
        let frame = OwnedFrame {
            id: P::ID,
            flags: extensions.flags(),
            body: bytes[HEADER_BYTES..].to_vec(),
        };
        self.talk.hear(&frame, self.now).unwrap();
        self.take();
    }

    fn call(&mut self, line: &str) {
        let call = parse(line, false).unwrap().unwrap();
        self.talk.call(call, self.now);
        self.take();
    }

    fn lose(&mut self) -> Return {
        let back = self.talk.lose();
        self.sent.clear();
        self.take();
        back
    }

    fn after(&mut self, seconds: u64) {
        let gone = Duration::from_secs(seconds);
        self.now = Moment {
            at: self.begun + gone,
            unix_ms: 1_000_000 + 1_000 * seconds as i64,
        };
        self.talk.wake(self.now);
        self.take();
    }

    fn last_told(&self) -> &str {
        self.told.last().expect("something was told")
    }
}

fn by_name() -> Wish {
    Wish {
        user: Some("kim".to_owned()),
        password: Some("correct horse".to_owned()),
        ..Wish::default()
    }
}

fn logged_in(token: u8) -> LoggedIn {
    LoggedIn {
        account: 7,
        display_name: "Kim".to_owned(),
        token: vec![token; 32],
        token_expires_ms: 9_000_000,
        ..LoggedIn::default()
    }
}

fn entered() -> Entered {
    Entered {
        info: Some(Info {
            room: 44,
            name: "lounge".to_owned(),
            ..Info::default()
        }),
        ..Entered::default()
    }
}

#[test]
fn the_next_start_is_by_the_token_that_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Stage::new(folder.path(), by_name());
    first.begin();
    assert_eq!(first.expect::<account::LogIn>().password, "correct horse");
    first.answer(&logged_in(2));
    assert_eq!(first.ends, ["ready: true"]);

    let wish = Wish {
        user: Some("kim".to_owned()),
        ..Wish::default()
    };
    let mut second = Stage::new(folder.path(), wish.clone());
    second.begin();
    assert_eq!(second.expect::<account::LogInByToken>().token, [2; 32]);
    second.answer(&logged_in(3));
    second.call("/logout");
    second.answer(&account::Done {});
    assert_eq!(second.lose(), Return::Never, "that login has ended");

    let mut third = Stage::new(folder.path(), wish);
    third.begin();
    assert!(third.sent.is_empty(), "nothing is left to log in by");
    assert_eq!(third.ends, ["ready: false"]);
    let lee = Wish {
        user: Some("lee".to_owned()),
        ..Wish::default()
    };
    let mut other = Stage::new(folder.path(), lee);
    other.begin();
    assert!(other.sent.is_empty(), "another's login is not taken");
}

#[test]
fn whoever_took_another_name_logs_in_by_it_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/name 하늘");
    stage.answer(&account::Profile {
        account: 7,
        display_name: "하늘".to_owned(),
        ..account::Profile::default()
    });
    assert_eq!(stage.talk.prompt(), "하늘> ");
    let wish = |user: &str| Wish {
        user: Some(user.to_owned()),
        ..Wish::default()
    };
    let mut again = Stage::new(folder.path(), wish("하늘"));
    again.begin();
    assert_eq!(again.expect::<account::LogInByToken>().token, [2; 32]);
    let mut before = Stage::new(folder.path(), wish("kim"));
    before.begin();
    assert!(before.sent.is_empty(), "that name is nobody's now");
    // Without the token it is the password, by the new name.
    stage.lose();
    stage.begin();
    stage.answer(&Error::new(Code::Token, "no"));
    assert_eq!(stage.expect::<account::LogIn>().name, "하늘");
}

#[test]
fn what_a_refusal_means_depends_on_what_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), Wish::default());
    stage.begin();
    for (line, code, hint) in [
        (
            "/recover kim a-code a-password",
            Code::Token,
            "works only once",
        ),
        ("/ticket abc", Code::Token, "fetch a new ticket"),
        ("/refresh", Code::Token, "no login to go on with"),
        ("/enter 3", Code::WrongState, "/login NAME"),
        ("/unlock", Code::Forbidden, "only the room's owner may"),
        ("/kick #3", Code::Forbidden, "moderators and its owner"),
        (
            "/kick #3",
            Code::NotFound,
            "/members lists those who are in",
        ),
        (
            "/w nobody hi",
            Code::NotFound,
            "/who lists those who are here",
        ),
        (
            "/recovery",
            Code::Credentials,
            "the account has one: /recovery PASSWORD",
        ),
        (
            "/erase forever",
            Code::Credentials,
            "/erase forever PASSWORD",
        ),
        ("/item 7 a", Code::Invalid, "typed as /item ITEM NAME"),
        ("/login kim a-password", Code::Credentials, "/recover"),
        ("/guest", Code::WrongState, "/logout ends this login"),
    ] {
        stage.call(line);
        if !stage.sent.is_empty() {
            stage.answer(&Error::new(code, "no"));
        }
        let told = stage.last_told();
        assert!(told.contains(hint), "{line}: {told}");
    }
}

#[test]
fn a_name_or_password_that_is_refused_at_the_start_is_told_with_how_to_give_another() {
    for (field, hint) in [
        ("password", "a password has 8 to 256 bytes"),
        ("name", "/register NAME takes another name"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let registers = true;
        let wish = Wish {
            registers,
            ..by_name()
        };
        let mut stage = Stage::new(folder.path(), wish);
        stage.begin();
        stage.expect::<account::Register>();
        stage.answer(&Error::new(Code::Invalid, "too short").in_field(field));
        assert!(stage.last_told().contains(hint), "{}", stage.last_told());
    }
}

#[test]
fn whoever_is_logged_in_or_in_a_room_is_told_what_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("hello");
    stage.answer(&Error::new(Code::WrongState, "no"));
    assert!(stage.last_told().contains("/enter ROOM enters one"));
    stage.call("/enter 3");
    stage.answer(&entered());
    stage.call("/enter 4");
    stage.answer(&Error::new(Code::WrongState, "no"));
    assert!(stage.last_told().contains("/leave leaves it"));
}

#[test]
fn a_token_that_is_worth_nothing_is_forgotten_and_the_password_tried() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.lose();
    stage.begin();
    stage.expect::<account::LogInByToken>();
    stage.answer(&Error::new(Code::Token, "no"));
    stage.expect::<account::LogIn>();
    stage.answer(&Error::new(Code::Credentials, "wrong"));
    assert!(stage.last_told().contains(r#""code":"credentials""#));
    assert!(stage.sent.is_empty(), "it is not tried again and again");
}

#[test]
fn what_has_no_answer_is_told_when_the_connection_goes_and_the_room_is_entered_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/enter #44 sesame");
    stage.answer(&entered());
    assert_eq!(stage.talk.prompt(), "Kim in lounge> ");
    stage.call("are you there?");
    assert_eq!(stage.lose(), Return::After(Duration::ZERO));
    assert_eq!(stage.talk.prompt(), "(away) Kim in lounge> ");
    let told = stage.last_told();
    let unconfirmed = told.contains(r#""code":"unconfirmed""#);
    assert!(unconfirmed && told.contains("are you there?"), "{told}");
    stage.call("and now?");
    assert!(stage.last_told().contains(r#""code":"not_connected""#));

    stage.begin();
    assert_eq!(stage.talk.prompt(), "(away) Kim in lounge> ", "still");
    stage.answer(&logged_in(3));
    let enter = stage.expect::<Enter>();
    assert_eq!(enter.password, "sesame");
    stage.answer(&entered());
    assert!(stage.last_told().contains(r#""event":"entered""#));
    stage.call("I am back");
    stage.answer(&SaidSo::default());
    assert!(stage.last_told().contains(r#""event":"ok""#));
}

#[test]
fn somebody_who_is_taken_over_does_not_come_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    for (code, back) in [
        (Code::TakenOver, Return::Never),
        (Code::Kicked, Return::Never),
        (Code::Stopping, Return::After(Duration::from_secs(2))),
    ] {
        let mut stage = Stage::new(folder.path(), by_name());
        stage.begin();
        stage.answer(&logged_in(2));
        stage.notice(&Goodbye {
            code: code.into(),
            retry_after_ms: 2_000,
            ..Goodbye::default()
        });
        assert_eq!(stage.lose(), back);
        let was = match back {
            Return::Never => "(away)> ",
            Return::After(_) => "(away) Kim> ",
        };
        assert_eq!(stage.talk.prompt(), was);
        stage.call("/connect");
        assert_eq!(stage.ends.last().unwrap(), "connect");
    }
}

#[test]
fn who_was_too_late_to_log_in_comes_back_when_somebody_types_and_who_was_silent_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (retry_after_ms, back) in [
        (0, Return::Never),
        (1, Return::After(Duration::from_millis(1))),
    ] {
        let mut stage = Stage::new(folder.path(), by_name());
        stage.begin();
        stage.answer(&logged_in(2));
        stage.notice(&Goodbye {
            code: Code::WrongState.into(),
            retry_after_ms,
            ..Goodbye::default()
        });
        assert_eq!(stage.lose(), back);
    }
}

#[test]
fn a_login_that_has_no_connection_waits_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), Wish::default());
    stage.begin();
    assert_eq!(stage.lose(), Return::Never, "nobody was logged in");
    stage.call("/login kim correct-horse");
    assert_eq!(stage.ends.last().unwrap(), "connect");
    stage.begin();
    assert_eq!(stage.expect::<account::LogIn>().name, "kim");
    stage.answer(&logged_in(2));
    assert!(stage.last_told().contains(r#""cmd":"login","event":"ok""#));
}

#[test]
fn whoever_is_not_known_is_looked_for_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/kick Lee be nice");
    assert_eq!(stage.expect::<GetProfile>().name, "Lee");
    let profile = |account, name: &str| Profile {
        account,
        display_name: name.to_owned(),
        ..Profile::default()
    };
    stage.answer(&profile(9, "lee"));
    let moderate = stage.expect::<Moderate>();
    assert_eq!((moderate.account, &*moderate.text), (9, "be nice"));
    stage.answer(&Error::new(Code::Forbidden, "you are no moderator"));
    assert!(
        stage
            .last_told()
            .contains(r#""cmd":"kick","code":"forbidden""#)
    );
    stage.call("/block nobody");
    stage.answer(&Error::new(Code::NotFound, "no such account"));
    assert!(stage.last_told().contains("there is no user called nobody"));
    stage.call("/block nobody");
    stage.answer(&profile(2, "me"));
    assert!(
        stage.last_told().contains(r#""code":"not_found""#),
        "an older server's answer"
    );
}

#[test]
fn a_password_is_asked_for_when_the_server_is_there_and_no_login_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (registers, asked) in [(true, "/register"), (false, "/login")] {
        let wish = Wish {
            user: Some("kim".to_owned()),
            can_be_asked: true,
            registers,
            ..Wish::default()
        };
        let mut stage = Stage::new(folder.path(), wish);
        assert!(stage.ends.is_empty());
        stage.begin();
        let asked = format!("{asked} needs password");
        assert_eq!(stage.ends, [asked, "ready: false".to_owned()]);
        assert!(stage.sent.is_empty());
    }
}

#[test]
fn a_room_asks_for_a_password_that_was_not_given_and_calls_a_wrong_one_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/enter 3");
    stage.answer(&Error::new(Code::Credentials, "that is another or none"));
    assert_eq!(stage.ends.last().unwrap(), "/enter needs password");
    stage.call("/enter 3 sesame");
    stage.answer(&Error::new(Code::Credentials, "that is another or none"));
    assert!(stage.last_told().contains(r#""text":"wrong password""#));
}

#[test]
fn a_hint_says_what_to_do_and_not_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/enter 3");
    let mut numbered = entered();
    numbered.info.as_mut().unwrap().number = Some(3);
    stage.answer(&numbered);
    for (line, code, field, hint) in [
        (
            "/topic cats",
            Code::Forbidden,
            "",
            "numbered rooms have no owner",
        ),
        ("/bans", Code::Forbidden, "", "numbered rooms have no owner"),
        ("/reports", Code::Forbidden, "", r#""hint":"""#),
        ("hello", Code::Muted, "", r#""hint":"""#),
        (
            "/create den history=durable",
            Code::Invalid,
            "history",
            "`persistent`",
        ),
        (
            "/login lee sesame-street",
            Code::WrongState,
            "",
            r#""hint":"/logout ends this login"#,
        ),
        (
            "/login lee sesame-street",
            Code::Credentials,
            "",
            "/register NAME",
        ),
    ] {
        stage.call(line);
        stage.answer(&Error::new(code, "no").in_field(field));
        assert!(
            stage.last_told().contains(hint),
            "{line}: {}",
            stage.last_told()
        );
    }
    stage.lose();
    stage.begin();
    stage.answer(&logged_in(2));
    stage.sent.clear();
    stage.call("/login lee sesame-street");
    stage.answer(&Error::new(Code::WrongState, "no"));
    assert!(stage.last_told().contains("the login that was kept"));
}

#[test]
fn a_server_that_does_not_answer_is_hung_up_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.after(30);
    stage.expect::<Ping>();
    stage.answer(&Pong::default());
    stage.after(60);
    stage.expect::<Ping>();
    assert_eq!(stage.ends, ["ready: true"]);
    stage.after(75);
    let end = stage.ends.last().unwrap();
    assert_eq!(end, "the server does not answer any more");
}

#[test]
fn a_long_session_exchanges_its_token_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.after(4_001);
    stage.expect::<Ping>();
    stage.answer(&Pong::default());
    assert_eq!(stage.expect::<account::Refresh>().token, [2; 32]);
    stage.answer(&account::Refreshed {
        token: vec![5; 32],
        token_expires_ms: 99_000_000,
    });
    stage.lose();
    stage.begin();
    assert_eq!(stage.expect::<account::LogInByToken>().token, [5; 32]);
}

#[test]
fn a_server_that_knows_nothing_of_hello_is_told_apart_from_one_that_went() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.talk.begin(stage.now);
    stage.take();
    assert_eq!(stage.lose(), Return::Never);
    let told = stage.told.join("\n");
    assert!(
        told.contains("no_platform") && told.contains("--classic"),
        "{told}"
    );
    let mut stage = Stage::new(folder.path(), by_name());
    stage.talk.begin(stage.now);
    stage.take();
    stage.after(15);
    assert_eq!(stage.ends, ["the server does not answer any more"]);
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.told.clear();
    stage.lose();
    assert!(
        !stage.told.join("\n").contains("no_platform"),
        "{:?}",
        stage.told
    );
}

#[test]
fn which_room_one_is_in_is_told_and_what_to_do_to_be_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/room");
    assert!(stage.last_told().contains("/enter ROOM enters one"));
    stage.call("/enter 3");
    stage.answer(&entered());
    stage.call("/room");
    let told = stage.last_told();
    assert!(
        told.contains(r#""event":"ok""#) && told.contains("lounge"),
        "{told}"
    );
    stage.call("/room elsewhere");
    let told = stage.last_told();
    assert!(told.contains("not in a room called elsewhere"), "{told}");
    assert!(told.contains("/leave this one first"), "{told}");
}

#[test]
fn what_is_said_of_maintenance_is_not_said_again_by_the_login_that_it_keeps_out() {
    for (heard, told) in [
        ("new rooms", "until that is over nobody else logs in"),
        ("", "new rooms"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut stage = Stage::new(folder.path(), by_name());
        stage.begin();
        if !heard.is_empty() {
            stage.notice(&Maintenance {
                is_on: true,
                text: heard.into(),
                ..Maintenance::default()
            });
        }
        stage.answer(&Error::new(Code::Maintenance, "new rooms"));
        assert!(stage.last_told().contains(told), "{}", stage.last_told());
    }
}

#[test]
fn a_room_that_is_not_there_again_is_named_and_no_other_account_looks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/enter #44");
    stage.answer(&entered());
    stage.lose();
    stage.begin();
    stage.answer(&logged_in(3));
    stage.expect::<Enter>();
    stage.answer(&Error::new(Code::NotFound, "there is no such room"));
    let told = stage.last_told();
    assert!(
        told.contains("not in lounge again: there is no such room"),
        "{told}"
    );

    stage.call("/enter #44");
    stage.answer(&entered());
    stage.lose();
    stage.begin();
    stage.answer(&LoggedIn {
        account: 8,
        ..logged_in(4)
    });
    assert!(stage.sent.is_empty(), "those were the rooms of another");
}

#[test]
fn who_may_see_somebody_is_said_again_before_anything_else_and_for_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/enter #44");
    stage.answer(&entered());
    stage.call("/presence nobody");
    stage.answer(&PresenceSet {});
    for _ in 0..2 {
        stage.lose();
        stage.begin();
        stage.answer(&logged_in(3));
        let said = stage.expect::<SetPresence>();
        assert_eq!(said.presence(), Presence::Nobody);
        stage.answer(&PresenceSet {});
        stage.expect::<Enter>();
        stage.answer(&entered());
    }
    stage.lose();
    stage.begin();
    stage.answer(&logged_in(3));
    stage.answer(&Error::new(Code::Rate, "too fast"));
    let told = stage.last_told();
    assert!(told.contains("/presence says again by whom"), "{told}");

    stage.lose();
    stage.begin();
    stage.answer(&LoggedIn {
        account: 8,
        ..logged_in(4)
    });
    assert!(stage.sent.is_empty(), "that was said of another");
}

#[test]
fn why_a_password_is_asked_for_is_told_and_how_it_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Stage::new(folder.path(), by_name());
    first.begin();
    first.answer(&logged_in(2));
    let wish = Wish {
        user: Some("Kim Lee".to_owned()),
        can_be_asked: true,
        ..Wish::default()
    };
    let mut stage = Stage::new(folder.path(), wish);
    stage.begin();
    let told = stage.last_told();
    assert!(
        told.contains("here it is that of kim: Kim Lee logs in by password"),
        "{told}"
    );
    assert_eq!(stage.ends[0], "/login needs password");
    assert_eq!(stage.problems, [r#"/login "Kim Lee" asks for it"#]);
}

#[test]
fn what_cannot_be_said_is_told_by_its_rule_and_not_by_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    for text in ["a\u{7}", &*"a".repeat(2_001)] {
        stage.call(text);
        let told = stage.last_told();
        assert!(told.contains("a text has up to 2,000 characters"), "{told}");
    }
    assert!(stage.sent.is_empty());
}

#[test]
fn connecting_where_one_is_connected_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path(), by_name());
    stage.begin();
    stage.answer(&logged_in(2));
    stage.call("/connect");
    let told = stage.last_told();
    assert!(told.contains("connected to a:1 already"), "{told}");
}
