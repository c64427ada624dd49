//! The way out: one gathered send a turn, budgets, pauses, and nothing for those who have gone.

use crate::harness::*;
use wharf_net::{CloseReason, Origin, Outgoing};
use wharf_wire::SendClass;

fn bodies_of(count: u32, bytes: usize) -> Vec<Vec<u8>> {
    let body = |number: u32| {
        let mut body = number.to_le_bytes().to_vec();
        body.resize(bytes, 0xCC);
        body
    };
    (0..count).map(body).collect()
}

#[test]
fn frames_of_one_turn_leave_in_one_send() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    let bodies = bodies_of(100, 50);
    for body in &bodies {
        net.tell(pair.server, &echo(body));
    }
    net.settle();
    assert_eq!(net.bodies(pair.client), bodies);
    assert_eq!(net.server().stats().sends, 1);
    net.stop();
}

#[test]
fn large_and_small_frames_arrive_in_order() {
    let mut net = Harness::new(|limits| limits.send_queue_bytes = 4 << 20);
    let pair = net.connect();
    let bodies: Vec<_> = (0..300u32)
        .map(|number| vec![number as u8; (number as usize * 7_919) % 9_000])
        .collect();
    let now = net.now;
    for (number, body) in bodies.iter().enumerate() {
        let frame = echo(body);
        let outgoing = if number % 3 == 0 {
            Outgoing::Copy(&frame)
        } else {
            Outgoing::Shared(frame.clone().into())
        };
        net.server().send(
            now,
            pair.server,
            SendClass::Reliable,
            Origin::Others,
            outgoing,
        );
    }
    net.settle();
    assert_eq!(net.bodies(pair.client), bodies);
    net.stop();
}

#[test]
fn a_reader_too_slow_for_what_others_say_is_cut_and_others_are_served() {
    let mut net = Harness::new(|_| ());
    let (slow, witness) = (net.connect(), net.connect());
    net.clients.net.hold_input(slow.client);
    net.settle();
    let line = echo(&[b'x'; 290]);
    let mut said = 0;
    while net.end(slow.server) == "open" {
        assert!(said < 100_000, "nobody cut it");
        for _ in 0..50 {
            net.tell(slow.server, &line);
            said += 1;
        }
        net.tell(witness.server, &line);
        net.advance(millis(20));
        let stats = net.server().stats();
        let most = (4 * 512 * 1024, 64 * 1024);
        assert!(stats.queued_bytes <= most.0 && stats.leaving_bytes <= most.1 + 1_000);
    }
    assert_eq!(net.reason(slow.server), Some(CloseReason::SlowReader));
    assert!(net.lives(witness));
    assert_eq!(net.server().stats().queued_bytes, 0);
    net.stop();
}

#[test]
fn what_comes_in_one_go_cuts_nobody_who_reads_it() {
    let mut net = Harness::new(|limits| limits.send_queue_messages = 1_000);
    let pair = net.connect();
    let bodies = bodies_of(3_900, 300);
    for body in &bodies {
        net.tell(pair.server, &echo(body));
    }
    net.advance(secs(2));
    assert_eq!(net.bodies(pair.client), bodies);
    // Nor is it remembered.
    for body in &bodies {
        net.tell(pair.server, &echo(body));
    }
    net.settle();
    assert!(net.lives(pair));
    net.stop();
}

#[test]
fn nobody_is_sent_more_in_one_go_than_a_burst() {
    let mut net = Harness::new(|limits| limits.send_queue_messages = 1_000);
    let pair = net.connect();
    for _ in 0..4_001 {
        net.tell(pair.server, &echo(b""));
    }
    net.settle();
    assert_eq!(net.reason(pair.server), Some(CloseReason::SlowReader));
    net.stop();
}

#[test]
fn many_small_messages_count_as_well_as_many_bytes() {
    let mut net = Harness::new(|limits| limits.send_queue_messages = 100);
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.settle();
    stuff(&mut net, pair);
    for _ in 0..101 {
        net.tell(pair.server, &echo(b""));
    }
    net.advance(millis(400));
    assert_eq!(net.end(pair.server), "open");
    net.advance(secs(2));
    assert_eq!(net.reason(pair.server), Some(CloseReason::SlowReader));
    net.stop();
}

#[test]
fn a_turn_that_was_long_itself_is_not_held_against_a_reader() {
    let mut net = Harness::new(|limits| limits.send_queue_messages = 1_000);
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.settle();
    stuff(&mut net, pair);
    for body in bodies_of(1_500, 30) {
        net.tell(pair.server, &echo(&body));
    }
    net.turn();
    // Longer than makes a slow reader, and nobody was there to see it read.
    net.now += secs(2);
    net.turn();
    assert_eq!(net.end(pair.server), "open");
    net.clients.net.resume_input(pair.client);
    net.advance(secs(5));
    assert!(net.lives(pair));
    net.stop();
}

