//! The network: threads that wait on one completion port, and what they and the logic's threads do
//! with the sessions.
//!
//! Receiving is a matter of the network's threads. Sending is a matter of whoever has something to
//! say: a logic thread submits a send itself, and one of the network's threads hears of its end.
//!
//! Each place has a lock, which is held for a moment only: no handler is called meanwhile, nothing
//! is waited for, and no other place is locked.

use crate::SessionId;
use crate::application::Sessions;
use crate::host::{Event, Host, Keeper};
use crate::load::Counters;
use crate::outgoing::Outgoing;
use crate::pool::{Packet, Pool};
use crate::session::{Own, Place, Session};
use crate::sys::Buffer;
use std::io;
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use t01_echo::acceptor::{self, Seats};
use t01_echo::port::Port;
use t01_echo::sys::Kind;
use t01_echo::{descriptors, sys};
use t02_memory::sys::Lent;

/// The most that one packet brings.
pub const PACKET_BYTES: usize = 4096;
/// How often one looks for silence in the time that is allowed.
const LOOKS: u32 = 8;

/// The network.
pub struct Network<O: Outgoing> {
    port: Arc<Port<Buffer<O::Portion>>>,
    address: SocketAddr,
    newcomers: Mutex<Receiver<TcpStream>>,
    seats: Arc<Seats>,
    places: Vec<Mutex<Place<O>>>,
    free: Mutex<Vec<usize>>,
    pool: Pool,
    /// What each session begins with.
    outgoing: O,
    idle: Duration,
    host: Arc<Host>,
}

impl<O: Outgoing> Network<O> {
    /// Makes everything, and begins to accept. What happens is told to `host`.
    ///
    /// # Errors
    /// The system's: the port is taken, say.
    pub fn open(
        settings: &t03_events::Settings,
        packets: usize,
        outgoing: O,
        host: Arc<Host>,
    ) -> io::Result<Arc<Self>> {
        descriptors::provide(settings.clients_max)?;
        let listener = acceptor::listen(settings.port)?;
        let address = listener.local_addr()?;
        let port = Arc::new(Port::new(settings.trace)?);
        let seats = Seats::new(settings.clients_max);
        let (to_network, newcomers) = mpsc::channel();
        acceptor::start(listener, seats.clone(), to_network, port.clone());
        let places = (0..settings.clients_max).map(|_| Mutex::new(Place::empty()));
        Ok(Arc::new(Network {
            port,
            address,
            newcomers: Mutex::new(newcomers),
            seats,
            places: places.collect(),
            free: Mutex::new((0..settings.clients_max).rev().collect()),
            pool: Pool::new(packets, PACKET_BYTES),
            outgoing,
            idle: Duration::from_millis(settings.idle_ms),
            host,
        }))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The packets.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// What one thread of the network does, for ever. One of them, the one that `looks`, sees to
    /// those who are silent.
    ///
    /// # Errors
    /// The system's, if the port breaks.
    pub fn run(&self, looks: bool, counters: &Counters) -> io::Result<()> {
        let mut next_look = looks.then(Instant::now);
        loop {
            let until_look = next_look.map(|at| at.saturating_duration_since(Instant::now()));
            counters.count_wait();
            let event = self.port.wait(until_look)?;
            let begun = Instant::now();
            match event {
                sys::Event::Completed(operation, result) => match operation.kind {
                    Kind::Receive => self.on_received(operation, result),
                    Kind::Send => self.on_sent(operation, result),
                },
                sys::Event::Woken => self.greet_newcomers(),
                sys::Event::TimeUp => {}
            }
            if next_look.is_some_and(|at| at <= begun) {
                self.look_for_silence(begun);
                next_look = Some(begun + self.idle / LOOKS);
            }
            counters.count_handled(1, begun);
        }
    }
}

/// What an application asks, on a thread of the logic.
impl<O: Outgoing> Sessions for Network<O> {
    fn send(&self, id: SessionId, message: &[u8]) {
        let mut place = self.place(id.index);
        let Some(session) = place.named(id).filter(|session| !session.is_cut) else {
            return;
        };
        if session.outgoing.push(message) {
            self.send_next(session);
        } else {
            self.cut(session, "it reads too slowly");
            self.settle(&mut place);
        }
    }

