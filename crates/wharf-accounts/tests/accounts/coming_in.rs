//! Registration and login.

use crate::rig::{BEGIN, PASSWORD, Rig, as_guest, ban, cost_in, dearer, log_in, register, unban};
use wharf_accounts::{AccountOptions, Error, Outcome, Request, UnknownId};
use wharf_base::Duration;
use wharf_data::{AccountId, Actor, NameKey, Refusal, UnixMs};

#[test]
fn who_has_registered_logs_in_by_whatever_looks_like_the_name() {
    let mut rig = Rig::new();
    let new = rig.enter(register("Kim")).unwrap();
    assert!(new.is_new);
    assert_eq!(new.display_name, "Kim");
    for name in ["Kim", "kim", "KIM", "K\u{456}m"] {
        let who = rig.enter(log_in(name, PASSWORD)).unwrap();
        assert_eq!(who.user.account, new.user.account, "{name}");
        assert_ne!(who.user.login, new.user.login);
        assert!(!who.is_new);
        let life = AccountOptions::default().token_life.as_millis() as i64;
        assert_eq!(who.token.unwrap().expires, BEGIN + life);
    }
    assert_eq!(rig.accounts.in_progress(), 0);
}

#[test]
fn a_name_that_is_taken_or_looks_so_is_refused_before_anything_is_hashed() {
    let mut rig = Rig::new();
    rig.enter(register("paypal")).unwrap();
    assert_eq!(rig.made, 1);
    for name in ["paypal", "PayPal", "p\u{430}ypal"] {
        assert_eq!(rig.enter(register(name)), Err(Error::Taken), "{name}");
    }
    assert_eq!(rig.made, 1);
}

#[test]
fn two_who_register_one_name_at_once_get_one_account() {
    let mut rig = Rig::new();
    rig.holds_jobs = true;
    let one = rig.send(1, None, register("kim"));
    let other = rig.send(2, None, register("KIM"));
    rig.holds_jobs = false;
    rig.pump();
    assert!(rig.answer(one).unwrap().is_ok());
    assert_eq!(rig.answer(other), Some(Err(Error::Taken)));
}

#[test]
fn an_unknown_name_and_a_wrong_password_take_one_equal_verification_and_get_one_answer() {
    let mut rig = Rig::new();
    rig.enter(register("kim")).unwrap();
    let wrong = rig.enter(log_in("kim", "wrong horse"));
    let unknown = rig.enter(log_in("nobody", PASSWORD));
    assert_eq!(wrong, Err(Error::Credentials));
    assert_eq!(unknown, wrong);
    assert_eq!(rig.checked.len(), 2, "one each");
    assert_eq!(cost_in(&rig.checked[0]), cost_in(&rig.checked[1]));
    assert_ne!(rig.checked[0], rig.checked[1]);
    // Whoever is right takes one too.
    rig.enter(log_in("kim", PASSWORD)).unwrap();
    assert_eq!(rig.checked.len(), 3);
    assert_eq!(rig.made, 1, "that of the registration");
}

#[test]
fn the_hash_of_nobody_costs_what_the_settings_say() {
    let mut rig = Rig::with(dearer());
    let _ = rig.enter(log_in("nobody", PASSWORD));
    assert_eq!(cost_in(&rig.checked[0]), "$argon2id$v=19$m=32768,t=3,p=1");
}

#[test]
fn a_hash_that_was_cheaper_is_made_anew_at_the_next_login_and_nobody_waits_for_it() {
    let mut rig = Rig::new();
    rig.enter(register("kim")).unwrap();
    rig.restart(dearer());
    rig.holds_jobs = true;
    let tag = rig.send(1, None, log_in("kim", PASSWORD));
    assert!(rig.do_job());
    rig.pump();
    assert!(rig.answer(tag).unwrap().is_ok(), "in before it is made");
    assert!(rig.do_job());
    rig.pump();
    assert_eq!(rig.accounts.in_progress(), 0);
    rig.holds_jobs = false;
    rig.enter(log_in("kim", PASSWORD)).unwrap();
    let costs: Vec<_> = rig.checked.iter().map(|phc| cost_in(phc)).collect();
    assert_eq!(
        costs,
        [
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=32768,t=3,p=1"
        ]
    );
    assert_eq!(rig.made, 2, "once is enough");
    // A wrong password is no reason.
    rig.restart(AccountOptions::default());
    let _ = rig.enter(log_in("kim", "wrong horse"));
    assert_eq!(rig.made, 2);
}

