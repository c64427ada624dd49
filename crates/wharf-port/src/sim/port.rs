//! The port of a simulated world.

use super::canary::Canary;
use super::handle::{SimHandle, SimListener};
use super::network::{End, Input, Look, Output};
use super::world::{SimEnd, SimSleeper, SimWorld};
use crate::socket::Repr;
use crate::sys::ledger::{Ledger, Ready};
use crate::sys::op_slab::OpKind;
use crate::sys::pool::RecvPool;
use crate::sys::starved::Starved;
use crate::{
    AcceptError, CloseHow, Completion, ConnectError, ConnectOptions, DetachedSocket, Event,
    ListenOptions, OpId, OpenError, OpsFull, OsCode, Port, PortOptions, PortStats, RecvEnd,
    RecvPolicy, Refused, SendBatch, SendError, SendInFlight, SocketId, Token, Waker,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use wharf_base::Instant;

/// A completion port of a [`SimWorld`].
pub struct SimPort {
    world: SimWorld,
    /// Its number in the network.
    number: usize,
    ledger: Ledger<(), SimHandle>,
    pool: RecvPool,
    starved: Starved,
    /// What stands in `starved`, so that nothing stands there twice.
    parked: BTreeSet<OpId>,
    sleeper: Rc<SimSleeper>,
    options: PortOptions,
    ends: BTreeMap<End, SocketId>,
    listeners: BTreeMap<SocketAddr, SocketId>,
    /// Sends that have happened and are not delivered yet.
    done: BTreeMap<OpId, u32>,
}

/// When a port wants a turn, for whoever schedules its world.
#[derive(Clone)]
pub struct SimPulse {
    world: SimWorld,
    number: usize,
    sleeper: Rc<SimSleeper>,
}

impl SimPulse {
    /// When the port has something to deliver; in the past or now if it has already.
    pub fn next(&self) -> Option<Instant> {
        if self.sleeper.is_woken() {
            return Some(Instant::ZERO);
        }
        self.world.lock().network.next_at(self.number)
    }
}

/// What ended an operation, as numbers that the ledger carries.
const CANCELLED: OsCode = OsCode(1);
const REFUSED: OsCode = OsCode(2);
const NO_ADDRESS: OsCode = OsCode(3);
const RESET: OsCode = OsCode(4);
const NO_SOCKET: OsCode = OsCode(5);

impl SimPort {
    /// A port in `world`.
    pub fn new(world: &SimWorld, options: &PortOptions) -> Self {
        let number = world.lock().network.add_port();
        Self {
            world: world.clone(),
            number,
            ledger: Ledger::new(options),
            pool: RecvPool::new(options.recv_buffers, options.recv_buffer_bytes),
            starved: Starved::new(options.sockets_max),
            parked: BTreeSet::new(),
            sleeper: Rc::new(world.sleeper()),
            options: options.clone(),
            ends: BTreeMap::new(),
            listeners: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    /// What tells when this port wants a turn.
    pub fn pulse(&self) -> SimPulse {
        let (world, sleeper) = (self.world.clone(), Rc::clone(&self.sleeper));
        SimPulse {
            world,
            number: self.number,
            sleeper,
        }
    }
}

impl Port for SimPort {
    fn listen(&mut self, local: SocketAddr, _: &ListenOptions) -> Result<SocketId, OpenError> {
        let mut world = self.world.lock();
        let number = match local.port() {
            0 => world.network.fresh_port_number(),
            number => number,
        };
        let address = SocketAddr::new(local.ip(), number);
        if !world.network.listen(address, self.number) {
            return Err(OpenError::AddressInUse(address));
        }
        drop(world);
        let listener = SimListener {
            world: self.world.clone(),
            address,
        };
        let handle = SimHandle::Listener(listener);
        let socket = self.ledger.open_listener(handle)?;
        self.listeners.insert(address, socket);
        Ok(socket)
    }

    fn adopt(&mut self, socket: DetachedSocket) -> Result<SocketId, OpenError> {
        let Repr::Sim(stream) = socket.repr else {
            unreachable!("a socket of the system at a simulated port")
        };
        let end = stream.end;
        let socket = self.ledger.open_stream(SimHandle::Stream(stream))?;
        self.world.lock().network.attach(end, self.number);
        self.ends.insert(end, socket);
        Ok(socket)
    }

    fn local_addr(&self, socket: SocketId) -> io::Result<SocketAddr> {
        let socket = self.ledger.socket(socket).ok_or(io::ErrorKind::NotFound)?;
        match &socket.handle {
            SimHandle::Listener(listener) => Ok(listener.address),
            SimHandle::Stream(stream) => {
                let address = self.world.lock().network.address(stream.end);
                address.ok_or_else(|| io::ErrorKind::NotConnected.into())
            }
        }
    }

    fn arm_accept(&mut self, listener: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let op = self.ledger.begin_accept(listener, token)?;
        let address = self
            .local_addr(listener)
            .expect("a listener knows its address");
        self.plan(Look::Listener(address));
        Ok(op)
    }

    fn connect(
        &mut self,
        remote: SocketAddr,
        options: &ConnectOptions,
        token: Token,
    ) -> Result<OpId, OpsFull> {
        self.ledger.may_connect()?;
        let from = options.local.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if !from.is_loopback() {
            return Ok(self.ledger.fail_connect(NO_ADDRESS, token));
        }
        let mut world = self.world.lock();
        let from = SocketAddr::new(from, world.network.fresh_port_number());
        let connected = world.network.connect(from, remote);
        drop(world);
        let Some(end) = connected else {
            return Ok(self.ledger.fail_connect(REFUSED, token));
        };
        let stream = SimEnd {
            world: self.world.clone(),
            end,
        };
        let Ok(socket) = self.ledger.open_stream(SimHandle::Stream(stream)) else {
            return Ok(self.ledger.fail_connect(NO_SOCKET, token));
        };
        self.ends.insert(end, socket);
        let op = self.ledger.begin_connect(socket, token);
        let network = &mut self.world.lock().network;
        network.attach(end, self.number);
        if network.is_answered(end) {
            let at = network.now + network.delay();
            network.plan(self.number, at, Look::Operation(op.to_bits()));
        }
        Ok(op)
    }

    fn arm_recv(&mut self, socket: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let op = self.ledger.begin_recv(socket, token)?;
        let end = self.end_of(socket).expect("a stream has an end");
        self.plan(Look::End(end));
        Ok(op)
    }

    fn send(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>> {
        let op = self.ledger.begin_send(socket, batch, token)?;
        self.try_send(op, socket);
        Ok(op)
    }

    fn cancel(&mut self, op: OpId) {
        if !self.ledger.begin_cancel(op) {
            return;
        }
        let network = &mut self.world.lock().network;
        let slow = network.rng.chance(network.faults.slow_cancel);
        let at = if slow {
            network.now + network.delay()
        } else {
            network.now
        };
        network.plan(self.number, at, Look::Operation(op.to_bits()));
    }

    fn shutdown_send(&mut self, socket: SocketId) -> Result<(), SendInFlight> {
        self.ledger.shutdown_send(socket)
    }

    fn close(&mut self, socket: SocketId, how: CloseHow, token: Token) {
        if self.options.has(Canary::ClosedEarly) && self.ledger.socket(socket).is_some() {
            self.ledger.say_closed(token);
        }
        for op in self.ledger.begin_close(socket, how, token) {
            self.cancel(op);
        }
    }

    fn wait(&mut self, batch: &mut Vec<Completion>, _: Option<Instant>) -> io::Result<Instant> {
        if self.sleeper.wake_up() {
            self.ledger.wake();
        }
        let before = batch.len();
        let room = before + (batch.capacity() - before).max(1);
        self.receive_starved(batch, room);
        while batch.len() < room {
            if let Some(ready) = self.ledger.pop_ready() {
                match ready {
                    Ready::Event(completion) => batch.push(completion),
                    Ready::Failed(op, code) => batch.extend(self.fail(op, code)),
                }
                continue;
            }
            let due = self.world.lock().network.due(self.number);
            let Some(look) = due else { break };
            self.look(look, batch);
        }
        self.ledger.stats.waits += 1;
        self.ledger.stats.completions += (batch.len() - before) as u64;
        self.trace(&batch[before..]);
        self.sleeper.fall_asleep();
        if self.ledger.is_ready() {
            self.sleeper.stir();
        }
        Ok(self.world.now())
    }

    fn waker(&self) -> Waker {
        self.sleeper.waker()
    }

    fn stats(&self) -> PortStats {
        PortStats {
            recv_buffers_out: self.pool.lent(),
            ..self.ledger.stats
        }
    }
}

impl SimPort {
    fn look(&mut self, look: Look, batch: &mut Vec<Completion>) {
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

    fn end_of(&self, socket: SocketId) -> Option<End> {
        match &self.ledger.socket(socket)?.handle {
            SimHandle::Stream(stream) => Some(stream.end),
            SimHandle::Listener(_) => None,
        }
    }

    /// An operation's time has come: a connect is through, a send is delivered, a cancel arrives.
    fn end_wait(&mut self, op: OpId) -> Option<Completion> {
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
        if self.options.has(Canary::StarvedForgotten) || !self.parked.insert(op) {
            return;
        }
        self.ledger.stats.starved_recvs += 1;
        let ops = &self.ledger.ops;
        self.starved.push(op, |parked| ops.get(*parked).is_some());
    }

    /// Gives parked receives the buffers that have come home, oldest first (C8).
    fn receive_starved(&mut self, batch: &mut Vec<Completion>, room: usize) {
        while batch.len() < room && self.pool.has_free() {
            let Some(op) = self.starved.pop() else { return };
            self.parked.remove(&op);
            let socket = self.ledger.ops.get(op).map(|op| op.socket);
            if let Some(end) = socket.and_then(|socket| self.end_of(socket)) {
                batch.extend(self.receive(op, end));
            }
        }
    }

    fn try_send(&mut self, op: OpId, socket: SocketId) {
        let end = self.end_of(socket).expect("a stream has an end");
        let Some(OpKind::Send(batch)) = self.ledger.ops.get(op).map(|op| &op.kind) else {
            unreachable!("the outbound operation is a send")
        };
        let slices: Vec<_> = batch.slices().collect();
        let network = &mut self.world.lock().network;
        match network.write(end, slices.iter().map(|slice| &slice[..])) {
            Output::Taken(count) => {
                let whole = batch.remaining() as u32;
                let lies = self.options.has(Canary::ShortSendIsWhole);
                self.done.insert(op, if lies { whole } else { count });
                let at = network.now + network.lateness();
                network.plan(self.number, at, Look::Operation(op.to_bits()));
            }
            Output::Full => {}
            Output::Reset => self.ledger.fail(op, RESET),
        }
    }

    fn fail(&mut self, op: OpId, code: OsCode) -> Option<Completion> {
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

    fn plan(&mut self, look: Look) {
        let network = &mut self.world.lock().network;
        let now = network.now;
        network.plan(self.number, now, look);
    }

    fn trace(&self, completions: &[Completion]) {
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
