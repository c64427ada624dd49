//! Says something in a room, as a classic client, and prints what it hears until it hears itself:
//! `cargo run --release --example say -- 127.0.0.1:11021 0 /roll`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;
use wharf::wire::classic::{
    ChatNotify, ChatRequest, ChatText, EnterRequest, FROM_SERVER, LoginRequest, ResultCode,
    UserName, id,
};
use wharf::wire::{FrameCutter, FrameRules, Packet};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, room, words @ ..] = &arguments[..] else {
        eprintln!("say ADDRESS ROOM WORDS..., such as: say 127.0.0.1:11021 0 /roll");
        return ExitCode::from(2);
    };
    match say(address, room, &words.join(" ")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("say: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn say(address: &str, room: &str, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut server = TcpStream::connect(address)?;
    server.set_read_timeout(Some(PATIENCE))?;
    let user = UserName::truncated(&format!("guest{}", std::process::id()));
    let mut bytes = Vec::new();
    LoginRequest {
        user,
        password: UserName::EMPTY,
    }
    .encode_frame(&mut bytes);
    EnterRequest {
        room: room.parse()?,
    }
    .encode_frame(&mut bytes);
    let message = ChatText::truncated(text);
    ChatRequest { message }.encode_frame(&mut bytes);
    server.write_all(&bytes)?;
    print_lines(&mut server, user.as_str())
}

/// Prints what is said, until `user` has been heard or nobody has for a while.
fn print_lines(server: &mut TcpStream, user: &str) -> Result<(), Box<dyn std::error::Error>> {
    let rules = FrameRules {
        table: &FROM_SERVER,
        frame_bytes_max: u16::MAX,
    };
    let mut cutter = FrameCutter::new();
    let mut buffer = [0; 4_096];
    loop {
        let count = match server.read(&mut buffer) {
            Ok(0) => return Err("the server has ended the connection".into()),
            Ok(count) => count,
            Err(error) => return Err(format!("nothing came back: {error}").into()),
        };
        let mut input = &buffer[..count];
        while let Some(frames) = cutter.next(&mut input, &rules)? {
            for frame in frames {
                match frame.id {
                    id::LOGIN_RESPONSE | id::ENTER_RESPONSE | id::CHAT_RESPONSE => {
                        let code = u16::from_le_bytes(frame.body.try_into()?);
                        let result = ResultCode::from_wire(code);
                        if result != ResultCode::None {
                            return Err(format!("refused with {code}, {result:?}").into());
                        }
                    }
                    ChatNotify::ID => {
                        let line = ChatNotify::decode(frame.body)?;
                        println!("{}: {}", line.user, line.message);
                        if line.user.as_str() == user {
                            return Ok(());
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
