//! The completion port of the system, in safe Rust: IOCP on Windows, io_uring on Linux.
//!
//! One rule carries all of it: **what the kernel works with belongs to the kernel.** An
//! [`Operation`] goes in as a `Box`, by value, so nobody is left who could touch, move or free it.
//! The same `Box` comes back with the [`Event`] that says how the operation ended. Each one that
//! goes in comes back exactly once, whether it succeeded, failed at once, or was cancelled.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as os;
#[cfg(windows)]
use windows as os;

pub use os::Kernel;

use std::io;
use std::marker::PhantomData;
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

/// Where the bytes of an operation lie.
///
/// # Safety
/// The region is valid for reading and writing for as long as the value lives; and nothing else
/// reads or writes it meanwhile, unless through this value.
pub unsafe trait Memory: Send + 'static {
    /// Its first byte, and how many there are.
    fn region(&mut self) -> (*mut u8, usize);

    /// What is to be sent, if that lies in several regions: those that hold the bytes of `span`,
    /// which counts over all of them. The list stays as it is until it is asked for again, or the
    /// value dropped; the regions are as above. (Steps 1 to 4 have no such memory, step 5 has.)
    fn parts(&mut self, span: Range<usize>) -> Option<&[Part]> {
        let _ = span;
        None
    }
}

// SAFETY: a box owns its bytes, and nobody else can name them.
unsafe impl Memory for Box<[u8]> {
    fn region(&mut self) -> (*mut u8, usize) {
        (self.as_mut_ptr(), self.len())
    }
}

/// One of several regions, as the system wants to have it told.
#[repr(transparent)]
pub struct Part(os::Part);

// SAFETY: an address and a length; whose the bytes are is what `Memory` promises.
unsafe impl Send for Part {}

impl Part {
    /// These bytes.
    #[must_use]
    pub fn of(bytes: &mut [u8]) -> Part {
        Part(os::part(bytes.as_mut_ptr(), bytes.len()))
    }
}

/// What is asked of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Put what the peer sends into the buffer.
    Receive,
    /// Send the peer what is in the buffer.
    Send,
}

/// One thing for the kernel to do, with the memory that it needs for that.
///
/// On Windows this is the structure that begins with an `OVERLAPPED`, and whose address the packet
/// brings back; on Linux the address travels as `user_data`.
#[repr(C)]
pub struct Operation<B> {
    /// The kernel's part. First, so that its address is the operation's.
    scratch: os::Scratch,
    /// Which session it is for.
    pub session: usize,
    /// What was asked for last.
    pub kind: Kind,
    /// Which bytes of the buffer are asked for: to fill, or to send.
    pub span: Range<usize>,
    /// The buffer.
    pub buffer: B,
}

impl<B: Memory> Operation<B> {
    /// An operation that nobody has submitted yet.
    pub fn new(session: usize, buffer: B) -> Box<Self> {
        Box::new(Operation {
            scratch: os::Scratch::default(),
            session,
            kind: Kind::Receive,
            span: 0..0,
            buffer,
        })
    }
}

/// What ended a wait.
pub enum Event<B> {
    /// An operation has ended: with so many bytes moved, or with an error.
    Completed(Box<Operation<B>>, io::Result<usize>),
    /// Somebody called [`Port::wake`].
    Woken,
    /// The time is up.
    TimeUp,
}

/// What has become of an operation that is not one of ours. (Step 7 has such: it accepts.)
pub struct Guest {
    /// Under which name it was submitted; on Windows the address of its `OVERLAPPED`.
    pub name: usize,
    /// How it ended, or went on.
    pub result: io::Result<usize>,
    /// Whether more will come of it. (Only on Linux.)
    pub goes_on: bool,
}

/// A completion port for operations with buffers of type `B`. Any thread may use it.
pub struct Port<B> {
    kernel: os::Kernel,
    /// It has no `B`, but takes some and gives them back. Said in this way, threads may share it
    /// although they could not share a `B`.
    carries: PhantomData<fn(B) -> B>,
}

impl<B: Memory> Port<B> {
    /// Opens a port.
    ///
    /// # Errors
    /// The system's, if it has no such thing or may not give it.
    pub fn new() -> io::Result<Self> {
        Ok(Port {
            kernel: os::Kernel::new()?,
            carries: PhantomData,
        })
    }

    /// Has the operations of `socket` end here. Before the first of them, and once for each socket.
    ///
    /// # Errors
    /// The system's. (On Linux there is nothing to do: a ring serves any socket.)
    pub fn add(&self, socket: &TcpStream) -> io::Result<()> {
        self.kernel.add(socket)
    }

    /// Receives into the bytes of the buffer that `span` names: as many as there are, at least
    /// one; or 0 when the peer will send no more.
    ///
    /// Into a span of no bytes it receives nothing, and ends when there is something to receive.
    ///
    /// # Panics
    /// If the buffer is not that long.
    pub fn receive(&self, socket: &TcpStream, operation: Box<Operation<B>>) {
        let (scratch, first, bytes) = give_away(Kind::Receive, operation);
        // SAFETY: given away, until `wait` makes a box of the address again.
        unsafe { self.kernel.receive(socket, scratch, first, bytes) }
    }

