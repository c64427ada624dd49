//! The completion port that the guide is about.

use super::{Guest, Packet};
use std::io;
use std::net::TcpStream;
use std::os::windows::io::{AsRawHandle, AsRawSocket, FromRawHandle, OwnedHandle};
use std::ptr;
use std::time::Duration;
use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE, WAIT_TIMEOUT};
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO::{
    CancelIoEx, CreateIoCompletionPort, GetQueuedCompletionStatus, OVERLAPPED,
    PostQueuedCompletionStatus,
};
use windows_sys::Win32::System::Threading::INFINITE;

/// What the kernel needs beside the buffer.
#[repr(C)]
#[derive(Default)]
pub(super) struct Scratch {
    /// First, so that its address is the scratch's.
    overlapped: OVERLAPPED,
    /// Whom to ask how it ended.
    socket: ws::SOCKET,
    flags: u32,
    /// The error, if the call itself failed.
    refused: Option<i32>,
}

// SAFETY: the pointers in it are the kernel's own notes, and mean the same to every thread.
unsafe impl Send for Scratch {}

/// The port.
pub struct Kernel(OwnedHandle);

/// The key of our sockets.
const OURS: usize = 0;
/// The key of a socket whose operations are somebody else's.
const GUEST: usize = 1;

impl Kernel {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: no memory is involved. 0: as many threads run at once as there are processors.
        let port = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 0) };
        if port.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just made, and owned by nobody else.
        Ok(Kernel(unsafe { OwnedHandle::from_raw_handle(port) }))
    }

    pub(super) fn add(&self, socket: &TcpStream) -> io::Result<()> {
        self.tie(socket, OURS)
    }

    /// Has the operations of a socket end here that are somebody else's, who is told of them by the
    /// addresses of their `OVERLAPPED`s.
    ///
    /// # Errors
    /// The system's.
    pub fn add_guest(&self, socket: &impl AsRawSocket) -> io::Result<()> {
        self.tie(socket, GUEST)
    }

    /// The same call that makes a port, with other arguments, ties a socket to it. The key is ours
    /// to choose, and comes with each packet. (In the guide's code it is the session's address; our
    /// operations know their session.)
    fn tie(&self, socket: &impl AsRawSocket, key: usize) -> io::Result<()> {
        let socket = socket.as_raw_socket() as HANDLE;
        // SAFETY: both handles are open; no memory is involved.
        let port = unsafe { CreateIoCompletionPort(socket, self.handle(), key, 0) };
        if port.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// # Safety
    /// `scratch` and the bytes belong to the kernel until a packet brings `scratch` back.
    pub(super) unsafe fn receive(
        &self,
        socket: &TcpStream,
        scratch: *mut Scratch,
        start: *mut u8,
        bytes: usize,
    ) {
        let buffer = part(start, bytes);
        let socket = socket.as_raw_socket() as ws::SOCKET;
        // SAFETY: the caller's promise. Of `buffer` Winsock makes a copy during the call (MSDN).
        let failed = unsafe {
            scratch.write(Scratch::on(socket));
            ws::WSARecv(
                socket,
                &raw const buffer,
                1,
                ptr::null_mut(),
                &raw mut (*scratch).flags,
                &raw mut (*scratch).overlapped,
                None,
            )
        };
        // SAFETY: just submitted.
        unsafe { self.submitted(failed, scratch) }
    }

    /// # Safety
    /// As for [`receive`](Self::receive).
    pub(super) unsafe fn send(
        &self,
        socket: &TcpStream,
        scratch: *mut Scratch,
        start: *mut u8,
        bytes: usize,
    ) {
        let buffer = part(start, bytes);
        // SAFETY: the caller's promise.
        unsafe { self.send_parts(socket, scratch, &raw const buffer, 1) }
    }

    /// # Safety
    /// As for [`receive`](Self::receive). The list of parts itself has to last as long as the call.
    pub(super) unsafe fn send_parts(
        &self,
        socket: &TcpStream,
        scratch: *mut Scratch,
        first: *const Part,
        count: usize,
    ) {
        let socket = socket.as_raw_socket() as ws::SOCKET;
        // SAFETY: the caller's promise. Of the list Winsock makes a copy during the call (MSDN).
        let failed = unsafe {
            scratch.write(Scratch::on(socket));
            ws::WSASend(
                socket,
                first,
                u32::try_from(count).expect("no list is that long"),
                ptr::null_mut(),
                0,
                &raw mut (*scratch).overlapped,
                None,
            )
        };
        // SAFETY: just submitted.
        unsafe { self.submitted(failed, scratch) }
    }

    /// An operation that was taken, be it done at once, ends with a packet. One that was not ends
    /// with a packet of ours.
    ///
    /// # Safety
    /// `scratch` was just submitted, and `failed` is what the call returned.
    unsafe fn submitted(&self, failed: i32, scratch: *mut Scratch) {
        // From here on another thread may have it back already, unless the call failed.
        if failed == 0 {
            return;
        }
        let error = io::Error::last_os_error().raw_os_error();
        if error != Some(ws::WSA_IO_PENDING) {
            // SAFETY: the kernel has not taken it.
            unsafe { (*scratch).refused = error };
            self.post(scratch.cast());
        }
    }

    pub(super) fn wake(&self) {
        self.post(ptr::null_mut());
    }

    fn post(&self, overlapped: *mut OVERLAPPED) {
        // SAFETY: the kernel hands the address on and does not look behind it.
        let posted = unsafe { PostQueuedCompletionStatus(self.handle(), 0, 0, overlapped) };
        assert!(posted != 0, "no packet: {}", io::Error::last_os_error());
    }

    pub(super) fn cancel(&self, socket: &TcpStream) {
        // SAFETY: no memory is involved. It fails when nothing is under way.
        unsafe { CancelIoEx(socket.as_raw_socket() as HANDLE, ptr::null()) };
    }

    pub(super) fn wait(&self, at_most: Option<Duration>) -> io::Result<Packet> {
        let (mut bytes, mut key, mut overlapped) = (0, 0, ptr::null_mut());
        // SAFETY: the call writes to three variables that outlive it.
        let succeeded = unsafe {
            GetQueuedCompletionStatus(
                self.handle(),
                &raw mut bytes,
                &raw mut key,
                &raw mut overlapped,
                at_most.map_or(INFINITE, milliseconds),
            )
        };
        if overlapped.is_null() {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                _ if succeeded != 0 => Ok(Packet::Woken),
                Some(code) if code as u32 == WAIT_TIMEOUT => Ok(Packet::TimeUp),
                _ => Err(error),
            };
        }
        if key == GUEST {
            return Ok(Packet::Guest(Guest {
                name: overlapped.expose_provenance(),
                result: match succeeded {
                    0 => Err(io::Error::last_os_error()),
                    _ => Ok(bytes as usize),
                },
                goes_on: false,
            }));
        }
        let scratch = overlapped.cast::<Scratch>();
        // SAFETY: dequeued, so it is ours again.
        let result = match unsafe { (*scratch).refused } {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None if succeeded != 0 => Ok(bytes as usize),
            // SAFETY: the same.
            None => Err(unsafe { failure(scratch) }),
        };
        Ok(Packet::Completed(scratch, result))
    }

    fn handle(&self) -> HANDLE {
        self.0.as_raw_handle()
    }
}

impl Scratch {
    fn on(socket: ws::SOCKET) -> Self {
        Scratch {
            socket,
            ..Scratch::default()
        }
    }
}

/// Why an operation failed, in Winsock's words: a port says 64 when it means 10054, a reset.
///
/// # Safety
/// `scratch` came back with a packet.
unsafe fn failure(scratch: *mut Scratch) -> io::Error {
    let (mut bytes, mut flags) = (0, 0);
    // SAFETY: it is ours again; the call does not wait.
    unsafe {
        let overlapped = &raw const (*scratch).overlapped;
        let socket = (*scratch).socket;
        ws::WSAGetOverlappedResult(socket, overlapped, &raw mut bytes, 0, &raw mut flags);
    }
    io::Error::last_os_error()
}

/// As WSASend and WSARecv want to have it told.
pub(super) type Part = ws::WSABUF;

pub(super) fn part(start: *mut u8, bytes: usize) -> Part {
    ws::WSABUF {
        len: u32::try_from(bytes).expect("no buffer is that long"),
        buf: start,
    }
}

/// Rounded up: a wait that ends early would only be made again.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(INFINITE - 1)
}
