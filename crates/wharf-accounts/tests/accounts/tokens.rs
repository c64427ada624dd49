//! Tokens: kept for a while, then good once, ended by whoever may end them, and not for thieves.

use crate::rig::{PASSWORD, Rig, by_token, log_in, register, token_of};
use wharf_accounts::{AccountOptions, Error, LoggedIn, Outcome, Request, Revocation};
use wharf_base::Duration;
use wharf_data::account::Which;

/// Somebody comes back after so long that they get another token.
fn exchange(rig: &mut Rig, who: &LoggedIn) -> LoggedIn {
    rig.pass(AccountOptions::default().token_exchange_after);
    rig.enter(by_token(who)).unwrap()
}

/// Somebody whose last token was exchanged, and its answer.
fn exchanged(rig: &mut Rig) -> (LoggedIn, LoggedIn) {
    let first = rig.enter(register("kim")).unwrap();
    let second = exchange(rig, &first);
    assert_eq!(second.user, first.user, "the same login goes on");
    assert_ne!(token_of(&second), token_of(&first));
    (first, second)
}

#[test]
fn each_token_is_good_for_the_next() {
    let mut rig = Rig::new();
    let (_, mut who) = exchanged(&mut rig);
    for _ in 0..3 {
        let next = exchange(&mut rig, &who);
        assert_ne!(token_of(&next), token_of(&who));
        who = next;
    }
    assert_eq!(rig.checked.len(), 0, "no password is hashed for it");
    assert_eq!(rig.store.logins.len(), 1);
}

#[test]
fn who_comes_back_soon_keeps_the_token_and_the_store_is_asked_once() {
    let mut rig = Rig::new();
    let first = rig.enter(register("kim")).unwrap();
    for times in 0..4 {
        rig.pass(Duration::from_secs(60));
        let asked = rig.asked;
        let again = rig.enter(by_token(&first)).unwrap();
        assert_eq!(token_of(&again), token_of(&first));
        assert_eq!(again.user, first.user);
        assert_eq!(rig.asked - asked, u64::from(times == 0));
    }
    assert_eq!(rig.store.tokens.len(), 1, "nothing was written");
}

#[test]
fn nothing_is_known_of_an_account_that_was_changed() {
    let mut rig = Rig::new();
    let first = rig.enter(register("kim")).unwrap();
    rig.enter(by_token(&first)).unwrap();
    let renamed = Request::Rename { name: "lee".into() };
    rig.ask(Some(first.user), renamed).unwrap();
    let again = rig.enter(by_token(&first)).unwrap();
    assert_eq!(again.display_name, "lee");
    rig.ask(Some(first.user), Request::LogOut).unwrap();
    assert_eq!(rig.enter(by_token(&first)), Err(Error::Token));
}

#[test]
fn whoever_shows_the_token_of_a_login_that_was_given_up_meanwhile_is_not_let_in() {
    let mut rig = Rig::new();
    let first = rig.enter(register("kim")).unwrap();
    rig.holds_asks = true;
    let late = rig.send(9, None, by_token(&first));
    let (tag, ask) = rig.asks.pop_front().unwrap();
    let found = rig.store.run(&ask);
    rig.accounts.give_up(rig.now, rig.at, first.user);
    rig.pump();
    assert!(rig.do_ask(), "the login is ended in the store");
    rig.pump();
    let ended = Revocation {
        account: first.user.account,
        which: Which::One(first.user.login),
    };
    assert_eq!(rig.revoked, [ended]);
    // The store has looked before, and its answer comes behind.
    rig.reply(tag, found);
    rig.pump();
    assert_eq!(rig.answer(late), Some(Err(Error::Unavailable)));
    assert_eq!(rig.accounts.in_progress(), 0, "nobody waits");
    rig.holds_asks = false;
    assert_eq!(rig.enter(by_token(&first)), Err(Error::Token));
}

