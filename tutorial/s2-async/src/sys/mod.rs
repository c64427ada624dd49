//! What the systems have for one thread that serves many sockets, behind one safe face.
//!
//! There are two ways to be told. [`Readiness`] tells that a socket *can* be read or written, and
//! the program then does it. [`Operations`] takes the reading or writing itself, memory and all,
//! and tells that it *has been* done.
//!
//! | | Windows | Linux |
//! |---|---|---|
//! | readiness | `WSAEventSelect`, an event for each socket | `epoll`, edge-triggered |
//! | completion | overlapped calls, an event for each | `io_uring`, an entry for each |
//! | waiting | `WSAWaitForMultipleEvents`: 64 | `epoll_wait`, `io_uring_enter`: any number |
//!
//! For [`Operations`] one rule holds: from the call that starts one until `wait` hands it back,
//! its memory is the kernel's. So the call takes the [`Io`] away, and nobody has it in between.

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

pub use system::{Operations, Readiness};

use std::io;
use std::net::TcpStream;
use std::ops::Range;

/// How much one receive can bring.
pub const BUFFER_BYTES: usize = 512;

/// How many sockets one thread can wait for: `WSA_MAXIMUM_WAIT_EVENTS`.
#[cfg(windows)]
pub const WALL: Option<usize> = Some(64);
/// How many sockets one thread can wait for: as many as there are.
#[cfg(not(windows))]
pub const WALL: Option<usize> = None;

/// A socket with the memory for one operation at a time.
#[repr(C)]
pub struct Io {
    /// What the system notes about the operation; the address of this is that of the whole.
    scratch: system::Scratch,
    buffer: [u8; BUFFER_BYTES],
    socket: TcpStream,
    key: usize,
    operation: Operation,
    range: Range<usize>,
}

/// What an [`Io`] was last used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Bytes were to come.
    Recv,
    /// Bytes were to go.
    Send,
}

impl Io {
    /// For this socket, which the program calls `key`.
    ///
    /// # Errors
    /// If the system has no event left for it.
    pub fn new(socket: TcpStream, key: usize) -> io::Result<Box<Self>> {
        Ok(Box::new(Self {
            scratch: system::Scratch::new()?,
            buffer: [0; BUFFER_BYTES],
            socket,
            key,
            operation: Operation::Recv,
            range: 0..0,
        }))
    }

    /// What the program calls the socket.
    pub fn key(&self) -> usize {
        self.key
    }

    /// What it was last used for.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Which part of the buffer it was last used for.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Notes what begins now.
    fn begin(&mut self, operation: Operation, range: Range<usize>) {
        assert!(range.end <= BUFFER_BYTES, "{range:?} is not in the buffer");
        self.operation = operation;
        self.range = range;
    }

    /// The part of the buffer that the kernel reads from or writes to.
    fn part(&mut self) -> &mut [u8] {
        &mut self.buffer[self.range.clone()]
    }
}

/// What [`Operations::wait`] tells.
pub enum Ended {
    /// Somebody came.
    Accepted(io::Result<TcpStream>),
    /// So many bytes have moved; here is the memory again. A receive of none means that the peer
    /// will send no more.
    Moved(Box<Io>, io::Result<usize>),
}
