//! What is promised of accounts, on every database there is.

use crate::bench::{Bench, ban};
use crate::each_database;
use wharf_data::account::{
    Answer, Ask, Ended, Identity, IdentityKind, Named, NewLogin, NewToken, Status, TokenHash, Which,
};
use wharf_data::room::Until;
use wharf_data::{self as data, AccountId, DisplayName, LoginId, NameKey, PageToken, Refusal};

fn name(text: &str) -> DisplayName {
    DisplayName::new(text).unwrap()
}

fn by_name(text: &str) -> Identity {
    Identity {
        kind: IdentityKind::Name,
        subject: NameKey::of(text).as_str().to_owned(),
    }
}

fn token(number: u8) -> TokenHash {
    TokenHash([number; 32])
}

fn login(number: u8) -> NewLogin {
    NewLogin {
        id: LoginId::new(i64::from(number)),
        device: format!("device {number}"),
        token: NewToken {
            hash: token(number),
            expires: 1_000,
        },
    }
}

fn create(account: i64, text: &str, first: u8) -> Ask {
    Ask::Create {
        account: AccountId::new(account),
        identity: by_name(text),
        name: name(text),
        password: Some(format!("hash of {text}")),
        login: login(first),
        at: 1,
    }
}

fn exchange(old: u8, next: u8, at: i64) -> Ask {
    exchange_or_again(old, next, at, i64::MAX)
}

fn exchange_or_again(old: u8, next: u8, at: i64, forgiven_since: i64) -> Ask {
    Ask::Exchange {
        token: token(old),
        of: None,
        device: None,
        next: NewToken {
            hash: token(next),
            expires: at + 1_000,
        },
        at,
        forgiven_since,
    }
}

