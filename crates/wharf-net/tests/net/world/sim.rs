//! The simulated world: its own clock, its own network, all from a seed.

use std::net::SocketAddr;
use wharf_base::{Instant, Rng};
use wharf_port::PortOptions;
use wharf_port::sim::{Faults, SimPort, SimPulse, SimWorld};

pub(crate) type TestPort = SimPort;

/// A world, and the pulse of each port in it.
pub(crate) struct World {
    pub(crate) sim: SimWorld,
    pulses: Vec<SimPulse>,
}

impl World {
    /// Turns without anything to do after which nothing will come.
    pub(crate) const QUIET_TURNS: u32 = 1;
    /// Runs of the swarm.
    pub(crate) const SEEDS: u64 = 300;
    /// What the swarm must have reached in them.
    pub(crate) const REACHED: &[&str] = &[
        "accept budget",
        "dead accept",
        "flood",
        "frame in pieces",
        "handed over",
        "kicked",
        "login-timeout",
        "pause: credit",
        "pause: rate",
        "pause: replies",
        "peer-closed",
        "peer-reset",
        "queued",
        "reassembly-budget",
        "refused-full",
        "reset at the door",
        "short send",
        "slow-reader",
        "stale frame",
        "starved accept",
        "truncated-frame",
    ];

    /// Nothing goes wrong.
    pub(crate) fn quiet() -> Self {
        Self::with(0, Faults::none())
    }

    /// Whatever the seed draws goes wrong.
    pub(crate) fn wild(seed: u64) -> Self {
        Self::with(seed, Faults::draw(&mut Rng::from_seed(seed)))
    }

    pub(crate) fn with(seed: u64, faults: Faults) -> Self {
        Self {
            sim: SimWorld::new(seed, faults),
            pulses: Vec::new(),
        }
    }

    pub(crate) fn open(&mut self, options: &PortOptions) -> SimPort {
        let port = SimPort::new(&self.sim, options);
        self.pulses.push(port.pulse());
        port
    }

    /// An address where nobody listens.
    pub(crate) fn nobody() -> SocketAddr {
        "127.0.0.1:1".parse().expect("an address")
    }

    pub(crate) fn set_now(&self, now: Instant) {
        self.sim.advance_to(now);
    }

    /// When the world has something to deliver.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.pulses.iter().filter_map(SimPulse::next).min()
    }

    /// Nothing: this world goes on with its time only.
    pub(crate) fn rest(_go_on: impl FnMut()) {}

    /// Until when a port may wait for something to come.
    pub(crate) fn glance() -> Instant {
        Instant::ZERO
    }
}
