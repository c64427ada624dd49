//! `wharf chat` as scripts use it, and as it is without a terminal.

use crate::support::{
    BACKENDS, PATIENCE, Reserved, Server, UNHURRIED, output_for, start, wait_until, wharf,
};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// `wharf chat` against a server, with the user's directory in `home`.
pub(crate) fn chat(address: &str, home: &Path, arguments: &[&str]) -> Command {
    let mut command = wharf();
    command.args(["chat", "--target", address]).args(arguments);
    for variable in ["XDG_CONFIG_HOME", "APPDATA"] {
        command.env(variable, home);
    }
    command
}

/// A user with a home of their own.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn password_file(&self) -> String {
        let file = self.folder.path().join("password");
        file.to_str().unwrap().to_owned()
    }

    /// A client that speaks JSON.
    fn start(&self, address: &str, arguments: &[&str]) -> Script {
        let mut command = chat(address, self.folder.path(), arguments);
        Script::start(command.arg("--json"))
    }

    /// One that makes an account called so.
    pub(crate) fn register(&self, address: &str, name: &str) -> Script {
        let file = self.password_file();
        let arguments = ["--user", name, "--register", "--password-file", &file];
        let mut script = self.start(address, &arguments);
        assert_eq!(script.event("logged_in")["name"], name);
        script
    }

    /// Runs to its end with that input; exit code, standard output, standard error.
    pub(crate) fn run(
        &self,
        address: &str,
        arguments: &[&str],
        input: &str,
    ) -> (i32, String, String) {
        let output = output_for(&mut chat(address, self.folder.path(), arguments), input);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").replace('\r', "");
        let code = output.status.code().expect("an exit code");
        (code, text(output.stdout), text(output.stderr))
    }
}

/// A running `wharf chat --json`. Dropping it kills it.
pub(crate) struct Script {
    child: Child,
    input: Option<ChildStdin>,
    events: Receiver<Value>,
    seen: Vec<String>,
}

impl Script {
    fn start(command: &mut Command) -> Self {
        let mut child = start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, events) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line);
                let _ = tell.send(event.unwrap_or_else(|_| panic!("no JSON: {line}")));
            }
        });
        Self {
            child,
            input,
            events,
            seen: Vec::new(),
        }
    }

    fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").expect("it reads");
        input.flush().unwrap();
    }

    /// Gives a command and its answer.
    fn answer(&mut self, command: &Value) -> Value {
        self.type_line(&command.to_string());
        let name = command["cmd"].as_str().unwrap();
        self.find(|it| it["cmd"] == name && (it["event"] == "ok" || it["event"] == "error"))
    }

    pub(crate) fn ok(&mut self, command: Value) -> Value {
        let answer = self.answer(&command);
        assert_eq!(answer["event"], "ok", "{command}: {answer}");
        answer
    }

    fn refused(&mut self, command: Value) -> Value {
        let answer = self.answer(&command);
        assert_eq!(answer["event"], "error", "{command}: {answer}");
        answer["code"].clone()
    }

    /// The next event of that name.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        self.find(|it| it["event"] == name)
    }

    fn find(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                panic!("nothing such came; before it:\n{}", self.seen.join("\n"));
            };
            self.seen.push(event.to_string());
            if is_it(&event) {
                return event;
            }
        }
    }

    /// Ends the input; the exit code.
    fn finish(mut self) -> i32 {
        self.input = None;
        let status = self.child.wait().expect("our own child");
        status.code().expect("an exit code")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn address(server: &Server) -> String {
    server.address.to_string()
}

pub(crate) fn say(text: &str) -> Value {
    json!({ "cmd": "say", "text": text })
}

pub(crate) fn enter(room: u32) -> Value {
    json!({ "cmd": "enter", "room": room })
}

/// Starts a server at that address, where one may have been.
/// Starts a server there, once more perhaps: what a killed one had is given back by the kernel a
/// moment after it has gone.
pub(crate) fn start_at(address: &str, data: &Path) -> Server {
    wait_until("the address is free", || is_free(address));
    let mut command = wharf();
    command
        .args(["serve", "--listen", address, "--data"])
        .arg(data);
    Server::start_command(command)
}

/// Whether nobody listens there.
fn is_free(address: &str) -> bool {
    let address: SocketAddr = address.parse().expect("an address");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    // As a server has it: what was said there before is in nobody's way.
    #[cfg(unix)]
    socket.set_reuse_address(true).expect("an option");
    socket.bind(&address.into()).is_ok()
}

#[test]
fn two_people_talk_in_wide_letters_and_whisper() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let at = address(&server);
        let (kims, lees) = (Home::new(), Home::new());
        let mut kim = kims.register(&at, "김철수");
        let mut lee = lees.register(&at, "lee");
        let entered = kim.ok(enter(3));
        assert_eq!(entered["info"]["number"], 3);
        lee.ok(enter(3));
        assert_eq!(kim.event("joined")["name"], "lee");

        let text = "안녕하세요 👨\u{200d}👩\u{200d}👧 e\u{301} \"quoted\"\nsecond \u{9b}line";
        kim.ok(say("안녕 lee"));
        kim.ok(json!({ "cmd": "say", "text": text.replace('\u{9b}', ""), "id": [1, "a"] }));
        let wait = json!({
            "cmd": "wait", "for": "message", "from": "김철수", "text": text.replace('\u{9b}', ""),
        });
        let heard = lee.ok(wait);
        assert_eq!(heard["heard"]["room_name"], "Room 3");
        assert_eq!(kim.refused(say(text)), "invalid", "controls are not said");

        lee.ok(json!({ "cmd": "w", "name": "김철수", "text": "psst" }));
        let whisper = kim.event("whisper");
        assert_eq!(
            (&whisper["from"], &whisper["text"]),
            (&json!("lee"), &json!("psst"))
        );
        // The same, typed.
        lee.type_line("/w 김철수 psst again");
        assert_eq!(kim.event("whisper")["text"], "psst again");
        let history = json!({ "cmd": "history", "with": "lee", "count": 5 });
        assert_eq!(kim.ok(history)["messages"][0]["text"], "psst again");

        lee.ok(json!({ "cmd": "leave" }));
        let parted = kim.event("parted");
        assert_eq!(
            (&parted["name"], &parted["reason"]),
            (&json!("lee"), &json!("left"))
        );
        assert_eq!(lee.finish(), 0);
        // Who has gone is found by their name all the same.
        let profile = kim.ok(json!({ "cmd": "profile", "name": "LEE" }));
        let blocked = kim.ok(json!({ "cmd": "block", "name": "LEE" }))["blocked"][0].clone();
        assert_eq!(blocked["account"], profile["account"]);
        assert_eq!(
            kim.refused(json!({ "cmd": "block", "name": "park" })),
            "not_found"
        );
        assert_eq!(kim.finish(), 1, "one of its commands was refused");
    }
}

