//! Names that look alike, searches and pages that were made up, and numbers at their ends.

use crate::asker::{Asker, enter};
use crate::support::{BACKENDS, Server, UNHURRIED};
use crate::texts::{check, register, text};
use crate::texts_said::Pair;
use expect_test::expect;
use std::fmt::Write as _;
use wharf::proto::account::{GetProfile, Rename, SetProfile};
use wharf::proto::chat::content::What;
use wharf::proto::chat::whisper::To;
use wharf::proto::chat::{GetHistory, Whisper};
use wharf::proto::room::{ListMembers, ListUsers};
use wharf::proto::session::{Code, Error};
#[test]
fn searching_finds_nobody_by_tricks() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut kim = Asker::greeted(&server);
    kim.done(&register("kim"));
    check(
        |search| {
            let list = ListUsers {
                search: search.into(),
                ..ListUsers::default()
            };
            assert_eq!(kim.ask(&list)?.users, [], "{search:?}");
            let whisper = Whisper {
                to: Some(To::Name(search.into())),
                content: text("psst"),
                client_id: 0,
            };
            let refused = kim.refused(&whisper);
            assert_eq!(refused.code(), Code::NotFound, "{search:?}");
            Ok(search.to_owned())
        },
        expect![[r#"
            sql: as it was
            like: as it was
            html: as it was
            format: as it was
            nul: Invalid search (search has a control character)
            escape: Invalid search (search has a control character)
            delete: Invalid search (search has a control character)
            c1: Invalid search (search has a control character)
            line: Invalid search (search has a control character)
            return: Invalid search (search has a control character)
            tab: Invalid search (search has a control character)
            line separator: Invalid search (search has a control character)
            zero width: as it was
            joiner: as it was
            byte order: as it was
            override: as it was
            isolate: as it was
            hebrew: as it was
            arabic: as it was
            korean: as it was
            jamo: as it was
            combining: as it was
            pile: as it was
            emoji: as it was
            family: as it was
            flag: as it was
            private: as it was
            noncharacter: as it was
            tags: as it was
            wide: as it was
            mathematical: as it was
            spaces: as it was
            no-break: as it was
        "#]],
    );
}

#[test]
fn names_that_look_alike_are_one() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut told = String::new();
    for (number, (one, other)) in [
        ("paypal", "p\u{430}ypal"),
        ("Kim", "KIM"),
        ("Strasse", "Straße"),
        ("caf\u{e9}", "cafe\u{301}"),
        ("fish", "ﬁsh"),
        ("abc", "ａｂｃ"),
        ("rn1", "m1"),
        ("illicit", "lllicit"),
        ("O0O", "000"),
        ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        ("kim2", "kim 2"),
        ("lee", "leе"),
        ("park", "bark"),
    ]
    .into_iter()
    .enumerate()
    {
        let secret = 2 * number as u32;
        let named = |secret, name: &str| {
            let rename = Rename {
                display_name: name.into(),
            };
            Asker::guest(&server, secret).ask(&rename)
        };
        named(secret + 1, one).unwrap();
        let what = match named(secret + 2, other) {
            Ok(profile) => format!("{:?} is another", profile.display_name),
            Err(error) => format!("{:?}", error.code()),
        };
        writeln!(told, "{one} and {other:?}: {what}").unwrap();
    }
    expect![[r#"
        paypal and "pаypal": Taken
        Kim and "KIM": Taken
        Strasse and "Straße": Taken
        café and "cafe\u{301}": Taken
        fish and "ﬁsh": Invalid
        abc and "ａｂｃ": Invalid
        rn1 and "m1": Taken
        illicit and "lllicit": "lllicit" is another
        O0O and "000": Taken
        한글 and "한글": Taken
        kim2 and "kim 2": "kim 2" is another
        lee and "leе": Taken
        park and "bark": "bark" is another
    "#]]
    .assert_eq(&told);
}

/// Every token that is one character other, or shorter.
fn forged(page: &str) -> Vec<String> {
    let letters: Vec<char> = page.chars().collect();
    let other = |at: usize, letter: char| {
        let mut forged = letters.clone();
        forged[at] = letter;
        forged.into_iter().collect::<String>()
    };
    let flipped = (0..letters.len()).flat_map(|at| ['A', '_', '!', '가'].map(|it| other(at, it)));
    let cut = (1..letters.len()).map(|at| letters[..at].iter().collect());
    let long = [format!("{page}A"), format!("{page}{page}"), "A".repeat(256)];
    flipped
        .chain(cut)
        .chain(long)
        .filter(|it| it != page)
        .collect()
}

#[test]
fn forged_pages_show_nothing_that_is_hidden() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut askers: Vec<Asker> = (1..=4)
        .map(|secret| Asker::member(&server, secret, 3))
        .collect();
    let mut hidden = askers.pop().unwrap();
    hidden.done(&wharf::proto::room::SetPresence {
        presence: wharf::proto::room::Presence::Nobody.into(),
    });
    let hidden = hidden.done(&GetProfile::default()).account;
    let mut asker = askers.pop().unwrap();
    let users = |page: &str, search: &str| ListUsers {
        page: page.into(),
        search: search.into(),
        limit: 1,
    };
    let members = |page: &str| ListMembers {
        page: page.into(),
        limit: 1,
    };
    let of_users = asker.done(&users("", "")).next_page;
    let of_members = asker.done(&members("")).next_page;
    assert!(!of_users.is_empty() && !of_members.is_empty());
    // Each is for its own list, and its own search.
    let is_page = |error: Error| (error.code(), error.field) == (Code::Invalid, "page".into());
    assert!(is_page(asker.refused(&users(&of_members, ""))));
    assert!(is_page(asker.refused(&members(&of_users))));
    assert!(is_page(asker.refused(&users(&of_users, "guest"))));
    for page in forged(&of_users) {
        match asker.ask(&users(&page, "")) {
            Ok(users) => assert!(users.users.iter().all(|user| user.account != hidden)),
            Err(error) => assert!(is_page(error), "{page}"),
        }
    }
    for page in forged(&of_members) {
        match asker.ask(&members(&page)) {
            // Whoever is in the room is seen there, from whatever place.
            Ok(members) => assert!(members.members.len() <= 1),
            Err(error) => assert!(is_page(error), "{page}"),
        }
    }
    asker.assert_serves();
}

#[test]
fn numbers_at_their_ends() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut pair = Pair::new(&server);
    let lees = pair.accounts[1];
    pair.whisper(What::Text("one".into())).unwrap();
    pair.whisper(What::Text("two".into())).unwrap();
    extremes::histories(&mut pair.one, lees);
    let whisper = Whisper {
        to: Some(To::Account(lees)),
        content: text("once"),
        client_id: u64::MAX,
    };
    let first = pair.one.done(&whisper);
    let again = pair.one.done(&whisper);
    assert!(!first.is_duplicate && again.is_duplicate && first.seq == again.seq);
    extremes::profiles(&mut pair.one);
    extremes::places(&mut pair.one);
}

