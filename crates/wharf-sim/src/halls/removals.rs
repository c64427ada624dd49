//! Messages that somebody wanted removed, and what became of that.

use super::Outcome;
use crate::claims::Moment;
use std::collections::BTreeMap;

/// All wishes of a run, by room and number.
#[derive(Debug, Default)]
pub(crate) struct Removals(BTreeMap<(i64, i64), Vec<Wished>>);

#[derive(Debug)]
struct Wished {
    asked: Moment,
    answered: Option<(Moment, Outcome)>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RemovalNumber {
    pub(crate) seq: i64,
    index: usize,
}

impl Removals {
    /// Somebody asks for that.
    pub(crate) fn ask(&mut self, room: i64, seq: i64, asked: Moment) -> RemovalNumber {
        let wishes = self.0.entry((room, seq)).or_default();
        let answered = None;
        wishes.push(Wished { asked, answered });
        let index = wishes.len() - 1;
        RemovalNumber { seq, index }
    }

    /// They hear what became of it.
    pub(crate) fn answer(
        &mut self,
        room: i64,
        number: RemovalNumber,
        now: Moment,
        outcome: Outcome,
    ) {
        let wishes = self.0.get_mut(&(room, number.seq));
        wishes.expect("it was asked for")[number.index].answered = Some((now, outcome));
    }

    /// Whether a message may be removed.
    pub(crate) fn may_be(&self, room: i64, seq: i64) -> bool {
        let mut wishes = self.0.get(&(room, seq)).into_iter().flatten();
        wishes.any(|wish| !matches!(wish.answered, Some((_, Outcome::Refused))))
    }

    /// Whether it was removed for certain before `since`. Nobody puts it back.
    pub(crate) fn is_certain(&self, room: i64, seq: i64, since: Moment) -> bool {
        let mut wishes = self.0.get(&(room, seq)).into_iter().flatten();
        wishes.any(|wish| matches!(wish.answered, Some((at, Outcome::Done)) if at < since))
    }

    /// The messages of a room whose removal was asked for behind `since`, and acknowledged before
    /// `until`: whoever was there all that time has heard of it.
    pub(crate) fn owed(&self, room: i64, since: Moment, until: Moment) -> Vec<i64> {
        let of_room = self.0.range((room, i64::MIN)..=(room, i64::MAX));
        let is_owed = |wish: &Wished| {
            wish.asked > since && matches!(wish.answered, Some((at, Outcome::Done)) if at < until)
        };
        let owed = of_room.filter(|(_, wishes)| wishes.iter().any(is_owed));
        owed.map(|((_, seq), _)| *seq).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_for_certain_and_what_may_be_are_told_apart() {
        let mut removals = Removals::default();
        let at = Moment;
        for (seq, outcome) in [
            (1, Some(Outcome::Done)),
            (2, Some(Outcome::Refused)),
            (3, Some(Outcome::Unsure)),
            (4, None),
        ] {
            let number = removals.ask(7, seq, at(2));
            if let Some(outcome) = outcome {
                removals.answer(7, number, at(5), outcome);
            }
        }
        let may_be: Vec<i64> = (0..6).filter(|seq| removals.may_be(7, *seq)).collect();
        assert_eq!(may_be, [1, 3, 4]);
        let is = |seq, since| removals.is_certain(7, seq, at(since));
        assert!(is(1, 6));
        assert!(!is(1, 5), "not known yet");
        assert!(!is(3, 6) && !is(4, 6) && !is(2, 6));
        assert!(!removals.may_be(8, 1), "another room's");
        assert_eq!(removals.owed(7, at(1), at(6)), [1]);
        assert_eq!(removals.owed(7, at(2), at(6)), [0; 0], "asked before");
        assert_eq!(removals.owed(7, at(1), at(5)), [0; 0], "not known yet");
    }
}
