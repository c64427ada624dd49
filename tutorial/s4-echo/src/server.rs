//! The server: a table of seats for clients, a thread that accepts, workers at the port, and the
//! way all of it ends.
//!
//! A seat's number is the key of whoever sits there, so each packet says whose it is. That is
//! only true while **a seat is given to the next client no sooner than the last packet of the one
//! before has come**; [`Client::is_over`] knows when.

use crate::client::{Client, Counts};
use crate::injured::Port;
use s3_port::Look;
use s3_port::sys::{Alive, Io, Operation, Packet};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many there are of what.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Clients at a time; who comes when all seats are taken is told so.
    pub clients: usize,
    /// Threads at the port.
    pub workers: usize,
}

/// An echo server that runs until it is [stopped](Server::stop).
pub struct Server {
    hall: Arc<Hall>,
    address: SocketAddr,
    acceptor: JoinHandle<()>,
    workers: Vec<JoinHandle<io::Result<()>>>,
}

/// One client, as whoever looks after the server sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seated {
    /// Its number, until it leaves.
    pub seat: usize,
    /// Where it comes from, if the system still knows.
    pub address: Option<SocketAddr>,
    /// What it has sent and received.
    pub counts: Counts,
}

/// What a server leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    /// Of all clients there were.
    pub counts: Counts,
    /// What was not freed.
    pub alive: Alive,
}

