//! What is particular to readiness: how seldom the poller is asked, and that it can sleep. The
//! contract itself is tested in `contract/`, for every backend.

use crate::DEADLINE;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use wharf_base::Instant;
use wharf_port::{
    Completion, Event, ListenOptions, NativePort, Port, PortOptions, ReadinessPort, RecvEnd,
    SendBatch, SocketId, Token, clock,
};

struct Bench {
    port: ReadinessPort,
    address: SocketAddr,
    until: Instant,
}

impl Bench {
    fn new(options: &PortOptions) -> Self {
        let mut port = ReadinessPort::open(options).expect("every Unix has it");
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

    /// Looks for completions, without waiting.
    fn look(&mut self) -> Vec<Completion> {
        let mut batch = Vec::with_capacity(8);
        self.port
            .wait(&mut batch, Some(Instant::ZERO))
            .expect("looks");
        batch
    }

    /// Sends until the socket takes no more and a send stays in flight.
    fn stall(&mut self, socket: SocketId) {
        while self.port.stats().sends_in_flight == 0 {
            let mut batch = SendBatch::new();
            batch.push_shared(vec![0; 4 << 20].into());
            self.port.send(socket, batch, Token(3)).expect("sends");
            self.look();
        }
    }
}

fn reset(peer: TcpStream) {
    let peer = socket2::Socket::from(peer);
    peer.set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_peer_that_resets_a_paused_socket_does_not_keep_the_port_awake() {
    let mut bench = Bench::new(&PortOptions::default());
    let (armed_before, first) = bench.pair();
    let (never_armed, second) = bench.pair();
    // The first was watched once: its receive has ended, and nothing was armed since.
    let op = bench.port.arm_recv(armed_before, Token(1)).unwrap();
    bench.port.cancel(op);
    assert_eq!(bench.next().op, op);
    reset(first);
    reset(second);
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
    let mut bench = Bench::new(&PortOptions::default());
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

#[test]
fn a_parked_receive_whose_peer_hangs_up_is_parked_once() {
    let mut bench = Bench::new(&PortOptions {
        recv_buffers: 2,
        recv_buffer_bytes: 16,
        ..PortOptions::for_sockets(2)
    });
    let (socket, mut peer) = bench.pair();
    bench.port.arm_recv(socket, Token(1)).unwrap();
    peer.write_all(&[7; 48]).unwrap();
    let held = [bench.next(), bench.next()];
    while bench.port.stats().starved_recvs == 0 {
        assert!(bench.look().is_empty(), "there is no buffer for the rest");
    }
    bench.stall(socket);
    reset(peer);
    let failed = bench.next();
    assert_eq!(failed.token, Token(3), "the send is told of the reset");
    for _ in 0..4 {
        assert!(bench.look().is_empty(), "and the receive waits");
    }
    assert_eq!(bench.port.stats().starved_recvs, 1);
    drop(held);
    let rest = bench.next();
    assert!(
        matches!(&rest.event, Event::Received(Ok(bytes)) if **bytes == [7; 16]),
        "{rest:?}"
    );
}
