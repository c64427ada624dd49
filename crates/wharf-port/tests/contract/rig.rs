//! What every clause needs: a checked port with a listener, and patience.

use crate::backends::{Backend, Peer, Seen};
use std::net::SocketAddr;
use wharf_base::{Duration, Instant};
use wharf_port::{
    Checked, CloseHow, Completion, Event, ListenOptions, OpId, Port, PortOptions, RecvEnd,
    SendBatch, SendError, SocketId, Token,
};

pub(crate) const ACCEPT: Token = Token(1);
pub(crate) const RECV: Token = Token(2);
pub(crate) const SEND: Token = Token(3);
pub(crate) const CLOSE: Token = Token(4);
pub(crate) const CONNECT: Token = Token(5);

/// How long a clause waits for what must happen. Generous: nothing takes a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one wait lasts while a peer is watched at the same time.
const GLANCE: Duration = Duration::from_millis(5);
/// Completions taken in one wait.
const ROOM: usize = 64;

/// A port under test.
pub(crate) struct Rig<B: Backend> {
    // The port goes first, as it would in a program.
    pub(crate) port: Checked<B::Port>,
    pub(crate) backend: B,
    pub(crate) options: PortOptions,
    pub(crate) listener: SocketId,
    pub(crate) address: SocketAddr,
    /// Completions that nobody has asked for yet, oldest first.
    pub(crate) seen: Vec<Completion>,
    pub(crate) deadline: Instant,
}

impl<B: Backend> Rig<B> {
    pub(crate) fn new(options: PortOptions, seed: u64) -> Self {
        let mut backend = B::new(seed);
        let mut port = Checked::new(backend.open(&options));
        let local = SocketAddr::new(backend.loopback(), 0);
        let listener = port
            .listen(local, &ListenOptions::default())
            .expect("listens");
        let address = port.local_addr(listener).expect("is bound");
        port.arm_accept(listener, ACCEPT).expect("arms");
        let deadline = backend.now() + PATIENCE;
        Self {
            port,
            backend,
            options,
            listener,
            address,
            seen: Vec::new(),
            deadline,
        }
    }

    /// One wait, short enough to look at something else in between.
    pub(crate) fn turn(&mut self) {
        let now = self.backend.now();
        assert!(
            now < self.deadline,
            "still waiting; seen so far: {:?}",
            self.seen
        );
        let mut batch = Vec::with_capacity(ROOM);
        self.port
            .wait(&mut batch, Some(now + GLANCE))
            .expect("waits");
        if batch.is_empty() {
            self.backend.pass_time();
        }
        self.seen.append(&mut batch);
    }

    /// Turns until `done` says what came of it.
    pub(crate) fn until<T>(&mut self, mut done: impl FnMut(&mut Self) -> Option<T>) -> T {
        loop {
            if let Some(outcome) = done(self) {
                return outcome;
            }
            self.turn();
        }
    }

    /// Takes the first completion that `pick` wants, waiting for it.
    pub(crate) fn take(&mut self, pick: impl Fn(&Completion) -> bool) -> Completion {
        self.until(|rig| {
            rig.seen
                .iter()
                .position(&pick)
                .map(|at| rig.seen.remove(at))
        })
    }

    /// Takes the first completion of an operation.
    pub(crate) fn take_op(&mut self, op: OpId) -> Completion {
        self.take(|completion| completion.op == op)
    }

    /// A connected pair: a socket of the port, and its peer.
    pub(crate) fn pair(&mut self) -> (SocketId, B::Peer) {
        let peer = self.connect();
        let socket = self.accept();
        (self.port.adopt(socket).expect("adopts"), peer)
    }

    /// A peer that has connected, and is not accepted yet.
    pub(crate) fn connect(&mut self) -> B::Peer {
        let from = self.backend.loopback();
        self.backend.connect_from(from, self.address)
    }

    /// The next accepted socket; the listener stays armed.
    pub(crate) fn accept(&mut self) -> wharf_port::DetachedSocket {
        let accepted = self.take(|completion| completion.token == ACCEPT);
        if !accepted.more {
            self.port
                .arm_accept(self.listener, ACCEPT)
                .expect("arms again");
        }
        match accepted.event {
            Event::Accepted(Ok(socket)) => socket,
            other => panic!("accepted {other:?}"),
        }
    }

    pub(crate) fn arm_recv(&mut self, socket: SocketId) -> OpId {
        self.port
            .arm_recv(socket, RECV)
            .expect("nothing is armed yet")
    }

