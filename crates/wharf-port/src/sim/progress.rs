//! How the operations of a simulated port go on and end, as the network looks at them.

use super::canary::Canary;
use super::handle::SimHandle;
use super::network::{End, Input, Look, Output};
use super::port::SimPort;
use super::world::SimEnd;
use crate::socket::Repr;
use crate::sys::op_slab::OpKind;
use crate::{
    AcceptError, Completion, ConnectError, DetachedSocket, Event, OpId, OsCode, RecvEnd,
    RecvPolicy, SendError, SocketId,
};
use std::net::SocketAddr;

/// What ended an operation, as numbers that the ledger carries.
pub(super) const CANCELLED: OsCode = OsCode(1);
pub(super) const REFUSED: OsCode = OsCode(2);
pub(super) const NO_ADDRESS: OsCode = OsCode(3);
pub(super) const RESET: OsCode = OsCode(4);
pub(super) const NO_SOCKET: OsCode = OsCode(5);

impl SimPort {
    pub(super) fn look(&mut self, look: Look, batch: &mut Vec<Completion>) {
        match look {
            Look::Listener(address) => batch.extend(self.accept(address)),
            Look::Operation(bits) => batch.extend(self.end_wait(OpId::from_bits(bits))),
            Look::End(end) => {
                let Some(socket) = self.live(end) else { return };
                let (inbound, outbound) = self.ledger.in_flight(socket);
                if self.ledger.ops.get(outbound).is_some() && !self.done.contains_key(&outbound) {
                    self.try_send(outbound, socket);
                }
                let receiving = self
                    .ledger
                    .ops
                    .get(inbound)
                    .is_some_and(|op| matches!(op.kind, OpKind::Recv));
                if receiving {
                    batch.extend(self.receive(inbound, end));
                }
            }
        }
    }

    /// The socket of an end, unless it has been closed meanwhile.
    fn live(&mut self, end: End) -> Option<SocketId> {
        let socket = *self.ends.get(&end)?;
        if self.ledger.socket(socket).is_none() {
            self.ends.remove(&end);
            return None;
        }
        Some(socket)
    }

    pub(super) fn end_of(&self, socket: SocketId) -> Option<End> {
        match &self.ledger.socket(socket)?.handle {
            SimHandle::Stream(stream) => Some(stream.end),
            SimHandle::Listener(_) => None,
        }
    }

    /// An operation's time has come: a connect is through, a send is delivered, a cancel arrives.
    fn end_wait(&mut self, op: OpId) -> Option<Completion> {
        if self.options.planted.is(Canary::StaleCancel) && self.ledger.ops.get(op).is_none() {
            return self.fail(self.ledger.ops.in_slot_of(op), CANCELLED);
        }
        let cancelled = self.ledger.ops.get(op)?.cancelled;
        if let Some(sent) = self.done.remove(&op) {
            self.note_lost_cancel(cancelled);
            return self.finish(op, Ok(sent));
        }
        if cancelled {
            return self.fail(op, CANCELLED);
        }
        let OpKind::Connect = self.ledger.ops.get(op)?.kind else {
            return None;
        };
        let socket = self.ledger.ops.get(op)?.socket;
        let end = self.end_of(socket).expect("a connect has an end");
        let reset = self.world.lock().network.is_reset(end);
        if reset {
            self.fail(op, RESET)
        } else {
            self.finish(op, Ok(0))
        }
    }

    fn note_lost_cancel(&self, cancelled: bool) {
        self.world.lock().network.counts.lost_cancels += u64::from(cancelled);
    }

    fn accept(&mut self, address: SocketAddr) -> Option<Completion> {
        let listener = *self.listeners.get(&address)?;
        let (op, _) = self.ledger.in_flight(listener);
        let noted = self.ledger.ops.get(op)?;
        let (token, cancelled) = (noted.token, noted.cancelled);
        let mut world = self.world.lock();
        let network = &mut world.network;
        if !network.has_backlog(address) {
            return None;
        }
        let accepted = if network.rng.chance(network.faults.starved_accept) {
            network.counts.starved_accepts += 1;
            Err(AcceptError::Resources(NO_SOCKET))
        } else {
            let end = network.accept(address)?;
            let stream = SimEnd {
                world: self.world.clone(),
                end,
            };
            if network.rng.chance(network.faults.dead_accept) {
                network.counts.dead_accepts += 1;
                network.reset(end);
                drop(world);
                drop(stream);
                world = self.world.lock();
                Err(AcceptError::Connection(RESET))
            } else {
                Ok(DetachedSocket {
                    repr: Repr::Sim(stream),
                })
            }
        };
        let network = &mut world.network;
        let more = self.options.recv_policy == RecvPolicy::Stream
            && !matches!(accepted, Err(AcceptError::Resources(_)))
            && !network.rng.chance(network.faults.stream_end);
        if more && network.has_backlog(address) {
            let at = network.now + network.lateness();
            network.plan(self.number, at, Look::Listener(address));
        }
        drop(world);
        self.note_lost_cancel(cancelled && !more);
        if !more {
            self.ledger.end(op);
        }
        Some(Completion {
            token,
            op,
            more,
            event: Event::Accepted(accepted),
        })
    }

