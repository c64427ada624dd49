//! The whole server goes and comes again, now and then: it is asked to stop and does, or it is
//! gone from one moment to the next, with everything that was not durable.

use crate::actor::Scheduler;
use crate::server::SimServer;
use wharf_base::{Duration, Rng};

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is asked to, and does what waits before.
    Stop,
    /// It is killed: what the store was at may be done, or not.
    Crash,
}

/// How often the server began anew, and after what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartCounts {
    /// After a stop in order.
    pub stops: u64,
    /// After a crash.
    pub crashes: u64,
}

/// When the server of a run begins anew.
#[derive(Debug)]
pub(crate) struct Restarts {
    rng: Rng,
    /// The packets after which it does, the latest first.
    due: Vec<u64>,
    pub(crate) counts: RestartCounts,
}

/// How long a stop in order may take. Longer than every deadline of a session.
const STOP_MAX: Duration = Duration::from_secs(120);
/// How often one looks whether it is over.
const GLANCE: Duration = Duration::from_millis(100);
/// How often one looks whether the store is at something.
const GLANCES_MAX: u64 = 1_000;
/// The longest that there is no server.
const GONE_MAX: Duration = Duration::from_millis(500);
/// Restarts of a run while its clients are lively, at the most.
const RESTARTS_MAX: u64 = 3;

impl Restarts {
    /// Those of a run in which clients send `packets`; in most there are none.
    pub(crate) fn draw(mut rng: Rng, packets: u64, share: f64) -> Self {
        let count = match rng.chance(share) {
            true => 1 + rng.below(RESTARTS_MAX),
            false => 0,
        };
        let mut due: Vec<u64> = (0..count).map(|_| rng.below(packets)).collect();
        due.sort_unstable_by(|one, other| other.cmp(one));
        Self {
            rng,
            due,
            counts: RestartCounts::default(),
        }
    }

    /// Whether this is a run with restarts.
    pub(crate) fn have_begun(&self) -> bool {
        self.counts != RestartCounts::default()
    }

    /// Restarts the server, if that is due after so many packets.
    pub(crate) fn look(&mut self, packets: u64, scheduler: &mut Scheduler, server: &mut SimServer) {
        if self.due.pop_if(|due| *due <= packets).is_none() {
            return;
        }
        // Anywhere within what is going on; often where that matters most.
        scheduler.run_for(self.at_most(Duration::from_secs(1)));
        for _ in 0..self.rng.below(2) * GLANCES_MAX {
            if server.is_storing() {
                break;
            }
            scheduler.run_for(self.at_most(Duration::from_millis(1)));
        }
        self.restart(scheduler, server);
    }

    /// Restarts the server.
    ///
    /// # Panics
    /// If it does not stop in order when it is asked to.
    pub(crate) fn restart(&mut self, scheduler: &mut Scheduler, server: &mut SimServer) {
        let how = match self.rng.chance(0.5) {
            true => End::Stop,
            false => End::Crash,
        };
        match how {
            End::Stop => {
                self.counts.stops += 1;
                stop(scheduler, server);
            }
            End::Crash => self.counts.crashes += 1,
        }
        server.end(scheduler, how);
        scheduler.run_for(self.at_most(GONE_MAX));
        server.begin_anew(scheduler);
    }

    fn at_most(&mut self, span: Duration) -> Duration {
        Duration::from_nanos(1 + self.rng.below(span.as_nanos() as u64))
    }
}

/// Asks the server to stop, and waits until it has.
fn stop(scheduler: &mut Scheduler, server: &SimServer) {
    server.begin_stop();
    let mut waited = Duration::ZERO;
    while !server.is_over() && waited < STOP_MAX {
        scheduler.run_for(GLANCE);
        waited += GLANCE;
    }
    assert!(server.is_over(), "the server did not stop");
    // What its threads had still to tell one another.
    scheduler.run_for(Duration::from_secs(1));
    server.assert_stopped();
}
