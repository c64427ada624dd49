//! One thread for all clients: `select` tells which sockets will not block, and only those are
//! touched.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::CHUNK_BYTES;
use crate::sys::{self, Set};

/// Serves whoever connects and fits into sets of `capacity`, for ever; who does not fit is told.
///
/// # Errors
///
/// When `select` itself fails, or no more connections can be made.
pub fn serve(listener: &TcpListener, capacity: usize) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut server = Server {
        listener,
        clients: Vec::new(),
        readable: Set::with_capacity(capacity),
        writable: Set::with_capacity(capacity),
    };
    loop {
        server.turn()?;
    }
}

struct Server<'a> {
    listener: &'a TcpListener,
    clients: Vec<Client>,
    /// Before `select` what we want to read from, after it what can be read from.
    readable: Set,
    /// The same for writing.
    writable: Set,
}

impl Server<'_> {
    fn turn(&mut self) -> io::Result<()> {
        self.ask();
        sys::select(&mut self.readable, &mut self.writable)?;
        if self.readable.contains(self.listener) {
            self.accept()?;
        }
        let (readable, writable) = (&self.readable, &self.writable);
        self.clients.retain_mut(|client| {
            let served = if readable.contains(&client.stream) {
                client.receive()
            } else if writable.contains(&client.stream) {
                client.send()
            } else {
                return true;
            };
            match served {
                Ok(Served::Stays) => return true,
                Ok(Served::Left) => println!("{} left: it ended its stream", client.address),
                Err(error) => println!("{} left: {error}", client.address),
            }
            false
        });
        Ok(())
    }

    /// Fills both sets anew, for `select` writes its answer over the question. All clients are
    /// gone through for it, however few of them have something to say.
    fn ask(&mut self) {
        self.readable.clear();
        self.writable.clear();
        self.readable.insert(self.listener);
        for client in &self.clients {
            if client.has_unsent() {
                self.writable.insert(&client.stream);
            } else {
                self.readable.insert(&client.stream);
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let (stream, address) = match self.listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if is_for_later(&error) => return Ok(()),
            // This client has gone again before it was its turn.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => return Ok(()),
            Err(error) => return Err(error),
        };
        let sockets_already = self.clients.len() + 1;
        if !self.readable.would_take(sockets_already, &stream) {
            // Dropping the stream closes it, which is all the answer that an echo can give.
            println!("{address} refused: select's set is full");
            return Ok(());
        }
        stream.set_nonblocking(true)?;
        println!("{address} came");
        self.clients.push(Client::new(stream, address));
        Ok(())
    }
}

/// Invariant: sent <= received <= chunk.len(). Nothing is received while something is unsent, so
/// whoever does not read is not read from either.
struct Client {
    stream: TcpStream,
    address: SocketAddr,
    chunk: Box<[u8; CHUNK_BYTES]>,
    received: usize,
    sent: usize,
}

enum Served {
    Stays,
    Left,
}

impl Client {
    fn new(stream: TcpStream, address: SocketAddr) -> Client {
        Client {
            stream,
            address,
            chunk: Box::new([0; CHUNK_BYTES]),
            received: 0,
            sent: 0,
        }
    }

    fn has_unsent(&self) -> bool {
        self.sent < self.received
    }

    fn receive(&mut self) -> io::Result<Served> {
        match self.stream.read(&mut self.chunk[..]) {
            Ok(0) => return Ok(Served::Left),
            Ok(received) => (self.received, self.sent) = (received, 0),
            Err(error) if is_for_later(&error) => return Ok(Served::Stays),
            Err(error) => return Err(error),
        }
        // Most often there is room at once, and no turn of `select` is needed to learn it.
        self.send()
    }

    fn send(&mut self) -> io::Result<Served> {
        match self.stream.write(&self.chunk[self.sent..self.received]) {
            Ok(sent) => self.sent += sent,
            Err(error) if is_for_later(&error) => {}
            Err(error) => return Err(error),
        }
        if cfg!(feature = "faulty") {
            // As if a send took all that it is given: the rest of the chunk is forgotten.
            self.sent = self.received;
        }
        Ok(Served::Stays)
    }
}

/// What `select` said held when it was asked; a moment later it may not.
fn is_for_later(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted)
}
