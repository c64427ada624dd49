//! Whoever runs the server: sends people away, bans, mutes, erases and forgives them, while what
//! they want to know fails as it does for everybody.

use crate::actor::Actor;
use crate::books::Books;
use crate::claims::Moment;
use crate::crowd::{Mood, Shared};
use crate::halls::{Effect, Order, OrderNumber, Outcome};
use crate::people::Erasure;
use crate::services::SharedServices;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wharf_base::{Duration, Instant, Rng};
use wharf_data::AccountId;
use wharf_data::access::Error;
use wharf_data::operators::Request;
use wharf_data::room::Until;
use wharf_platform::Ticket;

/// One who runs the server.
pub(crate) struct Operator {
    services: SharedServices,
    shared: Rc<RefCell<Shared>>,
    rng: Rng,
    pause_max: Duration,
    acts_at: Instant,
    /// What has no answer yet.
    asked: BTreeMap<Ticket, Asked>,
    /// What may hold, and for whom.
    taken: BTreeSet<(Measure, usize)>,
}

/// What was asked for, of whom; and when they were to be sent away.
enum Asked {
    Kick(usize, Moment),
    Measure(OrderNumber, (Measure, usize), Moment),
    Lift(OrderNumber, (Measure, usize)),
    Erase(Erasure),
}

/// What holds until it ends, or is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Measure {
    Ban,
    Mute,
}

/// How often one looks whether there is an answer.
const GLANCE: Duration = Duration::from_millis(20);