fn logins(bench: &mut Bench, account: i64) -> Vec<i64> {
    let ask = Ask::Logins {
        account: AccountId::new(account),
        at: 2,
    };
    match bench.account(ask) {
        Ok(Some(Answer::Logins(logins))) => logins.iter().map(|it| it.id.get()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_account_is_found_by_what_it_is_known_by() {
    each_database(|bench| {
        bench.account(create(7, "Kim", 1)).unwrap();
        let found = bench.account(Ask::Find {
            identity: by_name("KIM"),
        });
        let Ok(Some(Answer::Found(found))) = found else {
            panic!("{found:?}")
        };
        assert_eq!(found.account, AccountId::new(7));
        assert_eq!(found.display_name, "Kim");
        assert_eq!(found.password.as_deref(), Some("hash of Kim"));
        assert_eq!(found.status, Status::Active);
        let nobody = bench.account(Ask::Find {
            identity: by_name("Lee"),
        });
        assert_eq!(nobody, Err(Refusal::NotFound));
    });
}

#[test]
fn an_account_is_found_by_what_it_is_called_now_and_by_no_former_name() {
    each_database(|bench| {
        bench.account(create(7, "Kim", 1)).unwrap();
        let named = |bench: &mut Bench, name| {
            let name = NameKey::of(name);
            bench
                .account(Ask::Named { name })
                .map(|answer| match answer {
                    Some(Answer::Found(found)) => found.account.get(),
                    other => panic!("{other:?}"),
                })
        };
        assert_eq!(named(bench, "KIM"), Ok(7));
        assert_eq!(named(bench, "Lee"), Err(Refusal::NotFound));
        let rename = Ask::Rename {
            account: AccountId::new(7),
            name: DisplayName::new("Park").unwrap(),
            at: 1,
            release: 100,
            cooled: 100,
        };
        bench.account(rename).unwrap();
        assert_eq!(named(bench, "park"), Ok(7));
        let former = named(bench, "kim");
        assert_eq!(former, Err(Refusal::NotFound), "it is only kept for them");
    });
}

#[test]
fn accounts_are_listed_by_the_names_that_they_have_now_a_page_at_a_time() {
    each_database(|bench| {
        for (account, name) in [(7, "Kimchi"), (8, "Lee"), (9, "kim"), (10, "김철수")] {
            bench.account(create(account, name, account as u8)).unwrap();
        }
        let rename = Ask::Rename {
            account: AccountId::new(8),
            name: name("Kimono"),
            at: 1,
            release: 100,
            cooled: 100,
        };
        bench.account(rename).unwrap();
        bench.ask(ban(1, AccountId::new(9), None)).unwrap();
        let page = |bench: &mut Bench, search: &str, page, limit| {
            let search = search.to_owned();
            match bench.account(Ask::List {
                search,
                page,
                limit,
            }) {
                Ok(Some(Answer::List { accounts, next })) => Ok((accounts, next)),
                Ok(other) => panic!("{other:?}"),
                Err(refusal) => Err(refusal),
            }
        };
        let names = |bench: &mut Bench, search: &str, limit| {
            let (mut names, mut next) = (Vec::new(), None);
            loop {
                let (accounts, more) = page(bench, search, next, limit).unwrap();
                assert!(accounts.len() <= limit as usize, "{limit}");
                names.extend(accounts.into_iter().map(|it| it.display_name));
                match more {
                    Some(_) => next = more,
                    None => return names,
                }
            }
        };
        for limit in [1, 2, 3, 4] {
            assert_eq!(names(bench, "KIM", limit), ["kim", "Kimchi", "Kimono"]);
            assert_eq!(names(bench, "", limit).len(), 4);
        }
        assert_eq!(names(bench, "기", 9), ["김철수"], "half a syllable");
        assert_eq!(names(bench, "lee", 9), [] as [&str; 0], "a former name");
        let (accounts, next) = page(bench, "kim", None, 1).unwrap();
        assert_eq!(accounts[0].status, Status::Banned { until: None });
        assert_eq!(accounts[0].ban_reason, "reason 1");
        let forged = [PageToken::received("x"), next.expect("there are more")];
        for token in forged {
            let refused = page(bench, "", Some(token), 1);
            assert_eq!(refused.unwrap_err(), Refusal::Invalid);
        }
        let erase = Ask::Erase {
            account: AccountId::new(7),
        };
        bench.account(erase).unwrap();
        assert_eq!(names(bench, "kim", 9), ["kim", "Kimono"]);
    });
}

#[test]
fn recovery_codes_outlive_a_password_that_their_owner_changes_and_no_other() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let account = AccountId::new(7);
        let codes = vec![token(20)];
        let set = Ask::SetRecoveryCodes { account, codes };
        bench.account(set).unwrap();
        let mut old = "hash of kim";
        for (password, keep, left) in [("own", Some(LoginId::new(1)), 1), ("given", None, 0)] {
            let change = Ask::SetPassword {
                account,
                old: Some(old.into()),
                password: password.into(),
                keep,
            };
            old = password;
            assert_eq!(bench.account(change), Ok(None));
            match bench.account(Ask::Identities { account }) {
                Ok(Some(Answer::Identities { recovery_codes, .. })) => {
                    assert_eq!(recovery_codes, left, "{password}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(logins(bench, 7), [] as [i64; 0]);
    });
}

#[test]
fn a_name_that_looks_like_anothers_is_taken_and_nothing_is_left_of_the_try() {
    each_database(|bench| {
        bench.account(create(7, "paypal", 1)).unwrap();
        let alike = bench.account(create(8, "p\u{0430}ypal", 2));
        assert_eq!(alike, Err(Refusal::Duplicate(7)));
        assert_eq!(logins(bench, 8), [] as [i64; 0]);
        // The same id is free still.
        bench.account(create(8, "lee", 2)).unwrap();
    });
}

#[test]
fn a_token_is_good_once_and_a_second_time_ends_its_login() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        assert!(matches!(
            bench.account(exchange(1, 2, 10)),
            Ok(Some(Answer::LoggedIn { .. }))
        ));
        assert!(matches!(
            bench.account(exchange(2, 3, 11)),
            Ok(Some(Answer::LoggedIn { .. }))
        ));
        assert!(matches!(
            bench.account(exchange(1, 4, 12)),
            Ok(Some(Answer::Stolen { .. }))
        ));
        for number in [1, 2, 3, 4] {
            assert_eq!(
                bench.account(exchange(number, 9, 13)),
                Err(Refusal::NotFound)
            );
        }
        assert_eq!(logins(bench, 7), [] as [i64; 0]);
    });
}

#[test]
fn a_token_whose_answer_was_lost_is_exchanged_again_and_the_lost_one_is_worth_nothing() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let is_logged_in =
            |reply: &Result<Option<Answer>, _>| matches!(reply, Ok(Some(Answer::LoggedIn { .. })));
        assert!(is_logged_in(&bench.account(exchange(1, 2, 10))));
        // Twice lost.
        for next in [3, 4] {
            let again = bench.account(exchange_or_again(1, next, 15, 10));
            assert!(is_logged_in(&again), "{again:?}");
        }
        assert!(is_logged_in(
            &bench.account(exchange_or_again(4, 5, 15, 10))
        ));
        // What 1 was exchanged for has been shown: now it is a thief's.
        let stolen = bench.account(exchange_or_again(1, 6, 16, 10));
        assert!(matches!(stolen, Ok(Some(Answer::Stolen { .. }))));
        assert_eq!(bench.account(exchange(5, 6, 16)), Err(Refusal::NotFound));
    });
}