#[test]
fn a_wrong_password_no_login_and_no_server_are_told_apart() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let home = Home::new();
    drop(home.register(&at, "kim"));
    let file = home.password_file();
    std::fs::write(&file, "battery staple\n").unwrap();
    let by_name = ["--user", "kim", "--password-file", &file];
    let (code, said, _) = home.run(&at, &[&by_name[..], &["--json"]].concat(), "hello\n");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(r#""code":"credentials""#), "{said}");
    let (code, said, _) = home.run(&at, &by_name, "hello\n");
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("credentials: ") && said.contains("/recover"),
        "{said}"
    );
    assert!(!said.contains("battery staple"), "{said}");

    let other = Home::new();
    let (code, _, error) = other.run(&at, &["--user", "lee", "--json"], "");
    assert!(code == 2 && error.contains("--password-file"), "{error}");
    let (code, _, error) = other.run(&at, &["--register"], "");
    assert!(code == 2 && error.contains("--user"), "{error}");
    let (code, _, error) = other.run("127.0.0.1:1", &["--guest", "--json"], "");
    assert!(
        code == 2 && error.contains("cargo run --release"),
        "{error}"
    );
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
}

#[test]
fn the_next_start_needs_no_password_until_logging_out() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let home = Home::new();
    let kim = home.register(&at, "kim");
    assert_eq!(kim.finish(), 0);
    for _ in 0..2 {
        let mut again = home.start(&at, &["--user", "kim"]);
        assert_eq!(again.event("logged_in")["name"], "kim");
        assert_eq!(again.ok(json!({ "cmd": "refresh" }))["event"], "ok");
        assert_eq!(again.finish(), 0);
    }
    let mut last = home.start(&at, &[]);
    last.event("logged_in");
    last.ok(json!({ "cmd": "logout" }));
    last.event("lost");
    assert_eq!(last.refused(json!({ "cmd": "rooms" })), "not_connected");
    let login = json!({ "cmd": "login", "name": "kim", "password": PASSWORD });
    assert_eq!(last.ok(login)["name"], "kim", "a login connects again");
    last.ok(json!({ "cmd": "logout" }));
    drop(last);
    let (code, _, error) = home.run(&at, &["--user", "kim", "--json"], "");
    assert!(code == 2 && error.contains("--password-file"), "{error}");
}

