//! Packets in, packets out: what arrives is gathered in one ring, what is to leave in another.
//!
//! ```text
//!  kernel -> operation -> incoming ring -> packets
//!                                             |
//!                                          handler
//!                                             v
//!  kernel <- operation <- outgoing ring <- answers
//! ```
//!
//! Neither ring grows. A packet is handled when there is room for its answer, and bytes are
//! received when there is room for them; so who does not read is not read from.

use crate::packet::{BadLength, PACKET_BYTES_MAX, Packet};
use crate::ring::Ring;
use crate::sessions::{SessionId, Sessions};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use t01_echo::acceptor::{self, Seats};
use t01_echo::descriptors;
use t01_echo::port::Port;
use t01_echo::sys::{Event, Kind, Operation};

/// What a ring keeps.
pub const RING_BYTES: usize = 8 * 1024;
/// What one operation moves.
const OPERATION_BYTES: usize = 1024;

/// The packet ids that are handled: what one says comes back; how many are here.
pub const ECHO: u16 = 1;
/// Asks how many sessions there are. The answer has the same id, and a number of four bytes.
pub const COUNT: u16 = 2;

/// What may be chosen on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Where to listen; 0 is any port that is free
    #[arg(long, default_value_t = lesson_lab::PORT)]
    pub port: u16,
    /// How many clients may be here at once
    #[arg(long, default_value_t = 100)]
    pub clients_max: usize,
    /// Print each submission and each completion
    #[arg(long)]
    pub trace: bool,
}

type Own = Operation<Box<[u8]>>;

/// A session.
///
/// Invariant: an operation is either home, here, or away, in the kernel.
struct Session {
    id: SessionId,
    socket: TcpStream,
    address: SocketAddr,
    incoming: Ring,
    outgoing: Ring,
    receiving: Option<Box<Own>>,
    sending: Option<Box<Own>>,
    /// Why it ends, if it does.
    ends: Option<String>,
}

/// The server.
pub struct Server {
    port: Arc<Port<Box<[u8]>>>,
    address: SocketAddr,
    newcomers: Receiver<TcpStream>,
    seats: Arc<Seats>,
    sessions: Sessions<Session>,
}

