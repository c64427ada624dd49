//! The server under test: the real one, on simulated ports.

use crate::actor::{Actor, Alarm, Scheduler, SeatNumber};
use crate::books::Rules;
use crate::guesses::Guesses;
use crate::restart::End;
use crate::roll_call::Belief;
use crate::run::Plan;
use crate::services::{ServiceActor, SharedServices};
use crate::setup;
use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use wharf_base::{Instant, Rng, UniqueIds};
use wharf_content::LogicStats;
use wharf_host::{
    Control, IoShard, LogicThread, Placement, ServerOptions, ShardReport, Switchboard,
};
use wharf_net::Admission;
use wharf_port::Checked;
use wharf_port::sim::{SimPort, SimWorld};

/// Where the server listens.
pub(crate) const ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 11_021);

/// Unix time when a world begins, in milliseconds: a day behind that of ids, the first of which
/// look like numbers of the lobby's rooms.
pub(crate) const EPOCH_MS: i64 = UniqueIds::EPOCH_UNIX_MS as i64 + 86_400_000;

/// A server in a world.
pub(crate) struct SimServer {
    world: SimWorld,
    io: Vec<Rc<RefCell<IoActor>>>,
    logic: Vec<Rc<RefCell<LogicActor>>>,
    /// The seats of both.
    threads: Vec<SeatNumber>,
    switchboard: Arc<Switchboard>,
    options: ServerOptions,
    rules: Rules,
    services: Option<SharedServices>,
}

struct IoActor(IoShard<Checked<SimPort>>);

struct LogicActor(LogicThread);

impl Actor for IoActor {
    fn turn(&mut self, _: Instant) -> Option<Instant> {
        self.0.turn()
    }
}

impl Actor for LogicActor {
    fn turn(&mut self, now: Instant) -> Option<Instant> {
        self.0.turn(now)
    }
}

impl SimServer {
    /// A server whose threads have seats at the scheduler.
    pub(crate) fn new(
        world: &SimWorld,
        plan: &Plan,
        rng: &mut Rng,
        scheduler: &mut Scheduler,
    ) -> Self {
        let rules = setup::rules(plan, rng);
        let mut options = setup::options(plan, rules, rng);
        let services = (rules.people > 0).then(|| {
            let sleeper = world.sleeper();
            let rooms = setup::room_options(rules, plan, rng);
            let (services, door) = ServiceActor::new(world, sleeper.waker(), rooms, rng.fork());
            let services = Rc::new(RefCell::new(services));
            #[cfg(feature = "canary")]
            let canary = plan.canary.and_then(crate::Canary::of_services);
            #[cfg(feature = "canary")]
            services.borrow_mut().plant(canary);
            scheduler.add(services.clone(), Alarm::Sleeper(sleeper));
            options.services = Arc::new(door);
            services
        });
        let switchboard = Arc::new(Switchboard::new(options.shards, options.shards));
        let mut server = Self {
            world: world.clone(),
            io: Vec::new(),
            logic: Vec::new(),
            threads: Vec::new(),
            switchboard,
            options,
            rules,
            services,
        };
        server.start(scheduler);
        server
    }

    /// Threads begin, and one of them listens.
    fn start(&mut self, scheduler: &mut Scheduler) {
        for index in 0..self.options.shards {
            self.add_io_shard(index, scheduler);
            if self.options.placement == Placement::Split {
                self.add_logic_thread(index, scheduler);
            }
        }
        // Nobody waits for the answer: a listener that cannot be opened shows soon enough.
        let (reply, _) = mpsc::sync_channel(1);
        self.switchboard.control(
            0,
            Control::Listen {
                local: ADDRESS,
                reply,
            },
        );
    }

    /// The process is gone from one moment to the next, whatever it was doing. Its system closes
    /// what it had open; what the store has is there still.
    pub(crate) fn end(&mut self, scheduler: &mut Scheduler, how: End) {
        scheduler.remove(&core::mem::take(&mut self.threads));
        self.io.clear();
        self.logic.clear();
        if let Some(services) = &self.services {
            let door = services.borrow_mut().end(self.world.now(), how);
            self.options.services = Arc::new(door);
        }
    }

    /// Another process begins, which knows nothing but what the store has.
    pub(crate) fn begin_anew(&mut self, scheduler: &mut Scheduler) {
        let options = &mut self.options;
        options.doorman = Arc::new(setup::doorman(self.world.now()));
        options.admission = Arc::new(Admission::new(&options.limits));
        options.logic.seed = options.logic.seed.wrapping_add(1);
        self.switchboard = Arc::new(Switchboard::new(options.shards, options.shards));
        self.start(scheduler);
    }

    fn add_io_shard(&mut self, index: u8, scheduler: &mut Scheduler) {
        let port = SimPort::new(&self.world, &self.options.port);
        let alarm = Alarm::Port(port.pulse());
        let switchboard = Arc::clone(&self.switchboard);
        let shard = IoActor(
            self.options
                .io_shard(index, Checked::new(port), switchboard),
        );
        let shard = Rc::new(RefCell::new(shard));
        self.threads.push(scheduler.add(shard.clone(), alarm));
        self.io.push(shard);
    }

