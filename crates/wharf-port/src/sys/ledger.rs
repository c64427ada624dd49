//! What every backend writes down: which sockets are open, what is in flight on each, what was
//! decided without the kernel. The clauses that no kernel fulfils for us are kept here, once.
//!
//! A backend asks the ledger to *begin* something, submits it, and tells the ledger when it
//! *ended*. Closing is a join (C7): `begin_close` names what must be cancelled, and the handle is
//! closed by the last `end`.

use super::op_slab::{Op, OpKind, OpSlab};
use crate::{
    CloseHow, Completion, Event, OpId, OpenError, OpsFull, OsCode, PortOptions, PortStats, Refused,
    SendBatch, SendInFlight, SocketId, Token,
};
use core::time::Duration;
use std::collections::VecDeque;
use wharf_base::{Key, Slab};

/// The sockets and operations of one port.
///
/// Invariant: an operation that is in the slab and names a socket that exists stands in that
/// socket's `inbound` or `outbound`, and the other way round.
pub(crate) struct Ledger<S: 'static, H = socket2::Socket> {
    sockets: Slab<Socket<H>>,
    pub(crate) ops: OpSlab<S>,
    ready: VecDeque<Ready>,
    pub(crate) stats: PortStats,
    listeners: u32,
    listeners_max: u32,
    connects_max: u32,
}

/// What a backend holds for a socket. Dropping it closes in order.
pub(crate) trait Handle {
    /// Ends our direction.
    fn end_output(&self);
    /// Closes.
    fn close(self, how: CloseHow);
}

impl Handle for socket2::Socket {
    fn end_output(&self) {
        // A peer that has gone already is told nothing, and its receive will say so.
        let _ = self.shutdown(std::net::Shutdown::Write);
    }

    fn close(self, how: CloseHow) {
        if how == CloseHow::Reset {
            // A failure leaves the orderly close, which is all that a dead link needs.
            let _ = self.set_linger(Some(Duration::ZERO));
        }
    }
}

/// A socket that the port owns.
pub(crate) struct Socket<H> {
    pub(crate) handle: H,
    role: Role,
    /// The accept, connect or receive in flight, or [`OpId::NONE`].
    inbound: OpId,
    /// The send in flight, or [`OpId::NONE`].
    outbound: OpId,
    /// Whether our direction was ended.
    finished: bool,
    /// How it is being closed, and the mark of its `Closed`.
    closing: Option<(CloseHow, Token)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Listener,
    Stream,
}

/// What `wait` delivers before it asks the kernel (C4).
pub(crate) enum Ready {
    /// An operation ended without the kernel, with this error: for the backend to finish as if
    /// the kernel had said so.
    Failed(OpId, OsCode),
    /// Complete as it is.
    Event(Completion),
}

