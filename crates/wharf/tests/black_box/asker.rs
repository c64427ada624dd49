//! A client of the platform that can ask anything, as bytes too, and says what came of it.

use crate::support::{Client, PATIENCE, Server};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use wharf::proto::account::LogInAsGuest;
use wharf::proto::room::Enter;
use wharf::proto::room::enter::By;
use wharf::proto::session::{Error, Hello, Ping};
use wharf::proto::{PACKETS, PacketInfo, Request, Role, VERSION};
use wharf::wire::{Extensions, FIRST_MODERN_ID, Frame, HEADER_BYTES, Header, Packet};

/// A client that numbers its requests from 1.
pub(crate) struct Asker {
    pub(crate) client: Client,
    last_request: u32,
    /// What came and answered nothing: id and body.
    pub(crate) notices: Vec<(u16, Vec<u8>)>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Its reply: id and body.
    Reply(u16, Vec<u8>),
    Error(Error),
    /// The server ended the session instead.
    Ended,
}

impl Asker {
    pub(crate) fn connect(server: &Server) -> Self {
        Self {
            client: server.connect(),
            last_request: 0,
            notices: Vec::new(),
        }
    }

    /// One that has said Hello to a server that may be gone; `None` if it is.
    pub(crate) fn reach(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        let mut asker = Self {
            client: Client { stream },
            last_request: 0,
            notices: Vec::new(),
        };
        asker.done_or_ended(&hello())?;
        Some(asker)
    }

    /// One that has said Hello.
    pub(crate) fn greeted(server: &Server) -> Self {
        let mut asker = Self::connect(server);
        asker.done(&hello());
        asker
    }

    /// One that is logged in with an account of its own, known by a device's secret.
    pub(crate) fn guest(server: &Server, secret: u32) -> Self {
        let mut asker = Self::greeted(server);
        asker.done(&device(secret));
        asker
    }

    /// One that sits in that room.
    pub(crate) fn member(server: &Server, secret: u32, room: u32) -> Self {
        let mut asker = Self::guest(server, secret);
        asker.done(&enter(room));
        asker
    }

    /// Sends a request as bytes; its number.
    pub(crate) fn send(&mut self, id: u16, body: &[u8]) -> u32 {
        self.send_all(&[(id, body)])
    }

    /// Sends some at once, so that none is answered before the last has come; the last's number.
    pub(crate) fn send_all(&mut self, requests: &[(u16, &[u8])]) -> u32 {
        let mut bytes = Vec::new();
        for (id, body) in requests {
            self.last_request += 1;
            let extensions = Extensions::request(self.last_request);
            extensions.encode_frame(*id, &mut bytes, |out| out.extend_from_slice(body));
        }
        // A server that has ended the session already takes none; what is read shows it.
        let _ = self.client.stream.write_all(&bytes);
        self.last_request
    }

    /// What comes of a request; answers to earlier ones are passed over.
    pub(crate) fn outcome(&mut self, number: u32) -> Outcome {
        loop {
            let Some((id, extensions, body)) = self.read() else {
                return Outcome::Ended;
            };
            match extensions.request.filter(|_| extensions.is_reply) {
                Some(answered) if answered == number && id == Error::ID => {
                    return Outcome::Error(Error::decode(&body).expect("an error"));
                }
                Some(answered) if answered == number => return Outcome::Reply(id, body),
                Some(answered) => assert!(answered < number, "an answer to nothing"),
                None => self.notices.push((id, body)),
            }
        }
    }

    /// What comes of each request from number `first` on; without those that the session's end left
    /// unanswered.
    pub(crate) fn outcomes(&mut self, first: u32) -> BTreeMap<u32, Outcome> {
        let count = (self.last_request + 1 - first) as usize;
        let mut outcomes = BTreeMap::new();
        while outcomes.len() < count {
            let Some((id, extensions, body)) = self.read() else {
                break;
            };
            let Some(number) = extensions.request.filter(|_| extensions.is_reply) else {
                self.notices.push((id, body));
                continue;
            };
            assert!(
                (first..=self.last_request).contains(&number),
                "an answer to nothing"
            );
            let outcome = match id {
                Error::ID => Outcome::Error(Error::decode(&body).expect("an error")),
                id => Outcome::Reply(id, body),
            };
            let before = outcomes.insert(number, outcome);
            assert_eq!(before, None, "request {number} was answered twice");
        }
        outcomes
    }

