//! Many clients that do anything at all, drawn from a seed; what must hold, holds.

use crate::harness::*;
use crate::world::World;
use std::collections::{BTreeMap, VecDeque};
use wharf_base::{Rng, SessionId};
use wharf_net::{CloseReason, NetLimits, NetStats, Origin, Outgoing};
use wharf_port::ConnectOptions;
use wharf_wire::SendClass;

/// A body says who asked, or who is told, and the how-manieth it is of that kind.
const ASKED: u8 = b'?';
const TOLD: u8 = b'!';

#[derive(Default)]
struct Client {
    /// Bytes that it wants to send, cut anywhere.
    outgoing: VecDeque<u8>,
    asked: u32,
    answered: u32,
    told: u32,
    opened: bool,
    half_closed: bool,
    /// It tore the connection down itself, so that anything may be missing.
    left: bool,
    closed: bool,
    /// The network reset it, and took along what was on its way.
    reset: bool,
}

#[derive(Default)]
struct Served {
    asked: u32,
    told: u32,
    client: Option<u64>,
}

/// One run: the world, what each side has seen, and what content has not answered yet.
pub(crate) struct Swarm {
    pub(crate) net: Harness,
    rng: Rng,
    clients: BTreeMap<SessionId, Client>,
    served: BTreeMap<SessionId, Served>,
    /// Content is a few turns behind, as it is on a thread of its own.
    pending: VecDeque<(SessionId, Heard)>,
    read_by_servers: Vec<usize>,
    read_by_clients: usize,
    /// How likely each kind of step is in this run.
    weights: [u64; 10],
}

impl Swarm {
    pub(crate) fn new(seed: u64, plant: impl FnOnce(&mut NetLimits)) -> Self {
        println!("seed {seed}");
        let mut rng = Rng::from_seed(seed);
        let mut net = Harness::in_world(World::wild(seed), |limits| {
            limits.shards = rng.range(1..4) as u16;
            limits.sessions_max = rng.range(4..12) as u32;
            limits.sessions_not_logged_in = limits.sessions_max;
            limits.refusals_max = rng.range(0..3) as u32;
            limits.accepts_per_turn = rng.range(1..8) as u32;
            limits.session_credit = rng.range(1..32) as u32;
            limits.inbound_packets_per_second = [0, 5, 50][rng.below(3) as usize];
            limits.inbound.frame_bytes_max = 1_024;
            limits.outbound.frame_bytes_max = 2_048;
            limits.reassembly_bytes = rng.range(1_024..8_192) as u32;
            limits.send_queue_bytes = rng.range(4_096..128 * 1_024) as u32;
            limits.send_queue_messages = rng.range(20..4_000) as u32;
            plant(limits);
        });
        net.content = Content {
            echoes: false,
            handles: false,
            finishes: false,
        };
        let weights = core::array::from_fn(|_| rng.below(8));
        Self {
            read_by_servers: vec![0; net.servers.len()],
            net,
            rng,
            clients: BTreeMap::new(),
            served: BTreeMap::new(),
            pending: VecDeque::new(),
            read_by_clients: 0,
            weights,
        }
    }

    pub(crate) fn run(mut self, steps: u32) -> Vec<NetStats> {
        self.live(steps);
        let servers = self.net.servers.iter();
        let stats = servers.map(|side| side.net.stats().clone()).collect();
        self.check_the_end();
        self.net.stop();
        stats
    }

    /// Everything that happens, up to the last answer.
    pub(crate) fn live(&mut self, steps: u32) {
        for _ in 0..steps {
            self.step();
            for _ in 0..self.rng.below(3) {
                self.net.turn();
            }
            self.read();
            self.answer(4);
        }
        // The end: everybody may read, everything is answered, and then the server stops.
        let clients: Vec<_> = self.clients.keys().copied().collect();
        for client in clients {
            self.net.clients.net.resume_input(client);
            self.push_bytes(client, usize::MAX);
        }
        for _ in 0..20 {
            self.net.advance(secs(3));
            self.read();
            self.answer(usize::MAX);
        }
    }

