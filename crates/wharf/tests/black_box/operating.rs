//! What operators and moderators do to the real program: `wharf admin`, and moderators' packets.

use crate::operators::{ANYWHERE, admin_address, get};
use crate::platform::{
    Guest, assert_tells_of_ban, by_number, by_token, hello, log_in, register, say, text_of, whisper,
};
use crate::support::{BACKENDS, PATIENCE, Server, UNHURRIED, output_for, wharf};
use serde_json::Value;
use std::time::Instant;
use tempfile::NamedTempFile;
use wharf::proto::account::{Erase, Export, LogInAsGuest, LoggedIn};
use wharf::proto::chat::{
    Announce, Announcement, DecideReport, Decision, ListReports, Report, Said, Scope, TakeReport,
    Whispered,
};
use wharf::proto::session::{Code, Goodbye, Maintenance, Muted, Ping};
use wharf::wire::classic::{ChatNotify, NewUserNotify, ResultCode, UserListNotify};

/// Somebody who runs a server, at a command line.
pub(crate) struct Operator {
    admin: String,
    token: Option<NamedTempFile>,
}

impl Operator {
    pub(crate) fn of(server: &Server) -> Self {
        let admin = admin_address(server).to_owned();
        Self { admin, token: None }
    }

    fn with_token(server: &Server, token: &str) -> Self {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{token}\n")).unwrap();
        Self {
            token: Some(file),
            ..Self::of(server)
        }
    }

    /// Exit code, output and errors of `wharf admin`.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run_with(arguments, "")
    }

    /// The same, with that as its input.
    fn run_with(&self, arguments: &[&str], input: &str) -> (i32, String, String) {
        let mut command = wharf();
        command.args(["admin", "--admin", &self.admin]);
        if let Some(file) = &self.token {
            command.arg("--token-file").arg(file.path());
        }
        let output = output_for(command.args(arguments), input);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").replace('\r', "");
        let code = output.status.code().expect("an exit code");
        (code, text(output.stdout), text(output.stderr))
    }

    /// What comes of an act that is done; one that comes too soon behind another is done again.
    pub(crate) fn does(&self, arguments: &[&str]) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (code, said, error) = self.run(&[&["--json"], arguments].concat());
            if code == 1 && error.contains("again in") {
                assert!(Instant::now() < deadline, "{arguments:?}: {error}");
                continue;
            }
            assert_eq!(code, 0, "{arguments:?}: {error}");
            return serde_json::from_str(&said).expect("JSON");
        }
    }

    /// What is said against an act that is refused.
    pub(crate) fn is_refused(&self, arguments: &[&str]) -> String {
        let (code, said, error) = self.run(arguments);
        assert_eq!(code, 1, "{arguments:?}: {said}{error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        error
    }

    /// The audit log from its beginning on, each entry as a line: who, what, to whom, why.
    pub(crate) fn audit(&self, arguments: &[&str]) -> Vec<String> {
        let audit = self.does(&[&["audit", "--last", "100"], arguments].concat());
        let entries = audit["entries"].as_array().expect("entries").iter().rev();
        let line = |entry: &Value| {
            let word = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            let target = entry["target"].as_object().expect("a target");
            let target: Vec<&str> = target.values().filter_map(Value::as_str).collect();
            let by = format!("{}{}", word("actor"), word("by"));
            let (action, reason) = (word("action"), word("reason"));
            format!("{by} {action} {} {reason}", target.join(" "))
        };
        entries.map(line).collect()
    }
}

/// A client with a new account of that name; and the account's id, as it is typed.
pub(crate) fn newcomer(server: &Server, name: &str) -> (Guest, LoggedIn, String) {
    let mut guest = Guest::new(server);
    let logged_in = guest.ask(&register(name)).unwrap();
    let id = logged_in.account.to_string();
    (guest, logged_in, id)
}

pub(crate) fn id_of(value: &Value) -> String {
    value.as_str().expect("ids are texts").to_owned()
}

