//! The echo server whose sessions have a buffer only while there is something in it.
//!
//! Each session has one operation, and that goes round:
//!
//! ```text
//!  wait for input, without a buffer -> borrow one -> receive -> send from it -> give it back
//! ```
//!
//! There may be fewer buffers than clients. Who finds none stands in line; and who keeps one while
//! others stand in line, because it does not read, is cut.

use crate::sys::{Buffer, Slab};
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use t01_echo::acceptor::{self, Seats};
use t01_echo::descriptors;
use t01_echo::port::Port;
use t01_echo::sys::{Event, Kind, Operation};

/// How long a client may keep a buffer unmoved while somebody else needs one.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What may be chosen on the command line.
// clap would make a group of each struct, by its name, and step 1's is called `Settings` as well.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Settings {
    /// What step 1 has.
    #[command(flatten)]
    pub basic: t01_echo::server::Settings,
    /// How many buffers there are to lend
    #[arg(long, default_value_t = 16)]
    pub buffers: usize,
    /// How long each of them is
    #[arg(long, default_value_t = t01_echo::server::RECEIVE_BYTES)]
    pub buffer_bytes: usize,
}

type Borrowing = Operation<Buffer>;

/// What there is for one client.
///
/// Invariant: the operation is home without a client, and while its session stands in line.
struct Slot {
    client: Option<Client>,
    operation: Option<Box<Borrowing>>,
}

struct Client {
    socket: TcpStream,
    address: SocketAddr,
    connected: Instant,
    last_active: Instant,
    has_buffer: bool,
}

/// The server.
pub struct Server {
    port: Arc<Port<Buffer>>,
    address: SocketAddr,
    newcomers: Receiver<TcpStream>,
    seats: Arc<Seats>,
    prefix: String,
    slots: Vec<Slot>,
    free: Vec<usize>,
    slab: Slab,
    /// Sessions with input and no buffer, the first of them first.
    line: VecDeque<usize>,
    next_look: Instant,
}