#[test]
fn a_login_that_is_refused_ends_a_script() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let home = Home::new();
    assert_eq!(home.register(&at, "kim").finish(), 0);
    let (code, said, _) = home.run(&at, &[], "/login lee sesame-street\n/ping\n");
    assert!(code == 1 && !said.contains(" ms\n"), "as kim: {said}");
    assert!(said.contains("the login that was kept"), "{said}");
}

#[test]
fn a_server_that_goes_and_comes_back_finds_everybody_in_their_rooms_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut reserved = Reserved::new();
    let at = reserved.address_to_listen_at();
    let mut server = start_at(&at, folder.path());
    let (kims, lees) = (Home::new(), Home::new());
    let mut kim = kims.register(&at, "kim");
    let mut lee = lees.register(&at, "lee");
    kim.ok(enter(3));
    lee.ok(enter(3));
    let mut once = lees.start(&at, &["--once"]);
    once.event("logged_in");
    // The second to log in as lee takes the first one over, which stays away then.
    lee.event("goodbye");

    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let lost = kim.event("lost");
    assert!(lost["again_ms"].as_u64().unwrap() > 0, "{lost}");
    assert_eq!(kim.refused(say("anybody?")), "not_connected");
    once.event("lost");
    assert_eq!(once.finish(), 1, "it was to connect once");
    let _server = start_at(&at, folder.path());
    kim.event("entered");
    assert_eq!(lee.ok(json!({ "cmd": "connect" }))["event"], "ok");
    kim.ok(say("there you are"));
}

#[test]
fn whoever_is_seen_by_nobody_is_seen_by_nobody_when_the_server_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut reserved = Reserved::new();
    let at = reserved.address_to_listen_at();
    let mut server = start_at(&at, folder.path());
    let (kims, lees) = (Home::new(), Home::new());
    let mut kim = kims.register(&at, "kim");
    kim.ok(json!({ "cmd": "presence", "who": "nobody" }));
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let _server = start_at(&at, folder.path());
    kim.event("logged_in");
    let who = || json!({ "cmd": "who", "search": "ki" });
    // The answer to this comes behind the one to what goes by itself.
    kim.ok(who());
    let mut lee = lees.register(&at, "lee");
    assert_eq!(lee.ok(who())["users"], json!([]));
}

#[test]
fn what_a_script_says_too_fast_waits_and_none_of_it_is_lost() {
    let server = Server::start(BACKENDS[0], &["limits.chats_per_minute=600"]);
    let at = address(&server);
    // Of so many in a minute a sixth may come at once.
    let said = 110;
    let lines: String = (0..said).map(|it| format!("{it}\n")).collect();
    let input = format!("/enter 0\n{lines}");
    let (code, told, _) = Home::new().run(&at, &["--guest", "--json"], &input);
    assert_eq!(code, 0, "{told}");
    let done = told.matches(r#""cmd":"say","event":"ok""#).count();
    assert_eq!(done, said, "{told}");
    let (code, told, _) = Home::new().run(&at, &["--guest"], &input);
    assert!(code == 0 && !told.contains("too fast"), "{told}");
}

#[test]
fn one_goes_to_another_server_and_back_and_no_password_goes_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut reserved = Reserved::new();
    let there = reserved.address_to_listen_at();
    let here = Server::start(BACKENDS[0], &[]);
    let at = address(&here);
    let home = Home::new();
    let mut kim = home.register(&at, "kim");
    kim.ok(enter(3));
    let connect = |to: &str| json!({ "cmd": "connect", "addr": to });
    let connects = |kim: &mut Script, command: Value, target: &str| {
        kim.type_line(&command.to_string());
        assert_eq!(kim.event("connected")["target"], target);
        assert_eq!(kim.event("ok")["cmd"], "connect");
    };
    kim.type_line(&connect(&there).to_string());
    let lost = kim.event("lost");
    assert!(lost["text"].as_str().unwrap().contains(&there), "{lost}");
    assert_eq!(kim.event("error")["code"], "not_connected");

    let other = start_at(&there, folder.path());
    connects(&mut kim, json!({ "cmd": "connect" }), &there);
    // The password of the first server is not tried there.
    let hint = kim.event("hint")["text"].clone();
    assert!(
        hint.as_str().unwrap().starts_with("not logged in"),
        "{hint}"
    );
    kim.ok(json!({ "cmd": "register", "name": "kim", "password": PASSWORD }));
    connects(&mut kim, connect(&at), &at);
    assert_eq!(kim.event("logged_in")["is_new"], false, "by what is kept");
    for _ in 0..2 {
        connects(&mut kim, connect(&there), &there);
        assert_eq!(kim.event("logged_in")["name"], "kim");
    }
    drop(other);
    assert!(kim.event("lost")["again_ms"].is_u64(), "it is tried again");
}

