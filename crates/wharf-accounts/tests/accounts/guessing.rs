//! Growing delays for those who guess.

use crate::rig::{PASSWORD, Rig, by_token, log_in, register};
use wharf_accounts::{AccountOptions, Error, Outcome, Request, ThrottleLimits};
use wharf_base::Duration;
use wharf_data::Refusal;
use wharf_data::access::Guesser;

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A rig in which three failures at an account are free, and ten from an address.
fn strict() -> Rig {
    Rig::with(AccountOptions {
        account_delays: ThrottleLimits {
            free: 3,
            ..ThrottleLimits::default()
        },
        address_delays: ThrottleLimits {
            free: 10,
            ..ThrottleLimits::default()
        },
        ..AccountOptions::default()
    })
}

fn wrong(rig: &mut Rig, address: &str, name: &str) -> Result<(), Error> {
    rig.ask_from(address, None, log_in(name, "wrong horse"))
        .map(drop)
}

const RATE_1: Result<(), Error> = Err(Error::Rate {
    retry_after: Duration::from_secs(1),
});

#[test]
fn delays_of_an_account_grow_and_unlock_by_themselves_whether_anybody_has_the_name_or_not() {
    for known in [true, false] {
        let mut rig = strict();
        if known {
            rig.enter(register("kim")).unwrap();
        }
        let mut addresses = (1..).map(|number| format!("198.51.100.{number}"));
        let mut guess = |rig: &mut Rig| wrong(rig, &addresses.next().unwrap(), "kim");
        for _ in 0..4 {
            assert_eq!(guess(&mut rig), Err(Error::Credentials));
        }
        assert_eq!(guess(&mut rig), RATE_1, "known: {known}");
        let checked = rig.checked.len();
        assert_eq!(checked, 4, "whoever has to wait costs nothing");
        rig.pass(second(1));
        assert_eq!(guess(&mut rig), Err(Error::Credentials));
        rig.pass(second(1));
        assert_eq!(guess(&mut rig), RATE_1, "two seconds now");
    }
}

#[test]
fn many_guesses_at_once_are_worth_no_more_than_many_in_a_row() {
    let mut rig = strict();
    rig.enter(register("kim")).unwrap();
    rig.holds_jobs = true;
    let tags: Vec<_> = (0..100)
        .map(|session| rig.send(session, None, log_in("kim", "wrong horse")))
        .collect();
    rig.holds_jobs = false;
    rig.pump();
    assert_eq!(rig.checked.len(), 4);
    let answers = tags.into_iter().map(|tag| rig.answer(tag).unwrap());
    let rated = answers.filter(|answer| matches!(answer, Err(Error::Rate { .. })));
    assert_eq!(rated.count(), 96);
}

#[test]
fn whoever_is_right_begins_anew_and_whoever_is_not_served_has_not_failed() {
    let mut rig = strict();
    rig.enter(register("kim")).unwrap();
    for _ in 0..3 {
        for _ in 0..3 {
            assert_eq!(
                wrong(&mut rig, "198.51.100.1", "kim"),
                Err(Error::Credentials)
            );
            rig.pass(second(3_600));
        }
        rig.enter(log_in("kim", PASSWORD)).unwrap();
    }
    rig.holds_asks = true;
    for _ in 0..20 {
        let tag = rig.send(1, None, log_in("kim", PASSWORD));
        rig.refuse_ask(Refusal::Unavailable);
        rig.pump();
        assert_eq!(rig.answer(tag), Some(Err(Error::Unavailable)));
    }
    rig.holds_asks = false;
    rig.enter(log_in("kim", PASSWORD)).unwrap();
}

#[test]
fn delays_of_an_address_grow_whatever_is_guessed_at() {
    let mut rig = strict();
    rig.enter(register("kim")).unwrap();
    let thief = "198.51.100.1";
    for number in 0..11 {
        let name = format!("user {number}");
        assert_eq!(wrong(&mut rig, thief, &name), Err(Error::Credentials));
    }
    assert_eq!(wrong(&mut rig, thief, "another"), RATE_1);
    let right = rig.ask_from(thief, None, log_in("kim", PASSWORD));
    assert!(matches!(right, Err(Error::Rate { .. })));
    // Everybody else is served.
    rig.enter(log_in("kim", PASSWORD)).unwrap();
    rig.pass(second(1));
    assert!(rig.ask_from(thief, None, log_in("kim", PASSWORD)).is_ok());
}

#[test]
fn who_is_forgiven_tries_again_at_once() {
    let mut rig = strict();
    let kim = rig.enter(register("kim")).unwrap().user.account;
    let thief = "198.51.100.1";
    let forgive = |rig: &mut Rig, whom| {
        let forgiven = rig.ask(None, Request::Forgive { whom });
        assert_eq!(forgiven, Ok(Outcome::Done));
    };
    for _ in 0..4 {
        assert_eq!(wrong(&mut rig, thief, "kim"), Err(Error::Credentials));
    }
    assert_eq!(wrong(&mut rig, thief, "kim"), RATE_1);
    forgive(&mut rig, Guesser::Account(kim, "Kim".into()));
    assert_eq!(wrong(&mut rig, thief, "kim"), Err(Error::Credentials));
    for number in 0..6 {
        let name = format!("user {number}");
        assert_eq!(wrong(&mut rig, thief, &name), Err(Error::Credentials));
    }
    assert_eq!(wrong(&mut rig, thief, "another"), RATE_1);
    let address = thief.parse().unwrap();
    forgive(&mut rig, Guesser::Address(address));
    assert_eq!(wrong(&mut rig, thief, "another"), Err(Error::Credentials));
}

#[test]
fn a_link_of_ipv6_counts_as_one_address() {
    let mut rig = strict();
    for number in 0..11 {
        let address = format!("2001:db8:1:2::{number:x}");
        let name = format!("user {number}");
        assert_eq!(wrong(&mut rig, &address, &name), Err(Error::Credentials));
    }
    assert_eq!(wrong(&mut rig, "2001:db8:1:2:ffff::1", "another"), RATE_1);
    let neighbour = wrong(&mut rig, "2001:db8:1:3::1", "another");
    assert_eq!(neighbour, Err(Error::Credentials));
}

#[test]
fn an_owner_who_comes_with_a_token_is_not_locked_out_by_those_who_guess() {
    let mut rig = strict();
    let kim = rig.enter(register("kim")).unwrap();
    for _ in 0..4 {
        let _ = wrong(&mut rig, "192.0.2.1", "kim");
    }
    assert_eq!(wrong(&mut rig, "192.0.2.1", "kim"), RATE_1);
    for number in 0..20 {
        let _ = wrong(&mut rig, "192.0.2.1", &format!("user {number}"));
    }
    assert!(rig.enter(by_token(&kim)).is_ok(), "from the same address");
}

#[test]
fn a_thief_of_a_session_does_not_get_to_guess_the_password_either() {
    let mut rig = strict();
    let kim = rig.enter(register("kim")).unwrap().user;
    let erase = |rig: &mut Rig, password: &str| {
        let password = password.into();
        rig.ask(Some(kim), Request::Erase { password }).map(drop)
    };
    for _ in 0..4 {
        assert_eq!(erase(&mut rig, "wrong horse"), Err(Error::Credentials));
    }
    assert_eq!(erase(&mut rig, PASSWORD), RATE_1);
    // Whoever comes in by the name is not kept from it.
    rig.enter(log_in("kim", PASSWORD)).unwrap();
    rig.pass(second(1));
    assert_eq!(erase(&mut rig, PASSWORD), Ok(()));
}
