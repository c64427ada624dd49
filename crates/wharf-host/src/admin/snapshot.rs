//! The same as JSON, for `wharf top`. Readers take what they know, so versions may differ.

use super::desk::ShardLook;
use super::look::Look;
use super::services::ServicesSnapshot;
use super::tables::{LOGIC, NET, PORT, Row};
use crate::server::Placement;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A server at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// The program's version.
    pub version: String,
    /// The completion port's backend.
    pub backend: String,
    /// `fused` or `split`.
    pub placement: String,
    /// Where clients connect.
    pub listen: String,
    /// When it began to listen, in seconds since 1970.
    pub started_unix_seconds: f64,
    /// How long it has listened.
    pub uptime_seconds: f64,
    /// `serving`, or why no client would be let in: `stopping`, `maintenance`,
    /// `store-unavailable`, `full`, `login-queue-full`, `unhealthy`.
    pub state: String,
    /// What it may take.
    pub limits: Limits,
    /// Sessions now.
    pub sessions: u64,
    /// Those among them that have not logged in.
    pub sessions_not_logged_in: u64,
    /// Addresses (IPv6: /64 networks) that hold sessions.
    pub addresses: u64,
    /// What the process has used.
    pub process: ProcessUse,
    /// Each shard.
    pub shards: Vec<ShardSnapshot>,
    /// The services, if there are some.
    pub services: Option<ServicesSnapshot>,
}

/// What a server may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Sessions at once.
    pub sessions: u64,
    /// Sessions that have not logged in.
    pub sessions_not_logged_in: u64,
    /// Rooms that can be named.
    pub rooms: u64,
    /// Bytes on their way to the sessions of one shard.
    pub send_memory_bytes_per_shard: u64,
    /// Memory of frames that have arrived in part, for one shard.
    pub reassembly_bytes_per_shard: u64,
    /// Receive buffers of one shard.
    pub receive_buffers_per_shard: u64,
}

/// What a process has used; `None` where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessUse {
    /// CPU of all threads.
    pub cpu_seconds: f64,
    /// Memory that is not swapped out.
    pub resident_bytes: u64,
    /// Open descriptors (Windows: handles).
    pub descriptors: Option<u64>,
    /// Descriptors that may be open.
    pub descriptors_max: Option<u64>,
}

/// One shard. Counters and gauges have the names of their fields in the structs of statistics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardSnapshot {
    /// Which.
    pub shard: u8,
    /// Why it does not serve, if so.
    pub trouble: Option<String>,
    /// How old what follows is; `None` if it never told anything.
    pub report_age_seconds: Option<f64>,
    /// CPU of its threads, where the system tells.
    pub cpu_seconds: Option<f64>,
    /// Sessions.
    pub net: BTreeMap<String, u64>,
    /// Sessions closed, by reason; reasons that closed none are left out.
    pub closed: BTreeMap<String, u64>,
    /// Connections that became no session, by reason.
    pub turned_away: BTreeMap<String, u64>,
    /// Operations.
    pub port: BTreeMap<String, u64>,
    /// Rooms.
    pub logic: BTreeMap<String, u64>,
    /// How late ticks ran: counts below 1 us, 2 us, 4 us and so on; the last, all longer ones.
    pub tick_lateness: Vec<u64>,
    /// How long ticks took, likewise.
    pub tick_work: Vec<u64>,
}

impl Snapshot {
    pub(super) fn of(look: &Look) -> Self {
        let (facts, usage) = (&look.facts, &look.usage);
        Self {
            version: facts.about.version.clone(),
            backend: facts.about.backend.clone(),
            placement: placement_name(facts.placement).to_owned(),
            listen: facts.listen.to_string(),
            started_unix_seconds: facts.started.as_secs_f64(),
            uptime_seconds: look.uptime.as_secs_f64(),
            state: look
                .not_ready()
                .map_or("serving", |(word, _)| word)
                .to_owned(),
            limits: Limits {
                sessions: facts.sessions_max.into(),
                sessions_not_logged_in: facts.not_logged_in_max.into(),
                rooms: facts.rooms_max,
                send_memory_bytes_per_shard: facts.send_queues_bytes_per_shard,
                reassembly_bytes_per_shard: facts.reassembly_bytes_per_shard,
                receive_buffers_per_shard: facts.recv_buffers_per_shard,
            },
            sessions: look.admission.sessions.into(),
            sessions_not_logged_in: look.admission.not_logged_in.into(),
            addresses: look.admission.addresses.into(),
            process: ProcessUse {
                cpu_seconds: usage.cpu.as_secs_f64(),
                resident_bytes: usage.resident_bytes,
                descriptors: usage.descriptors,
                descriptors_max: usage.descriptors_max,
            },
            shards: look.shards.iter().map(|it| shard(it, look)).collect(),
            services: ServicesSnapshot::of(&look.services),
        }
    }
}

fn shard(it: &ShardLook, look: &Look) -> ShardSnapshot {
    let threads = ["io", "logic"].map(|role| format!("{role}-{}", it.shard));
    let cpu = threads
        .iter()
        .filter_map(|name| look.usage.threads.get(name));
    let cpu = cpu.copied().reduce(|one, other| one + other);
    let base = ShardSnapshot {
        shard: it.shard,
        trouble: it.trouble.clone(),
        cpu_seconds: cpu.as_ref().map(Duration::as_secs_f64),
        ..ShardSnapshot::default()
    };
    let Some((report, age)) = &it.report else {
        return base;
    };
    let logic = report.logic.as_ref();
    ShardSnapshot {
        report_age_seconds: Some(age.as_secs_f64()),
        net: map(NET, &report.net),
        closed: named(report.net.closed_by_reason()),
        turned_away: named(report.net.turned_away()),
        port: map(PORT, &report.port),
        logic: logic.map(|logic| map(LOGIC, logic)).unwrap_or_default(),
        tick_lateness: logic.map_or_else(Vec::new, |it| it.tick_lateness.buckets.to_vec()),
        tick_work: logic.map_or_else(Vec::new, |it| it.tick_work.buckets.to_vec()),
        ..base
    }
}

pub(super) fn map<T>(rows: &[Row<T>], stats: &T) -> BTreeMap<String, u64> {
    let value = |row: &Row<T>| (row.field.to_owned(), (row.read)(stats));
    rows.iter().map(value).collect()
}

fn named<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> BTreeMap<String, u64> {
    counts
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

pub(super) fn placement_name(placement: Placement) -> &'static str {
    match placement {
        Placement::Fused => "fused",
        Placement::Split => "split",
    }
}