    fn close(&self, id: SessionId, why: &str) {
        let mut place = self.place(id.index);
        if let Some(session) = place.named(id) {
            session.end(why);
            self.settle(&mut place);
        }
    }
}

/// What the host asks, on the same threads.
impl<O: Outgoing> Keeper for Network<O> {
    fn give_back(&self, lent: Lent) {
        let mut back = Some(lent);
        // If somebody stands in line it goes on; who has ended meanwhile needs no packet any more.
        while let Some((index, lent)) = back.take().and_then(|lent| self.pool.give_back(lent)) {
            let mut place = self.place(index);
            back = match place.session.as_mut().filter(|session| session.is_in_line) {
                Some(session) => {
                    session.is_in_line = false;
                    self.receive_into(session, lent)
                }
                None => Some(lent),
            };
        }
    }

    fn on_handled(&self, id: SessionId) {
        let mut place = self.place(id.index);
        let session = place.session_mut();
        session.unhandled -= 1;
        session.last_heard = Instant::now();
        self.settle(&mut place);
    }
}

/// What the kernel answers, on a thread of the network.
impl<O: Outgoing> Network<O> {
    /// One thread at a time, so that who comes first sits in front.
    fn greet_newcomers(&self) {
        let newcomers = lock(&self.newcomers);
        while let Ok(socket) = newcomers.try_recv() {
            if let Err(error) = self.greet(socket) {
                self.seats.give_back();
                println!("a connection was gone before it was greeted: {error}");
            }
        }
    }

    fn greet(&self, socket: TcpStream) -> io::Result<()> {
        let address = socket.peer_addr()?;
        socket.set_nodelay(true)?;
        self.port.add(&socket)?;
        let index = lock(&self.free).pop().expect("a seat is a place");
        let mut place = self.place(index);
        let generation = place.generation;
        let id = SessionId { index, generation };
        println!("{address} connected as {id}");
        let session = Session::new(id, socket, address, self.outgoing.clone());
        let session = place.session.insert(session);
        self.tell(session, Event::Connected);
        self.receive(session);
        Ok(())
    }

    fn on_received(&self, mut operation: Box<Own<O>>, result: io::Result<usize>) {
        let index = operation.session;
        let buffer = mem::take(&mut operation.buffer);
        let mut place = self.place(index);
        let session = place.session_mut();
        session.receiving = Some(operation);
        session.last_heard = Instant::now();
        let unused = match (buffer, result) {
            (Buffer::Lent(lent), Ok(bytes @ 1..)) => {
                // Before the next receive is armed: its packet must not come before this one.
                let packet = Packet { lent, bytes };
                self.tell(session, Event::Received(packet));
                self.receive(session);
                None
            }
            (Buffer::Lent(lent), Ok(_)) => {
                session.end("it said goodbye");
                Some(lent)
            }
            // Something has come; what it is, be it the end, takes a packet to find out.
            (_, Ok(_)) => self.borrow(session),
            (buffer, Err(error)) => {
                // Who ends already may have been cancelled for that, and is still owed answers.
                if session.ends.is_none() {
                    self.cut(session, &error.to_string());
                }
                match buffer {
                    Buffer::Lent(lent) => Some(lent),
                    Buffer::None | Buffer::Portion(_) => None,
                }
            }
        };
        self.settle(&mut place);
        drop(place);
        if let Some(lent) = unused {
            self.give_back(lent);
        }
    }

    fn on_sent(&self, mut operation: Box<Own<O>>, result: io::Result<usize>) {
        let mut place = self.place(operation.session);
        let session = place.session_mut();
        session.last_sent = Instant::now();
        operation.span.start += *result.as_ref().unwrap_or(&0);
        if result.is_ok() && !operation.span.is_empty() && !session.is_cut {
            return self.port.send(&session.socket, operation);
        }
        operation.buffer = Buffer::None;
        session.sending = Some(operation);
        match result {
            Err(error) => self.cut(session, &error.to_string()),
            Ok(_) => {
                self.send_next(session);
                self.receive(session);
            }
        }
        self.settle(&mut place);
    }