impl Server {
    /// Makes everything, and begins to accept.
    ///
    /// # Errors
    /// The system's: the port is taken, say.
    pub fn start(settings: &Settings) -> io::Result<Server> {
        descriptors::provide(settings.clients_max)?;
        let listener = acceptor::listen(settings.port)?;
        let address = listener.local_addr()?;
        let port = Arc::new(Port::new(settings.trace)?);
        let seats = Seats::new(settings.clients_max);
        let (to_server, newcomers) = mpsc::channel();
        acceptor::start(listener, seats.clone(), to_server, port.clone());
        Ok(Server {
            port,
            address,
            newcomers,
            seats,
            sessions: Sessions::new(settings.clients_max),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// The system's, if the port breaks.
    pub fn run(mut self) -> io::Result<()> {
        loop {
            match self.port.wait(None)? {
                Event::Completed(operation, result) => self.on_completed(operation, result),
                Event::Woken | Event::TimeUp => self.greet_newcomers(),
            }
        }
    }

    fn greet_newcomers(&mut self) {
        while let Ok(socket) = self.newcomers.try_recv() {
            match self.greet(socket) {
                Ok(id) => self.go_on(id),
                Err(error) => {
                    self.seats.give_back();
                    println!("a connection was gone before it was greeted: {error}");
                }
            }
        }
    }

    fn greet(&mut self, socket: TcpStream) -> io::Result<SessionId> {
        let address = socket.peer_addr()?;
        socket.set_nodelay(true)?;
        self.port.add(&socket)?;
        let make = |id| Session::new(id, socket, address);
        let id = self.sessions.insert(make).expect("a seat is a place");
        println!("{address} connected: {} are here", self.sessions.count());
        Ok(id)
    }

    fn on_completed(&mut self, mut operation: Box<Own>, result: io::Result<usize>) {
        let session = self.sessions.at_mut(operation.session);
        let session = session.expect("here until nothing is away");
        match (operation.kind, result) {
            (Kind::Receive, Ok(bytes @ 1..)) => {
                let has_room = session.incoming.write(&operation.buffer[..bytes]);
                assert!(has_room, "room was made before it was received");
            }
            (Kind::Receive, Ok(0)) => session.end("it said goodbye"),
            (Kind::Send, Ok(bytes)) => operation.span.start += bytes,
            (_, Err(error)) => {
                operation.span = 0..0;
                session.outgoing.clear();
                session.end(&error.to_string());
                self.port.cancel(&session.socket);
            }
        }
        match operation.kind {
            Kind::Receive => session.receiving = Some(operation),
            Kind::Send if operation.span.is_empty() => session.sending = Some(operation),
            Kind::Send => self.port.send(&session.socket, operation),
        }
        let id = session.id;
        self.go_on(id);
    }

    /// Handles, sends and receives whatever there is and is room for.
    fn go_on(&mut self, id: SessionId) {
        let count = self.sessions.count();
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if let Err(BadLength(length)) = session.handle_packets(count) {
            session.end(&format!("no packet has a length of {length}"));
        }
        if let Some(mut operation) = session.next_to_send() {
            let bytes = session.outgoing.len().min(OPERATION_BYTES);
            operation.span = 0..bytes;
            let is_there = session.outgoing.read(&mut operation.buffer[..bytes]);
            assert!(is_there, "as many as there are");
            self.port.send(&session.socket, operation);
        }
        if let Some(mut operation) = session.next_to_receive() {
            operation.span = 0..OPERATION_BYTES;
            self.port.receive(&session.socket, operation);
        }
        if session.has_ended() {
            if session.receiving.is_none() {
                return self.port.cancel(&session.socket);
            }
            let why = session.ends.take().unwrap_or_default();
            println!("{} disconnected: {why}", session.address);
            self.sessions.remove(id);
            self.seats.give_back();
        }
    }
}

impl Session {
    fn new(id: SessionId, socket: TcpStream, address: SocketAddr) -> Session {
        let buffer = || vec![0; OPERATION_BYTES].into_boxed_slice();
        Session {
            id,
            socket,
            address,
            incoming: Ring::new(RING_BYTES),
            outgoing: Ring::new(RING_BYTES),
            receiving: Some(Operation::new(id.index(), buffer())),
            sending: Some(Operation::new(id.index(), buffer())),
            ends: None,
        }
    }

    /// Handles the packets that are whole, for as long as there is room for an answer.
    fn handle_packets(&mut self, sessions: usize) -> Result<(), BadLength> {
        while self.ends.is_none() && self.outgoing.free() >= PACKET_BYTES_MAX {
            let Some(packet) = Packet::take(&mut self.incoming)? else {
                break;
            };
            let Some(answer) = answer(packet, sessions) else {
                self.end("no packet has that id");
                break;
            };
            let has_room = self.outgoing.write(&answer.to_bytes());
            assert!(has_room, "looked at above");
        }
        Ok(())
    }

    fn next_to_send(&mut self) -> Option<Box<Own>> {
        self.sending.take_if(|_| !self.outgoing.is_empty())
    }

    fn next_to_receive(&mut self) -> Option<Box<Own>> {
        let has_room = self.incoming.free() >= OPERATION_BYTES;
        self.receiving.take_if(|_| has_room && self.ends.is_none())
    }

    fn end(&mut self, why: &str) {
        self.ends.get_or_insert_with(|| why.to_string());
    }

    /// Whether it ends, and what it was answered has left.
    fn has_ended(&self) -> bool {
        self.ends.is_some() && self.sending.is_some() && self.outgoing.is_empty()
    }
}

/// What a packet is answered; `None` if nobody knows what it means.
fn answer(packet: Packet, sessions: usize) -> Option<Packet> {
    let body = match packet.id {
        ECHO => packet.body,
        COUNT => (sessions as u32).to_le_bytes().to_vec(),
        _ => return None,
    };
    Some(Packet {
        id: packet.id,
        body,
    })
}