impl<S: 'static, H: Handle> Ledger<S, H> {
    pub(crate) fn new(options: &PortOptions) -> Self {
        Self {
            sockets: Slab::with_capacity(options.sockets_max),
            ops: OpSlab::with_capacity(options.ops_max()),
            ready: VecDeque::new(),
            stats: PortStats::default(),
            listeners: 0,
            listeners_max: options.listeners_max,
            connects_max: options.connects_max,
        }
    }

    /// The socket, unless the id is stale.
    pub(crate) fn socket(&self, id: SocketId) -> Option<&Socket<H>> {
        self.sockets.get(id.0)
    }

    /// The socket in a slot of the table, if one is there.
    #[cfg(unix)]
    pub(crate) fn socket_in(&self, slot: u32) -> Option<SocketId> {
        self.sockets.key_at(slot).map(SocketId)
    }

    /// What is in flight on a socket, inbound and outbound; [`OpId::NONE`] where nothing is.
    pub(crate) fn in_flight(&self, id: SocketId) -> (OpId, OpId) {
        let socket = self.sockets.get(id.0);
        socket.map_or((OpId::NONE, OpId::NONE), |socket| {
            (socket.inbound, socket.outbound)
        })
    }

    /// The handles of all open sockets.
    #[cfg(windows)]
    pub(crate) fn handles(&self) -> impl Iterator<Item = &H> {
        self.sockets.iter().map(|(_, socket)| &socket.handle)
    }

    /// Takes in a listening socket. In a refusal the handle is closed.
    pub(crate) fn open_listener(&mut self, handle: H) -> Result<SocketId, OpenError> {
        if self.listeners == self.listeners_max {
            return Err(OpenError::SocketsFull);
        }
        let id = self.open(handle, Role::Listener)?;
        self.listeners += 1;
        Ok(id)
    }

    /// Takes in a connected socket. In a refusal the handle is closed.
    pub(crate) fn open_stream(&mut self, handle: H) -> Result<SocketId, OpenError> {
        self.open(handle, Role::Stream)
    }

    fn open(&mut self, handle: H, role: Role) -> Result<SocketId, OpenError> {
        let socket = Socket {
            handle,
            role,
            inbound: OpId::NONE,
            outbound: OpId::NONE,
            finished: false,
            closing: None,
        };
        let key = self
            .sockets
            .insert(socket)
            .map_err(|_| OpenError::SocketsFull)?;
        self.stats.sockets += 1;
        Ok(SocketId(key))
    }

    pub(crate) fn begin_accept(&mut self, id: SocketId, token: Token) -> Result<OpId, OpsFull> {
        self.begin_inbound(id, Role::Listener, OpKind::Accept, token)
    }

    pub(crate) fn begin_recv(&mut self, id: SocketId, token: Token) -> Result<OpId, OpsFull> {
        self.begin_inbound(id, Role::Stream, OpKind::Recv, token)
    }

    fn begin_inbound(
        &mut self,
        id: SocketId,
        role: Role,
        kind: OpKind,
        token: Token,
    ) -> Result<OpId, OpsFull> {
        match self.sockets.get_mut(id.0) {
            Some(socket)
                if socket.role == role
                    && socket.inbound == OpId::NONE
                    && socket.closing.is_none() =>
            {
                *in_flight(&mut self.stats, &kind) += 1;
                socket.inbound = self.ops.insert(Op::new(token, id, kind));
                Ok(socket.inbound)
            }
            _ => {
                self.stats.refused += 1;
                Err(OpsFull)
            }
        }
    }

    pub(crate) fn begin_send(
        &mut self,
        id: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>> {
        match self.sockets.get_mut(id.0) {
            Some(socket)
                if socket.role == Role::Stream
                    && socket.outbound == OpId::NONE
                    && socket.closing.is_none()
                    && !socket.finished =>
            {
                self.stats.sends_in_flight += 1;
                socket.outbound = self.ops.insert(Op::new(token, id, OpKind::Send(batch)));
                Ok(socket.outbound)
            }
            _ => {
                self.stats.refused += 1;
                Err(Refused(batch))
            }
        }
    }

    /// Whether another connect may begin; asked before a socket is made for it.
    pub(crate) fn may_connect(&mut self) -> Result<(), OpsFull> {
        if self.stats.connects_in_flight < self.connects_max {
            return Ok(());
        }
        self.stats.refused += 1;
        Err(OpsFull)
    }

    /// Notes a connect on a socket that was made and taken in for it.
    pub(crate) fn begin_connect(&mut self, id: SocketId, token: Token) -> OpId {
        let socket = self.sockets.get_mut(id.0).expect("taken in just now");
        assert!(
            socket.inbound == OpId::NONE,
            "a connect begins on a new socket"
        );
        self.stats.connects_in_flight += 1;
        socket.inbound = self.ops.insert(Op::new(token, id, OpKind::Connect));
        socket.inbound
    }

    /// Notes a connect that failed before there was a socket; `wait` will say so (C4).
    pub(crate) fn fail_connect(&mut self, code: OsCode, token: Token) -> OpId {
        let nowhere = SocketId(Key::from_parts(u32::MAX, u32::MAX));
        self.stats.connects_in_flight += 1;
        let op = self.ops.insert(Op::new(token, nowhere, OpKind::Connect));
        self.fail(op, code);
        op
    }

    /// Forgets a socket whose name the caller never learned (its connect failed, say), so that no
    /// `Closed` is owed. The handle is closed.
    pub(crate) fn forget_socket(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.remove(id.0) {
            assert!(socket.inbound == OpId::NONE && socket.outbound == OpId::NONE);
            self.stats.sockets -= 1;
            self.listeners -= u32::from(socket.role == Role::Listener);
        }
    }

    /// Notes that the end of an operation is wanted. Returns whether there is anything to do:
    /// not for a stale id (counted, C5), and not for the second request.
    #[must_use]
    pub(crate) fn begin_cancel(&mut self, id: OpId) -> bool {
        match self.ops.get_mut(id) {
            Some(op) => !core::mem::replace(&mut op.cancelled, true),
            None => {
                self.stats.stale += 1;
                false
            }
        }
    }

    /// Ends our direction. See [`crate::Port::shutdown_send`].
    pub(crate) fn shutdown_send(&mut self, id: SocketId) -> Result<(), SendInFlight> {
        let Some(socket) = self.sockets.get_mut(id.0) else {
            return Ok(());
        };
        if socket.closing.is_some() || socket.role == Role::Listener {
            return Ok(());
        }
        if socket.outbound != OpId::NONE {
            return Err(SendInFlight);
        }
        socket.finished = true;
        socket.handle.end_output();
        Ok(())
    }

    /// Begins the join: no new operation from here on. Returns what is in flight, for the backend
    /// to cancel; with nothing in flight the socket is closed already and `Closed` is ready.
    pub(crate) fn begin_close(
        &mut self,
        id: SocketId,
        how: CloseHow,
        token: Token,
    ) -> impl Iterator<Item = OpId> + use<S, H> {
        let mut ops = [OpId::NONE; 2];
        match self.sockets.get_mut(id.0) {
            Some(socket) if socket.closing.is_none() => {
                socket.closing = Some((how, token));
                ops = [socket.inbound, socket.outbound];
                self.join(id);
            }
            _ => self.stats.stale += 1,
        }
        ops.into_iter().filter(|op| *op != OpId::NONE)
    }

    /// Ends an operation with its last completion. If its socket was waiting for it in order to
    /// close, it closes, and `Closed` is ready, behind this completion.
    pub(crate) fn end(&mut self, id: OpId) -> Op {
        let op = self.ops.remove(id);
        *in_flight(&mut self.stats, &op.kind) -= 1;
        if let Some(socket) = self.sockets.get_mut(op.socket.0) {
            let place = match op.kind {
                OpKind::Send(_) => &mut socket.outbound,
                _ => &mut socket.inbound,
            };
            assert!(*place == id, "{id:?} is not what its socket has in flight");
            *place = OpId::NONE;
            self.join(op.socket);
        }
        op
    }

    /// Closes the handle once nothing is in flight (C7), and makes `Closed` ready (C6).
    fn join(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id.0) else {
            return;
        };
        let Some((how, token)) = socket.closing else {
            return;
        };
        if socket.inbound != OpId::NONE || socket.outbound != OpId::NONE {
            return;
        }
        let socket = self.sockets.remove(id.0).expect("looked at above");
        self.stats.sockets -= 1;
        self.listeners -= u32::from(socket.role == Role::Listener);
        socket.handle.close(how);
        self.say_closed(token);
    }

    /// Has `Closed` delivered by the next `wait`.
    pub(crate) fn say_closed(&mut self, token: Token) {
        self.ready.push_back(Ready::Event(Completion {
            token,
            op: OpId::NONE,
            more: false,
            event: Event::Closed,
        }));
    }

    /// Has an operation that is ours end with an error from the next `wait` (C4).
    pub(crate) fn fail(&mut self, id: OpId, code: OsCode) {
        self.ready.push_back(Ready::Failed(id, code));
    }

    /// Has `Woken` delivered by this `wait` or the next.
    pub(crate) fn wake(&mut self) {
        self.stats.wakes += 1;
        self.ready.push_back(Ready::Event(Completion {
            token: Token::default(),
            op: OpId::NONE,
            more: false,
            event: Event::Woken,
        }));
    }

    /// Whether something waits to be delivered without the kernel.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next thing to deliver without the kernel.
    pub(crate) fn pop_ready(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }
}

/// Where operations of this kind are counted.
fn in_flight<'a>(stats: &'a mut PortStats, kind: &OpKind) -> &'a mut u32 {
    match kind {
        OpKind::Accept => &mut stats.accepts_in_flight,
        OpKind::Connect => &mut stats.connects_in_flight,
        OpKind::Recv => &mut stats.recvs_in_flight,
        OpKind::Send(_) => &mut stats.sends_in_flight,
    }
}
