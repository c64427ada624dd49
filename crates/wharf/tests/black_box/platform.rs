//! Accounts over the platform protocol, on real sockets and a real store.

use crate::support::{BACKENDS, Client, PATIENCE, Server, UNHURRIED};
use std::collections::VecDeque;
use std::io::Read;
use std::time::Instant;
use wharf::proto::account::{
    ChangePassword, GetProfile, ListLogins, LogIn, LogInAsGuest, LogInByToken, LogOut, LoggedIn,
    Register, Rename, RevokeLogins, SetProfile,
};
use wharf::proto::chat::content::What;
use wharf::proto::chat::whisper::To;
use wharf::proto::chat::{Block, Content, GetHistory, Message, Said, Say, Whisper, Whispered};
use wharf::proto::room::enter::By;
use wharf::proto::room::{
    Enter, Leave, ListMembers, ListUsers, Parted, Presence, Reason, SetPresence,
};
use wharf::proto::session::{Code, Error, Goodbye, Hello, Ping};
use wharf::proto::{Request, VERSION};
use wharf::wire::classic::{
    ChatNotify, LoginRequest, NewUserNotify, ResultCode, UserListNotify, UserName, id,
};
use wharf::wire::{Extensions, Frame, HEADER_BYTES, Header, Packet};

/// A client of the platform, which asks one thing at a time.
pub(crate) struct Guest {
    pub(crate) client: Client,
    last_request: u32,
    /// What came and answered nothing.
    pub(crate) notices: VecDeque<(u16, Vec<u8>)>,
}

impl Guest {
    pub(crate) fn connect(server: &Server) -> Self {
        Self {
            client: server.connect(),
            last_request: 0,
            notices: VecDeque::new(),
        }
    }

    /// One that has said Hello.
    pub(crate) fn new(server: &Server) -> Self {
        let mut guest = Self::connect(server);
        let welcome = guest.ask(&hello()).expect("a welcome");
        assert_eq!(welcome.version, VERSION);
        guest
    }

    pub(crate) fn ask<R: Request>(&mut self, request: &R) -> Result<R::Reply, Error> {
        let number = self.send(request);
        self.answer_to::<R>(number)
    }

    pub(crate) fn send<R: Request>(&mut self, request: &R) -> u32 {
        self.send_body(R::ID, |out| request.encode(out))
    }

    fn send_body(&mut self, id: u16, write: impl FnOnce(&mut Vec<u8>)) -> u32 {
        self.last_request += 1;
        let mut bytes = Vec::new();
        Extensions::request(self.last_request).encode_frame(id, &mut bytes, write);
        self.client.send_bytes(&bytes);
        self.last_request
    }

    pub(crate) fn answer_to<R: Request>(&mut self, number: u32) -> Result<R::Reply, Error> {
        loop {
            let (id, extensions, body) = self.read();
            if !extensions.is_reply {
                self.notices.push_back((id, body));
                continue;
            }
            assert_eq!(
                extensions.request,
                Some(number),
                "an answer to something else"
            );
            if id == Error::ID {
                return Err(Error::decode(&body).unwrap());
            }
            assert_eq!(id, <R::Reply as Packet>::ID);
            return Ok(<R::Reply as Packet>::decode(&body).unwrap());
        }
    }

    fn read(&mut self) -> (u16, Extensions, Vec<u8>) {
        let mut header = [0; HEADER_BYTES];
        self.client
            .stream
            .read_exact(&mut header)
            .expect("a header");
        let Header {
            frame_bytes,
            id,
            flags,
        } = Header::from_bytes(header);
        let mut body = vec![0; usize::from(frame_bytes) - HEADER_BYTES];
        self.client.stream.read_exact(&mut body).expect("a body");
        let frame = Frame {
            id,
            flags,
            body: &body,
        };
        let (extensions, message) = Extensions::split(frame).expect("extensions");
        (id, extensions, message.to_vec())
    }

    /// Waits for one notice more.
    pub(crate) fn await_notice(&mut self) {
        let (id, extensions, body) = self.read();
        assert!(!extensions.is_reply, "an answer that nobody waits for");
        self.notices.push_back((id, body));
    }

