//! From the kernel's completions to ours.

use super::ring::{Patience, Reaped, code_of};
use super::{CANCEL, DRAIN_MAX, UringPort, WAKE};
use crate::sys::ledger::Ready;
use crate::sys::op_slab::OpKind;
use crate::sys::{clock, errno};
use crate::{Completion, DetachedSocket, Event, OpId, OsCode, RecvEnd, SendError};
use io_uring::{opcode, types};
use std::os::fd::FromRawFd;

/// What one look at the completion queue has brought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brought {
    /// How many operations had completions; one may have had many.
    pub(super) tasks: usize,
    /// A socket has more than was received from it. A multishot receive is put off after every
    /// thirty-two buffers of its life, whether or not it has come to the end of what is there
    /// (the kernel's `MULTISHOT_MAX_RETRY`).
    pub(super) left_some: bool,
}

/// Counts operations, whose completions come one behind the other, and follows whether the receive
/// that said "there is more" has brought it.
#[derive(Debug, Default)]
struct Look {
    last: Option<u64>,
    tasks: usize,
    is_unfinished: bool,
    has_left_some: bool,
}

impl Look {
    fn note(&mut self, reaped: &Reaped) {
        if self.last != Some(reaped.user_data) {
            self.has_left_some |= self.is_unfinished;
            self.last = Some(reaped.user_data);
            self.tasks += 1;
        }
        // A receive for one buffer does not go on by itself, whatever is there.
        self.is_unfinished = reaped.more && reaped.has_more_data;
    }

    fn end(self) -> Brought {
        Brought {
            tasks: self.tasks,
            left_some: self.has_left_some || self.is_unfinished,
        }
    }
}

impl UringPort {
    /// Appends what is there to `batch`, up to its spare capacity, at least one. First what needs
    /// no kernel, then the completion queue, then what that made ready (a `Closed` behind the last
    /// operation of its socket).
    pub(super) fn deliver(&mut self, batch: &mut Vec<Completion>) -> Brought {
        let before = batch.len();
        let mut look = Look::default();
        let room = before + (batch.capacity() - before).max(1);
        self.deliver_ready(batch, room);
        while batch.len() < room
            && let Some(reaped) = self.ring.reap()
        {
            look.note(&reaped);
            self.on_reaped(reaped, batch);
        }
        self.deliver_ready(batch, room);
        self.ledger.stats.completions += (batch.len() - before) as u64;
        look.end()
    }

    fn deliver_ready(&mut self, batch: &mut Vec<Completion>, room: usize) {
        while batch.len() < room
            && let Some(ready) = self.ledger.pop_ready()
        {
            match ready {
                Ready::Event(completion) => batch.push(completion),
                Ready::Failed(op, code) => {
                    let failed = Reaped {
                        user_data: op.to_bits(),
                        result: -code.0,
                        buffer: None,
                        more: false,
                        has_more_data: false,
                    };
                    self.finish(op, failed, batch);
                }
            }
        }
    }

    fn on_reaped(&mut self, mut reaped: Reaped, batch: &mut Vec<Completion>) {
        match reaped.user_data {
            CANCEL => {}
            WAKE => {
                // A multishot poll can be ended by an overflown completion queue.
                if !reaped.more {
                    self.arm_wake();
                }
            }
            bits => {
                let op = OpId::from_bits(bits);
                let noted = self.ledger.ops.reap(op, !reaped.more);
                // io_uring_prep_cancel(3): a request that a worker thread was executing is
                // interrupted by a signal, and "typically" ends so. A send does, after many tries.
                if noted.cancelled && reaped.result == -libc::EINTR {
                    reaped.result = -libc::ECANCELED;
                }
                self.finish(op, reaped, batch);
            }
        }
    }

