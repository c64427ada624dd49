//! What is told of the services, as JSON.

use super::look::ServiceLook;
use super::service_tables::{DESK, HASHING, PEOPLE, STORE, STORE_OUTCOMES, StoreOutcome};
use super::snapshot::map;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wharf_store::StoreStats;

/// The services of a server that has some: accounts, rooms that have a name, and the store.
/// Counters and gauges have the names of their fields in the structs of statistics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServicesSnapshot {
    /// Why their thread does not serve, if so.
    pub trouble: Option<String>,
    /// How old what follows is.
    pub report_age_seconds: f64,
    /// Their thread.
    pub desk: BTreeMap<String, u64>,
    /// Who and what is here.
    pub people: BTreeMap<String, u64>,
    /// Logins that have ended: by way, then by outcome; what never happened is left out.
    pub logins: BTreeMap<String, BTreeMap<String, u64>>,
    /// Accounts that were made.
    pub accounts_made: u64,
    /// The hash workers; `refused` is what was not given to them as well.
    pub hashing: BTreeMap<String, u64>,
    /// How long the hash workers were at it, all together.
    pub hash_busy_seconds: f64,
    /// The store.
    pub store: StoreSnapshot,
    /// Redis, if there is one.
    pub redis: Option<StoreSnapshot>,
}

/// A store, or Redis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreSnapshot {
    /// What kind of database it is.
    pub kind: String,
    /// Whether it answers.
    pub is_answering: bool,
    /// How long that is so.
    pub steady_seconds: f64,
    /// What it has counted.
    pub figures: BTreeMap<String, u64>,
    /// Requests by what came of them.
    pub requests: BTreeMap<String, u64>,
    /// How long answers took: counts below 1 us, 2 us, 4 us and so on; the last, all longer ones.
    pub answer_times: Vec<u64>,
}

impl ServicesSnapshot {
    pub(super) fn of(look: &ServiceLook) -> Option<Self> {
        let (report, age) = look.report.as_ref()?;
        let mut logins: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (way, outcome, count) in report.platform.logins.iter().filter(|it| it.2 > 0) {
            let of_way = logins.entry(way.to_owned()).or_default();
            of_way.insert(outcome.to_owned(), count);
        }
        let mut hashing = map(HASHING, &report.hashing);
        hashing.insert("refused".to_owned(), report.hashes_refused());
        let redis = report.redis.as_ref();
        Some(Self {
            trouble: look.trouble.clone(),
            report_age_seconds: age.as_secs_f64(),
            desk: map(DESK, &report.desk),
            people: map(PEOPLE, &report.platform),
            logins,
            accounts_made: report.platform.logins.accounts_made,
            hashing,
            hash_busy_seconds: report.hashing.busy.as_secs_f64(),
            store: StoreSnapshot::of(&report.store_kind, &report.store),
            redis: redis.map(|stats| StoreSnapshot::of("redis", stats)),
        })
    }
}

impl StoreSnapshot {
    fn of(kind: &str, stats: &StoreStats) -> Self {
        let outcome = |(name, read): &StoreOutcome| ((*name).to_owned(), read(stats));
        Self {
            kind: kind.to_owned(),
            is_answering: stats.is_answering,
            steady_seconds: stats.steady_for.as_secs_f64(),
            figures: map(STORE, stats),
            requests: STORE_OUTCOMES.iter().map(outcome).collect(),
            answer_times: stats.answer_times.buckets.to_vec(),
        }
    }
}
