//! Failures outlive the process; a store that does not answer keeps nobody from logging in.

use crate::rig::{PASSWORD, Rig, as_guest, by_token, is_of_rates, log_in, register};
use wharf_accounts::{AccountOptions, Error, Outcome, Request, ThrottleLimits};
use wharf_base::Duration;
use wharf_data::access::Guesser;
use wharf_data::short::{self, Space};
use wharf_data::{Ask, Refusal};

const WRONG: &str = "wrong horse";

fn options() -> AccountOptions {
    let limits = |free| ThrottleLimits {
        free,
        ..ThrottleLimits::default()
    };
    AccountOptions {
        account_delays: limits(3),
        address_delays: limits(10),
        ..AccountOptions::default()
    }
}

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn rate(seconds: u64) -> Result<Outcome, Error> {
    let retry_after = second(seconds);
    Err(Error::Rate { retry_after })
}

/// Somebody at whose password was guessed until the next guess has to wait for eight seconds.
fn guessed_at() -> Rig {
    let mut rig = Rig::with(options());
    rig.enter(register("kim")).unwrap();
    guess(&mut rig);
    rig
}

fn guess(rig: &mut Rig) {
    for number in 0..7 {
        rig.pass(second(4));
        let address = format!("198.51.100.{number}");
        let answer = rig.ask_from(&address, None, log_in("kim", WRONG));
        assert_eq!(answer, Err(Error::Credentials));
    }
}

/// The questions that are held, about whom.
fn keys(rig: &Rig) -> Vec<&str> {
    let key = |ask: &Ask| match ask {
        Ask::Short(short::Ask::Get { space, key, .. }) => {
            assert_eq!(*space, Space::Rate);
            Some(key.split(':').next().unwrap().to_owned())
        }
        _ => None,
    };
    let known = ["name", "account", "address"];
    let asked = rig.asks.iter().filter_map(|(_, ask)| key(ask));
    asked
        .map(|kind| *known.iter().find(|it| **it == kind).expect("a kind"))
        .collect()
}

#[test]
fn a_delay_is_still_there_after_a_restart_and_goes_on_growing() {
    let mut rig = guessed_at();
    rig.restart(options());
    // A second has passed, and the right password makes no difference.
    assert_eq!(rig.ask(None, log_in("kim", PASSWORD)), rate(7));
    rig.pass(second(7));
    let wrong = rig.ask(None, log_in("kim", WRONG));
    assert_eq!(wrong, Err(Error::Credentials));
    assert_eq!(rig.ask(None, log_in("kim", PASSWORD)), rate(16));
}

#[test]
fn an_address_that_guessed_has_to_wait_after_a_restart_too_and_others_do_not() {
    let mut rig = Rig::with(options());
    rig.enter(register("kim")).unwrap();
    let thief = "198.51.100.1";
    for number in 0..12 {
        rig.pass(second(1));
        let request = log_in(&format!("user {number}"), WRONG);
        let answer = rig.ask_from(thief, None, request);
        assert_eq!(answer, Err(Error::Credentials));
    }
    rig.restart(options());
    let answer = rig.ask_from(thief, None, log_in("kim", PASSWORD));
    assert_eq!(answer, rate(1));
    rig.enter(log_in("kim", PASSWORD)).unwrap();
}

#[test]
fn what_is_kept_is_gone_once_somebody_was_right_or_it_was_long_ago() {
    let mut rig = guessed_at();
    rig.pass(second(8));
    rig.enter(log_in("kim", PASSWORD)).unwrap();
    let left = rig
        .store
        .rates
        .keys()
        .filter(|key| key.starts_with("name:"));
    assert_eq!(left.count(), 0);
    guess(&mut rig);
    rig.restart(options());
    rig.pass(second(3_600));
    rig.enter(log_in("kim", PASSWORD)).unwrap();
}

#[test]
fn the_password_of_who_is_in_is_guarded_across_a_restart_too() {
    let mut rig = Rig::with(options());
    let kim = rig.enter(register("kim")).unwrap().user;
    let erase = |password: &str| Request::Erase {
        password: password.into(),
    };
    for _ in 0..5 {
        rig.pass(second(1));
        assert_eq!(rig.ask(Some(kim), erase(WRONG)), Err(Error::Credentials));
    }
    rig.restart(options());
    assert_eq!(rig.ask(Some(kim), erase(PASSWORD)), rate(1));
}

