//! What only a simulated world can do on demand.

use crate::harness::*;
use crate::swarm::{STEPS, Swarm};
use crate::world::World;
use std::time::Duration;
use wharf_net::CloseReason;
use wharf_port::sim::Faults;

#[test]
fn an_accept_without_descriptors_is_tried_again_after_a_pause_and_never_in_a_loop() {
    let starved = Faults {
        starved_accept: 1.0,
        ..Faults::none()
    };
    let mut net = Harness::in_world(World::with(0, starved), |_| ());
    let client = net.dial();
    net.advance(secs(1));
    let tries = net.server().stats().accepts_starved;
    assert!((5..=12).contains(&tries), "{tries} tries in a second");
    net.world.sim.set_faults(Faults::none());
    net.advance(millis(200));
    assert_eq!(net.server().stats().opened, 1);
    assert_eq!(net.heard_by_client(client), [Heard::Opened]);
    net.stop();
}

#[test]
fn a_starved_listener_tries_again_as_soon_as_a_connection_has_closed() {
    let mut net = Harness::new(|limits| limits.accept_backoff = secs(3_600));
    let leaver = net.connect();
    net.world.sim.set_faults(Faults {
        starved_accept: 1.0,
        ..Faults::none()
    });
    let client = net.dial();
    net.advance(secs(1));
    assert_eq!(net.server().stats().accepts_starved, 1);
    net.world.sim.set_faults(Faults::none());
    net.advance(secs(1));
    assert_eq!(net.server().stats().opened, 1);
    net.clients
        .net
        .close(leaver.client, CloseReason::PeerClosed);
    net.settle();
    assert_eq!(net.server().stats().opened, 2);
    assert_eq!(net.heard_by_client(client), [Heard::Opened]);
    net.stop();
}

#[test]
fn while_connections_wait_for_their_turn_the_rest_wait_in_the_kernel() {
    let mut net = Harness::new(|limits| {
        limits.accepts_per_turn = 1;
        limits.accepts_waiting_max = 10;
    });
    // Two waves; both at once are more than may wait here.
    for _ in 0..2 {
        for _ in 0..8 {
            net.dial();
        }
        for _ in 0..3 {
            net.now += Duration::from_micros(1);
            net.turn();
        }
    }
    net.settle();
    let stats = net.server().stats();
    assert_eq!((stats.opened, stats.accepts_waiting_overflow), (16, 0));
    net.stop();
}

#[test]
fn a_connection_that_died_before_it_was_accepted_costs_a_count() {
    let mut net = Harness::in_world(
        World::with(
            0,
            Faults {
                dead_accept: 1.0,
                ..Faults::none()
            },
        ),
        |_| (),
    );
    for _ in 0..10 {
        net.dial();
    }
    net.settle();
    net.world.sim.set_faults(Faults::none());
    let pair = net.connect();
    assert!(net.lives(pair), "the listener goes on");
    net.stop();
}

#[test]
fn the_same_seed_is_the_same_run() {
    let heard = |seed| {
        let mut swarm = Swarm::new(seed, |_| ());
        swarm.live(STEPS);
        let sides = swarm.net.servers.iter().chain([&swarm.net.clients]);
        let heard: Vec<_> = sides.map(|side| side.ear.heard.clone()).collect();
        (swarm.net.now, heard)
    };
    for seed in 0..10 {
        assert!(heard(seed) == heard(seed), "seed {seed} has two runs");
    }
    assert!(heard(0) != heard(1));
}

#[cfg(feature = "canary")]
#[test]
fn every_planted_bug_is_found_within_500_seeds() {
    use wharf_net::Canary;
    for canary in Canary::ALL {
        let found = (0..500).find(|&seed| {
            let run =
                move || Swarm::new(seed, |limits| limits.planted = Some(canary).into()).run(STEPS);
            std::panic::catch_unwind(run).is_err()
        });
        assert!(found.is_some(), "{canary:?} lives");
        println!("{canary:?}: seed {found:?}");
    }
}
