//! What the page for Prometheus says of the services, the store, Redis and the hash workers.

use super::exposition::{Exposition, Kind};
use super::look::ServiceLook;
use super::metrics::{buckets, estimated_sum};
use super::service_tables::{DESK, HASHING, PEOPLE, STORE, STORE_OUTCOMES};
use super::tables::Row;
use crate::service_desk::ServiceReport;
use std::time::Duration;
use wharf_store::StoreStats;

/// All of it; nothing where there are no services.
pub(super) fn write(page: &mut Exposition, services: &ServiceLook) {
    let Some((report, age)) = &services.report else {
        return;
    };
    let help = "1 if the services' thread turns.";
    page.family("wharf_services_up", Kind::Gauge, help)
        .sample(&[], u8::from(services.trouble.is_none()));
    let help = "How old what is told of the services is.";
    page.family("wharf_services_report_age_seconds", Kind::Gauge, help)
        .sample(&[], age.as_secs_f64());
    rows(page, DESK, &report.desk);
    rows(page, PEOPLE, &report.platform);
    logins(page, report);
    hashing(page, report);
    stores(page, report);
}

fn rows<T>(page: &mut Exposition, rows: &[Row<T>], stats: &T) {
    for row in rows {
        page.family(row.name, row.kind, row.help)
            .sample(&[], (row.read)(stats));
    }
}

fn logins(page: &mut Exposition, report: &ServiceReport) {
    let logins = &report.platform.logins;
    let help = "Logins that have ended, by how and with what; by the classic packets only where \
                those want accounts.";
    page.family("wharf_logins_total", Kind::Counter, help);
    for (way, outcome, count) in logins.iter() {
        page.sample(&[("way", way), ("outcome", outcome)], count);
    }
    let help = "Accounts made: by registration, and by first logins of devices and tickets.";
    page.family("wharf_accounts_made_total", Kind::Counter, help)
        .sample(&[], logins.accounts_made);
}

fn hashing(page: &mut Exposition, report: &ServiceReport) {
    rows(page, HASHING, &report.hashing);
    let help = "Passwords refused because too many were to be hashed.";
    page.family("wharf_hash_refused_total", Kind::Counter, help)
        .sample(&[], report.hashes_refused());
    let help = "How long the threads were at it, all together.";
    page.family("wharf_hash_busy_seconds_total", Kind::Counter, help)
        .sample(&[], report.hashing.busy.as_secs_f64());
}

fn stores(page: &mut Exposition, report: &ServiceReport) {
    let stores = || {
        let redis = report.redis.as_ref().map(|stats| ("redis", stats));
        core::iter::once(("sql", &report.store)).chain(redis)
    };
    let help = "Always 1; its labels say what the store is on.";
    page.family("wharf_store_info", Kind::Gauge, help)
        .sample(&[("store", "sql"), ("kind", &report.store_kind)], 1);
    for row in STORE {
        page.family(row.name, row.kind, row.help);
        for (store, stats) in stores() {
            page.sample(&[("store", store)], (row.read)(stats));
        }
    }
    let help = "Requests by what came of them; those that were refused at the door as well.";
    page.family("wharf_store_requests_total", Kind::Counter, help);
    for (store, stats) in stores() {
        for (outcome, read) in STORE_OUTCOMES {
            page.sample(&[("store", store), ("outcome", outcome)], read(stats));
        }
    }
    times(page, stores);
    let help = "How long answers took, from when they were asked for. The sum is estimated from \
                the buckets.";
    page.family("wharf_store_answer_seconds", Kind::Histogram, help);
    for (store, stats) in stores() {
        let times = &stats.answer_times;
        page.histogram(&[("store", store)], buckets(times), estimated_sum(times));
    }
}

/// A time of a store's.
type Time = fn(&StoreStats) -> Duration;

fn times<'a, S: Iterator<Item = (&'a str, &'a StoreStats)>>(
    page: &mut Exposition,
    stores: impl Fn() -> S,
) {
    let state: Time = |stats| stats.steady_for;
    let commits: Time = |stats| stats.commit_time;
    let longest: Time = |stats| stats.commit_longest;
    for (name, kind, help, read) in [
        (
            "wharf_store_state_seconds",
            Kind::Gauge,
            "How long wharf_store_up is what it is.",
            state,
        ),
        (
            "wharf_store_commit_seconds_total",
            Kind::Counter,
            "How long commits took, all together.",
            commits,
        ),
        (
            "wharf_store_commit_longest_seconds",
            Kind::Gauge,
            "How long the longest commit took.",
            longest,
        ),
    ] {
        page.family(name, kind, help);
        for (store, stats) in stores() {
            page.sample(&[("store", store)], read(stats).as_secs_f64());
        }
    }
}
