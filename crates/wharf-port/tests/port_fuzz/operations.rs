//! What a run does to the port, each step at random, and whether the port may refuse it.

use crate::backends::Backend;
use crate::links::{Leave, LinkId, Side};
use crate::run::{EndId, InFlight, Listener, Purpose, Run, Target};
use wharf_base::Duration;
use wharf_port::{
    CloseHow, ConnectOptions, OpId, OpenError, OpsFull, Port, Refused, SendBatch, SendInFlight,
};

/// How often each kind of step is taken on average, kinds in the order of [`Run::step`]: what ends
/// something is rarer than what uses it.
pub(crate) const USUAL_WEIGHTS: [u64; 16] = [30, 5, 5, 3, 8, 8, 12, 4, 1, 1, 10, 6, 1, 1, 2, 1];

/// Sent bytes, small and large: the large ones fill what the kernel takes for a stalled reader.
const SMALL_MAX: u64 = 3_000;
const LARGE_MAX: u64 = 6_000_000;
/// Receives that a large send is worth to a port with small buffers: more would take it minutes.
const LARGE_MAX_IN_RECVS: u64 = 4_096;
/// Lent buffers that a run keeps at once: more than some pools have.
const HELD_MAX: usize = 6;
/// Of the operations begun, the last ones are those that a cancel is aimed at.
const CANCEL_AMONG: usize = 24;

impl<B: Backend> Run<B> {
    pub(crate) fn step(&mut self) {
        match self.weights.pick(&mut self.rng) {
            0 => self.look(),
            1 => self.peer_connects(),
            2 => self.arm_accept(),
            3 => self.connect(),
            4 => self.settle_detached(),
            5 => self.with_end(Self::arm_recv),
            6 => self.with_end(Self::send),
            7 => self.cancel(),
            8 => self.with_end(Self::shutdown_send),
            9 => self.with_end(Self::close),
            10 => self.with_peer(Self::peer_writes),
            11 => self.with_peer(|run, at| run.peer_reads(at, 1)),
            12 => self.with_peer(Self::peer_finishes),
            13 => self.with_peer(|run, at| {
                let how = run.any_way_to_leave();
                run.peer_leaves(at, how);
            }),
            14 => self.let_buffers_go(),
            15 => self.wake_or_listen_anew(),
            kind => unreachable!("there is no kind {kind}"),
        }
        self.peers_accept();
    }

    fn with_end(&mut self, act: fn(&mut Self, EndId)) {
        if let Some(id) = self.any_end() {
            act(self, id);
        }
    }

    fn with_peer(&mut self, act: fn(&mut Self, usize)) {
        if let Some(at) = self.any_peer() {
            act(self, at);
        }
    }

    fn any_way_to_leave(&mut self) -> Leave {
        if self.rng.chance(0.5) {
            Leave::InOrder
        } else {
            Leave::Reset
        }
    }

    /// A wait with little room and hardly any patience.
    fn look(&mut self) {
        let room = self.rng.range(1..12) as usize;
        let patience = Duration::from_micros(self.rng.below(300));
        self.wait(room, patience);
    }

    pub(crate) fn arm_accept(&mut self) {
        let token = self.token(Purpose::Accept);
        match self.port.arm_accept(self.listener.socket, token) {
            Ok(op) => {
                assert!(self.listener.accept.is_none(), "C3: two accepts");
                self.listener.accept = Some(InFlight::new(op));
                self.ops.push(op);
            }
            Err(OpsFull) => {
                assert!(self.listener.accept.is_some(), "an accept was refused");
                self.refused(token);
            }
        }
    }

    fn connect(&mut self) {
        let (to, remote) = match self.rng.below(6) {
            0..=2 => (Target::OurListener, self.listener.address),
            3 => (Target::APeer, self.elsewhere),
            4 => (Target::Nobody, self.nowhere),
            _ => (Target::Silence, self.silence),
        };
        let link = self.links.connect(to == Target::OurListener);
        let local = Some(link.client());
        let is_full = self.port.stats().sockets == self.options.sockets_max;
        let token = self.token(Purpose::Connect { to, link, is_full });
        match self.port.connect(remote, &ConnectOptions { local }, token) {
            Ok(op) => {
                self.connects.push(InFlight::new(op));
                self.ops.push(op);
                assert!(self.connects.len() <= self.options.connects_max as usize);
            }
            Err(OpsFull) => {
                assert_eq!(self.connects.len(), self.options.connects_max as usize);
                self.links.leave(link, Side::Client, Leave::Reset);
                self.refused(token);
            }
        }
    }