#[test]
fn bans_kicks_mutes_and_notices_reach_players_and_the_audit_log() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[ANYWHERE]);
        let operator = Operator::of(&server);
        let (mut kim, kims_login, kims) = newcomer(&server, "kim");
        let (mut lee, _, lees) = newcomer(&server, "lee");
        lee.ask(&by_number(7)).unwrap();

        let all = operator.does(&["notice", "--all", "back at noon"]);
        assert_eq!(all["sessions"], 2);
        for guest in [&mut kim, &mut lee] {
            let heard = guest.notice::<Announcement>();
            assert_eq!((&*heard.text, heard.scope()), ("back at noon", Scope::All));
        }
        let room = operator.does(&["notice", "--room", "7", "closing"]);
        assert_eq!(room["sessions"], 1);
        let heard = lee.notice::<Announcement>();
        assert_eq!((&*heard.text, heard.scope()), ("closing", Scope::Room));

        operator.does(&["kick", &lees, "--reason", "language"]);
        let goodbye = lee.notice::<Goodbye>();
        assert_eq!((goodbye.code(), &*goodbye.text), (Code::Kicked, "language"));
        assert!(lee.client.is_ended());
        let mut lee = Guest::new(&server);
        lee.ask(&log_in("lee", "correct horse")).unwrap();

        operator.does(&["accounts", "mute", &kims, "--for", "1h", "--reason", "spam"]);
        let told = kim.notice::<Muted>();
        assert!(told.is_muted && told.until_ms > 0 && told.text == "spam");
        kim.ask(&by_number(7)).unwrap();
        let muted = kim.ask(&say("hello")).unwrap_err();
        assert_eq!(muted.code(), Code::Muted);
        assert!(muted.details.iter().any(|it| it.name == "until_ms"));
        assert_eq!(kim.refused(&whisper("lee", "psst", 1)), Code::Muted);
        assert!(operator.does(&["accounts", "find", "kim"])["muted"].is_object());
        operator.does(&["accounts", "unmute", "KIM"]);
        assert!(!kim.notice::<Muted>().is_muted);
        kim.ask(&say("hello")).unwrap();
        kim.notice::<Said>();

        let ban = ["accounts", "ban", "kim", "--for", "1h", "--reason"];
        let too_long = "x".repeat(501);
        let refused = operator.is_refused(&[&ban[..], &[&*too_long]].concat());
        assert!(
            refused.contains("a reason has at most 500 bytes"),
            "{refused}"
        );
        // One line is made of it.
        operator.does(&[&ban[..], &["cheating\n\u{1b}[2Jtwice"]].concat());
        let why = "cheating  [2Jtwice";
        let goodbye = kim.notice::<Goodbye>();
        assert_eq!((goodbye.code(), &*goodbye.text), (Code::Banned, why));
        assert!(kim.client.is_ended());
        let mut kim = Guest::new(&server);
        let banned = kim.ask(&log_in("kim", "correct horse")).unwrap_err();
        assert_tells_of_ban(&banned, "the account is banned", why);
        assert_eq!(kim.refused(&by_token(&kims_login)), Code::Token);
        let found = operator.does(&["accounts", "find", "kim"]);
        assert_eq!(found["banned"]["reason"], why);
        operator.does(&["accounts", "unban", &kims, "--reason", "a mistake"]);
        kim.ask(&log_in("kim", "correct horse")).unwrap();

        let expected = [
            "operator server.announce  ",
            "operator server.announce  ",
            &format!("operator account.kick {lees} language"),
            &format!("operator account.mute {kims} spam"),
            &format!("operator account.unmute {kims} "),
            &format!("operator account.ban {kims} {why}"),
            &format!("operator account.unban {kims} a mistake"),
        ];
        assert_eq!(operator.audit(&[]), expected);
        assert_eq!(operator.audit(&["--account", &lees]), [expected[2]]);
    }
}

