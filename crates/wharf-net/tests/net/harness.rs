//! A server and its clients around made-up time: what every test here stands on.

pub(crate) use crate::ear::{Content, Ear, Heard};
use crate::world::{TestPort, World};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use wharf_base::{Instant, SessionId};
use wharf_net::{
    Admission, AdmissionStats, CloseReason, Net, NetLimits, NetStats, Origin, Outgoing,
};
use wharf_port::{Checked, Completion, ConnectOptions, Port, PortOptions};
use wharf_wire::{Header, SendClass};

/// A client leaves when the server has.
const CLIENT: Content = Content {
    echoes: false,
    handles: false,
    finishes: true,
};

/// More turns than anything here takes.
const TURNS_MAX: u32 = 100_000;
const MOMENT: Duration = Duration::from_micros(10);

/// One state machine with its port and its owner.
pub(crate) struct Side {
    pub(crate) net: Net,
    pub(crate) port: Checked<TestPort>,
    pub(crate) ear: Ear,
    batch: Vec<Completion>,
}

/// Servers (one a shard), one client machine, and the time.
pub(crate) struct Harness {
    pub(crate) world: World,
    pub(crate) now: Instant,
    pub(crate) servers: Vec<Side>,
    pub(crate) clients: Side,
    pub(crate) admission: Arc<Admission>,
    pub(crate) content: Content,
    pub(crate) address: SocketAddr,
}

/// Both ends of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) client: SessionId,
    pub(crate) server: SessionId,
}

impl Harness {
    /// A server of one shard with the default limits, except what `change` says.
    pub(crate) fn new(change: impl FnOnce(&mut NetLimits)) -> Self {
        Self::in_world(World::quiet(), change)
    }

    /// The same in a world where things may go wrong.
    pub(crate) fn in_world(mut world: World, change: impl FnOnce(&mut NetLimits)) -> Self {
        let mut limits = NetLimits::for_sessions(100, 1);
        change(&mut limits);
        let admission = Arc::new(Admission::new(&limits));
        let mut side = |shard, limits: &NetLimits| {
            let options = PortOptions::for_sockets(limits.sockets_per_port(2));
            Side {
                net: Net::new(shard, limits.clone(), Arc::clone(&admission)),
                port: Checked::new(world.open(&options)),
                ear: Ear::default(),
                batch: Vec::with_capacity(64),
            }
        };
        let mut servers: Vec<_> = (0..limits.shards)
            .map(|shard| side(shard as u8, &limits))
            .collect();
        let client_limits = NetLimits {
            outbound: limits.outbound,
            send_queue_bytes: 64 << 20,
            send_queues_bytes: 128 << 20,
            ..NetLimits::for_sessions(1_000, 1)
        };
        let clients = side(0, &client_limits);
        let any_port = "127.0.0.1:0".parse().unwrap();
        let first = &mut servers[0];
        let address = first.net.listen(&mut first.port, any_port).unwrap();
        Self {
            world,
            now: Instant::ZERO + Duration::from_secs(1_000),
            servers,
            clients,
            admission,
            content: Content {
                echoes: true,
                handles: true,
                finishes: true,
            },
            address,
        }
    }

    /// Connects one client and waits until both ends are open.
    pub(crate) fn connect(&mut self) -> Pair {
        let heard: Vec<_> = self
            .servers
            .iter()
            .map(|side| side.ear.heard.len())
            .collect();
        let client = self.dial();
        self.settle();
        let opened = self.servers.iter().zip(heard).find_map(|(side, heard)| {
            let mut news = side.ear.heard[heard..].iter();
            news.find(|(_, what)| *what == Heard::Opened)
        });
        let &(server, _) = opened.expect("the server has opened a session");
        assert_eq!(self.heard_by_client(client).first(), Some(&Heard::Opened));
        Pair { client, server }
    }

    /// Begins to connect.
    pub(crate) fn dial(&mut self) -> SessionId {
        self.dial_to(self.address)
    }

    pub(crate) fn dial_to(&mut self, address: SocketAddr) -> SessionId {
        let Side { net, port, .. } = &mut self.clients;
        net.connect(self.now, port, address, &ConnectOptions::default())
            .unwrap()
    }

    /// A client sends bytes, whatever they are.
    pub(crate) fn say(&mut self, client: SessionId, bytes: &[u8]) {
        let frame = Outgoing::Copy(bytes);
        self.clients
            .net
            .send(self.now, client, SendClass::Reliable, Origin::Own, frame);
    }

