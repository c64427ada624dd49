//! What is particular to io_uring: the modes and bounds that the contract hides. The contract
//! itself is tested in `contract/`, for every backend.

use crate::DEADLINE;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use wharf_base::{Duration, Instant};
use wharf_port::{
    CloseHow, Completion, ConnectOptions, Event, ListenOptions, NativePort, OpId, Port,
    PortOptions, RecvEnd, SendBatch, SocketId, Token, UringPort, clock,
};

const ACCEPT: Token = Token(1);
const RECV: Token = Token(2);
const SEND: Token = Token(3);
const CLOSE: Token = Token(4);
const CONNECT: Token = Token(5);

struct Bench {
    port: UringPort,
    listener: SocketId,
    address: SocketAddr,
    until: Instant,
    seen: Vec<Completion>,
}

impl Bench {
    fn new(options: PortOptions) -> Self {
        let mut port = UringPort::open(&options).expect("this kernel has io_uring");
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = port
            .listen(local, &ListenOptions::default())
            .expect("listens");
        let address = port.local_addr(listener).expect("is bound");
        port.arm_accept(listener, ACCEPT).expect("arms");
        Self {
            port,
            listener,
            address,
            until: clock::now() + DEADLINE,
            seen: Vec::new(),
        }
    }

    /// Waits until a completion is what `pick` wants, and returns it. Others stay in `seen`.
    fn until(&mut self, mut pick: impl FnMut(&Completion) -> bool) -> Completion {
        loop {
            if let Some(at) = self.seen.iter().position(&mut pick) {
                return self.seen.remove(at);
            }
            let now = self
                .port
                .wait(&mut self.seen, Some(self.until))
                .expect("waits");
            assert!(now < self.until, "still waiting; seen: {:?}", self.seen);
        }
    }

    /// A connected pair: our socket in the port, and the peer.
    fn pair(&mut self) -> (SocketId, TcpStream) {
        let peer = TcpStream::connect(self.address).expect("connects");
        let accepted = self.until(|completion| completion.token == ACCEPT);
        let Event::Accepted(Ok(socket)) = accepted.event else {
            panic!("{accepted:?}")
        };
        if !accepted.more {
            self.port
                .arm_accept(self.listener, ACCEPT)
                .expect("arms again");
        }
        (self.port.adopt(socket).expect("adopts"), peer)
    }

    /// Receives `len` bytes on a socket, arming as often as it takes.
    fn recv(&mut self, socket: SocketId, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            // Refused while the last one goes on, which is just as well.
            let _ = self.port.arm_recv(socket, RECV);
            let completion = self.until(|completion| completion.token == RECV);
            let Event::Received(Ok(buffer)) = completion.event else {
                panic!("{completion:?}")
            };
            bytes.extend_from_slice(&buffer);
        }
        bytes
    }

    fn close(&mut self, socket: SocketId) {
        self.port.close(socket, CloseHow::Fin, CLOSE);
        self.until(|completion| matches!(completion.event, Event::Closed));
    }
}

fn batch(bytes: &[u8]) -> SendBatch {
    let mut batch = SendBatch::new();
    batch.push_copy(bytes);
    batch
}

#[test]
fn one_wait_brings_what_the_kernel_does_in_several_calls() {
    // A call does the deferred work of twenty receives, one that submits that of twice as many.
    const PAIRS: usize = 100;
    let mut bench = Bench::new(PortOptions::default());
    let mut pairs: Vec<_> = (0..PAIRS).map(|_| bench.pair()).collect();
    for (socket, _) in &pairs {
        bench.port.arm_recv(*socket, RECV).expect("arms");
    }
    let now = clock::now();
    let submitted = bench.port.wait(&mut Vec::new(), Some(now));
    submitted.expect("submits");
    for (_, peer) in &mut pairs {
        peer.write_all(b"x").unwrap();
    }
    let (mut received, mut most) = (0, 0);
    while received < PAIRS {
        let mut batch = Vec::with_capacity(2 * PAIRS);
        let now = bench.port.wait(&mut batch, Some(bench.until));
        assert!(now.expect("waits") < bench.until, "{received} of {PAIRS}");
        let is_receive = |it: &&Completion| matches!(it.event, Event::Received(Ok(_)));
        let count = batch.iter().filter(is_receive).count();
        (received, most) = (received + count, most.max(count));
    }
    assert!(most > 40, "at most {most} came with one wait");
    pairs
        .into_iter()
        .for_each(|(socket, _)| bench.close(socket));
}

