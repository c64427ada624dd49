//! What was ordered in a room, and what is certain of it. An answer comes late or not at all, so
//! between the question and the answer both may be so.

use super::When;
use crate::claims::Moment;
use wharf_base::{Duration, Instant};

/// Something that holds in a room from an order on, until its end or until it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Somebody is kept out.
    Ban(usize),
    /// Somebody may not speak.
    Mute(usize),
    /// Nobody new may enter.
    Lock,
    /// Members wait between two messages.
    Slow,
    /// The room is gone.
    Close,
}

/// What an order does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It holds, for so long; without end if `None`.
    Set(Option<Duration>),
    /// It does not.
    Lifted,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// It was refused: nothing has changed.
    Refused,
    /// It may have been done, or may still be.
    Unsure,
}

/// The number of an order in its room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrderNumber(usize);

/// The orders of one room.
#[derive(Debug, Default)]
pub(crate) struct Orders(Vec<Given>);

#[derive(Debug)]
struct Given {
    order: Order,
    effect: Effect,
    asked: When,
    answered: Option<(When, Outcome)>,
}

/// Clocks count milliseconds, and round.
pub(crate) const ROUNDING: Duration = Duration::from_millis(2);

impl Orders {
    /// Somebody asks for that.
    pub(crate) fn ask(&mut self, order: Order, effect: Effect, asked: When) -> OrderNumber {
        self.0.push(Given {
            order,
            effect,
            asked,
            answered: None,
        });
        OrderNumber(self.0.len() - 1)
    }

    /// They hear what became of it.
    pub(crate) fn answer(&mut self, number: OrderNumber, when: When, outcome: Outcome) {
        self.0[number.0].answered = Some((when, outcome));
    }

    /// Whether it holds for certain at every moment from `since` until `at`: it was acknowledged
    /// before, lasts longer, and nothing else can have ended it.
    pub(crate) fn holds(&self, order: Order, since: Moment, at: Instant) -> bool {
        let same = || self.0.iter().filter(|given| given.order == order);
        same().any(|given| {
            let is_known =
                matches!(given.answered, Some((when, Outcome::Done)) if when.moment < since);
            is_known
                && given.lasts_beyond(at)
                && same()
                    .all(|other| other.is_over_before(given.asked.moment) || other.lasts_beyond(at))
        })
    }

    /// Whether it may have held at some time since `since`.
    pub(crate) fn may_hold(&self, order: Order, since: Instant) -> bool {
        let mut same = self.0.iter().filter(|given| given.order == order);
        same.any(|given| match (given.effect, given.answered) {
            (Effect::Lifted, _) | (_, Some((_, Outcome::Refused))) => false,
            (Effect::Set(Some(span)), Some((when, Outcome::Done))) => {
                when.at + span + ROUNDING >= since
            }
            (Effect::Set(_), _) => true,
        })
    }
}

impl Given {
    /// Whether what it sets lasts longer than until `at`, whenever it was done.
    fn lasts_beyond(&self, at: Instant) -> bool {
        match self.effect {
            Effect::Lifted => false,
            Effect::Set(None) => true,
            Effect::Set(Some(span)) => self.asked.at + span > at + ROUNDING,
        }
    }

    /// Whether it can do nothing from `moment` on.
    fn is_over_before(&self, moment: Moment) -> bool {
        match self.answered {
            Some((_, Outcome::Refused)) => true,
            Some((when, Outcome::Done)) => when.moment < moment,
            Some((_, Outcome::Unsure)) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::when;
    use super::*;

    /// Orders as `asked effect answered outcome`, such as `1 set10 3 done`; whether the ban of 7
    /// holds, or may, from a moment on.
    fn check(text: &str, since: u64) -> (bool, bool) {
        let mut orders = Orders::default();
        for line in text.split(", ") {
            let words: Vec<&str> = line.split(' ').collect();
            let effect = match words[1].strip_prefix("set") {
                Some("") => Effect::Set(None),
                Some(span) => Effect::Set(Some(Duration::from_secs(span.parse().unwrap()))),
                None => Effect::Lifted,
            };
            let number = orders.ask(Order::Ban(7), effect, when(words[0].parse().unwrap()));
            if let [.., answered, outcome] = words[2..] {
                let outcome = match outcome {
                    "done" => Outcome::Done,
                    "refused" => Outcome::Refused,
                    _ => Outcome::Unsure,
                };
                orders.answer(number, when(answered.parse().unwrap()), outcome);
            }
        }
        let (moment, at) = (Moment(since), when(since).at);
        assert!(!orders.holds(Order::Ban(8), moment, at), "another's");
        let holds = orders.holds(Order::Ban(7), moment, at);
        (holds, orders.may_hold(Order::Ban(7), at))
    }

    #[test]
    fn what_is_certain_and_what_may_be_are_told_apart() {
        assert_eq!(check("1 set 3 done", 4), (true, true));
        assert_eq!(check("1 set 3 done", 2), (false, true), "not known yet");
        assert_eq!(check("1 set", 9), (false, true), "no answer");
        assert_eq!(check("1 set 3 refused", 9), (false, false));
        assert_eq!(check("1 set 3 unsure", 9), (false, true));
        assert_eq!(check("1 set5 3 done", 4), (true, true));
        assert_eq!(check("1 set5 3 done", 7), (false, true), "it may be over");
        assert_eq!(check("1 set5 3 done", 9), (false, false), "it is over");
        assert_eq!(check("1 set 3 done, 4 lift", 5), (false, true));
        assert_eq!(check("1 set 3 done, 4 lift 5 refused", 6), (true, true));
        assert_eq!(check("1 lift 2 done, 3 set 4 done", 5), (true, true));
        assert_eq!(
            check("1 lift 4 done, 3 set 4 done", 5),
            (false, true),
            "in either order"
        );
        assert_eq!(
            check("1 lift 2 unsure, 3 set 4 done", 5),
            (false, true),
            "it may come late"
        );
        assert_eq!(check("1 set 3 done, 4 set9 5 done", 6), (true, true));
    }
}
