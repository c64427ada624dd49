//! The loop on the completion port: from completions to events.

use crate::Application;
use crate::session::{Own, Session, SessionId};
use crate::sys::Buffer;
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use t01_echo::acceptor::{self, Seats};
use t01_echo::descriptors;
use t01_echo::port::Port;
use t01_echo::sys::{Event, Kind};
use t02_memory::sys::{Lent, Slab};

/// Buffers to receive into. A session has one for a moment only: between hearing that something
/// has come, and having told the application.
const BUFFERS: usize = 64;
const BUFFER_BYTES: usize = 4096;
/// How often one looks for silence in the time that is allowed.
const LOOKS: u32 = 8;

/// What may be chosen on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Where to listen; 0 is any port that is free
    #[arg(long, default_value_t = lesson_lab::PORT)]
    pub port: u16,
    /// How many clients may be here at once
    #[arg(long, default_value_t = 100)]
    pub clients_max: usize,
    /// After how many milliseconds a client that says nothing, or reads nothing, has timed out
    #[arg(long, default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub idle_ms: u64,
    /// Print each submission and each completion
    #[arg(long)]
    pub trace: bool,
}

/// The network, as an application sees it.
pub struct Network {
    port: Arc<Port<Buffer>>,
    address: SocketAddr,
    newcomers: Receiver<TcpStream>,
    seats: Arc<Seats>,
    places: Vec<Place>,
    free: Vec<usize>,
    slab: Slab,
    /// Sessions with input and no buffer, the first of them first.
    line: VecDeque<usize>,
    /// Sessions that may have ended.
    ending: Vec<usize>,
    idle: Duration,
    next_look: Instant,
}

/// Where one session after another is kept.
#[derive(Default)]
struct Place {
    session: Option<Session>,
    generation: u32,
}

