//! The kernel's completion port, wrapped once: sockets go in, packets come out.

use crate::waker::Kick;
use crate::{OpenError, OsCode};
use core::ptr;
use socket2::Socket;
use std::io;
use std::os::windows::io::{AsRawHandle, AsRawSocket, FromRawHandle, OwnedHandle};
use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE, WAIT_TIMEOUT};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatusEx, OVERLAPPED, OVERLAPPED_ENTRY,
    PostQueuedCompletionStatus,
};

/// Packets taken out in one call, at the most.
const PACKETS_PER_CALL: usize = 256;

/// A completion port for one thread. Wakers share it, so it stays open as long as one of them.
pub(super) struct CompletionPort(OwnedHandle);

/// Where a packet comes from: the completion key of the handle that it was queued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A kick; no operation ended.
    Kick,
    /// A connection; the packet's `OVERLAPPED` lies in a slot of the ledger.
    Stream,
    /// A listener; the packet's `OVERLAPPED` lies in a slot of the accepts.
    Listener,
}

/// One packet: the end of one operation, or a kick.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Packet(OVERLAPPED_ENTRY);

impl Packet {
    pub(super) fn source(&self) -> Source {
        match self.0.lpCompletionKey {
            STREAM => Source::Stream,
            LISTENER => Source::Listener,
            key => {
                assert!(key == KICK, "a packet with a key that nothing was given");
                Source::Kick
            }
        }
    }

    /// What the operation was submitted with.
    pub(super) fn overlapped(&self) -> *mut OVERLAPPED {
        self.0.lpOverlapped
    }

    /// Bytes moved, if the operation succeeded.
    pub(super) fn bytes(&self) -> u32 {
        self.0.dwNumberOfBytesTransferred
    }
}

const KICK: usize = 0;
const STREAM: usize = 1;
const LISTENER: usize = 2;

impl CompletionPort {
    pub(super) fn new() -> Result<Self, OpenError> {
        // SAFETY: no memory is involved; a handle that comes back is ours alone. One thread at a
        // time: a port of ours belongs to one anyway.
        let handle = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 1) };
        if handle.is_null() {
            return Err(OpenError::Os {
                call: "CreateIoCompletionPort",
                code: last_error(),
            });
        }
        // SAFETY: just made, owned by nobody else.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// Has every operation on the socket end with a packet here. For the life of the socket: "a
    /// handle can be associated with only one completion port, and after the association is made,
    /// the handle remains associated with that I/O completion port until it is closed" (MSDN,
    /// CreateIoCompletionPort).
    pub(super) fn associate(&self, socket: &Socket, source: Source) -> Result<(), OsCode> {
        let key = match source {
            Source::Kick => KICK,
            Source::Stream => STREAM,
            Source::Listener => LISTENER,
        };
        // SAFETY: both handles are open, and no memory is involved.
        let port = unsafe {
            CreateIoCompletionPort(socket.as_raw_socket() as HANDLE, self.handle(), key, 0)
        };
        if port.is_null() {
            Err(last_error())
        } else {
            Ok(())
        }
    }

    /// Replaces what is in `packets` by the next ones, at most `room` of them, waiting at most
    /// `timeout_ms` for the first.
    pub(super) fn dequeue(
        &self,
        packets: &mut Vec<Packet>,
        room: usize,
        timeout_ms: u32,
    ) -> io::Result<()> {
        packets.clear();
        packets.reserve(PACKETS_PER_CALL);
        let mut removed = 0;
        // SAFETY: the call writes up to the given count of entries, which is below the capacity
        // reserved above, into memory that is ours; a `Packet` is an entry in all but name. Not
        // alertable: nobody queues procedure calls to this thread.
        let dequeued = unsafe {
            GetQueuedCompletionStatusEx(
                self.handle(),
                packets.as_mut_ptr().cast(),
                room.min(PACKETS_PER_CALL) as u32,
                &raw mut removed,
                timeout_ms,
                0,
            )
        };
        if dequeued == 0 {
            // MSDN: false, and GetLastError is WAIT_TIMEOUT, when the time is up.
            return match last_error() {
                OsCode(code) if code as u32 == WAIT_TIMEOUT => Ok(()),
                OsCode(code) => Err(io::Error::from_raw_os_error(code)),
            };
        }
        assert!(removed as usize <= room, "more packets than there is room");
        // SAFETY: the call has written that many entries.
        unsafe { packets.set_len(removed as usize) };
        Ok(())
    }

    fn handle(&self) -> HANDLE {
        self.0.as_raw_handle()
    }
}

impl Kick for CompletionPort {
    fn kick(&self) {
        // SAFETY: the handle is open; a packet without an OVERLAPPED refers to no memory.
        let posted = unsafe { PostQueuedCompletionStatus(self.handle(), 0, KICK, ptr::null_mut()) };
        // It fails when the kernel's memory is used up. A lost wake would hang a thread for ever.
        assert!(posted != 0, "a port refused a kick: {}", last_error());
    }
}

/// What `GetLastError` says.
pub(super) fn last_error() -> OsCode {
    crate::sys::sockets::os_code(&io::Error::last_os_error())
}
