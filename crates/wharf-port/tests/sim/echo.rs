//! Two ports of one world: one connects, sends and compares; the other sends back what it hears.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use wharf_base::{Duration, Instant, Rng};
use wharf_port::sim::{FaultCounts, Faults, SimPort, SimPulse, SimWorld};
use wharf_port::{
    AcceptError, Checked, CloseHow, Completion, ConnectOptions, Event, ListenOptions, OpId, Port,
    PortOptions, RecvEnd, SendBatch, SocketId, Token,
};

/// Connections of a run.
pub(crate) const LINKS: u32 = 12;
/// Bytes that each sends, and hears again.
const BYTES: usize = 3_000;
/// Virtual time within which a run ends.
const PATIENCE: Duration = Duration::from_secs(600);

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) hash: u64,
    pub(crate) counts: FaultCounts,
    /// Connections that heard everything again, and others.
    pub(crate) whole: u32,
    pub(crate) cut: u32,
}

/// Runs a world to its end. Whenever a client has heard something it leaves, with that probability,
/// whatever is still on its way.
pub(crate) fn echo(seed: u64, faults: Faults, leaves_early: f64) -> Outcome {
    let world = SimWorld::new(seed, faults);
    let mut rng = Rng::from_seed(seed);
    let mut server = Side::new(&world, rng.fork(), 0.0);
    let mut client = Side::new(&world, rng.fork(), leaves_early);
    let address = server.listen();
    (0..LINKS).for_each(|_| client.connect(address));
    while client.whole + client.cut < LINKS || !server.links.is_empty() {
        let now = world.now();
        assert!(now < Instant::ZERO + PATIENCE, "seed {seed} does not end");
        let wishes = [server.pulse.next(), client.pulse.next()];
        match wishes.map(|wish| wish.is_some_and(|at| at <= now)) {
            [true, true] if rng.chance(0.5) => server.turn(),
            [_, true] => client.turn(),
            [true, false] => server.turn(),
            [false, false] => {
                let next = wishes.into_iter().flatten().min();
                world.advance_to(next.expect("somebody wants a turn"));
            }
        }
    }
    server.finish(&world);
    client.finish(&world);
    assert_eq!(world.connections(), 0);
    Outcome {
        hash: world.trace_so_far().hash(),
        counts: world.fault_counts(),
        whole: client.whole,
        cut: client.cut,
    }
}

/// One port and what happens on it.
struct Side {
    port: Checked<SimPort>,
    pulse: SimPulse,
    listener: Option<SocketId>,
    links: BTreeMap<Token, Link>,
    next_token: u64,
    rng: Rng,
    leaves_early: f64,
    whole: u32,
    cut: u32,
}

/// One end of a connection. The client's begins with everything to say, the server's with nothing.
struct Link {
    socket: SocketId,
    recv: Option<OpId>,
    /// Whether a send is in flight.
    sends: bool,
    heard: Vec<u8>,
    to_say: Vec<u8>,
    is_client: bool,
    /// The other end says nothing more.
    ended: bool,
    closing: bool,
}

const ACCEPT: Token = Token(0);

impl Side {
    fn new(world: &SimWorld, rng: Rng, leaves_early: f64) -> Self {
        let options = PortOptions {
            recv_buffers: 4,
            recv_buffer_bytes: 256,
            ..PortOptions::for_sockets(64)
        };
        let port = SimPort::new(world, &options);
        Self {
            pulse: port.pulse(),
            port: Checked::new(port),
            listener: None,
            links: BTreeMap::new(),
            next_token: 1,
            rng,
            leaves_early,
            whole: 0,
            cut: 0,
        }
    }

    fn listen(&mut self) -> SocketAddr {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = self.port.listen(any, &ListenOptions::default()).unwrap();
        self.listener = Some(listener);
        self.port.arm_accept(listener, ACCEPT).unwrap();
        self.port.local_addr(listener).unwrap()
    }

    fn connect(&mut self, to: SocketAddr) {
        let token = self.fresh_token();
        let options = ConnectOptions::default();
        self.port.connect(to, &options, token).unwrap();
    }

