//! Each planted bug is found within 500 seeds.
//!
//! `cargo test --release -p wharf-sim --features canary --test canaries`

#![cfg(feature = "canary")]

use std::panic::{catch_unwind, set_hook, take_hook};
use wharf_sim::{Canary, Plan, run};

/// Seeds within which every bug must show.
const SEEDS: u64 = 500;

#[test]
fn every_planted_bug_is_found() {
    // What they panic with is of no interest; that they do is.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let found: Vec<(Canary, Option<u64>)> = Canary::all()
        .map(|canary| {
            let plan = Plan {
                canary: Some(canary),
                services: match canary {
                    Canary::Services(_) | Canary::Chat(_) | Canary::Platform(_) => 1.0,
                    _ => Plan::default().services,
                },
                halls: match canary {
                    Canary::Chat(_) | Canary::Platform(_) => 1.0,
                    _ => Plan::default().halls,
                },
                ..Plan::default()
            };
            (
                canary,
                (0..SEEDS).find(|seed| catch_unwind(|| run(*seed, &plan)).is_err()),
            )
        })
        .collect();
    set_hook(hook);
    for (canary, seed) in &found {
        println!("{canary:?}: {seed:?}");
    }
    let missed: Vec<_> = found.iter().filter(|(_, seed)| seed.is_none()).collect();
    assert!(missed.is_empty(), "not found in {SEEDS} seeds: {missed:?}");
}

#[test]
fn without_a_bug_nothing_is_found() {
    (0..20).for_each(|seed| drop(run(seed, &Plan::default())));
}