    /// Makes our completion of the kernel's, in its place in `batch`: a receive may be parked
    /// instead.
    fn finish(&mut self, op: OpId, reaped: Reaped, batch: &mut Vec<Completion>) {
        let noted = self
            .ledger
            .ops
            .get(op)
            .expect("reaped, or failed by us, and not ended yet");
        let token = noted.token;
        let more = reaped.more;
        let mut complete = |event| {
            batch.push(Completion {
                token,
                op,
                more,
                event,
            });
        };
        match (&noted.kind, reaped.result, reaped.buffer) {
            (OpKind::Recv, 1.., Some(buffer)) => {
                // SAFETY: buffer and length come from the completion that was reaped just now.
                let bytes = unsafe { self.buffers.lend(buffer, reaped.result as u32) };
                if !more {
                    self.ledger.end(op);
                }
                complete(Event::Received(Ok(bytes)));
            }
            (OpKind::Recv, end, buffer) => {
                let Some(end) = self.receive_ended(op, end, buffer) else {
                    return;
                };
                if !more {
                    self.ledger.end(op);
                }
                complete(Event::Received(Err(end)));
            }
            (OpKind::Send(_), result, _) => complete(self.sent(op, result)),
            (OpKind::Accept, result, _) => {
                if !more {
                    self.ledger.end(op);
                }
                complete(accepted(result));
            }
            (OpKind::Connect, result, _) => complete(self.connected(op, result)),
        }
    }

    /// Why a receive has ended. `None` for one that found no buffer: it is parked.
    fn receive_ended(&mut self, op: OpId, end: i32, buffer: Option<u16>) -> Option<RecvEnd> {
        assert!(end <= 0, "bytes were received into no buffer");
        if let Some(buffer) = buffer {
            self.buffers.give_back(buffer);
        }
        match -end {
            0 => Some(RecvEnd::Eof),
            libc::ENOBUFS => {
                let noted = self.ledger.ops.get(op).expect("looked at by the caller");
                if noted.cancelled {
                    return Some(RecvEnd::Cancelled);
                }
                self.park(op);
                None
            }
            _ => Some(errno::recv_end(code_of(end))),
        }
    }

    fn sent(&mut self, op: OpId, result: i32) -> Event {
        let OpKind::Send(batch) = self.ledger.end(op).kind else {
            unreachable!("looked at by the caller")
        };
        let result = match result {
            0 if !batch.is_empty() => Err(SendError::Os(OsCode(0))),
            0.. => Ok(result as u32),
            _ => Err(errno::send_error(code_of(result))),
        };
        Event::Sent { batch, result }
    }

    fn connected(&mut self, op: OpId, result: i32) -> Event {
        let socket = self.ledger.end(op).socket;
        Event::Connected(if result == 0 {
            Ok(socket)
        } else {
            self.ledger.forget_socket(socket);
            Err(errno::connect_error(code_of(result)))
        })
    }

    /// C12: cancels everything and reaps until nothing is lent or the time is up. Returns whether
    /// the kernel has let go of everything.
    fn drain(&mut self) -> bool {
        let until = clock::now() + DRAIN_MAX;
        let mut last = Vec::new();
        let everything = types::CancelBuilder::any();
        let entry = opcode::AsyncCancel2::new(everything)
            .build()
            .user_data(CANCEL);
        // SAFETY: a cancel refers to no memory.
        unsafe { self.ring.push(entry) };
        loop {
            while let Some(reaped) = self.ring.reap() {
                // What it carries goes home, or closes, as the completion is dropped.
                if reaped.user_data != WAKE {
                    self.on_reaped(reaped, &mut last);
                    last.clear();
                }
            }
            if self.ledger.ops.lent_count() == 0 {
                return true;
            }
            let timeout = until.saturating_since(clock::now());
            if timeout.is_zero() || self.ring.enter(Patience::Wait(Some(timeout))).is_err() {
                return false;
            }
        }
    }
}

impl Drop for UringPort {
    fn drop(&mut self) {
        if !self.drain() {
            // The slab leaks what each operation owns; the buffers belong to none of them alone.
            self.buffers.leak();
        }
    }
}

fn accepted(result: i32) -> Event {
    Event::Accepted(if result < 0 {
        Err(errno::accept_error(code_of(result)))
    } else {
        // SAFETY: a descriptor that the kernel has made for this completion; nobody else knows it.
        let socket = unsafe { socket2::Socket::from_raw_fd(result) };
        Ok(DetachedSocket::from_os(socket))
    })
}
