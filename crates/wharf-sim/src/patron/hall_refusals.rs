//! What a patron is refused about rooms that have a name, and the reason that there must be.

use super::Patron;
use super::hall::{Entering, HallAsked, Here, What, Wish};
use crate::books::Books;
use crate::halls::{Halls, Order, Outcome, SLOW, When};
use wharf_base::{Duration, Instant};
use wharf_proto::session::{Code, Error};

impl Patron {
    pub(super) fn on_hall_error(&mut self, asked: &HallAsked, error: &Error, books: &mut Books) {
        let code = error.code();
        let may_fail = matches!(code, Code::Busy | Code::Unavailable);
        // Whoever has been taken over hears of it later.
        let is_right = match asked {
            HallAsked::Create(name, _) => {
                self.is_moving = false;
                let is_taken = code == Code::Taken && books.halls.may_be_taken(name);
                may_fail || is_taken || matches!(code, Code::Full | Code::WrongState)
            }
            HallAsked::Enter(entering) => {
                self.is_moving = false;
                books.halls.answered(self.link);
                let now = books.when().moment;
                books.halls.give_up_seat(entering.room, self.link, now);
                may_fail || code == Code::WrongState || self.may_be_kept_out(entering, code, books)
            }
            HallAsked::Inside(here, wish) => {
                let was_sent_out = !self.is_in_stay(*here);
                let is_late = code == Code::WrongState;
                self.is_doomed |= is_late && !was_sent_out;
                self.on_wish_refused(*here, wish, error, books)
                    || is_late
                    || may_fail && !matches!(wish, Wish::Leave)
            }
        };
        let is_right = is_right || self.may_be_unserved(code);
        let (me, user) = (&self.label, self.user);
        assert!(is_right, "{me}, {user:?}: {asked:?} and {error:?}");
    }

    /// Whether something was asked of a room in which this patron is not any more.
    pub(super) fn has_left(&self, asked: &HallAsked) -> bool {
        matches!(asked, HallAsked::Inside(here, _) if !self.is_in_stay(*here))
    }

    /// Whether there may be that reason not to let this patron in.
    fn may_be_kept_out(&self, entering: &Entering, code: Code, books: &mut Books) -> bool {
        let (me, ..) = self.user.expect("somebody enters");
        let (room, asked) = (entering.room, entering.asked);
        let halls = &mut books.halls;
        let may = |order| halls.may_hold(room, order, asked.at);
        let is_guess = halls.has(room).is_some_and(|hall| {
            let mut keys = hall.key.since(asked.moment);
            keys.any(|key| !key.opens(entering.shown))
        });
        let (is_banned, is_locked) = (may(Order::Ban(me)), may(Order::Lock));
        let is_changing = halls
            .has(room)
            .is_some_and(|hall| hall.key.may_change(asked.moment));
        let is_crowded = halls.may_be_crowded(room, self.link, asked.moment);
        let is_gone = halls.may_be_gone(room, asked.at);
        let counts = &mut halls.counts;
        let (count, is_right) = match code {
            Code::Banned => (&mut counts.banned, is_banned),
            // Or they were sent out before they had come.
            Code::Forbidden => (&mut counts.locked, is_locked || counts.acts > 0),
            Code::Full => (&mut counts.full, is_crowded),
            Code::Credentials => (&mut counts.guessed, is_guess),
            Code::Rate => (&mut counts.guessed, true),
            Code::NotFound => return is_gone,
            // The password was another's when it was compared.
            Code::Conflict => return is_changing,
            _ => return false,
        };
        *count += 1;
        is_right
    }