    fn fresh_token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token)
    }

    fn turn(&mut self) {
        let mut batch = Vec::with_capacity(8);
        self.port.wait(&mut batch, None).unwrap();
        // Held until all are handled, so that buffers are short.
        for completion in &mut batch {
            self.handle(completion);
        }
    }

    fn handle(&mut self, completion: &mut Completion) {
        let (token, more) = (completion.token, completion.more);
        match &mut completion.event {
            Event::Accepted(accepted) => {
                let accepted = core::mem::replace(accepted, Err(AcceptError::Cancelled));
                if let Ok(socket) = accepted {
                    let socket = self.port.adopt(socket).unwrap();
                    let token = self.fresh_token();
                    self.begin(token, socket, Vec::new());
                }
                if let Some(listener) = self.listener.filter(|_| !more) {
                    self.port.arm_accept(listener, ACCEPT).unwrap();
                }
            }
            Event::Connected(Ok(socket)) => {
                let said = (0..BYTES).map(|at| (at as u64 * token.0) as u8).collect();
                self.begin(token, *socket, said);
            }
            Event::Connected(Err(_)) => self.cut += 1,
            Event::Received(received) => {
                let link = self.links.get_mut(&token).expect("not closed");
                link.recv = link.recv.filter(|_| more);
                match received {
                    Ok(bytes) if link.is_client => {
                        link.heard.extend_from_slice(bytes);
                        if self.rng.chance(self.leaves_early) {
                            self.close(token, CloseHow::Fin);
                        }
                    }
                    Ok(bytes) => link.to_say.extend_from_slice(bytes),
                    Err(RecvEnd::Eof) => link.ended = true,
                    Err(RecvEnd::Cancelled) => {}
                    Err(_) => self.close(token, CloseHow::Reset),
                }
                self.go_on(token);
            }
            Event::Sent { batch, result } => {
                let link = self.links.get_mut(&token).expect("not closed");
                link.sends = false;
                match *result {
                    Ok(count) => {
                        let said = batch.slices().flat_map(|slice| slice.to_vec());
                        assert!(said.eq(link.to_say[..batch.remaining()].iter().copied()));
                        link.to_say.drain(..count as usize);
                    }
                    Err(_) => self.close(token, CloseHow::Reset),
                }
                self.go_on(token);
            }
            Event::Closed => {
                let link = self.links.remove(&token).expect("closed once");
                let is_whole = link.heard.len() == BYTES;
                self.whole += u32::from(link.is_client && is_whole);
                self.cut += u32::from(link.is_client && !is_whole);
            }
            Event::Woken => panic!("nobody wakes anybody"),
        }
    }

    fn begin(&mut self, token: Token, socket: SocketId, to_say: Vec<u8>) {
        let link = Link {
            socket,
            recv: None,
            sends: false,
            heard: Vec::new(),
            is_client: !to_say.is_empty(),
            to_say,
            ended: false,
            closing: false,
        };
        self.links.insert(token, link);
        self.go_on(token);
    }

    /// Begins whatever the link lacks: a receive, a send, its end.
    fn go_on(&mut self, token: Token) {
        let link = self.links.get_mut(&token).expect("not closed");
        if link.closing {
            return;
        }
        if link.is_client {
            let said = (0..link.heard.len()).map(|at| (at as u64 * token.0) as u8);
            assert!(
                said.eq(link.heard.iter().copied()),
                "heard what nobody said"
            );
        }
        if link.recv.is_none() && !link.ended {
            link.recv = Some(self.port.arm_recv(link.socket, token).unwrap());
        } else if link.is_client && link.recv.is_some() && link.heard.len() % 7 == 3 {
            // Pauses, as a session does whose input comes too fast.
            self.port.cancel(link.recv.expect("armed"));
        }
        if !link.sends && !link.to_say.is_empty() {
            let mut batch = SendBatch::new();
            batch.push_copy(&link.to_say);
            self.port.send(link.socket, batch, token).unwrap();
            link.sends = true;
        }
        if link.is_client && link.heard.len() == BYTES || link.ended && link.to_say.is_empty() {
            self.close(token, CloseHow::Fin);
        }
    }

    fn close(&mut self, token: Token, how: CloseHow) {
        let link = self.links.get_mut(&token).expect("not closed");
        if !core::mem::replace(&mut link.closing, true) {
            self.port.close(link.socket, how, token);
        }
    }

    fn finish(&mut self, world: &SimWorld) {
        if let Some(listener) = self.listener.take() {
            self.port.close(listener, CloseHow::Fin, ACCEPT);
            let mut batch = Vec::with_capacity(8);
            while !batch
                .iter()
                .any(|it: &Completion| matches!(it.event, Event::Closed))
            {
                let next = self.pulse.next().expect("a close ends");
                world.advance_to(next);
                self.port.wait(&mut batch, None).unwrap();
            }
        }
        self.port.assert_idle();
    }
}