#[test]
fn what_came_together_is_not_torn_apart_after_many_buffers() {
    // The kernel puts a multishot receive off after every thirty-two buffers.
    const BYTES: usize = 10_000;
    let mut bench = Bench::new(PortOptions::default());
    let (socket, mut peer) = bench.pair();
    bench.port.arm_recv(socket, RECV).expect("arms");
    for round in 0..40 {
        peer.write_all(&[7; BYTES]).unwrap();
        let mut batch = Vec::with_capacity(64);
        while batch.is_empty() {
            let now = bench.port.wait(&mut batch, Some(bench.until));
            assert!(now.expect("waits") < bench.until, "round {round}");
        }
        let bytes_of = |completion: &Completion| match &completion.event {
            Event::Received(Ok(bytes)) => bytes.len(),
            other => panic!("{other:?}"),
        };
        let bytes: usize = batch.iter().map(bytes_of).sum();
        assert_eq!(bytes, BYTES, "round {round}");
    }
    bench.close(socket);
}

#[test]
fn a_message_goes_there_and_back() {
    let mut bench = Bench::new(PortOptions::default());
    let (socket, mut peer) = bench.pair();
    peer.write_all(b"ping").unwrap();
    assert_eq!(bench.recv(socket, 4), b"ping");
    bench.port.send(socket, batch(b"pong"), SEND).unwrap();
    let sent = bench.until(|completion| completion.token == SEND);
    assert!(
        matches!(sent.event, Event::Sent { result: Ok(4), .. }),
        "{sent:?}"
    );
    let mut answer = [0; 4];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"pong");
    bench.close(socket);
    assert_eq!(peer.read(&mut answer).unwrap(), 0);
}

#[test]
fn shared_and_copied_frames_leave_as_one_gathered_send() {
    let mut bench = Bench::new(PortOptions::default());
    let (socket, mut peer) = bench.pair();
    let mut batch = batch(b"head");
    let large = vec![7; SendBatch::COPY_MAX + 1];
    batch.push_shared(large.clone().into());
    batch.push_copy(b"tail");
    let total = batch.remaining();
    bench.port.send(socket, batch, SEND).unwrap();
    let sent = bench.until(|completion| completion.token == SEND);
    let Event::Sent {
        result: Ok(count), ..
    } = sent.event
    else {
        panic!("{sent:?}")
    };
    assert_eq!(count as usize, total);
    let mut got = vec![0; total];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(got, [&b"head"[..], &large, b"tail"].concat());
}

#[test]
fn two_buffers_serve_many_sockets_and_none_is_forgotten() {
    let options = PortOptions {
        recv_buffers: 2,
        recv_buffer_bytes: 16,
        ..PortOptions::default()
    };
    let mut bench = Bench::new(options);
    let mut pairs: Vec<_> = (0..32).map(|_| bench.pair()).collect();
    let token = |index: usize| Token(100 + index as u64);
    for (index, (socket, peer)) in pairs.iter_mut().enumerate() {
        bench.port.arm_recv(*socket, token(index)).unwrap();
        peer.write_all(&[index as u8; 64]).unwrap();
    }
    let mut got = vec![0; pairs.len()];
    while got.iter().any(|bytes| *bytes < 64) {
        let completion = bench.until(|completion| completion.token.0 >= 100);
        let index = (completion.token.0 - 100) as usize;
        let Event::Received(Ok(buffer)) = completion.event else {
            panic!("{:?}", completion.event)
        };
        assert!(buffer.iter().all(|byte| usize::from(*byte) == index));
        got[index] += buffer.len();
        drop(buffer);
        if !completion.more {
            bench.port.arm_recv(pairs[index].0, token(index)).unwrap();
        }
    }
    assert!(
        bench.port.stats().starved_recvs > 0,
        "the pool was never empty"
    );
}

#[test]
fn a_flood_on_one_socket_leaves_buffers_for_another() {
    const FLOOD: Token = Token(7);
    let options = PortOptions {
        recv_buffers: 2,
        recv_buffer_bytes: 16,
        ..PortOptions::default()
    };
    let mut bench = Bench::new(options);
    let (flooded, mut flooding) = bench.pair();
    let (quiet, mut peer) = bench.pair();
    flooding.write_all(&[1; 16 * 1_000]).unwrap();
    peer.write_all(b"me too").unwrap();
    bench.port.arm_recv(flooded, FLOOD).unwrap();
    bench.port.arm_recv(quiet, RECV).unwrap();
    for _ in 0..8 {
        let completion = bench.until(|_| true);
        if completion.token == RECV {
            return;
        }
        if !completion.more {
            bench.port.arm_recv(flooded, FLOOD).unwrap();
        }
    }
    panic!("eight buffers went to the flood and none to the quiet one");
}

