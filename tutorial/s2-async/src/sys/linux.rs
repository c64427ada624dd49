//! epoll and io_uring.

use super::{BUFFER_BYTES, Ended, Io, Operation};
use io_uring::types::Fd;
use io_uring::{IoUring, opcode, squeue};
use socket2::SockRef;
use std::collections::VecDeque;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Tells which sockets can be read or written.
pub struct Readiness {
    epoll: OwnedFd,
    waits: u64,
}

/// As many as one wait tells at most; the others are told by the next.
const EVENTS_PER_WAIT: usize = 256;

impl Readiness {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// If there is no descriptor left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no memory; the descriptor that comes back is ours alone.
        let epoll = unsafe {
            let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if epoll < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(epoll)
        };
        Ok(Self { epoll, waits: 0 })
    }

    /// Watches a socket, until it is closed. It is told when that changes, not as long as it holds
    /// (edge-triggered, as `WSAEventSelect` is): whoever is told must go on until the socket
    /// would block.
    ///
    /// # Errors
    /// What the system has against it.
    pub fn watch(&mut self, socket: SockRef<'_>, key: usize) -> io::Result<()> {
        let changes = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        self.watch_for(changes, socket.as_raw_fd(), key)
    }

    /// Watches a listener. It is told as long as somebody waits at its door (level-triggered):
    /// whoever is told lets one in, and no more.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_listener(&mut self, listener: &TcpListener, key: usize) -> io::Result<()> {
        self.watch_for(libc::EPOLLIN, listener.as_raw_fd(), key)
    }

    fn watch_for(&mut self, events: i32, socket: RawFd, key: usize) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: key as u64,
        };
        let epoll = self.epoll.as_raw_fd();
        // SAFETY: `event` is read during the call.
        match unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket, &mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Watches a socket no more. It is about to be closed, and epoll notices that by itself.
    pub fn forget(&mut self, _key: usize) {}

    /// Waits until there is something to tell: the keys of those of which it is.
    ///
    /// # Errors
    /// If waiting itself fails.
    pub fn wait(&mut self) -> io::Result<Vec<usize>> {
        self.waits += 1;
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_PER_WAIT];
        let (epoll, room) = (self.epoll.as_raw_fd(), EVENTS_PER_WAIT as i32);
        // SAFETY: the call writes to as many events as it is told that there are.
        let told = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), room, -1) };
        let Ok(told) = usize::try_from(told) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::Interrupted => Ok(Vec::new()),
                _ => Err(error),
            };
        };
        Ok(events[..told]
            .iter()
            .map(|event| event.u64 as usize)
            .collect())
    }

    /// How often it has waited.
    pub fn waits(&self) -> u64 {
        self.waits
    }
}

/// Accepts, receives and sends, and tells what has been done.
pub struct Operations {
    ring: IoUring,
    listener: TcpListener,
    /// What ended while somebody waited for something else.
    put_aside: VecDeque<Ended>,
    waits: u64,
}

/// Nothing: the kernel keeps its notes itself.
pub(super) struct Scratch;

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }
}

/// The mark of the accept that is under way. Those of others are addresses, and never 0.
const ACCEPT: u64 = 0;