#[test]
fn known_and_unknown_names_are_asked_about_alike_and_checked_once() {
    let told = ["kim", "nobody"].map(|name| {
        let mut rig = Rig::with(options());
        rig.enter(register("kim")).unwrap();
        rig.holds_asks = true;
        rig.holds_recalls = true;
        let tag = rig.send(1, None, log_in(name, WRONG));
        assert_eq!(keys(&rig), ["name", "address"]);
        rig.holds_asks = false;
        rig.holds_recalls = false;
        rig.pump();
        let answer = rig.answer(tag).unwrap();
        (answer, rig.checked.len(), rig.store.rates.len())
    });
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], (Err(Error::Credentials), 1, 2));
}

#[test]
fn who_was_seen_is_not_asked_about_again_and_tokens_never_are() {
    let mut rig = Rig::with(options());
    let kim = rig.enter(register("kim")).unwrap();
    rig.enter(log_in("kim", PASSWORD)).unwrap();
    rig.holds_recalls = true;
    rig.holds_asks = true;
    rig.send(1, None, log_in("kim", PASSWORD));
    rig.send(2, None, by_token(&kim));
    rig.send(3, None, as_guest(1));
    rig.send(4, None, register("lee"));
    assert!(rig.asks.iter().all(|(_, ask)| !is_of_rates(ask)));
    assert_eq!(rig.asks.len(), 4);
    rig.send_from("198.51.100.1", 5, None, log_in("kim", PASSWORD));
    assert_eq!(keys(&rig), ["address"]);
}

#[test]
fn a_store_that_hangs_keeps_nobody_from_logging_in_and_is_left_alone_for_a_while() {
    let mut rig = Rig::with(options());
    rig.enter(register("kim")).unwrap();
    rig.holds_recalls = true;
    rig.holds_asks = true;
    let first = rig.send(1, None, log_in("kim", PASSWORD));
    let second_one = rig.send(2, None, log_in("kim", PASSWORD));
    assert_eq!(keys(&rig), ["name", "address"], "for both of them");
    let hung: Vec<_> = rig.asks.drain(..).collect();
    rig.holds_asks = false;
    rig.pass(options().recall - Duration::from_millis(1));
    assert!(rig.answers.is_empty());
    rig.pass(Duration::from_millis(1));
    for tag in [first, second_one] {
        assert!(matches!(rig.answer(tag), Some(Ok(_))));
    }
    assert_eq!(rig.accounts.stats().unrecalled, 4);
    // Nobody else waits for it.
    let lee = rig.send(3, None, log_in("lee", WRONG));
    assert_eq!(rig.answer(lee), Some(Err(Error::Credentials)));
    for (tag, _) in hung {
        rig.reply(tag, Err(Refusal::Unavailable));
    }
    rig.pump();
    rig.pass(second(10));
    rig.holds_asks = true;
    rig.send_from("198.51.100.9", 4, None, log_in("park", WRONG));
    assert_eq!(keys(&rig), ["name", "address"], "it is asked again");
}

#[test]
fn what_comes_late_counts_from_then_on() {
    let mut rig = guessed_at();
    rig.restart(options());
    rig.holds_recalls = true;
    rig.holds_asks = true;
    rig.send(1, None, log_in("kim", WRONG));
    let late: Vec<_> = rig.asks.drain(..).collect();
    rig.pass(options().recall);
    for (tag, ask) in late {
        let reply = rig.store.run(&ask);
        rig.reply(tag, reply);
    }
    rig.asks.clear();
    let tag = rig.send(2, None, log_in("kim", PASSWORD));
    assert!(matches!(rig.answer(tag), Some(Err(Error::Rate { .. }))));
}

#[test]
fn a_store_that_is_gone_costs_nothing_and_what_it_has_is_not_made_milder() {
    let mut rig = guessed_at();
    rig.restart(options());
    rig.holds_recalls = true;
    rig.holds_asks = true;
    let tag = rig.send(1, None, log_in("kim", WRONG));
    rig.refuse_ask(Refusal::Unavailable);
    rig.refuse_ask(Refusal::Unavailable);
    rig.holds_asks = false;
    rig.pump();
    assert_eq!(rig.answer(tag), Some(Err(Error::Credentials)));
    let kept: Vec<_> = rig.store.rates.values().map(|found| found.score).collect();
    assert!(kept.contains(&8), "one more, and not one instead of seven");
    // What it has counted is known with its answer, though it was never read.
    assert_eq!(rig.ask(None, log_in("kim", PASSWORD)), rate(16));
}