    fn add_logic_thread(&mut self, index: u8, scheduler: &mut Scheduler) {
        let sleeper = self.world.sleeper();
        self.switchboard.connect_logic(index, sleeper.waker());
        let switchboard = Arc::clone(&self.switchboard);
        let thread = LogicActor(self.options.logic_thread(index, switchboard));
        let thread = Rc::new(RefCell::new(thread));
        let seat = scheduler.add(thread.clone(), Alarm::Sleeper(sleeper));
        self.threads.push(seat);
        self.logic.push(thread);
    }

    /// What is behind it, if that is part of this run.
    pub(crate) fn services(&self) -> Option<&SharedServices> {
        self.services.as_ref()
    }

    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }

    /// What is to be expected of delays and tickets.
    pub(crate) fn guesses(&self) -> Guesses {
        let services = self.services.as_ref();
        services.map_or_else(Guesses::default, |services| services.borrow().guesses())
    }

    /// Asks for a graceful stop.
    pub(crate) fn begin_stop(&self) {
        for shard in 0..self.options.shards {
            self.switchboard.control(shard, Control::Shutdown);
        }
    }

    fn reports(&self) -> Vec<ShardReport> {
        self.io
            .iter()
            .map(|actor| actor.borrow().0.report())
            .collect()
    }

    fn logic_stats(&self) -> impl Iterator<Item = LogicStats> {
        let fused = self.reports().into_iter().filter_map(|report| report.logic);
        let split = self.logic.iter();
        fused.chain(split.map(|actor| actor.borrow().0.stats().clone()))
    }

    /// Whether something waits to be sent to anybody.
    pub(crate) fn is_sending(&self) -> bool {
        let mut nets = self.reports().into_iter().map(|report| report.net);
        nets.any(|net| net.queues > 0 || net.sends_in_flight > 0)
    }

    /// Asserts that the server has exactly those who believe it, now that all is quiet.
    pub(crate) fn assert_holds(&self, beliefs: &[Belief]) {
        let users = beliefs
            .iter()
            .filter(|it| it.is_classic && it.user.is_some());
        let names = self.options.doorman.count();
        assert_eq!(names, users.count(), "names and who has logged in");
        if let Some(services) = &self.services {
            let services = services.borrow();
            for hall in beliefs.iter().filter_map(|belief| belief.hall) {
                services.ranks.assert_is(hall);
            }
            for login in beliefs.iter().filter_map(|belief| belief.login) {
                services.assert_came_last(login);
            }
        }
        let seated = beliefs.iter().filter(|belief| belief.is_seated());
        let members: u32 = self.logic_stats().map(|logic| logic.members).sum();
        assert_eq!(members as usize, seated.count(), "seats and who sits");
    }

    /// Whether it has stopped, with everything that was asked of what is behind it done.
    pub(crate) fn is_over(&self) -> bool {
        let services = self.services.as_ref();
        self.switchboard.is_over()
            && services.is_none_or(|services| services.borrow().owes_nothing())
    }

    /// Whether something is becoming durable.
    pub(crate) fn is_storing(&self) -> bool {
        let services = self.services.as_ref();
        services.is_some_and(|services| services.borrow().store.is_at_work())
    }

    /// Asserts that nothing is left of anybody, behind it neither.
    pub(crate) fn assert_empty(&self) {
        self.assert_stopped();
        if let Some(services) = &self.services {
            services.borrow().assert_empty();
        }
    }

    /// Asserts that nothing is left of any session.
    pub(crate) fn assert_stopped(&self) {
        assert!(self.switchboard.is_over(), "the server did not stop");
        for report in self.reports() {
            let (shard, net, port) = (report.shard, &report.net, &report.port);
            assert_eq!(net.sessions, 0, "shard {shard}: sessions are left");
            assert_eq!(net.refusals, 0, "shard {shard}: refusals are left");
            assert_eq!(net.queues, 0, "shard {shard}: queues are left");
            assert_eq!(net.sends_in_flight, 0, "shard {shard}: batches are left");
            assert_eq!(
                net.reassembly_bytes, 0,
                "shard {shard}: unfinished frames are left"
            );
            let ended = net.closed.iter().sum::<u64>();
            let begun = net.opened + net.refused;
            assert_eq!(begun, ended, "shard {shard}: an end without a reason");
            assert_eq!(port.sockets, 0, "shard {shard}: sockets are left");
            assert_eq!(port.recv_buffers_out, 0, "shard {shard}: buffers are left");
            assert_eq!(
                port.recvs_in_flight + port.sends_in_flight,
                0,
                "operations are left"
            );
        }
        for logic in self.logic_stats() {
            assert_eq!(
                (logic.sessions, logic.members),
                (0, 0),
                "content remembers somebody"
            );
        }
        assert_eq!(self.options.doorman.count(), 0, "an id is still in use");
        let admission = self.options.admission.stats();
        assert_eq!(
            admission,
            wharf_net::AdmissionStats::default(),
            "a seat is not free"
        );
    }
}
