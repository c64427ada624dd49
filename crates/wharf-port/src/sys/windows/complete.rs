//! From the kernel's packets to our completions.

use super::completion_port::{Packet, Source};
use super::{DRAIN_MAX, IocpPort, codes, winsock};
use crate::sys::keep::keep_for_ever;
use crate::sys::ledger::Ready;
use crate::sys::op_slab::OpKind;
use crate::sys::pool::BufferIndex;
use crate::sys::{clock, sockets};
use crate::{Completion, Event, OpId, OsCode, RecvBuf, RecvEnd, SendBatch, SendError};
use core::mem::{self, MaybeUninit};
use std::io;
use wharf_base::Instant;

impl IocpPort {
    /// Appends what needs no kernel to `batch`, up to `room` entries.
    pub(super) fn deliver_ready(&mut self, batch: &mut Vec<Completion>, room: usize) {
        while batch.len() < room
            && let Some(ready) = self.ledger.pop_ready()
        {
            match ready {
                Ready::Event(completion) => batch.push(completion),
                Ready::Failed(op, code) => batch.extend(self.finish(op, Err(code))),
            }
        }
    }

    /// Appends what the dequeued packets say: at most one completion for each.
    pub(super) fn deliver_packets(&mut self, batch: &mut Vec<Completion>) {
        let mut packets = mem::take(&mut self.packets);
        for packet in packets.drain(..) {
            match packet.source() {
                Source::Kick => {}
                Source::Listener => batch.extend(self.on_accept(&packet)),
                Source::Stream => {
                    let (op, result) = self.reap(&packet);
                    batch.extend(self.finish(op, result));
                }
            }
        }
        self.packets = packets;
    }

    /// Takes note of the end of an operation on a connection, and of how it ended.
    fn reap(&mut self, packet: &Packet) -> (OpId, Result<u32, OsCode>) {
        let op = self.ledger.ops.id_at(packet.overlapped().cast());
        let socket = self.ledger.ops.reap(op, true).socket;
        let socket = self
            .ledger
            .socket(socket)
            .expect("open while an operation is in flight");
        // SAFETY: dequeued, and a slot that was reaped is not used again before its operation ends.
        let result =
            unsafe { winsock::outcome(&socket.handle, packet.overlapped(), packet.bytes()) };
        (op, result)
    }

    /// Makes our completion of an operation's end. `None` for a receive that goes on, and for what
    /// has ended already: a receive that failed at once and was cancelled after that has two
    /// results waiting, and the first one counts.
    fn finish(&mut self, op: OpId, result: Result<u32, OsCode>) -> Option<Completion> {
        let noted = self.ledger.ops.get(op)?;
        let (token, socket) = (noted.token, noted.socket);
        let event = match noted.kind {
            OpKind::Recv => return self.received(op, result),
            OpKind::Accept => {
                self.accepts.disarm(socket);
                self.ledger.end(op);
                let code = result.expect_err("accepted sockets come another way");
                Event::Accepted(Err(codes::accept_error(code)))
            }
            OpKind::Connect => self.connected(op, result.err()),
            OpKind::Send(_) => {
                let OpKind::Send(batch) = self.ledger.end(op).kind else {
                    unreachable!("looked at above")
                };
                sent(batch, result)
            }
        };
        Some(Completion {
            token,
            op,
            more: false,
            event,
        })
    }

    fn connected(&mut self, op: OpId, failure: Option<OsCode>) -> Event {
        let socket = self.ledger.end(op).socket;
        let failure = failure.or_else(|| {
            let open = self.ledger.socket(socket).expect("connected just now");
            winsock::update_connect_context(&open.handle).err()
        });
        Event::Connected(match failure {
            None => Ok(socket),
            Some(code) => {
                self.ledger.forget_socket(socket);
                Err(codes::connect_error(code))
            }
        })
    }

    fn received(&mut self, op: OpId, result: Result<u32, OsCode>) -> Option<Completion> {
        match (self.take_buffer(op), result) {
            (Some(buffer), Ok(bytes @ 1..)) => {
                // SAFETY: the posted receive wrote that many bytes to this buffer, and has ended.
                let received = unsafe { self.pool.lend(buffer, bytes) };
                Some(self.end_recv(op, Ok(received)))
            }
            (buffer, result) => {
                let posted = buffer.is_some();
                if let Some(buffer) = buffer {
                    self.pool.give_back(buffer);
                }
                match result {
                    Err(code) => Some(self.end_recv(op, Err(codes::recv_end(code)))),
                    Ok(_) if posted => Some(self.end_recv(op, Err(RecvEnd::Eof))),
                    // A receive of zero bytes: something is there to read, be it the end.
                    Ok(_) => self.read_or_park(op),
                }
            }
        }
    }

    /// The buffer that a receive was posted with, if it was; taken once.
    fn take_buffer(&mut self, op: OpId) -> Option<BufferIndex> {
        let slot = self.ledger.ops.scratch(op).as_ptr();
        // SAFETY: a receive's slot is written when it is armed. It has ended, or was refused, or is
        // parked: the kernel does not have it.
        let buffer = unsafe { (*slot).buffer.take() };
        self.posted -= u32::from(buffer.is_some());
        buffer
    }