    /// Sends the bytes of the buffer that `span` names, or only the first of them.
    ///
    /// # Panics
    /// If the buffer is not that long.
    pub fn send(&self, socket: &TcpStream, mut operation: Box<Operation<B>>) {
        let span = operation.span.clone();
        if let Some(parts) = operation.buffer.parts(span) {
            let (first, count) = (parts.as_ptr().cast(), parts.len());
            operation.kind = Kind::Send;
            let scratch = Box::into_raw(operation).cast();
            // SAFETY: given away with its list, until `wait` makes a box of the address again.
            return unsafe { self.kernel.send_parts(socket, scratch, first, count) };
        }
        let (scratch, first, bytes) = give_away(Kind::Send, operation);
        // SAFETY: given away, until `wait` makes a box of the address again.
        unsafe { self.kernel.send(socket, scratch, first, bytes) }
    }

    /// Asks for the end of whatever is under way on `socket`. It does end, and comes back.
    pub fn cancel(&self, socket: &TcpStream) {
        self.kernel.cancel(socket);
    }

    /// Ends one [`wait`](Self::wait), now or the next.
    pub fn wake(&self) {
        self.kernel.wake();
    }

    /// Waits until an operation has ended, somebody calls [`wake`](Self::wake), or `at_most` has
    /// passed.
    ///
    /// # Errors
    /// The system's, when the port itself is broken. What an operation ran into is in its event.
    ///
    /// # Panics
    /// If somebody has guests here.
    pub fn wait(&self, at_most: Option<Duration>) -> io::Result<Event<B>> {
        let event = self.wait_with_guests(at_most)?;
        Ok(event.unwrap_or_else(|_| unreachable!("a guest, and nobody waits for one")))
    }

    /// As [`wait`](Self::wait), also for the operations of others.
    ///
    /// # Errors
    /// The same.
    pub fn wait_with_guests(
        &self,
        at_most: Option<Duration>,
    ) -> io::Result<Result<Event<B>, Guest>> {
        Ok(Ok(match self.kernel.wait(at_most)? {
            Packet::Woken => Event::Woken,
            Packet::TimeUp => Event::TimeUp,
            Packet::Guest(guest) => return Ok(Err(guest)),
            Packet::Completed(scratch, result) => {
                // SAFETY: the kernel is done with what a port of this type submitted as a box of
                // this type; a `Scratch` is its first field; and no packet comes twice.
                let operation = unsafe { Box::from_raw(scratch.cast::<Operation<B>>()) };
                // Of no bytes Linux says what there is (POLLIN and so on), and not how many.
                let result = result.map(|bytes| bytes.min(operation.span.len()));
                Event::Completed(operation, result)
            }
        }))
    }

    /// The way in for guests.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }
}

/// Makes a box into what the kernel works with: an address that nobody else has, the first byte and
/// how many. If a port is dropped before its operations have ended, they stay where they are for
/// ever: a kernel that still writes is worse than a leak.
fn give_away<B: Memory>(
    kind: Kind,
    mut operation: Box<Operation<B>>,
) -> (*mut os::Scratch, *mut u8, usize) {
    operation.kind = kind;
    let Range { start, end } = operation.span;
    let operation = Box::into_raw(operation);
    // SAFETY: it was a box a moment ago.
    let (first, bytes) = unsafe { (*operation).buffer.region() };
    assert!(start <= end && end <= bytes, "a span beyond the buffer");
    // SAFETY: within the region.
    (operation.cast(), unsafe { first.add(start) }, end - start)
}

/// What the system's half brings: an [`Event`] before it is known what lies around the scratch.
enum Packet {
    Completed(*mut os::Scratch, io::Result<usize>),
    Guest(Guest),
    Woken,
    TimeUp,
}

/// A way into a buffer that the kernel has. Safe Rust has none: whoever lends, or gives away,
/// cannot write. It takes `unsafe` to make the mistake that C++ makes without a word.
#[cfg(feature = "faulty")]
pub struct Hole(*mut u8, usize);

#[cfg(feature = "faulty")]
impl Hole {
    /// Into the buffer of an operation that is about to be submitted.
    pub fn into<B: Memory>(operation: &mut Operation<B>) -> Self {
        let (start, bytes) = operation.buffer.region();
        Hole(start, bytes)
    }

    /// Writes over what the kernel is to send. The operation must be under way.
    pub fn write(&self, news: &[u8]) {
        // SAFETY: an operation that is under way is not freed, and so neither is its buffer. That
        // the kernel reads it at the same time gives wrong bytes and nothing worse.
        unsafe { std::ptr::copy(news.as_ptr(), self.0, news.len().min(self.1)) }
    }
}