#[test]
fn a_thief_who_shows_the_lost_answer_ends_the_login() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        bench.account(exchange(1, 2, 10)).unwrap();
        bench.account(exchange_or_again(1, 3, 11, 10)).unwrap();
        let stolen = bench.account(exchange_or_again(2, 4, 12, 10));
        assert!(matches!(stolen, Ok(Some(Answer::Stolen { .. }))));
        assert_eq!(logins(bench, 7), [] as [i64; 0]);
    });
}

#[test]
fn a_token_is_not_forgiven_for_ever() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        bench.account(exchange(1, 2, 10)).unwrap();
        let stolen = bench.account(exchange_or_again(1, 4, 12, 11));
        assert!(matches!(stolen, Ok(Some(Answer::Stolen { .. }))));
        assert_eq!(logins(bench, 7), [] as [i64; 0]);
    });
}

#[test]
fn a_login_begins_only_if_what_was_proven_is_still_true() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let account = AccountId::new(7);
        let begin = |number, password: &str| Ask::LogIn {
            account,
            identity: by_name("kim"),
            password: Some(password.into()),
            login: login(number),
            at: 5,
        };
        bench.account(begin(2, "hash of kim")).unwrap();
        let rehash = |old: &str, new: &str| Ask::Rehash {
            account,
            old: old.into(),
            new: new.into(),
        };
        assert_eq!(
            bench.account(rehash("another", "stronger")),
            Err(Refusal::Conflict)
        );
        bench.account(rehash("hash of kim", "stronger")).unwrap();
        assert_eq!(
            bench.account(begin(3, "hash of kim")),
            Err(Refusal::Conflict)
        );
        let status = Status::Banned { until: Some(6) };
        bench.account(Ask::SetStatus { account, status }).unwrap();
        assert_eq!(bench.account(begin(3, "stronger")), Err(Refusal::Forbidden));
        assert_eq!(logins(bench, 7), [] as [i64; 0]);
        bench.account(Ask::Erase { account }).unwrap();
        assert_eq!(bench.account(begin(3, "stronger")), Err(Refusal::Conflict));
        assert_eq!(bench.account(Ask::Get { account }), Err(Refusal::NotFound));
    });
}

#[test]
fn a_guest_that_takes_a_name_is_seen_and_found_by_it() {
    each_database(|bench| {
        let device = Identity {
            kind: IdentityKind::Device,
            subject: "device".into(),
        };
        let account = AccountId::new(7);
        let guest = Ask::Create {
            account,
            identity: device,
            name: name("Guest ABC"),
            password: None,
            login: login(1),
            at: 1,
        };
        bench.account(guest).unwrap();
        let link = |text: &str| Ask::Link {
            account,
            identity: by_name(text),
            password: Some("hash".into()),
            name: Some(name(text)),
            at: 2,
        };
        bench.account(create(8, "lee", 2)).unwrap();
        assert_eq!(bench.account(link("LEE")), Err(Refusal::Duplicate(8)));
        bench.account(link("Kim")).unwrap();
        let Ok(Some(Answer::Found(found))) = bench.account(Ask::Find {
            identity: by_name("kim"),
        }) else {
            panic!("not found")
        };
        assert_eq!(found.display_name, "Kim");
        // The name that the server had given is free.
        bench.account(create(9, "Guest ABC", 3)).unwrap();
    });
}