#[test]
fn failures_at_two_servers_are_added_up_and_whoever_has_to_wait_waits_at_both() {
    let [mut here, mut there] = two_servers();
    here.enter(register("kim")).unwrap();
    let mut number = 0;
    for _ in 0..5 {
        for rig in [&mut here, &mut there] {
            rig.pass(second(2));
        }
        number += 1;
        let address = format!("198.51.100.{number}");
        let wrong = here.ask_from(&address, None, log_in("kim", WRONG));
        assert_eq!(wrong, Err(Error::Credentials));
        // The next guess is at the other one, where the store is now.
        core::mem::swap(&mut here, &mut there);
        swap(&mut here, &mut there);
    }
    assert_eq!(here.ask(None, log_in("kim", PASSWORD)), rate(2));
    assert_eq!(there.ask(None, log_in("kim", PASSWORD)), rate(2));
    here.pass(second(2));
    here.enter(log_in("kim", PASSWORD)).unwrap();
    let mut left = here.store.rates.keys();
    assert!(!left.any(|key| key.starts_with("name:")), "it begins anew");
}

/// They write to one store in turn.
fn two_servers() -> [Rig; 2] {
    let options = AccountOptions {
        is_alone: false,
        ..options()
    };
    [Rig::with(options), Rig::with(options)]
}

/// Their clocks agree, and each has what the other has told the store.
fn swap(here: &mut Rig, there: &mut Rig) {
    core::mem::swap(&mut here.store, &mut there.store);
}

#[test]
fn who_was_right_at_another_server_begins_anew_here_within_a_second() {
    let [mut here, mut there] = two_servers();
    here.enter(register("kim")).unwrap();
    guess(&mut here);
    assert_eq!(here.ask(None, log_in("kim", PASSWORD)), rate(8));
    // What the store had is known here, and they are right where nothing is known of them.
    there.pass(second(28 + 8));
    swap(&mut here, &mut there);
    there.enter(log_in("kim", PASSWORD)).unwrap();
    swap(&mut here, &mut there);
    here.pass(Duration::from_millis(999));
    let refused = here.ask(None, log_in("kim", PASSWORD));
    assert!(matches!(refused, Err(Error::Rate { .. })), "{refused:?}");
    here.pass(Duration::from_millis(1));
    here.enter(log_in("kim", PASSWORD)).unwrap();
    // Whoever guesses from then on is at the beginning.
    for _ in 0..3 {
        assert_eq!(
            here.ask(None, log_in("kim", WRONG)),
            Err(Error::Credentials)
        );
    }
    here.enter(log_in("kim", PASSWORD)).unwrap();
}

#[test]
fn who_is_forgiven_at_one_server_is_forgiven_at_all_once_the_store_has_said_so() {
    let [mut here, mut there] = two_servers();
    let kim = here.enter(register("kim")).unwrap().user.account;
    // There was nothing in the store when it was looked at from here.
    here.enter(log_in("kim", PASSWORD)).unwrap();
    here.pass(second(28));
    swap(&mut here, &mut there);
    guess(&mut there);
    assert_eq!(there.ask(None, log_in("kim", PASSWORD)), rate(8));
    swap(&mut here, &mut there);
    let thief = "198.51.100.6";
    for whom in [
        Guesser::Account(kim, "Kim".into()),
        Guesser::Address(thief.parse().unwrap()),
    ] {
        (here.holds_asks, here.holds_recalls) = (true, true);
        let tag = here.send(1, None, Request::Forgive { whom });
        assert_eq!(here.answer(tag), None, "nothing is done yet");
        (here.holds_asks, here.holds_recalls) = (false, false);
        here.pump();
        assert_eq!(here.answer(tag), Some(Ok(Outcome::Done)));
    }
    let mut left = here.store.rates.keys();
    assert!(!left.any(|key| key.starts_with("name:") || key.ends_with(thief)));
    swap(&mut here, &mut there);
    there.pass(second(1));
    there.enter(log_in("kim", PASSWORD)).unwrap();
}

