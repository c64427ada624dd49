//! What a server of a run is made of, drawn from its seed.

use crate::books::Rules;
use crate::run::Plan;
use crate::server::EPOCH_MS;
use std::sync::{Arc, OnceLock};
use wharf_base::{Duration, Instant, Rng, UniqueIds};
use wharf_chat::{ChatLimits, PlatformFacts};
use wharf_content::{App, AppBuilder, ContentLimits, LogicOptions};
use wharf_host::{AnyName, Doorman, Placement, ServerOptions};
use wharf_net::{Admission, NetLimits};
use wharf_platform::RoomOptions;
use wharf_port::{PortOptions, RecvPolicy};
use wharf_wire::{FrameRules, PacketRule, PacketTable, classic};

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

pub(crate) fn rules(plan: &Plan, rng: &mut Rng) -> Rules {
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
pub(crate) fn room_options(rules: Rules, plan: &Plan, rng: &mut Rng) -> Option<RoomOptions> {
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
        planted: plan.canary.and_then(crate::Canary::of_platform).into(),
        ..RoomOptions::default()
    })
}

pub(crate) fn options(plan: &Plan, rules: Rules, rng: &mut Rng) -> ServerOptions {
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
        planted: plan.canary.and_then(crate::Canary::of_net).into(),
        ..limits
    };
    limits.validate().expect("limits that can work");
    let port = port_options(plan, limits.sockets_per_port(1), rng);
    let app = app(plan, rules);
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
        doorman: Arc::new(doorman(Instant::ZERO)),
        services: Arc::new(wharf_host::NoServices),
        admission: Arc::new(Admission::new(&limits)),
        limits,
        watch_handlers: false,
    }
}

/// Lets in any name, in a process that begins `now`.
pub(crate) fn doorman(now: Instant) -> Doorman {
    let mut unix_ms = UniqueIds::EPOCH_UNIX_MS + now.as_nanos() / 1_000_000;
    let clock = move || {
        unix_ms += 1;
        unix_ms
    };
    Doorman::new(Box::new(AnyName), Box::new(clock))
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
        ..ChatLimits::default()
    };
    #[cfg(feature = "canary")]
    let limits = ChatLimits {
        planted: plan.canary.and_then(crate::Canary::of_chat).into(),
        ..limits
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
        planted: plan.canary.and_then(crate::Canary::of_port).into(),
        ..PortOptions::for_sockets(sockets)
    }
}
