//! A port that watches another port, and its caller, for breaches of the contract.

use crate::{
    AcceptError, CloseHow, Completion, ConnectError, ConnectOptions, DetachedSocket, Event,
    ListenOptions, OpId, OpenError, OpsFull, Port, PortStats, RecvEnd, Refused, SendBatch,
    SendError, SendInFlight, SocketId, Token, Waker,
};
use books::{InFlight, Kind, OpRecord, Role, SocketRecord};
use ended::Ended;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use wharf_base::Instant;

mod books;
mod ended;

/// Asserts the contract around any port: in the contract suite, the fuzzer, the simulator, and
/// the servers of debug builds.
///
/// It keeps books of its own and compares: what was submitted, what ended, which ids have been in
/// use. The first breach panics and names its clause. Its memory is bounded by what was in flight
/// and open at once.
pub struct Checked<P> {
    port: P,
    ops: HashMap<OpId, OpRecord>,
    sockets: HashMap<SocketId, SocketRecord>,
    /// Sockets whose `Closed` is owed, by the token it must carry.
    closing: HashMap<Token, Vec<SocketId>>,
    in_flight: InFlight,
    ended_ops: Ended,
    closed_sockets: Ended,
}

impl<P: Port> Checked<P> {
    /// Watches `port`, on which nothing has happened yet.
    pub fn new(port: P) -> Self {
        Self {
            port,
            ops: HashMap::new(),
            sockets: HashMap::new(),
            closing: HashMap::new(),
            in_flight: InFlight::default(),
            ended_ops: Ended::default(),
            closed_sockets: Ended::default(),
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

    fn open(&mut self, socket: SocketId, role: Role) {
        assert!(
            !self.closed_sockets.contains(socket.0),
            "C6: {socket:?} was used before"
        );
        let record = SocketRecord {
            role,
            ops: Vec::new(),
            closing: false,
            finished: false,
            broken: false,
        };
        let known = self.sockets.insert(socket, record).is_some();
        assert!(!known, "C6: {socket:?} is in use");
    }

    fn begin(&mut self, op: OpId, kind: Kind, token: Token, socket: Option<SocketId>) {
        assert_ne!(op, OpId::NONE, "an operation has an id");
        assert!(!self.ended_ops.contains(op.0), "{op:?} was used before");
        let known = self
            .ops
            .insert(
                op,
                OpRecord {
                    kind,
                    token,
                    socket,
                    unwanted: false,
                },
            )
            .is_some();
        assert!(!known, "{op:?} is in use");
        *self.in_flight.of(kind) += 1;
        if let Some(socket) = socket {
            let record = self.sockets.get_mut(&socket);
            let record = record.unwrap_or_else(|| panic!("C6: {kind:?} on stale {socket:?}"));
            assert!(!record.closing, "C6: {kind:?} on closing {socket:?}");
            record.ops.push(op);
        }
    }

    fn is_busy(&self, socket: SocketId, kind: fn(&Kind) -> bool) -> bool {
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
        let owed = self.closing.get_mut(&completion.token);
        let owed = owed.unwrap_or_else(|| panic!("C6: Closed that nobody asked for"));
        // Several may be closing under one token; then it is one of those that have ended.
        let ended = owed
            .iter()
            .position(|socket| self.sockets[socket].ops.is_empty());
        let ended = ended.unwrap_or_else(|| panic!("C7: Closed with operations in flight"));
        let socket = owed.swap_remove(ended);
        if owed.is_empty() {
            self.closing.remove(&completion.token);
        }
        self.sockets.remove(&socket);
        self.closed_sockets.insert(socket.0);
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
        let unasked = !record.unwanted && is_cancelled(&completion.event);
        assert!(!unasked, "C5: nobody cancelled {op:?}, {kind:?}");
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
            self.ended_ops.insert(op.0);
            *self.in_flight.of(kind) -= 1;
            if let Some(record) = socket.and_then(|socket| self.sockets.get_mut(&socket)) {
                record.ops.retain(|other| *other != op);
            }
        }
        if let Event::Connected(Ok(socket)) = completion.event {
            self.open(socket, Role::Stream);
        }
    }

    /// Whether an operation may begin on a socket of this role. A port that refuses it then has
    /// forgotten to forget something.
    fn may_begin(&self, socket: SocketId, role: Role, kind: fn(&Kind) -> bool) -> bool {
        let record = self.sockets.get(&socket);
        record.is_some_and(|record| record.role == role && !record.closing)
            && !self.is_busy(socket, kind)
    }

    fn mark_broken(&mut self, socket: Option<SocketId>) {
        if let Some(record) = socket.and_then(|socket| self.sockets.get_mut(&socket)) {
            record.broken = true;
        }
    }

    /// Compares our books with the port's own counters; `lent` buffers came just now.
    fn check_stats(&self, lent: u32) {
        let stats = self.port.stats();
        let in_flight = InFlight {
            accepts: stats.accepts_in_flight,
            connects: stats.connects_in_flight,
            recvs: stats.recvs_in_flight,
            sends: stats.sends_in_flight,
        };
        assert_eq!(in_flight, self.in_flight, "the port counts otherwise");
        assert!(
            stats.recv_buffers_out >= lent,
            "C8: a lent buffer is counted as home"
        );
    }
}

fn is_cancelled(event: &Event) -> bool {
    match event {
        Event::Accepted(result) => matches!(result, Err(AcceptError::Cancelled)),
        Event::Connected(result) => matches!(result, Err(ConnectError::Cancelled)),
        Event::Received(result) => matches!(result, Err(RecvEnd::Cancelled)),
        Event::Sent { result, .. } => matches!(result, Err(SendError::Cancelled)),
        Event::Closed | Event::Woken => false,
    }
}

impl<P: Port> Port for Checked<P> {
    fn listen(
        &mut self,
        local: SocketAddr,
        options: &ListenOptions,
    ) -> Result<SocketId, OpenError> {
        let socket = self.port.listen(local, options)?;
        self.open(socket, Role::Listener);
        Ok(socket)
    }

