//! The way in: order, pieces, credit, rates, floods, the end of input.

use crate::harness::*;
use wharf_net::CloseReason;

/// Bodies `0.to_string()`, `1.to_string()`, ...
fn numbered(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| number.to_string().into_bytes())
        .collect()
}

fn frames(bodies: &[Vec<u8>]) -> Vec<u8> {
    bodies.iter().flat_map(|body| echo(body)).collect()
}

#[test]
fn all_frames_of_one_receive_are_handled_in_order() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    let bodies = numbered(50);
    net.say(pair.client, &frames(&bodies));
    net.settle();
    assert_eq!(net.bodies(pair.client), bodies);
    net.stop();
}

#[test]
fn a_frame_split_at_any_byte_is_handled_when_it_is_whole() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    let (first, second) = (echo(b"first"), echo(b"second"));
    let stream = [&first[..], &second].concat();
    for split in 1..stream.len() {
        let before = net.bodies(pair.client).len();
        net.say(pair.client, &stream[..split]);
        net.settle();
        let whole = usize::from(split >= first.len());
        assert_eq!(
            net.bodies(pair.client).len(),
            before + whole,
            "split at {split}"
        );
        net.say(pair.client, &stream[split..]);
        net.settle();
        assert_eq!(
            net.bodies(pair.client)[before..],
            [b"first".to_vec(), b"second".to_vec()]
        );
    }
    assert_eq!(net.server().stats().reassembly_bytes, 0);
    net.stop();
}

#[test]
fn no_frame_of_one_session_reaches_another() {
    let mut net = Harness::new(|_| ());
    let pairs: Vec<_> = (0..20).map(|_| net.connect()).collect();
    for round in 0..10 {
        for (number, pair) in pairs.iter().enumerate() {
            let frame = echo(format!("{number}:{round}").as_bytes());
            let (head, tail) = frame.split_at(round % frame.len());
            net.say(pair.client, head);
            net.say(pair.client, tail);
        }
        net.settle();
    }
    for (number, pair) in pairs.iter().enumerate() {
        let expected: Vec<_> = (0..10)
            .map(|round| format!("{number}:{round}").into_bytes())
            .collect();
        assert_eq!(net.bodies(pair.client), expected);
    }
    net.stop();
}

#[test]
fn without_credit_input_pauses_and_nothing_of_it_is_lost() {
    let mut net = Harness::new(|limits| limits.session_credit = 4);
    net.content.handles = false;
    let pair = net.connect();
    let bodies = numbered(100);
    net.say(pair.client, &frames(&bodies[..10]));
    net.settle();
    // What had arrived is handled all the same, as debt.
    assert_eq!(net.bodies(pair.client), bodies[..10]);
    net.say(pair.client, &frames(&bodies[10..]));
    net.settle();
    assert_eq!(
        net.bodies(pair.client).len(),
        10,
        "there was no credit left"
    );
    assert_eq!(net.server().stats().pauses_credit, 1);
    net.server().return_credit(pair.server, 6);
    net.settle();
    assert_eq!(
        net.bodies(pair.client).len(),
        10,
        "six were given back, ten are owed"
    );
    net.server().return_credit(pair.server, 4);
    net.settle();
    assert_eq!(net.bodies(pair.client), bodies);
    net.stop();
}

#[test]
fn a_thousand_frames_at_once_are_all_answered() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    let bodies = numbered(1_000);
    net.say(pair.client, &frames(&bodies));
    net.advance(secs(10));
    assert_eq!(net.bodies(pair.client), bodies);
    assert!(net.lives(pair));
    assert!(net.server().stats().pauses_rate >= 1);
    net.stop();
}

#[test]
fn who_overdraws_its_rate_is_paused_until_it_is_paid() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    // As much as fits into one receive buffer, which is what every backend takes in at once.
    net.say(pair.client, &frames(&numbered(500)));
    net.settle();
    assert_eq!(
        net.bodies(pair.client).len(),
        500,
        "what had arrived is debt"
    );
    net.say(pair.client, &echo(b"later"));
    // 100 too many, at 200 a second.
    net.advance(millis(490));
    assert_eq!(net.bodies(pair.client).len(), 500);
    net.advance(millis(20));
    assert_eq!(net.bodies(pair.client).len(), 501);
    net.stop();
}