impl Operations {
    /// Accepts whoever comes to `listener`, from now on.
    ///
    /// # Errors
    /// If the kernel has no io_uring for us, as in many containers.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        let ring = IoUring::new(256).map_err(|error| {
            let hint = "is io_uring forbidden? see `sysctl kernel.io_uring_disabled`";
            io::Error::new(error.kind(), format!("io_uring_setup: {error} ({hint})"))
        })?;
        let mut operations = Self {
            ring,
            listener,
            put_aside: VecDeque::new(),
            waits: 0,
        };
        operations.accept();
        Ok(operations)
    }

    fn accept(&mut self) {
        let listener = Fd(self.listener.as_raw_fd());
        let accept = opcode::Accept::new(listener, ptr::null_mut(), ptr::null_mut());
        let entry = accept.flags(libc::SOCK_CLOEXEC).build().user_data(ACCEPT);
        // SAFETY: the entry refers to no memory.
        unsafe { self.push(&entry) };
    }

    /// Starts to receive.
    ///
    /// # Errors
    /// None on this system.
    pub fn recv(&mut self, mut io: Box<Io>) -> io::Result<()> {
        io.begin(Operation::Recv, 0..BUFFER_BYTES);
        self.start(io);
        Ok(())
    }

    /// Starts to send that part of the buffer.
    ///
    /// # Errors
    /// None on this system.
    ///
    /// # Panics
    /// If the range does not lie in the buffer.
    pub fn send(&mut self, mut io: Box<Io>, range: Range<usize>) -> io::Result<()> {
        io.begin(Operation::Send, range);
        self.start(io);
        Ok(())
    }

    fn start(&mut self, io: Box<Io>) {
        let (socket, operation) = (Fd(io.socket.as_raw_fd()), io.operation);
        let lent = Box::into_raw(io);
        // SAFETY: it is lent below, and ours until then.
        let part = unsafe { (*lent).part() };
        let (memory, bytes) = (part.as_mut_ptr(), part.len() as u32);
        let entry = match operation {
            Operation::Recv => opcode::Recv::new(socket, memory, bytes).build(),
            Operation::Send => opcode::Send::new(socket, memory, bytes)
                .flags(libc::MSG_NOSIGNAL)
                .build(),
        };
        // SAFETY: the `Io` stays where it is, its socket open, and nobody else has its address,
        // until `next` has the completion with this mark.
        unsafe { self.push(&entry.user_data(lent as u64)) };
    }

    /// # Safety
    /// What `entry` refers to is the kernel's until its completion has come.
    unsafe fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: the caller's promise.
        while unsafe { self.ring.submission().push(entry) }.is_err() {
            self.ring
                .submit()
                .expect("the kernel takes what is submitted");
        }
    }

    /// Waits until something has been done.
    ///
    /// # Errors
    /// If waiting itself fails. How an operation failed stands beside its memory.
    pub fn wait(&mut self) -> io::Result<Ended> {
        match self.put_aside.pop_front() {
            Some(ended) => Ok(ended),
            None => self.next(),
        }
    }

    /// Waits until the operation on this very socket has been done, and is told nothing else
    /// meanwhile: what `GetOverlappedResult` with `bWait` does.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_for(&mut self, key: usize) -> io::Result<Ended> {
        loop {
            match self.next()? {
                Ended::Moved(io, result) if io.key() == key => return Ok(Ended::Moved(io, result)),
                other => self.put_aside.push_back(other),
            }
        }
    }

    fn next(&mut self) -> io::Result<Ended> {
        loop {
            let Some(completion) = self.ring.completion().next() else {
                // Hands over what was started since, and waits, in one call.
                self.waits += 1;
                match self.ring.submit_and_wait(1) {
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                    _ => continue,
                }
            };
            // What the system call would have returned, or minus the error.
            let result = match completion.result() {
                error @ ..0 => Err(io::Error::from_raw_os_error(-error)),
                returned => Ok(returned),
            };
            if completion.user_data() == ACCEPT {
                self.accept();
                // SAFETY: a descriptor that was made for us just now.
                let socket = result.map(|fd| unsafe { TcpStream::from_raw_fd(fd) });
                return Ok(Ended::Accepted(socket));
            }
            // SAFETY: `start` made this of a box. Its one completion is this, so the kernel has
            // let go of it, and nobody takes it a second time.
            let io = unsafe { Box::from_raw(completion.user_data() as *mut Io) };
            return Ok(Ended::Moved(io, result.map(|bytes| bytes as usize)));
        }
    }

    /// How often it has waited.
    pub fn waits(&self) -> u64 {
        self.waits
    }
}
