//! `WSAEventSelect` and overlapped calls. The pages of the manual are those of
//! learn.microsoft.com with the name of the function.

use super::{BUFFER_BYTES, Ended, Io, Operation, WALL};
use socket2::SockRef;
use std::collections::VecDeque;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::windows::io::AsRawSocket;
use std::ptr;
use windows_sys::Win32::Foundation::{HANDLE, WAIT_OBJECT_0};
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::Threading::INFINITE;

/// An event object: somebody signals it, somebody waits for it.
struct Event(ws::WSAEVENT);

impl Event {
    fn new() -> io::Result<Self> {
        // SAFETY: takes no memory; the event that comes back is ours alone.
        match unsafe { ws::WSACreateEvent() } {
            ws::WSA_INVALID_EVENT => Err(io::Error::last_os_error()),
            event => Ok(Self(event)),
        }
    }

    fn handle(&self) -> HANDLE {
        self.0 as HANDLE
    }

    /// Is signalled when one of `interests` becomes true of the socket, from now on, which from
    /// now on does not block.
    fn select(&self, socket: ws::SOCKET, interests: u32) -> io::Result<()> {
        // SAFETY: takes no memory; the event is open.
        succeeded(unsafe { ws::WSAEventSelect(socket, self.0, interests as i32) })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: it was ours alone.
        unsafe { ws::WSACloseEvent(self.0) };
    }
}

/// Waits until one of the events is signalled: the index of the first that is.
///
/// Here is the wall. WSAWaitForMultipleEvents: "The maximum number of event object handles is
/// WSA_MAXIMUM_WAIT_EVENTS", which is 64; with one more it fails at once.
fn wait_for_any<'a>(events: impl Iterator<Item = &'a Event>) -> io::Result<usize> {
    let handles: Vec<_> = events.map(Event::handle).collect();
    let (count, first) = (handles.len() as u32, handles.as_ptr());
    // SAFETY: reads that many handles, all of them open.
    match unsafe { ws::WSAWaitForMultipleEvents(count, first, 0, INFINITE, 0) } {
        ws::WSA_WAIT_FAILED => Err(io::Error::last_os_error()),
        index => Ok((index - WAIT_OBJECT_0) as usize),
    }
}

/// One more than `count` events can still be waited for.
fn has_room(count: usize) -> io::Result<()> {
    match WALL {
        Some(wall) if count >= wall => {
            let message = format!("one thread can wait for {wall} events, and no more");
            Err(io::Error::new(io::ErrorKind::QuotaExceeded, message))
        }
        _ => Ok(()),
    }
}

/// What Winsock's functions return says whether they succeeded.
fn succeeded(returned: i32) -> io::Result<()> {
    match returned {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Tells which sockets can be read or written.
pub struct Readiness {
    watched: Vec<Watched>,
    waits: u64,
}

struct Watched {
    event: Event,
    socket: ws::SOCKET,
    key: usize,
}

impl Readiness {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// None on this system.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            watched: Vec::new(),
            waits: 0,
        })
    }

    /// Watches a socket, until it is forgotten. It is told when that changes, not as long as it
    /// holds: whoever is told must go on until the socket would block.
    ///
    /// # Errors
    /// At the wall; or what the system has against it.
    pub fn watch(&mut self, socket: SockRef<'_>, key: usize) -> io::Result<()> {
        let socket = socket.as_raw_socket() as ws::SOCKET;
        self.watch_for(ws::FD_READ | ws::FD_WRITE | ws::FD_CLOSE, socket, key)
    }

    /// Watches a listener. As long as somebody waits at its door, it is told again behind each
    /// accept: whoever is told lets one in, and no more.
    ///
    /// Under Wine 8 a second accept would be the end: its server may have seen that somebody is
    /// there, and tell of it when this accept has let them in already. The next accept finds
    /// nobody, and only one that succeeds makes Wine look again, whatever the manual says.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_listener(&mut self, listener: &TcpListener, key: usize) -> io::Result<()> {
        self.watch_for(ws::FD_ACCEPT, raw(listener), key)
    }

    fn watch_for(&mut self, interests: u32, socket: ws::SOCKET, key: usize) -> io::Result<()> {
        has_room(self.watched.len())?;
        let event = Event::new()?;
        event.select(socket, interests)?;
        self.watched.push(Watched { event, socket, key });
        Ok(())
    }

    /// Watches a socket no more, which is about to be closed.
    pub fn forget(&mut self, key: usize) {
        self.watched.retain(|watched| watched.key != key);
    }

    /// Waits until there is something to tell: the keys of those of which it is.
    ///
    /// # Errors
    /// If waiting itself fails.
    pub fn wait(&mut self) -> io::Result<Vec<usize>> {
        self.waits += 1;
        let first = wait_for_any(self.watched.iter().map(|watched| &watched.event))?;
        // It is told of the first only. Of the others one has to ask.
        let rest = self.watched[first..].iter();
        Ok(rest
            .filter(|watched| watched.has_news())
            .map(|watched| watched.key)
            .collect())
    }

    /// How often it has waited.
    pub fn waits(&self) -> u64 {
        self.waits
    }
}

