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
    let now = net.now;
    net.server().begin_shutdown(now);
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
fn a_stopping_server_accepts_nobody() {
    let mut net = Harness::new(|_| ());
    let now = net.now;
    net.server().begin_shutdown(now);
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
    let now = net.now;
    net.server().begin_shutdown(now);
    net.settle();
    assert!(net.client_is_closed(late));
    assert_eq!(net.server().stats().opened, 0);
    net.stop();
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
    let now = net.now;
    net.server().begin_shutdown(now);
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
    let now = net.now;
    net.clients.net.begin_shutdown(now);
    net.settle();
    assert_eq!(
        net.heard_by_client(client),
        [Heard::Closed(CloseReason::Shutdown)]
    );
    net.stop();
}