#[test]
fn replies_that_fill_the_queue_pause_the_requests_and_lose_nothing() {
    let mut net = Harness::new(|limits| {
        limits.inbound_packets_per_second = 0;
        limits.inbound_bytes_per_second = 0;
    });
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.settle();
    let bodies = bodies_of(3_000, 4_000);
    for chunk in bodies.chunks(50) {
        for body in chunk {
            net.say(pair.client, &echo(body));
        }
        net.settle();
    }
    assert_eq!(net.end(pair.server), "open");
    assert_eq!(net.server().stats().pauses_replies, 1);
    let queued = net.server().stats().queued_bytes;
    assert!(
        queued < 1 << 20,
        "requests went on being answered: {queued} bytes"
    );
    net.clients.net.resume_input(pair.client);
    net.advance(secs(1));
    assert_eq!(net.bodies(pair.client), bodies);
    net.stop();
}

#[test]
fn replies_without_end_to_a_reader_who_stopped_are_cut() {
    let mut net = Harness::new(|limits| limits.send_queue_burst_factor = 2);
    let pair = net.connect();
    let now = net.now;
    for _ in 0..100 {
        let frame = echo(&[0; 16_000]);
        let frame = Outgoing::Copy(&frame);
        net.server()
            .send(now, pair.server, SendClass::Reliable, Origin::Own, frame);
    }
    net.settle();
    assert_eq!(net.reason(pair.server), Some(CloseReason::SlowReader));
    net.stop();
}

#[test]
fn when_all_queues_together_are_full_a_slow_reader_goes() {
    let mut net = Harness::new(|limits| {
        limits.send_queue_bytes = 256 * 1024;
        limits.send_queues_bytes = 800 * 1024;
    });
    let slow: Vec<_> = (0..4).map(|_| net.connect()).collect();
    for pair in &slow {
        net.clients.net.hold_input(pair.client);
    }
    net.settle();
    for pair in &slow {
        stuff(&mut net, *pair);
    }
    for _ in 0..10 {
        for pair in &slow {
            net.tell(pair.server, &echo(&[3; 16_000]));
        }
        net.settle();
    }
    let stats = net.server().stats();
    let used = stats.queued_bytes + stats.leaving_bytes;
    assert!(used <= 800 * 1024, "{used}");
    assert!(stats.send_memory_cuts >= 1);
    // One may pass its own budget besides, if its kernel takes less than the others' did.
    assert!(stats.closed_as("slow-reader") >= stats.send_memory_cuts);
    net.stop();
}

#[test]
fn a_latest_value_is_replaced_while_it_waits() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    let now = net.now;
    for number in 0..10u8 {
        let (frame, other) = (echo(&[number]), echo(&[100 + number]));
        let server = net.server();
        server.send(
            now,
            pair.server,
            SendClass::Latest,
            Origin::Others,
            Outgoing::Copy(&frame),
        );
        let key = 70_000 + u64::from(number % 2);
        server.send_latest(
            now,
            pair.server,
            key,
            Origin::Others,
            Outgoing::Copy(&other),
        );
    }
    net.settle();
    assert_eq!(net.bodies(pair.client), [[9], [108], [109]]);
    assert_eq!(net.server().stats().latest_replaced, 9 + 8);
    net.stop();
}

#[test]
fn a_reply_never_reaches_a_later_session_in_the_same_slot() {
    let mut net = Harness::new(|_| ());
    let first = net.connect();
    net.clients.net.close(first.client, CloseReason::PeerClosed);
    net.settle();
    let second = net.connect();
    assert_eq!(first.server.key().index(), second.server.key().index());
    net.tell(first.server, &echo(b"for the first"));
    net.server().close(first.server, CloseReason::Kicked);
    net.finish(first.server, CloseReason::Kicked);
    net.server().return_credit(first.server, 1);
    net.settle();
    assert!(net.lives(second));
    assert_eq!(net.bodies(second.client).len(), 1);
    assert_eq!(net.server().stats().frames_stale, 1);
    net.stop();
}

#[test]
fn what_is_for_another_shard_reaches_nobody_here() {
    let mut net = Harness::new(|limits| limits.shards = 2);
    let (here, there) = (net.connect(), net.connect());
    assert_eq!(here.server.key(), there.server.key());
    let now = net.now;
    let frame = echo(b"for the other shard");
    let outgoing = Outgoing::Copy(&frame);
    net.server().send(
        now,
        there.server,
        SendClass::Reliable,
        Origin::Others,
        outgoing,
    );
    net.server().close(there.server, CloseReason::Kicked);
    net.settle();
    assert!(net.lives(here) && net.lives(there));
    assert_eq!(net.bodies(here.client).len(), 1);
    net.stop();
}

#[test]
fn what_a_cut_session_had_waiting_is_freed_before_its_socket_is() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.settle();
    stuff(&mut net, pair);
    assert!(net.server().stats().queued_bytes > 0);
    net.server().close(pair.server, CloseReason::Kicked);
    net.turn();
    assert_eq!(net.server().stats().queued_bytes, 0);
    assert_eq!(net.end(pair.server), "open", "the port has not said so yet");
    net.stop();
}

#[test]
fn a_session_that_has_been_finished_takes_no_more_frames() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.tell(pair.server, &echo(b"last words"));
    net.finish(pair.server, CloseReason::Kicked);
    net.tell(pair.server, &echo(b"too late"));
    net.settle();
    assert_eq!(net.bodies(pair.client), [b"last words"]);
    assert_eq!(net.reason(pair.server), Some(CloseReason::Kicked));
    net.stop();
}
