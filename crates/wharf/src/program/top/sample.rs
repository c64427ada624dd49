//! Two looks at a server, and what happened between them.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wharf_host::admin::{ServicesSnapshot, ShardSnapshot, Snapshot, StoreSnapshot};

/// Statistics of one part of a shard.
pub(super) type Part = fn(&ShardSnapshot) -> &BTreeMap<String, u64>;

/// The store, or Redis.
pub(super) type StoreOf = fn(&ServicesSnapshot) -> Option<&StoreSnapshot>;

pub(super) const SQL: StoreOf = |services| Some(&services.store);
pub(super) const REDIS: StoreOf = |services| services.redis.as_ref();

pub(super) const NET: Part = |shard| &shard.net;
pub(super) const PORT: Part = |shard| &shard.port;
pub(super) const LOGIC: Part = |shard| &shard.logic;
pub(super) const CLOSED: Part = |shard| &shard.closed;
pub(super) const TURNED_AWAY: Part = |shard| &shard.turned_away;

/// A server now, and a moment before.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub(super) now: Snapshot,
    /// Of the same server; `None` at first, and after a restart.
    before: Option<Snapshot>,
}

impl Sample {
    pub(super) fn new(before: Option<Snapshot>, now: Snapshot) -> Self {
        let is_same = |before: &Snapshot| {
            before.started_unix_seconds == now.started_unix_seconds
                && before.uptime_seconds < now.uptime_seconds
        };
        let before = before.filter(is_same);
        Self { now, before }
    }

    /// The sum of a statistic over all shards.
    pub(super) fn total(&self, part: Part, field: &str) -> u64 {
        total(&self.now, part, field)
    }

    /// How much it grew in a second.
    pub(super) fn rate(&self, part: Part, field: &str) -> Option<f64> {
        let before = self.before.as_ref()?;
        self.per_second(total(before, part, field), self.total(part, field))
    }

    /// The same of one shard.
    pub(super) fn shard_rate(&self, shard: usize, part: Part, field: &str) -> Option<f64> {
        let at = |snapshot: &Snapshot| part(snapshot.shards.get(shard)?).get(field).copied();
        self.per_second(at(self.before.as_ref()?)?, at(&self.now)?)
    }

    /// Processors that one shard keeps busy.
    pub(super) fn shard_cpu(&self, shard: usize) -> Option<f64> {
        let at = |snapshot: &Snapshot| snapshot.shards.get(shard)?.cpu_seconds;
        Some((at(&self.now)? - at(self.before.as_ref()?)?) / self.seconds()?)
    }

    /// Processors that the server keeps busy.
    pub(super) fn cpu(&self) -> Option<f64> {
        let used = self.now.process.cpu_seconds - self.before.as_ref()?.process.cpu_seconds;
        Some(used / self.seconds()?)
    }

    /// Frames received and sent in a second.
    pub(super) fn messages(&self) -> Option<f64> {
        Some(self.rate(NET, "frames_in")? + self.rate(NET, "frames_out")?)
    }

    /// Every name that a part has on any shard.
    pub(super) fn names(&self, part: Part) -> BTreeSet<&str> {
        let shards = self.now.shards.iter();
        shards
            .flat_map(|it| part(it).keys())
            .map(String::as_str)
            .collect()
    }

    /// Of the ticks that ran in between, or ever if none is to be compared with: below how many
    /// microseconds 99 of 100 were late.
    pub(super) fn late_ticks(&self, shard: usize) -> Option<u64> {
        let late = &self.now.shards.get(shard)?.tick_lateness;
        let before = self.before.as_ref().and_then(|it| it.shards.get(shard));
        let before = before.map_or(&[][..], |it| &it.tick_lateness);
        bound_of(late, before, 99)
    }

    /// How much a figure of the services grew in a second.
    pub(super) fn service_rate(
        &self,
        read: impl Fn(&ServicesSnapshot) -> Option<u64>,
    ) -> Option<f64> {
        let before = read(self.before.as_ref()?.services.as_ref()?)?;
        self.per_second(before, read(self.now.services.as_ref()?)?)
    }

