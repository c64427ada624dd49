//! A stop: no more accepts, everything flushed, every session told, and bounded in time.

use crate::harness::*;
use wharf_net::CloseReason;

#[test]
fn a_stop_flushes_everything_and_closes_with_its_reason() {
    let mut net = Harness::new(|_| ());
    let pairs: Vec<_> = (0..10).map(|_| net.connect()).collect();
    for pair in &pairs {
        for number in 0..20u8 {
            net.tell(pair.server, &echo(&[number; 1_000]));
        }
    }
    net.begin_stop();
    net.settle();
    assert!(net.server().is_shut_down());
    for pair in pairs {
        assert_eq!(net.bodies(pair.client).len(), 20);
        assert_eq!(net.reason(pair.server), Some(CloseReason::Shutdown));
        assert!(net.client_is_closed(pair.client));
    }
    net.stop();
}

#[test]
fn a_stop_answers_what_was_received() {
    let mut net = Harness::new(|_| ());
    (net.content.echoes, net.content.finishes) = (false, false);
    let pair = net.connect();
    net.say(pair.client, &echo(b"asked before the stop"));
    net.settle();
    net.begin_stop();
    net.settle();
    assert_eq!(
        net.heard_by_server(pair.server).last(),
        Some(&Heard::InputEnded)
    );
    // Content may take its turns for the answer, and for what others are told because of it.
    net.answer(pair, b"the answer");
    net.tell(pair.server, &echo(b"the news"));
    net.settle();
    assert_eq!(net.bodies(pair.client), [&b"the answer"[..], b"the news"]);
    net.finish(pair.server, CloseReason::PeerClosed);
    net.settle();
    assert_eq!(net.reason(pair.server), Some(CloseReason::Shutdown));
    assert!(net.server().is_shut_down());
    net.stop();
}

#[test]
fn what_arrives_after_a_stop_has_begun_is_for_nobody() {
    let mut net = Harness::new(|_| ());
    net.content.finishes = false;
    let (whole, part) = (net.connect(), net.connect());
    net.say(part.client, &echo(b"unfinished")[..7]);
    net.settle();
    net.begin_stop();
    net.say(whole.client, &echo(b"too late"));
    net.say(part.client, &echo(b"unfinished")[7..]);
    net.settle();
    for pair in [whole, part] {
        let heard = net.heard_by_server(pair.server);
        assert_eq!(heard, [Heard::Opened, Heard::InputEnded]);
    }
    assert_eq!(net.server().stats().bytes_discarded, 21);
    // A client that is gone has no use for an answer; its own end is the reason then.
    net.clients.net.close(part.client, CloseReason::PeerClosed);
    net.finish(whole.server, CloseReason::Kicked);
    net.settle();
    assert_eq!(net.reason(whole.server), Some(CloseReason::Kicked));
    net.stop();
}

#[test]
fn a_stop_does_not_tell_twice_that_the_input_has_ended() {
    let mut net = Harness::new(|_| ());
    net.content.finishes = false;
    let pair = net.connect();
    net.clients.net.end_output(pair.client);
    net.settle();
    net.begin_stop();
    net.settle();
    let ends = [Heard::Opened, Heard::InputEnded];
    assert_eq!(net.heard_by_server(pair.server), ends);
    net.finish(pair.server, CloseReason::PeerClosed);
    net.settle();
    assert_eq!(net.reason(pair.server), Some(CloseReason::PeerClosed));
    net.stop();
}

#[test]
fn a_stop_waits_for_content_no_longer_than_for_clients() {
    let mut net = Harness::new(|_| ());
    net.content.finishes = false;
    let pair = net.connect();
    net.begin_stop();
    net.advance(millis(4_990));
    assert_eq!(net.end(pair.server), "open");
    net.advance(millis(20));
    assert_eq!(net.reason(pair.server), Some(CloseReason::Shutdown));
    assert!(net.server().is_shut_down());
    net.stop();
}

#[test]
fn a_stop_does_not_wait_for_who_was_refused() {
    let mut net = Harness::new(|limits| limits.sessions_max = 1);
    let seated = net.connect();
    let late = net.dial();
    net.settle();
    net.begin_stop();
    net.settle();
    assert!(net.client_is_closed(late));
    assert!(net.client_is_closed(seated.client));
    assert!(net.server().is_shut_down());
    net.stop();
}

#[test]
fn a_stopping_server_accepts_nobody() {
    let mut net = Harness::new(|_| ());
    net.begin_stop();
    net.settle();
    let late = net.dial();
    net.settle();
    assert!(net.client_is_closed(late));
    assert_eq!(net.server().stats().opened, 0);
    net.stop();
}

#[test]
fn a_connection_that_is_accepted_as_the_stop_begins_is_closed() {
    let mut net = Harness::new(|_| ());
    let late = net.dial();
    net.settle_clients();
    net.begin_stop();
    net.settle();
    assert!(net.client_is_closed(late));
    assert_eq!(net.server().stats().opened, 0);
    net.stop();
}

#[test]
fn a_connection_on_its_way_to_a_shard_that_stops_is_closed() {
    for stops in [0, 1] {
        let mut net = Harness::new(|limits| limits.shards = 2);
        assert_eq!(net.connect().server.shard(), 0);
        let late = net.dial();
        net.settle_clients();
        let (now, content) = (net.now, net.content);
        net.servers[0].turn(now, content);
        assert_eq!(net.servers[0].net.stats().handed_over, 1, "it is shard 1's");
        net.servers[stops].begin_stop(now);
        net.settle();
        assert!(net.client_is_closed(late), "shard {stops} stops");
        assert_eq!(net.servers[1].net.stats().opened, 0);
        net.stop();
    }
}

#[test]
fn a_stop_is_bounded_whatever_clients_do() {
    let mut net = Harness::new(|_| ());
    let (deaf, mute) = (net.connect(), net.connect());
    for pair in [deaf, mute] {
        net.clients.net.hold_input(pair.client);
    }
    net.settle();
    stuff(&mut net, deaf);
    net.begin_stop();
    net.advance(millis(4_990));
    assert!(!net.server().is_shut_down());
    net.advance(millis(20));
    assert!(net.server().is_shut_down());
    assert_eq!(net.reason(deaf.server), Some(CloseReason::Shutdown));
    assert_eq!(net.reason(mute.server), Some(CloseReason::Shutdown));
    net.stop();
}

#[test]
fn a_stop_gives_up_connects_that_are_under_way() {
    let mut net = Harness::new(|_| ());
    let client = net.dial();
    net.clients.begin_stop(net.now);
    net.settle();
    assert_eq!(
        net.heard_by_client(client),
        [Heard::Closed(CloseReason::Shutdown)]
    );
    net.stop();
}
