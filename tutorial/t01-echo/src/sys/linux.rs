//! io_uring as a completion port that threads share.
//!
//! | IOCP | here |
//! |---|---|
//! | `CreateIoCompletionPort` | `io_uring_setup` |
//! | `WSARecv`, `WSASend` | an entry in the submission queue, and `io_uring_enter` |
//! | the `OVERLAPPED`'s address | the entry's `user_data` |
//! | `PostQueuedCompletionStatus` | an entry that does nothing (`NOP`) |
//! | `GetQueuedCompletionStatus` | `io_uring_enter` that waits, then the completion queue |
//! | `CancelIoEx` | `IORING_REGISTER_SYNC_CANCEL` by descriptor |
//!
//! Both queues lie in memory that we share with the kernel. It takes one thread at a time for each,
//! which is what the two locks are for. Wharf has a ring for each thread, and no lock.

use super::{Guest, Packet};
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Submissions leave at once, so there is room for one of each thread and some to spare.
const SUBMISSIONS: u32 = 64;
/// More than this wait in the kernel's memory.
const COMPLETIONS: u32 = 4096;
/// What no operation has for an address.
const WAKE: u64 = 0;
/// Nor has one an odd address.
const GUEST: u64 = 1;

/// The kernel needs nothing of ours beside the buffer: it copies the entry.
#[derive(Default)]
pub(super) struct Scratch(());

/// As writev(2) wants to have it told.
pub(super) type Part = libc::iovec;

pub(super) fn part(start: *mut u8, bytes: usize) -> Part {
    libc::iovec {
        iov_base: start.cast(),
        iov_len: bytes,
    }
}

/// The ring.
pub struct Kernel {
    ring: IoUring,
    submitting: Mutex<()>,
    completing: Mutex<()>,
    /// What one thread submits another may get back, and the kernel sees to it that this one finds
    /// what that one wrote. The language's memory model knows of no kernel (nor does
    /// ThreadSanitizer), so it is told here: written before each submission, read behind each
    /// completion.
    passed: AtomicUsize,
}