#[test]
fn a_password_is_the_same_from_every_keyboard() {
    let mut rig = Rig::new();
    let composed = Request::Register {
        name: "kim".into(),
        password: "caf\u{e9} caf\u{e9}".into(),
        device: String::new(),
    };
    rig.enter(composed).unwrap();
    assert!(rig.enter(log_in("kim", "cafe\u{301} cafe\u{301}")).is_ok());
}

#[test]
fn what_cannot_be_a_name_a_password_or_a_device_is_named_and_costs_nothing() {
    let mut rig = Rig::new();
    let registers = |name: &str, password: &str, device: &str| Request::Register {
        name: name.into(),
        password: password.into(),
        device: device.into(),
    };
    for (request, wrong) in [
        (registers("k", PASSWORD, ""), "name"),
        (registers("<b>kim</b>", PASSWORD, ""), "name"),
        (registers("k\u{200b}im", PASSWORD, ""), "name"),
        (registers("'; DROP TABLE", PASSWORD, ""), "name"),
        (registers("kim", "1234567", ""), "password"),
        (registers("kim", &"x".repeat(257), ""), "password"),
        (registers("kimkimkim", "KIMKIMKIM", ""), "password"),
        (registers("kim", PASSWORD, "\u{1b}[31m"), "device"),
        (registers("kim", PASSWORD, &"x".repeat(65)), "device"),
        (log_in("a\0b", PASSWORD), "name"),
        (log_in(&"x".repeat(513), PASSWORD), "name"),
        (log_in("kim", &"x".repeat(257)), "password"),
    ] {
        match rig.enter(request) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, wrong),
            other => panic!("{wrong}: {other:?}"),
        }
    }
    assert_eq!((rig.made, rig.checked.len()), (0, 0));
    assert!(rig.store.people.is_empty());
}

#[test]
fn a_guest_is_known_by_the_device_and_by_its_name_once_it_has_one() {
    let mut rig = Rig::new();
    let guest = rig.enter(as_guest(1)).unwrap();
    assert!(guest.is_new);
    assert!(guest.display_name.starts_with("Guest "), "{guest:?}");
    let again = rig.enter(as_guest(1)).unwrap();
    assert_eq!(again.user.account, guest.user.account);
    assert!(!again.is_new);
    let other = rig.enter(as_guest(2)).unwrap();
    assert_ne!(other.user.account, guest.user.account);

    let link = |name: &str| Request::LinkName {
        name: name.into(),
        password: PASSWORD.into(),
    };
    let taken = other.display_name.clone();
    assert_eq!(rig.ask(Some(guest.user), link(&taken)), Err(Error::Taken));
    assert_eq!(rig.ask(Some(guest.user), link("Kim")), Ok(Outcome::Done));
    let named = rig.enter(log_in("kim", PASSWORD)).unwrap();
    assert_eq!(named.user.account, guest.user.account);
    assert_eq!(named.display_name, "Kim");
    assert_eq!(
        rig.ask(Some(guest.user), link("Lee")),
        Err(Error::WrongState),
        "it has a name"
    );
    assert!(rig.enter(as_guest(1)).is_ok(), "the device still works");
    // Nothing that the device keeps is stored as it is.
    assert!(!format!("{:?}", rig.store).contains(&"01".repeat(32)));
}

