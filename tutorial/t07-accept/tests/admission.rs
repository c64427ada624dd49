//! Who may come in, and until when: without a socket, and without a clock.

use std::net::IpAddr;
use std::time::{Duration, Instant};
use t07_accept::admission::{Admission, Refusal, Rules};
use t07_accept::deadlines::Deadlines;

fn admission(allow: &[&str], deny: &[&str]) -> Admission {
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let rules = Rules {
        allow: networks(allow),
        deny: networks(deny),
        per_address_max: 2,
    };
    Admission::new(rules, 3)
}

fn from(address: &str) -> IpAddr {
    address.parse().unwrap()
}

const UNWANTED: Result<(), Refusal> = Err(Refusal::Unwanted);

#[test]
fn who_is_denied_is_kept_out_and_everybody_else_is_not() {
    let mut admission = admission(&[], &["10.1.0.0/16", "2001:db8::/32"]);
    assert_eq!(admission.admit(from("10.1.255.1")), UNWANTED);
    assert_eq!(admission.admit(from("2001:db8::7")), UNWANTED);
    // The same address in the clothes of the other family.
    assert_eq!(admission.admit(from("::ffff:10.1.0.1")), UNWANTED);
    assert_eq!(admission.admit(from("10.2.0.1")), Ok(()));
    assert_eq!(admission.admit(from("2001:db9::7")), Ok(()));
}

#[test]
fn where_some_are_allowed_the_others_are_kept_out_and_denial_is_stronger() {
    let mut admission = admission(&["10.0.0.0/8"], &["10.1.0.0/16"]);
    assert_eq!(admission.admit(from("192.0.2.1")), UNWANTED);
    assert_eq!(admission.admit(from("10.1.0.1")), UNWANTED);
    assert_eq!(admission.admit(from("10.0.0.1")), Ok(()));
}

#[test]
fn seats_are_counted_for_each_address_and_in_all() {
    let mut admission = admission(&[], &[]);
    assert_eq!(admission.admit(from("10.0.0.1")), Ok(()));
    assert_eq!(admission.admit(from("::ffff:10.0.0.1")), Ok(()));
    assert_eq!(admission.admit(from("10.0.0.1")), Err(Refusal::Crowded));
    assert_eq!(admission.admit(from("10.0.0.2")), Ok(()));
    assert_eq!(admission.admit(from("10.0.0.3")), Err(Refusal::Full));
}

#[test]
fn a_seat_that_is_given_back_is_free_at_once() {
    let mut admission = admission(&[], &[]);
    for _ in 0..10 {
        assert_eq!(admission.admit(from("10.0.0.1")), Ok(()));
        admission.leave(from("10.0.0.1"));
    }
    assert_eq!(admission.free_seats(), 3);
}

#[test]
fn deadlines_are_due_in_the_order_of_time() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut deadlines = Deadlines::default();
    assert_eq!(deadlines.next(), None);
    deadlines.set('a', at(3));
    deadlines.set('b', at(1));
    deadlines.set('c', at(2));
    deadlines.set('b', at(4));
    deadlines.clear('c');
    deadlines.clear('d');
    assert_eq!(deadlines.next(), Some(at(3)));
    assert_eq!(deadlines.take_due(at(2)), None);
    assert_eq!(deadlines.take_due(at(4)), Some('a'));
    assert_eq!(deadlines.take_due(at(4)), Some('b'));
    assert_eq!(deadlines.take_due(at(9)), None);
}