    fn read_or_park(&mut self, op: OpId) -> Option<Completion> {
        if self.ledger.ops.get(op)?.cancelled {
            return Some(self.end_recv(op, Err(RecvEnd::Cancelled)));
        }
        if self.starved.is_empty()
            && let Some(buffer) = self.pool.take()
        {
            return self.read(op, buffer);
        }
        self.ledger.stats.starved_recvs += 1;
        let ops = &self.ledger.ops;
        self.starved.push(op, |parked| {
            ops.get(*parked).is_some_and(|op| !op.cancelled)
        });
        None
    }

    /// Gives parked receives the buffers that have come home, oldest first (C8).
    pub(super) fn read_starved(&mut self, batch: &mut Vec<Completion>, room: usize) {
        while batch.len() < room
            && !self.starved.is_empty()
            && let Some(buffer) = self.pool.take()
        {
            let parked = self.starved.pop();
            let parked =
                parked.filter(|op| self.ledger.ops.get(*op).is_some_and(|op| !op.cancelled));
            match parked {
                Some(op) => batch.extend(self.read(op, buffer)),
                None => self.pool.give_back(buffer),
            }
        }
    }

    /// Reads what is there into `buffer`. `None` if that was nothing after all, and the wait for
    /// it goes on.
    fn read(&mut self, op: OpId, buffer: BufferIndex) -> Option<Completion> {
        match self.read_into(op, buffer) {
            Ok(Some(received)) => Some(self.end_recv(op, Ok(received))),
            Ok(None) => Some(self.end_recv(op, Err(RecvEnd::Eof))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.submit_recv(op, None);
                None
            }
            Err(error) => {
                let end = codes::recv_end(sockets::os_code(&error));
                Some(self.end_recv(op, Err(end)))
            }
        }
    }

    /// `recv` into a buffer of the pool; `None` at the end of the stream. The buffer goes home
    /// unless it is lent.
    fn read_into(&self, op: OpId, buffer: BufferIndex) -> io::Result<Option<RecvBuf>> {
        let noted = self
            .ledger
            .ops
            .get(op)
            .expect("a receive that has not ended");
        let open = self
            .ledger
            .socket(noted.socket)
            .expect("it has an operation");
        let bytes = self.pool.buffer_bytes() as usize;
        // SAFETY: the buffer was taken from the pool, so nothing else refers to its memory, which
        // may be uninitialised; the reference ends with the call.
        let memory = unsafe {
            let start = self.pool.writable(buffer).cast::<MaybeUninit<u8>>();
            core::slice::from_raw_parts_mut(start.as_ptr(), bytes)
        };
        match open.handle.recv(memory) {
            // SAFETY: the call has written the first `read` bytes, and only we know the buffer.
            Ok(read @ 1..) => Ok(Some(unsafe { self.pool.lend(buffer, read as u32) })),
            ended => {
                self.pool.give_back(buffer);
                ended.map(|_| None)
            }
        }
    }

    fn end_recv(&mut self, op: OpId, received: Result<RecvBuf, RecvEnd>) -> Completion {
        Completion {
            token: self.ledger.end(op).token,
            op,
            more: false,
            event: Event::Received(received),
        }
    }

    /// C12: cancels everything and dequeues until nothing is lent or the time is up. Returns
    /// whether the kernel has let go of everything.
    fn drain(&mut self) -> bool {
        for handle in self.ledger.handles() {
            winsock::cancel(handle, core::ptr::null());
        }
        let until = clock::now() + DRAIN_MAX;
        loop {
            if self.accepts.lent_count() + self.ledger.ops.lent_count() == 0 {
                return true;
            }
            let timeout_ms = self.drain_timeout_ms(until);
            if timeout_ms == 0 || self.dequeue(usize::MAX, timeout_ms).is_err() {
                return false;
            }
            let mut packets = mem::take(&mut self.packets);
            for packet in packets.drain(..) {
                match packet.source() {
                    Source::Kick => {}
                    Source::Listener => self.discard_accept(&packet),
                    // What the operation owns stays in the ledger, which goes next.
                    Source::Stream => _ = self.reap(&packet),
                }
            }
            self.packets = packets;
        }
    }

    fn drain_timeout_ms(&self, until: Instant) -> u32 {
        until.saturating_since(clock::now()).as_millis() as u32
    }
}

impl Drop for IocpPort {
    fn drop(&mut self) {
        if !self.drain() {
            // The slabs leak what each operation owns; the buffers belong to none of them alone.
            keep_for_ever(self.pool.clone());
        }
    }
}

fn sent(batch: SendBatch, result: Result<u32, OsCode>) -> Event {
    let result = match result {
        Ok(0) if !batch.is_empty() => Err(SendError::Os(OsCode(0))),
        Ok(bytes) => Ok(bytes),
        Err(code) => Err(codes::send_error(code)),
    };
    Event::Sent { batch, result }
}
