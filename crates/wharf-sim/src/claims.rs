//! What each link may hold at the server: a name, a seat in a room.
//!
//! A client learns late what the server did for it, and nothing of how another's link ended. So a
//! claim says what *may* be held between a question and its answer. That is enough to tell a
//! refusal that had a reason from one that had none.

use std::collections::{BTreeMap, BTreeSet};

/// A link of a run; never the same twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkNumber(pub(crate) u64);

/// A place in the order in which clients ask and are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

/// Who may hold which `T`.
#[derive(Debug)]
pub(crate) struct Claims<T>(BTreeMap<T, Vec<Claim>>);

#[derive(Debug)]
struct Claim {
    link: LinkNumber,
    /// When its link heard that it has it not, or not any more. A link that ended never hears it.
    until: Option<Moment>,
}

impl<T> Default for Claims<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Claims<T> {
    /// `link` asks for `thing`: from now on it may have it.
    pub(crate) fn begin(&mut self, thing: T, link: LinkNumber) {
        let claim = Claim { link, until: None };
        self.0.entry(thing).or_default().push(claim);
    }

    /// `link` hears that one of its claims on `thing` is over.
    ///
    /// # Panics
    /// If it has none.
    pub(crate) fn end(&mut self, thing: &T, link: LinkNumber, now: Moment) {
        let claims = self.0.get_mut(thing).into_iter().flatten();
        let mut open = claims.filter(|claim| claim.link == link && claim.until.is_none());
        open.next().expect("it was asked for").until = Some(now);
    }

    /// How many links beside `link` may have held `thing` at some time since `asked`.
    pub(crate) fn others(&self, thing: &T, link: LinkNumber, asked: Moment) -> usize {
        let claims = self.0.get(thing).into_iter().flatten();
        let since = claims.filter(|claim| claim.until.is_none_or(|until| until > asked));
        let links: BTreeSet<_> = since.map(|claim| claim.link).collect();
        links.len() - usize::from(links.contains(&link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_counts_from_the_question_until_its_link_hears_of_its_end() {
        let mut claims = Claims::default();
        let [kim, lee, park] = [1, 2, 3].map(LinkNumber);
        claims.begin("u1", kim);
        claims.begin("u1", lee);
        claims.begin("u1", lee);
        assert_eq!(claims.others(&"u1", park, Moment(1)), 2);
        assert_eq!(claims.others(&"u1", kim, Moment(1)), 1);
        claims.end(&"u1", kim, Moment(5));
        assert_eq!(claims.others(&"u1", park, Moment(4)), 2, "it was so then");
        assert_eq!(claims.others(&"u1", park, Moment(6)), 1);
        claims.end(&"u1", lee, Moment(7));
        assert_eq!(claims.others(&"u1", park, Moment(8)), 1, "it asked twice");
        assert_eq!(claims.others(&"u2", park, Moment(8)), 0);
    }
}