    /// The same of a figure of a store.
    pub(super) fn store_rate(&self, store: StoreOf, field: &str) -> Option<f64> {
        self.service_rate(|services| store(services)?.figures.get(field).copied())
    }

    /// The same of an outcome of requests.
    pub(super) fn outcome_rate(&self, store: StoreOf, outcome: &str) -> Option<f64> {
        self.service_rate(|services| store(services)?.requests.get(outcome).copied())
    }

    /// Below how many microseconds so many of 100 answers of a store took, of those that came in
    /// between, or ever if none is to be compared with.
    pub(super) fn answers_within(&self, store: StoreOf, percent: u64) -> Option<u64> {
        let times = &store(self.now.services.as_ref()?)?.answer_times;
        let before = self.before.as_ref().and_then(|it| it.services.as_ref());
        let before = before
            .and_then(store)
            .map_or(&[][..], |it| &it.answer_times);
        bound_of(times, before, percent)
    }

    /// How busy each of the hash workers is.
    pub(super) fn hashing_share(&self) -> Option<f64> {
        let now = self.now.services.as_ref()?;
        let before = self.before.as_ref()?.services.as_ref()?;
        let threads = now
            .hashing
            .get("threads")
            .copied()
            .filter(|count| *count > 0)?;
        let busy = now.hash_busy_seconds - before.hash_busy_seconds;
        Some(busy / self.seconds()? / threads as f64)
    }

    /// The snapshot as JSON, with what happens in a second beside it.
    pub(super) fn to_json(&self) -> Value {
        let mut json = serde_json::to_value(&self.now).expect("plain data is JSON");
        json["per_second"] = json!({
            "messages_in": self.rate(NET, "frames_in"),
            "messages_out": self.rate(NET, "frames_out"),
            "bytes_in": self.rate(NET, "bytes_in"),
            "bytes_out": self.rate(NET, "bytes_out"),
            "sessions_opened": self.rate(NET, "opened"),
            "logins": self.rate(LOGIC, "logins"),
            "logins_refused": self.rate(LOGIC, "logins_refused"),
            "broadcasts": self.rate(LOGIC, "broadcasts"),
            "ticks": self.rate(LOGIC, "ticks"),
            "waits": self.rate(PORT, "waits"),
            "cpu_seconds": self.cpu(),
            "store_answers": self.outcome_rate(SQL, "answered"),
            "store_commits": self.store_rate(SQL, "groups"),
            "redis_answers": self.outcome_rate(REDIS, "answered"),
            "hashes": self.service_rate(|it| it.hashing.get("done").copied()),
            "queries": self.service_rate(|it| it.desk.get("answered").copied()),
            "logins_by_account": self.service_rate(|it| Some(logins_in(it))),
        });
        json
    }

    fn seconds(&self) -> Option<f64> {
        let seconds = self.now.uptime_seconds - self.before.as_ref()?.uptime_seconds;
        (seconds > 0.0).then_some(seconds)
    }

    fn per_second(&self, before: u64, now: u64) -> Option<f64> {
        Some(now.saturating_sub(before) as f64 / self.seconds()?)
    }
}

fn total(snapshot: &Snapshot, part: Part, field: &str) -> u64 {
    let shards = snapshot.shards.iter();
    shards.filter_map(|shard| part(shard).get(field)).sum()
}

/// Logins that succeeded, by accounts.
pub(super) fn logins_in(services: &ServicesSnapshot) -> u64 {
    let ways = services.logins.values();
    ways.filter_map(|outcomes| outcomes.get("ok")).sum()
}

/// The bound, in microseconds, of the bucket in which so many of 100 of those are that were counted
/// since `before`; nothing if there were none.
fn bound_of(now: &[u64], before: &[u64], percent: u64) -> Option<u64> {
    let before = before.iter().chain(core::iter::repeat(&0));
    let new = now
        .iter()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(*before));
    let new: Vec<u64> = new.collect();
    let all: u64 = new.iter().sum();
    let mut below = 0;
    let place = new.iter().position(|count| {
        below += count;
        below * 100 >= all * percent
    });
    place.filter(|_| all > 0).map(|bucket| 1 << bucket)
}
