//! What somebody may do with their own account.

use crate::rig::{PASSWORD, Rig, as_guest, by_token, log_in, register};
use wharf_accounts::{AccountOptions, Error, Identities, LookUp, Outcome, Request};
use wharf_base::Duration;
use wharf_data::account::{IdentityKind, Which};
use wharf_data::{AccountId, Actor};

fn change(old: &str, new: &str) -> Request {
    Request::ChangePassword {
        old: old.into(),
        new: new.into(),
    }
}

#[test]
fn a_password_is_changed_with_the_old_one_and_every_other_login_ends() {
    let mut rig = Rig::new();
    let laptop = rig.enter(register("kim")).unwrap();
    let phone = rig.enter(log_in("kim", PASSWORD)).unwrap();
    let me = Some(laptop.user);
    let wrong = rig.ask(me, change("wrong horse", "battery staple"));
    assert_eq!(wrong, Err(Error::Credentials));
    for (new, _) in [("short", 0), ("kim", 0), (&*"x".repeat(257), 0)] {
        let refused = rig.ask(me, change(PASSWORD, new));
        let is_named = matches!(
            refused,
            Err(Error::Invalid {
                field: "new_password",
                ..
            })
        );
        assert!(is_named, "{refused:?}");
    }
    assert!(rig.revoked.is_empty());
    let changed = rig.ask(me, change(PASSWORD, "battery staple"));
    assert_eq!(changed, Ok(Outcome::Done));
    let kept = Which::AllBut(laptop.user.login);
    assert_eq!(rig.revoked.last().unwrap().which, kept);
    assert_eq!(rig.enter(log_in("kim", PASSWORD)), Err(Error::Credentials));
    assert!(rig.enter(log_in("kim", "battery staple")).is_ok());
    assert_eq!(rig.enter(by_token(&phone)), Err(Error::Token));
    assert!(rig.enter(by_token(&laptop)).is_ok());
}

fn new_password(account: AccountId) -> Request {
    Request::NewPassword {
        account,
        by: Actor::Operator,
        reason: "forgotten".into(),
    }
}

#[test]
fn whoever_has_forgotten_a_password_is_given_one_and_everything_older_is_worth_nothing() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap();
    let account = kim.user.account;
    let password = PASSWORD.into();
    let codes = rig.ask(Some(kim.user), Request::MakeRecoveryCodes { password });
    let Ok(Outcome::RecoveryCodes(codes)) = codes else {
        panic!("{codes:?}")
    };
    let given = rig.ask(None, new_password(account));
    assert_eq!(format!("{given:?}"), "Ok(NewPassword(Hidden(..)))");
    let Ok(Outcome::NewPassword(given)) = given else {
        panic!("{given:?}")
    };
    let given = given.as_text().expect("it is text");
    assert_eq!(given.len(), 19, "{given}");
    assert_eq!(rig.revoked.last().unwrap().which, Which::All);
    assert_eq!(rig.enter(by_token(&kim)), Err(Error::Token));
    assert_eq!(rig.enter(log_in("kim", PASSWORD)), Err(Error::Credentials));
    let recover = Request::Recover {
        name: "kim".into(),
        code: (&*codes.0[0]).into(),
        new_password: "battery staple".into(),
        device: String::new(),
    };
    assert_eq!(rig.enter(recover), Err(Error::Token));
    let back = rig.enter(log_in("kim", given)).unwrap();
    let changed = rig.ask(Some(back.user), change(given, "battery staple"));
    assert_eq!(changed, Ok(Outcome::Done));
    let entry = rig.store.log.last().expect("an entry");
    assert_eq!(
        (&*entry.action, &*entry.act.reason),
        ("account.new_password", "forgotten")
    );
    assert!(!format!("{entry:?}").contains(given));
}

