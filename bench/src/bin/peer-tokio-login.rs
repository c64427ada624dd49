//! Peer: the bytes of a login by token, exchanged and not understood: what comes is cut into
//! frames, and each is answered by the bytes that Wharf would answer with, written down at the
//! start. One thread, a task for each connection.
//!
//! Usage: `peer-tokio-login ADDR`. Prints `ready` when it listens.

use std::io::{ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wharf_proto::VERSION;
use wharf_proto::account::{LogInAsGuest, LogInByToken, LoggedIn};
use wharf_proto::room::{Enter, Entered, Info, Member};
use wharf_proto::session::{Hello, Welcome};
use wharf_wire::{Extensions, HEADER_BYTES, Packet};

/// An account, as long as they are.
const ACCOUNT: i64 = 1 << 58;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.expect("usage: peer-tokio-login ADDR")).await?;
    println!("ready");
    let replies: &'static [(u16, Vec<u8>)] = replies().leak();
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(serve(socket, replies));
    }
}

/// A connection, until it ends.
async fn serve(mut socket: TcpStream, replies: &[(u16, Vec<u8>)]) -> Result<()> {
    socket.set_nodelay(true)?;
    let (mut input, mut output) = (Vec::with_capacity(4_096), Vec::new());
    while socket.read_buf(&mut input).await? > 0 {
        let mut at = 0;
        while let Some(&[low, high, id_low, id_high, _]) = input[at..].first_chunk() {
            let length = usize::from(u16::from_le_bytes([low, high]));
            if length < HEADER_BYTES {
                return Err(ErrorKind::InvalidData.into());
            }
            if input.len() - at < length {
                break;
            }
            let id = u16::from_le_bytes([id_low, id_high]);
            let reply = replies.iter().find(|(request, _)| *request == id);
            let (_, reply) = reply.ok_or(ErrorKind::InvalidData)?;
            output.extend_from_slice(reply);
            at += length;
        }
        input.drain(..at);
        socket.write_all(&output).await?;
        output.clear();
    }
    Ok(())
}

/// The answer to each request, by its id.
fn replies() -> Vec<(u16, Vec<u8>)> {
    let at_ms = 1_790_000_000_000;
    let welcome = Welcome {
        version: VERSION,
        server: "wharf 0.1.0".into(),
        now_ms: at_ms,
        frame_bytes_max: 16_384,
        idle_ms: 60_000,
        ..Welcome::default()
    };
    let name = "Guest 123456";
    let logged_in = LoggedIn {
        account: ACCOUNT,
        display_name: name.into(),
        token: vec![7; 32],
        token_expires_ms: at_ms,
        login: ACCOUNT,
        ..LoggedIn::default()
    };
    let entered = Entered {
        info: Some(Info {
            members: 1,
            members_max: 1_000,
            number: Some(300),
            ..Info::default()
        }),
        members: vec![Member {
            account: ACCOUNT,
            display_name: name.into(),
            ..Member::default()
        }],
        ..Entered::default()
    };
    let logged_in = reply(2, None, &logged_in);
    vec![
        (Hello::ID, reply(1, None, &welcome)),
        (LogInAsGuest::ID, logged_in.clone()),
        (LogInByToken::ID, logged_in),
        (Enter::ID, reply(3, Some(1), &entered)),
    ]
}

fn reply<P: Packet>(request: u32, room: Option<u16>, packet: &P) -> Vec<u8> {
    let mut bytes = Vec::new();
    let extensions = Extensions {
        room,
        ..Extensions::reply(request)
    };
    extensions.encode_frame(P::ID, &mut bytes, |out| packet.encode(out));
    bytes
}
