//! The echo server: one thread that waits on the completion port and does what comes of it.
//!
//! Each session has two operations, one to receive and one to send, made when the server starts.
//! An operation is either *home*, in its slot, or *away*, in the kernel. What was received is
//! copied to the sending operation when both are home; until then it waits where it is, and the
//! client, if it does not read, has to wait too.

use crate::acceptor::{self, Seats};
use crate::port::Port;
use crate::sys::{Event, Kind, Operation};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

/// The most that one receive brings.
pub const RECEIVE_BYTES: usize = 1024;

/// What may be chosen on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Where to listen; 0 is any port that is free
    #[arg(long, default_value_t = lesson_lab::PORT)]
    pub port: u16,
    /// What to say before each echo
    #[arg(long, default_value = "")]
    pub prefix: String,
    /// How many clients may be here at once
    #[arg(long, default_value_t = 100)]
    pub clients_max: usize,
    /// How many bytes the system keeps for each client that does not read [default: as it likes]
    #[arg(long)]
    pub unread_bytes: Option<usize>,
    /// Print each submission and each completion
    #[arg(long)]
    pub trace: bool,
}

/// An operation with a buffer of its own.
type Own = Operation<Box<[u8]>>;

/// What there is for one client.
///
/// Invariant: without a client both operations are home.
struct Slot {
    client: Option<Client>,
    /// Home, with what it received and nobody has sent yet; or away.
    receiving: Option<Box<Own>>,
    /// Home, with nothing to send; or away.
    sending: Option<Box<Own>>,
    /// Into the buffer that is being sent.
    #[cfg(feature = "faulty")]
    hole: Option<crate::sys::Hole>,
}

struct Client {
    socket: TcpStream,
    address: SocketAddr,
    /// Why it leaves, if it does. It has left when nothing is away any more.
    leaves: Option<String>,
}

/// The server.
pub struct Server {
    port: Arc<Port<Box<[u8]>>>,
    address: SocketAddr,
    newcomers: Receiver<TcpStream>,
    seats: Arc<Seats>,
    prefix: String,
    slots: Vec<Slot>,
    /// Slots without a client.
    free: Vec<usize>,
}

