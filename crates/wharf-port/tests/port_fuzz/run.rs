//! One run: what a seed draws, and what the model holds.

use crate::backends::Backend;
use crate::links::{LinkId, Links, Side};
use crate::peers::PeerEnd;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use wharf_base::Rng;
use wharf_port::{
    Checked, DetachedSocket, ListenOptions, OpId, Port, PortOptions, RecvBuf, RecvPolicy,
    SendBatch, SocketId, Token,
};

/// Operations of one run.
const STEPS: u32 = 1_500;

/// How often each kind of thing was seen, so that a generator that has fallen silent is noticed.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// Asserts that every outcome which the contract knows was seen.
    pub(crate) fn assert_everything_happened(&self) {
        for what in [
            "accepted",
            "accept cancelled",
            "connected",
            "connect refused",
            "connect cancelled",
            "received",
            "recv eof",
            "recv reset",
            "recv cancelled",
            "sent whole",
            "send cancelled",
            "send reset",
            "closed",
            "woken",
            "refused",
            "starved",
            "dropped while busy",
            "ran to the end",
        ] {
            assert!(self.0.contains_key(what), "never seen: {what}");
        }
        // On Windows an overlapped send leaves whole or fails.
        let short = self.0.contains_key("sent short");
        assert!(short || cfg!(windows), "never seen: sent short");
    }
}

/// A port under fire, the peers around it, and the model of both.
pub(crate) struct Run<B: Backend> {
    // The port goes first, as it would in a program.
    pub(crate) port: Checked<B::Port>,
    pub(crate) backend: B,
    pub(crate) rng: Rng,
    pub(crate) options: PortOptions,
    pub(crate) weights: Weights,
    pub(crate) listener: Listener,
    /// Where connects go that a peer accepts, that are refused, that are never answered.
    pub(crate) elsewhere: SocketAddr,
    pub(crate) nowhere: SocketAddr,
    pub(crate) silence: SocketAddr,
    pub(crate) ends: BTreeMap<EndId, End>,
    pub(crate) peers: Vec<PeerEnd<B::Peer>>,
    /// Accepted, and not adopted yet.
    pub(crate) detached: Vec<(DetachedSocket, LinkId)>,
    pub(crate) links: Links,
    /// What each token that is in use stands for.
    pub(crate) purposes: BTreeMap<Token, Purpose>,
    /// Every operation begun lately, ended ones included: what a cancel is aimed at.
    pub(crate) ops: Vec<OpId>,
    pub(crate) connects: Vec<InFlight>,
    /// Lent buffers, beside what was in them when they were lent.
    pub(crate) held: Vec<(RecvBuf, Vec<u8>)>,
    pub(crate) is_woken_owed: bool,
    pub(crate) wakes_asked: u64,
    pub(crate) wakes_seen: u64,
    pub(crate) tally: Tally,
    tokens: u64,
}

/// Names a socket of the port in the model. Unlike the port's name, it is known before.
pub(crate) type EndId = u64;

/// A socket of the port.
pub(crate) struct End {
    pub(crate) socket: SocketId,
    pub(crate) link: LinkId,
    pub(crate) side: Side,
    pub(crate) recv: Option<InFlight>,
    pub(crate) send: Option<InFlight>,
    /// What a short send left over.
    pub(crate) rest: Option<SendBatch>,
    pub(crate) finished: bool,
    /// A send failed: only `close` is legal (C13).
    pub(crate) broken: bool,
    /// The receiving direction has ended, in order or not.
    pub(crate) deaf: bool,
    pub(crate) closing: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    pub(crate) op: OpId,
    pub(crate) cancelled: bool,
}

impl InFlight {
    pub(crate) fn new(op: OpId) -> Self {
        Self {
            op,
            cancelled: false,
        }
    }
}