    /// The next notice, which must be a `P`.
    pub(crate) fn notice<P: Packet>(&mut self) -> P {
        let (id, body) = self.next_notice();
        assert_eq!(id, P::ID);
        P::decode(&body).unwrap()
    }

    /// The next notice, if it is a `P`; others are passed over.
    pub(crate) fn notice_of<P: Packet>(&mut self) -> Option<P> {
        let (id, body) = self.next_notice();
        (id == P::ID).then(|| P::decode(&body).unwrap())
    }

    /// The next notice that is a `P`; those before it are passed over.
    pub(crate) fn next_of<P: Packet>(&mut self) -> P {
        loop {
            if let Some(notice) = self.notice_of() {
                return notice;
            }
        }
    }

    pub(crate) fn next_notice(&mut self) -> (u16, Vec<u8>) {
        if self.notices.is_empty() {
            self.await_notice();
        }
        self.notices.pop_front().expect("one came")
    }

    pub(crate) fn refused<R: Request>(&mut self, request: &R) -> Code
    where
        R::Reply: core::fmt::Debug,
    {
        self.ask(request).expect_err("a refusal").code()
    }
}

/// It tells until when and why, to programs and to people, behind what it says of who is banned.
pub(crate) fn assert_tells_of_ban(banned: &Error, who: &str, why: &str) {
    assert_eq!(banned.code(), Code::Banned);
    let detail = |name: &str| {
        let detail = banned.details.iter().find(|it| it.name == name);
        detail.map(|it| &*it.value)
    };
    assert_eq!(detail("reason"), Some(why));
    assert!(detail("until_ms").is_some(), "{banned:?}");
    let told = banned.text.split_once(" UTC: ");
    let (until, told_why) = told.expect("an end and a reason");
    let begins = format!("{who} until ");
    assert!(until.starts_with(&begins), "{banned:?}");
    assert_eq!(told_why, why);
}

pub(crate) fn hello() -> Hello {
    Hello {
        version: VERSION,
        client: "test".into(),
        ..Hello::default()
    }
}

pub(crate) fn register(name: &str) -> Register {
    Register {
        name: name.into(),
        password: "correct horse".into(),
        device: None,
    }
}

pub(crate) fn log_in(name: &str, password: &str) -> LogIn {
    LogIn {
        name: name.into(),
        password: password.into(),
        device: None,
    }
}

pub(crate) fn by_token(logged_in: &LoggedIn) -> LogInByToken {
    LogInByToken {
        token: logged_in.token.clone(),
        device: None,
    }
}

#[test]
fn an_account_is_made_and_found_again_by_name_and_token_after_a_restart_too() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_in(folder.path(), backend, &[]);
        let made = Guest::new(&server).ask(&register("Kim")).unwrap();
        assert!(made.is_new && made.display_name == "Kim");
        let mut again = Guest::new(&server);
        let logged_in = again.ask(&log_in("kim", "correct horse")).unwrap();
        assert_eq!(logged_in.account, made.account);
        drop((again, server));

        let server = Server::start_in(folder.path(), backend, &[]);
        let mut later = Guest::new(&server);
        let third = later.ask(&by_token(&logged_in)).unwrap();
        assert_eq!(third.account, made.account);
        assert_eq!(third.token, logged_in.token, "it is not an hour old");
        assert_eq!(Guest::new(&server).refused(&register("KIM")), Code::Taken);
    }
}

#[test]
fn a_token_is_known_when_it_is_shown_again_and_not_when_its_login_has_ended() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let made = Guest::new(&server).ask(&register("kim")).unwrap();
        // The second finds what the first has left; each is taken over by the next.
        let mut sessions = Vec::new();
        for _ in 0..3 {
            let mut guest = Guest::new(&server);
            let again = guest.ask(&by_token(&made)).unwrap();
            assert_eq!((again.account, again.login), (made.account, made.login));
            assert_eq!(again.token, made.token);
            guest.ask(&Ping::default()).unwrap();
            sessions.push(guest);
        }
        let mut last = sessions.pop().unwrap();
        for mut older in sessions {
            assert_eq!(older.notice::<Goodbye>().code(), Code::TakenOver);
            assert!(older.client.is_ended());
        }
        last.ask(&LogOut {}).unwrap();
        assert_eq!(Guest::new(&server).refused(&by_token(&made)), Code::Token);
    }
}