impl Server {
    /// Makes everything, and begins to accept.
    ///
    /// # Errors
    /// The system's, if the port is taken or there is no completion port.
    pub fn start(settings: &Settings) -> io::Result<Server> {
        crate::descriptors::provide(settings.clients_max)?;
        let listener = acceptor::listen(settings.port)?;
        acceptor::keep_unread(&listener, settings.unread_bytes)?;
        let address = listener.local_addr()?;
        let port = Arc::new(Port::new(settings.trace)?);
        let seats = Seats::new(settings.clients_max);
        let (to_server, newcomers) = mpsc::channel();
        acceptor::start(listener, seats.clone(), to_server, port.clone());
        let prefix_bytes = settings.prefix.len();
        Ok(Server {
            port,
            address,
            newcomers,
            seats,
            prefix: settings.prefix.clone(),
            slots: (0..settings.clients_max)
                .map(|session| Slot::new(session, prefix_bytes))
                .collect(),
            free: (0..settings.clients_max).rev().collect(),
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
        let operation = size_of::<Own>() + RECEIVE_BYTES;
        let of_one = size_of::<Slot>() + 2 * operation + self.prefix.len();
        self.slots.len() * of_one
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// The system's, if the port breaks.
    pub fn run(mut self) -> io::Result<()> {
        loop {
            match self.port.wait(None)? {
                Event::Completed(operation, result) => match operation.kind {
                    Kind::Receive => self.on_received(operation, result),
                    Kind::Send => self.on_sent(operation, result),
                },
                Event::Woken => self.greet_newcomers(),
                Event::TimeUp => unreachable!("there is all the time in the world"),
            }
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
        let mut receiving = slot.receiving.take().expect("home in a free slot");
        receiving.span = 0..RECEIVE_BYTES;
        self.port.receive(&socket, receiving);
        slot.client = Some(Client {
            socket,
            address,
            leaves: None,
        });
        Ok(())
    }

    fn on_received(&mut self, mut operation: Box<Own>, result: io::Result<usize>) {
        let session = operation.session;
        operation.span = 0..*result.as_ref().unwrap_or(&0);
        self.slots[session].receiving = Some(operation);
        match result {
            Ok(1..) => self.echo(session),
            Ok(0) => self.leave(session, "it said goodbye".into()),
            Err(error) => self.leave(session, error.to_string()),
        }
    }

    fn on_sent(&mut self, mut operation: Box<Own>, result: io::Result<usize>) {
        let session = operation.session;
        let slot = &mut self.slots[session];
        match result {
            Ok(bytes) => operation.span.start += bytes,
            Err(error) => {
                slot.sending = Some(operation);
                return self.leave(session, error.to_string());
            }
        }
        if !operation.span.is_empty() {
            return self.port.send(&slot.client().socket, operation);
        }
        slot.sending = Some(operation);
        self.echo(session);
    }

    /// Sends what was received, and receives again, once both operations are home.
    fn echo(&mut self, session: usize) {
        #[cfg(feature = "faulty")]
        self.write_over_what_is_pending(session);
        let slot = &mut self.slots[session];
        if slot.client().leaves.is_some() {
            return self.settle(session);
        }
        let Some((mut receiving, mut sending)) = slot.take_both() else {
            return;
        };
        let received = &receiving.buffer[receiving.span.clone()];
        let prefix = self.prefix.as_bytes();
        let (before, behind) = sending.buffer.split_at_mut(prefix.len());
        before.copy_from_slice(prefix);
        behind[..received.len()].copy_from_slice(received);
        sending.span = 0..prefix.len() + received.len();
        receiving.span = 0..RECEIVE_BYTES;
        #[cfg(feature = "faulty")]
        {
            slot.hole = Some(crate::sys::Hole::into(&mut sending));
        }
        let socket = &slot.client().socket;
        self.port.send(socket, sending);
        self.port.receive(socket, receiving);
    }

    /// Takes note of why a client leaves, and sees to it that what is away comes home.
    fn leave(&mut self, session: usize, why: String) {
        let slot = &mut self.slots[session];
        let client = slot.client.as_mut().expect("here until nothing is away");
        // With a send away it is the receive that has ended: who has only said goodbye still gets
        // what is being sent. With none away a receive may be, and would stay for as long as the
        // client likes.
        if slot.sending.is_some() {
            self.port.cancel(&client.socket);
        }
        client.leaves.get_or_insert(why);
        self.settle(session);
    }

    /// Frees the slot of a client that leaves, once nothing is away.
    fn settle(&mut self, session: usize) {
        let slot = &mut self.slots[session];
        if slot.receiving.is_none() || slot.sending.is_none() {
            return;
        }
        if let Some(Client {
            address, leaves, ..
        }) = slot.client.take()
        {
            self.free.push(session);
            self.seats.give_back();
            // Last: whoever reads it may come at once, and finds the seat free.
            println!("{address} disconnected: {}", leaves.unwrap_or_default());
        }
    }
}

impl Slot {
    fn new(session: usize, prefix_bytes: usize) -> Slot {
        let operation = |bytes| Some(Operation::new(session, vec![0; bytes].into_boxed_slice()));
        Slot {
            client: None,
            receiving: operation(RECEIVE_BYTES),
            sending: operation(prefix_bytes + RECEIVE_BYTES),
            #[cfg(feature = "faulty")]
            hole: None,
        }
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("here until nothing is away")
    }

    /// Both operations, if both are home.
    fn take_both(&mut self) -> Option<(Box<Own>, Box<Own>)> {
        let receiving = self.receiving.take_if(|_| self.sending.is_some())?;
        Some((receiving, self.sending.take()?))
    }
}

#[cfg(feature = "faulty")]
impl Server {
    /// The fault: one buffer for all that is sent, whether the kernel is done with it or not.
    fn write_over_what_is_pending(&mut self, session: usize) {
        let slot = &mut self.slots[session];
        let (None, Some(hole)) = (&slot.sending, &slot.hole) else {
            return;
        };
        if let Some(mut receiving) = slot.receiving.take() {
            hole.write(&receiving.buffer[receiving.span.clone()]);
            receiving.span = 0..RECEIVE_BYTES;
            self.port.receive(&slot.client().socket, receiving);
        }
    }
}
