//! The statistics of the services with the names that operators know them by, as in
//! [`super::tables`].

use super::tables::{Row, rows};
use crate::hash_workers::HashStats;
use crate::service_desk::DeskStats;
use wharf_platform::PlatformStats;
use wharf_store::StoreStats;

/// What the services' thread counts.
#[rustfmt::skip]
pub(super) const DESK: &[Row<DeskStats>] = rows!(DeskStats {
    open: Gauge "wharf_services_queries"
        "Queries to the services that have no reply yet; each named room with members keeps one open.",
    answered: Counter "wharf_services_answered_total"
        "Queries that have had their reply.",
    refused: Counter "wharf_services_refused_total"
        "Queries refused because too many waited for the services' thread.",
    panics: Counter "wharf_services_panics_total"
        "Times that the services panicked and began anew, with everybody logged out.",
});

/// Who and what is here. Logins have their ends beside them: [`super::service_metrics`].
#[rustfmt::skip]
pub(super) const PEOPLE: &[Row<PlatformStats>] = rows!(PlatformStats {
    online: Gauge "wharf_people_online"
        "Accounts that are logged in.",
    queued: Gauge "wharf_login_queue"
        "Logins that wait for a place in a full server.",
    queued_max: Gauge "wharf_login_queue_max"
        "Logins that may wait so; one more is told that the server is full.",
    halls: Gauge "wharf_named_rooms"
        "Rooms that have a name and are open.",
    halls_max: Gauge "wharf_named_rooms_max"
        "Rooms that have a name and may be open at once.",
    hall_members: Gauge "wharf_named_room_members"
        "Members in rooms that have a name.",
    requests: Gauge "wharf_account_requests"
        "Requests about accounts in progress, logins included.",
    hashing: Gauge "wharf_hash_in_progress"
        "Passwords of accounts that wait to be hashed or are.",
    unrecalled: Counter "wharf_login_unrecalled_total"
        "Times that whoever logs in went on without what the store knows of earlier failures: it did not say in time.",
    shown: Counter "wharf_shown_written_total"
        "Changes of who is online and which rooms are busy that were written for others to see.",
    unshown: Counter "wharf_shown_failed_total"
        "Changes of those that could not be written, and are tried again.",
});

/// What the hash workers count.
#[rustfmt::skip]
pub(super) const HASHING: &[Row<HashStats>] = rows!(HashStats {
    threads: Gauge "wharf_hash_threads"
        "Threads that hash passwords.",
    waiting: Gauge "wharf_hash_waiting"
        "Passwords that wait to be hashed.",
    waiting_max: Gauge "wharf_hash_waiting_max"
        "Passwords that may wait; whoever brings one more is told that the server is busy.",
    done: Counter "wharf_hash_done_total"
        "Passwords hashed or compared.",
});

/// What a store counts. What comes of requests, and times, are told beside it:
/// [`super::service_metrics`].
#[rustfmt::skip]
pub(super) const STORE: &[Row<StoreStats>] = rows!(StoreStats {
    is_answering: Gauge "wharf_store_up"
        "1 if the store answers.",
    is_connected: Gauge "wharf_store_connected"
        "1 if there is a connection to write by, though it may hang.",
    waiting: Gauge "wharf_store_waiting"
        "Requests that have no answer yet.",
    waiting_max: Gauge "wharf_store_waiting_max"
        "Requests that may have no answer yet; one more is refused.",
    asked: Counter "wharf_store_asked_total"
        "Requests that were taken in.",
    reads: Counter "wharf_store_reads_total"
        "Requests answered by connections that only read.",
    groups: Counter "wharf_store_commits_total"
        "Transactions committed (Redis: batches answered).",
    grouped: Counter "wharf_store_committed_requests_total"
        "Requests in those.",
    group_largest: Gauge "wharf_store_commit_requests_largest"
        "The most requests in one of those.",
    connections: Counter "wharf_store_connections_total"
        "Connections made to write by; all but the first because one was lost.",
});

/// What can come of a request to a store, and how many there were of it.
pub(super) type StoreOutcome = (&'static str, fn(&StoreStats) -> u64);

/// All of them.
pub(super) const STORE_OUTCOMES: &[StoreOutcome] = &[
    ("answered", |stats| stats.answered),
    ("busy", |stats| stats.refused_busy),
    ("late", |stats| stats.expired),
    ("unavailable", |stats| stats.refused_lost),
    ("failed", |stats| stats.failed),
];

/// Every name with its kind.
#[cfg(test)]
pub(super) fn names() -> Vec<(&'static str, super::exposition::Kind)> {
    let mut names: Vec<_> = DESK.iter().map(|row| (row.name, row.kind)).collect();
    names.extend(PEOPLE.iter().map(|row| (row.name, row.kind)));
    names.extend(HASHING.iter().map(|row| (row.name, row.kind)));
    names.extend(STORE.iter().map(|row| (row.name, row.kind)));
    names
}

#[cfg(test)]
mod tests {
    use super::super::tables::tests::check;
    use super::*;

    #[test]
    fn every_statistic_of_the_services_has_a_name() {
        check(DESK, &[]);
        check(PEOPLE, &["hashes_refused", "logins"]);
        check(HASHING, &["busy", "refused"]);
        let outcomes = [
            "answered",
            "refused_busy",
            "expired",
            "refused_lost",
            "failed",
        ];
        let times = [
            "answer_times",
            "commit_time",
            "commit_longest",
            "steady_for",
        ];
        check(STORE, &[&outcomes[..], &times].concat());
    }
}
