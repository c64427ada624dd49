//! Every statistic with the name that operators know it by.
//!
//! One row for each field of the structs of statistics; a test refuses a field without one. Names
//! follow Prometheus' rules: the unit last, `_total` behind what only grows.

use super::exposition::Kind;
use wharf_content::LogicStats;
use wharf_net::{AdmissionStats, NetStats};
use wharf_port::PortStats;

/// One statistic of a `T`.
pub(super) struct Row<T> {
    /// The field's name, which is its name in JSON.
    pub(super) field: &'static str,
    /// Its name in metrics.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) read: fn(&T) -> u64,
}

/// What a statistic may be.
pub(super) trait Figure: Copy {
    /// As a number: 1 for what is so.
    fn figure(self) -> u64;
}

macro_rules! figures {
    ($($kind:ty)*) => {
        $(impl Figure for $kind {
            fn figure(self) -> u64 {
                self as u64
            }
        })*
    };
}

figures!(u32 u64 usize bool);

macro_rules! rows {
    ($stats:ty { $($field:ident: $kind:ident $name:literal $help:literal,)* }) => {
        &[$(Row {
            field: stringify!($field),
            name: $name,
            kind: $crate::admin::exposition::Kind::$kind,
            help: $help,
            read: |stats: &$stats| $crate::admin::tables::Figure::figure(stats.$field),
        }),*]
    };
}
pub(super) use rows;

/// What the door counts, for the whole server.
#[rustfmt::skip]
pub(super) const ADMISSION: &[Row<AdmissionStats>] = rows!(AdmissionStats {
    sessions: Gauge "wharf_sessions"
        "Sessions now, of all shards.",
    not_logged_in: Gauge "wharf_sessions_not_logged_in"
        "Sessions that have not logged in.",
    refusals: Gauge "wharf_refusals_in_progress"
        "Connections that are being told that there is no seat.",
    addresses: Gauge "wharf_addresses"
        "Addresses (IPv6: /64 networks) that hold sessions.",
});

/// What a shard's sessions count. Ends have their reasons beside them: [`super::metrics`].
#[rustfmt::skip]
pub(super) const NET: &[Row<NetStats>] = rows!(NetStats {
    sessions: Gauge "wharf_net_sessions"
        "Sessions, those that are ending included.",
    refusals: Gauge "wharf_net_refusals_in_progress"
        "Connections that are being refused.",
    connecting: Gauge "wharf_net_connects_in_flight"
        "Connects in flight.",
    sends_in_flight: Gauge "wharf_net_sends_in_flight"
        "Sends in flight.",
    queues: Gauge "wharf_net_queued_sessions"
        "Sessions for which more waits than one send takes.",
    queued_bytes: Gauge "wharf_net_queued_bytes"
        "Bytes that wait in send queues.",
    leaving_bytes: Gauge "wharf_net_leaving_bytes"
        "Bytes in sends that are in flight or about to be.",
    reassembly_bytes: Gauge "wharf_net_reassembly_bytes"
        "Memory of frames that have arrived in part.",
    accepted: Counter "wharf_net_accepted_total"
        "Connections accepted.",
    accepts_failed: Counter "wharf_net_accepts_failed_total"
        "Connections that died before they were accepted.",
    accepts_starved: Counter "wharf_net_accepts_starved_total"
        "Times the system had no descriptor or memory for an accept.",
    accept_budget_spent: Counter "wharf_net_accept_budget_spent_total"
        "Turns that took in as many connections as one turn may.",
    accepts_waiting_overflow: Counter "wharf_net_accepts_overflow_total"
        "Connections reset because too many waited for a turn.",
    handed_over: Counter "wharf_net_handed_over_total"
        "Connections given to another shard.",
    adopts_failed: Counter "wharf_net_adopts_failed_total"
        "Accepted connections that the port could not adopt.",
    refused: Counter "wharf_net_refused_total"
        "Connections refused politely.",
    refusals_overflow: Counter "wharf_net_refusals_overflow_total"
        "Connections reset because every seat for refusals was taken.",
    address_full: Counter "wharf_net_address_full_total"
        "Connections reset because their address held too many.",
    denied: Counter "wharf_net_denied_total"
        "Connections reset because their address may not connect.",
    opened: Counter "wharf_net_sessions_opened_total"
        "Sessions opened.",
    frames_in: Counter "wharf_net_received_frames_total"
        "Frames received.",
    bytes_in: Counter "wharf_net_received_bytes_total"
        "Bytes received.",
    bytes_discarded: Counter "wharf_net_discarded_bytes_total"
        "Bytes received and thrown away while a session drained.",
    frames_reassembled: Counter "wharf_net_reassembled_frames_total"
        "Frames that arrived in more than one piece.",
    pauses_credit: Counter "wharf_net_pauses_credit_total"
        "Pauses of a session's input because content was behind.",
    pauses_rate: Counter "wharf_net_pauses_rate_total"
        "Pauses of a session's input because it overdrew its rate.",
    pauses_replies: Counter "wharf_net_pauses_replies_total"
        "Pauses of a session's input because its own replies filled its queue.",
    frames_out: Counter "wharf_net_sent_frames_total"
        "Frames taken for sending.",
    bytes_out: Counter "wharf_net_sent_bytes_total"
        "Bytes that the kernel took.",
    sends: Counter "wharf_net_sends_total"
        "Sends submitted.",
    sends_short: Counter "wharf_net_sends_short_total"
        "Sends that took only a part.",
    frames_queued: Counter "wharf_net_queued_frames_total"
        "Frames that waited because a send was in flight or full.",
    latest_replaced: Counter "wharf_net_latest_replaced_total"
        "Latest-values that were replaced before they left.",
    frames_stale: Counter "wharf_net_stale_frames_total"
        "Frames for sessions that had ended.",
    send_memory_cuts: Counter "wharf_net_send_memory_cuts_total"
        "Slow readers cut because of what was on its way to all sessions together.",
    reassembly_evictions: Counter "wharf_net_reassembly_evictions_total"
        "Sessions whose unfinished frame had to go to keep the memory limit.",
    deadlines_fired: Counter "wharf_net_deadlines_total"
        "Deadlines looked at, real or not.",
});