impl Kernel {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Kernel {
            ring: IoUring::builder()
                .setup_cqsize(COMPLETIONS)
                .build(SUBMISSIONS)?,
            submitting: Mutex::new(()),
            completing: Mutex::new(()),
            passed: AtomicUsize::new(0),
        })
    }

    pub(super) fn add(&self, _: &TcpStream) -> io::Result<()> {
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
        let socket = Fd(socket.as_raw_fd());
        let entry = if bytes == 0 {
            // A `Recv` of no bytes waits too, on the Linux that we tried, where read(2) of none
            // ends at once; no manual promises either. To wait is what a poll is for.
            opcode::PollAdd::new(socket, libc::POLLIN as u32).build()
        } else {
            opcode::Recv::new(socket, start, length(bytes)).build()
        };
        // The address goes as a number. To expose it is to tell the compiler that a number may
        // become this pointer again, as one does in `take`.
        let name = scratch.expose_provenance() as u64;
        // SAFETY: the caller's promise.
        unsafe { self.submit(&entry.user_data(name)) }
    }

    /// # Safety
    /// As for [`receive`](Self::receive).
    pub(super) unsafe fn send(
        &self,
        socket: &TcpStream,
        scratch: *mut Scratch,
        start: *const u8,
        bytes: usize,
    ) {
        // Without the flag, sending to who is gone would be a signal that ends the process.
        let entry = opcode::Send::new(Fd(socket.as_raw_fd()), start, length(bytes))
            .flags(libc::MSG_NOSIGNAL)
            .build();
        // SAFETY: the caller's promise.
        unsafe { self.submit(&entry.user_data(scratch.expose_provenance() as u64)) }
    }

    /// # Safety
    /// As for [`receive`](Self::receive), and the list of parts with them.
    pub(super) unsafe fn send_parts(
        &self,
        socket: &TcpStream,
        scratch: *mut Scratch,
        first: *const Part,
        count: usize,
    ) {
        // As writev(2). Its signal, if the peer is gone, is one that std has the process ignore.
        let entry = opcode::Writev::new(Fd(socket.as_raw_fd()), first, length(count)).build();
        // SAFETY: the caller's promise.
        unsafe { self.submit(&entry.user_data(scratch.expose_provenance() as u64)) }
    }

    pub(super) fn wake(&self) {
        // SAFETY: it refers to no memory.
        unsafe { self.submit(&opcode::Nop::new().build().user_data(WAKE)) }
    }

    pub(super) fn cancel(&self, socket: &TcpStream) {
        let all = CancelBuilder::fd(Fd(socket.as_raw_fd())).all();
        // ENOENT says that there was nothing; in any case what is under way completes.
        let _ = self.ring.submitter().register_sync_cancel(None, all);
    }

    /// Submits an operation of somebody else, who is told of it by this name.
    ///
    /// # Safety
    /// The memory that `entry` refers to is the kernel's until the last completion.
    pub unsafe fn submit_guest(&self, name: usize, entry: squeue::Entry) {
        // SAFETY: the caller's promise.
        unsafe { self.submit(&entry.user_data((name as u64) << 1 | GUEST)) }
    }

    /// # Safety
    /// The memory that `entry` refers to is the kernel's until the completion.
    unsafe fn submit(&self, entry: &squeue::Entry) {
        let _turn = self
            .submitting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.passed.fetch_add(1, Ordering::Release);
        // SAFETY: the lock lets one thread at a time have the queue; the caller's promise.
        while unsafe { self.ring.submission_shared().push(entry) }.is_err() {
            // Full, of what the kernel could not take before. Now it may, and nobody else can fill
            // the room, for the lock is ours; they would have to wait for the kernel as well.
            self.flush();
        }
        self.flush();
    }

    /// io_uring_enter(2). What it cannot take now (a signal came, memory is short) stays queued,
    /// and leaves with the next call, that of a waiting thread included.
    fn flush(&self) {
        if let Err(error) = self.ring.submit() {
            let passes = matches!(
                error.raw_os_error(),
                Some(libc::EINTR | libc::EAGAIN | libc::EBUSY)
            );
            assert!(passes, "the ring takes nothing: {error}");
        }
    }

    pub(super) fn wait(&self, at_most: Option<Duration>) -> io::Result<Packet> {
        let timeout = at_most.map(Timespec::from);
        let arguments = match &timeout {
            Some(timeout) => SubmitArgs::new().timespec(timeout),
            None => SubmitArgs::new(),
        };
        loop {
            if let Some(packet) = self.take() {
                return Ok(packet);
            }
            match self.ring.submitter().submit_with_args(1, &arguments) {
                Ok(_) => {}
                Err(error) => match error.raw_os_error() {
                    Some(libc::ETIME) => return Ok(self.take().unwrap_or(Packet::TimeUp)),
                    Some(libc::EINTR | libc::EAGAIN | libc::EBUSY) => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn take(&self) -> Option<Packet> {
        let _turn = self
            .completing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the lock lets one thread at a time have the queue.
        let entry = unsafe { self.ring.completion_shared() }.next()?;
        self.passed.load(Ordering::Acquire);
        if entry.user_data() == WAKE {
            return Some(Packet::Woken);
        }
        // Minus `errno`, or what the call would have returned.
        let result = match entry.result() {
            error @ ..0 => Err(io::Error::from_raw_os_error(-error)),
            bytes => Ok(bytes as usize),
        };
        let name = entry.user_data();
        Some(if name & GUEST == 0 {
            Packet::Completed(ptr::with_exposed_provenance_mut(name as usize), result)
        } else {
            Packet::Guest(Guest {
                name: (name >> 1) as usize,
                result,
                goes_on: cqueue::more(entry.flags()),
            })
        })
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("no buffer is that long")
}