#[test]
fn nobody_is_told_that_somebody_is_forgiven_where_the_store_has_not_heard() {
    let mut rig = guessed_at();
    let kim = rig.store.people.keys().next().copied().expect("kim");
    (rig.holds_asks, rig.holds_recalls) = (true, true);
    let whom = Guesser::Account(kim, "Kim".into());
    let tag = rig.send(1, None, Request::Forgive { whom });
    rig.refuse_ask(Refusal::Unavailable);
    rig.pump();
    assert_eq!(rig.answer(tag), Some(Err(Error::Unavailable)));
}

#[test]
fn a_store_that_has_lost_nothing_frees_nobody_who_waits() {
    let mut rig = Rig::with(AccountOptions {
        is_alone: false,
        ..options()
    });
    rig.enter(register("kim")).unwrap();
    guess(&mut rig);
    for seconds in [7, 6, 5] {
        rig.pass(second(1));
        assert_eq!(rig.ask(None, log_in("kim", PASSWORD)), rate(seconds));
    }
    (rig.holds_asks, rig.holds_recalls) = (true, true);
    rig.pass(second(1));
    let tag = rig.send(1, None, log_in("kim", PASSWORD));
    assert_eq!(keys(&rig), ["name", "address"], "who waits is asked about");
    rig.refuse_ask(Refusal::Unavailable);
    rig.refuse_ask(Refusal::Unavailable);
    rig.pump();
    assert_eq!(
        rig.answer(tag),
        Some(rate(4)),
        "a silent store frees nobody"
    );
}

#[test]
fn a_failure_whose_count_is_told_after_the_right_password_counts_no_more() {
    let mut rig = Rig::with(AccountOptions {
        account_delays: ThrottleLimits {
            free: 0,
            ..ThrottleLimits::default()
        },
        ..options()
    });
    rig.enter(register("kim")).unwrap();
    assert_eq!(rig.ask(None, log_in("kim", WRONG)), Err(Error::Credentials));
    rig.pass(second(1));
    (rig.holds_asks, rig.holds_recalls) = (true, true);
    let tag = rig.send(1, None, log_in("kim", WRONG));
    assert!(rig.do_ask(), "whose name that is");
    rig.pump();
    assert_eq!(rig.answer(tag), Some(Err(Error::Credentials)));
    let asked: Vec<_> = rig.asks.drain(..).collect();
    assert_eq!(asked.len(), 2, "the name's failures, and the address's");
    let late = asked
        .into_iter()
        .map(|(tag, ask)| (tag, rig.store.run(&ask)));
    let late: Vec<_> = late.collect();
    (rig.holds_asks, rig.holds_recalls) = (false, false);
    rig.pass(second(2));
    rig.enter(log_in("kim", PASSWORD)).unwrap();
    for (tag, reply) in late {
        rig.reply(tag, reply);
    }
    assert_eq!(rig.ask(None, log_in("kim", WRONG)), Err(Error::Credentials));
    assert_eq!(rig.ask(None, log_in("kim", PASSWORD)), rate(1));
}

#[test]
fn many_guesses_at_once_after_a_restart_wait_for_one_question() {
    let mut rig = Rig::with(options());
    rig.enter(register("kim")).unwrap();
    rig.restart(options());
    rig.holds_recalls = true;
    rig.holds_asks = true;
    let tags: Vec<_> = (0..100)
        .map(|session| rig.send(session, None, log_in("kim", WRONG)))
        .collect();
    assert_eq!(rig.asks.len(), 2);
    rig.holds_recalls = false;
    rig.holds_asks = false;
    rig.pump();
    let answers = tags.into_iter().map(|tag| rig.answer(tag).unwrap());
    let rated = answers.filter(|answer| matches!(answer, Err(Error::Rate { .. })));
    assert_eq!(rated.count(), 96);
    assert_eq!(rig.checked.len(), 4);
}

#[test]
fn nobody_is_asked_about_where_failures_are_not_to_be_kept() {
    let mut rig = Rig::with(AccountOptions {
        recall: Duration::ZERO,
        ..options()
    });
    rig.enter(register("kim")).unwrap();
    guess(&mut rig);
    assert!(rig.store.rates.is_empty());
    rig.restart(options());
    rig.enter(log_in("kim", PASSWORD)).unwrap();
}