#[test]
fn whoever_does_not_know_the_password_is_told_the_same_as_of_nobody() {
    let server = Server::start(BACKENDS[0], &[]);
    Guest::new(&server).ask(&register("kim")).unwrap();
    let mut guest = Guest::new(&server);
    let wrong = guest.ask(&log_in("kim", "battery staple")).unwrap_err();
    let unknown = guest.ask(&log_in("nobody", "battery staple")).unwrap_err();
    assert_eq!(
        (wrong.code(), &wrong.text),
        (Code::Credentials, &unknown.text)
    );
    assert_eq!(unknown.code(), Code::Credentials);
    guest.ask(&log_in("kim", "correct horse")).unwrap();
}

#[test]
fn the_same_account_elsewhere_takes_over_and_the_older_session_is_told() {
    let server = Server::start(BACKENDS[0], &[]);
    let mut first = Guest::new(&server);
    first.ask(&register("kim")).unwrap();
    let mut second = Guest::new(&server);
    second.ask(&log_in("kim", "correct horse")).unwrap();
    let goodbye = first.notice::<Goodbye>();
    assert_eq!(goodbye.code(), Code::TakenOver);
    assert!(first.client.is_ended());
    second.ask(&Ping::default()).unwrap();
}

#[test]
fn signing_out_everywhere_ends_the_others_logins() {
    let server = Server::start(BACKENDS[0], &[]);
    let mut first = Guest::new(&server);
    let old = first.ask(&register("kim")).unwrap();
    let mut second = Guest::new(&server);
    second.ask(&log_in("kim", "correct horse")).unwrap();
    assert_eq!(second.ask(&ListLogins {}).unwrap().logins.len(), 2);
    assert_eq!(second.refused(&RevokeLogins { login: 77 }), Code::NotFound);
    second.ask(&RevokeLogins { login: 0 }).unwrap();
    assert_eq!(second.ask(&ListLogins {}).unwrap().logins.len(), 1);
    assert_eq!(Guest::new(&server).refused(&by_token(&old)), Code::Token);
    let change = ChangePassword {
        old_password: "correct horse".into(),
        new_password: "battery staple".into(),
    };
    second.ask(&change).unwrap();
    let mut third = Guest::new(&server);
    assert_eq!(
        third.refused(&log_in("kim", "correct horse")),
        Code::Credentials
    );
    third.ask(&log_in("kim", "battery staple")).unwrap();
    third.ask(&LogOut {}).unwrap();
    assert!(third.client.is_ended(), "logging out ends the session");
}

#[test]
fn a_device_logs_in_without_a_name_and_shows_a_profile() {
    let server = Server::start(BACKENDS[0], &[]);
    let device = LogInAsGuest {
        secret: vec![7; 32],
        device: None,
    };
    let mut guest = Guest::new(&server);
    let made = guest.ask(&device).unwrap();
    assert!(made.is_new);
    let set = SetProfile {
        avatar: Some(5),
        document: Some(b"level 1".to_vec()),
        ..SetProfile::default()
    };
    let profile = guest.ask(&set).unwrap();
    assert_eq!(
        (profile.avatar, &profile.document[..]),
        (5, &b"level 1"[..])
    );
    let stale = SetProfile {
        version: 999,
        ..set
    };
    assert_eq!(guest.refused(&stale), Code::Conflict);
    let rename = Rename {
        display_name: "Haneul".into(),
    };
    assert_eq!(guest.ask(&rename).unwrap().display_name, "Haneul");
    let mut other = Guest::new(&server);
    other.ask(&register("lee")).unwrap();
    let seen = other
        .ask(&GetProfile {
            account: made.account,
            ..GetProfile::default()
        })
        .unwrap();
    assert_eq!(seen.display_name, "Haneul");
    assert!(seen.document.is_empty(), "a document is its owner's");
}

