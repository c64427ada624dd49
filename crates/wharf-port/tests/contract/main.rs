//! The contract suite: every clause of [`wharf_port::Port`], for every backend, in every mode.
//!
//! A clause is a function over a [`Backend`] and the options of its mode; `contract!` makes a test
//! of each. The port under test is always wrapped in [`wharf_port::Checked`], which asserts the
//! contract at every call besides.

mod accepting;
mod backends;
mod closing;
mod connecting;
mod receiving;
mod rig;
mod sending;
mod waiting;

use wharf_port::{PortOptions, RecvPolicy};

/// A small port: enough for every clause.
fn normal() -> PortOptions {
    PortOptions {
        recv_buffers: 16,
        recv_buffer_bytes: 1_024,
        ..PortOptions::for_sockets(64)
    }
}

/// Two buffers for everybody.
fn two_buffers() -> PortOptions {
    PortOptions {
        recv_buffers: 2,
        ..normal()
    }
}

/// Multishot off.
fn one_shot() -> PortOptions {
    PortOptions {
        recv_policy: RecvPolicy::OneShot,
        ..normal()
    }
}

/// No buffer while a socket is idle, and two for those that are not.
fn zero_byte() -> PortOptions {
    PortOptions {
        recv_policy: RecvPolicy::ZeroByte,
        ..two_buffers()
    }
}

/// Queues that are full all the time.
fn tiny_queues() -> PortOptions {
    PortOptions {
        submission_entries: 4,
        completion_entries: 8,
        ..two_buffers()
    }
}

/// Makes a test of every clause for one backend in one mode.
macro_rules! contract {
    ($module:ident, $backend:ty, $seeds:expr, $options:expr) => {
        mod $module {
            #[allow(unused_imports, reason = "some backends live beside, others in a module")]
            use super::*;
            contract!(@clauses $backend, $seeds, $options,
                accepting: c1_accept_stream_ends_with_more_false,
                accepting: listener_closed_with_accepts_pending,
                accepting: an_accepted_socket_is_adopted_by_another_port,
                accepting: an_accepted_socket_that_nobody_adopts_closes_itself,
                accepting: many_connections_are_all_accepted,
                accepting: c3_second_accept_is_refused,
                accepting: sockets_are_bounded_and_the_one_too_many_is_closed,
                accepting: a_closed_listener_frees_its_address,
                connecting: a_connect_brings_a_socket_that_works,
                connecting: a_connect_to_nobody_is_refused,
                connecting: a_connect_leaves_from_the_local_address,
                connecting: c4_failed_connect_is_not_reentrant,
                connecting: connects_are_bounded,
                connecting: c5_a_connect_that_nobody_answers_is_cancelled,
                receiving: bytes_arrive_whole_and_in_order,
                receiving: c3_second_receive_is_refused,
                receiving: c5_cancelled_receive_completes_and_the_stream_goes_on,
                receiving: c5_cancelling_a_parked_receive_completes_it,
                receiving: c8_pool_exhaustion_parks_and_resumes,
                receiving: c8_those_that_starved_first_are_served_first,
                receiving: c8_an_idle_crowd_starves_nobody,
                receiving: c8_a_flood_does_not_starve_the_others,
                receiving: c8_a_lent_buffer_keeps_its_bytes,
                receiving: peer_reset_is_not_eof,
                receiving: half_close_still_sends,
                sending: c1_refused_send_returns_batch,
                sending: c3_second_send_is_refused,
                sending: c4_immediate_success_is_not_reentrant,
                sending: c9_large_send_completes_in_pieces,
                sending: c9_an_empty_send_is_no_error,
                sending: c13_a_stalled_send_is_cancelled_and_the_socket_closes,
                sending: copied_and_shared_parts_arrive_in_order,
                sending: shutdown_is_refused_while_a_send_is_in_flight,
                sending: after_shutdown_the_peer_reads_the_end_and_no_send_is_taken,
                sending: a_send_to_a_peer_that_reset_fails,
                closing: c2_dropped_interest_keeps_buffer_alive,
                closing: c6_closed_is_last_event,
                closing: c6_socket_id_is_never_reused,
                closing: c7_close_with_recv_and_send_in_flight,
                closing: c7_close_waits_for_a_send_alone,
                closing: c7_late_bytes_do_not_land_after_close,
                closing: close_in_order_lets_the_peer_read_everything,
                closing: close_with_reset_is_seen_as_such,
                closing: c5_stale_cancel_and_close_are_ignored,
                closing: c5_cancel_races_with_completion,
                closing: c12_drop_with_in_flight_ops,
                waiting: c10_wait_does_not_block_with_ready_completions,
                waiting: c10_wait_returns_after_its_deadline,
                waiting: c10_a_past_deadline_only_looks,
                waiting: c10_deadlines_pass_while_completions_are_ready,
                waiting: c10_small_batches_get_everything,
                waiting: c11_a_thousand_wakes_make_one,
                waiting: c11_a_wake_from_another_thread_ends_the_wait,
            );
        }
    };
    (@clauses $backend:ty, $seeds:expr, $options:expr, $($theme:ident: $clause:ident,)*) => {
        $(
            #[test]
            fn $clause() {
                for seed in 0..$seeds {
                    crate::$theme::$clause(crate::rig::Rig::<$backend>::new($options, seed));
                }
            }
        )*
    };
}

/// All modes of one backend, each clause with so many seeds: one, unless chance has a part in it.
macro_rules! modes {
    ($module:ident, $backend:ty, $seeds:expr) => {
        mod $module {
            use super::backends::*;
            use super::*;
            contract!(normal, $backend, $seeds, normal());
            contract!(two_buffers, $backend, $seeds, two_buffers());
            contract!(one_shot, $backend, $seeds, one_shot());
            contract!(zero_byte, $backend, $seeds, zero_byte());
            contract!(tiny_queues, $backend, $seeds, tiny_queues());
        }
    };
}

#[cfg(target_os = "linux")]
modes!(uring, Native<wharf_port::UringPort>, 1);
#[cfg(unix)]
modes!(readiness, Native<wharf_port::ReadinessPort>, 1);
#[cfg(windows)]
modes!(iocp, Native<wharf_port::IocpPort>, 1);
modes!(sim, Calm, 1);
modes!(sim_rough, Rough, 8);