#[test]
fn classic_clients_read_notices_as_the_servers_lines_and_can_be_sent_away() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    assert_eq!(
        server.connect().log_in("*server*"),
        ResultCode::LoginUserInvalid,
        "nobody speaks as the server"
    );
    let (mut dan, mut eve) = (server.connect(), server.connect());
    assert_eq!(dan.log_in("dan"), ResultCode::None);
    assert_eq!(dan.enter(3), ResultCode::None);
    dan.read::<UserListNotify>();
    assert_eq!(eve.log_in("eve"), ResultCode::None);
    assert_eq!(eve.enter(3), ResultCode::None);
    eve.read::<UserListNotify>();
    let eves = dan.read::<NewUserNotify>().user.unique_id.to_string();

    let heard = operator.does(&["notice", "--room", "3", "closing\nat noon"]);
    assert_eq!(heard["sessions"], 2);
    operator.does(&["maintenance", "on", "new rooms"]);
    for client in [&mut dan, &mut eve] {
        for expected in ["closing at noon", "new rooms"] {
            let line = client.read::<ChatNotify>();
            let said = (line.user.as_str(), line.message.as_str());
            assert_eq!(said, ("*server*", expected));
        }
    }
    operator.does(&["kick", &eves]);
    assert!(eve.is_ended());
    dan.assert_serves();
}

#[test]
fn what_cannot_be_done_is_refused_and_leaves_no_trace_on_anybody() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let (mut kim, _, kims) = newcomer(&server, "kim");
    for (arguments, word) in [
        (&["accounts", "find", "nobody"][..], "no such"),
        (&["accounts", "ban", "77", "--reason", "x"], "no such"),
        (&["accounts", "ban", "lee", "--reason", "x"], "no such"),
        (&["rooms", "show", "nowhere"], "no such"),
        (&["notice", "--room", "nowhere", "hello"], "no such"),
        (&["notice", "--room-id", "77", "hello"], "no such"),
        (&["reports", "take", "77"], "no such"),
        (&["moderators", "add", "77"], "no such"),
        (&["kick", "77"], "no such"),
        (&["notice", "--all", " "], "says nothing"),
        (&["notice", "--all", &"a".repeat(501)], "500"),
        (&["accounts", "ban", &kims, "--reason", " "], "reason"),
    ] {
        let error = operator.is_refused(arguments);
        assert!(error.contains(word), "{arguments:?}: {error}");
    }
    for arguments in [
        &["accounts", "ban", "x"][..],
        &["accounts", "ban", "1", "--for", "1 day", "--reason", "y"],
        &["notice", "to nobody in particular"],
    ] {
        let (code, _, error) = operator.run(arguments);
        assert!(
            code == 2 && error.contains("--help"),
            "{arguments:?}: {error}"
        );
    }
    kim.ask(&Ping::default()).unwrap();
    assert!(kim.notices.is_empty(), "kim has heard of nothing");
}

