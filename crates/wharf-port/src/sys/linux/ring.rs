//! The kernel object: submission and completion queue, and the one call that serves both.

use crate::{OpenError, OsCode, PortOptions};
use core::time::Duration;
use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, squeue};
use std::collections::VecDeque;
use std::io;

/// An io_uring that belongs to the thread that made it.
///
/// Invariant: entries leave in the order of `push`; `backlog` is empty unless the kernel had no
/// memory for a submission.
pub(super) struct Ring {
    uring: IoUring,
    /// Entries that found the submission queue full even after it was flushed.
    backlog: VecDeque<squeue::Entry>,
    backlog_max: usize,
    pub(super) enters: u64,
    pub(super) overflows: u64,
}

/// One entry of the completion queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reaped {
    pub(super) user_data: u64,
    /// What the system call would have returned, or minus `errno`.
    pub(super) result: i32,
    /// The buffer that the kernel took out of the buffer ring for this.
    pub(super) buffer: Option<u16>,
    /// Whether the operation goes on.
    pub(super) more: bool,
    /// Whether the socket had more (`IORING_CQE_F_SOCK_NONEMPTY`).
    pub(super) has_more_data: bool,
}

/// How long an [`Ring::enter`] waits for a completion.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    Look,
    Wait(Option<Duration>),
}

impl Ring {
    /// `io_uring_setup(2)`: SINGLE_ISSUER and DEFER_TASKRUN, because the port belongs to one
    /// thread and completions are to be made while it waits, never while it computes; SUBMIT_ALL,
    /// so that one bad entry does not hold up those behind it; CLAMP, so that a size above the
    /// kernel's limit means the limit.
    pub(super) fn new(options: &PortOptions) -> Result<Self, OpenError> {
        let mut builder = IoUring::builder();
        builder
            .setup_clamp()
            .setup_cqsize(options.completion_entries.max(options.submission_entries))
            .setup_submit_all()
            .setup_single_issuer()
            .setup_defer_taskrun();
        let uring = builder
            .build(options.submission_entries)
            .map_err(|error| super::probe::setup_error(super::super::sockets::os_code(&error)))?;
        // Of each slot there may be three entries in here: the cancel of an operation that ended
        // meanwhile, its successor, and the cancel of that one, which cannot end before it leaves.
        let backlog_max = 3 * options.ops_max() as usize + 1;
        Ok(Self {
            uring,
            backlog: VecDeque::new(),
            backlog_max,
            enters: 0,
            overflows: 0,
        })
    }

    /// The ring, for registrations.
    pub(super) fn submitter(&self) -> io_uring::Submitter<'_> {
        self.uring.submitter()
    }

    /// What the kernel said about itself at set-up.
    pub(super) fn parameters(&self) -> &io_uring::Parameters {
        self.uring.params()
    }

    /// Queues an entry; it leaves with the next `enter`, or now if the queue is full.
    ///
    /// # Safety
    /// Whatever memory `entry` refers to must stay valid, and be left alone if the kernel writes
    /// to it, from this call until the last completion with the entry's `user_data` was reaped:
    /// also when an `enter` in between fails, since the entry stays queued.
    pub(super) unsafe fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: the caller's promise is the one that the queue asks for.
        if self.backlog.is_empty() && unsafe { self.uring.submission().push(&entry) }.is_ok() {
            return;
        }
        self.backlog.push_back(entry);
        assert!(
            self.backlog.len() <= self.backlog_max,
            "more entries than operations"
        );
        self.flush_backlog();
    }

    /// Moves the backlog into the submission queue, submitting as often as that takes, until the
    /// kernel takes no more.
    fn flush_backlog(&mut self) {
        while let Some(entry) = self.backlog.front() {
            // SAFETY: `push`'s caller promised for each entry here until its completion.
            if unsafe { self.uring.submission().push(entry) }.is_ok() {
                self.backlog.pop_front();
                continue;
            }
            self.enters += 1;
            // EINTR says nothing; EAGAIN and EBUSY say that the kernel is out of memory or that
            // completions must be reaped first: what stays here leaves with a later `enter`.
            match self.uring.submit() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Submits everything, runs what the kernel has deferred to this thread, and waits for a
    /// completion as long as `patience` says: `io_uring_enter(2)`, once.
    ///
    /// A wait may end early, and with nothing.
    pub(super) fn enter(&mut self, patience: Patience) -> io::Result<()> {
        self.flush_backlog();
        let submissions = self.uring.submission();
        let to_submit = submissions.len() as u32;
        self.overflows += u64::from(submissions.cq_overflow());
        drop(submissions);
        let timeout = match patience {
            Patience::Wait(timeout) => timeout.map(Timespec::from),
            Patience::Look => None,
        };
        let arguments = match &timeout {
            Some(timeout) => SubmitArgs::new().timespec(timeout),
            None => SubmitArgs::new(),
        };
        // What could not be submitted may be what would end the wait.
        let may_wait = matches!(patience, Patience::Wait(_)) && self.backlog.is_empty();
        let flags = (EnterFlags::GETEVENTS | EnterFlags::EXT_ARG).bits();
        self.enters += 1;
        // The kernel rounds the timeout up to its timer's grain, never down (C10).
        // SAFETY: the arguments, and the timeout that they point to, are read during the call
        // only; the memory of the entries is promised for by the callers of `push`.
        let entered = unsafe {
            self.uring
                .submitter()
                .enter(to_submit, u32::from(may_wait), flags, Some(&arguments))
        };
        match entered {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // io_uring_enter(2), Errors: the timeout passed; a signal came; there is no
                // memory for a request; overflown completions must be reaped first.
                Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Takes the oldest completion out of the queue.
    pub(super) fn reap(&mut self) -> Option<Reaped> {
        let entry = self.uring.completion().next()?;
        let flags = entry.flags();
        Some(Reaped {
            user_data: entry.user_data(),
            result: entry.result(),
            buffer: cqueue::buffer_select(flags),
            more: cqueue::more(flags),
            has_more_data: cqueue::sock_nonempty(flags),
        })
    }
}

/// A negative result as an error code.
pub(super) fn code_of(result: i32) -> OsCode {
    OsCode(-result)
}