#[test]
fn a_parked_receive_is_cancelled_without_the_kernel() {
    let options = PortOptions {
        recv_buffers: 2,
        recv_buffer_bytes: 16,
        ..PortOptions::default()
    };
    let mut bench = Bench::new(options);
    let (socket, mut peer) = bench.pair();
    let (parked, _peer_of_parked) = bench.pair();
    bench.port.arm_recv(socket, RECV).unwrap();
    peer.write_all(&[1; 64]).unwrap();
    let mut held = Vec::new();
    while held.len() < 2 {
        held.push(bench.until(|completion| completion.token == RECV));
    }
    let op = bench.port.arm_recv(parked, Token(9)).unwrap();
    while bench.port.stats().starved_recvs < 2 {
        let now = clock::now();
        bench.port.wait(&mut bench.seen, Some(now)).unwrap();
        assert!(now < bench.until, "no receive starved");
    }
    bench.port.cancel(op);
    let cancelled = bench.until(|completion| completion.op == op);
    assert!(matches!(
        cancelled.event,
        Event::Received(Err(RecvEnd::Cancelled))
    ));
    drop(held);
    let rest = bench.until(|completion| completion.token == RECV);
    assert!(matches!(rest.event, Event::Received(Ok(_))), "{rest:?}");
}

#[test]
fn a_submission_queue_of_four_is_invisible() {
    let options = PortOptions {
        submission_entries: 4,
        completion_entries: 8,
        ..PortOptions::default()
    };
    let mut bench = Bench::new(options);
    let mut pairs: Vec<_> = (0..64).map(|_| bench.pair()).collect();
    for (socket, peer) in &mut pairs {
        bench.port.arm_recv(*socket, RECV).unwrap();
        bench.port.send(*socket, batch(b"hello"), SEND).unwrap();
        peer.write_all(b"hi").unwrap();
    }
    for _ in 0..pairs.len() {
        bench.until(|completion| matches!(completion.event, Event::Sent { result: Ok(5), .. }));
        bench.until(|completion| match &completion.event {
            Event::Received(Ok(bytes)) => **bytes == *b"hi",
            _ => false,
        });
    }
}

#[test]
fn closing_ends_both_directions_before_it_is_said() {
    let mut bench = Bench::new(PortOptions::default());
    let (socket, peer) = bench.pair();
    bench.port.arm_recv(socket, RECV).unwrap();
    // More than a peer that does not read will take, so that the send is in flight when closed.
    loop {
        let mut batch = SendBatch::new();
        batch.push_shared(vec![0; 4 << 20].into());
        bench.port.send(socket, batch, SEND).unwrap();
        let until = clock::now() + Duration::from_millis(50);
        bench.port.wait(&mut bench.seen, Some(until)).unwrap();
        bench.seen.clear();
        if bench.port.stats().sends_in_flight == 1 {
            break;
        }
    }
    bench.port.close(socket, CloseHow::Reset, CLOSE);
    let mut ended = Vec::new();
    while ended.last() != Some(&CLOSE) {
        ended.push(bench.until(|_| true).token);
    }
    ended.sort();
    assert_eq!(ended, [RECV, SEND, CLOSE]);
    assert_eq!(bench.port.stats().sockets, 1, "the listener is left");
    drop(peer);
}

#[test]
fn connects_end_as_the_other_side_decides() {
    let mut bench = Bench::new(PortOptions::default());
    let from = Ipv4Addr::new(127, 0, 0, 7);
    let local = Some(from.into());
    let op = bench
        .port
        .connect(bench.address, &ConnectOptions { local }, CONNECT)
        .unwrap();
    let connected = bench.until(|completion| completion.op == op);
    let Event::Connected(Ok(socket)) = connected.event else {
        panic!("{connected:?}")
    };
    assert_eq!(bench.port.local_addr(socket).unwrap().ip(), from);
    let refusing = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let op = bench
        .port
        .connect(refusing, &ConnectOptions::default(), CONNECT)
        .unwrap();
    let refused = bench.until(|completion| completion.op == op);
    assert!(matches!(
        refused.event,
        Event::Connected(Err(wharf_port::ConnectError::Refused))
    ));
    assert_eq!(bench.port.stats().sockets, 2);
}

#[test]
fn a_wake_from_another_thread_is_delivered_each_time() {
    let mut bench = Bench::new(PortOptions::default());
    for _ in 0..500 {
        let waker = bench.port.waker();
        let waking = std::thread::spawn(move || waker.wake());
        let woken = bench.until(|completion| matches!(completion.event, Event::Woken));
        assert_eq!(woken.op, OpId::NONE);
        waking.join().unwrap();
    }
}

#[test]
fn dropping_a_port_ends_everything_and_keeps_lent_buffers() {
    let mut bench = Bench::new(PortOptions::default());
    let (socket, mut peer) = bench.pair();
    bench.port.arm_recv(socket, RECV).unwrap();
    peer.write_all(b"kept").unwrap();
    let kept = bench.until(|completion| completion.token == RECV);
    let Event::Received(Ok(kept)) = kept.event else {
        panic!("{kept:?}")
    };
    drop(bench);
    assert_eq!(&*kept, b"kept");
    assert_eq!(peer.read(&mut [0; 4]).unwrap(), 0, "the socket was closed");
}
