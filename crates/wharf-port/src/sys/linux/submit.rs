//! From our operations to the kernel's: what goes into the submission queue, and when to wait.

use super::buffer_ring::GROUP;
use super::ring::Patience;
use super::{CANCEL, RecvShots, UringPort, WAKE};
use crate::sys::clock;
use crate::{OpId, SocketId};
use io_uring::{opcode, squeue, types};
use std::os::fd::AsRawFd;
use wharf_base::Instant;

impl UringPort {
    /// How long this wait may last (C10): not at all while something is ready, or while a starved
    /// receive could have a buffer. Announces the sleep, so that wakers know to kick.
    pub(super) fn patience(&mut self, until: Option<Instant>) -> Patience {
        if self.ledger.is_ready() || (!self.starved.is_empty() && self.buffers.ready() > 0) {
            return Patience::Look;
        }
        let timeout = match until {
            None | Some(Instant::FAR_FUTURE) => None,
            Some(until) => {
                let timeout = until.saturating_since(clock::now());
                if timeout.is_zero() {
                    return Patience::Look;
                }
                Some(timeout)
            }
        };
        if self.flag.begin_sleep() {
            Patience::Wait(timeout)
        } else {
            Patience::Look
        }
    }

    /// Sends parked receives out again, oldest first, one for each buffer that is there (C8). Each
    /// may take one buffer only: a multishot receive on a socket with a flood behind it would take
    /// them all, and leave those that starved after it starving.
    pub(super) fn rearm_starved(&mut self) {
        let mut buffers = self.buffers.ready();
        while buffers > 0
            && let Some(op) = self.starved.pop()
        {
            if let Some(parked) = self.ledger.ops.get(op)
                && !parked.cancelled
            {
                let socket = parked.socket;
                self.submit_recv(op, socket, RecvShots::One);
                buffers -= 1;
            }
        }
    }

    /// Has a receive wait for a buffer.
    pub(super) fn park(&mut self, op: OpId) {
        self.ledger.stats.starved_recvs += 1;
        let ops = &self.ledger.ops;
        self.starved.push(op, |parked| {
            ops.get(*parked).is_some_and(|op| !op.cancelled)
        });
    }

    pub(super) fn submit_recv(&mut self, op: OpId, socket: SocketId, shots: RecvShots) {
        let fd = self.descriptor(socket);
        let entry = match shots {
            RecvShots::Many => opcode::RecvMulti::new(fd, GROUP).build(),
            RecvShots::One => {
                opcode::Recv::new(fd, core::ptr::null_mut(), self.buffers.buffer_bytes())
                    .buf_group(GROUP)
                    .build()
                    .flags(squeue::Flags::BUFFER_SELECT)
            }
        };
        // SAFETY: the kernel writes to a buffer that it takes out of the buffer ring, whose memory
        // outlives the ring's requests.
        unsafe { self.submit(op, entry) };
    }

    pub(super) fn submit_cancel(&mut self, op: OpId) {
        let entry = opcode::AsyncCancel::new(op.to_bits())
            .build()
            .user_data(CANCEL);
        // io_uring_enter(2), IOSQE_CQE_SKIP_SUCCESS: a cancel that found its target is not worth
        // a completion; one that did not is ignored.
        let entry = entry.flags(squeue::Flags::SKIP_SUCCESS);
        // SAFETY: a cancel refers to no memory.
        unsafe { self.ring.push(entry) };
    }

    pub(super) fn arm_wake(&mut self) {
        let fd = types::Fd(self.event.as_raw_fd());
        // io_uring_prep_poll_multishot(3): edge-triggered, so the counter need not be read.
        let entry = opcode::PollAdd::new(fd, libc::POLLIN as u32)
            .multi(true)
            .build();
        // SAFETY: a poll refers to no memory.
        unsafe { self.ring.push(entry.user_data(WAKE)) };
    }

    /// Lends the slot and queues the entry.
    ///
    /// # Safety
    /// As [`push`](super::ring::Ring::push), where the completion is that of `op`.
    pub(super) unsafe fn submit(&mut self, op: OpId, entry: squeue::Entry) {
        self.ledger.ops.lend(op);
        // SAFETY: the caller's promise.
        unsafe { self.ring.push(entry.user_data(op.to_bits())) };
    }

    pub(super) fn descriptor(&self, socket: SocketId) -> types::Fd {
        let socket = self
            .ledger
            .socket(socket)
            .expect("an operation began on it just now");
        types::Fd(socket.handle.as_raw_fd())
    }
}
