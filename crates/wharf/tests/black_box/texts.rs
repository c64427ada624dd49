//! What people type, and what those type who mean harm: through the server, into its store and
//! back as it was, or refused with the field's name.

use crate::asker::{Asker, device};
use crate::support::{BACKENDS, Server, UNHURRIED};
use expect_test::{Expect, expect};
use std::fmt::Write as _;
use wharf::proto::account::{
    Device, GetProfile, ListLogins, LogIn, LogInAsGuest, Register, Rename, SetProfile,
};
use wharf::proto::chat::content::What;
use wharf::proto::chat::{Content, Message};
use wharf::proto::session::{Code, Error};

/// Texts that break what was not made for them.
const TEXTS: &[(&str, &str)] = &[
    ("sql", "x'; DROP TABLE account; --"),
    ("like", "%_\\%"),
    ("html", "<script>alert('x')</script>"),
    ("format", "{0} %s %n ${x}"),
    ("nul", "a\0b"),
    ("escape", "a\u{1b}[2Jb"),
    ("delete", "a\u{7f}b"),
    ("c1", "a\u{9b}2Jb"),
    ("line", "a\nb"),
    ("return", "a\rb"),
    ("tab", "a\tb"),
    ("line separator", "a\u{2028}b"),
    ("zero width", "a\u{200b}b"),
    ("joiner", "a\u{200d}b"),
    ("byte order", "\u{feff}ab"),
    ("override", "a\u{202e}cba"),
    ("isolate", "a\u{2067}b\u{2069}"),
    ("hebrew", "שלום"),
    ("arabic", "مرحبا"),
    ("korean", "안녕하세요"),
    ("jamo", "\u{1112}\u{1161}\u{11ab}"),
    ("combining", "e\u{301}a\u{300}"),
    ("pile", "o\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}"),
    ("emoji", "😀👍"),
    ("family", "👩\u{200d}👩\u{200d}👧"),
    ("flag", "🏳\u{fe0f}\u{200d}🌈"),
    ("private", "a\u{e000}b"),
    ("noncharacter", "a\u{ffff}b"),
    ("tags", "a\u{e0061}\u{e007f}b"),
    ("wide", "ａｂｃ"),
    ("mathematical", "𝒶𝒷𝒸"),
    ("spaces", " a  b "),
    ("no-break", "a\u{a0}b"),
];

/// Sends every text through `through`, which gives back what came of it.
pub(crate) fn check(mut through: impl FnMut(&str) -> Result<String, Error>, expected: Expect) {
    let mut told = String::new();
    for (name, text) in TEXTS {
        let what = match through(text) {
            Ok(back) if back == *text => "as it was".to_owned(),
            Ok(back) => format!("as {back:?}"),
            Err(error) => {
                assert!(!error.text.is_empty());
                format!(
                    "{:?} {} ({})",
                    error.code(),
                    error.field,
                    error.text.escape_debug()
                )
            }
        };
        writeln!(told, "{name}: {what}").unwrap();
    }
    expected.assert_eq(&told);
}

pub(crate) fn register(name: &str) -> Register {
    Register {
        name: name.into(),
        password: "correct horse".into(),
        device: None,
    }
}

pub(crate) fn text(text: &str) -> Option<Content> {
    let what = Some(What::Text(text.into()));
    Some(Content { what })
}

pub(crate) fn what_of(message: Option<Message>) -> What {
    let content = message.and_then(|message| message.content);
    content.and_then(|content| content.what).expect("a content")
}