    /// Tells of those who say nothing, and cuts those who read nothing.
    fn look_for_silence(&self, now: Instant) {
        for place in &self.places {
            let mut place = lock(place);
            let Some(session) = &mut place.session else {
                continue;
            };
            let is_long_ago = |then: Instant| then + self.idle <= now;
            // Only who is listened to can be silent; who waits for the logic is not.
            let is_listened_to = session.ends.is_none() && session.receiving.is_none();
            if !session.has_sent_all() && is_long_ago(session.last_sent) {
                self.cut(session, "it does not read");
                self.settle(&mut place);
            } else if is_listened_to && session.unhandled == 0 && is_long_ago(session.last_heard) {
                self.tell(session, Event::TimedOut);
            }
        }
    }
}

/// What goes on within, under the lock of the session's place.
impl<O: Outgoing> Network<O> {
    fn place(&self, index: usize) -> MutexGuard<'_, Place<O>> {
        lock(&self.places[index])
    }

    /// Tells the logic.
    fn tell(&self, session: &mut Session<O>, event: Event) {
        session.unhandled += 1;
        self.host.post(session.id, event);
    }

    /// Waits for input, without a packet; but not while something waits to be sent: who does not
    /// read is not read from.
    fn receive(&self, session: &mut Session<O>) {
        if session.ends.is_some() || session.is_in_line || !session.has_sent_all() {
            return;
        }
        if let Some(mut operation) = session.receiving.take() {
            session.last_heard = Instant::now();
            operation.span = 0..0;
            self.port.receive(&session.socket, operation);
        }
    }

    /// Borrows a packet to receive into, or stands in line for one. Returns what it cannot use.
    fn borrow(&self, session: &mut Session<O>) -> Option<Lent> {
        let lent = self.pool.lend(session.id.index);
        session.is_in_line = lent.is_none();
        self.receive_into(session, lent?)
    }

    fn receive_into(&self, session: &mut Session<O>, mut lent: Lent) -> Option<Lent> {
        let Some(mut operation) = session.receiving.take_if(|_| session.ends.is_none()) else {
            return Some(lent);
        };
        operation.span = 0..lent.bytes_mut().len();
        operation.buffer = Buffer::Lent(lent);
        self.port.receive(&session.socket, operation);
        None
    }

    /// Sends the next portion of what waits, if none is being sent.
    fn send_next(&self, session: &mut Session<O>) {
        let Some(mut operation) = session.sending.take_if(|_| !session.outgoing.is_empty()) else {
            return;
        };
        if let Some((portion, bytes)) = session.outgoing.next() {
            session.last_sent = Instant::now();
            operation.span = 0..bytes;
            operation.buffer = Buffer::Portion(portion);
            self.port.send(&session.socket, operation);
        }
    }

    /// Ends a session, whatever waits to be sent.
    fn cut(&self, session: &mut Session<O>, why: &str) {
        session.is_cut = true;
        session.outgoing.clear();
        self.port.cancel(&session.socket);
        session.end(why);
    }

    /// Goes on with the end of a session: no input is under way; the logic knows of the end; all
    /// that it had to say has been sent. Then nobody has anything of it any more, and the place is
    /// free.
    fn settle(&self, place: &mut Place<O>) {
        let Some(session) = place
            .session
            .as_mut()
            .filter(|session| session.ends.is_some())
        else {
            return;
        };
        if session.receiving.is_none() {
            // What is being sent would be cancelled too, so that comes first.
            if session.has_sent_all() {
                self.port.cancel(&session.socket);
            }
            return;
        }
        if !session.end_is_told {
            session.end_is_told = true;
            self.tell(session, Event::Closed);
        }
        if session.has_left() && session.has_sent_all() {
            self.free(place);
        }
    }

    fn free(&self, place: &mut Place<O>) {
        place.generation += 1;
        if let Some(Session {
            id, address, ends, ..
        }) = place.session.take()
        {
            let why = ends.unwrap_or_default();
            println!("{address} disconnected, which was {id}: {why}");
            lock(&self.free).push(id.index);
            self.seats.give_back();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics with a lock")
}
