//! Whole runs on the simulated port: chance splits, shortens, delays and resets what it likes, and
//! the bots find nothing wrong that is not.

#[path = "../tests/server/lobby.rs"]
mod lobby;

use crate::drive::Driver;
use crate::fleet::Fleet;
use crate::gate::Gate;
use crate::plan::Plan;
use crate::run::client_side;
use crate::tally::{Faults, Tally};
use crate::{BotOptions, Report, Workload};
use clap::ValueEnum;
use lobby::LobbyServer;
use std::sync::Arc;
use wharf_base::{Instant, Rng};
use wharf_port::sim::{self, FaultCounts, SimPort, SimWorld};

/// Turns of the longest run, with a good margin.
const TURNS_MAX: u32 = 1_000_000;

/// Runs a workload in the world that `seed` stands for, with faults that `tame` has had a look at.
fn run(workload: Workload, seed: u64, tame: fn(&mut sim::Faults)) -> (Report, FaultCounts) {
    let mut faults = sim::Faults::draw(&mut Rng::from_seed(seed));
    tame(&mut faults);
    let world = SimWorld::new(seed, faults);
    let port = SimPort::new(&world, &lobby::port_options());
    let server_pulse = port.pulse();
    let mut server = LobbyServer::new(port, Arc::default());
    let options = BotOptions {
        target: server.address(),
        sessions: 20,
        rooms: 2,
        seconds: 1.0,
        rate: 10.0,
        ..BotOptions::of_workload(workload)
    };
    let fleet = Fleet::new(Plan::new(&options, 0));
    let (net, port_options) = client_side(&options, &fleet);
    let port = SimPort::new(&world, &port_options);
    let bots_pulse = port.pulse();
    let mut bots = Driver::new(port, net, fleet, options.target);
    let gate = Gate::new(1);
    let ticket = gate.enter(|| {});
    let mut turns = 0;
    while !server.is_shut_down() {
        if bots.is_done() {
            server.begin_shutdown();
        } else {
            bots.step(&gate, &ticket, Instant::FAR_FUTURE).unwrap();
        }
        let mut next = [server.turn(), server_pulse.next(), None, None];
        if !bots.is_done() {
            next[2..].copy_from_slice(&[bots.next_deadline(), bots_pulse.next()]);
        }
        if let Some(next) = next.into_iter().flatten().min() {
            world.advance_to(next);
        }
        turns += 1;
        assert!(turns < TURNS_MAX, "the run does not end");
    }
    let tally: Tally = bots.into_tally();
    (Report::new(&options, "sim", &tally), world.fault_counts())
}

/// Faults of a network that delays and cuts to pieces, but keeps its connections.
fn keep_connections(faults: &mut sim::Faults) {
    faults.reset = 0.0;
    faults.refused = 0.0;
    faults.no_address = 0.0;
    faults.dead_accept = 0.0;
}

#[test]
fn a_network_that_splits_and_delays_raises_no_alarm() {
    let mut happened = FaultCounts::default();
    for &workload in Workload::value_variants() {
        for seed in 0..8 {
            let (report, counts) = run(workload, seed, keep_connections);
            assert!(report.is_right(), "{workload:?} of seed {seed}: {report}");
            happened.add(&counts);
        }
    }
    assert!(
        happened.splits > 100 && happened.short_sends > 100,
        "{happened:?}"
    );
    assert!(
        happened.late > 100 && happened.stream_ends > 100,
        "{happened:?}"
    );
}

#[test]
fn a_network_that_resets_is_told_from_a_server_that_loses() {
    let mut cut = 0;
    for seed in 0..20 {
        let (report, _) = run(Workload::Chat, seed, |faults| {
            keep_connections(faults);
            faults.reset = 0.2;
        });
        cut += report.faults.closed_early;
        let others = Faults {
            closed_early: 0,
            never_ready: 0,
            ..report.faults
        };
        assert_eq!(others, Faults::default(), "seed {seed}: {report}");
    }
    assert!(cut > 10, "only {cut} sessions were reset");
}

#[test]
fn a_seed_repeats_its_run_exactly() {
    let told = |seed| {
        let (report, _) = run(Workload::Chat, seed, keep_connections);
        serde_json::to_string(&report).unwrap()
    };
    assert_eq!(told(3), told(3));
    assert_ne!(told(3), told(4));
}
