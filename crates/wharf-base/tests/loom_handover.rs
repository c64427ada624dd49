//! Models of the hand-over: loom runs every interleaving that the memory model allows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p wharf-base --test loom_handover`

#![cfg(loom)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use wharf_base::Handover;

/// A giver and a taker with a wake flag between them, as an I/O shard and a logic thread have.
#[test]
fn nothing_is_lost_and_nothing_waits_without_a_wake() {
    loom::model(|| {
        let mailbox = Arc::new(Handover::<Vec<u32>>::new());
        let woken = Arc::new(AtomicBool::new(false));
        let giver = {
            let (mailbox, woken) = (Arc::clone(&mailbox), Arc::clone(&woken));
            loom::thread::spawn(move || {
                for value in 0..2 {
                    if mailbox.publish(&mut vec![value]) {
                        woken.store(true, Ordering::Release);
                    }
                }
            })
        };
        let mut taken = Vec::new();
        let mut arena = Vec::new();
        mailbox.take(&mut arena);
        taken.append(&mut arena);
        giver.join().unwrap();
        let before = taken.len();
        if woken.swap(false, Ordering::Acquire) {
            mailbox.take(&mut arena);
            taken.append(&mut arena);
        }
        assert!(
            taken == [0, 1],
            "lost or left without a wake: {taken:?} after {before}"
        );
    });
}

#[test]
fn two_givers_keep_their_own_order() {
    loom::model(|| {
        let mailbox = Arc::new(Handover::<Vec<u32>>::new());
        let givers: Vec<_> = [10, 20]
            .into_iter()
            .map(|base| {
                let mailbox = Arc::clone(&mailbox);
                loom::thread::spawn(move || {
                    let _ = mailbox.publish(&mut vec![base]);
                    let _ = mailbox.publish(&mut vec![base + 1]);
                })
            })
            .collect();
        givers.into_iter().for_each(|giver| giver.join().unwrap());
        let mut taken = Vec::new();
        assert!(mailbox.take(&mut taken));
        let place = |value| {
            taken
                .iter()
                .position(|&other| other == value)
                .expect("not lost")
        };
        assert_eq!(taken.len(), 4);
        assert!(place(10) < place(11) && place(20) < place(21), "{taken:?}");
    });
}
