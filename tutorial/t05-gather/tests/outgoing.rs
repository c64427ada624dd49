//! What is gathered, without a network.

use std::sync::Arc;
use t01_echo::sys::Memory;
use t04_logic::outgoing::Outgoing;
use t05_gather::outgoing::{Gathering, Limits};
use t05_gather::overflow::{Account, Overflow};

fn gathering(waiting_bytes_max: usize, overflow: Overflow) -> (Gathering, Arc<Account>) {
    let account = Arc::new(Account::default());
    let limits = Limits {
        waiting_bytes_max,
        parts_max: 16,
        overflow,
    };
    (Gathering::new(limits, account.clone()), account)
}

/// Takes everything, and says how many messages and bytes left together.
fn portions(gathering: &mut Gathering) -> Vec<(usize, usize)> {
    let next = || gathering.next();
    let count = |(mut portion, bytes): (t05_gather::sys::Gathered, usize)| {
        (portion.parts(0..bytes).unwrap_or_default().len(), bytes)
    };
    std::iter::from_fn(next).map(count).collect()
}

#[test]
fn what_waits_leaves_together_sixteen_at_a_time() {
    let (mut gathering, account) = gathering(4096, Overflow::Close);
    for _ in 0..40 {
        assert!(gathering.push(b"hello"));
    }
    assert_eq!(account.read().bytes, 200);
    assert_eq!(portions(&mut gathering), [(16, 80), (16, 80), (8, 40)]);
    assert_eq!((account.read().bytes, account.read().most_bytes), (0, 200));
}

#[test]
fn of_a_portion_that_was_sent_in_part_the_rest_is_left() {
    let (mut gathering, _) = gathering(4096, Overflow::Close);
    for message in [b"one".as_slice(), b"", b"three", b"five!"] {
        gathering.push(message);
    }
    let (mut portion, bytes) = gathering.next().unwrap();
    let mut left = |sent| portion.parts(sent..bytes).map(<[_]>::len);
    assert_eq!(bytes, 13);
    assert_eq!(
        [left(0), left(2), left(3), left(8), left(13)],
        [Some(3), Some(3), Some(2), Some(1), Some(0)]
    );
}

/// A hundred messages of 256 bytes before anybody comes round to send them, into the reference's
/// buffer of 4,096.
#[test]
fn what_does_not_fit_is_lost_by_rule_and_counted() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Block] {
        let (mut gathering, account) = gathering(4096, overflow);
        for _ in 0..100 {
            gathering.push(&[b'x'; 256]);
        }
        let left: usize = portions(&mut gathering)
            .iter()
            .map(|(parts, _)| parts)
            .sum();
        let lost = account.read().lost;
        let silently = 100 - left as u64 - lost;
        assert_eq!(silently, 0, "% were lost silently, {overflow:?}");
    }
}