#[test]
fn a_new_name_is_what_one_logs_in_by_and_the_next_has_to_wait() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let rename = |text, at| Ask::Rename {
            account: AccountId::new(7),
            name: name(text),
            at,
            release: at + 100,
            cooled: at + 80,
        };
        bench.account(rename("park", 10)).unwrap();
        assert_eq!(
            bench.account(rename("choi", 29)),
            Ok(Some(Answer::TooSoon { kept_until: 110 }))
        );
        let find = |text| Ask::Find {
            identity: by_name(text),
        };
        assert!(bench.account(find("park")).is_ok());
        assert_eq!(bench.account(find("kim")), Err(Refusal::NotFound));
        bench.account(rename("choi", 30)).unwrap();
    });
}

#[test]
fn a_token_of_another_login_is_none_and_a_device_may_call_itself_anew() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let exchange_of = |old, next, of, name: &str| Ask::Exchange {
            token: token(old),
            of: Some(LoginId::new(of)),
            device: Some(name.into()),
            next: NewToken {
                hash: token(next),
                expires: 1_000,
            },
            at: 10,
            forgiven_since: i64::MAX,
        };
        assert_eq!(
            bench.account(exchange_of(1, 2, 9, "x")),
            Err(Refusal::NotFound)
        );
        bench.account(exchange_of(1, 2, 1, "new phone")).unwrap();
        let ask = Ask::Logins {
            account: AccountId::new(7),
            at: 10,
        };
        let Ok(Some(Answer::Logins(logins))) = bench.account(ask) else {
            panic!("no list")
        };
        assert_eq!(logins[0].device, "new phone");
    });
}

#[test]
fn a_token_is_looked_at_without_being_used() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        bench.account(exchange(1, 2, 10)).unwrap();
        let mut look = |number| {
            bench.account(Ask::Token {
                token: token(number),
            })
        };
        for (number, ends, was_exchanged) in [(1, 1_000, true), (2, 1_010, false)] {
            let Ok(Some(Answer::Token {
                found,
                login,
                device,
                expires,
                is_exchanged,
            })) = look(number)
            else {
                panic!("no answer about {number}")
            };
            assert_eq!(found.account, AccountId::new(7));
            assert_eq!(found.display_name, "kim");
            assert_eq!((login, device.as_str()), (LoginId::new(1), "device 1"));
            assert_eq!((expires, is_exchanged), (ends, was_exchanged));
        }
        assert_eq!(look(3), Err(Refusal::NotFound));
    });
}

#[test]
fn an_account_knows_how_it_is_known() {
    each_database(|bench| {
        bench.account(create(7, "Kim", 1)).unwrap();
        let account = AccountId::new(7);
        let codes = vec![token(101), token(102)];
        bench
            .account(Ask::SetRecoveryCodes { account, codes })
            .unwrap();
        let expected = Answer::Identities {
            kinds: vec![IdentityKind::Name],
            display_name: "Kim".into(),
            recovery_codes: 2,
        };
        let known = bench.account(Ask::Identities { account });
        assert_eq!(known, Ok(Some(expected)));
        let account = AccountId::new(8);
        assert_eq!(
            bench.account(Ask::Identities { account }),
            Err(Refusal::NotFound)
        );
    });
}

#[test]
fn a_token_ends_with_its_time() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        assert_eq!(bench.account(exchange(1, 2, 1_000)), Err(Refusal::NotFound));
        assert!(bench.account(exchange(1, 2, 999)).is_ok());
    });
}

