//! A simulated world: its clock, its network, its chance, and the ports in it.

use super::faults::{FaultCounts, Faults};
use super::network::{End, Network};
use super::trace::Trace;
use crate::waker::{Kick, WakeFlag, Waker};
use core::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use wharf_base::{Instant, Rng};

/// A world. Clones are the same world. Everything in it happens on one thread, in an order that
/// follows from its seed alone.
#[derive(Clone)]
pub struct SimWorld(Arc<Mutex<World>>);

pub(super) struct World {
    pub(super) network: Network,
    pub(super) trace: Trace,
    /// By sleeper: whether somebody woke it.
    woken: Vec<bool>,
}

impl SimWorld {
    /// A world that follows from `seed`, in which things go wrong as `faults` says.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let network = Network::new(Rng::from_seed(seed), faults);
        Self(Arc::new(Mutex::new(World {
            network,
            trace: Trace::default(),
            woken: Vec::new(),
        })))
    }

    /// The world's time.
    pub fn now(&self) -> Instant {
        self.lock().network.now
    }

    /// Lets time pass. It never goes back.
    pub fn advance_to(&self, at: Instant) {
        let network = &mut self.lock().network;
        network.now = network.now.max(at);
    }

    /// Writes a line into the trace.
    pub fn trace(&self, line: fmt::Arguments<'_>) {
        self.lock().trace.line(line);
    }

    /// A copy of the trace.
    pub fn trace_so_far(&self) -> Trace {
        self.lock().trace.clone()
    }

    /// What has gone wrong so far.
    pub fn fault_counts(&self) -> FaultCounts {
        self.lock().network.counts
    }

    /// From here on things go wrong differently.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().network.faults = faults;
    }

    /// From here on nothing answers at `address`: connects to it stay in flight.
    pub fn silence(&self, address: SocketAddr) {
        self.lock().network.silent.insert(address);
    }

    /// Connections with an end that is not closed.
    pub fn connections(&self) -> u32 {
        self.lock().network.connections()
    }

    /// A sleeper of this world that is no port: a logic thread.
    pub fn sleeper(&self) -> SimSleeper {
        let mut world = self.lock();
        world.woken.push(false);
        let index = world.woken.len() - 1;
        drop(world);
        SimSleeper {
            world: self.clone(),
            index,
            flag: wharf_base::sync::Arc::new(WakeFlag::new()),
        }
    }

    /// The world for one who leaves it; `None` if it panicked, so that leaving does not panic
    /// again.
    pub(super) fn lock_to_leave(&self) -> Option<MutexGuard<'_, World>> {
        self.0.lock().ok()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("a world that panicked is over")
    }
}

impl fmt::Debug for SimWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimWorld")
    }
}

/// Something that sleeps and can be woken, as a scheduler sees it.
pub struct SimSleeper {
    world: SimWorld,
    index: usize,
    flag: wharf_base::sync::Arc<WakeFlag>,
}

impl SimSleeper {
    /// What others wake it with.
    pub fn waker(&self) -> Waker {
        let bell = Bell {
            world: self.world.clone(),
            index: self.index,
        };
        Waker::new(self.flag.clone(), Arc::new(bell))
    }

    /// Whether it was woken since it last went to sleep.
    pub fn is_woken(&self) -> bool {
        self.world.lock().woken[self.index]
    }

    /// It is awake and looks around. Returns whether a wake is to be delivered.
    pub fn wake_up(&self) -> bool {
        self.world.lock().woken[self.index] = false;
        self.flag.end_sleep()
    }

    /// It has more to do by itself and wants another turn.
    pub(super) fn stir(&self) {
        self.world.lock().woken[self.index] = true;
    }

    /// It goes to sleep, unless it was woken meanwhile.
    pub fn fall_asleep(&self) {
        if !self.flag.begin_sleep() {
            self.world.lock().woken[self.index] = true;
        }
    }
}

struct Bell {
    world: SimWorld,
    index: usize,
}

impl Kick for Bell {
    fn kick(&self) {
        self.world.lock().woken[self.index] = true;
    }
}

/// One end of a simulated connection, held by a port or on its way to one. Dropping it closes.
#[derive(Debug)]
pub(crate) struct SimEnd {
    pub(super) world: SimWorld,
    pub(super) end: End,
}

impl SimEnd {
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        let world = self.world.lock();
        let reset = world.network.is_reset(self.end);
        world.network.address(self.end.other()).filter(|_| !reset)
    }

    pub(crate) fn reset(self) {
        self.world.lock().network.reset(self.end);
    }
}

impl Drop for SimEnd {
    fn drop(&mut self) {
        if let Some(mut world) = self.world.lock_to_leave() {
            world.network.close(self.end);
        }
    }
}
