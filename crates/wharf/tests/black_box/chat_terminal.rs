//! `wharf chat` as somebody at a terminal has it: keys go in, a screen comes out.

use crate::chat_client::{Home, Script, address, chat, enter, say, start_at};
use crate::support::{BACKENDS, PATIENCE, Reserved, Server, UNHURRIED};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What the editor writes when it takes keys from now on.
const TAKES_KEYS: &str = "\u{1b}[?2004h";
const ENTER: &str = "\r";
const BACKSPACE: &str = "\u{7f}";
const LINE_START: &str = "\u{1}";
const UP: &str = "\u{1b}[A";
const END: &str = "\u{4}";

/// A terminal with a client in it. Dropping it kills that.
struct Terminal {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    /// Held while nothing that is shown is taken.
    stands_still: Arc<Mutex<()>>,
    /// All that was shown, and how far it was looked at.
    shown: Vec<u8>,
    looked: usize,
    /// Lines that were typed.
    lines: usize,
}

impl Terminal {
    fn start(home: &Home, address: &str, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let client = chat(address, home.path(), arguments);
        // Secrets are read from the terminal of the session, so this becomes one.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(client.get_program());
        command.args(client.get_args());
        for (name, value) in client.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(open.try_clone().unwrap())
            .stdout(open.try_clone().unwrap())
            .stderr(open)
            .spawn()
            .expect("wharf starts");
        let keys = File::from(master);
        let mut output = keys.try_clone().unwrap();
        let (show, screen) = mpsc::channel();
        let stands_still = Arc::new(Mutex::new(()));
        let still = Arc::clone(&stands_still);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // When the client has ended, that is an error here.
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let _ = show.send(buffer[..count].to_vec());
                drop(still.lock());
            }
        });
        Self {
            child,
            keys,
            screen,
            stands_still,
            shown: Vec::new(),
            looked: 0,
            lines: 0,
        }
    }

    /// Waits until that is shown; it and what stands before it are looked for no more.
    fn shows(&mut self, text: &str) {
        let place = self.wait_for(|shown, looked| {
            let mut places = shown[looked..].windows(text.len());
            let place = places.position(|it| it == text.as_bytes());
            place.map(|place| looked + place + text.len())
        });
        self.looked = place.unwrap_or_else(|| {
            let left = String::from_utf8_lossy(&self.shown[self.looked..]);
            panic!("no {text:?} in {left:?}")
        });
    }

    /// Types when the editor takes keys for another line.
    fn types(&mut self, keys: &[&str]) {
        self.lines += 1;
        let lines = self.lines;
        let ready = self.wait_for(|shown, _| {
            let places = shown.windows(TAKES_KEYS.len());
            let taken = places.filter(|it| *it == TAKES_KEYS.as_bytes());
            (taken.count() >= lines).then_some(0)
        });
        assert!(ready.is_some(), "{}", String::from_utf8_lossy(&self.shown));
        self.keys.write_all(keys.concat().as_bytes()).unwrap();
    }

    /// Types more of the line that is being typed.
    fn types_on(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Types an answer when it is asked for so, and the terminal shows no keys any more: they are
    /// hidden just behind the prompt.
    fn answers(&mut self, prompt: &str, secret: &str) {
        self.lines += 1;
        self.shows(prompt);
        let deadline = Instant::now() + PATIENCE;
        while tcgetattr(&self.keys)
            .unwrap()
            .local_modes
            .contains(LocalModes::ECHO)
        {
            assert!(Instant::now() < deadline, "{prompt} shows what is typed");
            std::thread::yield_now();
        }
        self.keys.write_all(secret.as_bytes()).unwrap();
        self.keys.write_all(ENTER.as_bytes()).unwrap();
    }

    fn wait_for(&mut self, find: impl Fn(&[u8], usize) -> Option<usize>) -> Option<usize> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = find(&self.shown, self.looked);
            if found.is_some() {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.screen.recv_timeout(left).ok()?;
            self.shown.extend(bytes);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// At the prompt of that room.
fn guest_in_room_3(home: &Home, at: &str) -> Terminal {
    let mut terminal = Terminal::start(home, at, &["--guest"]);
    terminal.shows("logged in as ");
    terminal.types(&["/enter 3", ENTER]);
    terminal.shows("in Room 3, as member");
    terminal
}

/// The same, where somebody is already who hears of it.
fn lee_and_guest_in_room_3(lees: &Home, home: &Home, at: &str) -> (Script, Terminal) {
    let mut lee = lees.register(at, "lee");
    lee.ok(enter(3));
    let terminal = guest_in_room_3(home, at);
    lee.event("joined");
    (lee, terminal)
}

#[test]
fn lines_are_edited_in_korean_and_others_appear_above_them() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let (home, lees) = (Home::new(), Home::new());
    let (mut lee, mut terminal) = lee_and_guest_in_room_3(&lees, &home, &at);

    terminal.types(&["안녕하셍", BACKSPACE, "세요", ENTER]);
    assert_eq!(lee.event("message")["text"], "안녕하세요");
    terminal.types(&["녕 lee", LINE_START, "안", ENTER]);
    assert_eq!(lee.event("message")["text"], "안녕 lee");
    terminal.types(&[UP, "!", ENTER]);
    assert_eq!(lee.event("message")["text"], "안녕 lee!", "by the history");
    lee.ok(say("반가워요"));
    terminal.shows("\u{1b}[36mlee: \u{1b}[0m반가워요");
    terminal.types(&["/entr 3", ENTER]);
    terminal.shows("did you mean /enter?");
    terminal.types(&["/login kim sesame-street", ENTER]);
    terminal.shows("wrong_state");
    // The name of whoever is here is completed.
    terminal.types(&["/w le\t", "psst", ENTER]);
    assert_eq!(lee.event("whisper")["text"], "psst");

    terminal.types(&[END]);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    let modes = tcgetattr(&terminal.keys).unwrap().local_modes;
    assert!(
        modes.contains(LocalModes::ICANON | LocalModes::ECHO),
        "{modes:?}"
    );
    let history = home.path().join("wharf").join("chat").join("history");
    let history = std::fs::read_to_string(history).unwrap();
    assert!(
        history.contains("안녕하세요") && history.contains("/entr 3"),
        "{history}"
    );
    assert!(!history.contains("sesame"), "{history}");
}

#[test]
fn what_is_being_typed_is_drawn_again_below_what_arrives_however_wide() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let (home, lees) = (Home::new(), Home::new());
    let (mut lee, mut terminal) = lee_and_guest_in_room_3(&lees, &home, &at);
    // So many are two rows and a half of eighty columns, with the prompt.
    let typed = "가".repeat(90);
    terminal.types(&[&typed, "나"]);
    terminal.shows("나");
    lee.ok(say("끼어들기"));
    assert_eq!(lee.event("message")["text"], "끼어들기", "one's own");
    // The rows that were drawn are cleared, upwards; then it is told, and what was typed is drawn
    // again below.
    let clear_up = "\r\u{1b}[K\u{1b}[A";
    terminal.shows(&clear_up.repeat(2));
    terminal.shows("끼어들기\r\n");
    terminal.shows(&format!(" in Room 3> {typed}나"));
    terminal.types_on("다\r");
    assert_eq!(lee.event("message")["text"], format!("{typed}나다"));
}

