//! Each deadline fires when it is due, and not before; what is idle has none.

use crate::harness::*;
use wharf_net::{CloseReason, Origin, Outgoing};
use wharf_port::ConnectError;
use wharf_wire::{BodyLength, FlagRule, FrameRules, PacketRule, PacketTable, SendClass, classic};

/// The last that was heard of the client is just over: the session ends in a minute, not before.
fn ends_after_a_minute_of_silence(mut net: Harness, pair: Pair) {
    net.advance(millis(59_999));
    assert_eq!(net.end(pair.server), "open");
    net.advance(millis(2));
    assert_eq!(net.reason(pair.server), Some(CloseReason::IdleTimeout));
    net.stop();
}

#[test]
fn who_does_not_log_in_is_closed_when_the_time_is_up() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.advance(millis(29_990));
    assert!(net.lives(pair), "echo is allowed, but it is no login");
    net.advance(millis(20));
    assert_eq!(net.reason(pair.server), Some(CloseReason::LoginTimeout));
    net.stop();
}

#[test]
fn a_logged_in_classic_session_may_be_silent_for_ever() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.server().log_in(pair.server);
    net.advance(secs(1_000_000));
    assert!(net.lives(pair));
    net.stop();
}

#[test]
fn an_idle_logged_in_session_wakes_nobody() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    assert!(net.lives(pair), "it has sent and received");
    net.server().log_in(pair.server);
    net.settle();
    assert_eq!(net.server().next_deadline(), None);
    let fired = net.server().stats().deadlines_fired;
    net.advance(secs(100));
    assert_eq!(net.server().stats().deadlines_fired, fired);
    net.stop();
}

/// Ids from 1024 on are of clients with a heartbeat.
static WITH_HEARTBEAT: PacketTable = PacketTable::new(&[
    PacketRule {
        id: 1,
        name: "echo",
        body: BodyLength::AtLeast(0),
        flags: FlagRule::NONE,
    },
    PacketRule {
        id: 1_024,
        name: "hello",
        body: BodyLength::AtLeast(0),
        flags: FlagRule::NONE,
    },
]);
const MODERN: FrameRules = FrameRules {
    table: &WITH_HEARTBEAT,
    frame_bytes_max: 1_024,
};

#[test]
fn a_client_with_a_heartbeat_is_closed_when_it_falls_silent() {
    let mut net = Harness::new(|limits| (limits.inbound, limits.outbound) = (MODERN, MODERN));
    let pair = net.connect();
    net.say(pair.client, &frame(1_024, b""));
    net.settle();
    net.server().log_in(pair.server);
    for _ in 0..5 {
        net.advance(secs(59));
        net.say(pair.client, &echo(b"beat"));
    }
    ends_after_a_minute_of_silence(net, pair);
}

/// Last words: frames of nine bytes with the id 1,024.
static LATE: &[u8] = b"\x09\0\0\x04\0late";
static IDLE: &[u8] = b"\x09\0\0\x04\0idle";

#[test]
fn a_client_with_a_heartbeat_is_told_which_deadline_it_has_missed() {
    for (logs_in, told, reason) in [
        (false, b"late", CloseReason::LoginTimeout),
        (true, b"idle", CloseReason::IdleTimeout),
    ] {
        let mut net = Harness::new(|limits| {
            (limits.inbound, limits.outbound) = (MODERN, MODERN);
            (limits.login_timeout_frame, limits.idle_timeout_frame) = (LATE, IDLE);
        });
        let pair = net.connect();
        net.say(pair.client, &frame(1_024, b""));
        net.settle();
        if logs_in {
            net.server().log_in(pair.server);
        }
        net.advance(secs(61));
        assert_eq!(net.bodies(pair.client).last().unwrap(), told);
        assert!(net.client_is_closed(pair.client));
        assert_eq!(net.reason(pair.server), Some(reason));
        net.stop();
    }
}

#[test]
fn nothing_follows_the_last_word_of_a_missed_deadline_whatever_its_class() {
    let mut net = Harness::new(|limits| {
        let rules = FrameRules {
            frame_bytes_max: 16_384,
            ..MODERN
        };
        (limits.inbound, limits.outbound) = (rules, rules);
        limits.idle_timeout_frame = IDLE;
    });
    let pair = net.connect();
    net.say(pair.client, &frame(1_024, b""));
    net.settle();
    net.server().log_in(pair.server);
    net.advance(secs(59));
    net.clients.net.hold_input(pair.client);
    net.settle();
    stuff(&mut net, pair);
    for (class, body) in [(SendClass::Bulk, "bulk"), (SendClass::Latest, "latest")] {
        let (now, waiting) = (net.now, echo(body.as_bytes()));
        let waiting = Outgoing::Copy(&waiting);
        net.server()
            .send(now, pair.server, class, Origin::Others, waiting);
    }
    net.advance(secs(2));
    net.clients.net.resume_input(pair.client);
    net.settle();
    let bodies = net.bodies(pair.client);
    let last = bodies[bodies.len() - 3..].iter();
    let last: Vec<_> = last.map(|body| str::from_utf8(body).unwrap()).collect();
    assert_eq!(last, ["latest", "bulk", "idle"]);
    assert_eq!(net.reason(pair.server), Some(CloseReason::IdleTimeout));
    net.stop();
}