#[test]
fn every_mistake_gets_an_error_and_the_session_goes_on() {
    let server = Server::start(BACKENDS[0], &[]);
    let mut guest = Guest::connect(&server);
    assert_eq!(
        guest.refused(&register("kim")),
        Code::WrongState,
        "before Hello"
    );
    let too_new = Hello {
        version: VERSION + 1,
        version_min: VERSION + 1,
        ..hello()
    };
    assert_eq!(guest.refused(&too_new), Code::Version);
    guest.ask(&hello()).unwrap();
    assert_eq!(guest.refused(&hello()), Code::WrongState, "once");
    assert_eq!(
        guest.refused(&ListLogins {}),
        Code::WrongState,
        "nobody yet"
    );
    let error = guest.ask(&register("k")).unwrap_err();
    assert_eq!((error.code(), &*error.field), (Code::Invalid, "name"));
    let number = guest.send_body(Register::ID, |out| out.extend_from_slice(&[0xff; 9]));
    let error = guest.answer_to::<Register>(number).unwrap_err();
    assert_eq!(error.code(), Code::Invalid);
    guest.ask(&register("kim")).unwrap();
    assert_eq!(guest.refused(&register("lee")), Code::WrongState);
}

#[test]
fn classic_and_platform_clients_are_in_one_room_and_each_hears_its_own_packets() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let mut classic = server.connect();
        assert_eq!(classic.log_in("kim"), ResultCode::None);
        assert_eq!(classic.enter(3), ResultCode::None);
        classic.read::<UserListNotify>();

        let mut guest = Guest::new(&server);
        let name = "하늘에서 내리는 눈과 비 그리고 바람";
        let me = guest.ask(&register(name)).unwrap().account;
        let entered = guest.ask(&by_number(3)).unwrap();
        let seen: Vec<_> = entered
            .members
            .iter()
            .map(|it| (&*it.display_name, it.is_classic))
            .collect();
        assert_eq!(seen, [(name, false), ("kim", true)]);
        let new = classic.read::<NewUserNotify>().user;
        assert_eq!(new.unique_id, me);
        assert!(name.starts_with(new.name.as_str()), "cut at a character");
        assert!(!new.name.as_str().is_empty());

        classic.say("hello");
        classic.read_result(id::CHAT_RESPONSE);
        classic.read::<ChatNotify>();
        let said = guest.notice::<Said>().message.unwrap();
        assert_eq!((&*said.author_name, text_of(&said)), ("kim", "hello"));

        let long = "가나다".repeat(200);
        guest.ask(&say(&long)).unwrap();
        let chat = classic.read::<ChatNotify>();
        assert!(long.starts_with(chat.message.as_str()) && !chat.message.as_str().is_empty());
        assert_eq!(text_of(&guest.notice::<Said>().message.unwrap()), long);

        drop(classic);
        let parted = guest.notice::<Parted>();
        assert_eq!(parted.reason(), Reason::Gone);
        let members = guest.ask(&ListMembers::default()).unwrap().members;
        assert_eq!(members.len(), 1);
        guest.ask(&Leave {}).unwrap();
        assert_eq!(guest.refused(&say("alone")), Code::WrongState);
        assert_eq!(guest.refused(&by_number(1_000_000)), Code::NotFound);
    }
}

pub(crate) fn by_number(number: u32) -> Enter {
    Enter {
        by: Some(By::Number(number)),
        ..Enter::default()
    }
}

pub(crate) fn say(text: &str) -> Say {
    let what = Some(What::Text(text.into()));
    Say {
        content: Some(Content { what }),
        client_id: 0,
    }
}

