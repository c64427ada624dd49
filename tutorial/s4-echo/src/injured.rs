//! The port, with errors on demand: what goes wrong once a year goes wrong here when we say so.

use s3_port::sys::{Alive, CompletionPort, Handle, Io, Operation, Packet};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where an error can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A connection cannot be accepted.
    Accept,
    /// The port does not let a socket in.
    Associate,
    /// A receive does not even begin.
    RecvRefused,
    /// A receive begins, and fails.
    RecvFailed,
    /// A send does not even begin.
    SendRefused,
    /// A send begins, and fails.
    SendFailed,
    /// A send sends one byte only.
    SendShort,
}

const PLACES: usize = Place::SendShort as usize + 1;

/// A [`CompletionPort`] at which errors can be ordered.
pub struct Port {
    port: CompletionPort,
    /// How many errors are still to come, at each place.
    ordered: [AtomicU32; PLACES],
}

impl Port {
    /// Opens a port, at which all goes well.
    ///
    /// # Errors
    /// Those of [`CompletionPort::new`].
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            port: CompletionPort::new()?,
            ordered: Default::default(),
        })
    }

    /// Orders one error.
    pub fn order(&self, place: Place) {
        self.ordered[place as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many orders were not carried out yet.
    pub fn ordered(&self, place: Place) -> u32 {
        self.ordered[place as usize].load(Ordering::Relaxed)
    }

    /// Whether an error is due here; if so, it is used up.
    fn is_due(&self, place: Place) -> bool {
        let one_less = |orders: u32| orders.checked_sub(1);
        self.ordered[place as usize]
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }

    fn unless_due(&self, place: Place) -> io::Result<()> {
        match self.is_due(place) {
            true => Err(io::Error::other(format!("ordered: {place:?}"))),
            false => Ok(()),
        }
    }

    /// Accepts a connection.
    ///
    /// # Errors
    /// The system's, and the ordered.
    pub fn accept(&self, listener: &TcpListener) -> io::Result<TcpStream> {
        let (socket, _) = listener.accept()?;
        self.unless_due(Place::Accept).map(|()| socket)
    }

    /// [`CompletionPort::associate`].
    ///
    /// # Errors
    /// Its, and the ordered.
    pub fn associate(&self, socket: TcpStream, key: usize) -> io::Result<Arc<Handle>> {
        self.unless_due(Place::Associate)?;
        self.port.associate(socket, key)
    }

    /// [`CompletionPort::recv`].
    ///
    /// # Errors
    /// Its, and the ordered.
    pub fn recv(&self, handle: Arc<Handle>, io: Box<Io>) -> io::Result<()> {
        self.unless_due(Place::RecvRefused)?;
        self.port.recv(handle, io)
    }

    /// [`CompletionPort::send`].
    ///
    /// # Errors
    /// Its, and the ordered.
    pub fn send(&self, handle: Arc<Handle>, io: Box<Io>, range: Range<usize>) -> io::Result<()> {
        self.unless_due(Place::SendRefused)?;
        match self.is_due(Place::SendShort) {
            true => self.port.send(handle, io, range.start..range.start + 1),
            false => self.port.send(handle, io, range),
        }
    }

    /// [`CompletionPort::wait`].
    ///
    /// # Errors
    /// Its own.
    pub fn wait(&self) -> io::Result<Packet> {
        let packet = self.port.wait()?;
        let Packet::Ended {
            handle,
            io,
            result: Ok(bytes),
        } = packet
        else {
            return Ok(packet);
        };
        let place = match io.operation() {
            Operation::Recv => Place::RecvFailed,
            Operation::Send => Place::SendFailed,
        };
        let result = self.unless_due(place).map(|()| bytes);
        Ok(Packet::Ended { handle, io, result })
    }

    /// [`CompletionPort::cancel`].
    pub fn cancel(&self, handle: &Handle) {
        self.port.cancel(handle);
    }

    /// [`CompletionPort::post`].
    ///
    /// # Errors
    /// Its own.
    pub fn post(&self, key: usize) -> io::Result<()> {
        self.port.post(key)
    }

    /// [`CompletionPort::io`].
    pub fn io(&self) -> Box<Io> {
        self.port.io()
    }

    /// [`CompletionPort::alive`].
    pub fn alive(&self) -> Alive {
        self.port.alive()
    }
}