    /// Does something with an accepted socket: adopted, dropped, or reset.
    fn settle_detached(&mut self) {
        if !self.detached.is_empty() {
            let at = self.rng.below(self.detached.len() as u64) as usize;
            match self.rng.below(6) {
                0 => self.drop_detached(at),
                1 => {
                    let (socket, link) = self.detached.swap_remove(at);
                    self.links.leave(link, Side::Server, Leave::Reset);
                    socket.reset();
                }
                _ => self.adopt(at),
            }
        }
    }

    pub(crate) fn drop_detached(&mut self, at: usize) {
        let (socket, link) = self.detached.swap_remove(at);
        self.links.leave(link, Side::Server, Leave::InOrder);
        drop(socket);
    }

    pub(crate) fn adopt(&mut self, at: usize) {
        let (socket, link) = self.detached.swap_remove(at);
        let is_full = self.port.stats().sockets == self.options.sockets_max;
        match self.port.adopt(socket) {
            Ok(socket) => {
                assert!(!is_full, "more sockets than sockets_max");
                self.take_in(socket, link, Side::Server);
            }
            Err(error) => {
                assert_eq!(error, OpenError::SocketsFull);
                assert!(is_full, "refused although there is room");
                self.links.leave(link, Side::Server, Leave::InOrder);
                self.tally.count("refused");
            }
        }
    }

    pub(crate) fn arm_recv(&mut self, id: EndId) {
        let token = self.token(Purpose::Recv(id));
        let end = self.ends.get_mut(&id).expect("a socket of the port");
        match self.port.arm_recv(end.socket, token) {
            Ok(op) => {
                assert!(end.recv.is_none() && !end.closing, "C3: two receives");
                end.recv = Some(InFlight::new(op));
                self.ops.push(op);
            }
            Err(OpsFull) => {
                assert!(
                    end.recv.is_some() || end.closing,
                    "a receive was refused for nothing"
                );
                self.refused(token);
            }
        }
    }

    fn send(&mut self, id: EndId) {
        let end = self.ends.get_mut(&id).expect("a socket of the port");
        if end.broken {
            return;
        }
        let (link, side, socket) = (end.link, end.side, end.socket);
        let may = end.send.is_none() && !end.closing && !end.finished;
        let batch = match end.rest.take() {
            Some(rest) => rest,
            None => self.fill_batch(link, side),
        };
        let bytes = batch.remaining() as u64;
        let token = self.token(Purpose::Send(id));
        match self.port.send(socket, batch, token) {
            Ok(op) => {
                assert!(may, "C3: a send was taken that must be refused");
                self.links.stream(link, side).in_flight = bytes;
                self.ends.get_mut(&id).expect("above").send = Some(InFlight::new(op));
                self.ops.push(op);
            }
            Err(Refused(batch)) => {
                assert!(!may, "a send was refused for nothing");
                assert_eq!(batch.remaining() as u64, bytes, "C1: it came back changed");
                self.refused(token);
            }
        }
    }

    /// A batch of the bytes that come next, cut at random, copied and shared.
    fn fill_batch(&mut self, link: LinkId, side: Side) -> SendBatch {
        let mut batch = SendBatch::new();
        let recv_bytes = u64::from(self.options.recv_buffer_bytes);
        let large_max = LARGE_MAX.min(LARGE_MAX_IN_RECVS * recv_bytes);
        let len = match self.rng.below(20) {
            0 => 0,
            1 => self.rng.below(large_max),
            _ => self.rng.below(SMALL_MAX),
        };
        let bytes = self.links.bytes_to_send(link, side, len as usize);
        let mut rest = &bytes[..];
        while !rest.is_empty() && batch.has_room_for(rest.len().min(2_000)) {
            let longest = if batch.is_empty() { rest.len() } else { 2_000 };
            let cut = 1 + self.rng.below(rest.len().min(longest) as u64) as usize;
            let (frame, behind) = rest.split_at(cut);
            if self.rng.chance(0.5) {
                batch.push_copy(frame);
            } else {
                batch.push_shared(frame.to_vec().into());
            }
            rest = behind;
        }
        batch
    }