#[test]
fn a_refreshed_token_is_not_known_any_more() {
    let mut rig = Rig::new();
    let first = rig.enter(register("kim")).unwrap();
    rig.enter(by_token(&first)).unwrap();
    let token = token_of(&first).to_vec().into();
    rig.ask(Some(first.user), Request::Refresh { token })
        .unwrap();
    rig.pass(AccountOptions::default().token_grace);
    assert_eq!(rig.enter(by_token(&first)), Err(Error::Token));
    assert_eq!(rig.revoked.len(), 1);
}

#[test]
fn a_token_that_was_exchanged_ends_its_login_and_its_sessions() {
    let mut rig = Rig::new();
    let (first, second) = exchanged(&mut rig);
    rig.pass(AccountOptions::default().token_grace);
    assert_eq!(rig.enter(by_token(&first)), Err(Error::Token));
    assert_eq!(rig.revoked.len(), 1);
    assert_eq!(rig.revoked[0].which, Which::One(first.user.login));
    assert_eq!(rig.enter(by_token(&second)), Err(Error::Token));
}

#[test]
fn who_has_lost_the_answer_may_show_the_last_token_again_for_a_while() {
    let mut rig = Rig::new();
    let (first, lost) = exchanged(&mut rig);
    rig.pass(AccountOptions::default().token_grace - Duration::from_millis(1));
    let again = rig.enter(by_token(&first)).unwrap();
    assert_eq!(again.user, first.user);
    let third = exchange(&mut rig, &again);
    assert!(rig.revoked.is_empty());
    // A thief has the answer that was lost.
    assert_eq!(rig.enter(by_token(&lost)), Err(Error::Token));
    assert_eq!(rig.revoked.len(), 1);
    assert_eq!(rig.enter(by_token(&third)), Err(Error::Token));
}

#[test]
fn once_the_next_was_shown_the_last_is_a_thiefs_however_soon() {
    let mut rig = Rig::new();
    let (first, second) = exchanged(&mut rig);
    let third = rig.enter(by_token(&second)).unwrap();
    assert_eq!(token_of(&third), token_of(&second));
    assert_eq!(rig.enter(by_token(&first)), Err(Error::Token));
    assert_eq!(rig.revoked.len(), 1);
    assert_eq!(rig.enter(by_token(&third)), Err(Error::Token));
}

#[test]
fn without_a_grace_a_token_is_good_once() {
    let mut rig = Rig::with(AccountOptions {
        token_grace: Duration::ZERO,
        ..AccountOptions::default()
    });
    let (first, _) = exchanged(&mut rig);
    assert_eq!(rig.enter(by_token(&first)), Err(Error::Token));
    assert_eq!(rig.revoked.len(), 1);
}

#[test]
fn a_token_ends_with_its_time_and_a_foreign_one_is_none() {
    let mut rig = Rig::new();
    let who = rig.enter(register("kim")).unwrap();
    let life = AccountOptions::default().token_life;
    rig.pass(life - Duration::from_millis(1));
    let next = rig.enter(by_token(&who)).unwrap();
    rig.pass(life);
    assert_eq!(rig.enter(by_token(&next)), Err(Error::Token));
    let foreign = |bytes: Vec<u8>| Request::LogInByToken {
        token: bytes.into(),
        device: None,
    };
    assert_eq!(rig.enter(foreign(vec![7; 32])), Err(Error::Token));
    for bytes in [vec![], vec![7; 31], vec![7; 33]] {
        let wrong = rig.enter(foreign(bytes));
        assert!(matches!(wrong, Err(Error::Invalid { field: "token", .. })));
    }
}