#[test]
fn a_report_is_read_with_what_was_said_taken_and_decided_once() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let (mut kim, _, kims) = newcomer(&server, "kim");
    let (mut lee, lees_login, lees) = newcomer(&server, "lee");
    let insult = lee.ask(&whisper("kim", "you fool", 1)).unwrap();
    assert_eq!(
        text_of(&kim.notice::<Whispered>().message.unwrap()),
        "you fool"
    );
    let report = Report {
        account: lees_login.account,
        seq: insult.seq,
        is_whisper: true,
        text: "insults".into(),
    };
    let reported = kim.ask(&report).unwrap().report.to_string();

    let listed = operator.does(&["reports", "list"]);
    let listed = listed["reports"].as_array().expect("reports");
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (id_of(&listed[0]["report"]), id_of(&listed[0]["by"])),
        (reported.clone(), kims)
    );
    let shown = operator.does(&["reports", "show", &reported]);
    let message = &shown["messages"][0];
    assert_eq!(
        (&message["text"], &message["seq"]),
        (&"you fool".into(), &insult.seq.into())
    );
    let (_, page, _) = operator.run(&["reports", "show", &reported]);
    assert!(
        page.contains("> ") && page.contains("lee") && page.contains("you fool"),
        "{page}"
    );

    let warn = [
        "reports",
        "decide",
        &reported,
        "warn",
        "--text",
        "mind your words",
    ];
    let error = operator.is_refused(&warn);
    assert!(
        error.contains("comes first"),
        "not before it was taken: {error}"
    );
    operator.does(&["reports", "take", &reported]);
    assert!(
        operator.does(&["reports", "list"])["reports"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    operator.does(&warn);
    let warning = lee.notice::<Whispered>().message.unwrap();
    assert_eq!((warning.author, text_of(&warning)), (0, "mind your words"));
    operator.is_refused(&warn);
    let decided = operator.does(&["reports", "list", "--stage", "decided"]);
    assert_eq!(decided["reports"][0]["decision"], "warn");
    let expected = [
        format!("operator report.take {reported} "),
        format!("operator account.warn {lees} mind your words"),
        format!("operator report.decide {reported} mind your words"),
    ];
    assert_eq!(operator.audit(&[]), expected);
    lee.ask(&Ping::default()).unwrap();
    assert!(lee.notices.is_empty(), "one warning for one report");
}

#[test]
fn people_are_named_beside_their_ids_and_whoever_is_gone_is_erased() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let (mut kim, _, kims) = newcomer(&server, "kim");
    let (_lee, lees_login, lees) = newcomer(&server, "lee");
    let report = Report {
        account: lees_login.account,
        text: "shouts".into(),
        ..Report::default()
    };
    let reported = kim.ask(&report).unwrap().report.to_string();
    operator.does(&["moderators", "add", "kim"]);
    let page = |arguments: &[&str]| operator.run(arguments).1;
    assert_eq!(page(&["moderators", "list"]), format!("kim ({kims})\n"));
    operator.does(&["accounts", "erase", "lee", "--yes"]);
    operator.does(&["maintenance", "on", "new rooms", "--for", "2h"]);
    let listed = page(&["reports", "list"]);
    assert!(
        listed.contains(&format!("about erased ({lees})")),
        "{listed}"
    );
    let shown = page(&["reports", "show", &reported]);
    assert!(shown.contains(&format!("by kim ({kims})")), "{shown}");
    let audit = page(&["audit"]);
    for words in [
        format!("account erased ({lees})"),
        format!("kim ({kims}) moderates"),
        "  maintenance until 20".to_owned(),
    ] {
        assert!(audit.contains(&words), "{words} is not in: {audit}");
    }
    let names = &operator.does(&["audit"])["names"];
    assert_eq!(*names, serde_json::json!({ kims: "kim", lees: null }));
}

#[test]
fn a_guest_is_found_by_the_name_that_others_see() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let guest = LogInAsGuest {
        secret: vec![7; 32],
        ..LogInAsGuest::default()
    };
    let guest = Guest::new(&server).ask(&guest).unwrap();
    for name in [
        guest.display_name.clone(),
        guest.display_name.to_uppercase(),
    ] {
        let found = operator.does(&["accounts", "find", &name]);
        assert_eq!(found["account"], guest.account.to_string(), "{name}");
        assert_eq!(found["display_name"], guest.display_name);
        assert_eq!(found["has_password"], false);
    }
}

#[test]
fn erasing_asks_for_the_number_and_takes_it_from_a_pipe_too() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let (_kim, _, kims) = newcomer(&server, "kim");
    let erase = ["accounts", "erase", "kim"];
    for typed in ["", "\n", "yes\n", "kim\n"] {
        let (code, said, error) = operator.run_with(&erase, typed);
        assert_eq!((code, &*said), (1, ""), "{typed:?}: {error}");
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 2, "the question, and what came of it: {error}");
        assert!(
            lines[0].starts_with(&format!("kim is account {kims}. ")),
            "{error}"
        );
        assert_eq!(lines[1], "wharf admin: nothing was erased");
        operator.does(&["accounts", "find", "kim"]);
    }
    let (code, said, error) = operator.run_with(&erase, &format!("{kims}\n"));
    assert_eq!((code, &*said), (0, "erased\n"), "{error}");
    operator.is_refused(&["accounts", "find", "kim"]);
    let audit = operator.run(&["audit"]).1;
    assert!(
        audit.contains(&format!("account erased ({kims})")),
        "{audit}"
    );
}

