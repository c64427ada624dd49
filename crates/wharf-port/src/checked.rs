//! A port that watches another port, and its caller, for breaches of the contract.

use crate::{
    CloseHow, Completion, ConnectOptions, DetachedSocket, Event, ListenOptions, OpId, OpenError,
    OpsFull, Port, PortStats, Refused, SendBatch, SendInFlight, SocketId, Token, Waker,
};
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use wharf_base::Instant;

/// Asserts the contract around any port: in the contract suite, the fuzzer and the simulator.
///
/// It keeps books of its own and compares: what was submitted, what ended, which ids have been in
/// use. The first breach panics and names its clause. Its memory grows with every id ever used, so
/// it is for tests.
pub struct Checked<P> {
    port: P,
    ops: HashMap<OpId, OpRecord>,
    sockets: HashMap<SocketId, SocketRecord>,
    /// Sockets whose `Closed` is owed, by the token it must carry.
    closing: HashMap<Token, Vec<SocketId>>,
    ended_ops: HashSet<OpId>,
    closed_sockets: HashSet<SocketId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Accept,
    Connect,
    Recv,
    Send { bytes: usize },
}

struct OpRecord {
    kind: Kind,
    token: Token,
    /// `None` for a connect, whose socket is named by its completion.
    socket: Option<SocketId>,
}

#[derive(Default)]
struct SocketRecord {
    ops: Vec<OpId>,
    closing: bool,
    /// A send failed or was cancelled: nothing but `close` is legal (C13).
    broken: bool,
}

impl<P: Port> Checked<P> {
    /// Watches `port`, on which nothing has happened yet.
    pub fn new(port: P) -> Self {
        Self {
            port,
            ops: HashMap::new(),
            sockets: HashMap::new(),
            closing: HashMap::new(),
            ended_ops: HashSet::new(),
            closed_sockets: HashSet::new(),
        }
    }

    /// The port that is watched.
    pub fn inner(&self) -> &P {
        &self.port
    }

    /// Asserts that nothing is left: no socket, no operation, no buffer.
    ///
    /// # Panics
    /// If anything is.
    pub fn assert_idle(&self) {
        assert!(
            self.ops.is_empty(),
            "C1: {} operations never ended",
            self.ops.len()
        );
        assert!(
            self.sockets.is_empty(),
            "C6: {} sockets never closed",
            self.sockets.len()
        );
        let stats = self.port.stats();
        assert_eq!(
            stats.recv_buffers_out, 0,
            "C8: receive buffers are not home"
        );
        assert_eq!(stats.sockets, 0, "the port still counts sockets");
    }

    fn open(&mut self, socket: SocketId) {
        assert!(
            !self.closed_sockets.contains(&socket),
            "C6: {socket:?} was used before"
        );
        let known = self
            .sockets
            .insert(socket, SocketRecord::default())
            .is_some();
        assert!(!known, "C6: {socket:?} is in use");
    }

    fn begin(&mut self, op: OpId, kind: Kind, token: Token, socket: Option<SocketId>) {
        assert_ne!(op, OpId::NONE, "an operation has an id");
        assert!(!self.ended_ops.contains(&op), "{op:?} was used before");
        let known = self
            .ops
            .insert(
                op,
                OpRecord {
                    kind,
                    token,
                    socket,
                },
            )
            .is_some();
        assert!(!known, "{op:?} is in use");
        if let Some(socket) = socket {
            let record = self.sockets.get_mut(&socket);
            let record = record.unwrap_or_else(|| panic!("C6: {kind:?} on stale {socket:?}"));
            assert!(!record.closing, "C6: {kind:?} on closing {socket:?}");
            record.ops.push(op);
        }
    }

    fn in_flight(&self, socket: SocketId, kind: fn(&Kind) -> bool) -> bool {
        let ops = self
            .sockets
            .get(&socket)
            .map_or(&[][..], |record| &record.ops);
        ops.iter().any(|op| kind(&self.ops[op].kind))
    }

    fn check(&mut self, completion: &Completion) {
        match &completion.event {
            Event::Woken => assert_eq!((completion.op, completion.more), (OpId::NONE, false)),
            Event::Closed => self.check_closed(completion),
            _ => self.check_operation(completion),
        }
    }

    fn check_closed(&mut self, completion: &Completion) {
        assert_eq!((completion.op, completion.more), (OpId::NONE, false));
        let owed = self
            .closing
            .get_mut(&completion.token)
            .filter(|owed| !owed.is_empty());
        let owed = owed.unwrap_or_else(|| panic!("C6: Closed that nobody asked for"));
        // Several may be closing under one token; then it is one of those that have ended.
        let ended = owed
            .iter()
            .position(|socket| self.sockets[socket].ops.is_empty());
        let ended = ended.unwrap_or_else(|| panic!("C7: Closed with operations in flight"));
        let socket = owed.swap_remove(ended);
        self.sockets.remove(&socket);
        self.closed_sockets.insert(socket);
    }

