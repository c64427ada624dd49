//! Doing what readiness permits, and making completions of it.

use super::watch::socket_of;
use super::{ReadinessPort, sockets};
use crate::sys::ledger::Ready;
use crate::sys::op_slab::OpKind;
use crate::sys::{errno, pool::BufferIndex};
use crate::{
    AcceptError, Completion, DetachedSocket, Event, OpId, OsCode, RecvBuf, RecvEnd, RecvPolicy,
    SendBatch, SendError, SocketId,
};
use core::mem::MaybeUninit;
use polling::Event as Readiness;
use std::io::{self, IoSlice};
use std::net::SocketAddr;

/// Connections accepted from one listener in one wait, so that a storm of them leaves room for
/// the sessions that are there.
const ACCEPTS_PER_WAIT: usize = 64;

impl ReadinessPort {
    /// Appends what is there to `batch`, up to `room` entries: first what has happened, then what
    /// readiness permits, then what that made ready (a `Closed` behind its socket's last
    /// operation).
    pub(super) fn deliver(&mut self, batch: &mut Vec<Completion>, room: usize) {
        while batch.len() < room
            && let Some((op, result)) = self.done.pop_front()
        {
            batch.extend(self.finish(op, result));
        }
        self.deliver_ready(batch, room);
        while batch.len() < room
            && let Some(report) = self.reported.pop_front()
        {
            self.on_report(&report, batch, room);
        }
        self.deliver_ready(batch, room);
    }

    fn deliver_ready(&mut self, batch: &mut Vec<Completion>, room: usize) {
        while batch.len() < room
            && let Some(ready) = self.ledger.pop_ready()
        {
            match ready {
                Ready::Event(completion) => batch.push(completion),
                Ready::Failed(op, code) => batch.extend(self.finish(op, Err(code))),
            }
        }
    }

    /// Ends an operation with its result. `None` if it has ended: what was cancelled after it was
    /// done has two results waiting, and the first one counts.
    fn finish(&mut self, op: OpId, result: Result<u32, OsCode>) -> Option<Completion> {
        self.ledger.ops.get(op)?;
        let ended = self.ledger.end(op);
        let event = match ended.kind {
            OpKind::Send(batch) => sent(batch, result),
            OpKind::Connect => Event::Connected(match result {
                Ok(_) => Ok(ended.socket),
                Err(code) => {
                    self.ledger.forget_socket(ended.socket);
                    Err(errno::connect_error(code))
                }
            }),
            OpKind::Recv => Event::Received(match result {
                Ok(_) => unreachable!("a receive that brought bytes goes another way"),
                Err(code) => Err(errno::recv_end(code)),
            }),
            OpKind::Accept => Event::Accepted(match result {
                Ok(_) => unreachable!("an accept that brought a socket goes another way"),
                Err(code) => Err(errno::accept_error(code)),
            }),
        };
        Some(Completion {
            token: ended.token,
            op,
            more: false,
            event,
        })
    }

    fn on_report(&mut self, report: &Readiness, batch: &mut Vec<Completion>, room: usize) {
        let Some(socket) = socket_of(report, |slot| self.ledger.socket_in(slot)) else {
            return;
        };
        if report.readable {
            self.on_readable(socket, batch, room);
        }
        if report.writable {
            if batch.len() == room {
                self.reported.push_front(Readiness::writable(report.key));
            } else {
                self.on_writable(socket, batch);
            }
        }
    }

    fn on_readable(&mut self, socket: SocketId, batch: &mut Vec<Completion>, room: usize) {
        let (op, _) = self.ledger.in_flight(socket);
        match self.ledger.ops.get(op) {
            Some(noted) if noted.cancelled => {}
            // A hang-up, which is reported unasked. The receive is parked and stays so.
            Some(_) if !self.is_watched_for_reading(socket) => {}
            Some(noted) if matches!(noted.kind, OpKind::Recv) => match self.pool.take() {
                Some(buffer) => batch.extend(self.receive(op, socket, buffer)),
                None => self.starve(op, socket),
            },
            Some(noted) if matches!(noted.kind, OpKind::Accept) => {
                self.accept(op, socket, batch, room);
            }
            // A connect waits to become writable.
            Some(_) => {}
            None => self.watch(socket, |interest| interest.readable = false),
        }
    }

    fn on_writable(&mut self, socket: SocketId, batch: &mut Vec<Completion>) {
        let (inbound, outbound) = self.ledger.in_flight(socket);
        let connecting = self
            .ledger
            .ops
            .get(inbound)
            .is_some_and(|op| matches!(op.kind, OpKind::Connect));
        if connecting {
            // connect(2), EINPROGRESS: "use getsockopt(2) to read the SO_ERROR option".
            let open = self.ledger.socket(socket).expect("it has an operation");
            let result = match open.handle.take_error() {
                Ok(None) => Ok(0),
                Ok(Some(error)) | Err(error) => Err(sockets::os_code(&error)),
            };
            batch.extend(self.finish(inbound, result));
        } else if self
            .ledger
            .ops
            .get(outbound)
            .is_some_and(|op| !op.cancelled)
        {
            if let Some(result) = self.try_send(outbound, socket) {
                batch.extend(self.finish(outbound, result));
            }
        } else {
            self.watch(socket, |interest| interest.writable = false);
        }
    }

    /// Gives parked receives the buffers that have come home, oldest first (C8).
    pub(super) fn read_starved(&mut self, batch: &mut Vec<Completion>, room: usize) {
        while batch.len() < room
            && !self.starved.is_empty()
            && let Some(buffer) = self.pool.take()
        {
            let parked = self.starved.pop().and_then(|op| {
                let noted = self.ledger.ops.get(op).filter(|op| !op.cancelled)?;
                Some((op, noted.socket))
            });
            let Some((op, socket)) = parked else {
                self.pool.give_back(buffer);
                continue;
            };
            self.watch(socket, |interest| interest.readable = true);
            batch.extend(self.receive(op, socket, buffer));
        }
    }