    /// Cancels something: in flight, ended long ago, or nothing at all (C5).
    fn cancel(&mut self) {
        let recent = &self.ops[self.ops.len().saturating_sub(CANCEL_AMONG)..];
        let at = self.rng.below(recent.len() as u64 + 1) as usize;
        let op = recent.get(at).copied().unwrap_or(OpId::NONE);
        let before = self.port.stats().stale;
        self.port.cancel(op);
        let in_flight = self.in_flight(op).map(|noted| noted.cancelled = true);
        let stale = self.port.stats().stale - before;
        assert_eq!(stale, u64::from(in_flight.is_none()), "C5: {op:?}");
    }

    fn in_flight(&mut self, op: OpId) -> Option<&mut InFlight> {
        let ends = self.ends.values_mut();
        ends.flat_map(|end| end.recv.iter_mut().chain(end.send.iter_mut()))
            .chain(self.listener.accept.iter_mut())
            .chain(self.connects.iter_mut())
            .find(|noted| noted.op == op)
    }

    fn shutdown_send(&mut self, id: EndId) {
        let end = self.ends.get_mut(&id).expect("a socket of the port");
        let is_sending = end.send.is_some() && !end.closing;
        let result = self.port.shutdown_send(end.socket);
        assert_eq!(result == Err(SendInFlight), is_sending);
        if result.is_ok() && !end.closing {
            end.finished = true;
            end.rest = None;
            self.links.stream(end.link, end.side).ended = true;
        }
    }

    fn close(&mut self, id: EndId) {
        let how = match self.any_way_to_leave() {
            Leave::InOrder => CloseHow::Fin,
            Leave::Reset => CloseHow::Reset,
        };
        self.close_as(id, how);
    }

    pub(crate) fn close_as(&mut self, id: EndId, how: CloseHow) {
        let token = self.token(Purpose::Close(Some(id)));
        let end = self.ends.get_mut(&id).expect("a socket of the port");
        self.port.close(end.socket, how, token);
        if end.closing {
            // Ignored: the first close is the one that counts.
            self.purposes.remove(&token);
            return;
        }
        end.closing = true;
        let how = match how {
            CloseHow::Fin => Leave::InOrder,
            CloseHow::Reset => Leave::Reset,
        };
        self.links.leave(end.link, end.side, how);
        for noted in end.recv.iter_mut().chain(end.send.iter_mut()) {
            noted.cancelled = true;
        }
    }

    pub(crate) fn let_buffers_go(&mut self) {
        for (lent, copy) in self.held.drain(..) {
            assert!(*lent == *copy, "C8: a lent buffer was written to");
        }
    }

    /// Keeps a buffer for a while, if there is room.
    pub(crate) fn hold(&mut self, lent: wharf_port::RecvBuf) {
        if self.held.len() < HELD_MAX && self.rng.chance(0.4) {
            let copy = lent.to_vec();
            self.held.push((lent, copy));
        }
    }

    fn wake_or_listen_anew(&mut self) {
        if self.rng.chance(0.8) {
            self.wakes_asked += 1;
            self.is_woken_owed = true;
            self.port.waker().wake();
        } else {
            self.close_listener();
            self.listener = Listener::open(&mut self.port, &self.backend);
        }
    }

    /// Closes the listener and waits until it is.
    pub(crate) fn close_listener(&mut self) {
        let token = self.token(Purpose::Close(None));
        self.links.close_backlog();
        if let Some(accept) = &mut self.listener.accept {
            accept.cancelled = true;
        }
        self.port.close(self.listener.socket, CloseHow::Fin, token);
        self.until("the listener closes", |run| {
            !run.purposes.contains_key(&token)
        });
        assert!(self.listener.accept.is_none(), "C6: its accept is left");
    }

    fn refused(&mut self, token: wharf_port::Token) {
        self.purposes.remove(&token);
        self.tally.count("refused");
    }
}