#[test]
fn a_guest_whose_made_up_name_is_taken_gets_another() {
    let mut rig = Rig::new();
    rig.holds_asks = true;
    let tag = rig.send(1, None, as_guest(1));
    rig.do_ask();
    rig.pump();
    // Somebody had that name already.
    rig.refuse_ask(Refusal::Duplicate(7));
    rig.holds_asks = false;
    rig.pump();
    assert!(rig.answer(tag).unwrap().is_ok());
    assert_eq!(rig.store.people.len(), 1);
}

#[test]
fn a_guest_that_comes_twice_at_once_gets_one_account() {
    let mut rig = Rig::new();
    rig.holds_asks = true;
    let one = rig.send(1, None, as_guest(1));
    let other = rig.send(2, None, as_guest(1));
    rig.holds_asks = false;
    rig.pump();
    let mut account = |tag| match rig.answer(tag) {
        Some(Ok(Outcome::LoggedIn(who))) => who.user.account,
        other => panic!("{other:?}"),
    };
    assert_eq!(account(one), account(other));
}

#[test]
fn a_classic_id_is_known_or_becomes_an_account_and_gets_no_token() {
    let mut rig = Rig::new();
    let classic = |id: &str, password: &str, unknown| Request::LogInClassic {
        id: id.into(),
        password: password.into(),
        unknown,
    };
    let refused = rig.enter(classic("kim", PASSWORD, UnknownId::Refused));
    assert_eq!(refused, Err(Error::Credentials));
    assert_eq!(rig.checked.len(), 1, "an unknown id takes as long");
    let new = rig
        .enter(classic("kim", PASSWORD, UnknownId::Registered))
        .unwrap();
    assert!(new.is_new && new.token.is_none());
    for unknown in [UnknownId::Registered, UnknownId::Refused] {
        let known = rig.enter(classic("kim", PASSWORD, unknown)).unwrap();
        assert_eq!(known.user.account, new.user.account);
        assert!(known.token.is_none());
        assert_eq!(
            rig.enter(classic("kim", "wrong horse", unknown)),
            Err(Error::Credentials)
        );
    }
    let short = rig.enter(classic("lee", "1234", UnknownId::Registered));
    assert!(matches!(
        short,
        Err(Error::Invalid {
            field: "password",
            ..
        })
    ));
    let nameless = rig.enter(classic("<>", PASSWORD, UnknownId::Registered));
    assert_eq!(nameless, Err(Error::Credentials));
    // It is the same account as that of the platform.
    assert!(rig.enter(log_in("kim", PASSWORD)).is_ok());
}

fn banned(until: Option<UnixMs>) -> Error {
    let reason = "spam".into();
    Error::Banned { until, reason }
}

#[test]
fn whoever_is_banned_hears_it_only_with_the_right_password_and_for_as_long_as_it_lasts() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    let until = Some(BEGIN + 10_000);
    let done = rig.ask(None, ban(kim.account, until));
    assert_eq!(done, Ok(Outcome::Done));
    assert_eq!(rig.revoked.len(), 1);
    assert!(rig.revoked[0].covers(kim.account, kim.login));
    assert!(rig.store.logins.is_empty());
    assert_eq!(rig.enter(log_in("kim", PASSWORD)), Err(banned(until)));
    assert_eq!(
        rig.enter(log_in("kim", "wrong horse")),
        Err(Error::Credentials)
    );
    rig.pass(Duration::from_secs(10));
    assert!(rig.enter(log_in("kim", PASSWORD)).is_ok());

    let account = kim.account;
    rig.ask(None, ban(account, None)).unwrap();
    assert_eq!(rig.enter(log_in("kim", PASSWORD)), Err(banned(None)));
    rig.ask(None, unban(account)).unwrap();
    assert!(rig.enter(log_in("kim", PASSWORD)).is_ok());
}