    /// Receives until `bytes` have come on `socket`, on which `op` is armed; what is armed then.
    pub(crate) fn receive(&mut self, socket: SocketId, op: &mut OpId, bytes: usize) -> Vec<u8> {
        let mut received = Vec::new();
        while received.len() < bytes {
            let completion = self.take_op(*op);
            match completion.event {
                Event::Received(Ok(buffer)) => received.extend_from_slice(&buffer),
                other => panic!("received {other:?} after {} bytes", received.len()),
            }
            if !completion.more {
                *op = self.arm_recv(socket);
            }
        }
        received
    }

    /// How the receive `op` ends; bytes that come before are dropped.
    pub(crate) fn recv_end(&mut self, socket: SocketId, mut op: OpId) -> RecvEnd {
        loop {
            let completion = self.take_op(op);
            match completion.event {
                Event::Received(Err(end)) => return end,
                Event::Received(Ok(_)) if completion.more => {}
                Event::Received(Ok(_)) => op = self.arm_recv(socket),
                other => panic!("received {other:?}"),
            }
        }
    }

    /// Sends a whole batch, in as many pieces as it takes, while `peer` reads it; what it read.
    pub(crate) fn send_to(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        peer: &mut B::Peer,
    ) -> Vec<u8> {
        let total = batch.remaining();
        let mut op = self
            .port
            .send(socket, batch, SEND)
            .expect("nothing is in flight");
        let mut read = Vec::new();
        let mut left = total;
        while read.len() < total {
            let sent = self.until(|rig| {
                match peer.read() {
                    Seen::Bytes(bytes) => read.extend(bytes),
                    Seen::NothingYet => {}
                    other => panic!("the peer saw {other:?}"),
                }
                let at = rig.seen.iter().position(|completion| completion.op == op);
                match at.map(|at| rig.seen.remove(at)) {
                    Some(completion) => Some(Some(completion)),
                    None => (read.len() == total && left == 0).then_some(None),
                }
            });
            let Some(Event::Sent { mut batch, result }) = sent.map(|sent| sent.event) else {
                break;
            };
            let count = result.expect("the peer reads");
            batch.advance(count);
            left = batch.remaining();
            if left > 0 {
                op = self
                    .port
                    .send(socket, batch, SEND)
                    .expect("the last one has ended");
            }
        }
        read
    }

    /// The result of the send `op`.
    pub(crate) fn sent(&mut self, op: OpId) -> Result<u32, SendError> {
        match self.take_op(op).event {
            Event::Sent { result, .. } => result,
            other => panic!("sent {other:?}"),
        }
    }

    /// Fills what the kernel takes for a peer that does not read, until a send stays in flight.
    pub(crate) fn stall(&mut self, socket: SocketId) -> OpId {
        loop {
            let mut batch = SendBatch::new();
            batch.push_shared(vec![7; 4 << 20].into());
            let op = self
                .port
                .send(socket, batch, SEND)
                .expect("nothing is in flight");
            // A send that can go on does so within a moment; if not, it stays.
            for _ in 0..20 {
                self.turn();
            }
            match self.seen.iter().position(|completion| completion.op == op) {
                Some(at) => drop(self.seen.remove(at)),
                None => return op,
            }
        }
    }

    pub(crate) fn close(&mut self, socket: SocketId, how: CloseHow) {
        self.port.close(socket, how, CLOSE);
        self.closed();
    }

    pub(crate) fn closed(&mut self) {
        self.take(|completion| matches!(completion.event, Event::Closed));
    }

    /// What a peer sees next, other than nothing.
    pub(crate) fn peer_sees(&mut self, peer: &mut B::Peer) -> Seen {
        self.until(|_| Some(peer.read()).filter(|seen| *seen != Seen::NothingYet))
    }

    /// The peer sees that the link was reset.
    pub(crate) fn peer_sees_reset(&mut self, peer: &mut B::Peer) {
        match self.peer_sees(peer) {
            Seen::Reset => {}
            // Wine forgets a reset that comes while nobody receives. It does not look like the end
            // of a link that lives, all the same: that would take a byte.
            Seen::End if cfg!(windows) => assert_eq!(peer.write(b"?"), None),
            seen => panic!("the peer saw {seen:?}"),
        }
    }

    /// Has the peer write everything, the port turning meanwhile.
    pub(crate) fn peer_writes(&mut self, peer: &mut B::Peer, mut bytes: &[u8]) {
        self.until(|_| {
            let written = peer.write(bytes).expect("the port has not closed");
            bytes = &bytes[written..];
            bytes.is_empty().then_some(())
        });
    }

    /// Closes the listener and asserts that nothing is left.
    pub(crate) fn finish(mut self) {
        self.seen.clear();
        self.close(self.listener, CloseHow::Fin);
        self.seen.clear();
        self.port.assert_idle();
    }
}

pub(crate) fn batch(bytes: &[u8]) -> SendBatch {
    let mut batch = SendBatch::new();
    batch.push_copy(bytes);
    batch
}
