//! What something about a room was set to, one value after the other. An answer comes late or not
//! at all, so at any moment there may be more than one that it can be.

use super::{Outcome, When};
use crate::claims::Moment;

/// Something that can be set in a room.
#[derive(Debug)]
pub(crate) struct Setting<T> {
    first: T,
    sets: Vec<Set<T>>,
}

#[derive(Debug)]
struct Set<T> {
    value: T,
    asked: When,
    answered: Option<(When, Outcome)>,
}

/// Which time something was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetNumber(usize);

impl<T: Copy> Setting<T> {
    /// The room was made so.
    pub(crate) fn new(first: T) -> Self {
        let sets = Vec::new();
        Self { first, sets }
    }

    /// Somebody asks for another value.
    pub(crate) fn ask(&mut self, value: T, asked: When) -> SetNumber {
        self.sets.push(Set {
            value,
            asked,
            answered: None,
        });
        SetNumber(self.sets.len() - 1)
    }

    /// They hear what became of it.
    pub(crate) fn answer(&mut self, number: SetNumber, when: When, outcome: Outcome) {
        self.sets[number.0].answered = Some((when, outcome));
    }

    /// Whether it may have been set, to the same again perhaps, at some time since `since`.
    pub(crate) fn may_change(&self, since: Moment) -> bool {
        self.sets.iter().any(|set| match set.answered {
            Some((when, Outcome::Done)) => when.moment > since,
            Some((_, Outcome::Refused)) => false,
            Some((_, Outcome::Unsure)) | None => true,
        })
    }

    /// All values that it may have had at some time since `since`.
    pub(crate) fn since(&self, since: Moment) -> impl Iterator<Item = T> {
        // What was done before `since` has taken the place of all that was over before it was
        // asked for.
        let known = self.sets.iter().filter(|set| set.is_done_before(since));
        let replaced = known.map(|set| set.asked.moment).max();
        let is_first = replaced.is_none();
        let sets = self.sets.iter().filter(move |set| match set.answered {
            Some((_, Outcome::Refused)) => false,
            Some((when, Outcome::Done)) => replaced.is_none_or(|at| when.moment >= at),
            Some((_, Outcome::Unsure)) | None => true,
        });
        let first = Some(self.first).filter(|_| is_first);
        first.into_iter().chain(sets.map(|set| set.value))
    }
}

impl<T> Set<T> {
    fn is_done_before(&self, moment: Moment) -> bool {
        matches!(self.answered, Some((when, Outcome::Done)) if when.moment < moment)
    }
}

#[cfg(test)]
mod tests {
    use super::super::when;
    use super::*;

    /// What a room that was made as `a` may be since a moment, after sets as `value asked answered
    /// outcome`.
    fn check(text: &str, since: u64) -> String {
        let mut setting = Setting::new('a');
        for line in text.split(", ").filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            let value = words[0].chars().next().unwrap();
            let number = setting.ask(value, when(words[1].parse().unwrap()));
            if let [answered, outcome] = words[2..] {
                let outcome = match outcome {
                    "done" => Outcome::Done,
                    "refused" => Outcome::Refused,
                    _ => Outcome::Unsure,
                };
                setting.answer(number, when(answered.parse().unwrap()), outcome);
            }
        }
        setting.since(Moment(since)).collect()
    }

    #[test]
    fn what_was_done_before_changes_nothing_any_more() {
        let mut setting = Setting::new('a');
        let number = setting.ask('a', when(1));
        assert!(setting.may_change(Moment(9)), "no answer");
        setting.answer(number, when(3), Outcome::Done);
        assert!(setting.may_change(Moment(2)));
        assert!(!setting.may_change(Moment(3)));
    }

    #[test]
    fn a_room_may_be_all_that_was_asked_for_and_not_replaced_for_certain() {
        assert_eq!(check("", 9), "a");
        assert_eq!(check("b 1", 9), "ab", "no answer");
        assert_eq!(check("b 1 3 done", 2), "ab", "not known yet");
        assert_eq!(check("b 1 3 done", 4), "b");
        assert_eq!(check("b 1 3 refused", 4), "a");
        assert_eq!(check("b 1 3 unsure", 4), "ab");
        assert_eq!(check("b 1 3 done, c 4 5 done", 6), "c");
        assert_eq!(check("b 1 3 done, c 2 5 done", 6), "bc", "in either order");
        assert_eq!(check("b 1 2 unsure, c 3 4 done", 5), "bc", "it comes late");
        assert_eq!(check("b 1 3 done, c 4 6 done", 5), "bc");
    }
}