#[test]
fn logins_end_one_by_one_all_but_one_or_all() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        for number in 2..6 {
            bench
                .account(Ask::LogIn {
                    account: AccountId::new(7),
                    identity: by_name("kim"),
                    password: None,
                    login: login(number),
                    at: i64::from(number),
                })
                .unwrap();
        }
        let revoke = |which| Ask::Revoke {
            account: AccountId::new(7),
            which,
        };
        assert_eq!(logins(bench, 7), [5, 4, 3, 2, 1]);
        bench.account(revoke(Which::One(LoginId::new(4)))).unwrap();
        assert_eq!(logins(bench, 7), [5, 3, 2, 1]);
        let again = bench.account(revoke(Which::One(LoginId::new(4))));
        assert_eq!(again, Err(Refusal::NotFound));
        // Somebody else's is nobody's business.
        let foreign = Ask::Revoke {
            account: AccountId::new(8),
            which: Which::All,
        };
        bench.account(foreign).unwrap();
        bench
            .account(revoke(Which::AllBut(LoginId::new(3))))
            .unwrap();
        assert_eq!(logins(bench, 7), [3]);
        bench.account(revoke(Which::All)).unwrap();
        assert_eq!(logins(bench, 7), [] as [i64; 0]);
    });
}

#[test]
fn a_recovery_code_is_good_once_and_ends_every_other_login() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let codes = vec![token(101), token(102)];
        let account = AccountId::new(7);
        bench
            .account(Ask::SetRecoveryCodes { account, codes })
            .unwrap();
        let recover = |code, number| Ask::Recover {
            name: NameKey::of("kim"),
            code: token(code),
            password: "new hash".into(),
            login: login(number),
            at: 5,
        };
        assert!(bench.account(recover(103, 2)).is_err(), "no such code");
        assert!(bench.account(recover(101, 3)).is_ok());
        assert_eq!(
            bench.account(recover(101, 4)),
            Err(Refusal::NotFound),
            "used up"
        );
        assert_eq!(logins(bench, 7), [3]);
    });
}

#[test]
fn the_last_way_in_cannot_be_taken_away() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let account = AccountId::new(7);
        let unlink = |kind| Ask::Unlink { account, kind };
        assert_eq!(
            bench.account(unlink(IdentityKind::Name)),
            Err(Refusal::Conflict)
        );
        let device = Identity {
            kind: IdentityKind::Device,
            subject: "device".into(),
        };
        let link = Ask::Link {
            account,
            identity: device,
            password: None,
            name: None,
            at: 2,
        };
        bench.account(link.clone()).unwrap();
        assert_eq!(bench.account(link), Err(Refusal::Conflict));
        bench.account(unlink(IdentityKind::Name)).unwrap();
        assert_eq!(
            bench.account(Ask::Find {
                identity: by_name("kim")
            }),
            Err(Refusal::NotFound)
        );
    });
}

#[test]
fn a_profile_changes_by_its_version() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let set = |version, avatar| Ask::SetProfile {
            account: AccountId::new(7),
            version,
            avatar: Some(avatar),
            language: None,
            document: Some(vec![0, 159, 146, 150]),
        };
        let Ok(Some(Answer::Profile(profile))) = bench.account(set(Some(1), 3)) else {
            panic!("no profile")
        };
        assert_eq!((profile.version, profile.avatar), (2, 3));
        assert_eq!(profile.document, [0, 159, 146, 150]);
        assert_eq!(bench.account(set(Some(1), 4)), Err(Refusal::Conflict));
        assert!(bench.account(set(None, 5)).is_ok());
    });
}

#[test]
fn an_old_name_is_kept_free_for_a_while() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let rename = |account, text, at| Ask::Rename {
            account: AccountId::new(account),
            name: name(text),
            at,
            release: at + 100,
            cooled: i64::MAX,
        };
        bench.account(rename(7, "park", 10)).unwrap();
        bench.account(create(8, "lee", 2)).unwrap();
        assert_eq!(
            bench.account(rename(8, "kim", 109)),
            Err(Refusal::Duplicate(7))
        );
        assert!(bench.account(rename(8, "kim", 110)).is_ok());
        assert_eq!(
            bench.account(rename(8, "park", 500)),
            Err(Refusal::Duplicate(7)),
            "still in use"
        );
        assert!(bench.account(rename(8, "Kim", 600)).is_ok(), "one's own");
    });
}