#[test]
fn logins_are_listed_and_ended_one_by_one_or_all_but_ones_own() {
    let mut rig = Rig::new();
    let laptop = rig.enter(register("kim")).unwrap();
    let mut others: Vec<LoggedIn> = (0..3)
        .map(|_| rig.enter(log_in("kim", PASSWORD)).unwrap())
        .collect();
    let me = Some(laptop.user);
    let Ok(Outcome::Logins(logins)) = rig.ask(me, Request::ListLogins) else {
        panic!("no list");
    };
    assert_eq!(logins.len(), 4);
    assert_eq!(logins[3].id, laptop.user.login, "the newest stands first");

    let lost = others.pop().unwrap();
    let login = lost.user.login;
    let ended = rig.ask(me, Request::RevokeLogin { login });
    assert_eq!(ended, Ok(Outcome::Done));
    assert_eq!(rig.revoked.last().unwrap().which, Which::Another(login));
    assert_eq!(rig.enter(by_token(&lost)), Err(Error::Token));
    let again = rig.ask(me, Request::RevokeLogin { login });
    assert_eq!(
        again,
        Err(Error::NotFound),
        "there is no such login any more"
    );

    rig.ask(me, Request::RevokeOthers).unwrap();
    assert_eq!(
        rig.revoked.last().unwrap().which,
        Which::AllBut(laptop.user.login)
    );
    for other in &others {
        assert_eq!(rig.enter(by_token(other)), Err(Error::Token));
    }
    let laptop = rig.enter(by_token(&laptop)).unwrap();
    rig.ask(me, Request::LogOut).unwrap();
    assert_eq!(rig.enter(by_token(&laptop)), Err(Error::Token));
}

#[test]
fn a_token_is_refreshed_by_the_session_whose_login_it_is() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap();
    let lee = rig.enter(register("lee")).unwrap();
    let refresh = |token: Vec<u8>| Request::Refresh {
        token: token.into(),
    };
    let shown = token_of(&kim).to_vec();
    let foreign = rig.ask(Some(lee.user), refresh(shown.clone()));
    assert_eq!(foreign, Err(Error::Token));
    let Ok(Outcome::Refreshed(next)) = rig.ask(Some(kim.user), refresh(shown.clone())) else {
        panic!("not refreshed");
    };
    let by_next = |device: &str| Request::LogInByToken {
        token: next.secret.as_bytes().to_vec().into(),
        device: Some(device.into()),
    };
    assert!(matches!(
        rig.enter(by_next("\n")),
        Err(Error::Invalid {
            field: "device",
            ..
        })
    ));
    let again = rig.enter(by_next("new phone")).unwrap();
    assert_eq!(again.user, kim.user);
    assert_eq!(rig.store.logins[&kim.user.login].device, "new phone");
    // It is as good once as any.
    let stolen = rig.ask(Some(kim.user), refresh(shown));
    assert_eq!(stolen, Err(Error::Token));
    assert_eq!(rig.revoked.len(), 1);
    assert_eq!(rig.enter(by_token(&again)), Err(Error::Token));
}

#[test]
fn nobody_ends_somebody_elses_login() {
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap();
    let lee = rig.enter(register("lee")).unwrap();
    let login = kim.user.login;
    let ended = rig.ask(Some(lee.user), Request::RevokeLogin { login });
    assert_eq!(ended, Err(Error::NotFound));
    assert!(rig.revoked.is_empty());
    assert!(rig.enter(by_token(&kim)).is_ok());
}

#[test]
fn a_session_that_ends_its_own_login_has_its_answer_first() {
    use wharf_accounts::{Caller, CallerTag, Effect};
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    let tag = CallerTag {
        session: 1,
        request: 1,
    };
    let caller = Caller {
        tag,
        address: "192.0.2.1".parse().unwrap(),
        user: Some(kim),
    };
    rig.accounts
        .request(rig.now, rig.at, caller, Request::LogOut);
    let Some(Effect::Ask { tag: asked, ask }) = rig.accounts.poll() else {
        panic!("the store is not asked");
    };
    let reply = rig.store.run(&ask);
    rig.reply(asked, reply);
    let answer = Effect::Answer {
        to: tag,
        result: Ok(Outcome::Done),
    };
    assert_eq!(rig.accounts.poll(), Some(answer));
    assert!(matches!(rig.accounts.poll(), Some(Effect::Revoked(_))));
}