#[test]
fn whoever_logs_in_without_a_password_and_nobody_are_given_none() {
    let mut rig = Rig::new();
    let guest = rig.enter(as_guest(1)).unwrap().user.account;
    let refused = rig.ask(None, new_password(guest));
    let is_told = |text: &str| text.contains("a device or a ticket");
    match refused {
        Err(Error::Invalid { field, text }) => assert!(field == "account" && is_told(&text)),
        other => panic!("{other:?}"),
    }
    let nobody = rig.ask(None, new_password(AccountId::new(77)));
    assert_eq!(nobody, Err(Error::NotFound));
    let by = LookUp::Account(guest);
    assert!(rig.ask(None, Request::LookUp { by }).is_ok());
    assert!(rig.revoked.is_empty() && rig.made == 0);
}

#[test]
fn of_two_who_change_a_password_at_once_one_is_told_that_it_was_changed() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    let thief = rig.enter(log_in("kim", PASSWORD)).unwrap().user;
    rig.holds_jobs = true;
    let owner = rig.send(1, Some(kim), change(PASSWORD, "battery staple"));
    let other = rig.send(2, Some(thief), change(PASSWORD, "stolen staple"));
    rig.holds_jobs = false;
    rig.pump();
    assert_eq!(rig.answer(owner), Some(Ok(Outcome::Done)));
    assert_eq!(rig.answer(other), Some(Err(Error::Conflict)));
    assert!(rig.enter(log_in("kim", "battery staple")).is_ok());
}

#[test]
fn a_password_that_is_changed_while_the_old_one_is_compared_keeps_the_old_one_out() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    rig.holds_jobs = true;
    let thief = rig.send(1, None, log_in("kim", PASSWORD));
    let check = rig.jobs.pop_front().unwrap();
    rig.holds_jobs = false;
    rig.ask(Some(kim), change(PASSWORD, "battery staple"))
        .unwrap();
    rig.jobs.push_back(check);
    rig.pump();
    assert_eq!(rig.answer(thief), Some(Err(Error::Credentials)));
    assert_eq!(rig.store.logins.len(), 1);
}

#[test]
fn recovery_codes_are_good_once_and_only_the_last_ones() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap();
    let codes = |rig: &mut Rig, password: &str| {
        let password = password.into();
        match rig.ask(Some(kim.user), Request::MakeRecoveryCodes { password }) {
            Ok(Outcome::RecoveryCodes(codes)) => {
                assert_eq!(format!("{codes:?}"), "RecoveryCodes(8 of them)");
                Ok(codes.0)
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        }
    };
    assert_eq!(codes(&mut rig, "wrong horse"), Err(Error::Credentials));
    let old = codes(&mut rig, PASSWORD).unwrap();
    let new = codes(&mut rig, PASSWORD).unwrap();
    let recover = |name: &str, code: &str| Request::Recover {
        name: name.into(),
        code: code.into(),
        new_password: "battery staple".into(),
        device: String::new(),
    };
    let made = rig.made;
    for (name, code) in [("kim", &old[0]), ("nobody", &new[0])] {
        assert_eq!(rig.enter(recover(name, code)), Err(Error::Token));
    }
    assert_eq!(rig.made, made + 2, "a wrong name takes as long");
    let back = rig.enter(recover("KIM", &new[0].to_lowercase())).unwrap();
    assert_eq!(back.user.account, kim.user.account);
    assert_eq!(rig.revoked.len(), 1);
    assert_eq!(rig.revoked[0].which, Which::AllBut(back.user.login));
    assert_eq!(rig.enter(by_token(&kim)), Err(Error::Token));
    assert_eq!(rig.enter(recover("kim", &new[0])), Err(Error::Token));
    assert!(rig.enter(log_in("kim", "battery staple")).is_ok());
    assert!(rig.enter(by_token(&back)).is_ok());
    assert!(rig.enter(recover("kim", &new[1])).is_ok());
}