#[test]
fn moderators_do_by_packets_what_they_may_and_nobody_else_does() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let (mut kim, _, kims) = newcomer(&server, "kim");
    let (mut lee, lees_login, _) = newcomer(&server, "lee");
    let announce = Announce {
        scope: Scope::All.into(),
        text: "quiet, please".into(),
    };
    let list = ListReports::default();
    let report = Report {
        account: lees_login.account,
        text: "shouts".into(),
        ..Report::default()
    };
    let reported = kim.ask(&report).unwrap().report;
    let take = TakeReport { report: reported };
    assert_eq!(kim.refused(&announce), Code::Forbidden);
    assert_eq!(kim.refused(&list), Code::Forbidden);
    assert_eq!(kim.refused(&take), Code::Forbidden);

    operator.does(&["moderators", "add", &kims]);
    assert_eq!(
        operator.does(&["moderators", "list"])["moderators"][0],
        *kims
    );
    assert_eq!(kim.ask(&announce).unwrap().sessions, 2);
    for guest in [&mut kim, &mut lee] {
        assert_eq!(guest.notice::<Announcement>().text, "quiet, please");
    }
    let cases = kim.ask(&list).unwrap().cases;
    assert_eq!((cases[0].report, &*cases[0].text), (reported, "shouts"));
    let taken = kim.ask(&take).unwrap().case.unwrap();
    assert_eq!(taken.taken_by.to_string(), kims);
    let error = operator.is_refused(&["reports", "take", &reported.to_string()]);
    assert!(error.contains("changed"), "no two work on it: {error}");
    let decide = DecideReport {
        report: reported,
        decision: Decision::Mute.into(),
        seconds: 3_600,
        text: "an hour of silence".into(),
    };
    kim.ask(&decide).unwrap();
    lee.ask(&by_number(1)).unwrap();
    assert_eq!(lee.refused(&say("BUT")), Code::Muted);
    assert_eq!(kim.refused(&decide), Code::Conflict);

    operator.does(&["moderators", "remove", &kims]);
    assert_eq!(kim.refused(&list), Code::Forbidden);
    let by = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let acts: Vec<String> = operator.audit(&[]).iter().map(by).collect();
    let expected = [
        "operator server.setting",
        &format!("account{kims} server.announce"),
        &format!("account{kims} report.take"),
        &format!("account{kims} account.mute"),
        &format!("account{kims} report.decide"),
        "operator server.setting",
    ];
    assert_eq!(acts, expected);
}

#[test]
fn maintenance_keeps_people_out_over_a_restart_and_those_who_are_in_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path(), BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let (mut kim, kims_login, _) = newcomer(&server, "kim");
    let (_, _, mods) = newcomer(&server, "moderator");
    operator.does(&["moderators", "add", &mods]);
    operator.does(&["maintenance", "on", "new rooms until noon"]);
    let told = kim.notice::<Maintenance>();
    assert_eq!((told.is_on, &*told.text), (true, "new rooms until noon"));
    kim.ask(&Ping::default()).expect("whoever is in stays");
    let (status, said) = get(admin_address(&server), "/readyz", "");
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(said.contains("maintenance"), "{said}");
    drop((kim, server));

    let settings = [&[ANYWHERE], UNHURRIED].concat();
    let server = Server::start_in(folder.path(), BACKENDS[0], &settings);
    let operator = Operator::of(&server);
    let mut lee = Guest::connect(&server);
    lee.ask(&hello()).expect("Hello is answered");
    let told = lee.notice::<Maintenance>();
    assert_eq!((told.is_on, &*told.text), (true, "new rooms until noon"));
    let error = lee.ask(&register("lee")).unwrap_err();
    assert_eq!(error.code(), Code::Maintenance);
    assert!(
        error.text.contains("new rooms until noon"),
        "{}",
        error.text
    );
    assert_eq!(lee.refused(&by_token(&kims_login)), Code::Maintenance);
    assert_eq!(
        lee.refused(&log_in("kim", "correct horse")),
        Code::Maintenance
    );
    let mut classic = server.connect();
    assert_eq!(classic.log_in("classic"), ResultCode::LoginUserUsedAll);
    assert!(classic.is_ended(), "as where there is no place");
    let mut moderator = Guest::new(&server);
    moderator
        .ask(&log_in("moderator", "correct horse"))
        .unwrap();

    operator.does(&["maintenance", "off"]);
    assert!(!lee.notice::<Maintenance>().is_on);
    lee.ask(&by_token(&kims_login))
        .expect("the token was not used up");
    assert_eq!(server.connect().log_in("classic"), ResultCode::None);
    assert_eq!(
        get(admin_address(&server), "/readyz", "").1,
        "{\"ready\":true}\n"
    );
    assert!(operator.does(&["maintenance", "show"])["maintenance"].is_null());
    let acts = operator.audit(&[]);
    assert_eq!(acts.len(), 3, "{acts:?}");
    let is_setting = |act: &String| act.starts_with("operator server.setting");
    assert!(acts.iter().all(is_setting), "{acts:?}");
}

