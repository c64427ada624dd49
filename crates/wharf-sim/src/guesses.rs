//! Wrong passwords, and the delays that must come of them; tickets for one use.

use crate::claims::LinkNumber;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wharf_accounts::ThrottleLimits;
use wharf_base::{Duration, Instant, Rng};

/// What is known of those who guess, and of tickets.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    limits: ThrottleLimits,
    /// When the server may have forgotten who had failed before.
    forgotten: Rc<Cell<Instant>>,
    /// By whom one logs in: what is under way, and how often that failed in a row for certain.
    tries: BTreeMap<usize, Tries>,
    last_try: u64,
    /// Whether tickets may be lost.
    may_lose: bool,
    tickets: Vec<Shown>,
    pub(crate) counts: GuessCounts,
}

/// How often something happened that does not always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuessCounts {
    /// Logins that were refused because of those that had failed.
    pub delayed: u64,
    /// Tries that came when the delay of those before them was over.
    pub waited: u64,
    /// Tickets that were taken.
    pub tickets: u64,
    /// Tickets that were refused.
    pub replays: u64,
}

impl GuessCounts {
    /// Counts what happened elsewhere, too.
    pub fn add(&mut self, other: &Self) {
        self.delayed += other.delayed;
        self.waited += other.waited;
        self.tickets += other.tickets;
        self.replays += other.replays;
    }
}

/// A try to log in by a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TryNumber(u64);

#[derive(Debug, Default)]
struct Tries {
    open: BTreeMap<u64, Open>,
    /// When those were asked for and answered that failed in a row, with nothing else beside them.
    failed: Vec<(Instant, Instant)>,
}

#[derive(Debug)]
struct Open {
    asked: Instant,
    is_alone: bool,
    /// By which link, if the password is wrong for certain.
    wrong: Option<LinkNumber>,
}

/// How often a ticket was shown and taken.
#[derive(Debug, Default)]
struct Shown {
    times: u32,
    taken: u32,
}

/// Tickets that there are.
pub(crate) const TICKETS: usize = 64;
/// A try without an answer is over by then.
const OVER: Duration = Duration::from_secs(120);
/// Clocks count milliseconds, and round; what is kept elsewhere twice.
const ROUNDING: Duration = Duration::from_millis(5);

/// What stands on a ticket.
pub(crate) fn key_of(ticket: usize) -> String {
    format!("a-ticket-for-one-use-{ticket:04}")
}

impl Guesses {
    /// Delays are as `limits` say, unless they were forgotten before `forgotten`.
    pub(crate) fn new(
        limits: ThrottleLimits,
        forgotten: Rc<Cell<Instant>>,
        may_lose: bool,
    ) -> Self {
        Self {
            limits,
            forgotten,
            may_lose,
            ..Self::default()
        }
    }

    /// Somebody tries to log in as `person`.
    pub(crate) fn ask(
        &mut self,
        person: usize,
        now: Instant,
        (link, is_wrong): (LinkNumber, bool),
    ) -> TryNumber {
        self.last_try += 1;
        let tries = self.tries.entry(person).or_default();
        tries.open.retain(|_, it| it.asked + OVER > now);
        let is_alone = tries.open.is_empty();
        tries.open.values_mut().for_each(|it| it.is_alone = false);
        let asked = now;
        let open = Open {
            asked,
            is_alone,
            wrong: is_wrong.then_some(link),
        };
        tries.open.insert(self.last_try, open);
        TryNumber(self.last_try)
    }

    /// A link has ended: a wrong password that has no answer has none to come, and whenever it is
    /// looked at, nobody waits less for it.
    pub(crate) fn ended(&mut self, link: LinkNumber) {
        for tries in self.tries.values_mut() {
            tries.open.retain(|_, it| it.wrong != Some(link));
        }
    }

    /// It was refused unseen: somebody has failed too often.
    pub(crate) fn delayed(&mut self, person: usize, number: TryNumber) {
        self.counts.delayed += 1;
        self.tries.entry(person).or_default().open.remove(&number.0);
    }