#[test]
fn silence_counts_from_when_we_listen_again() {
    let mut net = Harness::new(|limits| {
        (limits.inbound, limits.outbound) = (MODERN, MODERN);
        limits.session_credit = 1;
    });
    net.content.handles = false;
    let pair = net.connect();
    net.say(pair.client, &frame(1_024, b""));
    net.settle();
    net.server().log_in(pair.server);
    net.advance(secs(1_000));
    assert_eq!(net.end(pair.server), "open", "who is paused is not silent");
    net.server().return_credit(pair.server, 1);
    ends_after_a_minute_of_silence(net, pair);
}

#[test]
fn who_has_ended_its_direction_is_not_closed_for_its_silence() {
    let mut net = Harness::new(|limits| (limits.inbound, limits.outbound) = (MODERN, MODERN));
    net.content.finishes = false;
    let pair = net.connect();
    net.say(pair.client, &frame(1_024, b""));
    net.settle();
    net.server().log_in(pair.server);
    net.clients.net.end_output(pair.client);
    net.advance(secs(1_000));
    assert_eq!(net.end(pair.server), "open", "it may wait for an answer");
    net.finish(pair.server, CloseReason::PeerClosed);
    net.stop();
}

#[test]
fn a_connect_that_takes_too_long_is_given_up() {
    let mut net = Harness::new(|_| ());
    let client = net.dial();
    assert_eq!(
        net.clients.net.next_deadline(),
        Some(net.now + secs(10)),
        "it has limits.connect"
    );
    net.now += secs(10);
    net.clients.net.handle_timeout(net.now);
    net.settle();
    let timed_out = CloseReason::ConnectFailed(ConnectError::TimedOut);
    assert_eq!(net.heard_by_client(client), [Heard::Closed(timed_out)]);
    net.stop();
}

#[test]
fn the_first_id_makes_a_session_classic_for_life() {
    let mut net = Harness::new(|limits| (limits.inbound, limits.outbound) = (MODERN, MODERN));
    let pair = net.connect();
    net.say(pair.client, &[echo(b""), frame(1_024, b"")].concat());
    net.settle();
    net.server().log_in(pair.server);
    net.advance(secs(10_000));
    assert!(net.lives(pair));
    net.stop();
}

#[test]
fn a_frame_that_is_begun_and_not_completed_ends_its_session() {
    let mut net = Harness::new(|_| ());
    let (slow, witness) = (net.connect(), net.connect());
    // One byte each nine seconds: each is in time, the frame is not.
    let bytes = echo(b"a slow loris");
    net.say(slow.client, &bytes[..1]);
    net.advance(secs(9));
    net.say(slow.client, &bytes[1..2]);
    net.advance(millis(999));
    assert_eq!(net.end(slow.server), "open");
    net.advance(millis(2));
    assert_eq!(
        net.reason(slow.server),
        Some(CloseReason::PartialFrameTimeout)
    );
    assert!(net.lives(witness));
    net.stop();
}

#[test]
fn frames_that_arrive_in_pieces_are_no_slow_frame() {
    let mut net = Harness::new(|limits| limits.login = secs(3_600));
    let pair = net.connect();
    let bytes = [echo(b"one"), echo(b"two")].concat();
    // Every piece ends inside a frame, and begins by completing the one before, in time.
    net.say(pair.client, &bytes[..3]);
    for _ in 0..20 {
        net.advance(secs(6));
        net.say(pair.client, &bytes[3..11]);
        net.advance(secs(6));
        net.say(pair.client, &[&bytes[11..], &bytes[..3]].concat());
    }
    net.settle();
    assert_eq!(net.bodies(pair.client).len(), 40);
    assert_eq!(net.server().stats().frames_reassembled, 40);
    net.say(pair.client, &bytes[3..8]);
    net.settle();
    net.stop();
}

#[test]
fn a_frame_cannot_be_late_while_its_session_is_paused() {
    let mut net = Harness::new(|limits| {
        limits.session_credit = 1;
        limits.login = secs(3_600);
    });
    net.content.handles = false;
    let pair = net.connect();
    let bytes = echo(b"second");
    net.say(pair.client, &[&echo(b"first"), &bytes[..3]].concat());
    net.advance(secs(25));
    assert_eq!(
        net.end(pair.server),
        "open",
        "without credit we do not listen"
    );
    net.server().return_credit(pair.server, 1);
    // From now on it has its ten seconds.
    net.advance(millis(9_900));
    net.say(pair.client, &bytes[3..]);
    net.settle();
    assert_eq!(
        net.bodies(pair.client),
        [b"first".to_vec(), b"second".to_vec()]
    );
    net.stop();
}