#[test]
fn a_flood_that_does_not_end_is_cut_and_others_are_served() {
    let mut net = Harness::new(|_| ());
    let (flood, witness) = (net.connect(), net.connect());
    for step in 0..200 {
        net.say(flood.client, &frames(&numbered(60)));
        net.advance(millis(50));
        if step % 20 == 0 {
            assert!(net.lives(witness));
        }
    }
    assert_eq!(net.reason(flood.server), Some(CloseReason::Flood));
    assert!(net.lives(witness));
    net.stop();
}

#[test]
fn a_flood_of_bytes_counts_as_well() {
    let mut net = Harness::new(|limits| {
        limits.inbound_packets_per_second = 0;
        limits.inbound_bytes_per_second = 10_000;
    });
    let pair = net.connect();
    for _ in 0..100 {
        net.say(pair.client, &echo(&[1; 10_000]));
        net.advance(millis(100));
    }
    assert_eq!(net.reason(pair.server), Some(CloseReason::Flood));
    net.stop();
}

#[test]
fn rates_of_zero_are_off() {
    let mut net = Harness::new(|limits| {
        limits.inbound_packets_per_second = 0;
        limits.inbound_bytes_per_second = 0;
    });
    let pair = net.connect();
    for _ in 0..100 {
        net.say(pair.client, &frames(&numbered(100)));
        net.settle();
    }
    assert_eq!(net.bodies(pair.client).len(), 10_000);
    assert_eq!(net.server().stats().pauses_rate, 0);
    net.stop();
}

#[test]
fn a_half_closed_client_still_gets_every_answer() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    let bodies = numbered(40);
    net.say(pair.client, &frames(&bodies));
    net.clients.net.end_output(pair.client);
    net.settle();
    assert_eq!(net.bodies(pair.client), bodies);
    assert_eq!(net.reason(pair.server), Some(CloseReason::PeerClosed));
    let last = net.heard_by_server(pair.server);
    assert_eq!(last[last.len() - 2], Heard::InputEnded, "behind its frames");
    net.stop();
}

#[test]
fn answers_that_come_late_still_reach_a_half_closed_client() {
    let mut net = Harness::new(|_| ());
    net.content = Content {
        echoes: false,
        handles: true,
        finishes: false,
    };
    let pair = net.connect();
    net.say(pair.client, &echo(b"question"));
    net.clients.net.end_output(pair.client);
    net.advance(secs(20));
    assert_eq!(net.end(pair.server), "open");
    net.tell(pair.server, &echo(b"answer"));
    net.finish(pair.server, CloseReason::PeerClosed);
    net.settle();
    assert_eq!(net.bodies(pair.client), [b"answer"]);
    assert_eq!(net.reason(pair.server), Some(CloseReason::PeerClosed));
    net.stop();
}

#[test]
fn at_the_memory_limit_the_frame_unfinished_longest_goes() {
    let mut net = Harness::new(|limits| limits.reassembly_bytes = 3 * 16_384);
    let begun: Vec<_> = (0..4)
        .map(|_| {
            let pair = net.connect();
            net.say(pair.client, &echo(&[1; 16_000])[..100]);
            net.advance(millis(10));
            pair
        })
        .collect();
    let ends: Vec<_> = begun.iter().map(|pair| net.end(pair.server)).collect();
    assert_eq!(ends, ["reassembly-budget", "open", "open", "open"]);
    assert!(net.server().stats().reassembly_bytes <= 3 * 16_384);
    net.say(begun[3].client, &echo(&[1; 16_000])[100..]);
    net.settle();
    assert_eq!(net.bodies(begun[3].client), [vec![1; 16_000]]);
    net.stop();
}

#[test]
fn the_owner_can_pause_a_sessions_input() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.clients.net.hold_input(pair.client);
    net.say(pair.client, &echo(b"answer me"));
    net.settle();
    assert_eq!(net.bodies(pair.client), Vec::<Vec<u8>>::new());
    net.clients.net.resume_input(pair.client);
    net.settle();
    assert_eq!(net.bodies(pair.client), [b"answer me"]);
    net.stop();
}