#[test]
fn ways_to_log_in_are_linked_and_taken_away_but_never_the_last() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    let lee = rig.enter(register("lee")).unwrap().user;
    let device = |secret: u8| Request::LinkDevice {
        secret: vec![secret; 32].into(),
    };
    let unlink = |kind| Request::Unlink { kind };
    assert_eq!(
        rig.ask(Some(kim), unlink(IdentityKind::Name)),
        Err(Error::WrongState)
    );
    assert_eq!(
        rig.ask(Some(kim), unlink(IdentityKind::Device)),
        Err(Error::NotFound)
    );
    assert_eq!(rig.ask(Some(kim), device(1)), Ok(Outcome::Done));
    assert_eq!(rig.ask(Some(lee), device(1)), Err(Error::Taken));
    assert_eq!(rig.ask(Some(kim), device(2)), Err(Error::WrongState));
    let guest = rig.enter(as_guest(1)).unwrap();
    assert_eq!(guest.user.account, kim.account);
    let known = Identities {
        kinds: vec![IdentityKind::Name, IdentityKind::Device],
        display_name: "kim".into(),
        recovery_codes: 0,
    };
    assert_eq!(
        rig.ask(Some(kim), Request::ListIdentities),
        Ok(Outcome::Identities(known))
    );
    assert_eq!(
        rig.ask(Some(kim), unlink(IdentityKind::Name)),
        Ok(Outcome::Done)
    );
    assert_eq!(rig.enter(log_in("kim", PASSWORD)), Err(Error::Credentials));
}

#[test]
fn a_profile_changes_by_its_version_and_its_document_is_its_owners() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    let lee = rig.enter(register("lee")).unwrap().user;
    let set = |version, language: Option<&str>, document: Vec<u8>| Request::SetProfile {
        version,
        avatar: Some(u32::MAX),
        language: language.map(str::to_owned),
        document: Some(document),
    };
    let profile = |answer| match answer {
        Ok(Outcome::Profile(profile)) => profile,
        other => panic!("{other:?}"),
    };
    let changed = profile(rig.ask(Some(kim), set(Some(1), Some("ko"), vec![1, 2])));
    assert_eq!((changed.version, &*changed.language), (2, "ko"));
    let again = rig.ask(Some(kim), set(Some(1), None, vec![]));
    assert_eq!(again, Err(Error::Conflict));
    for (language, document, wrong) in [
        ("<ko>", vec![], "language"),
        (&*"x".repeat(36), vec![], "language"),
        ("ko", vec![0; 4_097], "document"),
    ] {
        match rig.ask(Some(kim), set(None, Some(language), document)) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, wrong),
            other => panic!("{other:?}"),
        }
    }
    let get = |account| Request::GetProfile { account };
    let own = profile(rig.ask(Some(kim), get(None)));
    assert_eq!(own.document, [1, 2]);
    let seen = profile(rig.ask(Some(lee), get(Some(kim.account))));
    assert_eq!(seen.avatar, u32::MAX);
    assert!(seen.document.is_empty());
    let find = |name: &str| Request::FindProfile { name: name.into() };
    assert_eq!(profile(rig.ask(Some(lee), find("KIM"))), seen);
    assert_eq!(rig.ask(Some(lee), find("nobody")), Err(Error::NotFound));
    // A guest logs in by no name, and is called something all the same.
    let guest = rig.enter(as_guest(1)).unwrap();
    let found = profile(rig.ask(Some(lee), find(&guest.display_name)));
    assert_eq!(found.account, guest.user.account);
    let rename = Request::Rename {
        name: "Haneul".into(),
    };
    rig.ask(Some(guest.user), rename).unwrap();
    assert_eq!(
        profile(rig.ask(Some(lee), find("haneul"))).account,
        guest.user.account
    );
    let former = rig.ask(Some(lee), find(&guest.display_name));
    assert_eq!(former, Err(Error::NotFound), "it is only kept for them");
}