#[test]
fn whoever_is_banned_is_logged_in_nowhere_and_found_with_the_end_and_the_reason() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let account = AccountId::new(7);
        let found = |bench: &mut Bench, ask| match bench.account(ask) {
            Ok(Some(Answer::Found(found))) => (found.status, found.ban_reason),
            other => panic!("not found: {other:?}"),
        };
        let until = Some(99);
        for (id, until) in [(1, None), (2, until)] {
            bench.done(ban(id, account, until)).unwrap();
        }
        assert_eq!(logins(bench, 7), [] as [i64; 0]);
        let banned = (Status::Banned { until }, "reason 2".to_owned());
        let identity = by_name("kim");
        assert_eq!(found(bench, Ask::Find { identity }), banned);
        assert_eq!(found(bench, Ask::Get { account }), banned);
        let status = Status::Active;
        bench.account(Ask::SetStatus { account, status }).unwrap();
        let free = (status, String::new());
        assert_eq!(found(bench, Ask::Get { account }), free, "the reason went");
    });
}

#[test]
fn of_an_erased_account_nothing_personal_is_left() {
    each_database(|bench| {
        bench.account(create(7, "kim", 1)).unwrap();
        let account = AccountId::new(7);
        bench.account(Ask::Erase { account }).unwrap();
        assert_eq!(
            bench.account(Ask::Erase { account }),
            Err(Refusal::NotFound)
        );
        assert_eq!(
            bench.account(Ask::Profile { account }),
            Err(Refusal::NotFound)
        );
        // The name is free again.
        bench.account(create(8, "kim", 2)).unwrap();
    });
}

#[test]
fn people_are_told_by_name_and_those_who_are_gone_without() {
    each_database(|bench| {
        let kim = bench.person(1, "kim");
        let lee = bench.person(2, "lee");
        let erase = Ask::Erase { account: lee };
        bench.done(data::Ask::Account(erase)).unwrap();
        let accounts = vec![lee, AccountId::new(9), kim];
        let named = |account, name: Option<&str>| Named {
            account,
            display_name: name.map(str::to_owned),
        };
        let answer = bench.account(Ask::Names { accounts });
        let names = vec![named(kim, Some("kim")), named(lee, None)];
        assert_eq!(answer, Ok(Some(Answer::Names(names))));
        let accounts = vec![kim; 1_001];
        let too_many = bench.account(Ask::Names { accounts });
        assert_eq!(too_many, Err(Refusal::Invalid));
    });
}

#[test]
fn which_logins_have_ended_is_told_with_the_ban_that_holds() {
    each_database(|bench| {
        let people = [(1, "kim"), (2, "lee"), (3, "park"), (4, "dan"), (5, "eve")];
        let people = people.map(|(number, name)| (bench.person(number, name), number));
        let [kim, lee, park, _, eve] = people.map(|(account, _)| account);
        let logins = people.map(|(account, number)| (account, LoginId::new(number)));
        let ended = |bench: &mut Bench, at| {
            let logins = logins.to_vec();
            let ask = data::Ask::Account(Ask::Ended { logins, at });
            match bench.ask(ask) {
                Ok(data::Answer::Account(Answer::Ended(ended))) => {
                    let told = |it: Ended| (it.account, it.login.get(), it.ban);
                    ended.into_iter().map(told).collect::<Vec<_>>()
                }
                other => panic!("not told: {other:?}"),
            }
        };
        assert_eq!(ended(bench, 10), []);
        let which = Which::All;
        let out = data::Ask::Account(Ask::Revoke {
            account: park,
            which,
        });
        let erase = data::Ask::Account(Ask::Erase { account: eve });
        for ask in [ban(1, kim, None), ban(2, lee, Some(20)), out, erase] {
            bench.done(ask).unwrap();
        }
        let forever = Some((Until::TakenBack, "reason 1".to_owned()));
        let a_while = Some((Until::Time(20), "reason 2".to_owned()));
        let told = |lees| {
            vec![
                (kim, 1, forever.clone()),
                (lee, 2, lees),
                (park, 3, None),
                (eve, 5, None),
            ]
        };
        assert_eq!(ended(bench, 10), told(a_while));
        assert_eq!(ended(bench, 20), told(None), "it is over");
        let too_many = vec![logins[0]; 1_001];
        let ask = Ask::Ended {
            logins: too_many,
            at: 1,
        };
        assert_eq!(bench.ask(data::Ask::Account(ask)), Err(Refusal::Invalid));
    });
}
