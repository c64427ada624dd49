//! What people say to each other, text by text: through the server to the others, and into their
//! histories.

use crate::asker::Asker;
use crate::support::{BACKENDS, Server, UNHURRIED};
use crate::texts::{check, text, what_of};
use expect_test::expect;
use wharf::proto::account::GetProfile;
use wharf::proto::chat::content::What;
use wharf::proto::chat::whisper::To;
use wharf::proto::chat::{Content, GetHistory, Item, Said, Say, Whisper, Whispered};
use wharf::proto::session::Error;
/// Two who whisper: what the first says comes to the second, and is in both histories.
pub(crate) struct Pair {
    pub(crate) one: Asker,
    pub(crate) other: Asker,
    pub(crate) accounts: [i64; 2],
}

impl Pair {
    pub(crate) fn new(server: &Server) -> Self {
        let [mut one, mut other] = [1, 2].map(|secret| Asker::guest(server, secret));
        let account = |asker: &mut Asker| asker.done(&GetProfile::default()).account;
        let accounts = [account(&mut one), account(&mut other)];
        Self {
            one,
            other,
            accounts,
        }
    }

    pub(crate) fn whisper(&mut self, what: What) -> Result<What, Error> {
        let whisper = Whisper {
            to: Some(To::Account(self.accounts[1])),
            content: Some(Content { what: Some(what) }),
            client_id: 0,
        };
        self.one.ask(&whisper)?;
        let heard = what_of(self.other.notice::<Whispered>().message);
        for (asker, with) in [(&mut self.one, 1), (&mut self.other, 0)] {
            let history = asker.done(&GetHistory {
                with: self.accounts[with],
                limit: 1,
                ..GetHistory::default()
            });
            assert_eq!(what_of(history.messages.into_iter().next()), heard);
        }
        Ok(heard)
    }
}

#[test]
fn whispers() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut pair = Pair::new(&server);
    let mut through_text = |text: &str| match pair.whisper(What::Text(text.into()))? {
        What::Text(text) => Ok(text),
        other => panic!("{other:?}"),
    };
    check(
        &mut through_text,
        expect![[r#"
        sql: as it was
        like: as it was
        html: as it was
        format: as it was
        nul: Invalid content.text (content.text has a control character)
        escape: Invalid content.text (content.text has a control character)
        delete: Invalid content.text (content.text has a control character)
        c1: Invalid content.text (content.text has a control character)
        line: as it was
        return: Invalid content.text (content.text has a control character)
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
}

#[test]
fn items_and_gestures() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut pair = Pair::new(&server);
    let mut through_item = |name: &str| {
        let name = name.to_owned();
        match pair.whisper(What::Item(Item {
            item: i64::MAX,
            name,
        }))? {
            What::Item(item) => Ok(item.name),
            other => panic!("{other:?}"),
        }
    };
    check(
        &mut through_item,
        expect![[r#"
        sql: as it was
        like: as it was
        html: as it was
        format: as it was
        nul: Invalid content.item.name (content.item.name has a control character)
        escape: Invalid content.item.name (content.item.name has a control character)
        delete: Invalid content.item.name (content.item.name has a control character)
        c1: Invalid content.item.name (content.item.name has a control character)
        line: Invalid content.item.name (content.item.name has a control character)
        return: Invalid content.item.name (content.item.name has a control character)
        tab: Invalid content.item.name (content.item.name has a control character)
        line separator: Invalid content.item.name (content.item.name has a control character)
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
    let mut through_gesture = |name: &str| match pair.whisper(What::Emote(name.into()))? {
        What::Emote(name) => Ok(name),
        other => panic!("{other:?}"),
    };
    check(
        &mut through_gesture,
        expect![[r#"
        sql: as it was
        like: as it was
        html: as it was
        format: as it was
        nul: Invalid content.emote (content.emote has a control character)
        escape: Invalid content.emote (content.emote has a control character)
        delete: Invalid content.emote (content.emote has a control character)
        c1: Invalid content.emote (content.emote has a control character)
        line: Invalid content.emote (content.emote has a control character)
        return: Invalid content.emote (content.emote has a control character)
        tab: Invalid content.emote (content.emote has a control character)
        line separator: Invalid content.emote (content.emote has a control character)
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
fn lines_in_a_room() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut one = Asker::member(&server, 1, 3);
    let mut other = Asker::member(&server, 2, 3);
    check(
        |line| {
            other.notices.clear();
            let say = Say {
                content: text(line),
                client_id: 0,
            };
            one.ask(&say)?;
            match what_of(other.notice::<Said>().message) {
                What::Text(text) => Ok(text),
                other => panic!("{other:?}"),
            }
        },
        expect![[r#"
            sql: as it was
            like: as it was
            html: as it was
            format: as it was
            nul: Invalid content.text (content.text has a control character)
            escape: Invalid content.text (content.text has a control character)
            delete: Invalid content.text (content.text has a control character)
            c1: Invalid content.text (content.text has a control character)
            line: as it was
            return: Invalid content.text (content.text has a control character)
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
}