#[test]
fn a_name_is_changed_now_and_then_and_the_old_one_is_kept_for_its_owner() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("Kim")).unwrap().user;
    let lee = rig.enter(register("Lee")).unwrap().user;
    let rename = |rig: &mut Rig, user, name: &str| {
        let name = name.into();
        rig.ask(Some(user), Request::Rename { name }).map(drop)
    };
    let options = AccountOptions::default();
    assert_eq!(rename(&mut rig, kim, "LEE"), Err(Error::Taken));
    assert_eq!(rename(&mut rig, kim, "Park"), Ok(()));
    rig.enter(log_in("park", PASSWORD)).unwrap();
    assert_eq!(rig.enter(log_in("kim", PASSWORD)), Err(Error::Credentials));
    let retry_after = options.rename_cooldown;
    assert_eq!(
        rename(&mut rig, kim, "Choi"),
        Err(Error::Rate { retry_after })
    );
    assert_eq!(rig.enter(register("kim")), Err(Error::Taken));
    rig.pass(options.rename_cooldown - Duration::from_millis(1));
    let retry_after = Duration::from_millis(1);
    assert_eq!(
        rename(&mut rig, kim, "Kim"),
        Err(Error::Rate { retry_after })
    );
    rig.pass(retry_after);
    assert_eq!(rename(&mut rig, lee, "Kim"), Err(Error::Taken));
    assert_eq!(rename(&mut rig, kim, "kim"), Ok(()), "back to the old one");
    rig.pass(options.name_hold);
    assert_eq!(
        rename(&mut rig, lee, "Park"),
        Ok(()),
        "nobody has it any more"
    );
    assert!(matches!(
        rename(&mut rig, kim, "<b>"),
        Err(Error::Invalid { .. })
    ));
}

#[test]
fn an_account_is_erased_with_its_password_if_it_has_one() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap();
    let guest = rig.enter(as_guest(1)).unwrap();
    let erase = |password: &str| Request::Erase {
        password: password.into(),
    };
    let me = Some(kim.user);
    assert_eq!(rig.ask(me, erase("wrong horse")), Err(Error::Credentials));
    assert_eq!(rig.ask(me, erase("")), Err(Error::Credentials));
    assert_eq!(rig.ask(me, erase(PASSWORD)), Ok(Outcome::Done));
    assert_eq!(rig.revoked.last().unwrap().which, Which::All);
    assert_eq!(rig.enter(by_token(&kim)), Err(Error::Token));
    assert_eq!(rig.enter(log_in("kim", PASSWORD)), Err(Error::Credentials));
    let new = rig.enter(register("kim")).unwrap();
    assert_ne!(new.user.account, kim.user.account);
    assert_eq!(rig.ask(Some(guest.user), erase("")), Ok(Outcome::Done));
    assert_eq!(rig.ask(me, erase(PASSWORD)), Err(Error::NotFound));
}

#[test]
fn nothing_secret_is_shown() {
    let mut rig = Rig::new();
    let requests = [
        register("kim"),
        change(PASSWORD, PASSWORD),
        as_guest(1),
        Request::LogInByTicket {
            ticket: PASSWORD.into(),
            device: String::new(),
        },
    ];
    let mut shown = format!("{requests:?}");
    use wharf_accounts::{Caller, CallerTag};
    let caller = Caller {
        tag: CallerTag {
            session: 1,
            request: 1,
        },
        address: "192.0.2.1".parse().unwrap(),
        user: None,
    };
    rig.accounts
        .request(rig.now, rig.at, caller, register("kim"));
    while let Some(effect) = rig.accounts.poll() {
        shown.push_str(&format!("{effect:?}"));
        match effect {
            wharf_accounts::Effect::Ask { tag, ask } => {
                let reply = rig.store.run(&ask);
                rig.reply(tag, reply);
            }
            wharf_accounts::Effect::Hash(job) => {
                rig.jobs.push_back(job);
                rig.do_job();
            }
            _ => {}
        }
    }
    assert!(shown.contains("LoggedIn"), "{shown}");
    for secret in [PASSWORD, "argon2id", "[1, 1", "0x01"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