    fn step(&mut self) {
        let total: u64 = self.weights.iter().sum::<u64>() + 1;
        let mut draw = self.rng.below(total);
        let kind = self.weights.iter().position(|&weight| {
            let here = draw < weight;
            draw = draw.saturating_sub(weight);
            here
        });
        let client = self.any_client();
        let server = self.any_served();
        match (kind, client, server) {
            (Some(0), ..) | (_, None, _) if self.clients_open() < 12 => self.dial(),
            (Some(1..=3), Some(client), _) => self.ask(client),
            (Some(4), Some(client), _) => {
                if self.rng.chance(0.7) {
                    self.net.clients.net.hold_input(client);
                } else {
                    self.net.clients.net.resume_input(client);
                }
            }
            (Some(5), Some(client), _) => {
                self.push_bytes(client, usize::MAX);
                self.net.clients.net.end_output(client);
                self.client(client).half_closed = true;
            }
            (Some(6), Some(client), _) => {
                self.client(client).left = true;
                let how = [CloseReason::PeerClosed, CloseReason::Flood][self.rng.below(2) as usize];
                self.net.clients.net.close(client, how);
            }
            (Some(7), _, Some(server)) => self.tell(server),
            (Some(8), _, Some(server)) => {
                let now = self.net.now;
                let net = &mut self.net.server_of(server).net;
                match self.rng.below(6) {
                    0 => net.close(server, CloseReason::Kicked),
                    1 => net.finish(now, server, CloseReason::Kicked),
                    _ => net.log_in(server),
                }
            }
            _ => {
                let most = [1, 100, 3_000][self.rng.below(3) as usize];
                let time = millis(self.rng.below(most));
                self.net.advance(time);
            }
        }
    }

    fn dial(&mut self) {
        let address = self.net.address;
        let Side { net, port, .. } = &mut self.net.clients;
        let dialled = net.connect(self.net.now, port, address, &ConnectOptions::default());
        if let Ok(client) = dialled {
            self.clients.insert(client, Client::default());
        }
    }

    /// Some numbered requests, of which only some bytes leave now.
    fn ask(&mut self, id: SessionId) {
        let count = self.rng.range(1..20);
        for _ in 0..count {
            let bytes = self.rng.below(600) as usize;
            let client = self.client(id);
            if client.half_closed || !client.opened {
                return;
            }
            let body = body(ASKED, id, client.asked, bytes);
            client.asked += 1;
            client.outgoing.extend(echo(&body));
        }
        let most = self.rng.below(4_000) as usize;
        self.push_bytes(id, most);
    }

    fn push_bytes(&mut self, id: SessionId, most: usize) {
        let client = self.client(id);
        let bytes: Vec<u8> = client
            .outgoing
            .drain(..most.min(client.outgoing.len()))
            .collect();
        self.net.say(id, &bytes);
    }

    fn tell(&mut self, id: SessionId) {
        let now = self.net.now;
        for _ in 0..self.rng.range(1..30) {
            let bytes = self.rng.below(2_000) as usize;
            let served = self.served.get_mut(&id).expect("it was drawn from there");
            let frame = echo(&body(TOLD, id, served.told, bytes));
            served.told += 1;
            let frame = if bytes.is_multiple_of(2) {
                Outgoing::Shared(frame.into())
            } else {
                Outgoing::Copy(&frame)
            };
            let server = self.net.server_of(id);
            server
                .net
                .send(now, id, SendClass::Reliable, Origin::Others, frame);
        }
    }

    /// Takes note of what both sides have heard, and checks it.
    fn read(&mut self) {
        for shard in 0..self.net.servers.len() {
            let from = self.read_by_servers[shard];
            let news = self.net.servers[shard].ear.heard[from..].to_vec();
            self.read_by_servers[shard] += news.len();
            for (session, what) in news {
                self.read_by_server(session, &what);
                self.pending.push_back((session, what));
            }
        }
        let news = self.net.clients.ear.heard[self.read_by_clients..].to_vec();
        self.read_by_clients += news.len();
        for (session, what) in news {
            self.read_by_client(session, &what);
        }
    }

    fn read_by_server(&mut self, session: SessionId, what: &Heard) {
        let served = self.served.entry(session).or_default();
        if let Heard::Frame(_, body) = what {
            let (kind, client, serial) = parse(body);
            assert_eq!(kind, ASKED, "{session} got a frame that no client sends");
            let known = *served.client.get_or_insert(client);
            assert_eq!(known, client, "{session} got a frame of another client");
            assert_eq!(
                serial, served.asked,
                "{session}: lost, doubled or out of order"
            );
            served.asked += 1;
        }
        if let Heard::Closed(reason) = what {
            // These clients are rude, never wrong; and content is never wrong here either.
            let wrong = matches!(
                reason,
                CloseReason::Protocol(_)
                    | CloseReason::BadOutboundFrame
                    | CloseReason::Overloaded
                    | CloseReason::Network(_)
            );
            assert!(!wrong, "{session} was closed for {reason}");
        }
    }

    fn read_by_client(&mut self, session: SessionId, what: &Heard) {
        let client = self.clients.get_mut(&session).expect("it was dialled");
        match what {
            Heard::Frame(_, body) => match parse(body) {
                (ASKED, of, serial) => {
                    assert_eq!(of, session.to_bits(), "{session} got another one's answer");
                    assert_eq!(
                        serial, client.answered,
                        "{session}: lost or doubled an answer"
                    );
                    client.answered += 1;
                }
                (TOLD, of, serial) => {
                    assert_eq!(serial, client.told, "{session}: lost or doubled a message");
                    client.told += 1;
                    let served = &self.served[&SessionId::from_bits(of)];
                    assert!(
                        served.client.is_none_or(|known| known == session.to_bits()),
                        "{session} was told what is for another"
                    );
                }
                other => panic!("{session} got {other:?}"),
            },
            Heard::Closed(reason) => {
                client.closed = true;
                client.reset = *reason == CloseReason::PeerReset;
            }
            Heard::Opened => client.opened = true,
            Heard::InputEnded => {}
        }
    }

