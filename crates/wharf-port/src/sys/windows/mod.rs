//! The port over an I/O completion port of Windows.
//!
//! How the contract is kept, beyond what the [ledger](super::ledger) keeps for every backend:
//!
//! - C1: each operation ends with exactly one packet, done at once or not; a stream of accepts is
//!   made of several operations (see [`accepts`]), a receive is always one completion.
//! - C2: the slot is lent from the call to its packet; the address of its `OVERLAPPED` comes back
//!   with the packet and leads to the operation.
//! - C4: a call that fails at once queues no packet; its error waits in the ready queue.
//! - C5, C7: `CancelIoEx`, wait for the packets, `closesocket`, in this order. Another order would
//!   work on connections, but a handle's number may be given to another socket at once.
//! - C8: an idle peer's posted receive holds a buffer for as long as the peer likes. So at most
//!   half of the buffers are posted; a receive that gets none waits with a receive of zero bytes,
//!   and has its data read into the other half, whose buffers come home soon.
//! - C10: the wait is in milliseconds, rounded up, and as exact as the system's clock tick.
//! - C12: dropping cancels everything, dequeues for [`DRAIN_MAX`], and leaks what is left.

mod accepts;
mod bell;
mod codes;
mod complete;
mod completion_port;
mod slot;
mod submit;
mod winsock;

pub(crate) use bell::Bell;
pub(crate) use winsock::claim_address;

use super::ledger::Ledger;
use super::op_slab::OpKind;
use super::pool::RecvPool;
use super::starved::Starved;
use super::{clock, sockets};
use crate::waker::WakeFlag;
use crate::{
    CloseHow, Completion, ConnectOptions, DetachedSocket, ListenOptions, NativePort, OpId,
    OpenError, OpsFull, OsCode, Port, PortOptions, PortStats, RecvPolicy, Refused, SendBatch,
    SendInFlight, SocketId, Token, Waker,
};
use accepts::Accepts;
use completion_port::{CompletionPort, Packet, Source};
use core::ptr;
use core::time::Duration;
use slot::{Slot, overlapped_of};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use wharf_base::Instant;
use windows_sys::Win32::Networking::WinSock::{WSA_OPERATION_ABORTED, WSAENOBUFS};
use winsock::Extensions;

/// A completion port over IOCP (Windows 8 and later).
///
/// Invariant: a receive that is neither lent to the kernel, nor cancelled, nor failed stands in
/// `starved`; `posted` counts the buffers in lent slots.
pub struct IocpPort {
    kernel: Arc<CompletionPort>,
    winsock: Extensions,
    ledger: Ledger<Slot>,
    accepts: Accepts,
    pool: RecvPool,
    /// Buffers that posted receives hold.
    posted: u32,
    posted_max: u32,
    starved: Starved,
    /// Packets of the present `wait`; empty in between.
    packets: Vec<Packet>,
    flag: wharf_base::sync::Arc<WakeFlag>,
    options: PortOptions,
    enters: u64,
}

/// How long a dropped port waits for the kernel to let go (C12).
const DRAIN_MAX: Duration = Duration::from_secs(1);

impl NativePort for IocpPort {
    const NAME: &'static str = "iocp";

    fn open(options: &PortOptions) -> Result<Self, OpenError> {
        Ok(Self {
            kernel: Arc::new(CompletionPort::new()?),
            winsock: Extensions::load()?,
            ledger: Ledger::new(options),
            accepts: Accepts::new(options),
            pool: RecvPool::new(options.recv_buffers, options.recv_buffer_bytes),
            posted: 0,
            posted_max: match options.recv_policy {
                RecvPolicy::Stream | RecvPolicy::OneShot => u32::from(options.recv_buffers / 2),
                RecvPolicy::ZeroByte => 0,
            },
            starved: Starved::new(options.sockets_max),
            packets: Vec::new(),
            flag: wharf_base::sync::Arc::new(WakeFlag::new()),
            options: options.clone(),
            enters: 0,
        })
    }
}

impl Port for IocpPort {
    fn listen(
        &mut self,
        local: SocketAddr,
        options: &ListenOptions,
    ) -> Result<SocketId, OpenError> {
        let handle = sockets::listener(local, options, &self.options.socket)?;
        self.associate(&handle, Source::Listener)
            .map_err(not_associated)?;
        self.ledger.open_listener(handle)
    }

    fn adopt(&mut self, socket: DetachedSocket) -> Result<SocketId, OpenError> {
        let handle = socket.into_os();
        sockets::prepare_accepted(&handle, &self.options.socket)?;
        self.associate(&handle, Source::Stream)
            .map_err(not_associated)?;
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
        self.start_accepts(op, listener);
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
            .and_then(|handle| self.associate(&handle, Source::Stream).map(|()| handle))
            .and_then(|handle| {
                self.ledger
                    .open_stream(handle)
                    .map_err(|_| OsCode(WSAENOBUFS))
            });
        let socket = match opened {
            Ok(socket) => socket,
            Err(code) => return Ok(self.ledger.fail_connect(code, token)),
        };
        let op = self.ledger.begin_connect(socket, token);
        self.submit_connect(op, remote);
        Ok(op)
    }

    fn arm_recv(&mut self, socket: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let op = self.ledger.begin_recv(socket, token)?;
        let buffer = self.buffer_to_post();
        self.submit_recv(op, buffer);
        Ok(op)
    }

    fn send(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>> {
        let op = self.ledger.begin_send(socket, batch, token)?;
        self.submit_send(op);
        Ok(op)
    }

    fn cancel(&mut self, op: OpId) {
        if !self.ledger.begin_cancel(op) {
            return;
        }
        let lent = self.ledger.ops.is_lent(op);
        let noted = self
            .ledger
            .ops
            .get(op)
            .expect("not stale, so says the ledger");
        match noted.kind {
            // All that the listener has are accepts. With none outstanding it has failed already.
            OpKind::Accept => self.cancel_in_kernel(noted.socket, ptr::null()),
            _ if lent => {
                let slot = self.ledger.ops.scratch(op);
                self.cancel_in_kernel(noted.socket, overlapped_of(slot));
            }
            // Parked, so the kernel does not know of it (C5). Or failed at once: then this is the
            // second failure, and the first one counts.
            OpKind::Recv => self.ledger.fail(op, OsCode(WSA_OPERATION_ABORTED)),
            OpKind::Connect | OpKind::Send(_) => {}
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
        let before = batch.len();
        let room = before + (batch.capacity() - before).max(1);
        self.read_starved(batch, room);
        self.deliver_ready(batch, room);
        let timeout_ms = self.timeout_ms(batch.len() > before, until);
        let dequeued = self.dequeue(room - batch.len(), timeout_ms);
        if self.flag.end_sleep() {
            self.ledger.wake();
        }
        dequeued?;
        self.deliver_packets(batch);
        self.deliver_ready(batch, room);
        self.ledger.stats.waits += 1;
        self.ledger.stats.completions += (batch.len() - before) as u64;
        Ok(clock::now())
    }

    fn waker(&self) -> Waker {
        Waker::new(self.flag.clone(), self.kernel.clone())
    }

    fn stats(&self) -> PortStats {
        PortStats {
            recv_buffers_out: self.pool.lent() + self.posted,
            enters: self.enters,
            ..self.ledger.stats
        }
    }
}

fn not_associated(code: OsCode) -> OpenError {
    OpenError::Os {
        call: "CreateIoCompletionPort",
        code,
    }
}

#[cfg(test)]
mod tests;