/// What a session asks with the largest and smallest numbers.
mod extremes {
    use super::*;
    use wharf::proto::account::RevokeLogins;
    use wharf::proto::chat::get_history::From;
    use wharf::proto::chat::{Block, ListBlocks};
    use wharf::proto::room::Enter;
    use wharf::proto::room::enter::By;
    use wharf::proto::session::Ping;

    pub(super) fn histories(asker: &mut Asker, with: i64) {
        let mut count = |from, limit| {
            let history = GetHistory { with, from, limit };
            asker.ask(&history).map(|history| history.messages.len())
        };
        assert_eq!(count(None, u32::MAX), Ok(2));
        assert_eq!(count(Some(From::Before(i64::MAX)), u32::MAX), Ok(2));
        assert_eq!(count(Some(From::Before(1)), 1), Ok(0));
        assert_eq!(count(Some(From::After(i64::MAX)), u32::MAX), Ok(0));
        assert_eq!(count(Some(From::After(0)), u32::MAX), Ok(2));
        let field = |told: Result<usize, Error>| told.unwrap_err().field;
        assert_eq!(field(count(Some(From::Before(i64::MIN)), 1)), "before");
        assert_eq!(field(count(Some(From::After(-1)), 1)), "after");
        let nobody = GetHistory {
            with: i64::MAX,
            ..GetHistory::default()
        };
        assert_eq!(asker.done(&nobody).messages, []);
        let below = GetHistory {
            with: i64::MIN,
            ..GetHistory::default()
        };
        assert_eq!(asker.refused(&below).field, "with");
    }

    pub(super) fn profiles(asker: &mut Asker) {
        let set = SetProfile {
            version: u32::MAX,
            avatar: Some(u32::MAX),
            ..SetProfile::default()
        };
        assert_eq!(asker.refused(&set).code(), Code::Conflict);
        let set = SetProfile { version: 0, ..set };
        assert_eq!(asker.done(&set).avatar, u32::MAX);
        assert_eq!(asker.done(&GetProfile::default()).avatar, u32::MAX);
        let profile = |account| GetProfile {
            account,
            ..GetProfile::default()
        };
        assert_eq!(asker.refused(&profile(i64::MAX)).code(), Code::NotFound);
        assert_eq!(asker.refused(&profile(i64::MIN)).field, "account");
        let revoke = |login| RevokeLogins { login };
        assert_eq!(asker.refused(&revoke(i64::MAX)).code(), Code::NotFound);
        assert_eq!(asker.refused(&revoke(i64::MIN)).field, "login");
        for sent_ms in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(asker.done(&Ping { sent_ms }).sent_ms, sent_ms);
        }
    }

    pub(super) fn places(asker: &mut Asker) {
        for by in [
            By::Number(u32::MAX),
            By::Number(i32::MAX as u32),
            By::Room(i64::MAX),
        ] {
            let enter = Enter {
                by: Some(by),
                ..Enter::default()
            };
            assert_eq!(asker.refused(&enter).code(), Code::NotFound);
        }
        let by = Some(By::Room(i64::MIN));
        let below = Enter {
            by,
            ..Enter::default()
        };
        assert_eq!(asker.refused(&below).field, "room");
        asker.done(&enter(0));
        let members = ListMembers {
            limit: u32::MAX,
            ..ListMembers::default()
        };
        assert_eq!(asker.done(&members).members.len(), 1);
        let users = ListUsers {
            limit: u32::MAX,
            ..ListUsers::default()
        };
        assert_eq!(asker.done(&users).users.len(), 2);
        let block = |account| Block {
            account,
            is_blocked: true,
        };
        // Nobody is asked whether they exist: of whom there is none, nothing is heard.
        assert!(asker.done(&block(i64::MAX)).accounts == [i64::MAX]);
        assert_eq!(asker.refused(&block(0)).field, "account");
        asker.done(&Block {
            is_blocked: false,
            ..block(i64::MAX)
        });
        assert!(asker.done(&ListBlocks {}).accounts.is_empty());
    }
}