    /// The server sends a frame on behalf of others.
    pub(crate) fn tell(&mut self, server: SessionId, frame: &[u8]) {
        self.tell_all(server, Outgoing::Copy(frame));
    }

    /// As [`Harness::tell`], of frames in any form.
    pub(crate) fn tell_all(&mut self, server: SessionId, frames: Outgoing<'_>) {
        let now = self.now;
        self.server_of(server)
            .net
            .send(now, server, SendClass::Reliable, Origin::Others, frames);
    }

    /// The server answers a session's request.
    pub(crate) fn answer(&mut self, pair: Pair, body: &[u8]) {
        let now = self.now;
        let frame = echo(body);
        let frame = Outgoing::Copy(&frame);
        let net = &mut self.server_of(pair.server).net;
        net.send(now, pair.server, SendClass::Reliable, Origin::Own, frame);
    }

    /// The server finishes a session.
    pub(crate) fn finish(&mut self, server: SessionId, reason: CloseReason) {
        let now = self.now;
        self.server_of(server).net.finish(now, server, reason);
    }

    /// Every shard of the server is told to stop.
    pub(crate) fn begin_stop(&mut self) {
        for side in &mut self.servers {
            side.begin_stop(self.now);
        }
    }

    /// Everybody takes turns until nothing happens any more. What the world delivers within a
    /// moment counts as now.
    pub(crate) fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..TURNS_MAX {
            quiet = if self.turn() { 0 } else { quiet + 1 };
            match self.world.next() {
                Some(at) if at <= self.now + MOMENT => {
                    self.now = self.now.max(at);
                    quiet = 0;
                }
                _ if quiet >= World::QUIET_TURNS => return,
                _ => {}
            }
        }
        panic!("it never comes to rest");
    }

    /// The clients take turns while the servers sleep.
    pub(crate) fn settle_clients(&mut self) {
        for _ in 0..8 {
            self.now = self.now.max(self.world.next().unwrap_or_default());
            self.world.set_now(self.now);
            self.clients.turn(self.now, CLIENT);
        }
    }

    /// Lets time pass, stopping at every deadline on the way.
    pub(crate) fn advance(&mut self, by: Duration) {
        let target = self.now + by;
        for turns in 0.. {
            assert!(turns < TURNS_MAX, "deadlines without end");
            self.settle();
            let next = self.next_deadline().into_iter().chain(self.world.next());
            match next.min() {
                Some(at) if at <= target => self.now = at.max(self.now + Duration::from_nanos(1)),
                _ => break,
            }
        }
        self.now = self.now.max(target);
        self.settle();
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let servers = self
            .servers
            .iter()
            .filter_map(|side| side.net.next_deadline());
        servers.chain(self.clients.net.next_deadline()).min()
    }

    pub(crate) fn server(&mut self) -> &mut Net {
        &mut self.servers[0].net
    }

    pub(crate) fn server_of(&mut self, session: SessionId) -> &mut Side {
        &mut self.servers[usize::from(session.shard())]
    }

    pub(crate) fn heard_by_client(&self, session: SessionId) -> Vec<Heard> {
        self.clients.ear.heard_of(session)
    }

    pub(crate) fn heard_by_server(&self, session: SessionId) -> Vec<Heard> {
        self.servers[usize::from(session.shard())]
            .ear
            .heard_of(session)
    }

    /// The bodies of the frames that a client got.
    pub(crate) fn bodies(&self, client: SessionId) -> Vec<Vec<u8>> {
        let frames = self.heard_by_client(client).into_iter();
        frames
            .filter_map(|heard| match heard {
                Heard::Frame(_, body) => Some(body),
                _ => None,
            })
            .collect()
    }

    /// Why the server closed a session, if it has.
    pub(crate) fn reason(&self, server: SessionId) -> Option<CloseReason> {
        match self.heard_by_server(server).last() {
            Some(Heard::Closed(reason)) => Some(*reason),
            _ => None,
        }
    }

    /// The name of why the server closed a session; `open` if it has not.
    pub(crate) fn end(&self, server: SessionId) -> &'static str {
        self.reason(server).map_or("open", CloseReason::name)
    }

    /// Whether the client's connection is over.
    pub(crate) fn client_is_closed(&self, client: SessionId) -> bool {
        matches!(self.heard_by_client(client).last(), Some(Heard::Closed(_)))
    }

    /// Sends an echo and gets it back: the session lives.
    pub(crate) fn lives(&mut self, pair: Pair) -> bool {
        let before = self.bodies(pair.client).len();
        self.say(pair.client, &echo(b"are you there?"));
        self.settle();
        self.bodies(pair.client)[before..] == [b"are you there?"]
    }

    /// Stops everybody. Nothing may be left: no session, no seat, no operation, no buffer.
    pub(crate) fn stop(mut self) {
        let now = self.now;
        for side in self.servers.iter_mut().chain([&mut self.clients]) {
            side.begin_stop(now);
        }
        self.advance(Duration::from_secs(6));
        assert_eq!(self.admission.stats(), AdmissionStats::default());
        for side in self.servers.iter().chain([&self.clients]) {
            assert!(
                side.net.is_shut_down(),
                "not shut down: {:?}",
                side.net.stats()
            );
            assert_eq!(side.net.next_deadline(), None);
            assert_nothing_is_counted(side.net.stats());
            side.port.assert_idle();
            assert_eq!(
                side.port.stats().refused,
                0,
                "the port refused an operation"
            );
            side.ear.check_each_session_was_closed_once();
        }
    }

    /// One turn of everybody. Returns whether anything happened.
    pub(crate) fn turn(&mut self) -> bool {
        self.world.set_now(self.now);
        let mut busy = self.clients.turn(self.now, CLIENT);
        for index in 0..self.servers.len() {
            busy |= self.servers[index].turn(self.now, self.content);
            while let Some((shard, arrival)) = self.servers[index].net.poll_arrival() {
                let side = &mut self.servers[usize::from(shard)];
                side.net
                    .handle_arrival(self.now, arrival, &mut side.port, &mut side.ear);
                busy = true;
            }
        }
        busy
    }
}

