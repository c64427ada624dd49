//! One run: a seed, a world, a server, a crowd, and what must hold.

use crate::actor::{Alarm, Scheduler};
use crate::books::Books;
use crate::crowd::{Crowd, Mood, Shared};
use crate::finale::Stage;
use crate::operator::Operator;
use crate::restart::Restarts;
use crate::server::SimServer;
use crate::{GuessCounts, HallCounts, RestartCounts, StoreFaults, finale};
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
    /// How many of the runs have services, and clients with accounts: of 1.
    pub services: f64,
    /// How many of those have rooms with a name: of 1.
    pub halls: f64,
    /// How many of all runs have restarts: of 1.
    pub restarts: f64,
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
            services: 0.4,
            halls: 0.7,
            restarts: 0.25,
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
    /// Logins refused because another session had the name.
    pub names_in_use: u64,
    /// Entries refused because the room was full.
    pub rooms_full: u64,
    /// Links that ended otherwise than everybody's do.
    pub cut: u64,
    /// Turns that came later than they could: their threads had no processor.
    pub stalls: u64,
    /// Links that were up and whole when all was quiet.
    pub settled: u32,
    /// How often the whole server began anew.
    pub restarts: RestartCounts,
    /// What the services did, in a run that has them.
    pub services: ServiceCounts,
}

/// What the services did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceCounts {
    /// Whispers that somebody asked for.
    pub whispers: u64,
    /// Those that were told.
    pub told: u64,
    /// Those that were refused because their receiver did not want them.
    pub muted: u64,
    /// Sessions that were taken over.
    pub takeovers: u64,
    /// Kicks, bans and erasures by whoever runs the server.
    pub sent_away: u64,
    /// Accounts that they have erased.
    pub erased: u64,
    /// Lines that were refused because they had muted somebody everywhere.
    pub silenced: u64,
    /// Logins by token.
    pub token_logins: u64,
    /// Tokens that were refused.
    pub refused_tokens: u64,
    /// How often they died, and began anew.
    pub deaths: u64,
    /// What happened in rooms with a name.
    pub halls: HallCounts,
    /// What happened to those who guess, and by tickets.
    pub guesses: GuessCounts,
    /// What went wrong with the store on purpose.
    pub store: StoreFaults,
    /// The same of what keeps what lives for a short time, where that is another.
    pub short: StoreFaults,
}

/// Runs one seed to its end.
///
/// # Panics
/// When a promise is broken; the message says which.
pub fn run(seed: u64, plan: &Plan) -> Report {
    let mut rng = Rng::from_seed(seed);
    let world = SimWorld::new(rng.next_u64(), Faults::draw(&mut rng.fork()));
    let mut scheduler = Scheduler::new(&world, rng.fork());
    let mut server = SimServer::new(&world, plan, &mut rng.fork(), &mut scheduler);
    let shared = Rc::new(RefCell::new(Shared {
        books: Books::new(server.rules(), server.guesses()),
        mood: Mood::Lively,
    }));
    if rng.chance(0.5) {
        add_operator(&server, &shared, &mut scheduler, rng.fork());
    }
    let half = u64::from(plan.clients / 2);
    let crowds = [0..half, half..u64::from(plan.clients)].map(|numbers| {
        let (crowd, pulse) = Crowd::new(&world, numbers, &shared, rng.fork());
        let crowd = Rc::new(RefCell::new(crowd));
        scheduler.add(crowd.clone(), Alarm::Port(pulse));
        crowd
    });
    // What matters about rooms with a name begins later, and takes time.
    let packets = match server.rules().halls {
        0 => plan.packets,
        _ => 2 * plan.packets,
    };
    let mut restarts = Restarts::draw(rng.fork(), packets, plan.restarts);
    while shared.borrow().books.packets < packets {
        scheduler.run_for(Duration::from_secs(1));
        let packets = shared.borrow().books.packets;
        restarts.look(packets, &mut scheduler, &mut server);
        assert!(world.now() < TIME_MAX, "nothing is said any more");
    }
    // From here on the weather is fine, and what was promised must come.
    world.set_faults(Faults::none());
    let mut stage = Stage {
        scheduler: &mut scheduler,
        server: &mut server,
        crowds: &crowds,
        shared: &shared,
    };
    let settled = stage.calm_down();
    if stage.server.services().is_some() {
        finale::play(&mut stage, &mut restarts);
    }
    // Some go home by themselves, the rest are sent.
    if rng.chance(0.5) {
        shared.borrow_mut().mood = Mood::Leaving;
        scheduler.run_for(SETTLE);
    }
    server.begin_stop();
    scheduler.run_for(SETTLE);
    server.assert_empty();
    for crowd in &crowds {
        crowd.borrow().assert_empty();
    }
    assert_eq!(world.connections(), 0, "the network still has connections");

    let stalls = scheduler.stalls();
    let books = &shared.borrow().books;
    Report {
        trace: world.trace_so_far(),
        faults: world.fault_counts(),
        packets: books.packets,
        heard: books.lines_heard,
        logins: books.logins,
        names_in_use: books.names_in_use,
        rooms_full: books.rooms_full,
        cut: books.cut,
        stalls,
        settled,
        restarts: restarts.counts,
        services: finale::counts(&server, books),
    }
}

/// Somebody runs the server, if it has people with accounts.
fn add_operator(
    server: &SimServer,
    shared: &Rc<RefCell<Shared>>,
    scheduler: &mut Scheduler,
    rng: Rng,
) {
    if let Some(services) = server.services() {
        let operator = Operator::new(services, shared, rng);
        scheduler.add(Rc::new(RefCell::new(operator)), Alarm::Clock);
    }
}

/// Lets time pass until nothing is under way any more. That takes long where a link carries a few
/// bytes at a time.
pub(crate) fn settle(scheduler: &mut Scheduler, server: &SimServer, crowds: &[Rc<RefCell<Crowd>>]) {
    for _ in 0..SETTLES_MAX {
        scheduler.run_for(SETTLE);
        let is_owed = crowds.iter().any(|crowd| crowd.borrow().is_owed());
        if !is_owed && !server.is_sending() {
            break;
        }
    }
    // What the kernels had taken by then.
    scheduler.run_for(Duration::from_secs(1));
}

/// Virtual time that a run may take until its packets are sent: a day.
const TIME_MAX: Instant = Instant::from_nanos(86_400 * 1_000_000_000);
/// Longer than every deadline of a session.
pub(crate) const SETTLE: Duration = Duration::from_secs(120);
/// Enough for a full send queue on the slowest link.
const SETTLES_MAX: u32 = 100;
