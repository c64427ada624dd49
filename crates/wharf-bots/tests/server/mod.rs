//! A chat server for tests: the classic packets over `wharf-net`, and not one rule more.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use wharf_base::{Instant, SessionId};
use wharf_net::{Admission, CloseReason, Net, NetLimits, Origin, Outgoing, SessionEvents};
use wharf_port::{Backend, BackendWish, NativePort, Port, PortOptions, Waker, choose};
use wharf_wire::classic::{
    ChatNotify, ChatRequest, EnterRequest, LoginRequest, NewUserNotify, ResultCode, UserEntry,
    UserListNotify, UserName, chat_response, enter_response, id, leave_response, login_response,
};
use wharf_wire::{Frame, Packet, SendClass};

/// A server in a thread of its own, until it is dropped.
pub(crate) struct TinyServer {
    backend: BackendWish,
    address: SocketAddr,
    peers: Arc<Mutex<Vec<IpAddr>>>,
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl TinyServer {
    /// A server on each kind of port that this machine permits, one after the other.
    pub(crate) fn on_each_port() -> impl Iterator<Item = Self> {
        let wishes = [
            BackendWish::Uring,
            BackendWish::Readiness,
            BackendWish::Iocp,
        ];
        wishes
            .into_iter()
            .filter_map(|wish| Some(Self::start(wish, choose(wish).ok()?.backend)))
    }

    fn start(wish: BackendWish, backend: Backend) -> Self {
        let (sender, receiver) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let peers = Arc::default();
        let (stopping, seen) = (Arc::clone(&stop), Arc::clone(&peers));
        let thread = std::thread::spawn(move || match backend {
            #[cfg(target_os = "linux")]
            Backend::Uring => serve_on::<wharf_port::UringPort>(&sender, seen, &stopping),
            #[cfg(unix)]
            Backend::Readiness => serve_on::<wharf_port::ReadinessPort>(&sender, seen, &stopping),
            #[cfg(windows)]
            Backend::Iocp => serve_on::<wharf_port::IocpPort>(&sender, seen, &stopping),
        });
        let (address, waker) = receiver.recv().unwrap();
        Self {
            backend: wish,
            address,
            peers,
            stop,
            waker,
            thread: Some(thread),
        }
    }

    pub(crate) fn backend(&self) -> BackendWish {
        self.backend
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn peers_from(&self, address: &str) -> usize {
        let address: IpAddr = address.parse().unwrap();
        self.peers
            .lock()
            .unwrap()
            .iter()
            .filter(|&&peer| peer == address)
            .count()
    }
}

impl Drop for TinyServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
        let ended = self.thread.take().unwrap().join();
        assert!(
            std::thread::panicking() || ended.is_ok(),
            "the server panicked"
        );
    }
}

fn serve_on<P: NativePort>(
    ready: &SyncSender<(SocketAddr, Waker)>,
    peers: Arc<Mutex<Vec<IpAddr>>>,
    stop: &AtomicBool,
) {
    let limits = NetLimits {
        inbound_packets_per_second: 0,
        inbound_bytes_per_second: 0,
        ..NetLimits::for_sessions(256, 1)
    };
    let mut port = P::open(&PortOptions::for_sockets(limits.sockets_per_port(1))).unwrap();
    let admission = Arc::new(Admission::new(&limits));
    let mut net = Net::new(0, limits, admission);
    let address = net
        .listen(&mut port, "127.0.0.1:0".parse().unwrap())
        .unwrap();
    ready.send((address, port.waker())).unwrap();
    let lobby = Lobby {
        peers,
        ..Lobby::default()
    };
    serve(&mut port, &mut net, lobby, stop);
}

fn serve(port: &mut impl Port, net: &mut Net, mut lobby: Lobby, stop: &AtomicBool) {
    let mut batch = Vec::with_capacity(64);
    let mut now = Instant::ZERO;
    while !net.is_shut_down() {
        if stop.load(Ordering::Acquire) {
            net.begin_shutdown(now);
        }
        now = port.wait(&mut batch, net.next_deadline()).unwrap();
        for completion in batch.drain(..) {
            net.handle_completion(now, completion, port, &mut lobby);
            lobby.carry_out(now, net);
        }
        net.handle_timeout(now, port, &mut lobby);
        net.flush(now, port, &mut lobby);
        lobby.carry_out(now, net);
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
                Want::Finish(session) => net.finish(session, CloseReason::PeerClosed),
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

    fn frame(&mut self, session: SessionId, frame: Frame<'_>) {
        match frame.id {
            id::ECHO => {
                let mut echo = wharf_wire::Header::new(id::ECHO, frame.body.len())
                    .to_bytes()
                    .to_vec();
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

    fn input_ended(&mut self, session: SessionId) {
        self.wants.push(Want::Finish(session));
    }

    fn closed(&mut self, session: SessionId, _: &CloseReason) {
        self.users.retain(|user| user.session != session);
    }
}