impl Side {
    pub(crate) fn begin_stop(&mut self, now: Instant) {
        self.net.begin_shutdown(now, &mut self.ear);
    }

    /// One turn; whether anything happened.
    pub(crate) fn turn(&mut self, now: Instant, content: Content) -> bool {
        self.port
            .wait(&mut self.batch, Some(World::glance()))
            .unwrap();
        let busy = !self.batch.is_empty() || self.net.next_deadline().is_some_and(|at| at <= now);
        for completion in self.batch.drain(..) {
            self.net
                .handle_completion(now, completion, &mut self.port, &mut self.ear);
        }
        self.ear.answer(now, &mut self.net, content);
        self.net.handle_timeout(now);
        self.net.flush(now, &mut self.port, &mut self.ear);
        busy
    }
}

/// Whatever counts what is there now must say that nothing is.
fn assert_nothing_is_counted(stats: &NetStats) {
    let counts = [
        ("sessions", stats.sessions),
        ("refusals", stats.refusals),
        ("connecting", stats.connecting),
        ("sends_in_flight", stats.sends_in_flight),
        ("queues", stats.queues),
        ("queued_bytes", stats.queued_bytes as u32),
        ("leaving_bytes", stats.leaving_bytes as u32),
        ("reassembly_bytes", stats.reassembly_bytes),
    ];
    for (name, count) in counts {
        assert_eq!(count, 0, "{name}");
    }
}

/// A whole frame.
pub(crate) fn frame(id: u16, body: &[u8]) -> Vec<u8> {
    [&Header::new(id, body.len()).to_bytes(), body].concat()
}

/// A classic echo.
pub(crate) fn echo(body: &[u8]) -> Vec<u8> {
    frame(1, body)
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends for others until the kernel takes no more: a send is in flight and frames wait behind it,
/// far below the session's budget. Several, since a kernel that is full takes a little more later;
/// what it still does by itself it has done when this returns.
pub(crate) fn stuff(net: &mut Harness, pair: Pair) {
    const WAITING: u64 = 3;
    let frame = echo(&[0x55; 16_000]);
    let server = pair.server;
    let before = net.server_of(server).net.stats().clone();
    let mut rested = None;
    for _ in 0..1_000 {
        net.settle();
        let stats = net.server_of(server).net.stats();
        let waiting = stats.queued_bytes.saturating_sub(before.queued_bytes);
        let is_stuck = stats.sends_in_flight > before.sends_in_flight
            && waiting >= WAITING * frame.len() as u64;
        if !is_stuck {
            net.tell(server, &frame);
        } else if rested == Some(stats.bytes_out) {
            return;
        } else {
            rested = Some(stats.bytes_out);
            World::rest(|| net.settle());
        }
    }
    panic!("the link takes everything");
}