impl Server {
    /// Makes everything, and begins to accept.
    ///
    /// # Errors
    /// If the settings do not go together; or the system's.
    pub fn start(settings: &Settings) -> io::Result<Server> {
        let basic = &settings.basic;
        check(settings)?;
        descriptors::provide(basic.clients_max)?;
        let listener = acceptor::listen(basic.port)?;
        acceptor::keep_unread(&listener, basic.unread_bytes)?;
        let address = listener.local_addr()?;
        let port = Arc::new(Port::new(basic.trace)?);
        let seats = Seats::new(basic.clients_max);
        let (to_server, newcomers) = mpsc::channel();
        acceptor::start(listener, seats.clone(), to_server, port.clone());
        Ok(Server {
            port,
            address,
            newcomers,
            seats,
            prefix: basic.prefix.clone(),
            slots: (0..basic.clients_max).map(Slot::new).collect(),
            free: (0..basic.clients_max).rev().collect(),
            slab: Slab::new(buffers(settings), settings.buffer_bytes),
            line: VecDeque::new(),
            next_look: Instant::now(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it keeps for its sessions, whether they are there or not.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of_one = size_of::<Slot>() + size_of::<Borrowing>();
        self.slots.len() * of_one + self.slab.bytes()
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// The system's, if the port breaks.
    pub fn run(mut self) -> io::Result<()> {
        loop {
            let at_most = (!self.line.is_empty()).then_some(PATIENCE);
            match self.port.wait(at_most)? {
                Event::Completed(operation, result) => self.on_completed(operation, result),
                Event::Woken => self.greet_newcomers(),
                Event::TimeUp => {}
            }
            self.make_room();
        }
    }

    fn greet_newcomers(&mut self) {
        while let Ok(socket) = self.newcomers.try_recv() {
            if let Err(error) = self.greet(socket) {
                self.seats.give_back();
                println!("a connection was gone before it was greeted: {error}");
            }
        }
    }

    fn greet(&mut self, socket: TcpStream) -> io::Result<()> {
        let address = socket.peer_addr()?;
        socket.set_nodelay(true)?;
        self.port.add(&socket)?;
        let session = self.free.pop().expect("a seat is a slot");
        let (taken, all) = (self.seats.taken(), self.seats.all);
        println!("{address} connected as session {session}: {taken} of {all}");
        let slot = &mut self.slots[session];
        slot.client = Some(Client::new(socket, address));
        let operation = slot.operation.take().expect("home in a free slot");
        self.wait_for_input(operation);
        Ok(())
    }

    /// One step further in the round.
    fn on_completed(&mut self, mut operation: Box<Borrowing>, result: io::Result<usize>) {
        let client = self.slots[operation.session].client_mut();
        let moved = match result {
            Ok(bytes) => bytes,
            Err(error) => return self.remove(operation, &error.to_string()),
        };
        client.last_active = Instant::now();
        match operation.kind {
            Kind::Receive if operation.buffer.0.is_none() => self.borrow(operation),
            Kind::Receive if moved == 0 => self.remove(operation, "it said goodbye"),
            Kind::Receive => {
                operation.span = 0..operation.span.start + moved;
                self.port.send(&client.socket, operation);
            }
            Kind::Send => {
                operation.span.start += moved;
                if operation.span.is_empty() {
                    self.wait_for_input(operation);
                } else {
                    self.port.send(&client.socket, operation);
                }
            }
        }
    }

    /// Gives the buffer back, and waits without one.
    fn wait_for_input(&mut self, mut operation: Box<Borrowing>) {
        // The fault: what a session has borrowed once, it keeps.
        if cfg!(feature = "faulty") {
            return self.borrow(operation);
        }
        self.give_back(&mut operation);
        operation.span = 0..0;
        let client = self.slots[operation.session].client_mut();
        client.has_buffer = false;
        self.port.receive(&client.socket, operation);
    }

    /// Borrows a buffer to receive into, behind the prefix; or stands in line for one.
    fn borrow(&mut self, mut operation: Box<Borrowing>) {
        let slot = &mut self.slots[operation.session];
        let Some(mut lent) = operation.buffer.0.take().or_else(|| self.slab.lend()) else {
            self.line.push_back(operation.session);
            slot.operation = Some(operation);
            return;
        };
        let bytes = lent.bytes_mut();
        bytes[..self.prefix.len()].copy_from_slice(self.prefix.as_bytes());
        operation.span = self.prefix.len()..bytes.len();
        operation.buffer = Buffer(Some(lent));
        let client = slot.client_mut();
        client.has_buffer = true;
        self.port.receive(&client.socket, operation);
    }

    /// Gives back what the operation has borrowed, and lets the first in line have it.
    fn give_back(&mut self, operation: &mut Borrowing) {
        let Some(lent) = operation.buffer.0.take() else {
            return;
        };
        self.slab.give_back(lent);
        if let Some(first) = self.line.pop_front() {
            let waiting = self.slots[first].operation.take();
            self.borrow(waiting.expect("home while it stands in line"));
        }
    }

    /// While somebody stands in line, cuts those who keep a buffer and do not read: the operation
    /// completes with an error, and what follows is as with any other.
    fn make_room(&mut self) {
        let now = Instant::now();
        if self.line.is_empty() || now < self.next_look {
            return;
        }
        self.next_look = now + PATIENCE;
        for client in self.slots.iter().filter_map(|slot| slot.client.as_ref()) {
            if client.has_buffer && client.last_active + PATIENCE < now {
                println!("{} keeps a buffer and does not read", client.address);
                self.port.cancel(&client.socket);
            }
        }
    }

    fn remove(&mut self, mut operation: Box<Borrowing>, why: &str) {
        self.give_back(&mut operation);
        let session = operation.session;
        let slot = &mut self.slots[session];
        slot.operation = Some(operation);
        let client = slot.client.take().expect("here until its operation ends");
        println!("{} disconnected {}: {why}", client.address, client.times());
        self.free.push(session);
        self.seats.give_back();
    }
}

impl Slot {
    fn new(session: usize) -> Slot {
        Slot {
            client: None,
            operation: Some(Operation::new(session, Buffer(None))),
        }
    }

    fn client_mut(&mut self) -> &mut Client {
        let client = self.client.as_mut();
        client.expect("here until its operation ends")
    }
}

impl Client {
    fn new(socket: TcpStream, address: SocketAddr) -> Client {
        let now = Instant::now();
        Client {
            socket,
            address,
            connected: now,
            last_active: now,
            has_buffer: false,
        }
    }

    /// How long it was here, and how long it had been silent.
    fn times(&self) -> String {
        let seconds = |since: Instant| since.elapsed().as_secs_f64();
        let (here, silent) = (seconds(self.connected), seconds(self.last_active));
        format!("after {here:.3} s, silent for {silent:.3} s")
    }
}

/// Whether the settings go together.
fn check(settings: &Settings) -> io::Result<()> {
    let prefix_bytes = settings.basic.prefix.len();
    if settings.buffers == 0 {
        return Err(io::Error::other(
            "without buffers nobody can be served: --buffers 1",
        ));
    }
    if settings.buffer_bytes <= prefix_bytes {
        let message = format!(
            "the prefix fills a buffer: --buffer-bytes {}",
            prefix_bytes + 64
        );
        return Err(io::Error::other(message));
    }
    Ok(())
}

/// How many buffers are made.
fn buffers(settings: &Settings) -> usize {
    // The fault: the buffers have moved from the operations to the sessions, and are as many.
    if cfg!(feature = "faulty") {
        2 * settings.basic.clients_max
    } else {
        settings.buffers
    }
}