#[test]
fn a_link_that_takes_nothing_is_cut_as_a_send_stall() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.server().log_in(pair.server);
    net.clients.net.hold_input(pair.client);
    net.settle();
    stuff(&mut net, pair);
    net.advance(secs(29));
    assert_eq!(net.end(pair.server), "open");
    net.advance(secs(2));
    assert_eq!(net.reason(pair.server), Some(CloseReason::SendStall));
    net.stop();
}

#[test]
fn a_goodbye_that_cannot_leave_ends_as_a_send_stall() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.settle();
    stuff(&mut net, pair);
    net.finish(pair.server, CloseReason::Kicked);
    net.advance(secs(31));
    assert_eq!(net.reason(pair.server), Some(CloseReason::SendStall));
    net.stop();
}

#[test]
fn a_peer_that_does_not_close_after_the_goodbye_is_closed_at_the_drain_deadline() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.settle();
    net.finish(pair.server, CloseReason::Kicked);
    net.advance(millis(4_990));
    assert_eq!(net.end(pair.server), "open");
    net.advance(millis(20));
    assert_eq!(net.reason(pair.server), Some(CloseReason::Kicked));
    net.stop();
}

#[test]
fn a_peer_that_reads_now_and_then_cannot_hold_the_goodbye_for_ever() {
    let mut net = Harness::new(|limits| {
        limits.send_queue_bytes = 32 << 20;
        limits.send_queues_bytes = 64 << 20;
    });
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.settle();
    for _ in 0..1_800 {
        net.tell(pair.server, &echo(&[1; 16_000]));
    }
    net.finish(pair.server, CloseReason::Kicked);
    net.settle();
    for _ in 0..3 {
        net.advance(millis(9_900));
        assert_eq!(net.end(pair.server), "open");
        net.clients.net.resume_input(pair.client);
        net.turn();
        net.turn();
        net.clients.net.hold_input(pair.client);
        net.settle();
    }
    assert!(
        net.server().stats().queued_bytes > 0,
        "it has read everything"
    );
    net.advance(secs(1));
    assert_eq!(net.reason(pair.server), Some(CloseReason::SendStall));
    net.stop();
}

#[test]
fn a_goodbye_has_its_time_from_when_it_was_said_however_long_ago_the_last_turn_was() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.settle();
    net.now += secs(3_600);
    net.finish(pair.server, CloseReason::Kicked);
    net.settle();
    assert_eq!(net.end(pair.server), "open");
    net.stop();
}

#[test]
fn a_client_of_ours_has_no_deadlines_once_it_is_connected() {
    let mut net = Harness::new(|limits| (limits.inbound, limits.outbound) = (MODERN, MODERN));
    let pair = net.connect();
    net.tell(pair.server, &frame(1_024, b""));
    net.settle();
    net.server().log_in(pair.server);
    net.advance(secs(10_000));
    assert!(net.lives(pair));
    net.stop();
}

#[test]
fn a_login_ends_the_deadline_even_if_it_comes_last_minute() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.advance(millis(29_999));
    net.say(pair.client, &frame(classic::id::LOGIN_REQUEST, &[b'x'; 66]));
    net.content.echoes = false;
    net.settle();
    net.server().log_in(pair.server);
    net.advance(secs(60));
    assert_eq!(net.end(pair.server), "open");
    net.stop();
}

#[test]
fn who_waits_for_a_place_has_no_deadline_and_then_the_usual_one() {
    let mut net = Harness::new(|limits| {
        limits.sessions_max = 1;
        limits.waiting_max = 1;
        limits.sessions_not_logged_in = 1;
    });
    let inside = net.connect();
    net.server().log_in(inside.server);
    let waits = net.connect();
    let now = net.now;
    net.server().set_waiting(now, waits.server, true);
    assert_eq!(net.server().stats().closed_as("login-timeout"), 0);
    net.advance(secs(50));
    net.say(waits.client, &echo(b"still here"));
    net.advance(secs(50));
    assert!(net.lives(waits));
    let late = net.dial();
    net.settle();
    net.say(late, &frame(classic::id::LOGIN_REQUEST, &[0; 66]));
    net.settle();
    assert!(net.client_is_closed(late), "there is one seat to wait in");
    let now = net.now;
    net.server().set_waiting(now, waits.server, false);
    // Nothing else that happens to it has its deadlines looked at.
    net.advance(millis(29_990));
    assert_eq!(net.end(waits.server), "open");
    net.advance(millis(20));
    assert_eq!(net.reason(waits.server), Some(CloseReason::LoginTimeout));
    net.stop();
}
