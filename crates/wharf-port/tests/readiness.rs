//! What is particular to readiness: how seldom the poller is asked, and that it can sleep. The
//! contract itself is tested in `contract/`, for every backend.
#![cfg(unix)]

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use wharf_base::Instant;
use wharf_port::{
    Completion, Event, ListenOptions, NativePort, Port, PortOptions, ReadinessPort, RecvEnd,
    SocketId, Token, clock,
};

/// Generous: nothing here takes a thousandth of it.
const DEADLINE: Duration = Duration::from_secs(20);

struct Bench {
    port: ReadinessPort,
    address: SocketAddr,
    until: Instant,
}

impl Bench {
    fn new() -> Self {
        let mut port = ReadinessPort::open(&PortOptions::default()).expect("every Unix has it");
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = port
            .listen(local, &ListenOptions::default())
            .expect("listens");
        let address = port.local_addr(listener).expect("is bound");
        port.arm_accept(listener, Token(0)).expect("arms");
        Self {
            port,
            address,
            until: clock::now() + DEADLINE,
        }
    }

    /// One wait that takes at most `room` completions.
    fn wait(&mut self, room: usize) -> Vec<Completion> {
        let mut batch = Vec::with_capacity(room);
        let now = self.port.wait(&mut batch, Some(self.until)).expect("waits");
        assert!(now < self.until, "nothing happens");
        batch
    }

    /// The next completion.
    fn next(&mut self) -> Completion {
        loop {
            if let Some(completion) = self.wait(1).pop() {
                return completion;
            }
        }
    }

    /// A connected pair: our socket in the port, and the peer.
    fn pair(&mut self) -> (SocketId, TcpStream) {
        let peer = TcpStream::connect(self.address).expect("connects");
        let accepted = self.next();
        let Event::Accepted(Ok(socket)) = accepted.event else {
            panic!("{accepted:?}")
        };
        (self.port.adopt(socket).expect("adopts"), peer)
    }
}

#[test]
fn a_peer_that_resets_a_paused_socket_does_not_keep_the_port_awake() {
    let mut bench = Bench::new();
    let (armed_before, first) = bench.pair();
    let (never_armed, second) = bench.pair();
    // The first was watched once: its receive has ended, and nothing was armed since.
    let op = bench.port.arm_recv(armed_before, Token(1)).unwrap();
    bench.port.cancel(op);
    assert_eq!(bench.next().op, op);
    for peer in [first, second] {
        let peer = socket2::Socket::from(peer);
        peer.set_linger(Some(Duration::ZERO)).unwrap();
    }
    let before = bench.port.stats().waits;
    let until = clock::now() + Duration::from_millis(200);
    let mut batch = Vec::with_capacity(8);
    while bench.port.wait(&mut batch, Some(until)).unwrap() < until {}
    let waits = bench.port.stats().waits - before;
    assert!(waits < 20, "{waits} waits in which nothing happened");
    assert!(batch.is_empty(), "nothing was armed: {batch:?}");
    for socket in [armed_before, never_armed] {
        let op = bench.port.arm_recv(socket, Token(2)).unwrap();
        let ended = bench.next();
        assert_eq!((ended.op, ended.more), (op, false));
        assert!(
            matches!(ended.event, Event::Received(Err(RecvEnd::PeerReset))),
            "the reset was not forgotten: {ended:?}"
        );
    }
}

#[test]
fn what_was_reported_once_is_not_asked_for_again() {
    let mut bench = Bench::new();
    let mut pairs: Vec<_> = (0..64).map(|_| bench.pair()).collect();
    for (socket, peer) in &mut pairs {
        bench.port.arm_recv(*socket, Token(1)).unwrap();
        peer.write_all(b"x").unwrap();
    }
    let before = bench.port.stats().enters;
    let mut received = 0;
    while received < pairs.len() {
        received += bench.wait(1).len();
    }
    let polls = bench.port.stats().enters - before;
    assert!(polls < 16, "{polls} polls for 64 receives");
}
