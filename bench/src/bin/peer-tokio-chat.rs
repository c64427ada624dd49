//! Peer: chat rooms on tokio, one thread. A task reads each connection, another writes whatever
//! waits for it in one go. It speaks the classic frames just as far as fan-out needs them, see
//! docs/PROTOCOL.md. A broadcast channel for each room, instead of a queue for each member, was
//! measured a tenth cheaper where one speaks to all and a third dearer where everybody speaks.
//!
//! Usage: `peer-tokio-chat ADDR`. Prints `ready` when it listens.

use std::io::{ErrorKind, Result};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{AbortHandle, JoinSet};

const ROOMS: usize = 2_000;
const FRAME_BYTES_MAX: usize = 16_384;
/// Chats of 1 MiB: a reader who is further behind is disconnected.
const QUEUED_MAX: usize = (1 << 20) / 295;
/// Frames of one write at most.
const BATCH_MAX: usize = 256;

const DONE: [u8; 2] = [0, 0];
const WRONG_STATE: [u8; 2] = [52, 0];
const NO_SUCH_ROOM: [u8; 2] = [61, 0];
const NOT_IN_A_ROOM: [u8; 2] = [81, 0];

type Rooms = Arc<Mutex<Vec<Vec<Member>>>>;

/// Where a connection's frames go.
#[derive(Clone)]
struct Member {
    frames: Sender<Arc<[u8]>>,
    writer: AbortHandle,
}

impl Member {
    /// Whoever does not keep up is cut off; the end of its writer is its end.
    fn send(&self, frame: Arc<[u8]>) {
        if self.frames.try_send(frame).is_err() {
            self.writer.abort();
        }
    }

    fn reply(&self, id: u16, body: &[u8]) {
        self.send(encode(id, &[body]));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.expect("usage: peer-tokio-chat ADDR")).await?;
    println!("ready");
    let rooms: Rooms = Arc::new(Mutex::new(vec![Vec::new(); ROOMS]));
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(serve(socket, Arc::clone(&rooms)));
    }
}

/// A connection, until its input ends and everything is written, or until either fails.
async fn serve(socket: TcpStream, rooms: Rooms) -> Result<()> {
    socket.set_nodelay(true)?;
    let (input, output) = socket.into_split();
    let (frames, queue) = mpsc::channel(QUEUED_MAX);
    let mut tasks = JoinSet::new();
    let writer = tasks.spawn(write(output, queue));
    let client = Client {
        id: [0; 33],
        room: None,
        member: Member { frames, writer },
        rooms,
    };
    tokio::select! {
        ended = client.read(input) => ended?,
        _ = tasks.join_next() => return Ok(()),
    }
    tasks.join_next().await;
    Ok(())
}

async fn write(mut output: OwnedWriteHalf, mut queue: Receiver<Arc<[u8]>>) -> Result<()> {
    let mut frames = Vec::with_capacity(BATCH_MAX);
    let mut bytes = Vec::new();
    while queue.recv_many(&mut frames, BATCH_MAX).await > 0 {
        frames.drain(..).for_each(|it| bytes.extend_from_slice(&it));
        output.write_all(&bytes).await?;
        bytes.clear();
    }
    Ok(())
}

/// What is known of a connection.
struct Client {
    id: [u8; 33],
    room: Option<usize>,
    member: Member,
    rooms: Rooms,
}

impl Client {
    async fn read(mut self, input: OwnedReadHalf) -> Result<()> {
        let mut input = BufReader::with_capacity(4_096, input);
        let mut frame = vec![0; 5];
        loop {
            frame.resize(5, 0);
            match input.read_exact(&mut frame).await {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            };
            let bytes = usize::from(u16::from_le_bytes([frame[0], frame[1]]));
            if !(5..=FRAME_BYTES_MAX).contains(&bytes) {
                return Err(ErrorKind::InvalidData.into());
            }
            frame.resize(bytes, 0);
            input.read_exact(&mut frame[5..]).await?;
            self.handle(&frame)?;
        }
    }

    fn handle(&mut self, frame: &[u8]) -> Result<()> {
        let (head, body) = frame.split_at(5);
        match (u16::from_le_bytes([head[2], head[3]]), body.len()) {
            (1, _) => self.member.send(frame.into()),
            (201, 66) => {
                self.id.copy_from_slice(&body[..33]);
                self.member.reply(202, &DONE);
            }
            (206, 4) => self.enter(i32::from_le_bytes([body[0], body[1], body[2], body[3]])),
            (215, 0) => {
                let left = self.leave();
                self.member
                    .reply(216, if left { &DONE } else { &NO_SUCH_ROOM });
            }
            (221, 257) => self.chat(body),
            _ => return Err(ErrorKind::InvalidData.into()),
        }
        Ok(())
    }

    fn enter(&mut self, number: i32) {
        let room = usize::try_from(number).ok().filter(|&room| room < ROOMS);
        match (self.room, room) {
            (Some(_), _) => self.member.reply(207, &WRONG_STATE),
            (None, None) => self.member.reply(207, &NO_SUCH_ROOM),
            (None, Some(room)) => {
                self.member.reply(207, &DONE);
                self.member.reply(209, &[0]);
                self.room = Some(room);
                self.rooms.lock().unwrap()[room].push(self.member.clone());
            }
        }
    }

    fn leave(&mut self) -> bool {
        let Some(room) = self.room.take() else {
            return false;
        };
        let frames = &self.member.frames;
        self.rooms.lock().unwrap()[room].retain(|it| !it.frames.same_channel(frames));
        true
    }

    fn chat(&self, message: &[u8]) {
        let Some(room) = self.room else {
            return self.member.reply(222, &NOT_IN_A_ROOM);
        };
        self.member.reply(222, &DONE);
        let chat = encode(223, &[&self.id, message]);
        for member in &self.rooms.lock().unwrap()[room] {
            member.send(Arc::clone(&chat));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.leave();
    }
}

fn encode(id: u16, parts: &[&[u8]]) -> Arc<[u8]> {
    let body = parts.concat();
    let bytes = (5 + body.len()) as u16;
    [&bytes.to_le_bytes()[..], &id.to_le_bytes(), &[0], &body]
        .concat()
        .into()
}