impl Operator {
    pub(crate) fn new(
        services: &SharedServices,
        shared: &Rc<RefCell<Shared>>,
        mut rng: Rng,
    ) -> Self {
        Self {
            services: Rc::clone(services),
            shared: Rc::clone(shared),
            pause_max: Duration::from_millis(200 + rng.below(5_000)),
            rng,
            acts_at: Instant::ZERO,
            asked: BTreeMap::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Hears what became of what was asked.
    fn hear(&mut self) {
        let (services, books) = (&self.services, &mut self.shared.borrow_mut().books);
        let mut answered = Vec::new();
        for ticket in self.asked.keys() {
            if let Some(result) = services.borrow_mut().take_operated(*ticket) {
                answered.push((*ticket, outcome_of(&result)));
            }
        }
        for (ticket, outcome) in answered {
            let asked = self.asked.remove(&ticket).expect("it was asked");
            let (now, is_done) = (books.when(), outcome == Outcome::Done);
            let people = &mut books.people;
            match asked {
                Asked::Kick(whom, at) => people.sent_away.extend(is_done.then_some((whom, at))),
                Asked::Measure(number, (measure, whom), at) => {
                    people.orders.answer(number, now, outcome);
                    let is_sent_away = is_done && measure == Measure::Ban;
                    people.sent_away.extend(is_sent_away.then_some((whom, at)));
                }
                Asked::Lift(number, taken) => {
                    people.orders.answer(number, now, outcome);
                    if outcome != Outcome::Unsure {
                        self.taken.remove(&taken);
                    }
                }
                Asked::Erase(erasure) if is_done => people.erased(&erasure, now.moment),
                Asked::Erase(_) => {}
            }
        }
    }

    /// Does something to somebody.
    fn act(&mut self, now: Instant) {
        let count = self.shared.borrow().books.people.count() as u64;
        let whom = self.rng.below(count) as usize;
        match self.rng.below(14) {
            0..=4 => self.kick(now, whom),
            5..=7 => self.take(now, Measure::Ban, whom),
            // Others say what nobody may miss.
            8..=10 => self.take(now, Measure::Mute, whom | 1),
            11 => self.erase(now),
            _ => self.lift(now),
        }
    }

    fn kick(&mut self, now: Instant, whom: usize) {
        self.ask(now, whom, |books, account| {
            books.people.kicks += 1;
            let request = Request::Kick {
                account,
                reason: REASON.into(),
            };
            (request, Asked::Kick(whom, books.when().moment))
        });
    }

    /// Ends an account that may be ended.
    fn erase(&mut self, now: Instant) {
        let whom = self.shared.borrow().books.people.some_mortal(&mut self.rng);
        self.ask(now, whom, |books, account| {
            let asked = books.when().moment;
            let request = Request::Erase {
                account,
                reason: REASON.into(),
            };
            let erasure = books.people.ask_to_erase(whom, account.get(), asked);
            (request, Asked::Erase(erasure))
        });
    }

    fn take(&mut self, now: Instant, measure: Measure, whom: usize) {
        let seconds = [0, 1, 2, 5][self.rng.below(4) as usize];
        let span = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
        let at = self.services.borrow().unix_ms(now);
        let until = Until::after_seconds(at, seconds);
        let is_asked = self.ask(now, whom, |books, account| {
            let asked = books.when();
            let orders = &mut books.people.orders;
            let number = orders.ask(measure.order(whom), Effect::Set(span), asked);
            let request = measure.request(account, Some(until));
            let asked = Asked::Measure(number, (measure, whom), asked.moment);
            (request, asked)
        });
        if is_asked {
            self.taken.insert((measure, whom));
        }
    }

    /// Takes a measure back.
    fn lift(&mut self, now: Instant) {
        let is_asked = |taken: &(Measure, usize)| {
            let mut asked = self.asked.values();
            asked.any(|asked| match asked {
                Asked::Measure(_, other, _) | Asked::Lift(_, other) => other == taken,
                Asked::Kick(..) | Asked::Erase(_) => false,
            })
        };
        let taken = self.taken.iter().copied().find(|it| !is_asked(it));
        let Some((measure, whom)) = taken else {
            return;
        };
        self.ask(now, whom, |books, account| {
            let asked = books.when();
            let orders = &mut books.people.orders;
            let number = orders.ask(measure.order(whom), Effect::Lifted, asked);
            let request = measure.request(account, None);
            (request, Asked::Lift(number, (measure, whom)))
        });
    }

    /// Asks for something of somebody, if they have an account that is known.
    fn ask(
        &mut self,
        now: Instant,
        whom: usize,
        make: impl FnOnce(&mut Books, AccountId) -> (Request, Asked),
    ) -> bool {
        let books = &mut self.shared.borrow_mut().books;
        let Some(account) = books.account_of(whom) else {
            return false;
        };
        let (request, asked) = make(books, account);
        let ticket = self.services.borrow_mut().operate(now, request);
        self.asked.insert(ticket, asked);
        true
    }
}

const REASON: &str = "enough";

impl Measure {
    fn order(self, whom: usize) -> Order {
        match self {
            Self::Ban => Order::Ban(whom),
            Self::Mute => Order::Mute(whom),
        }
    }

    /// Takes it until then, or takes it back.
    fn request(self, account: AccountId, until: Option<Until>) -> Request {
        let reason = REASON.into();
        match (self, until) {
            (Self::Ban, Some(until)) => Request::Ban {
                account,
                until,
                reason,
            },
            (Self::Ban, None) => Request::Unban { account, reason },
            (Self::Mute, until) => Request::Mute {
                account,
                until,
                reason,
            },
        }
    }
}

impl Actor for Operator {
    fn turn(&mut self, now: Instant) -> Option<Instant> {
        self.shared.borrow_mut().books.now = now;
        self.hear();
        let is_lively = self.shared.borrow().mood == Mood::Lively;
        if now >= self.acts_at {
            let pause = 1 + self.rng.below(self.pause_max.as_nanos() as u64);
            self.acts_at = now + Duration::from_nanos(pause);
            match is_lively {
                true => self.act(now),
                // What comes then is for everybody.
                false => self.lift(now),
            }
        }
        let has_work = is_lively || !self.taken.is_empty();
        let acts_at = has_work.then_some(self.acts_at);
        let glance = (!self.asked.is_empty()).then(|| now + GLANCE);
        acts_at.into_iter().chain(glance).min()
    }
}

fn outcome_of(result: &Result<(), Error>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(Error::Unavailable | Error::Busy { .. }) => Outcome::Unsure,
        Err(_) => Outcome::Refused,
    }
}