    /// Content does some of what it has to do, for sessions that may have gone by now.
    fn answer(&mut self, most: usize) {
        let now = self.net.now;
        for _ in 0..most {
            let Some((session, what)) = self.pending.pop_front() else {
                return;
            };
            let server = &mut self.net.server_of(session).net;
            match what {
                Heard::Frame(id, body) => {
                    let frame = frame(id, &body);
                    let frame = Outgoing::Copy(&frame);
                    server.send(now, session, SendClass::Reliable, Origin::Own, frame);
                    server.return_credit(session, 1);
                }
                Heard::InputEnded => server.finish(now, session, CloseReason::PeerClosed),
                Heard::Opened | Heard::Closed(_) => {}
            }
        }
    }

    /// A client that asked, said so, and waited has every answer, unless it was cut for a reason.
    fn check_the_end(&self) {
        let mut ends: BTreeMap<u64, &'static str> = BTreeMap::new();
        for (session, served) in &self.served {
            if let Some(client) = served.client {
                ends.insert(client, self.net.end(*session));
            }
        }
        for (session, client) in &self.clients {
            let end = ends.get(&session.to_bits()).copied();
            let is_whole = !client.left && !client.reset;
            if client.half_closed && is_whole && end == Some("peer-closed") {
                assert_eq!(client.answered, client.asked, "{session} misses answers");
            }
            if end == Some("open") && !client.half_closed && is_whole {
                assert_eq!(
                    client.answered, client.asked,
                    "{session} lives and misses answers"
                );
            }
        }
    }

    fn client(&mut self, id: SessionId) -> &mut Client {
        self.clients.get_mut(&id).expect("it was dialled")
    }

    fn clients_open(&self) -> usize {
        self.clients
            .values()
            .filter(|client| !client.closed)
            .count()
    }

    fn any_client(&mut self) -> Option<SessionId> {
        let open: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, client)| !client.closed)
            .collect();
        let pick = (!open.is_empty()).then(|| self.rng.below(open.len() as u64) as usize);
        pick.map(|pick| *open[pick].0)
    }

    /// A session that the server has seen, gone or not.
    fn any_served(&mut self) -> Option<SessionId> {
        let recent: Vec<_> = self.served.keys().rev().take(12).copied().collect();
        let pick = (!recent.is_empty()).then(|| self.rng.below(recent.len() as u64) as usize);
        pick.map(|pick| recent[pick])
    }
}

fn body(kind: u8, of: SessionId, serial: u32, filling: usize) -> Vec<u8> {
    let mut body = vec![kind];
    body.extend_from_slice(&of.to_bits().to_le_bytes());
    body.extend_from_slice(&serial.to_le_bytes());
    body.resize(body.len() + filling, serial as u8);
    body
}

fn parse(body: &[u8]) -> (u8, u64, u32) {
    let of = u64::from_le_bytes(body[1..9].try_into().expect("a body of ours"));
    let serial = u32::from_le_bytes(body[9..13].try_into().expect("a body of ours"));
    assert!(
        body[13..].iter().all(|&byte| byte == serial as u8),
        "bytes were mixed up"
    );
    (body[0], of, serial)
}

#[test]
fn whatever_clients_do_nothing_is_lost_doubled_or_given_to_another() {
    let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in 0..World::SEEDS {
        for stats in Swarm::new(seed, |_| ()).run(STEPS) {
            let rare = [
                ("pause: credit", stats.pauses_credit),
                ("pause: rate", stats.pauses_rate),
                ("pause: replies", stats.pauses_replies),
                ("reset at the door", stats.refusals_overflow),
                ("starved accept", stats.accepts_starved),
                ("dead accept", stats.accepts_failed),
                ("accept budget", stats.accept_budget_spent),
                ("frame in pieces", stats.frames_reassembled),
                ("short send", stats.sends_short),
                ("stale frame", stats.frames_stale),
                ("handed over", stats.handed_over),
                ("queued", stats.frames_queued),
            ];
            for (name, count) in stats.closed_by_reason().chain(rare) {
                *seen.entry(name).or_default() += count;
            }
        }
    }
    // A swarm that has fallen silent proves nothing.
    for name in World::REACHED {
        assert!(
            seen.get(name).is_some_and(|&count| count > 0),
            "never {name}: {seen:?}"
        );
    }
}

/// Steps of a run.
pub(crate) const STEPS: u32 = 150;
