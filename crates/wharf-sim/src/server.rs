//! The server under test: the real one, on simulated ports.

use crate::actor::{Actor, Alarm, Scheduler};
use crate::books::Rules;
use crate::roll_call::Belief;
use crate::run::Plan;
use crate::services::{ServiceActor, SharedServices};
use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use wharf_base::{Duration, Instant, Rng, UniqueIds};
use wharf_chat::{ChatLimits, PlatformFacts};
use wharf_content::{App, AppBuilder, ContentLimits, LogicOptions, LogicStats};
use wharf_host::{
    AnyName, Control, Doorman, IoShard, LogicThread, Placement, ServerOptions, ShardReport,
    Switchboard,
};
use wharf_net::{Admission, NetLimits};
use wharf_platform::RoomOptions;
use wharf_port::sim::{SimPort, SimWorld};
use wharf_port::{Checked, PortOptions, RecvPolicy};
use wharf_wire::{FrameRules, PacketRule, PacketTable, classic};

/// Where the server listens.
pub(crate) const ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 11_021);

/// Unix time when a world begins, in milliseconds: a day behind that of ids, the first of which
/// look like numbers of the lobby's rooms.
pub(crate) const EPOCH_MS: i64 = UniqueIds::EPOCH_UNIX_MS as i64 + 86_400_000;

/// A server in a world.
pub(crate) struct SimServer {
    io: Vec<Rc<RefCell<IoActor>>>,
    logic: Vec<Rc<RefCell<LogicActor>>>,
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
        let rules = rules(plan, rng);
        let mut options = options(plan, rules, rng);
        let services = (rules.people > 0).then(|| {
            let sleeper = world.sleeper();
            let rooms = room_options(rules, plan, rng);
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
            io: Vec::new(),
            logic: Vec::new(),
            switchboard,
            options,
            rules,
            services,
        };
        for index in 0..server.options.shards {
            server.add_io_shard(index, world, scheduler);
            if server.options.placement == Placement::Split {
                server.add_logic_thread(index, world, scheduler);
            }
        }
        // Nobody waits for the answer: a listener that cannot be opened shows soon enough.
        let (reply, _) = mpsc::sync_channel(1);
        server.switchboard.control(
            0,
            Control::Listen {
                local: ADDRESS,
                reply,
            },
        );
        server
    }

    fn add_io_shard(&mut self, index: u8, world: &SimWorld, scheduler: &mut Scheduler) {
        let port = SimPort::new(world, &self.options.port);
        let alarm = Alarm::Port(port.pulse());
        let switchboard = Arc::clone(&self.switchboard);
        let shard = IoActor(
            self.options
                .io_shard(index, Checked::new(port), switchboard),
        );
        let shard = Rc::new(RefCell::new(shard));
        scheduler.add(shard.clone(), alarm);
        self.io.push(shard);
    }

    fn add_logic_thread(&mut self, index: u8, world: &SimWorld, scheduler: &mut Scheduler) {
        let sleeper = world.sleeper();
        self.switchboard.connect_logic(index, sleeper.waker());
        let switchboard = Arc::clone(&self.switchboard);
        let thread = LogicActor(self.options.logic_thread(index, switchboard));
        let thread = Rc::new(RefCell::new(thread));
        scheduler.add(thread.clone(), Alarm::Sleeper(sleeper));
        self.logic.push(thread);
    }

    /// What is behind it, if that is part of this run.
    pub(crate) fn services(&self) -> Option<&SharedServices> {
        self.services.as_ref()
    }

