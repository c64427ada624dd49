//! The port of a simulated world: what its caller asks of it. `progress` has what comes of that.

use super::canary::Canary;
use super::handle::{SimHandle, SimListener};
use super::network::{End, Look};
use super::progress::{NO_ADDRESS, NO_SOCKET, REFUSED};
use super::world::{SimEnd, SimSleeper, SimWorld};
use crate::socket::Repr;
use crate::sys::ledger::{Ledger, Ready};
use crate::sys::pool::RecvPool;
use crate::sys::starved::Starved;
use crate::{
    CloseHow, Completion, ConnectOptions, DetachedSocket, ListenOptions, OpId, OpenError, OpsFull,
    OsCode, Port, PortOptions, PortStats, Refused, SendBatch, SendInFlight, SocketId, Token, Waker,
};
use core::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use wharf_base::Instant;

/// A completion port of a [`SimWorld`].
pub struct SimPort {
    pub(super) world: SimWorld,
    /// Its number in the network.
    pub(super) number: usize,
    pub(super) ledger: Ledger<(), SimHandle>,
    pub(super) pool: RecvPool,
    pub(super) starved: Starved,
    /// What stands in `starved`, so that nothing stands there twice.
    pub(super) parked: BTreeSet<OpId>,
    pulse: SimPulse,
    pub(super) options: PortOptions,
    pub(super) ends: BTreeMap<End, SocketId>,
    pub(super) listeners: BTreeMap<SocketAddr, SocketId>,
    /// Sends that have happened and are not delivered yet.
    pub(super) done: BTreeMap<OpId, u32>,
}

/// When a port wants a turn, for whoever schedules its world.
#[derive(Clone)]
pub struct SimPulse {
    world: SimWorld,
    number: usize,
    sleeper: Rc<SimSleeper>,
    pool: RecvPool,
    /// Whether a receive waits for a buffer.
    starves: Rc<Cell<bool>>,
}

impl SimPulse {
    /// When the port has something to deliver; in the past or now if it has already.
    pub fn next(&self) -> Option<Instant> {
        let is_fed = self.starves.get() && self.pool.has_free();
        if is_fed || self.sleeper.is_woken() {
            return Some(Instant::ZERO);
        }
        self.world.lock().network.next_at(self.number)
    }
}

impl SimPort {
    /// A port in `world`.
    pub fn new(world: &SimWorld, options: &PortOptions) -> Self {
        let number = world.lock().network.add_port();
        let pool = RecvPool::new(options.recv_buffers, options.recv_buffer_bytes);
        let pulse = SimPulse {
            world: world.clone(),
            number,
            sleeper: Rc::new(world.sleeper()),
            pool: pool.clone(),
            starves: Rc::default(),
        };
        Self {
            world: world.clone(),
            number,
            ledger: Ledger::new(options),
            pool,
            starved: Starved::new(options.sockets_max),
            parked: BTreeSet::new(),
            pulse,
            options: options.clone(),
            ends: BTreeMap::new(),
            listeners: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    /// What tells when this port wants a turn.
    pub fn pulse(&self) -> SimPulse {
        self.pulse.clone()
    }

    fn fail_connect(&mut self, code: OsCode, token: Token) -> OpId {
        let op = self.ledger.fail_connect(code, token);
        self.want_turn_if_ready();
        op
    }

    /// What is ready between two waits must not wait for something else to happen (C10).
    fn want_turn_if_ready(&self) {
        if self.ledger.is_ready() {
            self.pulse.sleeper.stir();
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
        let mut world = self.world.lock();
        if !from.is_loopback() || world.network.lacks_address() {
            drop(world);
            return Ok(self.fail_connect(NO_ADDRESS, token));
        }
        let from = SocketAddr::new(from, world.network.fresh_port_number());
        let connected = world.network.connect(from, remote);
        drop(world);
        let Some(end) = connected else {
            return Ok(self.fail_connect(REFUSED, token));
        };
        let stream = SimEnd {
            world: self.world.clone(),
            end,
        };
        let Ok(socket) = self.ledger.open_stream(SimHandle::Stream(stream)) else {
            return Ok(self.fail_connect(NO_SOCKET, token));
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
        self.want_turn_if_ready();
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
        if self.options.planted.is(Canary::ClosedEarly) && self.ledger.socket(socket).is_some() {
            self.ledger.say_closed(token);
        }
        for op in self.ledger.begin_close(socket, how, token) {
            self.cancel(op);
        }
        self.want_turn_if_ready();
    }

    fn wait(&mut self, batch: &mut Vec<Completion>, _: Option<Instant>) -> io::Result<Instant> {
        if self.pulse.sleeper.wake_up() {
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
        self.pulse.starves.set(!self.starved.is_empty());
        self.pulse.sleeper.fall_asleep();
        self.want_turn_if_ready();
        Ok(self.world.now())
    }

    fn waker(&self) -> Waker {
        self.pulse.sleeper.waker()
    }

    fn stats(&self) -> PortStats {
        PortStats {
            recv_buffers_out: self.pool.lent(),
            ..self.ledger.stats
        }
    }
}
