//! A game of one's own, served by the whole program.

use crate::chat_client::Home;
use crate::support::{Client, PATIENCE, Server};
use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use wharf::chat::{tell_arrival, tell_departure};
use wharf::content::{Handled, LeaveReason, MemberId, Room, RoomCx};
use wharf::wire::classic::{
    ChatNotify, ChatRequest, ChatText, LeaveUserNotify, NewUserNotify, ResultCode, UserListNotify,
    UserName,
};
use wharf::wire::{Packet, Violation};

/// Set in the process that serves; it is this test once more. (WHARF_ would be a setting.)
const SERVES: &str = "OWN_GAME_SERVES";

#[derive(Default)]
struct Parrot {
    lines: u32,
}

impl Room for Parrot {
    fn on_join(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        tell_arrival(cx, who);
    }

    fn on_leave(&mut self, cx: &mut RoomCx<'_>, who: MemberId, why: LeaveReason) {
        tell_departure(cx, who, why);
    }
}

impl Parrot {
    fn say(&mut self, cx: &mut RoomCx<'_>, from: MemberId, line: ChatRequest) -> Handled {
        self.lines += 1;
        cx.broadcast(&ChatNotify {
            user: UserName::truncated(cx.name(from)),
            message: ChatText::truncated(&format!("{}, {}", self.lines, line.message)),
        });
        Ok(())
    }

    fn squawk(&mut self, cx: &mut RoomCx<'_>, _: MemberId, squawk: Squawk) -> Handled {
        cx.broadcast(&Squawk(squawk.0 + 1));
        Ok(())
    }
}

/// A packet of the game's own: how loud.
#[derive(Debug, PartialEq, Eq)]
struct Squawk(u8);

impl Packet for Squawk {
    const ID: u16 = 10_001;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        match body {
            [loudness] => Ok(Self(*loudness)),
            _ => Err(Violation::BodyLength {
                id: Self::ID,
                body_bytes: body.len() as u16,
            }),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }
}

/// The supplied client talks in such a game, and says what it does not find there.
fn chats_with(address: &str) {
    let home = Home::new();
    let script = "/enter 1\nhello\n/wait message timeout=30\n/quit\n";
    let (code, said, _) = home.run(address, &["--classic", "--user", "cat", "--json"], script);
    assert!(said.contains("1, hello"), "{code}: {said}");
    let (code, said, _) = home.run(address, &["--guest", "--once"], "");
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("does not speak the platform's protocol"),
        "{said}"
    );
    assert!(said.contains("wharf chat --classic"), "{said}");
}

#[test]
fn the_first_example_of_the_guide_is_the_example_that_is_built_and_tested() {
    let guide = include_str!("../../../../docs/CONTENT.md");
    let example = include_str!("../../examples/dice.rs");
    let (_, code) = example.split_once("\n\n").expect("a comment comes first");
    let fence = guide.split_once("```rust,no_run\n").expect("an example").1;
    let shown = fence.split_once("```").expect("its end").0;
    assert_eq!(shown.replace('\r', ""), code.replace('\r', ""));
}

#[test]
fn bench_is_for_the_classic_chat_alone() {
    let arguments = ["parrots", "bench"].map(OsString::from);
    let code = wharf::serve_as(arguments, |_| panic!("no game is made"));
    assert_eq!(code, ExitCode::from(2));
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
            let room = app.room::<Parrot>("parrot").rooms(3);
            let kind = room.on(Parrot::say).on(Parrot::squawk).kind();
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
    assert_eq!(ann.read::<UserListNotify>().users, []);
    let mut bob = Client::connect(server.address);
    assert_eq!(bob.log_in("bob"), ResultCode::None);
    assert_eq!(bob.enter(2), ResultCode::None);
    assert_eq!(bob.read::<UserListNotify>().users[0].name.as_str(), "ann");
    let came = ann.read::<NewUserNotify>().user;
    assert_eq!(came.name.as_str(), "bob");
    drop(bob);
    assert_eq!(ann.read::<LeaveUserNotify>().unique_id, came.unique_id);
    for count in 1..3 {
        ann.say("hello");
        let heard: ChatNotify = ann.read();
        assert_eq!(heard.user.as_str(), "ann");
        assert_eq!(heard.message.as_str(), format!("{count}, hello"));
    }
    ann.send(&Squawk(7));
    assert_eq!(ann.read::<Squawk>(), Squawk(8));
    chats_with(&server.address.to_string());
    let flagged = [6, 0, 0x11, 0x27, 1, 7];
    ann.send_bytes(&flagged);
    assert!(ann.is_ended(), "flags that mean nothing end the session");
    server.wait_for_log(&["unknown-flags"]);
    drop(server.child.stdin.take());
    assert!(server.wait().success(), "within {PATIENCE:?}");
}