#[test]
fn maintenance_is_announced_in_the_answer_to_hello_and_begins_by_itself() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let (mut kim, ..) = newcomer(&server, "kim");
    let announce = ["maintenance", "on", "new rooms", "--for", "2h", "--from"];
    operator.does(&[&announce[..], &["1h"]].concat());
    let told = kim.notice::<Maintenance>();
    assert!(told.is_on && told.text == "new rooms");
    assert_eq!(told.ends_ms - told.begins_ms, 7_200_000);
    let mut lee = Guest::connect(&server);
    let welcome = lee.ask(&hello()).unwrap();
    assert_eq!(welcome.maintenance.as_ref(), Some(&told));
    assert!(told.begins_ms > welcome.now_ms);
    lee.ask(&register("lee"))
        .expect("people come in until then");
    assert_eq!(lee.notice::<Maintenance>(), told);
    let shown = operator.does(&["maintenance", "show"]);
    assert!(shown["maintenance"].is_null());
    assert_eq!(shown["planned"]["text"], "new rooms");

    operator.does(&[&announce[..], &["1s"]].concat());
    // On a machine that is busy it may have begun before anybody is told that it will.
    let mut begun = kim.notice::<Maintenance>();
    if begun.begins_ms > 0 {
        assert!(begun.begins_ms < told.begins_ms);
        let ends_ms = begun.ends_ms;
        begun = kim.notice::<Maintenance>();
        assert_eq!(begun.ends_ms, ends_ms);
    }
    assert_eq!(begun.begins_ms, 0);
    assert!(begun.ends_ms < told.ends_ms);
    let (status, _) = get(admin_address(&server), "/readyz", "");
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(
        Guest::new(&server).refused(&register("park")),
        Code::Maintenance
    );
    kim.ask(&Ping::default()).expect("whoever is in stays");
    operator.does(&["maintenance", "off"]);
    assert!(!kim.notice::<Maintenance>().is_on);
    Guest::new(&server).ask(&register("park")).unwrap();
}

#[test]
fn whoever_does_not_know_the_token_does_nothing() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let server = Server::start(BACKENDS[0], &[ANYWHERE, &format!("admin.token={TOKEN}")]);
    let (mut kim, _, kims) = newcomer(&server, "kim");
    let wrong = TOKEN.replace('0', "1");
    for stranger in [Operator::of(&server), Operator::with_token(&server, &wrong)] {
        for act in [
            &["accounts", "ban", &kims, "--reason", "x"][..],
            &["maintenance", "on", "x"],
            &["notice", "--all", "x"],
            &["audit"],
        ] {
            let (code, said, error) = stranger.run(act);
            assert!(code == 2 && said.is_empty(), "{act:?}: {said}{error}");
            assert!(
                error.contains("401") && error.contains("--token-file"),
                "{error}"
            );
        }
    }
    kim.ask(&Ping::default()).unwrap();
    assert!(kim.notices.is_empty(), "nothing was done");
    let operator = Operator::with_token(&server, TOKEN);
    assert!(operator.audit(&[]).is_empty());
    operator.does(&["notice", "--all", "hello"]);
    assert_eq!(kim.notice::<Announcement>().text, "hello");
}

