//! A socket that one thread's port accepts is served by another thread's port, as shards do it.

use crate::DEADLINE;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use wharf_base::Instant;
use wharf_port::{
    CloseHow, Completion, DetachedSocket, Event, ListenOptions, NativePort, PortOptions, RecvEnd,
    SendBatch, SocketId, Token, clock,
};

const SESSIONS: u64 = 200;

#[cfg(target_os = "linux")]
#[test]
fn between_two_threads_uring() {
    hand_over::<wharf_port::UringPort>();
}

#[cfg(unix)]
#[test]
fn between_two_threads_readiness() {
    hand_over::<wharf_port::ReadinessPort>();
}

#[cfg(windows)]
#[test]
fn between_two_threads_iocp() {
    hand_over::<wharf_port::IocpPort>();
}

/// One thread accepts and hands over, another serves, this one plays the peers.
fn hand_over<P: NativePort>() {
    let until = clock::now() + DEADLINE;
    let (accepted, arrivals) = channel();
    let (ready, waker_of_server) = channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let port = P::open(&PortOptions::default()).expect("opens");
            ready.send(port.waker()).expect("somebody waits for it");
            Server::new(port, arrivals).serve(until);
        });
        let waker = waker_of_server.recv().expect("the server has a waker");
        let mut port = P::open(&PortOptions::default()).expect("opens");
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = port
            .listen(local, &ListenOptions::default())
            .expect("listens");
        let address = port.local_addr(listener).expect("is bound");
        let peers = scope.spawn(move || (0..SESSIONS).for_each(|serial| talk(address, serial)));
        let mut batch = Vec::with_capacity(64);
        let mut armed = false;
        for _ in 0..SESSIONS {
            while batch.is_empty() {
                if !armed {
                    port.arm_accept(listener, Token(0)).expect("arms");
                    armed = true;
                }
                let now = port.wait(&mut batch, Some(until)).expect("waits");
                assert!(now < until, "nobody connects");
            }
            let completion: Completion = batch.remove(0);
            armed = completion.more;
            let Event::Accepted(Ok(socket)) = completion.event else {
                panic!("{completion:?}")
            };
            accepted.send(socket).expect("the server runs");
            waker.wake();
        }
        peers.join().expect("every peer got its answer");
    });
}

/// One peer: says its number, hears it, hangs up and sees the server hang up too.
fn talk(address: SocketAddr, serial: u64) {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(DEADLINE)).expect("is set");
    let said = serial.to_le_bytes();
    stream.write_all(&said).expect("is sent");
    let mut heard = [0; 8];
    stream.read_exact(&mut heard).expect("is answered");
    assert_eq!(heard, said);
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("hangs up");
    assert_eq!(stream.read(&mut heard).expect("the server closes"), 0);
}

/// Echoes on the sockets that arrive, until all of them have closed.
struct Server<P> {
    port: P,
    arrivals: Receiver<DetachedSocket>,
    sockets: BTreeMap<Token, SocketId>,
    adopted: u64,
    closed: u64,
}

impl<P: NativePort> Server<P> {
    fn new(port: P, arrivals: Receiver<DetachedSocket>) -> Self {
        Self {
            port,
            arrivals,
            sockets: BTreeMap::new(),
            adopted: 0,
            closed: 0,
        }
    }

    fn serve(&mut self, until: Instant) {
        let mut batch = Vec::with_capacity(64);
        while self.closed < SESSIONS {
            let now = self.port.wait(&mut batch, Some(until)).expect("waits");
            assert!(
                now < until,
                "{} adopted, {} closed",
                self.adopted,
                self.closed
            );
            for completion in batch.drain(..) {
                self.on_completion(completion);
            }
        }
    }

    fn on_completion(&mut self, completion: Completion) {
        let token = completion.token;
        match completion.event {
            Event::Woken => {
                while let Ok(arrival) = self.arrivals.try_recv() {
                    self.adopted += 1;
                    let token = Token(self.adopted);
                    let socket = self.port.adopt(arrival).expect("there is room");
                    self.port.arm_recv(socket, token).expect("arms");
                    self.sockets.insert(token, socket);
                }
            }
            Event::Received(Ok(bytes)) => {
                let mut batch = SendBatch::new();
                batch.push_copy(&bytes);
                let socket = self.sockets[&token];
                self.port.send(socket, batch, token).expect("one at a time");
                if !completion.more {
                    self.port.arm_recv(socket, token).expect("arms again");
                }
            }
            Event::Received(Err(RecvEnd::Eof)) => {
                self.port.close(self.sockets[&token], CloseHow::Fin, token);
            }
            Event::Sent { result, .. } => assert_eq!(result, Ok(8)),
            Event::Closed => self.closed += 1,
            other => panic!("{other:?}"),
        }
    }
}
