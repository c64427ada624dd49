//! One run: a seed, a world, a server, a crowd, and what must hold.

use crate::actor::{Alarm, Scheduler};
use crate::books::Books;
use crate::crowd::{Crowd, Mood, Shared};
use crate::server::SimServer;
use std::cell::RefCell;
use std::rc::Rc;
use wharf_base::{Duration, Instant, Rng};
use wharf_port::sim::{FaultCounts, Faults, SimWorld, Trace};

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Clients at once.
    pub clients: u32,
    /// Rooms of the lobby.
    pub rooms: u32,
    /// Packets after which the clients fall quiet.
    pub packets: u64,
    /// A bug that is planted.
    #[cfg(feature = "canary")]
    pub canary: Option<crate::Canary>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            clients: 20,
            rooms: 4,
            packets: 2_000,
            #[cfg(feature = "canary")]
            canary: None,
        }
    }
}

/// What happened in a run in which everything was right.
#[derive(Clone, Debug)]
pub struct Report {
    /// Equal for two runs of one seed.
    pub trace: Trace,
    /// What went wrong on purpose.
    pub faults: FaultCounts,
    /// Packets that clients sent.
    pub packets: u64,
    /// Lines of chat that were heard.
    pub heard: u64,
    /// Logins.
    pub logins: u64,
    /// Links that ended otherwise than everybody's do.
    pub cut: u64,
    /// Links that were up and whole when all was quiet.
    pub settled: u32,
}

/// Runs one seed to its end.
///
/// # Panics
/// When a promise is broken; the message says which.
pub fn run(seed: u64, plan: &Plan) -> Report {
    let mut rng = Rng::from_seed(seed);
    let world = SimWorld::new(rng.next_u64(), Faults::draw(&mut rng.fork()));
    let mut scheduler = Scheduler::new(&world, rng.fork());
    let server = SimServer::new(&world, plan, &mut rng.fork(), &mut scheduler);
    let shared = Rc::new(RefCell::new(Shared {
        books: Books::default(),
        mood: Mood::Lively,
    }));
    let half = u64::from(plan.clients / 2);
    let crowds = [0..half, half..u64::from(plan.clients)].map(|numbers| {
        let (crowd, pulse) = Crowd::new(&world, numbers, plan.rooms, &shared, rng.fork());
        let crowd = Rc::new(RefCell::new(crowd));
        scheduler.add(crowd.clone(), Alarm::Port(pulse));
        crowd
    });
    let mut pass = |seconds| scheduler.run_until(world.now() + Duration::from_secs(seconds));

    while shared.borrow().books.packets < plan.packets {
        pass(1);
        assert!(world.now() < TIME_MAX, "nothing is said any more");
    }
    // From here on the weather is fine, and what was promised must come.
    world.set_faults(Faults::none());
    shared.borrow_mut().mood = Mood::Quiet;
    pass(SETTLE_SECONDS);
    let settled = crowds
        .iter()
        .map(|crowd| crowd.borrow().assert_settled())
        .sum();
    // Some go home by themselves, the rest are sent.
    if rng.chance(0.5) {
        shared.borrow_mut().mood = Mood::Leaving;
        pass(SETTLE_SECONDS);
    }
    server.begin_stop();
    pass(SETTLE_SECONDS);
    server.assert_empty();
    for crowd in &crowds {
        crowd.borrow().assert_empty();
    }
    assert_eq!(world.connections(), 0, "the network still has connections");

    let books = &shared.borrow().books;
    Report {
        trace: world.trace_so_far(),
        faults: world.fault_counts(),
        packets: books.packets,
        heard: books.lines_heard,
        logins: books.logins,
        cut: books.cut,
        settled,
    }
}

/// Virtual time that a run may take until its packets are sent: a day.
const TIME_MAX: Instant = Instant::from_nanos(86_400 * 1_000_000_000);
/// Longer than every deadline of a session.
const SETTLE_SECONDS: u64 = 120;