/// The listener of the moment.
pub(crate) struct Listener {
    pub(crate) socket: SocketId,
    pub(crate) address: SocketAddr,
    pub(crate) accept: Option<InFlight>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Accept,
    /// `is_full`: the port had no room for the socket.
    Connect {
        to: Target,
        link: LinkId,
        is_full: bool,
    },
    Recv(EndId),
    Send(EndId),
    /// `None` for a listener.
    Close(Option<EndId>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    OurListener,
    APeer,
    Nobody,
    /// Somebody who does not answer.
    Silence,
}

/// How often each thing is done, drawn once for each run (swarm testing): a run that never closes
/// finds other faults than one that closes all the time.
pub(crate) struct Weights(Vec<u64>);

impl Weights {
    fn draw(rng: &mut Rng) -> Self {
        let weight = |usual| usual << rng.below(5);
        Self(
            crate::operations::USUAL_WEIGHTS
                .into_iter()
                .map(weight)
                .collect(),
        )
    }

    pub(crate) fn pick(&self, rng: &mut Rng) -> usize {
        let mut at = rng.below(self.0.iter().sum());
        for (kind, weight) in self.0.iter().enumerate() {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return kind,
            }
        }
        unreachable!("`at` is below the sum")
    }
}

/// Runs one seed.
pub(crate) fn run<B: Backend>(seed: u64) -> Tally {
    let mut run = Run::<B>::new(seed);
    let steps = run.rng.range(1..u64::from(STEPS));
    for _ in 0..steps {
        run.step();
    }
    if run.rng.chance(0.2) {
        run.drop_while_busy()
    } else {
        run.finish()
    }
}

impl<B: Backend> Run<B> {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let policies = [
            RecvPolicy::Stream,
            RecvPolicy::OneShot,
            RecvPolicy::ZeroByte,
        ];
        let options = PortOptions {
            listeners_max: 2,
            connects_max: 3,
            accept_depth: rng.range(1..5) as u32,
            recv_buffers: 2 << rng.below(2),
            recv_buffer_bytes: 16 << rng.below(8),
            recv_policy: policies[rng.below(3) as usize],
            submission_entries: 4,
            completion_entries: 8,
            ..PortOptions::for_sockets(rng.range(4..16) as u32)
        };
        let mut backend = B::new(rng.next_u64());
        let mut port = Checked::new(backend.open(&options));
        let listener = Listener::open(&mut port, &backend);
        let weights = Weights::draw(&mut rng);
        Self {
            listener,
            elsewhere: backend.listen(),
            nowhere: backend.nowhere(),
            silence: backend.silence(),
            weights,
            ends: BTreeMap::new(),
            peers: Vec::new(),
            detached: Vec::new(),
            links: Links::default(),
            purposes: BTreeMap::new(),
            ops: Vec::new(),
            connects: Vec::new(),
            held: Vec::new(),
            is_woken_owed: false,
            wakes_asked: 0,
            wakes_seen: 0,
            tally: Tally::default(),
            tokens: 0,
            rng,
            options,
            port,
            backend,
        }
    }

    /// A token that stands for `purpose`.
    pub(crate) fn token(&mut self, purpose: Purpose) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.purposes.insert(token, purpose);
        token
    }

    /// One of the sockets that the port has.
    pub(crate) fn any_end(&mut self) -> Option<EndId> {
        let count = self.ends.len() as u64;
        let at = self.rng.below(count.max(1)) as usize;
        self.ends.keys().nth(at).copied()
    }

    /// Takes a new socket of the port into the model.
    pub(crate) fn take_in(&mut self, socket: SocketId, link: LinkId, side: Side) {
        self.tokens += 1;
        let id = self.tokens;
        let end = End {
            socket,
            link,
            side,
            recv: None,
            send: None,
            rest: None,
            finished: false,
            broken: false,
            deaf: false,
            closing: false,
        };
        self.ends.insert(id, end);
    }
}

impl Listener {
    pub(crate) fn open<B: Backend>(port: &mut Checked<B::Port>, backend: &B) -> Self {
        let local = SocketAddr::new(backend.loopback(), 0);
        let options = ListenOptions::default();
        let socket = port.listen(local, &options).expect("there is room for it");
        Self {
            socket,
            address: port.local_addr(socket).expect("is bound"),
            accept: None,
        }
    }
}
