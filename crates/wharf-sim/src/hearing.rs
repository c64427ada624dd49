//! What a client has heard of others in its room, and what it should have.

use crate::books::{Books, Stay};
use std::collections::BTreeMap;

/// The lines of one stay.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    /// The next line expected of each stay, where one has been heard.
    heard: BTreeMap<Stay, u64>,
    /// What each stay in the room had sent when this one began: all that comes after is owed.
    before: BTreeMap<Stay, u64>,
}

impl Hearing {
    /// A stay in `room` begins.
    pub(crate) fn begin(&mut self, room: i32, books: &Books) {
        self.heard.clear();
        self.before = books.sent_in(room);
    }

    /// It is over.
    pub(crate) fn end(&mut self) {
        self.heard.clear();
        self.before.clear();
    }

    /// Hears line `number` of `stay`.
    ///
    /// # Panics
    /// If it was never sent, or is not the next.
    pub(crate) fn hear(&mut self, me: &str, (stay, number): (Stay, u64), books: &Books) {
        let sent = books.sent(stay);
        assert!(
            number < sent,
            "{me}: hears line {number} of {stay:?}, which was never sent"
        );
        if let Some(expected) = self.heard.insert(stay, number + 1) {
            assert_eq!(
                number, expected,
                "{me}: lost, doubled or out of order, of {stay:?}"
            );
        } else {
            let earliest = self.before.get(&stay).copied().unwrap_or(0);
            assert!(
                number <= earliest,
                "{me}: missed the lines before {number} of {stay:?}"
            );
        }
    }

    /// When all is quiet: of each stay that spoke in `room` after this one began, the last accepted
    /// line was heard.
    ///
    /// # Panics
    /// If one was not.
    pub(crate) fn assert_settled(&self, me: &str, room: i32, books: &Books) {
        for other in books.sent_in(room).into_keys() {
            let accepted = books.of(other).accepted;
            let before = self.before.get(&other).copied().unwrap_or(0);
            if accepted > before {
                let heard = self.heard.get(&other).copied().unwrap_or(0);
                assert!(
                    heard >= accepted,
                    "{me}: heard {heard} of {accepted} lines of {other:?}"
                );
            }
        }
    }
}
