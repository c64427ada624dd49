//! Every request in every state, right or wrong: one table, which stands in `docs/PROTOCOL.md`.
//!
//! `UPDATE_EXPECT=1 cargo test -p wharf --test black_box every_request` writes it there.

use crate::asker::{Asker, Outcome, body_of, device, enter, hello, requests};
use crate::platform::whisper;
use crate::samples::sample;
use crate::support::{BACKENDS, Server, UNHURRIED};
use expect_test::expect;
use std::fmt::Write as _;
use std::path::Path;
use wharf::proto::account::{LogOut, Register};
use wharf::proto::chat::{Say, Whisper};
use wharf::proto::session::{Code, Error, Hello};
use wharf::proto::{PacketInfo, Role, State, packet_info};
use wharf::wire::Packet;
use wharf::wire::classic::{ChatRequest, ChatText, EnterRequest, LoginRequest, UserName, id};

const DOCUMENT: &str = include_str!("../../../../docs/PROTOCOL.md");
const BEGIN: &str = "<!-- written by the test every_request_in_every_state -->\n\n";
const END: &str = "\n<!-- end of what the test wrote -->";

/// What a session has done before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was said.
    Silent,
    /// Hello.
    Greeted,
    /// Logged in by a device's secret.
    Guest,
    /// Logged in by name and password.
    User,
    /// In a room.
    Member,
    /// Has asked to enter a room, and has no answer yet.
    Moving,
    /// Has asked to log out, and has no answer yet.
    LoggingOut,
    /// Logged in by the classic packets.
    Classic,
}

const STAGES: [(Stage, &str); 8] = [
    (Stage::Silent, "nothing said"),
    (Stage::Greeted, "Hello said"),
    (Stage::Guest, "guest"),
    (Stage::User, "user"),
    (Stage::Member, "in a room"),
    (Stage::Moving, "entering"),
    (Stage::LoggingOut, "logging out"),
    (Stage::Classic, "classic"),
];

pub(crate) const PASSWORD: &str = "correct horse";

/// A server, and how many accounts were made there.
struct Rig {
    server: Server,
    accounts: u32,
}

impl Rig {
    fn new() -> Self {
        let server = Server::start(BACKENDS[0], &[&["shards=2"], UNHURRIED].concat());
        let mut kim = Asker::greeted(&server);
        kim.done(&register("kim"));
        Self {
            server,
            accounts: 0,
        }
    }

    /// What comes of `body` in a session that has done what `stage` says; rooms are `room`.
    fn outcome(&mut self, stage: Stage, room: u32, (id, body): (u16, &[u8])) -> Outcome {
        self.accounts += 1;
        let (server, number) = (&self.server, self.accounts);
        let mut asker = match stage {
            Stage::Silent => Asker::connect(server),
            Stage::Greeted => Asker::greeted(server),
            Stage::Guest | Stage::Moving | Stage::LoggingOut => Asker::guest(server, number),
            Stage::User => {
                let mut asker = Asker::greeted(server);
                asker.done(&register(&format!("user{number}")));
                asker
            }
            Stage::Member => Asker::member(server, number, room),
            Stage::Classic => {
                let mut asker = Asker::connect(server);
                asker.client.log_in(&format!("classic{number}"));
                asker
            }
        };
        let sent = match stage {
            Stage::Moving => asker.send_all(&[
                (wharf::proto::room::Enter::ID, &body_of(&enter(room))),
                (id, body),
            ]),
            Stage::LoggingOut => asker.send_all(&[(LogOut::ID, &[]), (id, body)]),
            _ => asker.send(id, body),
        };
        asker.outcome(sent)
    }

    /// As [`Self::outcome`], in words; it must be the same on whatever shard the room lives.
    fn cell(&mut self, stage: Stage, request: &PacketInfo) -> String {
        self.accounts += 1;
        let body = sample(request.id, self.accounts);
        let told = self.outcome(stage, 0, (request.id, &body));
        if stage == Stage::Moving {
            self.accounts += 1;
            let body = sample(request.id, self.accounts);
            let elsewhere = in_words(&self.outcome(stage, 1, (request.id, &body)));
            assert_eq!(in_words(&told), elsewhere, "{}", request.name);
        }
        in_words(&told)
    }
}

pub(crate) fn register(name: &str) -> Register {
    Register {
        name: name.into(),
        password: PASSWORD.into(),
        device: None,
    }
}

/// A reply by its name, an error by its code and field, the session's end by that word.
fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Reply(id, _) => short(packet_info(*id).expect("a packet").name).to_owned(),
        Outcome::Error(error) => of_error(error),
        Outcome::Ended => "ends".to_owned(),
    }
}