pub(crate) fn text_of(message: &Message) -> &str {
    match message
        .content
        .as_ref()
        .and_then(|content| content.what.as_ref())
    {
        Some(What::Text(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

#[test]
fn requests_behind_a_login_wait_for_it() {
    let server = Server::start(BACKENDS[0], &[]);
    let mut guest = Guest::connect(&server);
    let first = guest.send(&hello());
    let login = guest.send(&register("kim"));
    let list = guest.send(&ListLogins {});
    guest.answer_to::<Hello>(first).unwrap();
    guest.answer_to::<Register>(login).unwrap();
    assert_eq!(guest.answer_to::<ListLogins>(list).unwrap().logins.len(), 1);
}

/// Logs a classic client in; what it is told.
pub(crate) fn classic_login(server: &Server, name: &str, password: &str) -> (Client, ResultCode) {
    let mut client = server.connect();
    client.send(&LoginRequest {
        user: UserName::truncated(name),
        password: UserName::truncated(password),
    });
    let result = client.read_result(id::LOGIN_RESPONSE);
    (client, result)
}

#[test]
fn classic_clients_log_in_by_accounts_where_that_is_wanted() {
    let known = Server::start(BACKENDS[0], &["accounts.classic=known"]);
    let told = |name: &str, password: &str| classic_login(&known, name, password).1;
    assert_eq!(told("kim", "correct horse"), ResultCode::LoginUserInvalid);
    let mut guest = Guest::new(&known);
    guest.ask(&register("kim")).unwrap();
    assert_eq!(told("kim", "wrong"), ResultCode::LoginUserInvalid);
    assert_eq!(told("kim", "correct horse"), ResultCode::LoginUserAlready);
    guest.ask(&LogOut {}).unwrap();
    assert!(guest.client.is_ended());
    let (mut classic, result) = classic_login(&known, "kim", "correct horse");
    assert_eq!(result, ResultCode::None);
    assert_eq!(classic.enter(0), ResultCode::None);

    let register = Server::start(BACKENDS[0], &["accounts.classic=register"]);
    let (first, result) = classic_login(&register, "lee", "long enough");
    assert_eq!(result, ResultCode::None);
    drop(first);
    let (_, result) = classic_login(&register, "lee", "another one");
    assert_eq!(result, ResultCode::LoginUserInvalid);
}

pub(crate) fn whisper(to: &str, text: &str, client_id: u64) -> Whisper {
    let what = Some(What::Text(text.into()));
    Whisper {
        to: Some(To::Name(to.into())),
        content: Some(Content { what }),
        client_id,
    }
}

#[test]
fn a_whisper_is_told_once_now_or_at_the_next_login() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let (mut kim, mut lee) = (Guest::new(&server), Guest::new(&server));
    let kims = kim.ask(&register("kim")).unwrap().account;
    let lees = lee.ask(&register("lee")).unwrap().account;
    assert_eq!(kim.refused(&whisper("nobody", "hello?", 0)), Code::NotFound);

    let said = kim.ask(&whisper("LEE", "psst", 1)).unwrap();
    assert!(said.stored && !said.is_duplicate);
    let whispered = lee.notice::<Whispered>();
    assert!(!whispered.was_kept, "it was told at once");
    let heard = whispered.message.unwrap();
    assert_eq!((heard.author, text_of(&heard)), (kims, "psst"));
    let again = kim.ask(&whisper("lee", "psst", 1)).unwrap();
    assert!(again.is_duplicate && again.seq == said.seq);

    drop(lee);
    let deadline = Instant::now() + PATIENCE;
    while kim.ask(&ListUsers::default()).unwrap().users.len() > 1 {
        assert!(Instant::now() < deadline, "lee is still here");
    }
    kim.ask(&whisper("lee", "are you there?", 2)).unwrap();
    let mut lee = Guest::new(&server);
    lee.ask(&log_in("lee", "correct horse")).unwrap();
    let whispered = lee.notice::<Whispered>();
    assert!(whispered.was_kept, "it has waited");
    let kept = whispered.message.unwrap();
    assert_eq!(text_of(&kept), "are you there?");
    let history = kim
        .ask(&GetHistory {
            with: lees,
            ..GetHistory::default()
        })
        .unwrap();
    let texts: Vec<_> = history.messages.iter().map(text_of).collect();
    assert_eq!(texts, ["are you there?", "psst"]);

    let block = Block {
        account: kims,
        is_blocked: true,
    };
    assert_eq!(lee.ask(&block).unwrap().accounts, [kims]);
    assert_eq!(kim.refused(&whisper("lee", "still there?", 3)), Code::Muted);
    lee.ask(&Ping::default()).unwrap();
    assert!(lee.notices.is_empty(), "nothing was told twice");
}

fn names(guest: &mut Guest) -> Vec<String> {
    let users = guest.ask(&ListUsers::default()).unwrap().users;
    users.into_iter().map(|user| user.display_name).collect()
}

#[test]
fn whoever_has_blocked_somebody_is_not_seen_by_them_nor_sees_them() {
    let server = Server::start(BACKENDS[0], &[]);
    let (mut kim, mut lee) = (Guest::new(&server), Guest::new(&server));
    let mut park = Guest::new(&server);
    kim.ask(&register("kim")).unwrap();
    let lees = lee.ask(&register("lee")).unwrap().account;
    park.ask(&register("park")).unwrap();
    for is_blocked in [true, false] {
        let account = lees;
        kim.ask(&Block {
            account,
            is_blocked,
        })
        .unwrap();
        let seen = match is_blocked {
            true => [vec!["kim", "park"], vec!["lee", "park"]],
            false => [vec!["kim", "lee", "park"], vec!["kim", "lee", "park"]],
        };
        assert_eq!([names(&mut kim), names(&mut lee)], seen);
        assert_eq!(names(&mut park), ["kim", "lee", "park"]);
    }
}

#[test]
fn whoever_is_in_a_numbered_room_is_listed_with_it() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let (mut kim, mut lee) = (Guest::new(&server), Guest::new(&server));
    kim.ask(&register("kim")).unwrap();
    lee.ask(&register("lee")).unwrap();
    let entered = kim.ask(&by_number(3)).unwrap();
    let room = entered.info.unwrap().room;
    let mut wait_for = |wanted: i64| {
        let deadline = Instant::now() + PATIENCE;
        while lee.ask(&ListUsers::default()).unwrap().users[0].room != wanted {
            assert!(Instant::now() < deadline, "kim is never there");
        }
    };
    wait_for(room);
    kim.ask(&Leave {}).unwrap();
    wait_for(0);
}

/// What somebody is told of whoever is called so, by every request that takes a name.
fn told_of(guest: &mut Guest, name: &str) -> (i64, String, bool) {
    let by_name = GetProfile {
        name: name.into(),
        ..GetProfile::default()
    };
    let profile = guest.ask(&by_name).unwrap();
    let said = guest.ask(&whisper(name, "psst", 0)).unwrap();
    (profile.account, profile.display_name, said.stored)
}

/// A guest logs in by no name, so only what they are called leads to them.
#[test]
fn whoever_hides_is_found_by_their_name_as_if_they_were_not_here() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let (mut kim, mut guest) = (Guest::new(&server), Guest::new(&server));
    kim.ask(&register("kim")).unwrap();
    let device = LogInAsGuest {
        secret: vec![7; 32],
        device: None,
    };
    let account = guest.ask(&device).unwrap().account;
    let rename = Rename {
        display_name: "Haneul".into(),
    };
    guest.ask(&rename).unwrap();
    let expected = (account, "Haneul".to_owned(), true);
    assert_eq!(told_of(&mut kim, "haneul"), expected, "whoever shows it");
    let hide = SetPresence {
        presence: Presence::Nobody.into(),
    };
    guest.ask(&hide).unwrap();
    assert_eq!(told_of(&mut kim, "haneul"), expected, "whoever hides");
    for _ in 0..2 {
        guest.next_of::<Whispered>();
    }
    guest.ask(&LogOut {}).unwrap();
    assert_eq!(told_of(&mut kim, "haneul"), expected, "whoever has gone");
    // The name is nobody else's meanwhile.
    let mut other = Guest::new(&server);
    assert_eq!(other.refused(&register("HANEUL")), Code::Taken);
}

#[test]
fn whoever_is_here_is_listed_unless_they_hide() {
    let server = Server::start(BACKENDS[0], &[]);
    let (mut kim, mut lee) = (Guest::new(&server), Guest::new(&server));
    kim.ask(&register("kim")).unwrap();
    lee.ask(&register("lee")).unwrap();
    assert_eq!(names(&mut kim), ["kim", "lee"]);
    let hide = SetPresence {
        presence: Presence::Nobody.into(),
    };
    lee.ask(&hide).unwrap();
    assert_eq!(names(&mut kim), ["kim"]);
    let forged = ListUsers {
        page: "made-up".into(),
        ..ListUsers::default()
    };
    assert_eq!(kim.refused(&forged), Code::Invalid);
}