    fn receive(&mut self, op: OpId, end: End) -> Option<Completion> {
        if !self.world.lock().network.has_input(end) {
            return None;
        }
        let noted = self.ledger.ops.get(op)?;
        let (token, cancelled) = (noted.token, noted.cancelled);
        let Some(buffer) = self.pool.take() else {
            self.starve(op);
            return None;
        };
        let mut world = self.world.lock();
        let network = &mut world.network;
        let room = network.split(self.options.recv_buffer_bytes as usize);
        let received = match network.read(end, room) {
            Input::Bytes(bytes) => Ok(bytes),
            Input::End => Err(RecvEnd::Eof),
            Input::Reset => Err(RecvEnd::PeerReset),
            Input::Nothing => {
                self.pool.give_back(buffer);
                return None;
            }
        };
        let ends_early = network.rng.chance(network.faults.stream_end);
        let stream = self.options.recv_policy == RecvPolicy::Stream;
        network.counts.stream_ends += u64::from(received.is_ok() && stream && ends_early);
        let more = received.is_ok() && stream && !ends_early;
        if more && network.has_input(end) {
            let at = network.now + network.lateness();
            network.plan(self.number, at, Look::End(end));
        }
        drop(world);
        self.note_lost_cancel(cancelled && !more);
        let event = Event::Received(match received {
            Ok(bytes) => Ok(self.pool.lend_copy(buffer, &bytes)),
            Err(ended) => {
                self.pool.give_back(buffer);
                Err(ended)
            }
        });
        if !more {
            self.ledger.end(op);
        }
        Some(Completion {
            token,
            op,
            more,
            event,
        })
    }

    /// Parks a receive for which there is no buffer (C8).
    fn starve(&mut self, op: OpId) {
        if self.options.planted.is(Canary::StarvedForgotten) || !self.parked.insert(op) {
            return;
        }
        self.ledger.stats.starved_recvs += 1;
        self.world.lock().network.counts.starved_recvs += 1;
        let ops = &self.ledger.ops;
        self.starved.push(op, |parked| ops.get(*parked).is_some());
    }

    /// Gives parked receives the buffers that have come home, oldest first (C8).
    pub(super) fn receive_starved(&mut self, batch: &mut Vec<Completion>, room: usize) {
        while batch.len() < room && self.pool.has_free() {
            let Some(op) = self.starved.pop() else { return };
            self.parked.remove(&op);
            let socket = self.ledger.ops.get(op).map(|op| op.socket);
            if let Some(end) = socket.and_then(|socket| self.end_of(socket)) {
                batch.extend(self.receive(op, end));
            }
        }
    }

    pub(super) fn try_send(&mut self, op: OpId, socket: SocketId) {
        let end = self.end_of(socket).expect("a stream has an end");
        let Some(OpKind::Send(batch)) = self.ledger.ops.get(op).map(|op| &op.kind) else {
            unreachable!("the outbound operation is a send")
        };
        let slices: Vec<_> = batch.slices().collect();
        let network = &mut self.world.lock().network;
        match network.write(end, slices.iter().map(|slice| &slice[..])) {
            Output::Taken(count) => {
                let whole = batch.remaining() as u32;
                let lies = self.options.planted.is(Canary::ShortSendIsWhole);
                self.done.insert(op, if lies { whole } else { count });
                let at = network.now + network.lateness();
                network.plan(self.number, at, Look::Operation(op.to_bits()));
            }
            Output::Full => {}
            Output::Reset => self.ledger.fail(op, RESET),
        }
    }

    pub(super) fn fail(&mut self, op: OpId, code: OsCode) -> Option<Completion> {
        self.finish(op, Err(code))
    }

    /// Ends an operation with its result; `None` if it has ended in another way already.
    fn finish(&mut self, op: OpId, result: Result<u32, OsCode>) -> Option<Completion> {
        self.ledger.ops.get(op)?;
        self.done.remove(&op);
        let ended = self.ledger.end(op);
        let event = match ended.kind {
            OpKind::Send(batch) => Event::Sent {
                batch,
                result: result.map_err(send_error),
            },
            OpKind::Connect => Event::Connected(match result {
                Ok(_) => Ok(ended.socket),
                Err(code) => {
                    self.ledger.forget_socket(ended.socket);
                    Err(connect_error(code))
                }
            }),
            OpKind::Recv => Event::Received(Err(RecvEnd::Cancelled)),
            OpKind::Accept => Event::Accepted(Err(AcceptError::Cancelled)),
        };
        Some(Completion {
            token: ended.token,
            op,
            more: false,
            event,
        })
    }

    pub(super) fn plan(&mut self, look: Look) {
        let network = &mut self.world.lock().network;
        let now = network.now;
        network.plan(self.number, now, look);
    }

    pub(super) fn trace(&self, completions: &[Completion]) {
        let mut world = self.world.lock();
        let now = world.network.now;
        for completion in completions {
            let (number, op, more) = (self.number, completion.op, completion.more);
            world.trace.line(format_args!(
                "{now:?} port {number} {op:?} {more} {:?}",
                completion.event
            ));
        }
    }
}

fn connect_error(code: OsCode) -> ConnectError {
    match code {
        CANCELLED => ConnectError::Cancelled,
        REFUSED => ConnectError::Refused,
        NO_ADDRESS => ConnectError::AddressUnavailable,
        RESET => ConnectError::PeerReset,
        _ => ConnectError::Resources,
    }
}

fn send_error(code: OsCode) -> SendError {
    if code == CANCELLED {
        SendError::Cancelled
    } else {
        SendError::PeerReset
    }
}
