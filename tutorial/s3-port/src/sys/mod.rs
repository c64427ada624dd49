//! The system's completion port behind one safe face: IOCP on Windows, io_uring on Linux.
//!
//! Everything here serves one rule: **from the call that starts an operation until its packet
//! comes out of [`CompletionPort::wait`], the memory of the operation is the kernel's.** So
//! `recv` and `send` take the [`Io`] away, `wait` hands it back, and in between nobody has it:
//! there is nothing to be freed, moved or read too early.
//!
//! | step | Windows | Linux |
//! |---|---|---|
//! | make a port | `CreateIoCompletionPort` | `io_uring_setup` |
//! | let a socket in | `CreateIoCompletionPort` again | needs nothing |
//! | start an operation | `WSARecv`, `WSASend` | an entry, and `io_uring_enter` |
//! | wait for one to end | `GetQueuedCompletionStatus` | `io_uring_enter`, and an entry |
//! | post a packet | `PostQueuedCompletionStatus` | a no-op, which ends at once |
//! | ask for the end | `CancelIoEx` | a cancelling entry |

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

pub use system::CompletionPort;

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;

/// How much one receive can bring.
pub const BUFFER_BYTES: usize = 512;

/// What belongs to a socket as long as it is open (the guide's `PER_HANDLE_DATA`). The last one
/// to let go of it closes the socket.
pub struct Handle {
    socket: TcpStream,
    key: usize,
    _share: Arc<()>,
}

impl Handle {
    /// The socket, for what is no operation: its addresses, its options, its shutdown.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// The number that the socket was let in with (the guide's completion key).
    pub fn key(&self) -> usize {
        self.key
    }
}

/// What belongs to one operation while it lasts (the guide's `PER_IO_DATA`), and can be used
/// again for the next one.
#[repr(C)]
pub struct Io {
    /// What the kernel notes about the operation. It stands first: the address of this is the
    /// address of the whole, and all that a packet tells us.
    scratch: system::Scratch,
    buffer: [u8; BUFFER_BYTES],
    operation: Operation,
    range: Range<usize>,
    /// Whose operation it is, while it lasts: so no socket is closed under the kernel's hands.
    handle: Option<Arc<Handle>>,
    _share: Arc<()>,
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
    /// All of the buffer: what a receive brought lies at its beginning.
    pub fn buffer(&self) -> &[u8; BUFFER_BYTES] {
        &self.buffer
    }

    /// The same, to be written to.
    pub fn buffer_mut(&mut self) -> &mut [u8; BUFFER_BYTES] {
        &mut self.buffer
    }

    /// What it was last used for.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Which part of the buffer it was last used for.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The part of the buffer that the kernel reads from or writes to.
    fn part(&mut self) -> &mut [u8] {
        &mut self.buffer[self.range.clone()]
    }

    /// Whose operation it is, while it lasts.
    fn lasting(&self) -> &Handle {
        self.handle.as_ref().expect("`begin` noted whose it is")
    }

    /// Notes what begins now.
    fn begin(&mut self, handle: Arc<Handle>, operation: Operation, range: Range<usize>) {
        assert!(range.end <= BUFFER_BYTES, "{range:?} is not in the buffer");
        self.scratch = system::Scratch::new();
        self.operation = operation;
        self.range = range;
        self.handle = Some(handle);
    }

    /// The packet of an operation that has ended.
    fn ended(mut self: Box<Self>, result: io::Result<usize>) -> Packet {
        let handle = self.handle.take().expect("`begin` noted whose it is");
        Packet::Ended {
            handle,
            io: self,
            result,
        }
    }
}

/// What comes out of a port.
#[derive(Debug)]
pub enum Packet {
    /// An operation has ended: on which socket, with its memory, and how many bytes it moved.
    /// A receive of none means that the peer will send no more.
    Ended {
        /// Whose operation it was.
        handle: Arc<Handle>,
        /// Its memory, ours again.
        io: Box<Io>,
        /// How it ended.
        result: io::Result<usize>,
    },
    /// Somebody called [`CompletionPort::post`] with this.
    Posted(usize),
}

/// Counts what is alive: each thing holds a share, and the shares are counted.
#[derive(Default)]
struct Census {
    handles: Arc<()>,
    ios: Arc<()>,
}

/// How many structures have not been freed; whoever loses one will never see 0 again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alive {
    /// Of [`Handle`].
    pub handles: usize,
    /// Of [`Io`].
    pub ios: usize,
}

impl CompletionPort {
    /// Memory for one operation at a time.
    pub fn io(&self) -> Box<Io> {
        Box::new(Io {
            scratch: system::Scratch::new(),
            buffer: [0; BUFFER_BYTES],
            operation: Operation::Recv,
            range: 0..0,
            handle: None,
            _share: self.census.ios.clone(),
        })
    }

    /// Starts to receive into the buffer, from its beginning.
    ///
    /// # Errors
    /// What the system has against it. Then no packet will come, and the memory is freed.
    pub fn recv(&self, handle: Arc<Handle>, mut io: Box<Io>) -> io::Result<()> {
        io.begin(handle, Operation::Recv, 0..BUFFER_BYTES);
        self.start(io)
    }

    /// Starts to send `range` of the buffer.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    /// If the range does not lie in the buffer.
    pub fn send(
        &self,
        handle: Arc<Handle>,
        mut io: Box<Io>,
        range: Range<usize>,
    ) -> io::Result<()> {
        io.begin(handle, Operation::Send, range);
        self.start(io)
    }

    /// How many structures are alive, whoever has them.
    pub fn alive(&self) -> Alive {
        // One share is the census's own.
        let alive = |shares: &Arc<()>| Arc::strong_count(shares) - 1;
        Alive {
            handles: alive(&self.census.handles),
            ios: alive(&self.census.ios),
        }
    }

    fn handle(&self, socket: TcpStream, key: usize) -> Arc<Handle> {
        Arc::new(Handle {
            socket,
            key,
            _share: self.census.handles.clone(),
        })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.key)
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Io({:?} of {:?})", self.operation, self.range)
    }
}