/// What an application asks.
impl Network {
    /// Makes everything, and begins to accept.
    ///
    /// # Errors
    /// The system's: the port is taken, say.
    pub fn open(settings: &Settings) -> io::Result<Network> {
        descriptors::provide(settings.clients_max)?;
        let listener = acceptor::listen(settings.port)?;
        let address = listener.local_addr()?;
        let port = Arc::new(Port::new(settings.trace)?);
        let seats = Seats::new(settings.clients_max);
        let (to_network, newcomers) = mpsc::channel();
        acceptor::start(listener, seats.clone(), to_network, port.clone());
        Ok(Network {
            port,
            address,
            newcomers,
            seats,
            places: std::iter::repeat_with(Place::default)
                .take(settings.clients_max)
                .collect(),
            free: (0..settings.clients_max).rev().collect(),
            slab: Slab::new(BUFFERS, BUFFER_BYTES),
            line: VecDeque::new(),
            ending: Vec::new(),
            idle: Duration::from_millis(settings.idle_ms),
            next_look: Instant::now(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends the message, behind those given before. Who leaves too much unread is cut; for who is
    /// gone nothing happens.
    pub fn send(&mut self, id: SessionId, message: &[u8]) {
        let Some(session) = self.session_mut(id).filter(|session| !session.is_cut) else {
            return;
        };
        if session.push(message) {
            self.send_next(id.index);
        } else {
            self.cut(id.index, "it reads too slowly");
        }
    }

    /// Ends the session, once all that waits has been sent.
    pub fn close(&mut self, id: SessionId, why: &str) {
        if self.session_mut(id).is_some() {
            self.end(id.index, why);
        }
    }

    /// The session of that name, if it is still here.
    fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let session = self.places.get_mut(id.index)?.session.as_mut();
        session.filter(|session| session.id == id)
    }
}

/// What the kernel answers.
impl Network {
    /// Tells the application what happens, for ever.
    ///
    /// # Errors
    /// The system's, if the port breaks.
    pub fn run(mut self, application: &mut impl Application) -> io::Result<()> {
        loop {
            let until_look = self.next_look.saturating_duration_since(Instant::now());
            match self.port.wait(Some(until_look))? {
                Event::Completed(operation, result) => match operation.kind {
                    Kind::Receive => self.on_received(application, operation, result),
                    Kind::Send => self.on_sent(application, operation, result),
                },
                Event::Woken => self.greet_newcomers(application),
                Event::TimeUp => {}
            }
            self.look_for_silence(application);
            while let Some(index) = self.ending.pop() {
                self.settle(application, index);
            }
        }
    }

    fn greet_newcomers(&mut self, application: &mut impl Application) {
        while let Ok(socket) = self.newcomers.try_recv() {
            match self.greet(socket) {
                Ok(id) => {
                    // First the application hears of it, then it is received from.
                    if !cfg!(feature = "faulty") {
                        self.tell_of(application, id);
                    }
                    self.receive(id.index);
                }
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
        let index = self.free.pop().expect("a seat is a place");
        let place = &mut self.places[index];
        let generation = place.generation;
        let id = SessionId { index, generation };
        place.session = Some(Session::new(id, socket, address));
        println!("{address} connected as {id}");
        Ok(id)
    }

    fn on_received(
        &mut self,
        application: &mut impl Application,
        mut operation: Box<Own>,
        result: io::Result<usize>,
    ) {
        let index = operation.session;
        let buffer = mem::take(&mut operation.buffer);
        let session = at(&mut self.places, index);
        let id = session.id;
        session.receiving = Some(operation);
        session.last_heard = Instant::now();
        match (buffer, result) {
            (Buffer::Lent(mut lent), Ok(bytes)) => {
                if bytes == 0 {
                    self.end(index, "it said goodbye");
                } else {
                    self.report(application, id, &lent.bytes_mut()[..bytes]);
                }
                self.give_back(lent);
                self.receive(index);
            }
            // Something has come; what it is, be it the end, takes a buffer to find out.
            (_, Ok(_)) => self.borrow(index),
            (buffer, Err(error)) => {
                if let Buffer::Lent(lent) = buffer {
                    self.give_back(lent);
                }
                self.cut(index, &error.to_string());
            }
        }
    }

    fn on_sent(
        &mut self,
        application: &mut impl Application,
        mut operation: Box<Own>,
        result: io::Result<usize>,
    ) {
        let index = operation.session;
        let session = at(&mut self.places, index);
        session.last_sent = Instant::now();
        operation.span.start += *result.as_ref().unwrap_or(&0);
        if result.is_ok() && !operation.span.is_empty() && !session.is_cut {
            return self.port.send(&session.socket, operation);
        }
        operation.buffer = Buffer::None;
        session.sending = Some(operation);
        match result {
            Err(error) => self.cut(index, &error.to_string()),
            Ok(_) => {
                self.send_next(index);
                let session = at(&mut self.places, index);
                let id = session.id;
                if session.has_sent_all() {
                    application.on_sent(self, id);
                    self.receive(index);
                }
                // If it ends, this may be all that it has waited for.
                self.ending.push(index);
            }
        }
    }

    /// Tells of those who say nothing, and cuts those who read nothing.
    fn look_for_silence(&mut self, application: &mut impl Application) {
        let now = Instant::now();
        if now < self.next_look {
            return;
        }
        self.next_look = now + self.idle / LOOKS;
        for index in 0..self.places.len() {
            let Some(session) = &mut self.places[index].session else {
                continue;
            };
            let is_long_ago = |then: Instant| then + self.idle <= now;
            // Only who is listened to can be silent; who is being sent what it asked for is not.
            let is_listened_to = session.ends.is_none() && session.receiving.is_none();
            if !session.has_sent_all() && is_long_ago(session.last_sent) {
                self.cut(index, "it does not read");
            } else if is_listened_to && is_long_ago(session.last_heard) {
                session.last_heard = now;
                let id = session.id;
                self.tell_of(application, id);
                application.on_timeout(self, id);
            }
        }
    }

    /// Takes leave of a session that ends, once all is sent and nothing is away.
    fn settle(&mut self, application: &mut impl Application, index: usize) {
        let Some(session) = &self.places[index].session else {
            return;
        };
        if session.ends.is_none() || !session.has_sent_all() {
            return;
        }
        if session.receiving.is_none() {
            // It comes home by an error, which leads here again.
            return self.port.cancel(&session.socket);
        }
        let id = session.id;
        self.tell_of(application, id);
        let place = &mut self.places[index];
        place.generation += 1;
        if let Some(session) = place.session.take() {
            let why = session.ends.unwrap_or_default();
            println!("{} disconnected, which was {id}: {why}", session.address);
        }
        self.line.retain(|&waiting| waiting != index);
        self.free.push(index);
        self.seats.give_back();
        application.on_close(self, id);
    }
}

/// What goes on within.
impl Network {
    /// Waits for input, without a buffer; but not while something waits to be sent: who does not
    /// read is not read from.
    fn receive(&mut self, index: usize) {
        let session = at(&mut self.places, index);
        if session.ends.is_some() || !session.has_sent_all() {
            return;
        }
        if let Some(mut operation) = session.receiving.take() {
            session.last_heard = Instant::now();
            operation.span = 0..0;
            self.port.receive(&session.socket, operation);
        }
    }

    /// Borrows a buffer to receive into, or stands in line for one.
    fn borrow(&mut self, index: usize) {
        let Some(mut lent) = self.slab.lend() else {
            return self.line.push_back(index);
        };
        let session = at(&mut self.places, index);
        let Some(mut operation) = session.receiving.take() else {
            return self.give_back(lent);
        };
        operation.span = 0..lent.bytes_mut().len();
        operation.buffer = Buffer::Lent(lent);
        self.port.receive(&session.socket, operation);
    }

    /// Gives a buffer back, and lets the first in line have it.
    fn give_back(&mut self, lent: Lent) {
        self.slab.give_back(lent);
        if let Some(first) = self.line.pop_front() {
            self.borrow(first);
        }
    }

    /// Sends the next message that waits, if none is being sent.
    fn send_next(&mut self, index: usize) {
        let session = at(&mut self.places, index);
        if let Some((mut operation, message)) = session.next_to_send() {
            operation.span = 0..message.len();
            operation.buffer = Buffer::Message(message);
            self.port.send(&session.socket, operation);
        }
    }

    /// Ends a session as it wished, or as the application did.
    fn end(&mut self, index: usize, why: &str) {
        at(&mut self.places, index)
            .ends
            .get_or_insert_with(|| why.to_string());
        self.ending.push(index);
    }

    /// Ends a session, whatever waits to be sent.
    fn cut(&mut self, index: usize, why: &str) {
        let session = at(&mut self.places, index);
        session.cut();
        self.port.cancel(&session.socket);
        self.end(index, why);
    }

    /// Tells the application of a session, unless it knows.
    fn tell_of(&mut self, application: &mut impl Application, id: SessionId) {
        if let Some(session) = self.session_mut(id)
            && !session.is_known
        {
            session.is_known = true;
            application.on_connect(self, id);
        }
    }

    /// Tells the application what has come.
    fn report(&mut self, application: &mut impl Application, id: SessionId, bytes: &[u8]) {
        #[cfg(not(feature = "faulty"))]
        application.on_receive(self, id, bytes);
        // The faults: it is told under the name of who has come last; and that somebody has come
        // is told behind what they said.
        #[cfg(feature = "faulty")]
        {
            let others = self
                .places
                .iter()
                .filter_map(|place| place.session.as_ref());
            let last = others
                .max_by_key(|session| session.since)
                .map(|session| session.id);
            application.on_receive(self, last.unwrap_or(id), bytes);
            self.tell_of(application, id);
        }
    }
}

/// The session at that place.
fn at(places: &mut [Place], index: usize) -> &mut Session {
    let session = places[index].session.as_mut();
    session.expect("here until nothing is away")
}
