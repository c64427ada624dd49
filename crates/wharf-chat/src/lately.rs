//! What was said last in a room that keeps nothing, for reports: in memory, little, and gone with
//! the last who heard it.

use crate::platform::CONTENT;
use prost::Message as _;
use std::collections::VecDeque;
use wharf_data::message::NewMessage;
use wharf_data::report::Remembered;
use wharf_data::{AccountId, RoomId, UnixMs};
use wharf_proto::chat::Content;
use wharf_proto::chat::content::What;

/// So many messages.
const SAID_MAX: usize = 20;
/// Bytes of a text that are remembered.
const TEXT_BYTES_MAX: usize = 512;

/// The last that was said, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Lately(VecDeque<Said>);

#[derive(Debug)]
struct Said {
    author: AccountId,
    what: What,
    at: UnixMs,
}

impl Lately {
    /// Somebody says that.
    pub(crate) fn note_content(&mut self, author: AccountId, content: &Content, at: UnixMs) {
        if let Some(what) = &content.what {
            self.note(author, what, at);
        }
    }

    /// Somebody says something.
    pub(crate) fn note(&mut self, author: AccountId, what: &What, at: UnixMs) {
        if self.0.len() >= SAID_MAX {
            self.0.pop_front();
        }
        let what = match what {
            What::Text(text) if text.len() > TEXT_BYTES_MAX => {
                let end = text.floor_char_boundary(TEXT_BYTES_MAX);
                What::Text(text[..end].to_owned())
            }
            what => what.clone(),
        };
        self.0.push_back(Said { author, what, at });
    }

    /// Nobody is there any more who has heard it.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// All of it, if there is any.
    pub(crate) fn recall(&self, room: RoomId) -> Option<Remembered> {
        let said = self.0.iter().map(|said| {
            let what = Some(said.what.clone());
            NewMessage {
                author: said.author,
                client_id: None,
                seq: None,
                kind: CONTENT,
                body: Content { what }.encode_to_vec(),
                at: said.at,
            }
        });
        let said: Vec<NewMessage> = said.collect();
        (!said.is_empty()).then_some(Remembered { room, said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_little_and_the_last() {
        let mut lately = Lately::default();
        let room = RoomId::new(4);
        assert_eq!(lately.recall(room), None);
        for number in 0..50 {
            let text = format!("{number}{}", "가".repeat(1_000));
            lately.note(AccountId::new(7), &What::Text(text), number);
        }
        let remembered = lately.recall(room).unwrap();
        let times: Vec<i64> = remembered.said.iter().map(|said| said.at).collect();
        assert_eq!(times, (30..50).collect::<Vec<_>>());
        let longest = remembered.said.iter().map(|said| said.body.len()).max();
        assert!(longest.unwrap() < TEXT_BYTES_MAX + 16);
        lately.forget();
        assert_eq!(lately.recall(room), None);
    }
}
