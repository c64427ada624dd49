//! The real world, by the port that the root of the tests names.

use crate::SystemPort;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use wharf_base::Instant;
use wharf_port::{NativePort, PortOptions, clock};

pub(crate) type TestPort = SystemPort;

/// The real world; it has no clock of ours and does not say when something will come.
pub(crate) struct World;

impl World {
    /// Turns without anything to do after which, on loopback, nothing will come.
    pub(crate) const QUIET_TURNS: u32 = 4;
    /// Runs of the swarm.
    pub(crate) const SEEDS: u64 = 4;
    /// What the swarm must have reached in them.
    pub(crate) const REACHED: &[&str] = &["peer-closed", "kicked", "stale frame"];

    pub(crate) fn quiet() -> Self {
        Self
    }

    pub(crate) fn wild(_seed: u64) -> Self {
        Self
    }

    pub(crate) fn open(&mut self, options: &PortOptions) -> TestPort {
        TestPort::open(options).expect("a port for the test")
    }

    /// An address where nobody listens.
    pub(crate) fn nobody() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("a bound address")
    }

    pub(crate) fn set_now(&self, _now: Instant) {}

    /// When the world has something to deliver.
    pub(crate) fn next(&self) -> Option<Instant> {
        None
    }

    /// Goes on until the system has done what it does by itself with what it was given; it does not
    /// say when it has. A sender without room asks again after 200 ms (Linux: `TCP_RTO_MIN`), and
    /// Wine's server has others to serve.
    pub(crate) fn rest(mut go_on: impl FnMut()) {
        let until = clock::now() + Duration::from_millis(300);
        while clock::now() < until {
            go_on();
        }
    }

    /// Until when a port may wait for something to come.
    pub(crate) fn glance() -> Instant {
        clock::now() + Duration::from_micros(300)
    }
}