#[test]
fn a_whisper_to_whoever_is_away_waits_and_comes_late_once() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let at = address(&server);
    let (kims, lees) = (Home::new(), Home::new());
    let mut kim = kims.register(&at, "kim");
    assert_eq!(lees.register(&at, "lee").finish(), 0);
    let whisper = |text: &str| json!({ "cmd": "w", "name": "lee", "text": text });
    // Until the server knows that lee has gone, it may be thought to be heard.
    let deadline = Instant::now() + PATIENCE;
    let mut told = 0;
    loop {
        told += 1;
        if kim.ok(whisper(&told.to_string()))["waits"] == true {
            break;
        }
        assert!(Instant::now() < deadline, "lee is still here");
    }
    let mut lee = lees.start(&at, &["--user", "lee"]);
    let wait = json!({ "cmd": "wait", "for": "whisper", "text": told.to_string() });
    let heard = lee.ok(wait)["heard"].clone();
    assert_eq!(
        (&heard["from"], &heard["was_kept"]),
        (&json!("kim"), &json!(true))
    );
    assert_eq!(kim.ok(whisper("here"))["waits"], false);
    assert_eq!(lee.event("whisper")["text"], "here");
    assert_eq!(lee.finish(), 0);
    // What comes behind a login comes in order: nothing kept stands before this.
    let mut lee = lees.start(&at, &["--user", "lee"]);
    lee.event("logged_in");
    kim.ok(whisper("once more"));
    assert_eq!(lee.event("whisper")["text"], "once more");
}

#[test]
fn what_somebody_has_said_who_is_erased_is_read_without_a_name() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let (kims, lees) = (Home::new(), Home::new());
    let (mut kim, mut lee) = (kims.register(&at, "kim"), lees.register(&at, "lee"));
    kim.ok(json!({
        "cmd": "create", "name": "den", "persistent": true, "history": "durable",
    }));
    lee.ok(json!({ "cmd": "enter", "room": "den" }));
    lee.ok(say("remember me"));
    kim.event("message");
    let history = || json!({ "cmd": "history" });
    let message = kim.ok(history())["messages"][0].clone();
    assert_eq!(
        (&message["from"], &message["is_erased"]),
        (&json!("lee"), &Value::Null)
    );
    lee.ok(json!({ "cmd": "erase", "sure": "forever", "password": PASSWORD }));
    kim.event("parted");
    let message = kim.ok(history())["messages"][0].clone();
    assert_eq!(message["text"], "remember me");
    assert_eq!(
        (&message["from"], &message["is_erased"]),
        (&Value::Null, &json!(true))
    );
}

