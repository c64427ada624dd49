//! A thread that does nothing but accept. (Step 7 does without it.)

use crate::port::Port;
use crate::sys::Memory;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

/// How many may have connected and not been accepted yet. With 128, which is what std's listener
/// has, ten thousand who come together wait a second each time that the thread is not quick enough:
/// who finds the queue full is not refused, but has to try again.
const QUEUE: i32 = 4096;

/// What a client is told that finds no seat.
pub const FULL: &str = "the server is full; try again later\r\n";

/// How many clients are here, and how many may be.
///
/// Invariant: only the acceptor takes, so there are never more taken than there are.
pub struct Seats {
    taken: AtomicUsize,
    /// How many there are.
    pub all: usize,
}

impl Seats {
    /// Seats for `all`, none of them taken.
    #[must_use]
    pub fn new(all: usize) -> Arc<Self> {
        let taken = AtomicUsize::new(0);
        Arc::new(Seats { taken, all })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// Somebody has left.
    pub fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Release);
    }

    fn take(&self) -> bool {
        let is_free = self.taken() < self.all;
        if is_free {
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
        is_free
    }
}

/// Listens, for those on this machine; on any port that is free, if that is 0.
///
/// # Errors
/// The system's, with the port that is meant.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let listen = || -> io::Result<Socket> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        // On Linux a server that starts again has its port at once; on Windows the option means
        // that another program may take it away.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        socket.listen(QUEUE)?;
        Ok(socket)
    };
    listen().map(TcpListener::from).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("port {port}: {error} (--port 0 takes any)"),
        )
    })
}

/// Has the system keep about that many bytes for each who comes and does not read; as many as it
/// likes (Linux: up to 4 MiB), if it is not told.
///
/// # Errors
/// The system's.
pub fn keep_unread(listener: &TcpListener, bytes: Option<usize>) -> io::Result<()> {
    // An accepted socket is as its listener is.
    bytes.map_or(Ok(()), |bytes| {
        SockRef::from(listener).set_send_buffer_size(bytes)
    })
}

/// Starts the thread: who finds a seat goes to `newcomers`, whereupon the port is woken.
pub fn start<B: Memory>(
    listener: TcpListener,
    seats: Arc<Seats>,
    newcomers: Sender<TcpStream>,
    port: Arc<Port<B>>,
) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) if seats.take() => {
                    if newcomers.send(stream).is_err() {
                        return; // The server is gone.
                    }
                    port.wake();
                }
                Ok(stream) => {
                    turn_away(stream, seats.all);
                    // The fault: whoever comes after the first that found no seat waits for ever.
                    while cfg!(feature = "faulty") {
                        thread::park();
                    }
                }
                Err(error) => println!("a connection was gone before it was accepted: {error}"),
            }
        }
    });
}

/// Says why, and closes. A few bytes always fit into the buffer of a socket that has sent none.
fn turn_away(mut stream: TcpStream, all: usize) {
    match stream.write_all(FULL.as_bytes()) {
        Ok(()) => println!("somebody was turned away: all {all} seats are taken"),
        Err(error) => println!("somebody left before being turned away: {error}"),
    }
}
