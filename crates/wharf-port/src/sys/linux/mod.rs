//! The port over io_uring.
//!
//! One ring per port, submitted to and reaped by one thread, one `io_uring_enter(2)` per `wait`,
//! and more while that brings much.
//! How the contract is kept, beyond what the [ledger](super::ledger) keeps for every backend:
//!
//! - C2: a request's `user_data` is its [`OpId`]; the slot is lent from `push` to the completion
//!   without `IORING_CQE_F_MORE`.
//! - C5: a cancel goes by `user_data`, not by descriptor: that is one hash look-up in the kernel,
//!   while a search by descriptor walks every armed receive of the ring (with 9,000 of them, 2 us
//!   against 200 us on Linux 6.18). Its own completion says nothing that the target's does not
//!   (`io_uring_prep_cancel(3)`: `-EALREADY` means wait).
//! - C7: `close(2)` alone would not end a receive: requests hold the file, and bytes would still
//!   land in the buffer. Hence cancel, join, close.
//! - C8: a multishot receive that meets an empty buffer ring ends with ENOBUFS, data or not. It is
//!   parked, and goes out again, for one buffer, when buffers have come home.
//! - C12: dropping cancels everything, reaps for [`DRAIN_MAX`], and leaks what is left.

mod buffer_ring;
mod complete;
mod forbidden;
mod probe;
mod ring;
mod send_scratch;
mod submit;
mod wake;

pub(crate) use forbidden::forbidden_by;
pub(crate) use send_scratch::SendScratch;

use super::ledger::Ledger;
use super::op_slab::OpKind;
use super::starved::Starved;
use super::{clock, sockets};
use crate::waker::WakeFlag;
use crate::{
    CloseHow, Completion, ConnectOptions, DetachedSocket, ListenOptions, NativePort, OpId,
    OpenError, OpsFull, OsCode, Port, PortOptions, PortStats, RecvPolicy, Refused, SendBatch,
    SendInFlight, SocketId, Token, Waker,
};
use buffer_ring::BufferRing;
use core::time::Duration;
use io_uring::opcode;
use ring::{Patience, Ring};
use send_scratch::Gathered;
use socket2::SockAddr;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use wake::EventFd;
use wharf_base::Instant;

/// A completion port over io_uring (Linux 6.1 and later).
///
/// Invariant: a receive that is neither lent to the kernel nor cancelled stands in `starved`.
pub struct UringPort {
    /// First, so that the ring is gone before anything that its requests refer to.
    ring: Ring,
    buffers: BufferRing,
    ledger: Ledger<SockAddr>,
    starved: Starved,
    flag: wharf_base::sync::Arc<WakeFlag>,
    event: Arc<EventFd>,
    options: PortOptions,
}

/// `user_data` of the poll on the eventfd. No operation has it: its index would be out of range.
const WAKE: u64 = u64::MAX;
/// `user_data` of every cancel.
const CANCEL: u64 = u64::MAX - 1;

/// What a call to the kernel does at the most of what it has deferred to this thread, receives
/// above all (its own `IO_LOCAL_TW_DEFAULT_MAX`). If it did so many, there may be more.
const TASKS_PER_ENTER: usize = 20;
/// With fewer buffers left no such call is made again: its receives might find none.
const SPARE_BUFFERS: u16 = 64;

/// How long a dropped port waits for the kernel to let go (C12).
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// How a receive goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RecvShots {
    /// Until it is cancelled, ends or starves.
    Many,
    /// For one buffer.
    One,
}

impl UringPort {
    /// Whether a port could be made here, found out by making a small one.
    ///
    /// # Errors
    /// As [`NativePort::open`].
    pub(crate) fn probe() -> Result<(), OpenError> {
        Self::open(&PortOptions {
            sockets_max: 1,
            listeners_max: 0,
            connects_max: 0,
            recv_buffers: 2,
            recv_buffer_bytes: 64,
            submission_entries: 4,
            completion_entries: 8,
            ..PortOptions::default()
        })
        .map(drop)
    }
}

impl NativePort for UringPort {
    const NAME: &'static str = "uring";

    fn open(options: &PortOptions) -> Result<Self, OpenError> {
        let mut ring = Ring::new(options)?;
        let mut buffers = BufferRing::new(&ring, options)?;
        if let Err(error) = probe::check(&mut ring, &mut buffers) {
            // Its receive may be under way: what it writes to goes when the ring has gone.
            drop(ring);
            return Err(error);
        }
        let mut port = Self {
            ring,
            buffers,
            ledger: Ledger::new(options),
            starved: Starved::new(options.sockets_max),
            flag: wharf_base::sync::Arc::new(WakeFlag::new()),
            event: Arc::new(EventFd::new()?),
            options: options.clone(),
        };
        port.arm_wake();
        Ok(port)
    }
}

impl Port for UringPort {
    fn listen(
        &mut self,
        local: SocketAddr,
        options: &ListenOptions,
    ) -> Result<SocketId, OpenError> {
        self.ledger
            .open_listener(sockets::listener(local, options, &self.options.socket)?)
    }

    fn adopt(&mut self, socket: DetachedSocket) -> Result<SocketId, OpenError> {
        let handle = socket.into_os();
        sockets::prepare_accepted(&handle, &self.options.socket)?;
        self.ledger.open_stream(handle)
    }