#[test]
fn without_a_terminal_it_is_plain_text_and_its_exit_code_tells() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let home = Home::new();
    let input = "/enter 0\n안녕 everybody\n/wait message text=\"안녕 everybody\"\n\n/ping\n";
    let (code, said, error) = home.run(&at, &["--guest"], input);
    assert_eq!((code, &*error), (0, ""), "{said}");
    for line in [
        "in Room 0, as member\n",
        ": 안녕 everybody\n",
        "logged in as ",
    ] {
        assert!(said.contains(line), "{line:?} is not in:\n{said}");
    }
    assert!(!said.contains('\u{1b}'), "no colours: {said:?}");

    let (code, said, _) = home.run(&at, &["--guest"], "/entr 0\n/help enter\n/quit\n/ping\n");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("usage: there is no /entr\n  did you mean /enter?\n"),
        "{said}"
    );
    assert!(said.contains("/enter ROOM [PASSWORD]"), "{said}");
    assert!(
        !said.contains(" ms\n"),
        "nothing is done behind /quit: {said}"
    );

    let waits = "/wait message timeout=0.01\n";
    let (code, said, _) = home.run(&at, &["--guest", "--json"], waits);
    assert!(code == 1 && said.contains(r#""code":"timeout""#), "{said}");
}

#[test]
fn the_exit_code_says_whether_it_could_begin_and_whether_all_was_done() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = &*address(&server);
    let home = Home::new();
    let right = home.password_file();
    let wrong = home.path().join("wrong");
    std::fs::write(&wrong, "wrong horse").unwrap();
    let wrong = wrong.to_str().unwrap();
    let kim = ["--user", "kim", "--password-file"];
    let registered = home.run(at, &[&kim[..], &[&right, "--register"]].concat(), "");
    assert_eq!(registered.0, 0, "{}", registered.1);
    for (code, at, arguments, input) in [
        // It could not begin: nothing of the input was done.
        (2, "127.0.0.1:1", &["--guest"][..], "/ping\n"),
        (2, at, &["--no-such-option"], "/ping\n"),
        (2, at, &["--user", "lee"], "/ping\n"),
        (
            2,
            at,
            &["--user", "kim", "--password-file", "nowhere"],
            "/ping\n",
        ),
        (2, at, &[kim[0], kim[1], kim[2], wrong], "/ping\n"),
        (2, at, &["--classic", "--user", "*server*"], "/enter 0\n"),
        // It began, and something was not done.
        (1, at, &[], "/enter 0\n"),
        (1, at, &[], "/login kim wrong-horse\n"),
        (1, at, &["--guest"], "/entr 0\n"),
        (1, at, &["--guest"], "/enter 0\n/enter 99999\n/ping\n"),
        (0, at, &[], "/ping\n"),
        (0, at, &["--guest"], "/enter 0\nhello\n"),
    ] {
        for how in [&[][..], &["--json"]] {
            // Of each its own: a login that is kept would be gone on with.
            let (ended, said, error) = Home::new().run(at, &[arguments, how].concat(), input);
            assert_eq!(
                ended, code,
                "{arguments:?} {how:?} {input:?}: {said}{error}"
            );
            let has_done = said.contains("\"cmd\":\"ping\"") || said.contains(" ms\n");
            assert!(code != 2 || !has_done, "{said}");
        }
    }
}

#[test]
fn a_guest_gets_a_name_and_a_password_and_looks_after_the_account() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let home = Home::new();
    let mut guest = home.start(&at, &["--guest"]);
    let account = guest.event("logged_in")["account"].clone();
    guest.ok(json!({ "cmd": "link", "by": "name", "name": "kim", "secret": PASSWORD }));
    guest.ok(json!({ "cmd": "name", "name": "하늘" }));
    let set = json!({ "cmd": "set", "avatar": 5, "language": "ko", "document": "level 1" });
    let profile = guest.ok(set);
    assert_eq!(
        (&profile["name"], &profile["document"]),
        (&json!("하늘"), &json!("level 1"))
    );
    let known = guest.ok(json!({ "cmd": "identities" }));
    let kinds: Vec<_> = known["identities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert!(
        kinds.contains(&&json!("name")) && kinds.contains(&&json!("device")),
        "{known}"
    );
    let codes = guest.ok(json!({ "cmd": "recovery", "password": PASSWORD }));
    let code = codes["codes"][0].clone();
    let logins = guest.ok(json!({ "cmd": "logins" }));
    assert_eq!(logins["logins"][0]["is_this"], true);

    let second = Home::new();
    let mut other = second.start(&at, &[]);
    let recover = json!({
        "cmd": "recover", "name": "하늘", "code": code, "password": "battery staple",
    });
    assert_eq!(other.ok(recover)["account"], account);
    guest.event("lost");
    let change = json!({ "cmd": "password", "old": "battery staple", "new": PASSWORD });
    other.ok(change);
    assert_eq!(
        other.refused(json!({ "cmd": "revoke", "login": "yesterday's" })),
        "usage"
    );
    other.ok(json!({ "cmd": "revoke", "login": "others" }));
    other.ok(json!({ "cmd": "presence", "who": "nobody" }));
    other.ok(json!({ "cmd": "unlink", "kind": "device" }));
    other.ok(json!({ "cmd": "erase", "sure": "forever", "password": PASSWORD }));
}

