//! What a handler returns, and how handlers are found.

use std::borrow::Cow;
use wharf_wire::Violation;

/// How a handler ended.
pub type Handled = Result<(), Fault>;

/// What was wrong with what a session asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No, with a code and a text for the sender. Costs the sender nothing.
    Refuse(u16, Cow<'static, str>),
    /// A broken rule. Counts toward the end of the session
    /// ([`crate::ContentLimits::violations_max`]).
    Violation(Violation),
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal.code, refusal.text)
    }
}

/// A no that costs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A number that the client knows.
    pub code: u16,
    /// For people.
    pub text: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with `code` and `text`.
    pub fn new(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}

/// Handlers by packet id.
///
/// Invariant: `ids` rises strictly and has as many entries as `handlers`.
pub(crate) struct Handlers<H> {
    ids: Vec<u16>,
    handlers: Vec<H>,
}

impl<H> Handlers<H> {
    pub(crate) fn new() -> Self {
        Self {
            ids: Vec::new(),
            handlers: Vec::new(),
        }
    }

    /// # Panics
    /// If packet `id` has a handler already.
    pub(crate) fn insert(&mut self, id: u16, handler: H) {
        let Err(index) = self.ids.binary_search(&id) else {
            panic!("packet {id} has two handlers in one place")
        };
        self.ids.insert(index, id);
        self.handlers.insert(index, handler);
    }

    pub(crate) fn get(&self, id: u16) -> Option<&H> {
        let index = self.ids.binary_search(&id).ok()?;
        Some(&self.handlers[index])
    }
}