#[test]
fn a_room_asks_for_its_password_and_whoever_is_out_of_it_has_no_prompt_of_it() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let (home, lees) = (Home::new(), Home::new());
    let mut lee = lees.register(&at, "lee");
    lee.ok(json!({ "cmd": "create", "name": "den", "password": "sesame" }));
    let mut terminal = Terminal::start(&home, &at, &["--guest"]);
    terminal.shows("logged in as ");
    terminal.types(&["/enter den barley", ENTER]);
    terminal.shows("wrong password");
    terminal.types(&["/enter den", ENTER]);
    terminal.answers("password: ", "sesame");
    terminal.shows("in den, as member");
    let name = lee.event("joined")["name"].clone();
    let name = name.as_str().unwrap();
    terminal.types(&["/me waves", ENTER]);
    terminal.shows(&format!("* {name} waves"));
    lee.ok(json!({ "cmd": "kick", "name": name }));
    terminal.shows("kicked you out of den");
    // It ends where the one before did, as what is typed goes on there.
    terminal.shows(&format!("       {name}> "));
    let shown = String::from_utf8_lossy(&terminal.shown);
    assert!(!shown.contains("sesame"), "{shown}");
}

#[test]
fn a_classic_server_that_wants_no_password_has_none_asked_for() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let home = Home::new();
    let mut terminal = Terminal::start(&home, &at, &["--classic", "--user", "kim"]);
    terminal.shows("logged in as kim");
    terminal.types(&["/enter 0", ENTER]);
    terminal.shows("in Room 0, as member");
    terminal.types(&["/quit", ENTER]);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    let shown = String::from_utf8_lossy(&terminal.shown);
    assert!(!shown.contains("password"), "{shown}");
}