    /// Whether a wish may have been refused for that reason.
    fn on_wish_refused(
        &mut self,
        here: Here,
        wish: &Wish,
        error: &Error,
        books: &mut Books,
    ) -> bool {
        let code = error.code();
        let outcome = match code {
            Code::Unavailable => Outcome::Unsure,
            _ => Outcome::Refused,
        };
        let (me, ..) = self.user.expect("somebody wanted it");
        let is_muted_everywhere = books.people.may_be_muted(me);
        let now = books.when();
        let halls = &mut books.halls;
        halls.counts.forbidden += u64::from(code == Code::Forbidden);
        let may_be_gone = halls.may_be_gone(here.room, here.asked.at);
        note(here.room, wish, (now, outcome), halls);
        match wish {
            Wish::Leave => {
                self.is_moving = false;
                false
            }
            Wish::Say(_) => {
                halls.counts.muted += u64::from(code == Code::Muted);
                match code {
                    Code::Muted => is_muted_everywhere || self.may_be_silenced(here, error, halls),
                    Code::NotFound => may_be_gone,
                    // It was opened by somebody else meanwhile.
                    _ => code == Code::Conflict,
                }
            }
            Wish::History(_) => match code {
                Code::NotFound => {
                    let history = halls.of(here.room).history;
                    let keeps_nothing = history == wharf_proto::room::History::Off;
                    keeps_nothing || may_be_gone || !self.is_in_stay(here)
                }
                _ => code == Code::Conflict,
            },
            Wish::Members => false,
            Wish::Bans => matches!(code, Code::Forbidden | Code::Conflict),
            Wish::Remove(number) => {
                let line = halls.lines.numbered(here.room, number.seq);
                let is_own = line.is_some_and(|line| halls.lines.author(line) == me);
                match code {
                    Code::Forbidden => !is_own,
                    Code::NotFound => may_be_gone,
                    _ => code == Code::Conflict,
                }
            }
            Wish::Key(_) | Wish::Seats(_) => {
                matches!(code, Code::Forbidden | Code::Conflict)
                    || code == Code::NotFound && may_be_gone
            }
            Wish::Order(_, what) => {
                let is_gone = code == Code::NotFound && may_be_gone;
                // The rank is judged where everybody's is known.
                matches!(code, Code::Forbidden | Code::Conflict)
                    || is_gone
                    || code == Code::Full && *what == What::Somebody
            }
            Wish::Act => matches!(code, Code::Forbidden | Code::Conflict | Code::NotFound),
        }
    }

    /// Whether this patron may not have been allowed to speak: they are muted, or had to wait.
    fn may_be_silenced(&self, here: Here, error: &Error, halls: &mut Halls) -> bool {
        let (me, ..) = self.user.expect("somebody said it");
        if error.retry_after_ms == 0 {
            return halls.may_hold(here.room, Order::Mute(me), here.asked.at);
        }
        let wait = Duration::from_millis(error.retry_after_ms.into());
        let since = here
            .asked
            .at
            .as_nanos()
            .saturating_sub(SLOW.as_nanos() as u64);
        let since = Instant::from_nanos(since);
        halls.counts.hurried += 1;
        wait <= SLOW
            && halls.may_hold(here.room, Order::Slow, here.asked.at)
            && halls.lines.may_have_spoken(here.room, me, since)
    }
}

/// Nothing of it is done.
pub(super) fn is_not_done(asked: &HallAsked, books: &mut Books) {
    if let HallAsked::Inside(here, wish) = asked {
        let now = books.when();
        note(here.room, wish, (now, Outcome::Refused), &mut books.halls);
    }
}

/// Notes what became of a wish that was not granted.
fn note(room: i64, wish: &Wish, (now, outcome): (When, Outcome), halls: &mut Halls) {
    match wish {
        Wish::Say(line) => {
            let is_certain = outcome == Outcome::Refused;
            halls.lines.refused(*line, is_certain, now.at);
        }
        Wish::Remove(number) => halls.removals.answer(room, *number, now.moment, outcome),
        Wish::Key(number) => halls.get(room).key.answer(*number, now, outcome),
        Wish::Seats(number) => halls.get(room).members_max.answer(*number, now, outcome),
        Wish::Order(number, _) => halls.orders(room).answer(*number, now, outcome),
        Wish::Leave | Wish::History(_) | Wish::Members | Wish::Bans | Wish::Act => {}
    }
}