    pub(crate) fn rules(&self) -> Rules {
        self.rules
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
        }
        let seated = beliefs.iter().filter(|belief| belief.is_seated());
        let members: u32 = self.logic_stats().map(|logic| logic.members).sum();
        assert_eq!(members as usize, seated.count(), "seats and who sits");
    }

    /// Asserts that nothing is left of anybody.
    pub(crate) fn assert_empty(&self) {
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
        if let Some(services) = &self.services {
            services.borrow().assert_empty();
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

/// What may be sent, in both directions: the classic packets and the platform's.
pub(crate) struct Tables {
    pub(crate) from_client: PacketTable,
    pub(crate) from_server: PacketTable,
}

pub(crate) fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    let both = |classic: &[PacketRule], platform: &[PacketRule]| {
        let rules = [classic, platform].concat();
        PacketTable::new(Box::leak(rules.into_boxed_slice()))
    };
    TABLES.get_or_init(|| Tables {
        from_client: both(classic::FROM_CLIENT.rules(), wharf_proto::FROM_CLIENT),
        from_server: both(classic::FROM_SERVER.rules(), wharf_proto::FROM_SERVER),
    })
}

fn rules(plan: &Plan, rng: &mut Rng) -> Rules {
    let has_services = rng.chance(plan.services);
    // A server that is full answers whoever comes in the classic packets.
    let few = rng.chance(0.2) && !has_services;
    let sessions_max = if few {
        plan.clients / 2
    } else {
        plan.clients * 2
    };
    let has_halls = has_services && rng.chance(plan.halls);
    Rules {
        rooms: plan.rooms,
        names: plan.clients,
        members_max: 1 + rng.below(u64::from(plan.clients)) as u32,
        sessions_max: sessions_max.max(1),
        people: match (has_services, has_halls) {
            (false, _) => 0,
            (true, false) => plan.clients / 4,
            (true, true) => plan.clients * 2 / 5,
        },
        halls: match has_halls {
            true => 2 + rng.below(5) as u32,
            false => 0,
        },
    }
}

/// How the services look after rooms with a name, if there are any.
fn room_options(rules: Rules, plan: &Plan, rng: &mut Rng) -> Option<RoomOptions> {
    #[cfg(not(feature = "canary"))]
    let _ = plan;
    let linger = Duration::from_millis(500 + rng.below(5_000));
    (rules.halls > 0).then(|| RoomOptions {
        halls_max: rules.halls,
        members_max: rules.members_max,
        lobbies: rules.rooms,
        owned_max: 3,
        acts_max: 4,
        linger,
        linger_min: linger / 2,
        patience: Duration::from_secs(5),
        #[cfg(feature = "canary")]
        canary: plan.canary.and_then(crate::Canary::of_platform),
        ..RoomOptions::default()
    })
}

fn options(plan: &Plan, rules: Rules, rng: &mut Rng) -> ServerOptions {
    let shards = 1 + rng.below(3) as u8;
    let limits = NetLimits {
        sessions_not_logged_in: rules.sessions_max,
        refusals_max: 4,
        session_credit: 1 + rng.below(64) as u32,
        inbound_packets_per_second: if rng.chance(0.5) { 0 } else { 200 },
        flood: Duration::from_secs(60),
        inbound: FrameRules {
            table: &tables().from_client,
            ..NetLimits::default().inbound
        },
        ..NetLimits::for_sessions(rules.sessions_max, shards.into())
    };
    #[cfg(feature = "canary")]
    let limits = NetLimits {
        canary: plan.canary.and_then(crate::Canary::of_net),
        ..limits
    };
    limits.validate().expect("limits that can work");
    let port = port_options(plan, limits.sockets_per_port(1), rng);
    let app = app(plan, rules);
    let mut unix_ms = UniqueIds::EPOCH_UNIX_MS;
    let clock = move || {
        unix_ms += 1;
        unix_ms
    };
    ServerOptions {
        shards,
        placement: if rng.chance(0.5) {
            Placement::Fused
        } else {
            Placement::Split
        },
        port,
        logic: LogicOptions {
            logic_count: shards.into(),
            io_count: shards.into(),
            seed: rng.next_u64(),
            limits: ContentLimits {
                outbox_bytes_max: 1 + rng.below(64 * 1024) as usize,
                ..ContentLimits::default()
            },
            ..LogicOptions::default()
        },
        app: Arc::new(app),
        doorman: Arc::new(Doorman::new(Box::new(AnyName), Box::new(clock))),
        services: Arc::new(wharf_host::NoServices),
        admission: Arc::new(Admission::new(&limits)),
        limits,
        watch_handlers: false,
    }
}

/// What is played there.
fn app(plan: &Plan, rules: Rules) -> App {
    #[cfg(not(feature = "canary"))]
    let _ = plan;
    let mut app = AppBuilder::new();
    let limits = ChatLimits {
        rooms: rules.rooms,
        room_members_max: rules.members_max,
        halls_max: rules.halls,
        #[cfg(feature = "canary")]
        canary: plan.canary.and_then(crate::Canary::of_chat),
    };
    let facts = PlatformFacts {
        epoch_ms: EPOCH_MS,
        ..PlatformFacts::default()
    };
    wharf_chat::classic(&mut app, limits, facts);
    #[cfg(feature = "canary")]
    if let Some(canary) = plan.canary.and_then(crate::Canary::of_content) {
        app.plant(canary);
    }
    app.build()
}

fn port_options(plan: &Plan, sockets: u32, rng: &mut Rng) -> PortOptions {
    #[cfg(not(feature = "canary"))]
    let _ = plan;
    PortOptions {
        recv_buffers: 2 << rng.below(5),
        recv_buffer_bytes: 64 << rng.below(6),
        recv_policy: match rng.below(3) {
            0 => RecvPolicy::OneShot,
            1 => RecvPolicy::ZeroByte,
            _ => RecvPolicy::Stream,
        },
        #[cfg(feature = "canary")]
        canary: plan.canary.and_then(crate::Canary::of_port),
        ..PortOptions::for_sockets(sockets)
    }
}