impl Watched {
    /// Takes note of what has happened; the event is no longer signalled.
    fn has_news(&self) -> bool {
        let mut news = ws::WSANETWORKEVENTS::default();
        // SAFETY: writes to `news` during the call.
        let asked = unsafe { ws::WSAEnumNetworkEvents(self.socket, self.event.0, &mut news) };
        asked == 0 && news.lNetworkEvents != 0
    }
}

/// Accepts, receives and sends, and tells what has been done.
pub struct Operations {
    listener: TcpListener,
    /// Signalled when somebody came.
    somebody_came: Event,
    /// What the kernel has, as addresses of boxes; the longest first.
    lent: Vec<*mut Io>,
    /// What ended while somebody waited for something else.
    put_aside: VecDeque<Ended>,
    waits: u64,
}

/// The `OVERLAPPED` of an operation, and the event in it.
#[repr(C)]
pub(super) struct Scratch {
    overlapped: OVERLAPPED,
    /// `WSARecv` reads and writes its flags.
    flags: u32,
    event: Event,
}

// SAFETY: the pointers in an `OVERLAPPED` are the kernel's notes; no thread owns them.
unsafe impl Send for Scratch {}

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        let event = Event::new()?;
        let overlapped = OVERLAPPED {
            hEvent: event.handle(),
            ..OVERLAPPED::default()
        };
        Ok(Self {
            overlapped,
            flags: 0,
            event,
        })
    }
}