#[test]
fn who_was_wrong_too_often_is_told_so_and_forgiven_by_operators() {
    let settings = [&[ANYWHERE], UNHURRIED].concat();
    let server = Server::start(BACKENDS[0], &settings);
    let operator = Operator::of(&server);
    let (_kim, _, kims) = newcomer(&server, "kim");
    let mut guest = Guest::new(&server);
    let deadline = Instant::now() + PATIENCE;
    let refused = loop {
        let refused = guest.ask(&log_in("kim", "wrong horse")).unwrap_err();
        if refused.code() == Code::Rate {
            break refused.text;
        }
        assert!(Instant::now() < deadline);
    };
    let told = "too many wrong logins by this name, or from this address: again in ";
    assert!(refused.starts_with(told), "{refused}");
    operator.does(&["accounts", "forgive", "kim", "--reason", "asked"]);
    operator.does(&["accounts", "forgive", "127.0.0.1"]);
    guest.ask(&log_in("kim", "correct horse")).unwrap();
    let expected = [
        format!("operator account.forgive {kims} asked"),
        "operator account.forgive  ".to_owned(),
    ];
    assert_eq!(operator.audit(&[]), expected);
}

#[test]
fn an_account_is_exported_and_erased_by_operators_and_by_its_owner() {
    let server = Server::start(BACKENDS[0], &[ANYWHERE]);
    let operator = Operator::of(&server);
    let (mut kim, _, kims) = newcomer(&server, "kim");
    let (mut lee, _, lees) = newcomer(&server, "lee");
    lee.ask(&whisper("kim", "a secret of ours", 1)).unwrap();
    kim.notice::<Whispered>();
    kim.ask(&whisper("lee", "안녕, lee", 1)).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kim.jsonl");
    let path = file.to_str().expect("a path in text");
    let records = operator.does(&["accounts", "export", &kims, path])["records"].clone();
    let exported = std::fs::read_to_string(&file).unwrap();
    let lines: Result<Vec<Value>, _> = exported.lines().map(serde_json::from_str).collect();
    let count = lines.expect("JSON on each line").len();
    assert!(records == count && count > 1, "{exported}");
    assert!(exported.contains("\"kim\""), "{exported}");
    assert!(exported.contains("\"text\":\"안녕, lee\""), "{exported}");
    assert!(exported.contains("\"looks_like\":"), "{exported}");
    assert!(
        exported.contains(",\"name\":\"kim\",\"kept_until\""),
        "{exported}"
    );
    let account = format!("{{\"kind\":\"account\",\"account\":\"{kims}\"");
    assert!(exported.starts_with(&account), "{exported}");
    for line in exported.lines() {
        assert_eq!(line.matches("\"kind\":").count(), 1, "{line}");
    }
    let (code, _, error) = operator.run(&["accounts", "export", &kims, path]);
    assert!(
        code == 2 && error.contains("kim.jsonl is there already: name another file"),
        "nothing is overwritten: {error}"
    );

    let mut own = String::new();
    let mut export = Export::default();
    loop {
        let part = kim.ask(&export).unwrap();
        own += &part.json_lines;
        export.page = part.next_page;
        if export.page.is_empty() {
            break;
        }
    }
    assert_eq!(
        own.lines().count(),
        count,
        "an owner gets the same:\n{own}{exported}"
    );

    operator.does(&[
        "accounts",
        "erase",
        &kims,
        "--yes",
        "--reason",
        "asked by mail",
    ]);
    assert_eq!(kim.notice::<Goodbye>().code(), Code::Revoked);
    assert!(kim.client.is_ended());
    operator.is_refused(&["accounts", "find", &kims]);
    let erased = format!("operator account.erase {kims} asked by mail");
    assert_eq!(operator.audit(&[]), [erased]);
    let erase = Erase {
        password: "wrong".into(),
    };
    assert_eq!(lee.refused(&erase), Code::Credentials);
    let erase = Erase {
        password: "correct horse".into(),
    };
    lee.ask(&erase).unwrap();
    operator.is_refused(&["accounts", "find", &lees]);
    for name in ["kim", "lee"] {
        let gone = Guest::new(&server).refused(&log_in(name, "correct horse"));
        assert_eq!(gone, Code::Credentials);
    }
}
