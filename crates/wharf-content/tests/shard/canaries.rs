//! Planted faults that the roaming test must find, or it proves nothing.

use crate::roaming::Run;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wharf_content::{AppBuilder, Canary};

#[test]
fn each_planted_fault_is_found_within_500_seeds() {
    for canary in Canary::ALL {
        let found = (0..500).find(|&seed| {
            let mut app = AppBuilder::new();
            app.plant(canary);
            let mut run = Run::new(seed, app);
            catch_unwind(AssertUnwindSafe(|| {
                run.play(500);
                run.finish()
            }))
            .is_err()
        });
        assert!(found.is_some(), "{canary:?} lives");
    }
}