/// What a completion port counts.
#[rustfmt::skip]
pub(super) const PORT: &[Row<PortStats>] = rows!(PortStats {
    accepts_in_flight: Gauge "wharf_port_accepts_in_flight"
        "Accepts in flight.",
    connects_in_flight: Gauge "wharf_port_connects_in_flight"
        "Connects in flight.",
    recvs_in_flight: Gauge "wharf_port_receives_in_flight"
        "Receives in flight, parked ones included.",
    sends_in_flight: Gauge "wharf_port_sends_in_flight"
        "Sends in flight.",
    sockets: Gauge "wharf_port_sockets"
        "Sockets open, closing ones included.",
    recv_buffers_out: Gauge "wharf_port_receive_buffers_out"
        "Receive buffers that are not home.",
    waits: Counter "wharf_port_waits_total"
        "Returns from the wait for completions.",
    enters: Counter "wharf_port_enters_total"
        "Calls into the kernel to submit or wait.",
    completions: Counter "wharf_port_completions_total"
        "Completions delivered.",
    starved_recvs: Counter "wharf_port_starved_receives_total"
        "Times a receive found the pool of buffers empty.",
    wakes: Counter "wharf_port_wakes_total"
        "Times another thread ended a wait.",
    refused: Counter "wharf_port_refused_total"
        "Submissions refused because one was in flight already.",
    stale: Counter "wharf_port_stale_total"
        "Cancels and closes of ids that were stale.",
    overflows: Counter "wharf_port_overflows_total"
        "Times the kernel's completion queue overflowed.",
});