    fn adopt(&mut self, socket: DetachedSocket) -> Result<SocketId, OpenError> {
        let socket = self.port.adopt(socket)?;
        self.open(socket, Role::Stream);
        Ok(socket)
    }

    fn local_addr(&self, socket: SocketId) -> io::Result<SocketAddr> {
        self.port.local_addr(socket)
    }

    fn arm_accept(&mut self, listener: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let may = self.may_begin(listener, Role::Listener, |kind| *kind == Kind::Accept);
        let result = self.port.arm_accept(listener, token);
        assert_eq!(result.is_ok(), may, "C3: an accept on {listener:?}");
        self.begin(result?, Kind::Accept, token, Some(listener));
        result
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
        let may = self.may_begin(socket, Role::Stream, |kind| *kind == Kind::Recv);
        let result = self.port.arm_recv(socket, token);
        assert_eq!(result.is_ok(), may, "C3: a receive on {socket:?}");
        self.begin(result?, Kind::Recv, token, Some(socket));
        result
    }

    fn send(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>> {
        let is_send = |kind: &Kind| matches!(kind, Kind::Send { .. });
        let record = self.sockets.get(&socket);
        let (finished, broken) = record.map_or((false, false), |it| (it.finished, it.broken));
        let may = self.may_begin(socket, Role::Stream, is_send) && !finished;
        let bytes = batch.remaining();
        match self.port.send(socket, batch, token) {
            Ok(op) => {
                assert!(may, "C3: a send on {socket:?} was taken");
                assert!(
                    !broken,
                    "C13: the caller sends after a failed send on {socket:?}"
                );
                self.begin(op, Kind::Send { bytes }, token, Some(socket));
                Ok(op)
            }
            Err(Refused(batch)) => {
                assert!(!may, "C3: a send on {socket:?} was refused");
                let same = batch.remaining() == bytes;
                assert!(same, "C1: the refused batch came back changed");
                Err(Refused(batch))
            }
        }
    }

    fn cancel(&mut self, op: OpId) {
        if let Some(record) = self.ops.get_mut(&op) {
            record.unwanted = true;
        }
        self.port.cancel(op);
    }

    fn shutdown_send(&mut self, socket: SocketId) -> Result<(), SendInFlight> {
        let busy = self.is_busy(socket, |kind| matches!(kind, Kind::Send { .. }));
        let result = self.port.shutdown_send(socket);
        if let Some(record) = self.sockets.get_mut(&socket)
            && !record.closing
        {
            assert_eq!(result.is_err(), busy, "shutdown_send beside a send");
            record.finished |= result.is_ok();
        }
        result
    }

    fn close(&mut self, socket: SocketId, how: CloseHow, token: Token) {
        if let Some(record) = self.sockets.get_mut(&socket)
            && !record.closing
        {
            record.closing = true;
            for op in &record.ops {
                self.ops.get_mut(op).expect("in flight").unwanted = true;
            }
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
        let mut lent = 0;
        for completion in &batch[before..] {
            self.check(completion);
            lent += u32::from(matches!(completion.event, Event::Received(Ok(_))));
        }
        self.check_stats(lent);
        Ok(now)
    }

    fn waker(&self) -> Waker {
        self.port.waker()
    }

    fn stats(&self) -> PortStats {
        self.port.stats()
    }
}

#[cfg(test)]
mod tests;