impl Server {
    /// Starts to serve whoever comes to `listener`. Whoever looks at the messages may panic.
    ///
    /// # Errors
    /// If there is no port or no thread to be had.
    pub fn start(listener: TcpListener, limits: Limits, look: Box<Look>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let hall = Arc::new(Hall {
            port: Port::new()?,
            seats: (0..limits.clients).map(|_| Mutex::default()).collect(),
            free: Mutex::new((0..limits.clients).rev().collect()),
            freed: Condvar::new(),
            gone: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            look,
        });
        let at_work = hall.clone();
        let worker = |number| {
            let hall = at_work.clone();
            let named = thread::Builder::new().name(format!("worker {number}"));
            named.spawn(move || hall.work())
        };
        let workers = (1..=limits.workers)
            .map(worker)
            .collect::<io::Result<_>>()?;
        let at_door = hall.clone();
        let named = thread::Builder::new().name("acceptor".into());
        let acceptor = named.spawn(move || at_door.accept(&listener))?;
        Ok(Self {
            hall,
            address,
            acceptor,
            workers,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where one can come in from here: nobody can connect to "any address".
    fn door(&self) -> SocketAddr {
        let mut door = self.address;
        if door.ip().is_unspecified() {
            door.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        door
    }

    /// The port, to order errors from.
    pub fn port(&self) -> &Port {
        &self.hall.port
    }

    /// Who is there.
    pub fn clients(&self) -> Vec<Seated> {
        let seats = self.hall.seats.iter().enumerate();
        let seated = seats.filter_map(|(seat, place)| {
            let place = lock(place);
            let client = place.as_ref()?;
            let address = client.handle().socket().peer_addr().ok();
            Some(Seated {
                seat,
                address,
                counts: client.counts(),
            })
        });
        seated.collect()
    }

    /// Ends a client's connection, whatever it is doing. Whether there was one.
    pub fn kick(&self, seat: usize) -> bool {
        let hall = &self.hall;
        let Some(mut place) = hall.seats.get(seat).map(lock) else {
            return false;
        };
        let was_there = place.is_some();
        hall.turn(seat, &mut place, |client| client.end(&hall.port));
        // The reference's CloseSocket: the seat is free, whatever the kernel still has of it.
        if cfg!(feature = "faulty") {
            hall.leave(seat, &mut place);
        }
        was_there
    }

    /// Ends in good order. Nobody new is let in. Who is there gets the answer to all that was
    /// taken from them and then the end of the stream, and has as long as `grace` to end theirs.
    ///
    /// # Errors
    /// If the port or the acceptor cannot be told.
    ///
    /// # Panics
    /// If a thread had panicked.
    pub fn stop(self, grace: Duration) -> io::Result<Stopped> {
        let hall = &self.hall;
        hall.is_stopping.store(true, Ordering::Release);
        // It sleeps in `accept`; a client that comes wakes it.
        drop(TcpStream::connect(self.door())?);
        self.acceptor.join().expect("the acceptor panicked");

        hall.each_client(Client::drain);
        hall.wait_until_empty(grace);
        hall.each_client(|client| client.end(&hall.port));
        hall.wait_until_empty(Duration::MAX);

        for _ in &self.workers {
            hall.port.post(STOP)?;
        }
        for worker in self.workers {
            worker.join().expect("a worker panicked")?;
        }
        Ok(Stopped {
            counts: *lock(&hall.gone),
            alive: hall.port.alive(),
        })
    }
}

/// The key of the packet that ends a worker.
const STOP: usize = 0;

/// How long the acceptor waits after an error, if nobody leaves meanwhile: out of sockets, it
/// would fail again at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// What all threads share.
///
/// Invariant: a seat is either in `free` and empty, or taken. Who holds a seat's lock may take
/// another lock, but no other seat's.
struct Hall {
    port: Port,
    seats: Vec<Mutex<Option<Client>>>,
    free: Mutex<Vec<usize>>,
    freed: Condvar,
    /// What those had sent and received who have left.
    gone: Mutex<Counts>,
    is_stopping: AtomicBool,
    look: Box<Look>,
}

impl Hall {
    /// What the acceptor does. No error ends it.
    fn accept(&self, listener: &TcpListener) {
        loop {
            let seated = self.port.accept(listener);
            if self.is_stopping.load(Ordering::Acquire) {
                return;
            }
            if let Err(error) = seated.and_then(|socket| self.seat(socket)) {
                eprintln!("a client was not let in: {error}");
                drop(self.freed.wait_timeout(lock(&self.free), ACCEPT_AGAIN));
            }
        }
    }

    /// Gives a client a seat, and begins to serve it.
    fn seat(&self, mut socket: TcpStream) -> io::Result<()> {
        let Some(seat) = lock(&self.free).pop() else {
            return socket.write_all(b"the server is full\n");
        };
        let mut place = lock(&self.seats[seat]);
        let let_in = socket
            .set_nodelay(true)
            .and_then(|()| self.port.associate(socket, seat));
        match let_in {
            Ok(handle) => {
                *place = Some(Client::new(handle, &self.port));
                self.turn(seat, &mut place, |_| {});
                Ok(())
            }
            Err(error) => {
                lock(&self.free).push(seat);
                Err(error)
            }
        }
    }

    /// What a worker does.
    fn work(&self) -> io::Result<()> {
        loop {
            match self.port.wait()? {
                Packet::Posted(_) => return Ok(()),
                Packet::Ended { handle, io, result } => self.handle_ended(handle.key(), io, result),
            }
        }
    }

    /// An operation of the client on this seat has ended.
    fn handle_ended(&self, seat: usize, io: Box<Io>, result: io::Result<usize>) {
        let operation = io.operation();
        let result = result.and_then(|bytes| match operation {
            Operation::Recv if bytes > 0 => self.show(&io.buffer()[..bytes]).map(|()| bytes),
            _ => Ok(bytes),
        });
        let mut place = lock(&self.seats[seat]);
        let is_taken = place.is_some() || cfg!(feature = "faulty");
        assert!(is_taken, "seat {seat} was freed before its last packet");
        self.turn(seat, &mut place, |client| match (operation, result) {
            (Operation::Recv, Ok(bytes)) => client.handle_received(io, bytes),
            (Operation::Send, Ok(bytes)) => client.handle_sent(io, bytes),
            (operation, Err(error)) => {
                eprintln!("seat {seat}: {operation:?}: {error}");
                client.handle_failed(operation);
                client.end(&self.port);
            }
        });
    }

    /// Shows a message to whoever looks. If that panics it is this client's misfortune alone.
    fn show(&self, message: &[u8]) -> io::Result<()> {
        let looked = catch_unwind(AssertUnwindSafe(|| (self.look)(message)));
        looked.map_err(|_| io::Error::other("it panicked at the message"))
    }

    /// Something happened to a client: has it go on, and leave if it is over.
    fn turn(&self, seat: usize, place: &mut Locked<'_>, happened: impl FnOnce(&mut Client)) {
        let Some(client) = place.as_mut() else {
            return;
        };
        happened(client);
        if let Err(error) = client.go_on(&self.port) {
            eprintln!("seat {seat}: {error}");
            client.end(&self.port);
        }
        if client.is_over() {
            self.leave(seat, place);
        }
    }

    fn leave(&self, seat: usize, place: &mut Locked<'_>) {
        let Some(client) = place.take() else {
            return;
        };
        *lock(&self.gone) += client.counts();
        // Its socket closes now, if no packet holds it.
        drop(client);
        lock(&self.free).push(seat);
        self.freed.notify_all();
    }

    fn each_client(&self, happens: impl Fn(&mut Client)) {
        for (seat, place) in self.seats.iter().enumerate() {
            self.turn(seat, &mut lock(place), &happens);
        }
    }

    fn wait_until_empty(&self, patience: Duration) {
        let is_somebody_there = |free: &mut Vec<usize>| free.len() < self.seats.len();
        let free = lock(&self.free);
        drop(
            self.freed
                .wait_timeout_while(free, patience, is_somebody_there),
        );
    }
}

/// A seat, locked: who sits there, if anybody does.
type Locked<'a> = MutexGuard<'a, Option<Client>>;

/// A thread that panicked while it held a lock left nothing half done that would matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