fn of_error(error: &Error) -> String {
    assert!(!error.text.is_empty(), "an error says why");
    let code = error.code().as_str_name().trim_start_matches("CODE_");
    let code = code.to_lowercase().replace('_', " ");
    match error.field.as_str() {
        "" => format!("*{code}*"),
        field => format!("*{code}: {field}*"),
    }
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Whether the schema lets a request be made at that stage.
fn may_come(state: State, stage: Stage) -> bool {
    let is_member = matches!(stage, Stage::Member | Stage::Moving);
    let is_user = is_member || matches!(stage, Stage::Guest | Stage::User);
    match state {
        State::First => stage == Stage::Silent,
        State::Any => is_user || stage == Stage::Greeted,
        State::Guest => stage == Stage::Greeted,
        State::User => is_user,
        State::Member => is_member,
    }
}

/// What the schema says of a cell, whatever else it is.
fn assert_right(request: &PacketInfo, stage: Stage, cell: &str) {
    let Role::Request { state, reply, .. } = request.role else {
        panic!("{} is no request", request.name);
    };
    let is_right = match stage {
        // Nothing that comes behind a LogOut is served: nobody knows whether it was meant.
        Stage::LoggingOut => cell == "ends",
        _ if !may_come(state, stage) => cell == "*wrong state*",
        // Entering comes once; the table of states has no word for that.
        Stage::Member | Stage::Moving if request.id == wharf::proto::room::Enter::ID => {
            cell == "*wrong state*"
        }
        _ => {
            let name = packet_info(reply).expect("a packet").name;
            let is_refusal = cell.starts_with('*');
            let is_strange = ["*internal*", "*unspecified*"].contains(&cell);
            cell == short(name) || is_refusal && !is_strange
        }
    };
    assert!(is_right, "{}: {cell}", request.name);
}

#[test]
fn every_request_in_every_state() {
    let mut rig = Rig::new();
    let names = STAGES.map(|(_, name)| name).join(" | ");
    let mut table = format!(
        "| request | {names} |\n|---|{}\n",
        "---|".repeat(STAGES.len())
    );
    for request in requests() {
        let cells = STAGES.map(|(stage, _)| rig.cell(stage, request));
        let is_served = cells.iter().any(|cell| cell != "ends");
        for ((stage, _), cell) in STAGES.iter().zip(&cells) {
            // What this server does not serve ends the session, as any id does that is unknown.
            if is_served {
                assert_right(request, *stage, cell);
            }
        }
        writeln!(table, "| {} | {} |", request.name, cells.join(" | ")).unwrap();
    }
    let (before, rest) = DOCUMENT.split_once(BEGIN).expect("a place in the document");
    let (written, after) = rest.split_once(END).expect("an end of it");
    if written == table {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PROTOCOL.md");
        let document = [before, BEGIN, &table, END, after].concat();
        std::fs::write(path, document).unwrap();
        return;
    }
    for (old, new) in written
        .lines()
        .zip(table.lines())
        .filter(|(old, new)| old != new)
    {
        eprintln!("- {old}\n+ {new}");
    }
    panic!("the table in docs/PROTOCOL.md is another");
}

#[test]
fn what_follows_a_login_is_answered_as_if_the_login_were_over() {
    let mut rig = Rig::new();
    for request in requests().filter(|request| request.id != LogOut::ID) {
        let later = rig.cell(Stage::Guest, request);
        rig.accounts += 1;
        let mut asker = Asker::greeted(&rig.server);
        let login = device(rig.accounts);
        rig.accounts += 1;
        let body = sample(request.id, rig.accounts);
        let sent = asker.send_all(&[
            (wharf::proto::account::LogInAsGuest::ID, &body_of(&login)),
            (request.id, &body),
        ]);
        assert_eq!(in_words(&asker.outcome(sent)), later, "{}", request.name);
    }
}

#[test]
fn fields_of_a_newer_client_change_nothing() {
    let mut rig = Rig::new();
    // Field 900, one of each kind: a number, eight bytes, a text, a group, four bytes.
    let newer = [
        &[0xa0, 0x38, 1][..],
        &[0xa1, 0x38, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0xa2, 0x38, 2, b'h', b'i'],
        &[0xa3, 0x38, 0xa4, 0x38],
        &[0xa5, 0x38, 1, 2, 3, 4],
    ]
    .concat();
    for request in requests() {
        for stage in [Stage::Greeted, Stage::Guest, Stage::Member] {
            let expected = rig.cell(stage, request);
            rig.accounts += 1;
            let body = [sample(request.id, rig.accounts), newer.clone()].concat();
            let told = rig.outcome(stage, 0, (request.id, &body));
            assert_eq!(in_words(&told), expected, "{}", request.name);
        }
    }
}

/// What a classic packet brings a session of the platform: the first frame that comes, or its end.
fn classic_in(rig: &mut Rig, stage: Stage, packet: &[u8]) -> String {
    rig.accounts += 1;
    let (server, number) = (&rig.server, rig.accounts);
    let mut asker = match stage {
        Stage::Silent => Asker::connect(server),
        Stage::Greeted => Asker::greeted(server),
        Stage::Guest => Asker::guest(server, number),
        _ => Asker::member(server, number, number % 8),
    };
    asker.client.send_rudely(packet);
    match asker.read() {
        None => "ends".to_owned(),
        Some((id::ECHO, _, body)) => format!("echo of {} bytes", body.len()),
        Some((id, _, body)) if body.len() == 2 => {
            format!("{id} with {}", u16::from_le_bytes([body[0], body[1]]))
        }
        Some((id, extensions, _)) => format!("{id} {:?}", extensions.request),
    }
}

#[test]
fn classic_packets_in_a_session_of_the_platform() {
    let mut rig = Rig::new();
    let login = LoginRequest {
        user: UserName::truncated("lee"),
        password: UserName::EMPTY,
    };
    let line = ChatRequest {
        message: ChatText::truncated("hi"),
    };
    let packets = [
        ("echo", vec![7, 0, 1, 0, 0, b'o', b'k']),
        ("log in", login.to_frame()),
        ("enter", EnterRequest { room: 3 }.to_frame()),
        ("leave", wharf::wire::classic::LeaveRequest.to_frame()),
        ("say", line.to_frame()),
    ];
    let mut told = String::new();
    for (name, packet) in &packets {
        let stages = [Stage::Silent, Stage::Greeted, Stage::Guest, Stage::Member];
        let cells = stages.map(|stage| classic_in(&mut rig, stage, packet));
        writeln!(told, "{name}: {}", cells.join(", ")).unwrap();
    }
    expect![[r#"
        echo: echo of 2 bytes, echo of 2 bytes, echo of 2 bytes, echo of 2 bytes
        log in: 202 with 0, ends, ends, ends
        enter: 207 with 52, ends, ends, ends
        leave: 216 with 61, ends, ends, ends
        say: 222 with 81, ends, ends, ends
    "#]]
    .assert_eq(&told);
}

/// A code is for programs: one that is sent is one that the schema knows.
#[test]
fn wrong_states_are_told_by_what_comes_first() {
    let mut rig = Rig::new();
    let mut told = |stage, id, body: &[u8]| match rig.outcome(stage, 0, (id, body)) {
        Outcome::Error(error) => {
            assert_eq!(error.code(), Code::WrongState);
            error.text
        }
        other => panic!("{other:?}"),
    };
    let ping = wharf::proto::session::Ping::ID;
    assert_eq!(told(Stage::Silent, ping, &[]), "Hello comes first");
    let say = sample(Say::ID, 1);
    assert_eq!(
        told(Stage::Greeted, Say::ID, &say),
        "logging in comes first"
    );
    assert_eq!(
        told(Stage::Guest, Say::ID, &say),
        "entering a room comes first"
    );
    let again = sample(wharf::proto::account::LogInAsGuest::ID, 2);
    let login = wharf::proto::account::LogInAsGuest::ID;
    assert_eq!(
        told(Stage::Guest, login, &again),
        "somebody is logged in already"
    );
    assert_eq!(
        told(Stage::Greeted, Hello::ID, &body_of(&hello())),
        "Hello comes once, before anything else"
    );
}

/// A whisper by name takes the store twice, and a log-out once: so that is done before.
#[test]
fn whatever_was_asked_before_a_log_out_has_exactly_one_answer() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut kim = Asker::greeted(&server);
    kim.done(&register("kim"));
    let farewell = body_of(&whisper("kim", "bye", 0));
    for number in 0..8 {
        let mut asker = Asker::guest(&server, number);
        let said = (Whisper::ID, &farewell[..]);
        let last = asker.send_all(&[said, said, (LogOut::ID, &[])]);
        let outcomes = asker.outcomes(last - 2);
        assert_eq!(outcomes.len(), 3, "{outcomes:?}");
        for (number, outcome) in outcomes {
            let told = in_words(&outcome);
            match number == last {
                true => assert_eq!(told, "Done"),
                false => assert!(["SaidSo", "*unavailable*"].contains(&&*told), "{told}"),
            }
        }
    }
}
