//! Two looks at a server, and what happened between them.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wharf_host::admin::{ShardSnapshot, Snapshot};

/// Statistics of one part of a shard.
pub(super) type Part = fn(&ShardSnapshot) -> &BTreeMap<String, u64>;

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
        let mut late = self.now.shards.get(shard)?.tick_lateness.clone();
        let before = self.before.as_ref().and_then(|it| it.shards.get(shard));
        for (now, before) in late
            .iter_mut()
            .zip(before.iter().flat_map(|it| &it.tick_lateness))
        {
            *now = now.saturating_sub(*before);
        }
        let all: u64 = late.iter().sum();
        let mut below = 0;
        let place = late.iter().position(|count| {
            below += count;
            below * 100 >= all * 99
        });
        place.filter(|_| all > 0).map(|bucket| 1 << bucket)
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
