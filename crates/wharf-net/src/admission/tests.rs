//! What admission decides, without any socket.

use super::*;

fn admission(change: impl FnOnce(&mut NetLimits)) -> Arc<Admission> {
    let mut limits = NetLimits::for_sessions(8, 2);
    change(&mut limits);
    Arc::new(Admission::new(&limits))
}

fn seat(admission: &Arc<Admission>, address: &str) -> Seat {
    match admission.admit(address.parse().unwrap()) {
        Verdict::Seated(seat) => seat,
        other => panic!("{address} was not seated: {other:?}"),
    }
}

#[test]
fn the_least_loaded_shard_gets_the_next_session() {
    let admission = admission(|_| ());
    let mut seats: Vec<_> = (0..4).map(|_| seat(&admission, "10.0.0.1")).collect();
    let shards: Vec<_> = seats.iter().map(Seat::shard).collect();
    assert_eq!(shards, [Some(0), Some(1), Some(0), Some(1)]);
    seats.retain(|seat| seat.shard() == Some(0));
    assert_eq!(seat(&admission, "10.0.0.1").shard(), Some(1));
}

#[test]
fn an_overloaded_shard_leaves_its_share_to_nobody() {
    let admission = admission(|_| ());
    admission.set_overloaded(0, true);
    let seats: Vec<_> = (0..4).map(|_| seat(&admission, "10.0.0.1")).collect();
    assert!(seats.iter().all(|seat| seat.shard() == Some(1)));
    let beyond = admission.admit("10.0.0.1".parse().unwrap());
    assert!(
        matches!(beyond, Verdict::Refused(_, Refusal::Full)),
        "shard 1 has slots for its even share only: {beyond:?}"
    );
    admission.set_overloaded(0, false);
    assert_eq!(seat(&admission, "10.0.0.1").shard(), Some(0));
}

#[test]
fn a_full_server_refuses_up_to_its_spare_seats_and_lets_in_again() {
    let admission = admission(|limits| {
        limits.sessions_max = 2;
        limits.refusals_max = 1;
    });
    let first = seat(&admission, "10.0.0.1");
    let _second = seat(&admission, "10.0.0.2");
    let third = admission.admit("10.0.0.3".parse().unwrap());
    assert!(
        matches!(third, Verdict::Refused(_, Refusal::Full)),
        "{third:?}"
    );
    let fourth = admission.admit("10.0.0.4".parse().unwrap());
    assert!(matches!(fourth, Verdict::Overflow), "{fourth:?}");
    drop(first);
    seat(&admission, "10.0.0.5");
}

#[test]
fn one_address_does_not_take_all_the_refusals() {
    let admission = admission(|limits| {
        limits.sessions_max = 1;
        limits.refusals_max = 4;
        limits.refusals_per_address = 2;
        limits.connections_per_address = 0;
    });
    let ask = |address: &str| admission.admit(address.parse().unwrap());
    let _seated = seat(&admission, "10.0.0.1");
    let mut told: Vec<_> = (0..3).map(|_| ask("10.0.0.9")).collect();
    assert!(matches!(told.pop(), Some(Verdict::Overflow)));
    assert!(matches!(ask("10.0.0.3"), Verdict::Refused(..)));
    told.pop();
    assert!(matches!(ask("10.0.0.9"), Verdict::Refused(..)));
    for _ in 0..3 {
        told.push(ask("127.0.0.1"));
    }
    let told = told.iter().filter(|it| matches!(it, Verdict::Refused(..)));
    assert_eq!(told.count(), 4, "loopback may take what is left");
}

#[test]
fn a_login_makes_room_for_the_next_one_who_has_not_logged_in() {
    let admission = admission(|limits| limits.sessions_not_logged_in = 1);
    let mut first = seat(&admission, "10.0.0.1");
    let second = admission.admit("10.0.0.1".parse().unwrap());
    assert!(
        matches!(second, Verdict::Refused(_, Refusal::LoginQueueFull)),
        "{second:?}"
    );
    first.log_in();
    first.log_in();
    seat(&admission, "10.0.0.1");
}

#[test]
fn an_address_has_its_limit_and_an_ipv6_network_counts_as_one() {
    let admission = admission(|limits| limits.connections_per_address = 1);
    let full = |address: &str| {
        matches!(
            admission.admit(address.parse().unwrap()),
            Verdict::AddressFull
        )
    };
    let first = seat(&admission, "10.0.0.1");
    assert!(full("10.0.0.1") && full("::ffff:10.0.0.1"));
    let _other = seat(&admission, "10.0.0.2");
    let _network = seat(&admission, "2001:db8:1:2::1");
    assert!(full("2001:db8:1:2:ffff::9"));
    let _next_network = seat(&admission, "2001:db8:1:3::1");
    drop(first);
    seat(&admission, "10.0.0.1");
}

#[test]
fn loopback_is_exempt_only_if_so_told() {
    for exempt in [true, false] {
        let admission = admission(|limits| {
            limits.connections_per_address = 1;
            limits.loopback_exempt = exempt;
        });
        for loopback in ["127.0.0.1", "::1"] {
            let _first = seat(&admission, loopback);
            let second = admission.admit(loopback.parse().unwrap());
            assert_eq!(
                matches!(second, Verdict::Seated(_)),
                exempt,
                "{loopback}: {second:?}"
            );
        }
    }
}

#[test]
fn a_limit_of_zero_counts_no_address() {
    let admission = admission(|limits| limits.connections_per_address = 0);
    let _seats = [seat(&admission, "10.0.0.1"), seat(&admission, "10.0.0.1")];
    assert_eq!(admission.stats().addresses, 0);
}

#[test]
fn deny_wins_over_allow_and_an_allow_list_shuts_out_the_rest() {
    let admission = admission(|_| ());
    let denied =
        |address: &str| matches!(admission.admit(address.parse().unwrap()), Verdict::Denied);
    let networks = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
    assert!(!denied("10.0.0.1"));
    admission.set_rules(AccessRules {
        allow: vec![],
        deny: networks(&["10.0.0.0/8"]),
    });
    assert!(denied("10.0.0.1") && denied("::ffff:10.0.0.1") && !denied("11.0.0.1"));
    admission.set_rules(AccessRules {
        allow: networks(&["10.0.0.0/8", "2001:db8::/32"]),
        deny: networks(&["10.9.0.0/16"]),
    });
    assert!(!denied("10.0.0.1") && !denied("2001:db8::1"));
    assert!(denied("10.9.0.1") && denied("11.0.0.1") && denied("2001:db9::1"));
}

#[test]
fn whatever_left_is_counted_no_more() {
    let admission = admission(|limits| limits.sessions_max = 3);
    let mut seats: Vec<_> = (0..3).map(|_| seat(&admission, "10.0.0.1")).collect();
    seats[1].log_in();
    let refused = admission.admit("10.0.0.1".parse().unwrap());
    let busy = AdmissionStats {
        sessions: 3,
        not_logged_in: 2,
        refusals: 1,
        addresses: 1,
    };
    assert_eq!(admission.stats(), busy);
    drop((seats, refused));
    assert_eq!(admission.stats(), AdmissionStats::default());
}
