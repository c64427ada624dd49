//! The smallest server on a port: what arrives goes back. `cargo run --example echo -- 127.0.0.1:7`
//!
//! It shows the whole life of a session as the contract has it: accepted, adopted, one receive and
//! at most one send in flight, closed once the port says `Closed`. It has no limits, no deadlines
//! and no patience for frames; those are `wharf-net`'s.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use wharf_port::{
    CloseHow, Completion, Event, ListenOptions, NativePort, Port, PortOptions, SendBatch, SocketId,
    Token,
};

#[cfg(target_os = "linux")]
type Native = wharf_port::UringPort;
#[cfg(all(unix, not(target_os = "linux")))]
type Native = wharf_port::ReadinessPort;
#[cfg(windows)]
type Native = wharf_port::IocpPort;

const ACCEPT: Token = Token(u64::MAX);

/// One session. `spare` is the batch that no send has in flight.
struct Session {
    socket: SocketId,
    waiting: Vec<u8>,
    spare: Option<SendBatch>,
    input_ended: bool,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let local: SocketAddr = std::env::args()
        .nth(1)
        .unwrap_or("127.0.0.1:11007".into())
        .parse()?;
    let mut port = Native::open(&PortOptions::default())?;
    let listener = port.listen(local, &ListenOptions::default())?;
    port.arm_accept(listener, ACCEPT)?;
    println!("ready");
    let mut sessions = BTreeMap::new();
    let mut next_token = 0;
    let mut batch: Vec<Completion> = Vec::with_capacity(256);
    loop {
        port.wait(&mut batch, None)?;
        for Completion {
            token, more, event, ..
        } in batch.drain(..)
        {
            match event {
                Event::Accepted(accepted) => {
                    if !more {
                        port.arm_accept(listener, ACCEPT)?;
                    }
                    let Ok(socket) = accepted else { continue };
                    let Ok(socket) = port.adopt(socket) else {
                        continue;
                    };
                    let token = Token(next_token);
                    next_token += 1;
                    port.arm_recv(socket, token)?;
                    let spare = Some(SendBatch::new());
                    let session = Session {
                        socket,
                        waiting: Vec::new(),
                        spare,
                        input_ended: false,
                    };
                    sessions.insert(token, session);
                }
                Event::Closed => drop(sessions.remove(&token)),
                event => {
                    let session = sessions.get_mut(&token).expect("until Closed");
                    session.handle(token, more, event, &mut port);
                }
            }
        }
    }
}

impl Session {
    fn handle(&mut self, token: Token, more: bool, event: Event, port: &mut Native) {
        match event {
            Event::Received(Ok(bytes)) => {
                self.waiting.extend_from_slice(&bytes);
                if !more {
                    // Refused only when the session is closing, and then no more is wanted.
                    let _ = port.arm_recv(self.socket, token);
                }
            }
            Event::Received(Err(_)) => self.input_ended = true,
            Event::Sent { mut batch, result } => match result {
                Ok(sent) => {
                    batch.advance(sent);
                    self.spare = Some(batch);
                }
                Err(_) => return port.close(self.socket, CloseHow::Reset, token),
            },
            _ => {}
        }
        self.send(token, port);
    }

    fn send(&mut self, token: Token, port: &mut Native) {
        let Some(mut batch) = self.spare.take() else {
            return;
        };
        if batch.is_empty() {
            batch.clear();
            batch.push_copy(&self.waiting);
            self.waiting.clear();
        }
        if batch.is_empty() {
            self.spare = Some(batch);
            if self.input_ended {
                port.close(self.socket, CloseHow::Fin, token);
            }
            return;
        }
        // Refused only when the session is closing.
        let _ = port.send(self.socket, batch, token);
    }
}