    /// The last notice, which must be a `P`; one is waited for if there is none.
    pub(crate) fn notice<P: Packet>(&mut self) -> P {
        let (id, body) = loop {
            match self.notices.pop() {
                Some(notice) => break notice,
                None => self.assert_serves(),
            }
        };
        assert_eq!(id, P::ID);
        P::decode(&body).expect("a notice")
    }

    /// The next frame, unless the session has ended.
    pub(crate) fn read(&mut self) -> Option<(u16, Extensions, Vec<u8>)> {
        let mut header = [0; HEADER_BYTES];
        self.client.stream.read_exact(&mut header).ok()?;
        let Header {
            frame_bytes,
            id,
            flags,
        } = Header::from_bytes(header);
        let mut body = vec![0; usize::from(frame_bytes) - HEADER_BYTES];
        self.client.stream.read_exact(&mut body).ok()?;
        if id < FIRST_MODERN_ID {
            return Some((id, Extensions::default(), body));
        }
        let frame = Frame {
            id,
            flags,
            body: &body,
        };
        let (extensions, message) = Extensions::split(frame).expect("extensions");
        Some((id, extensions, message.to_vec()))
    }

    pub(crate) fn ask<R: Request>(&mut self, request: &R) -> Result<R::Reply, Error> {
        let number = self.send(R::ID, &body_of(request));
        match self.outcome(number) {
            Outcome::Reply(id, body) => {
                assert_eq!(id, <R::Reply as Packet>::ID, "another reply");
                Ok(<R::Reply as Packet>::decode(&body).expect("a reply"))
            }
            Outcome::Error(error) => Err(error),
            Outcome::Ended => panic!("the session ended"),
        }
    }

    /// Asks what must be done.
    pub(crate) fn done<R: Request>(&mut self, request: &R) -> R::Reply {
        let reply = self.ask(request);
        reply.unwrap_or_else(|error| panic!("packet {} was refused: {error:?}", R::ID))
    }

    /// Asks what must be done, unless the session ends before the answer.
    pub(crate) fn done_or_ended<R: Request>(&mut self, request: &R) -> Option<R::Reply> {
        let number = self.send(R::ID, &body_of(request));
        match self.outcome(number) {
            Outcome::Reply(_, body) => Some(<R::Reply as Packet>::decode(&body).expect("a reply")),
            Outcome::Error(error) => panic!("packet {} was refused: {error:?}", R::ID),
            Outcome::Ended => None,
        }
    }

    /// Asks what must be refused.
    pub(crate) fn refused<R: Request>(&mut self, request: &R) -> Error {
        match self.ask(request) {
            Ok(_) => panic!("packet {} was not refused", R::ID),
            Err(error) => error,
        }
    }

    /// Shows that the session lives, and that nothing was said to it that it has not noted.
    pub(crate) fn assert_serves(&mut self) {
        self.done(&Ping { sent_ms: 1 });
    }

    /// Whether the server ends the session without another answer.
    pub(crate) fn is_ended(&mut self) -> bool {
        loop {
            match self.read() {
                None => return true,
                Some((_, extensions, _)) if extensions.is_reply => return false,
                Some((id, _, body)) => self.notices.push((id, body)),
            }
        }
    }
}

/// Every request that there is.
pub(crate) fn requests() -> impl Iterator<Item = &'static PacketInfo> {
    let is_request = |packet: &&PacketInfo| matches!(packet.role, Role::Request { .. });
    PACKETS.iter().filter(is_request)
}

pub(crate) fn body_of(packet: &impl Packet) -> Vec<u8> {
    let mut body = Vec::new();
    packet.encode(&mut body);
    body
}

pub(crate) fn hello() -> Hello {
    Hello {
        version: VERSION,
        client: "test".into(),
        ..Hello::default()
    }
}

/// A device's login, a new account the first time.
pub(crate) fn device(secret: u32) -> LogInAsGuest {
    LogInAsGuest {
        secret: secret.to_le_bytes().repeat(8),
        device: None,
    }
}

pub(crate) fn enter(room: u32) -> Enter {
    Enter {
        by: Some(By::Number(room)),
        ..Enter::default()
    }
}
