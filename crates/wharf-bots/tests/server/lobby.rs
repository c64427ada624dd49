//! A chat server for tests: the classic packets over `wharf-net`, and not one rule more.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use wharf_base::{Instant, SessionId};
use wharf_net::{Admission, CloseReason, Net, NetLimits, Origin, Outgoing, SessionEvents};
use wharf_port::{Completion, Port, PortOptions};
use wharf_wire::classic::{
    ChatNotify, ChatRequest, EnterRequest, LoginRequest, NewUserNotify, ResultCode, UserEntry,
    UserListNotify, UserName, chat_response, enter_response, id, leave_response, login_response,
};
use wharf_wire::{Frame, FrameRun, Header, Packet, SendClass};

/// The server, on any port, a turn at a time.
pub(crate) struct LobbyServer<P> {
    port: P,
    net: Net,
    lobby: Lobby,
    address: SocketAddr,
    batch: Vec<Completion>,
    now: Instant,
}

fn limits() -> NetLimits {
    NetLimits {
        inbound_packets_per_second: 0,
        inbound_bytes_per_second: 0,
        ..NetLimits::for_sessions(256, 1)
    }
}

/// What its port needs.
pub(crate) fn port_options() -> PortOptions {
    PortOptions::for_sockets(limits().sockets_per_port(1))
}

impl<P: Port> LobbyServer<P> {
    /// Listens on a loopback port; `peers` hears who connects.
    pub(crate) fn new(mut port: P, peers: Arc<Mutex<Vec<IpAddr>>>) -> Self {
        let admission = Arc::new(Admission::new(&limits()));
        let mut net = Net::new(0, limits(), admission);
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            address: net.listen(&mut port, loopback).unwrap(),
            port,
            net,
            lobby: Lobby {
                peers,
                ..Lobby::default()
            },
            batch: Vec::with_capacity(64),
            now: Instant::ZERO,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when the next turn is due, whatever the port has by then.
    pub(crate) fn turn(&mut self) -> Option<Instant> {
        let until = self.net.next_deadline();
        self.now = self.port.wait(&mut self.batch, until).unwrap();
        let (port, net, lobby) = (&mut self.port, &mut self.net, &mut self.lobby);
        for completion in self.batch.drain(..) {
            net.handle_completion(self.now, completion, port, lobby);
            lobby.carry_out(self.now, net);
        }
        net.handle_timeout(self.now);
        net.flush(self.now, port, lobby);
        lobby.carry_out(self.now, net);
        net.next_deadline()
    }

    pub(crate) fn begin_shutdown(&mut self) {
        self.net.begin_shutdown(self.now, &mut self.lobby);
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.net.is_shut_down()
    }
}

#[derive(Default)]
struct Lobby {
    users: Vec<User>,
    wants: Vec<Want>,
    peers: Arc<Mutex<Vec<IpAddr>>>,
}

struct User {
    session: SessionId,
    name: UserName,
    room: Option<i32>,
}

enum Want {
    Send(SessionId, Vec<u8>),
    LogIn(SessionId),
    Handled(SessionId),
    Finish(SessionId),
}

impl Lobby {
    fn carry_out(&mut self, now: Instant, net: &mut Net) {
        for want in self.wants.drain(..) {
            match want {
                Want::Send(session, frame) => {
                    let frame = Outgoing::Copy(&frame);
                    net.send(now, session, SendClass::Reliable, Origin::Others, frame);
                }
                Want::LogIn(session) => net.log_in(session),
                Want::Handled(session) => net.return_credit(session, 1),
                Want::Finish(session) => net.finish(now, session, CloseReason::PeerClosed),
            }
        }
    }

    fn send(&mut self, session: SessionId, packet: &impl Packet) {
        self.wants.push(Want::Send(session, packet.to_frame()));
    }

    fn user(&mut self, session: SessionId) -> &mut User {
        self.users
            .iter_mut()
            .find(|user| user.session == session)
            .expect("logged in")
    }

    fn members(&self, room: Option<i32>) -> Vec<(SessionId, UserName)> {
        let here = self
            .users
            .iter()
            .filter(|user| user.room.is_some() && user.room == room);
        here.map(|user| (user.session, user.name)).collect()
    }

    fn enter(&mut self, session: SessionId, room: i32) {
        let entry = |name| UserEntry { unique_id: 1, name };
        let others = self.members(Some(room));
        let users = others.iter().map(|&(_, name)| entry(name)).collect();
        self.send(session, &enter_response(ResultCode::None));
        self.send(session, &UserListNotify { users });
        let newcomer = self.user(session);
        newcomer.room = Some(room);
        let user = entry(newcomer.name);
        for (other, _) in others {
            self.send(other, &NewUserNotify { user });
        }
    }

    fn chat(&mut self, session: SessionId, said: ChatRequest) {
        self.send(session, &chat_response(ResultCode::None));
        let User { name, room, .. } = *self.user(session);
        let notify = ChatNotify {
            user: name,
            message: said.message,
        };
        for (member, _) in self.members(room) {
            self.send(member, &notify);
        }
    }
}

impl SessionEvents for Lobby {
    fn opened(&mut self, _: SessionId, peer: SocketAddr) {
        self.peers.lock().unwrap().push(peer.ip());
    }

    fn frames(&mut self, session: SessionId, frames: FrameRun<'_>) {
        frames.for_each(|frame| self.answer(session, frame));
    }

    fn input_ended(&mut self, session: SessionId) {
        self.wants.push(Want::Finish(session));
    }

    fn closed(&mut self, session: SessionId, _: &CloseReason) {
        self.users.retain(|user| user.session != session);
    }
}

impl Lobby {
    fn answer(&mut self, session: SessionId, frame: Frame<'_>) {
        match frame.id {
            id::ECHO => {
                let mut echo = Header::new(id::ECHO, frame.body.len()).to_bytes().to_vec();
                echo.extend_from_slice(frame.body);
                self.wants.push(Want::Send(session, echo));
            }
            id::LOGIN_REQUEST => {
                let name = LoginRequest::decode(frame.body).unwrap().user;
                let taken = self.users.iter().any(|user| user.name == name);
                assert!(!taken, "{name} logs in twice");
                self.users.push(User {
                    session,
                    name,
                    room: None,
                });
                self.wants.push(Want::LogIn(session));
                self.send(session, &login_response(ResultCode::None));
            }
            id::ENTER_REQUEST => {
                self.enter(session, EnterRequest::decode(frame.body).unwrap().room)
            }
            id::LEAVE_REQUEST => {
                self.user(session).room = None;
                self.send(session, &leave_response(ResultCode::None));
            }
            id::CHAT_REQUEST => self.chat(session, ChatRequest::decode(frame.body).unwrap()),
            id => panic!("a bot sends {id}"),
        }
        self.wants.push(Want::Handled(session));
    }
}
