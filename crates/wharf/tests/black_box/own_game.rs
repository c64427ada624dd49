//! A game of one's own, served by the whole program.

use crate::support::{Client, PATIENCE, Server};
use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use wharf::content::{Handled, MemberId, Room, RoomCx};
use wharf::wire::classic::{ChatNotify, ChatRequest, ChatText, ResultCode, UserName};

/// Set in the process that serves; it is this test once more.
const SERVES: &str = "WHARF_TEST_OF_OWN_GAME_SERVES";

#[derive(Default)]
struct Parrot {
    lines: u32,
}

impl Room for Parrot {}

impl Parrot {
    fn say(&mut self, cx: &mut RoomCx<'_>, from: MemberId, line: ChatRequest) -> Handled {
        self.lines += 1;
        cx.broadcast(&ChatNotify {
            user: UserName::truncated(cx.name(from)),
            message: ChatText::truncated(&format!("{}, {}", self.lines, line.message)),
        });
        Ok(())
    }
}

#[test]
fn a_game_of_ones_own_is_served_with_the_whole_command_line() {
    if std::env::var_os(SERVES).is_some() {
        let arguments = [
            "parrots",
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--until-input-ends",
        ];
        let code = wharf::serve_as(arguments.map(OsString::from), |app| {
            let room = app.room::<Parrot>("parrot").rooms(3).on(Parrot::say);
            let kind = room.kind();
            wharf::chat::foyer(app, kind);
        });
        assert_eq!(code, ExitCode::SUCCESS);
        return;
    }
    let itself = std::env::current_exe().expect("a test is a program");
    let mut command = Command::new(itself);
    command
        .args(["own_game::", "--nocapture", "--test-threads=1"])
        .current_dir(std::env::temp_dir())
        .env(SERVES, "1")
        .stdin(Stdio::piped());
    let mut server = Server::start_command(command);
    let mut ann = Client::connect(server.address);
    assert_eq!(ann.log_in("ann"), ResultCode::None);
    assert_eq!(ann.enter(3), ResultCode::RoomInvalidIndex);
    assert_eq!(ann.enter(2), ResultCode::None);
    for count in 1..3 {
        ann.say("hello");
        let heard: ChatNotify = ann.read();
        assert_eq!(heard.user.as_str(), "ann");
        assert_eq!(heard.message.as_str(), format!("{count}, hello"));
    }
    drop(server.child.stdin.take());
    assert!(server.wait().success(), "within {PATIENCE:?}");
}