#[test]
fn a_ban_is_in_the_audit_log_with_its_reason_or_not_done() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    rig.ask(None, ban(kim.account, Some(7))).unwrap();
    rig.ask(None, unban(kim.account)).unwrap();
    let log: Vec<_> = rig
        .store
        .log
        .iter()
        .map(|entry| (&*entry.action, &*entry.after, &*entry.act.reason))
        .collect();
    assert_eq!(
        log,
        [
            (
                "account.ban",
                "banned until 1970-01-01 00:00:00 UTC",
                "spam"
            ),
            ("account.unban", "active", "")
        ]
    );
    let nobody = AccountId::new(99);
    assert_eq!(rig.ask(None, ban(nobody, None)), Err(Error::NotFound));
    for reason in ["x".repeat(501), "a\nb".into()] {
        let request = Request::Unban {
            account: kim.account,
            by: Actor::Operator,
            reason,
        };
        let refused = rig.ask(None, request);
        assert!(matches!(
            refused,
            Err(Error::Invalid {
                field: "reason",
                ..
            })
        ));
    }
    assert_eq!(rig.store.log.len(), 2);
}

#[test]
fn a_ban_while_the_password_is_compared_still_keeps_out() {
    let mut rig = Rig::new();
    let account = rig.enter(register("kim")).unwrap().user.account;
    rig.holds_jobs = true;
    let tag = rig.send(1, None, log_in("kim", PASSWORD));
    let until = Some(BEGIN + 60_000);
    rig.ask(None, ban(account, until)).unwrap();
    rig.holds_jobs = false;
    rig.pump();
    assert_eq!(rig.answer(tag), Some(Err(banned(until))));
    assert!(rig.store.logins.is_empty());
}

#[test]
fn a_login_that_the_store_has_ended_meanwhile_is_not_let_in_whichever_answer_comes_first() {
    let mut rig = Rig::new();
    let account = rig.enter(register("kim")).unwrap().user.account;
    rig.holds_asks = true;
    let tag = rig.send(1, None, log_in("kim", PASSWORD));
    rig.do_ask();
    rig.pump();
    // The password is compared; the store is asked to begin a login, then to ban.
    rig.send(2, None, ban(account, None));
    let (login, begin) = rig.asks.pop_front().unwrap();
    let begun = rig.store.run(&begin);
    assert!(begun.is_ok());
    rig.do_ask();
    rig.pump();
    assert_eq!(rig.revoked.len(), 1);
    // The first answer comes last.
    rig.reply(login, begun);
    rig.pump();
    assert_eq!(rig.answer(tag), Some(Err(Error::Unavailable)));
}

#[test]
fn an_administrator_finds_an_account_by_name_and_by_id() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("Kim")).unwrap().user;
    let mut look = |by| match rig.ask(None, Request::LookUp { by }) {
        Ok(Outcome::Found(person)) => Ok((person.account, person.has_password)),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    use wharf_accounts::LookUp;
    let found = Ok((kim.account, true));
    assert_eq!(look(LookUp::Name("kim".into())), found);
    assert_eq!(look(LookUp::Account(kim.account)), found);
    assert_eq!(look(LookUp::Name("lee".into())), Err(Error::NotFound));
}

#[test]
fn who_is_in_does_not_come_in_again_and_who_is_not_owns_nothing() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    for request in [register("lee"), log_in("kim", PASSWORD), as_guest(1)] {
        assert_eq!(rig.ask(Some(kim), request), Err(Error::WrongState));
    }
    for request in [Request::LogOut, Request::ListLogins, Request::RevokeOthers] {
        assert_eq!(rig.ask(None, request), Err(Error::WrongState));
    }
    // Sent before the answer: the session is in by the time of its turn.
    rig.holds_jobs = true;
    let first = rig.send(7, None, log_in("kim", PASSWORD));
    let second = rig.send(7, None, as_guest(9));
    rig.holds_jobs = false;
    rig.pump();
    assert!(rig.answer(first).unwrap().is_ok());
    assert_eq!(rig.answer(second), Some(Err(Error::WrongState)));
    assert_eq!(rig.store.people.len(), 1);
}

#[test]
fn names_are_stored_by_what_they_look_like() {
    let mut rig = Rig::new();
    rig.enter(register("Kim")).unwrap();
    let subjects: Vec<_> = rig.store.identities.keys().collect();
    assert_eq!(subjects, [&(1, NameKey::of("kim").as_str().to_owned())]);
}