    fn local_addr(&self, socket: SocketId) -> io::Result<SocketAddr> {
        let socket = self.ledger.socket(socket).ok_or(io::ErrorKind::NotFound)?;
        let address = socket.handle.local_addr()?;
        address
            .as_socket()
            .ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn arm_accept(&mut self, listener: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let op = self.ledger.begin_accept(listener, token)?;
        let fd = self.descriptor(listener);
        let entry = match self.options.recv_policy {
            // accept(2) through io_uring_prep_multishot_accept(3): without an address, which each
            // accept would overwrite.
            RecvPolicy::Stream => opcode::AcceptMulti::new(fd)
                .flags(libc::SOCK_CLOEXEC)
                .build(),
            RecvPolicy::OneShot | RecvPolicy::ZeroByte => {
                opcode::Accept::new(fd, core::ptr::null_mut(), core::ptr::null_mut())
                    .flags(libc::SOCK_CLOEXEC)
                    .build()
            }
        };
        // SAFETY: an accept without an address refers to no memory.
        unsafe { self.submit(op, entry) };
        Ok(op)
    }

    fn connect(
        &mut self,
        remote: SocketAddr,
        options: &ConnectOptions,
        token: Token,
    ) -> Result<OpId, OpsFull> {
        self.ledger.may_connect()?;
        let opened = sockets::connecting(remote, options, &self.options.socket)
            .map_err(|error| sockets::os_code(&error))
            .and_then(|handle| {
                self.ledger
                    .open_stream(handle)
                    .map_err(|_| OsCode(libc::ENOBUFS))
            });
        let socket = match opened {
            Ok(socket) => socket,
            Err(code) => return Ok(self.ledger.fail_connect(code, token)),
        };
        let op = self.ledger.begin_connect(socket, token);
        let address = self.ledger.ops.scratch(op);
        // SAFETY: the scratch is this operation's, and nobody has submitted that yet.
        let address = unsafe {
            address.write(remote.into());
            address.as_ref()
        };
        let fd = self.descriptor(socket);
        let entry = opcode::Connect::new(fd, address.as_ptr().cast(), address.len()).build();
        // SAFETY: the address lies in the slot's scratch, where it stays while the slot is lent.
        unsafe { self.submit(op, entry) };
        Ok(op)
    }

    fn arm_recv(&mut self, socket: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let op = self.ledger.begin_recv(socket, token)?;
        if !self.starved.is_empty() {
            // Behind those that wait already, or it would take the next buffer before them (C8).
            self.park(op);
            return Ok(op);
        }
        let shots = match self.options.recv_policy {
            RecvPolicy::Stream => RecvShots::Many,
            RecvPolicy::OneShot | RecvPolicy::ZeroByte => RecvShots::One,
        };
        self.submit_recv(op, socket, shots);
        Ok(op)
    }

    fn send(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>> {
        let op = self.ledger.begin_send(socket, batch, token)?;
        let fd = self.descriptor(socket);
        let Some(OpKind::Send(batch)) = self.ledger.ops.get_mut(op).map(|op| &mut op.kind) else {
            unreachable!("a send began just now")
        };
        let flags = libc::MSG_NOSIGNAL;
        let entry = match send_scratch::gather(batch) {
            Gathered::One { bytes, len } => opcode::Send::new(fd, bytes, len).flags(flags).build(),
            Gathered::Several(header) => {
                opcode::SendMsg::new(fd, header).flags(flags as u32).build()
            }
        };
        // SAFETY: header, slices and bytes lie in the batch's box or in buffers that it holds; the
        // slot owns the batch until the operation's completion.
        unsafe { self.submit(op, entry) };
        Ok(op)
    }

    fn cancel(&mut self, op: OpId) {
        if !self.ledger.begin_cancel(op) {
            return;
        }
        if self.ledger.ops.is_lent(op) {
            self.submit_cancel(op);
        } else if self
            .ledger
            .ops
            .get(op)
            .is_some_and(|op| matches!(op.kind, OpKind::Recv))
        {
            // Parked: the kernel does not know of it (C5).
            self.ledger.fail(op, OsCode(libc::ECANCELED));
        }
    }

    fn shutdown_send(&mut self, socket: SocketId) -> Result<(), SendInFlight> {
        self.ledger.shutdown_send(socket)
    }

    fn close(&mut self, socket: SocketId, how: CloseHow, token: Token) {
        for op in self.ledger.begin_close(socket, how, token) {
            self.cancel(op);
        }
    }

    fn wait(&mut self, batch: &mut Vec<Completion>, until: Option<Instant>) -> io::Result<Instant> {
        self.buffers.refill();
        self.rearm_starved();
        let patience = self.patience(until);
        let entered = self.ring.enter(patience);
        if self.flag.end_sleep() {
            self.ledger.wake();
        }
        entered?;
        self.ledger.stats.waits += 1;
        let mut brought = self.deliver(batch);
        let mut may_fetch_the_rest = true;
        while brought.tasks >= TASKS_PER_ENTER || (brought.left_some && may_fetch_the_rest) {
            self.buffers.refill();
            if batch.len() >= batch.capacity() || self.buffers.ready() < SPARE_BUFFERS {
                break;
            }
            // Once: one socket with a flood behind it is not to fill the batch by itself.
            may_fetch_the_rest &= !brought.left_some;
            self.ring.enter(Patience::Look)?;
            brought = self.deliver(batch);
        }
        Ok(clock::now())
    }

    fn waker(&self) -> Waker {
        Waker::new(self.flag.clone(), self.event.clone())
    }

    fn stats(&self) -> PortStats {
        PortStats {
            recv_buffers_out: self.buffers.lent(),
            enters: self.ring.enters,
            overflows: self.ring.overflows,
            ..self.ledger.stats
        }
    }
}

#[cfg(test)]
mod tests;