    /// It was looked at, and the password was right, wrong, or nobody knows.
    ///
    /// # Panics
    /// If it was looked at although those before had failed so often that it was too early.
    pub(crate) fn tried(
        &mut self,
        person: usize,
        number: TryNumber,
        is_wrong: Option<bool>,
        now: Instant,
    ) {
        let tries = self.tries.entry(person).or_default();
        let own = tries.open.remove(&number.0);
        if is_wrong.is_some() {
            let forgotten = self.forgotten.get();
            tries.failed.retain(|(asked, _)| *asked > forgotten);
            let delay = delay(&self.limits, tries.failed.len());
            if let Some((asked, _)) = tries.failed.last().filter(|_| !delay.is_zero()) {
                let earliest = *asked + delay;
                assert!(
                    now + ROUNDING >= earliest,
                    "{person}: tried at {now:?}, before {earliest:?}: {tries:?}"
                );
                self.counts.waited += 1;
            }
        }
        match own.filter(|own| own.is_alone && is_wrong == Some(true)) {
            Some(own) => tries.failed.push((own.asked, now)),
            None => tries.failed.clear(),
        }
    }

    /// A ticket that somebody shows: a new one, or one that was shown before.
    pub(crate) fn show_ticket(&mut self, rng: &mut Rng) -> Option<usize> {
        let again = rng.chance(0.5) && !self.tickets.is_empty();
        if !again && self.tickets.len() < TICKETS {
            self.tickets.push(Shown::default());
        }
        let back = rng.below(2) as usize;
        let ticket = self.tickets.len().checked_sub(1)?.saturating_sub(back);
        self.tickets[ticket].times += 1;
        Some(ticket)
    }

    /// Somebody is in by it.
    ///
    /// # Panics
    /// If somebody was before.
    pub(crate) fn took_ticket(&mut self, ticket: usize) {
        self.counts.tickets += 1;
        let it = &mut self.tickets[ticket];
        it.taken += 1;
        assert_eq!(it.taken, 1, "ticket {ticket}: {it:?}");
    }

    /// It was refused; whether there may be a reason.
    pub(crate) fn refused_ticket(&mut self, ticket: usize) -> bool {
        self.counts.replays += 1;
        self.may_lose || self.tickets[ticket].times > 1
    }
}

/// How long whoever has failed so often waits.
fn delay(limits: &ThrottleLimits, count: usize) -> Duration {
    let beyond = count.saturating_sub(limits.free as usize);
    match beyond {
        0 => Duration::ZERO,
        beyond => limits
            .longest
            .min(limits.first * (1 << (beyond - 1).min(20))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn guesses(forgotten: &Rc<Cell<Instant>>) -> Guesses {
        let limits = ThrottleLimits {
            free: 1,
            first: Duration::from_secs(2),
            longest: Duration::from_secs(3),
            ..ThrottleLimits::default()
        };
        Guesses::new(limits, Rc::clone(forgotten), false)
    }

    /// Tries as `asked answered wrong`; whether the last came as early as it may.
    fn check(tries: &[(u64, u64, Option<bool>)], forgotten: u64) -> bool {
        let cell = Rc::new(Cell::new(at(forgotten)));
        let mut guesses = guesses(&cell);
        let all = || {
            for (asked, answered, is_wrong) in tries {
                let number = guesses.ask(7, at(*asked), (LinkNumber(1), false));
                guesses.tried(7, number, *is_wrong, at(*answered));
            }
        };
        catch_unwind(AssertUnwindSafe(all)).is_ok()
    }

    #[test]
    fn whoever_has_failed_too_often_is_not_looked_at_before_the_delay_is_over() {
        let wrong = Some(true);
        assert!(check(&[(1, 2, wrong), (2, 3, wrong)], 0), "one is free");
        assert!(!check(&[(1, 1, wrong), (2, 2, wrong), (3, 3, wrong)], 0));
        assert!(check(&[(1, 1, wrong), (2, 2, wrong), (3, 4, wrong)], 0));
        assert!(!check(
            &[(1, 1, wrong), (2, 2, wrong), (3, 3, Some(false))],
            0
        ));
        assert!(check(&[(1, 1, wrong), (2, 2, wrong), (3, 3, wrong)], 1));
        assert!(check(&[(1, 1, wrong), (2, 2, None), (3, 3, wrong)], 0));
    }

    #[test]
    fn a_ticket_is_taken_once() {
        let mut guesses = guesses(&Rc::default());
        let mut rng = Rng::from_seed(1);
        let ticket = guesses.show_ticket(&mut rng).unwrap();
        assert!(!guesses.refused_ticket(ticket), "it is new");
        guesses.took_ticket(ticket);
        let again = || guesses.took_ticket(ticket);
        assert!(catch_unwind(AssertUnwindSafe(again)).is_err());
    }
}