#[test]
fn blocking_somebody_by_name_is_heard_no_more() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let (kims, lees) = (Home::new(), Home::new());
    let mut kim = kims.register(&at, "kim");
    let mut lee = lees.register(&at, "lee");
    let blocked = kim.ok(json!({ "cmd": "block", "name": "LEE" }));
    assert_eq!(blocked["blocked"][0]["name"], "lee");
    let whisper = json!({ "cmd": "w", "name": "kim", "text": "hello?" });
    assert_eq!(lee.refused(whisper.clone()), "muted");
    assert_eq!(
        kim.refused(json!({ "cmd": "block", "name": "nobody" })),
        "not_found"
    );
    kim.ok(json!({ "cmd": "unblock", "name": "lee" }));
    lee.ok(whisper);
    kim.event("whisper");
    let users = kim.ok(json!({ "cmd": "who", "search": "le" }));
    assert_eq!(users["users"][0]["name"], "lee");
}

#[test]
fn the_classic_protocol_meets_the_platform_in_one_room() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let home = Home::new();
    let mut classic = home.start(&at, &["--classic", "--user", "김"]);
    assert_eq!(classic.event("logged_in")["name"], "김");
    assert_eq!(classic.ok(enter(2))["members"].as_array().unwrap().len(), 1);
    let mut lee = home.register(&at, "lee");
    let members = lee.ok(enter(2))["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 2);
    assert_eq!(classic.event("joined")["name"], "lee");
    classic.ok(say("안녕"));
    let heard = lee.event("message");
    assert_eq!(
        (&heard["from"], &heard["text"]),
        (&json!("김"), &json!("안녕"))
    );
    lee.ok(say("hello"));
    let wait = json!({ "cmd": "wait", "for": "message", "from": "lee", "text": "hello" });
    classic.ok(wait);
    classic.ok(json!({ "cmd": "ping" }));
    assert_eq!(classic.refused(enter(1)), "wrong_state");
    assert_eq!(classic.refused(say(&"가".repeat(100))), "invalid");
    assert_eq!(classic.refused(json!({ "cmd": "rooms" })), "usage");
    drop(lee);
    assert_eq!(classic.event("parted")["name"], "lee");
    classic.ok(json!({ "cmd": "leave" }));
    assert_eq!(classic.refused(say("alone")), "wrong_state");
}

#[test]
fn every_command_gets_one_answer_and_the_session_goes_on() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let at = address(&server);
    let home = Home::new();
    let mut kim = home.register(&at, "kim");
    kim.ok(enter(0));
    let profile = kim.ok(json!({ "cmd": "profile" }));
    let me = profile["account"].as_str().expect("ids are texts");
    let name = format!("#{me}");
    for command in [
        json!({ "cmd": "rooms", "search": "nothing such" }),
        json!({ "cmd": "members", "page": "forged" }),
        json!({ "cmd": "emote", "name": "wave" }),
        json!({ "cmd": "item", "item": 7, "name": "a sword" }),
        json!({ "cmd": "history" }),
        json!({ "cmd": "topic", "text": "눈과 비" }),
        json!({ "cmd": "slow", "seconds": 5 }),
        json!({ "cmd": "slow", "seconds": 5_000 }),
        json!({ "cmd": "lock" }),
        json!({ "cmd": "unlock" }),
        json!({ "cmd": "kick", "name": name }),
        json!({ "cmd": "ban", "name": "#999999", "time": "10m", "text": "be nice" }),
        json!({ "cmd": "mute", "name": name, "time": 60 }),
        json!({ "cmd": "promote", "name": name }),
        json!({ "cmd": "bans" }),
        json!({ "cmd": "remove", "seq": 1 }),
        json!({ "cmd": "report", "name": "#999999", "text": "loud" }),
        json!({ "cmd": "announce", "to": "all", "text": "hello" }),
        json!({ "cmd": "reports" }),
        json!({ "cmd": "take", "report": 1 }),
        json!({ "cmd": "decide", "report": 1, "decision": "dismiss" }),
        json!({ "cmd": "export" }),
        json!({ "cmd": "link", "by": "ticket", "secret": "no ticket" }),
        json!({ "cmd": "close" }),
        json!({ "cmd": "create", "name": "lounge", "hidden": true, "history": "off" }),
    ] {
        let answer = kim.answer(&command);
        if answer["event"] == "ok" {
            continue;
        }
        assert!(!answer["text"].as_str().unwrap().is_empty(), "{answer}");
        let code = answer["code"].as_str().unwrap();
        assert_ne!(code, "usage", "{command}: {answer}");
        assert_ne!(code, "unconfirmed", "{command}: {answer}");
    }
    kim.ok(json!({ "cmd": "ping" }));
}
