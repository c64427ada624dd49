//! The port over io_uring. A ring is two queues shared with the kernel, each meant for one thread;
//! here all workers share them, so each queue has a lock.
//!
//! On Windows the kernel lets many threads wait and wakes one for each packet. Here the one that
//! holds `reaping` waits in the kernel and the others wait for the lock.

use super::{Census, Handle, Io, Operation, Packet};
use io_uring::types::{CancelBuilder, Fd};
use io_uring::{EnterFlags, IoUring, opcode, squeue};
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};

/// A completion port; any number of threads may submit to it and wait at it.
pub struct CompletionPort {
    ring: IoUring,
    submitting: Mutex<()>,
    reaping: Mutex<()>,
    pub(super) census: Census,
}

/// Nothing: the kernel copies the entry, and notes the rest in memory of its own.
pub(super) struct Scratch;

impl Scratch {
    pub(super) fn new() -> Self {
        Self
    }
}

/// Room for submissions; each leaves at once.
const SUBMISSIONS: u32 = 8;
/// Room for completions that nobody has taken yet.
const COMPLETIONS: u32 = 4096;

/// The mark of a completion that tells nobody anything: that of a cancelling entry.
const NOBODY: u64 = 0;
/// Marks what was posted. Marks of operations are addresses, which are even, and never 0.
const POSTED: u64 = 1;

impl CompletionPort {
    /// Opens a port.
    ///
    /// # Errors
    /// If the kernel has no io_uring for us, as in many containers.
    pub fn new() -> io::Result<Self> {
        // A worker that runs is not interrupted to have it receive for a client: it calls the
        // kernel soon enough. One that sleeps is woken.
        let ring = IoUring::builder()
            .setup_coop_taskrun()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)
            .map_err(|error| {
                let hint = "is io_uring forbidden? see `sysctl kernel.io_uring_disabled`";
                io::Error::new(error.kind(), format!("io_uring_setup: {error} ({hint})"))
            })?;
        Ok(Self {
            ring,
            submitting: Mutex::new(()),
            reaping: Mutex::new(()),
            census: Census::default(),
        })
    }

    /// Lets a socket in, whose packets will bear `key`.
    ///
    /// # Errors
    /// None on this system.
    pub fn associate(&self, socket: TcpStream, key: usize) -> io::Result<Arc<Handle>> {
        Ok(self.handle(socket, key))
    }

    pub(super) fn start(&self, io: Box<Io>) -> io::Result<()> {
        let fd = Fd(io.lasting().socket.as_raw_fd());
        let operation = io.operation;
        let lent = Box::into_raw(io);
        // SAFETY: it is lent below, and ours until then.
        let part = unsafe { (*lent).part() };
        let (memory, bytes) = (part.as_mut_ptr(), part.len() as u32);
        let entry = match operation {
            Operation::Recv => opcode::Recv::new(fd, memory, bytes).build(),
            Operation::Send => opcode::Send::new(fd, memory, bytes)
                .flags(libc::MSG_NOSIGNAL)
                .build(),
        };
        // SAFETY: the `Io` stays where it is, and nobody else has its address, until `wait` has
        // the completion with this mark. The socket is open until then: the `Io` holds it.
        unsafe { self.submit(entry.user_data(lent as u64)) };
        Ok(())
    }

    /// Asks for the end of all operations on a socket. Each still ends with its packet, which may
    /// say that it had succeeded by then.
    pub fn cancel(&self, handle: &Handle) {
        let which = CancelBuilder::fd(Fd(handle.socket.as_raw_fd())).all();
        let entry = opcode::AsyncCancel2::new(which).build().user_data(NOBODY);
        // SAFETY: the entry refers to no memory.
        unsafe { self.submit(entry) }
    }

    /// Has one [`wait`](Self::wait) return `Posted(key)`.
    ///
    /// # Errors
    /// None on this system.
    pub fn post(&self, key: usize) -> io::Result<()> {
        let entry = opcode::Nop::new()
            .build()
            .user_data((key as u64) << 1 | POSTED);
        // SAFETY: the entry refers to no memory.
        unsafe { self.submit(entry) };
        Ok(())
    }

    /// # Safety
    /// What `entry` refers to is the kernel's until its completion was reaped.
    unsafe fn submit(&self, entry: squeue::Entry) {
        let _alone = self
            .submitting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // SAFETY: whoever uses the submission queue holds its lock; the caller vouches for the
        // memory.
        let pushed = unsafe { self.ring.submission_shared().push(&entry) };
        pushed.expect("every entry leaves at once, so there is room");
        loop {
            match self.ring.submit() {
                Ok(_) => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The entry stays in the queue, and its memory with it: no error to live with.
                Err(error) => panic!("the kernel takes no submission: {error}"),
            }
        }
    }

    /// Waits for the next packet.
    ///
    /// # Errors
    /// If waiting itself fails. How an operation failed stands in its packet.
    pub fn wait(&self) -> io::Result<Packet> {
        let _alone = self.reaping.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // SAFETY: whoever uses the completion queue holds its lock.
            let reaped = unsafe { self.ring.completion_shared() }.next();
            let Some(completion) = reaped else {
                self.sleep()?;
                continue;
            };
            match completion.user_data() {
                NOBODY => {}
                mark if mark & POSTED != 0 => return Ok(Packet::Posted((mark >> 1) as usize)),
                mark => {
                    // SAFETY: `start` made this of a box. Its one completion is this, so the
                    // kernel has let go of it, and nobody takes it a second time.
                    let io = unsafe { Box::from_raw(mark as *mut Io) };
                    return Ok(io.ended(result_of(completion.result())));
                }
            }
        }
    }

    /// Sleeps in the kernel until there is a completion.
    fn sleep(&self) -> io::Result<()> {
        let flags = EnterFlags::GETEVENTS.bits();
        // SAFETY: submits nothing, and passes no memory.
        let woken = unsafe {
            self.ring
                .submitter()
                .enter::<libc::sigset_t>(0, 1, flags, None)
        };
        match woken {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }
}

/// A completion's result is what the system call would have returned, or minus the error.
fn result_of(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}