    fn check_operation(&mut self, completion: &Completion) {
        let (op, more) = (completion.op, completion.more);
        let record = self.ops.get(&op);
        let record = record.unwrap_or_else(|| panic!("C1: {completion:?} after the last"));
        let (kind, socket) = (record.kind, record.socket);
        assert_eq!(
            completion.token, record.token,
            "{op:?} came back with another token"
        );
        match (&completion.event, kind) {
            (Event::Accepted(_), Kind::Accept) => {}
            (Event::Connected(_), Kind::Connect) => assert!(!more, "C1: a connect ends once"),
            (Event::Received(Ok(bytes)), Kind::Recv) => {
                assert!(!bytes.is_empty(), "an empty receive is an end");
            }
            (Event::Received(Err(_)), Kind::Recv) => assert!(!more, "C1: more after an end"),
            (Event::Sent { batch, result }, Kind::Send { bytes }) => {
                assert!(!more, "C1: a send ends once");
                assert_eq!(batch.remaining(), bytes, "the batch came back changed");
                match result {
                    Ok(0) => assert_eq!(bytes, 0, "C9: nothing was sent and that is no error"),
                    Ok(sent) => assert!(*sent as usize <= bytes, "C9: more sent than there was"),
                    Err(_) => self.mark_broken(socket),
                }
            }
            (event, kind) => panic!("{kind:?} was answered by {event:?}"),
        }
        if !more {
            self.ops.remove(&op);
            self.ended_ops.insert(op);
            if let Some(record) = socket.and_then(|socket| self.sockets.get_mut(&socket)) {
                record.ops.retain(|other| *other != op);
            }
        }
        if let Event::Connected(Ok(socket)) = completion.event {
            self.open(socket);
        }
    }

    fn mark_broken(&mut self, socket: Option<SocketId>) {
        if let Some(record) = socket.and_then(|socket| self.sockets.get_mut(&socket)) {
            record.broken = true;
        }
    }

    /// Compares our books with the port's own counters.
    fn check_stats(&self) {
        let stats = self.port.stats();
        let count =
            |kind: fn(&Kind) -> bool| self.ops.values().filter(|op| kind(&op.kind)).count() as u32;
        assert!(stats.accepts_in_flight >= count(|kind| *kind == Kind::Accept));
        assert!(stats.recvs_in_flight >= count(|kind| *kind == Kind::Recv));
        assert!(stats.connects_in_flight >= count(|kind| *kind == Kind::Connect));
        assert!(stats.sends_in_flight >= count(|kind| matches!(kind, Kind::Send { .. })));
    }
}

impl<P: Port> Port for Checked<P> {
    fn listen(
        &mut self,
        local: SocketAddr,
        options: &ListenOptions,
    ) -> Result<SocketId, OpenError> {
        let socket = self.port.listen(local, options)?;
        self.open(socket);
        Ok(socket)
    }

    fn adopt(&mut self, socket: DetachedSocket) -> Result<SocketId, OpenError> {
        let socket = self.port.adopt(socket)?;
        self.open(socket);
        Ok(socket)
    }

    fn local_addr(&self, socket: SocketId) -> io::Result<SocketAddr> {
        self.port.local_addr(socket)
    }

    fn arm_accept(&mut self, listener: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let armed = self.in_flight(listener, |kind| *kind == Kind::Accept);
        let op = self.port.arm_accept(listener, token)?;
        assert!(!armed, "C3: a second accept was taken on {listener:?}");
        self.begin(op, Kind::Accept, token, Some(listener));
        Ok(op)
    }

    fn connect(
        &mut self,
        remote: SocketAddr,
        options: &ConnectOptions,
        token: Token,
    ) -> Result<OpId, OpsFull> {
        let op = self.port.connect(remote, options, token)?;
        self.begin(op, Kind::Connect, token, None);
        Ok(op)
    }

    fn arm_recv(&mut self, socket: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let armed = self.in_flight(socket, |kind| *kind == Kind::Recv);
        let op = self.port.arm_recv(socket, token)?;
        assert!(!armed, "C3: a second receive was taken on {socket:?}");
        self.begin(op, Kind::Recv, token, Some(socket));
        Ok(op)
    }

    fn send(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>> {
        let busy = self.in_flight(socket, |kind| matches!(kind, Kind::Send { .. }));
        let bytes = batch.remaining();
        match self.port.send(socket, batch, token) {
            Ok(op) => {
                assert!(!busy, "C3: a second send was taken on {socket:?}");
                let broken = self
                    .sockets
                    .get(&socket)
                    .is_some_and(|record| record.broken);
                assert!(
                    !broken,
                    "C13: the caller sends after a failed send on {socket:?}"
                );
                self.begin(op, Kind::Send { bytes }, token, Some(socket));
                Ok(op)
            }
            Err(Refused(batch)) => {
                assert_eq!(
                    batch.remaining(),
                    bytes,
                    "C1: the refused batch came back changed"
                );
                Err(Refused(batch))
            }
        }
    }

    fn cancel(&mut self, op: OpId) {
        self.port.cancel(op);
    }

    fn shutdown_send(&mut self, socket: SocketId) -> Result<(), SendInFlight> {
        let busy = self.in_flight(socket, |kind| matches!(kind, Kind::Send { .. }));
        let closing = self
            .sockets
            .get(&socket)
            .is_none_or(|record| record.closing);
        let result = self.port.shutdown_send(socket);
        assert!(
            closing || result.is_err() == busy,
            "shutdown_send with a send in flight: {busy}"
        );
        result
    }

    fn close(&mut self, socket: SocketId, how: CloseHow, token: Token) {
        if let Some(record) = self.sockets.get_mut(&socket)
            && !record.closing
        {
            record.closing = true;
            self.closing.entry(token).or_default().push(socket);
        }
        self.port.close(socket, how, token);
    }

    fn wait(&mut self, batch: &mut Vec<Completion>, until: Option<Instant>) -> io::Result<Instant> {
        let before = batch.len();
        let room = (batch.capacity() - before).max(1);
        let now = self.port.wait(batch, until)?;
        assert!(
            batch.len() - before <= room,
            "more completions than there was room for"
        );
        for completion in &batch[before..] {
            self.check(completion);
        }
        self.check_stats();
        Ok(now)
    }

    fn waker(&self) -> Waker {
        self.port.waker()
    }

    fn stats(&self) -> PortStats {
        self.port.stats()
    }
}
