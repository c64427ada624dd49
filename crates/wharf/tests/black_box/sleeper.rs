//! One who is away while others write, and what is there of what they wrote.

use crate::asker::Asker;
use crate::ledger::Diary;
use crate::support::{PATIENCE, Server};
use std::collections::BTreeSet;
use std::time::Instant;
use wharf::proto::chat::content::What;
use wharf::proto::chat::get_history::From;
use wharf::proto::chat::{GetHistory, ListBlocks, Message, Whispered};
use wharf::wire::Packet;

/// Its device's secret.
pub(crate) const SLEEPER: u32 = 100;

/// One who comes when nobody writes, and hears what was whispered meanwhile.
#[derive(Default)]
pub(crate) struct Sleeper {
    told: BTreeSet<String>,
}

impl Sleeper {
    /// Hears what waits; what is wrong with that.
    pub(crate) fn wake(&mut self, server: &Server, diaries: &[Diary]) -> Vec<String> {
        let expected: BTreeSet<_> = diaries.iter().flat_map(Diary::for_the_sleeper).collect();
        let mut wrong = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        let mut asker = Asker::guest(server, SLEEPER);
        while self.told.len() < expected.len() && Instant::now() < deadline {
            asker.assert_serves();
            self.hear(&mut asker, &mut wrong);
        }
        // Takes over, and is told nothing any more.
        let mut again = Asker::guest(server, SLEEPER);
        for _ in 0..3 {
            again.done(&ListBlocks {});
            self.hear(&mut again, &mut wrong);
        }
        let missing = expected.difference(&self.told).count();
        let strange = self.told.difference(&expected).count();
        if (missing, strange) != (0, 0) {
            wrong.push(format!(
                "{missing} were not told, {strange} without a reason"
            ));
        }
        wrong
    }

    fn hear(&mut self, asker: &mut Asker, wrong: &mut Vec<String>) {
        for text in whispers(asker) {
            if self.told.contains(&text) {
                wrong.push(format!("{text:?} is told twice"));
            }
            self.told.insert(text);
        }
    }
}

/// What was whispered to a client that it has not noted.
pub(crate) fn whispers(asker: &mut Asker) -> Vec<String> {
    let notices = asker
        .notices
        .drain(..)
        .filter(|(id, _)| *id == Whispered::ID);
    let whispers = notices.map(|(_, body)| Whispered::decode(&body).expect("a whisper"));
    whispers
        .map(|it| text_of(&it.message.expect("a message")))
        .collect()
}

pub(crate) fn text_of(message: &Message) -> String {
    let content = message.content.as_ref();
    match content.and_then(|content| content.what.as_ref()) {
        Some(What::Text(text)) => text.clone(),
        other => panic!("no text: {other:?}"),
    }
}

/// All that was said behind a number, oldest first.
pub(crate) fn history(asker: &mut Asker, with: i64, after: i64) -> Vec<Message> {
    let (mut all, mut after) = (Vec::new(), after);
    loop {
        let part = asker.done(&GetHistory {
            with,
            from: Some(From::After(after)),
            limit: 50,
        });
        after = part.messages.last().map_or(after, |message| message.seq);
        all.extend(part.messages);
        if !part.has_more {
            return all;
        }
    }
}
