//! What a handler returns, and how handlers are found.

use core::time::Duration;
use std::borrow::Cow;
use wharf_wire::Violation;

/// How a handler ended.
pub type Handled = Result<(), Fault>;

/// What was wrong with what a session asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No, with a code and a text for the sender. Costs the sender nothing.
    Refuse(u16, Cow<'static, str>),
    /// Sooner than packets of its class may come, with the time after which it may. Costs the
    /// sender nothing, and nothing of it was done.
    TooFast {
        /// From now on.
        retry_after: Duration,
    },
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
/// Invariant: `places` says for each id from `first_id` on where its handler is: one more than its
/// index, or 0 if it has none.
pub(crate) struct Handlers<H> {
    first_id: u16,
    places: Vec<u16>,
    handlers: Vec<H>,
}

impl<H> Handlers<H> {
    pub(crate) fn new() -> Self {
        Self {
            first_id: 0,
            places: Vec::new(),
            handlers: Vec::new(),
        }
    }

    /// # Panics
    /// If packet `id` has a handler already.
    pub(crate) fn insert(&mut self, id: u16, handler: H) {
        if self.places.is_empty() {
            self.first_id = id;
        }
        let missing = self.first_id.saturating_sub(id);
        self.places.splice(..0, (0..missing).map(|_| 0));
        self.first_id -= missing;
        let offset = usize::from(id - self.first_id);
        if self.places.len() <= offset {
            self.places.resize(offset + 1, 0);
        }
        assert!(
            self.places[offset] == 0,
            "packet {id} has two handlers in one place"
        );
        self.handlers.push(handler);
        self.places[offset] = u16::try_from(self.handlers.len()).expect("one for each id below");
    }

    /// Every id that has a handler.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u16> {
        let places = self.places.iter().enumerate();
        let known = places.filter(|(_, place)| **place > 0);
        known.map(|(offset, _)| self.first_id + offset as u16)
    }

    #[inline]
    pub(crate) fn get(&self, id: u16) -> Option<&H> {
        let offset = usize::from(id.wrapping_sub(self.first_id));
        let place = usize::from(*self.places.get(offset)?);
        self.handlers.get(place.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_found_by_its_id_alone_in_whatever_order_they_came() {
        let ids = [221, 1, 206, 32_767, 222, 0];
        let mut handlers = Handlers::new();
        for (count, id) in ids.into_iter().enumerate() {
            handlers.insert(id, id);
            for other in 0..=u16::MAX {
                let known = ids[..=count].contains(&other);
                assert_eq!(handlers.get(other).copied(), known.then_some(other));
            }
            let mut known = ids[..=count].to_vec();
            known.sort_unstable();
            assert_eq!(handlers.ids().collect::<Vec<_>>(), known);
        }
    }

    #[test]
    #[should_panic(expected = "packet 7 has two handlers")]
    fn two_handlers_of_one_packet_are_a_mistake() {
        let mut handlers = Handlers::new();
        handlers.insert(7, ());
        handlers.insert(7, ());
    }
}
