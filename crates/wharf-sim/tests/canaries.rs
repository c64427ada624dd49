//! Each planted bug is found within 150 seeds.
//!
//! `cargo test --release -p wharf-sim --features canary --test canaries`

#![cfg(feature = "canary")]

use core::ops::ControlFlow;
use wharf_sim::{Canary, Plan, ServiceCanary, keep_last_words, quietly, run, side_by_side};

/// Seeds within which every bug must show.
const SEEDS: u64 = 150;

#[test]
fn every_planted_bug_is_found() {
    let all: Vec<Canary> = Canary::all().collect();
    let mut missed = Vec::new();
    let tell = |index: u64, found: Option<(u64, String)>| {
        let canary = all[index as usize];
        missed.extend(found.is_none().then_some(canary));
        let (seed, why) = found.unzip();
        let why = why.unwrap_or_default();
        println!(
            "{canary:?}: {seed:?} {}",
            why.lines().next().unwrap_or_default()
        );
        ControlFlow::Continue(())
    };
    keep_last_words();
    side_by_side(
        0..all.len() as u64,
        |index| first_seed(all[index as usize]),
        tell,
    );
    assert!(missed.is_empty(), "not found in {SEEDS} seeds: {missed:?}");
}

/// The first seed that shows a bug, and what is wrong then.
fn first_seed(canary: Canary) -> Option<(u64, String)> {
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
        restarts: match canary {
            Canary::Services(ServiceCanary::DelaysOfOneLife) => 1.0,
            _ => Plan::default().restarts,
        },
        // Of a verdict that overtakes whom it is about there are few in a run.
        packets: match canary {
            Canary::Chat(wharf_chat::Canary::ForgottenVerdict) => 3 * Plan::default().packets,
            _ => Plan::default().packets,
        },
        ..Plan::default()
    };
    let why = |seed| quietly(|| run(seed, &plan)).err().map(|why| (seed, why));
    (0..SEEDS).find_map(why)
}

#[test]
fn without_a_bug_nothing_is_found() {
    (0..20).for_each(|seed| drop(run(seed, &Plan::default())));
}