#[test]
fn names() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut secret = 0;
    check(
        |name| {
            secret += 1;
            let mut asker = Asker::guest(&server, secret);
            let rename = Rename {
                display_name: name.into(),
            };
            asker.ask(&rename)?;
            // As the store has it.
            let mut again = Asker::guest(&server, secret);
            Ok(again.done(&GetProfile::default()).display_name)
        },
        expect![[r#"
            sql: Invalid display_name (display_name: a name has no \';\')
            like: Invalid display_name (display_name: a name has no \'%\')
            html: Invalid display_name (display_name: a name has no \'<\')
            format: Invalid display_name (display_name: a name has no \'{\')
            nul: Invalid display_name (display_name has a control character)
            escape: Invalid display_name (display_name has a control character)
            delete: Invalid display_name (display_name has a control character)
            c1: Invalid display_name (display_name has a control character)
            line: Invalid display_name (display_name has a control character)
            return: Invalid display_name (display_name has a control character)
            tab: Invalid display_name (display_name has a control character)
            line separator: Invalid display_name (display_name has a control character)
            zero width: Invalid display_name (display_name: a name has no \'\\u{200b}\')
            joiner: Invalid display_name (display_name: a name has no \'\\u{200d}\')
            byte order: Invalid display_name (display_name: a name has no \'\\u{feff}\')
            override: Invalid display_name (display_name: a name has no \'\\u{202e}\')
            isolate: Invalid display_name (display_name: a name has no \'\\u{2067}\')
            hebrew: as it was
            arabic: as it was
            korean: as it was
            jamo: Invalid display_name (display_name: a name has at least 2 characters)
            combining: as "éà"
            pile: Invalid display_name (display_name: a name has no \'\\u{305}\')
            emoji: Invalid display_name (display_name: a name has no \'😀\')
            family: Invalid display_name (display_name: a name has no \'👩\')
            flag: Invalid display_name (display_name: a name has no \'🏳\')
            private: Invalid display_name (display_name: a name has no \'\\u{e000}\')
            noncharacter: Invalid display_name (display_name: a name has no \'\\u{ffff}\')
            tags: Invalid display_name (display_name: a name has no \'\\u{e0061}\')
            wide: Invalid display_name (display_name: a name has no \'ａ\')
            mathematical: Invalid display_name (display_name: a name has no \'𝒶\')
            spaces: Invalid display_name (display_name: a name has single spaces, and none at its ends)
            no-break: Invalid display_name (display_name: a name has no \'\\u{a0}\')
        "#]],
    );
}

#[test]
fn names_to_log_in_by() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    check(
        |name| {
            let made = Asker::greeted(&server).ask(&register(name))?;
            let login = LogIn {
                name: name.into(),
                password: "correct horse".into(),
                device: None,
            };
            let again = Asker::greeted(&server).done(&login);
            assert_eq!(again.account, made.account, "{name:?}");
            Ok(again.display_name)
        },
        expect![[r#"
            sql: Invalid name (name: a name has no \';\')
            like: Invalid name (name: a name has no \'%\')
            html: Invalid name (name: a name has no \'<\')
            format: Invalid name (name: a name has no \'{\')
            nul: Invalid name (name has a control character)
            escape: Invalid name (name has a control character)
            delete: Invalid name (name has a control character)
            c1: Invalid name (name has a control character)
            line: Invalid name (name has a control character)
            return: Invalid name (name has a control character)
            tab: Invalid name (name has a control character)
            line separator: Invalid name (name has a control character)
            zero width: Invalid name (name: a name has no \'\\u{200b}\')
            joiner: Invalid name (name: a name has no \'\\u{200d}\')
            byte order: Invalid name (name: a name has no \'\\u{feff}\')
            override: Invalid name (name: a name has no \'\\u{202e}\')
            isolate: Invalid name (name: a name has no \'\\u{2067}\')
            hebrew: as it was
            arabic: as it was
            korean: as it was
            jamo: Invalid name (name: a name has at least 2 characters)
            combining: as "éà"
            pile: Invalid name (name: a name has no \'\\u{305}\')
            emoji: Invalid name (name: a name has no \'😀\')
            family: Invalid name (name: a name has no \'👩\')
            flag: Invalid name (name: a name has no \'🏳\')
            private: Invalid name (name: a name has no \'\\u{e000}\')
            noncharacter: Invalid name (name: a name has no \'\\u{ffff}\')
            tags: Invalid name (name: a name has no \'\\u{e0061}\')
            wide: Invalid name (name: a name has no \'ａ\')
            mathematical: Invalid name (name: a name has no \'𝒶\')
            spaces: Invalid name (name: a name has single spaces, and none at its ends)
            no-break: Invalid name (name: a name has no \'\\u{a0}\')
        "#]],
    );
}

#[test]
fn devices_and_languages() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut secret = 0;
    let mut through_device = |name: &str| {
        secret += 1;
        let mut asker = Asker::greeted(&server);
        asker.ask(&LogInAsGuest {
            device: Some(Device { name: name.into() }),
            ..device(secret)
        })?;
        Ok(asker.done(&ListLogins {}).logins.remove(0).device)
    };
    check(
        &mut through_device,
        expect![[r#"
        sql: as it was
        like: as it was
        html: as it was
        format: as it was
        nul: Invalid device.name (device.name has a control character)
        escape: Invalid device.name (device.name has a control character)
        delete: Invalid device.name (device.name has a control character)
        c1: Invalid device.name (device.name has a control character)
        line: Invalid device.name (device.name has a control character)
        return: Invalid device.name (device.name has a control character)
        tab: Invalid device.name (device.name has a control character)
        line separator: Invalid device.name (device.name has a control character)
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
    let mut asker = Asker::guest(&server, 1_000);
    check(
        |language| {
            let set = SetProfile {
                language: Some(language.into()),
                ..SetProfile::default()
            };
            asker.ask(&set)?;
            Ok(asker.done(&GetProfile::default()).language)
        },
        expect![[r#"
            sql: Invalid language (language: no tag of BCP 47, such as \"ko\")
            like: Invalid language (language: no tag of BCP 47, such as \"ko\")
            html: Invalid language (language: no tag of BCP 47, such as \"ko\")
            format: Invalid language (language: no tag of BCP 47, such as \"ko\")
            nul: Invalid language (language has a control character)
            escape: Invalid language (language has a control character)
            delete: Invalid language (language has a control character)
            c1: Invalid language (language has a control character)
            line: Invalid language (language has a control character)
            return: Invalid language (language has a control character)
            tab: Invalid language (language has a control character)
            line separator: Invalid language (language has a control character)
            zero width: Invalid language (language: no tag of BCP 47, such as \"ko\")
            joiner: Invalid language (language: no tag of BCP 47, such as \"ko\")
            byte order: Invalid language (language: no tag of BCP 47, such as \"ko\")
            override: Invalid language (language: no tag of BCP 47, such as \"ko\")
            isolate: Invalid language (language: no tag of BCP 47, such as \"ko\")
            hebrew: Invalid language (language: no tag of BCP 47, such as \"ko\")
            arabic: Invalid language (language: no tag of BCP 47, such as \"ko\")
            korean: Invalid language (language: no tag of BCP 47, such as \"ko\")
            jamo: Invalid language (language: no tag of BCP 47, such as \"ko\")
            combining: Invalid language (language: no tag of BCP 47, such as \"ko\")
            pile: Invalid language (language: no tag of BCP 47, such as \"ko\")
            emoji: Invalid language (language: no tag of BCP 47, such as \"ko\")
            family: Invalid language (language: no tag of BCP 47, such as \"ko\")
            flag: Invalid language (language: no tag of BCP 47, such as \"ko\")
            private: Invalid language (language: no tag of BCP 47, such as \"ko\")
            noncharacter: Invalid language (language: no tag of BCP 47, such as \"ko\")
            tags: Invalid language (language: no tag of BCP 47, such as \"ko\")
            wide: Invalid language (language: no tag of BCP 47, such as \"ko\")
            mathematical: Invalid language (language: no tag of BCP 47, such as \"ko\")
            spaces: Invalid language (language: no tag of BCP 47, such as \"ko\")
            no-break: Invalid language (language: no tag of BCP 47, such as \"ko\")
        "#]],
    );
}

#[test]
fn passwords_are_what_was_typed() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut number = 0;
    check(
        |text| {
            number += 1;
            // Long enough, whatever the text is.
            let (name, password) = (format!("user{number}"), format!("{text}12345678"));
            let register = Register {
                password: password.clone(),
                ..register(&name)
            };
            Asker::greeted(&server).ask(&register)?;
            let login = LogIn {
                name,
                password,
                device: None,
            };
            Asker::greeted(&server).done(&login);
            Ok(text.to_owned())
        },
        expect![[r#"
            sql: as it was
            like: as it was
            html: as it was
            format: as it was
            nul: as it was
            escape: as it was
            delete: as it was
            c1: as it was
            line: as it was
            return: as it was
            tab: as it was
            line separator: as it was
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
    // The whole of it counts.
    let login = LogIn {
        name: "user1".into(),
        password: format!("{}1234567", TEXTS[0].1),
        device: None,
    };
    let refused = Asker::greeted(&server).refused(&login);
    assert_eq!(refused.code(), Code::Credentials);
}