#[test]
fn somebody_at_a_terminal_is_told_when_the_server_goes_and_may_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut reserved = Reserved::new();
    let at = reserved.address_to_listen_at();
    let mut server = start_at(&at, folder.path());
    let home = Home::new();
    let mut terminal = guest_in_room_3(&home, &at);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    terminal.shows("trying again in ");
    // The next line has the prompt whole, with room for the one that comes back.
    terminal.types(&[ENTER]);
    terminal.shows("(away) Guest ");
    terminal.shows(" in Room 3> ");
    let _server = start_at(&at, folder.path());
    terminal.shows("logged in as ");
    terminal.shows("in Room 3, as member");
    terminal.shows("       Guest ");
    terminal.shows(" in Room 3> ");
    let lees = Home::new();
    let mut lee = lees.register(&at, "lee");
    lee.ok(enter(3));
    terminal.shows("lee came");
    terminal.types(&["here again", ENTER]);
    assert_eq!(lee.event("message")["text"], "here again");
    terminal.types(&["/quit", ENTER]);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_password_is_asked_for_however_much_is_said_meanwhile() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let at = address(&server);
    let (home, lees) = (Home::new(), Home::new());
    let (mut lee, mut terminal) = lee_and_guest_in_room_3(&lees, &home, &at);
    terminal.types(&["/login kim"]);
    terminal.shows("/login kim");
    // More is said than a terminal keeps, and the line ends before any of it is taken.
    let stands_still = Arc::clone(&terminal.stands_still);
    let still = stands_still.lock().unwrap();
    for number in 0..500 {
        lee.ok(say(&format!("{number} {}", "word ".repeat(100))));
    }
    terminal.types_on(ENTER);
    drop(still);
    terminal.answers("password: ", "sesame");
    terminal.shows("wrong_state");
    let shown = String::from_utf8_lossy(&terminal.shown);
    assert!(!shown.contains("sesame"), "{shown}");
    assert!(shown.contains("lee: \u{1b}[0m499 word"), "{shown}");
}

#[test]
fn passwords_are_asked_for_and_never_shown() {
    let server = Server::start(BACKENDS[0], &[]);
    let at = address(&server);
    let home = Home::new();
    let mut terminal = Terminal::start(&home, &at, &["--user", "kim", "--register"]);
    let rule = "password (8 to 256 bytes): ";
    terminal.answers(rule, "sesame");
    terminal.shows("that is too short; once more");
    terminal.answers(rule, "sesame street");
    terminal.answers("password again: ", "sesame stret");
    terminal.shows("the two are not the same; once more");
    terminal.answers(rule, "sesame street");
    terminal.answers("password again: ", "sesame street");
    terminal.shows("logged in as kim");
    terminal.types(&["/logout", ENTER]);
    terminal.types(&["/login kim", ENTER]);
    terminal.answers("password: ", "sesame stret");
    terminal.shows("credentials");
    terminal.types(&["/login kim", ENTER]);
    terminal.answers("password: ", "/connect");
    terminal.shows("that is a command");
    terminal.answers("password: ", "sesame street");
    terminal.shows("logged in as kim");
    terminal.types(&["/enter 3", ENTER]);
    terminal.shows("in Room 3, as member");
    terminal.types(&["/quit", ENTER]);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
    let shown = String::from_utf8_lossy(&terminal.shown);
    assert!(!shown.contains("sesame"), "{shown}");
    let folder = home.path().join("wharf").join("chat");
    let history = std::fs::read_to_string(folder.join("history")).unwrap();
    assert!(
        history.contains("/login kim") && !history.contains("sesame"),
        "{history}"
    );
}
