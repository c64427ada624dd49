//! The port over an I/O completion port. The pages of the manual are those of learn.microsoft.com
//! with the name of the function.

use super::{Census, Handle, Io, Operation, Packet};
use std::io;
use std::net::TcpStream;
use std::os::windows::io::{AsRawHandle, AsRawSocket, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::Arc;
use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO as os;
use windows_sys::Win32::System::Threading::INFINITE;

/// A completion port; any number of threads may submit to it and wait at it.
pub struct CompletionPort {
    kernel: OwnedHandle,
    pub(super) census: Census,
}

/// The `OVERLAPPED` of an operation, whose address is how the kernel calls it.
#[derive(Default)]
#[repr(C)]
pub(super) struct Scratch {
    overlapped: os::OVERLAPPED,
    /// `WSARecv` reads and writes its flags.
    flags: u32,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self::default()
    }
}

// SAFETY: the pointers in an `OVERLAPPED` are the kernel's notes; no thread owns them.
unsafe impl Send for Scratch {}

// The address of an `Io` is that of its `OVERLAPPED`.
const _: () = assert!(std::mem::offset_of!(Io, scratch) == 0);
const _: () = assert!(std::mem::offset_of!(Scratch, overlapped) == 0);

impl CompletionPort {
    /// Opens a port. As many of its threads run at a time as there are processors.
    ///
    /// # Errors
    /// What the system has against it.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no memory is involved; a handle that comes back is ours alone.
        let kernel = unsafe {
            let port = os::CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 0);
            if port.is_null() {
                return Err(io::Error::last_os_error());
            }
            OwnedHandle::from_raw_handle(port)
        };
        Ok(Self {
            kernel,
            census: Census::default(),
        })
    }

    /// Lets a socket in, whose packets will bear `key`: for as long as the socket is open.
    ///
    /// # Errors
    /// What the system has against it.
    pub fn associate(&self, socket: TcpStream, key: usize) -> io::Result<Arc<Handle>> {
        let raw = socket.as_raw_socket() as HANDLE;
        // SAFETY: both handles are open, and no memory is involved.
        let port = unsafe { os::CreateIoCompletionPort(raw, self.kernel.as_raw_handle(), key, 0) };
        if port.is_null() {
            return Err(io::Error::last_os_error());
        }
        Ok(self.handle(socket, key))
    }

    pub(super) fn start(&self, io: Box<Io>) -> io::Result<()> {
        let socket = raw(io.lasting());
        let operation = io.operation;
        let lent = Box::into_raw(io);
        // SAFETY: it is lent below, and ours until then.
        let part = unsafe { (*lent).part() };
        // WSARecv: "captures the WSABUF structures before returning", so this may lie here.
        let list = ws::WSABUF {
            len: part.len() as u32,
            buf: part.as_mut_ptr(),
        };
        // SAFETY: the `Io` stays where it is, and nobody else has its address, until `wait` has
        // its packet. The socket is open until then: the `Io` holds it.
        let failed = unsafe {
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
        };
        // SAFETY: called right behind the call that it is about.
        if failed != 0 && unsafe { ws::WSAGetLastError() } != ws::WSA_IO_PENDING {
            let error = io::Error::last_os_error();
            // SAFETY: a call that failed has started nothing; no packet comes, the box is ours.
            drop(unsafe { Box::from_raw(lent) });
            return Err(error);
        }
        // Pending, or done already: either way the packet comes.
        Ok(())
    }

    /// Asks for the end of all operations on a socket. Each still ends with its packet, which may
    /// say that it had succeeded by then.
    pub fn cancel(&self, handle: &Handle) {
        // Its error would be that there was nothing to cancel.
        // SAFETY: the socket is open; no OVERLAPPED means all of them.
        unsafe { os::CancelIoEx(raw(handle) as HANDLE, ptr::null()) };
    }

    /// Has one [`wait`](Self::wait) return `Posted(key)`.
    ///
    /// # Errors
    /// If the kernel has no memory for a packet.
    pub fn post(&self, key: usize) -> io::Result<()> {
        let port = self.kernel.as_raw_handle();
        // SAFETY: the port is open; a packet without an OVERLAPPED refers to no memory.
        match unsafe { os::PostQueuedCompletionStatus(port, 0, key, ptr::null()) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Waits for the next packet.
    ///
    /// # Errors
    /// If waiting itself fails. How an operation failed stands in its packet.
    ///
    /// # Panics
    /// If a packet bears another key than its socket was given, which the system rules out.
    pub fn wait(&self) -> io::Result<Packet> {
        let (mut bytes, mut key, mut overlapped) = (0, 0, ptr::null_mut());
        // SAFETY: the port is open, and the call writes to these three before it returns.
        let succeeded = unsafe {
            os::GetQueuedCompletionStatus(
                self.kernel.as_raw_handle(),
                &mut bytes,
                &mut key,
                &mut overlapped,
                INFINITE,
            )
        };
        // The manual's four cases: with an OVERLAPPED an operation has ended, well or not;
        // without one it is a posted packet, or there is no packet at all.
        if overlapped.is_null() {
            return match succeeded {
                0 => Err(io::Error::last_os_error()),
                _ => Ok(Packet::Posted(key)),
            };
        }
        // SAFETY: `start` made this of a box. Its one packet is this, so the kernel has let go of
        // it, and nobody takes it a second time.
        let mut io = unsafe { Box::from_raw(overlapped.cast::<Io>()) };
        assert_eq!(io.lasting().key, key, "what the socket was let in with");
        let socket = raw(io.lasting());
        let result = match succeeded {
            0 => Err(socket_error(socket, &mut io.scratch)),
            _ => Ok(bytes as usize),
        };
        Ok(io.ended(result))
    }
}

/// Why an operation failed, as Winsock puts it: the port itself calls a reset connection "network
/// name deleted".
fn socket_error(socket: ws::SOCKET, scratch: &mut Scratch) -> io::Error {
    let (mut bytes, mut flags) = (0, 0);
    // SAFETY: the operation has ended, so this does not wait; it writes to these two.
    unsafe {
        let overlapped = &raw mut scratch.overlapped;
        ws::WSAGetOverlappedResult(socket, overlapped, &mut bytes, 0, &mut flags);
        io::Error::from_raw_os_error(ws::WSAGetLastError())
    }
}

fn raw(handle: &Handle) -> ws::SOCKET {
    handle.socket.as_raw_socket() as ws::SOCKET
}
