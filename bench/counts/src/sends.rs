//! The sessions of a shard on a simulated port that does everything at once.

use std::net::SocketAddr;
use std::sync::Arc;
use wharf_base::SessionId;
use wharf_net::{Admission, CloseReason, Net, NetLimits, Origin, Outgoing, SessionEvents};
use wharf_port::sim::{Faults, SimPeer, SimPort, SimWorld};
use wharf_port::{Completion, Port, PortOptions};
use wharf_wire::classic::Echo;
use wharf_wire::{FrameRun, Packet, SendClass};

/// Sessions that are sent to.
const SESSIONS: usize = 64;

/// Sessions with nothing to do.
pub struct SendRig {
    world: SimWorld,
    net: Net,
    port: SimPort,
    sessions: Opened,
    batch: Vec<Completion>,
    frame: Vec<u8>,
    _peers: Vec<SimPeer>,
}

#[derive(Default)]
struct Opened(Vec<SessionId>);

impl SessionEvents for Opened {
    fn opened(&mut self, session: SessionId, _: SocketAddr) {
        self.0.push(session);
    }
    fn frames(&mut self, _: SessionId, _: FrameRun<'_>) {}
    fn input_ended(&mut self, _: SessionId) {}
    fn closed(&mut self, _: SessionId, _: &CloseReason) {}
}

impl SendRig {
    /// With every session open, and each sent to once.
    ///
    /// # Panics
    /// If a session does not open.
    pub fn new() -> Self {
        let world = SimWorld::new(1, Faults::none());
        let limits = NetLimits::for_sessions(SESSIONS as u32, 1);
        let options = PortOptions::for_sockets(limits.sockets_per_port(1));
        let mut port = SimPort::new(&world, &options);
        let mut net = Net::new(0, limits.clone(), Arc::new(Admission::new(&limits)));
        let address = SocketAddr::from(([127, 0, 0, 1], 11_021));
        net.listen(&mut port, address).expect("nobody listens yet");
        let peer = |number: usize| {
            let from = SocketAddr::from(([127, 0, 0, 2], 2_000 + number as u16));
            SimPeer::connect(&world, from, address).expect("it listens")
        };
        let peers = (0..SESSIONS).map(peer).collect();
        let text = "x".repeat(56);
        let mut rig = Self {
            world,
            net,
            port,
            sessions: Opened::default(),
            batch: Vec::with_capacity(256),
            frame: Echo { text }.to_frame(),
            _peers: peers,
        };
        while rig.sessions.0.len() < SESSIONS {
            rig.turn();
        }
        rig.send();
        for _ in 0..100 {
            rig.turn();
        }
        rig
    }

    /// A frame to each session, and the flush; returns how many sends that made.
    pub fn send(&mut self) -> u64 {
        let now = self.world.now();
        let before = self.net.stats().sends;
        for &session in &self.sessions.0 {
            let frame = Outgoing::Copy(&self.frame);
            self.net
                .send(now, session, SendClass::Reliable, Origin::Own, frame);
        }
        self.net.flush(now, &mut self.port, &mut self.sessions);
        self.net.stats().sends - before
    }

    fn turn(&mut self) {
        let step = wharf_base::Duration::from_millis(1);
        self.world.advance_to(self.world.now() + step);
        let until = Some(wharf_base::Instant::ZERO);
        let now = self.port.wait(&mut self.batch, until).expect("it works");
        for completion in self.batch.drain(..) {
            self.net
                .handle_completion(now, completion, &mut self.port, &mut self.sessions);
        }
        self.net.handle_timeout(now);
        self.net.flush(now, &mut self.port, &mut self.sessions);
    }
}

impl Default for SendRig {
    fn default() -> Self {
        Self::new()
    }
}