    fn starve(&mut self, op: OpId, socket: SocketId) {
        self.ledger.stats.starved_recvs += 1;
        let ops = &self.ledger.ops;
        self.starved.push(op, |parked| {
            ops.get(*parked).is_some_and(|op| !op.cancelled)
        });
        self.watch(socket, |interest| interest.readable = false);
    }

    /// Reads once into `buffer`. `None` if nothing was there after all.
    fn receive(&mut self, op: OpId, socket: SocketId, buffer: BufferIndex) -> Option<Completion> {
        let token = self.ledger.ops.get(op)?.token;
        let (event, ends) = match self.read_into(socket, buffer) {
            Ok(Some(received)) => (
                Event::Received(Ok(received)),
                self.options.recv_policy != RecvPolicy::Stream,
            ),
            Ok(None) => (Event::Received(Err(RecvEnd::Eof)), true),
            Err(error) if is_not_ready(&error) => return None,
            Err(error) => (
                Event::Received(Err(errno::recv_end(sockets::os_code(&error)))),
                true,
            ),
        };
        if ends {
            self.ledger.end(op);
        }
        Some(Completion {
            token,
            op,
            more: !ends,
            event,
        })
    }

    /// `recv(2)` into a buffer of the pool; `None` at the end of the stream. The buffer goes home
    /// unless it is lent.
    fn read_into(&self, socket: SocketId, buffer: BufferIndex) -> io::Result<Option<RecvBuf>> {
        let open = self.ledger.socket(socket).expect("it has an operation");
        let bytes = self.pool.buffer_bytes() as usize;
        // SAFETY: the buffer was taken from the pool, so nothing else refers to its memory, which
        // may be uninitialised; the reference ends with the call.
        let memory = unsafe {
            let start = self.pool.writable(buffer).cast::<MaybeUninit<u8>>();
            core::slice::from_raw_parts_mut(start.as_ptr(), bytes)
        };
        match open.handle.recv(memory) {
            Ok(0) => {
                self.pool.give_back(buffer);
                Ok(None)
            }
            // SAFETY: recv(2) has written the first `read` bytes, and only we know the buffer.
            Ok(read) => Ok(Some(unsafe { self.pool.lend(buffer, read as u32) })),
            Err(error) => {
                self.pool.give_back(buffer);
                Err(error)
            }
        }
    }

    fn accept(&mut self, op: OpId, listener: SocketId, batch: &mut Vec<Completion>, room: usize) {
        let stream = self.options.recv_policy == RecvPolicy::Stream;
        for _ in 0..ACCEPTS_PER_WAIT.min(room - batch.len()) {
            let open = self.ledger.socket(listener).expect("it has an operation");
            let accepted = match open.handle.accept() {
                Ok((socket, _)) => Ok(DetachedSocket::from_os(socket)),
                Err(error) if is_not_ready(&error) => return,
                Err(error) => Err(errno::accept_error(sockets::os_code(&error))),
            };
            // Without descriptors the next accept fails too: the caller has to decide when.
            let more = stream && !matches!(accepted, Err(AcceptError::Resources(_)));
            let token = self.ledger.ops.get(op).expect("not ended yet").token;
            batch.push(Completion {
                token,
                op,
                more,
                event: Event::Accepted(accepted),
            });
            if !more {
                self.ledger.end(op);
                return;
            }
        }
    }

    /// Begins a connect, whose end shows as writability.
    pub(super) fn start_connect(&mut self, op: OpId, socket: SocketId, remote: SocketAddr) {
        let open = self.ledger.socket(socket).expect("opened just now");
        match open.handle.connect(&remote.into()) {
            Ok(()) => self.done.push_back((op, Ok(0))),
            Err(error) if sockets::os_code(&error).0 == libc::EINPROGRESS => {
                self.watch(socket, |interest| interest.writable = true);
            }
            Err(error) => self.ledger.fail(op, sockets::os_code(&error)),
        }
    }

    /// `sendmsg(2)` of what the batch still holds. `None` if the socket takes nothing now.
    pub(super) fn try_send(&self, op: OpId, socket: SocketId) -> Option<Result<u32, OsCode>> {
        let open = self.ledger.socket(socket).expect("it has an operation");
        let Some(OpKind::Send(batch)) = self.ledger.ops.get(op).map(|op| &op.kind) else {
            unreachable!("the socket's outbound operation is a send")
        };
        let mut slices = [IoSlice::new(&[]); SendBatch::SLICES_MAX];
        let mut count = 0;
        for (place, slice) in slices.iter_mut().zip(batch.slices()) {
            *place = slice;
            count += 1;
        }
        loop {
            return match open
                .handle
                .send_vectored_with_flags(&slices[..count], SEND_FLAGS)
            {
                Ok(sent) => Some(Ok(u32::try_from(sent).unwrap_or(u32::MAX))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                Err(error) => Some(Err(sockets::os_code(&error))),
            };
        }
    }
}

/// `send(2)`: a peer that has gone is an error code, not a signal. Elsewhere the standard library
/// has SIGPIPE ignored.
#[cfg(target_os = "linux")]
const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const SEND_FLAGS: i32 = 0;

fn sent(batch: SendBatch, result: Result<u32, OsCode>) -> Event {
    let result = match result {
        Ok(0) if !batch.is_empty() => Err(SendError::Os(OsCode(0))),
        Ok(bytes) => Ok(bytes),
        Err(code) => Err(errno::send_error(code)),
    };
    Event::Sent { batch, result }
}

fn is_not_ready(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
