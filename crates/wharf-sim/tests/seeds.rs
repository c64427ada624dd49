//! A few seeds, for daily work. The test command runs 500, in release mode.

use wharf_sim::{HallCounts, Plan, run};

#[test]
fn a_few_seeds_hold_and_repeat_exactly() {
    for seed in 0..5 {
        let [first, second] = [(); 2].map(|()| run(seed, &Plan::default()));
        assert_eq!(
            first.trace.hash(),
            second.trace.hash(),
            "seed {seed} differs"
        );
        assert!(
            first.packets >= 2_000 && first.heard > 0,
            "seed {seed}: {first:?}"
        );
    }
}

#[test]
fn accounts_and_whispers_survive_what_happens_to_their_store() {
    let plan = Plan {
        services: 1.0,
        ..Plan::default()
    };
    for seed in 0..5 {
        let [first, second] = [(); 2].map(|()| run(seed, &plan));
        assert_eq!(
            first.trace.hash(),
            second.trace.hash(),
            "seed {seed} differs"
        );
        let services = first.services;
        assert!(
            services.whispers > 0 && services.told > 0,
            "seed {seed}: {services:?}"
        );
    }
}

#[test]
fn rooms_with_a_name_hold_what_they_promise_whatever_happens_to_what_is_behind_them() {
    let plan = Plan {
        services: 1.0,
        halls: 1.0,
        ..Plan::default()
    };
    let mut halls = HallCounts::default();
    for seed in 0..5 {
        let [first, second] = [(); 2].map(|()| run(seed, &plan));
        assert_eq!(
            first.trace.hash(),
            second.trace.hash(),
            "seed {seed} differs"
        );
        halls.add(&first.services.halls);
    }
    assert!(
        halls.made > 0 && halls.entered > 0 && halls.kept > 0 && halls.acts > 0,
        "{halls:?}"
    );
}

#[test]
fn a_server_that_is_restarted_knows_what_was_acknowledged() {
    let plan = Plan {
        services: 1.0,
        halls: 1.0,
        restarts: 1.0,
        ..Plan::default()
    };
    let (mut stops, mut crashes) = (0, 0);
    for seed in 0..4 {
        let [first, second] = [(); 2].map(|()| run(seed, &plan));
        assert_eq!(
            first.trace.hash(),
            second.trace.hash(),
            "seed {seed} differs"
        );
        stops += first.restarts.stops;
        crashes += first.restarts.crashes;
    }
    assert!(stops > 0 && crashes > 0, "{stops} stops, {crashes} crashes");
}

#[test]
fn another_seed_is_another_run() {
    let [first, second] = [1, 2].map(|seed| run(seed, &Plan::default()));
    assert_ne!(first.trace.hash(), second.trace.hash());
}
