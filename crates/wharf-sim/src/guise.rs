//! A client of either kind.

use crate::books::Books;
use crate::client::Client;
use crate::patron::Patron;
use crate::roll_call::Belief;
use wharf_base::Rng;
use wharf_wire::Frame;

/// Which packets a link speaks.
pub(crate) enum Guise {
    Classic(Client),
    Platform(Box<Patron>),
}

impl Guise {
    /// Appends something to say.
    pub(crate) fn ask(&mut self, rng: &mut Rng, books: &mut Books, out: &mut Vec<u8>) {
        match self {
            Self::Classic(client) => client.ask(rng, books, out),
            Self::Platform(patron) => patron.ask(rng, books, out),
        }
    }

    /// Hears a frame, and panics if it is not right.
    pub(crate) fn hear(&mut self, frame: Frame<'_>, books: &mut Books) {
        match self {
            Self::Classic(client) => client.hear(frame, books),
            Self::Platform(patron) => patron.hear(frame, books),
        }
    }

    /// Whether an answer is still to come.
    pub(crate) fn is_owed(&self) -> bool {
        match self {
            Self::Classic(client) => client.is_owed(),
            Self::Platform(patron) => patron.is_owed(),
        }
    }

    /// Asserts that nothing is owed, now that all is quiet.
    pub(crate) fn assert_settled(&self, books: &Books) {
        match self {
            Self::Classic(client) => client.assert_settled(books),
            Self::Platform(patron) => patron.assert_settled(books),
        }
    }

    /// Who and where it is, and whom it sees there.
    pub(crate) fn belief(&self, books: &Books) -> Belief {
        match self {
            Self::Classic(client) => client.belief(books),
            Self::Platform(patron) => patron.belief(books),
        }
    }

    /// Itself, if it has an account.
    pub(crate) fn patron(&mut self) -> Option<&mut Patron> {
        match self {
            Self::Classic(_) => None,
            Self::Platform(patron) => Some(patron),
        }
    }
}