/// What a logic shard counts. Ticks have their times beside them: [`super::metrics`].
#[rustfmt::skip]
pub(super) const LOGIC: &[Row<LogicStats>] = rows!(LogicStats {
    sessions: Gauge "wharf_content_sessions"
        "Sessions that have their home on the logic shard.",
    rooms: Gauge "wharf_content_rooms"
        "Rooms that live on the logic shard.",
    members: Gauge "wharf_content_members"
        "Seats taken in those rooms.",
    users: Gauge "wharf_content_users"
        "Users whose whereabouts the logic shard knows for all others.",
    frames_held: Gauge "wharf_content_held_frames"
        "Frames held because their session cannot be served right now.",
    frames: Counter "wharf_content_frames_total"
        "Frames that a handler served.",
    frames_ignored: Counter "wharf_content_ignored_frames_total"
        "Frames of sessions that were being closed.",
    credits: Counter "wharf_content_credits_total"
        "Credits given back.",
    sends: Counter "wharf_content_sends_total"
        "Frames sent, each receiver counted.",
    broadcasts: Counter "wharf_content_broadcasts_total"
        "Broadcasts.",
    logins: Counter "wharf_content_logins_total"
        "Logins that succeeded.",
    logins_refused: Counter "wharf_content_logins_refused_total"
        "Logins that were refused.",
    entered: Counter "wharf_content_entered_total"
        "Members that entered a room.",
    enters_refused: Counter "wharf_content_enters_refused_total"
        "Refusals to enter a room.",
    left: Counter "wharf_content_left_total"
        "Members that left a room.",
    refusals: Counter "wharf_content_refusals_total"
        "Refusals that handlers answered with.",
    violations: Counter "wharf_content_violations_total"
        "Rules that sessions broke.",
    moved_out: Counter "wharf_content_moved_out_total"
        "Sessions that went to another logic shard.",
    moved_in: Counter "wharf_content_moved_in_total"
        "Sessions that came from another logic shard.",
    moves_off: Counter "wharf_content_moves_off_total"
        "Moves that were called off because the session ended.",
    overloaded: Counter "wharf_content_overloaded_total"
        "Sessions ended because too much was held for them.",
    outbox_full: Counter "wharf_content_outbox_full_total"
        "Times that no more frames were served because the outbox was full.",
    room_panics: Counter "wharf_content_room_panics_total"
        "Rooms closed by a panic.",
    foyer_panics: Counter "wharf_content_foyer_panics_total"
        "Sessions closed by a panic in the foyer.",
    notes: Counter "wharf_content_notes_total"
        "Notes given to rooms.",
    queries: Counter "wharf_content_queries_total"
        "Queries to the services.",
    too_fast: Counter "wharf_content_too_fast_total"
        "Requests refused because their class came too fast.",
    queries_full: Counter "wharf_content_queries_refused_total"
        "Queries refused because too many had no reply yet.",
    replies: Counter "wharf_content_replies_total"
        "Replies of the services.",
    notices: Counter "wharf_content_notices_total"
        "What the services said unasked.",
    mail_full: Counter "wharf_content_letters_refused_total"
        "Letters refused because too many were under way.",
    strays: Counter "wharf_content_strays_total"
        "Answers, words, verdicts and replies for somebody who was gone.",
    ticks: Counter "wharf_content_ticks_total"
        "Ticks that ran.",
    ticks_skipped: Counter "wharf_content_ticks_skipped_total"
        "Ticks that were skipped because the room was too far behind.",
});

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::fmt::Debug;

    /// The names of a struct's fields, as it shows them itself.
    fn fields(stats: &impl Debug) -> Vec<String> {
        let shown = format!("{stats:#?}");
        let own = shown.lines().filter_map(|line| line.strip_prefix("    "));
        let own = own.filter(|line| !line.starts_with(' '));
        own.filter_map(|line| Some(line.split_once(':')?.0.to_owned()))
            .collect()
    }

    /// Every field has a row, but those that `elsewhere` lists, and every row a field.
    pub(in crate::admin) fn check<T: Debug + Default>(rows: &[Row<T>], elsewhere: &[&str]) {
        let rows = rows.iter().map(|row| row.field);
        let mut listed: Vec<&str> = rows.chain(elsewhere.iter().copied()).collect();
        listed.sort_unstable();
        let mut fields = fields(&T::default());
        fields.sort_unstable();
        assert_eq!(
            fields, listed,
            "left: the struct's fields; right: the table's"
        );
    }

    #[test]
    fn every_statistic_has_a_name() {
        check(ADMISSION, &[]);
        check(NET, &["closed"]);
        check(PORT, &[]);
        check(LOGIC, &["tick_lateness", "tick_work"]);
    }

    #[test]
    fn a_statistic_that_only_grows_is_called_total_and_no_other() {
        let mut names = crate::admin::service_tables::names();
        names.extend(ADMISSION.iter().map(|row| (row.name, row.kind)));
        names.extend(NET.iter().map(|row| (row.name, row.kind)));
        names.extend(PORT.iter().map(|row| (row.name, row.kind)));
        names.extend(LOGIC.iter().map(|row| (row.name, row.kind)));
        for (name, kind) in names {
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
        }
    }
}