impl Operations {
    /// Accepts whoever comes to `listener`, from now on.
    ///
    /// # Errors
    /// What the system has against it.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        let somebody_came = Event::new()?;
        somebody_came.select(raw(&listener), ws::FD_ACCEPT)?;
        Ok(Self {
            listener,
            somebody_came,
            lent: Vec::new(),
            put_aside: VecDeque::new(),
            waits: 0,
        })
    }

    /// Starts to receive.
    ///
    /// # Errors
    /// At the wall; or what the system has against it. The memory and the socket are dropped.
    pub fn recv(&mut self, mut io: Box<Io>) -> io::Result<()> {
        io.begin(Operation::Recv, 0..BUFFER_BYTES);
        self.start(io)
    }

    /// Starts to send that part of the buffer.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    /// If the range does not lie in the buffer.
    pub fn send(&mut self, mut io: Box<Io>, range: Range<usize>) -> io::Result<()> {
        io.begin(Operation::Send, range);
        self.start(io)
    }

    fn start(&mut self, io: Box<Io>) -> io::Result<()> {
        // With the event of the listener.
        has_room(self.lent.len() + 1)?;
        let (socket, operation) = (raw(&io.socket), io.operation);
        let lent = Box::into_raw(io);
        // SAFETY: it is lent below, and ours until then.
        let part = unsafe { (*lent).part() };
        // WSARecv: "captures the WSABUF structures before returning", so this may lie here.
        let list = ws::WSABUF {
            len: part.len() as u32,
            buf: part.as_mut_ptr(),
        };
        // SAFETY: the `Io` stays where it is, its socket and its event open, and nobody else has
        // its address, until `take` was told that the operation has ended.
        let started = succeeded(unsafe {
            (*lent).scratch.flags = 0;
            let flags = &raw mut (*lent).scratch.flags;
            let overlapped = &raw mut (*lent).scratch.overlapped;
            match operation {
                Operation::Recv => {
                    ws::WSARecv(socket, &list, 1, ptr::null_mut(), flags, overlapped, None)
                }
                Operation::Send => {
                    ws::WSASend(socket, &list, 1, ptr::null_mut(), 0, overlapped, None)
                }
            }
        });
        match started {
            Err(error) if error.raw_os_error() != Some(ws::WSA_IO_PENDING) => {
                // SAFETY: a call that failed has started nothing; the box is ours.
                drop(unsafe { Box::from_raw(lent) });
                Err(error)
            }
            // Pending, or done already: either way the event is signalled.
            _ => {
                self.lent.push(lent);
                Ok(())
            }
        }
    }

    /// Waits until something has been done.
    ///
    /// # Errors
    /// If waiting itself fails. How an operation failed stands beside its memory.
    pub fn wait(&mut self) -> io::Result<Ended> {
        if let Some(ended) = self.put_aside.pop_front() {
            return Ok(ended);
        }
        loop {
            self.waits += 1;
            // SAFETY: the event in a lent `Io` is open, and only read.
            let events = self
                .lent
                .iter()
                .map(|lent| unsafe { &(**lent).scratch.event });
            match wait_for_any([&self.somebody_came].into_iter().chain(events))? {
                0 => {
                    if let Some(socket) = self.accept() {
                        return Ok(Ended::Accepted(socket));
                    }
                }
                // What comes behind it moves up: nobody waits for ever behind a busy one.
                index => return Ok(self.take(index - 1)),
            }
        }
    }

    /// Waits until the operation on this very socket has been done, and is told nothing else
    /// meanwhile: `GetOverlappedResult` with `bWait`.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    /// If there is none.
    pub fn wait_for(&mut self, key: usize) -> io::Result<Ended> {
        self.waits += 1;
        // SAFETY: the key in a lent `Io` is only read; the kernel does not touch it.
        let is_its = |lent: &*mut Io| unsafe { (**lent).key } == key;
        let index = self
            .lent
            .iter()
            .position(is_its)
            .expect("it has an operation");
        Ok(self.take(index))
    }

    /// Takes back what was lent, when its operation has ended; most often it has already.
    fn take(&mut self, index: usize) -> Ended {
        let lent = self.lent.remove(index);
        let (mut bytes, mut flags) = (0, 0);
        // SAFETY: the socket and the event are open; waits until the operation has ended, and
        // writes to these two.
        let (ended, mut io) = unsafe {
            let socket = raw(&(*lent).socket);
            let overlapped = &raw mut (*lent).scratch.overlapped;
            let done = ws::WSAGetOverlappedResult(socket, overlapped, &mut bytes, 1, &mut flags);
            let ended = match done {
                0 => Err(io::Error::last_os_error()),
                _ => Ok(bytes as usize),
            };
            // The kernel has let go of it, and nobody takes it a second time.
            (ended, Box::from_raw(lent))
        };
        // SAFETY: the event is open, and nobody waits for it.
        unsafe { ws::WSAResetEvent(io.scratch.event.0) };
        io.scratch.overlapped = OVERLAPPED {
            hEvent: io.scratch.event.handle(),
            ..OVERLAPPED::default()
        };
        Ended::Moved(io, ended)
    }

    /// Whoever came, if they still are there.
    fn accept(&mut self) -> Option<io::Result<TcpStream>> {
        let mut news = ws::WSANETWORKEVENTS::default();
        // SAFETY: writes to `news` during the call; the event is no longer signalled.
        unsafe {
            let event = self.somebody_came.0;
            ws::WSAEnumNetworkEvents(raw(&self.listener), event, &mut news)
        };
        match self.listener.accept() {
            Ok((socket, _)) => {
                // WSAEventSelect: what is accepted has the event of its listener, at first.
                // SAFETY: takes no memory; no event means none.
                let freed = unsafe { ws::WSAEventSelect(raw(&socket), ws::WSA_INVALID_EVENT, 0) };
                Some(succeeded(freed).map(|()| socket))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// How often it has waited.
    pub fn waits(&self) -> u64 {
        self.waits
    }
}

fn raw(socket: &impl AsRawSocket) -> ws::SOCKET {
    socket.as_raw_socket() as ws::SOCKET
}
