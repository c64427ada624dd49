//! Whoever runs the server: sends people away, bans them and forgives them, while what they want to
//! know fails as it does for everybody.

use crate::actor::Actor;
use crate::claims::Moment;
use crate::crowd::{Mood, Shared};
use crate::halls::{Effect, Order, OrderNumber, Outcome};
use crate::services::SharedServices;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wharf_base::{Duration, Instant, Rng};
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
    /// Who may be banned.
    banned: BTreeSet<usize>,
}

/// What was asked for, of whom; and when they were to be sent away.
#[derive(Clone, Copy)]
enum Asked {
    Kick(usize, Moment),
    Ban(OrderNumber, usize, Moment),
    Unban(OrderNumber, usize),
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
            banned: BTreeSet::new(),
        }
    }

    /// Hears what became of what was asked.
    fn hear(&mut self) {
        let (services, books) = (&self.services, &mut self.shared.borrow_mut().books);
        let mut answered = Vec::new();
        for (ticket, asked) in &self.asked {
            if let Some(result) = services.borrow_mut().take_operated(*ticket) {
                answered.push((*ticket, *asked, outcome_of(&result)));
            }
        }
        for (ticket, asked, outcome) in answered {
            self.asked.remove(&ticket);
            let (now, is_done) = (books.when(), outcome == Outcome::Done);
            match asked {
                Asked::Kick(whom, at) => {
                    books.people.sent_away.extend(is_done.then_some((whom, at)));
                }
                Asked::Ban(number, whom, at) => {
                    books.people.bans.answer(number, now, outcome);
                    books.people.sent_away.extend(is_done.then_some((whom, at)));
                }
                Asked::Unban(number, whom) => {
                    books.people.bans.answer(number, now, outcome);
                    if outcome != Outcome::Unsure {
                        self.banned.remove(&whom);
                    }
                }
            }
        }
    }

    /// Does something to somebody.
    fn act(&mut self, now: Instant) {
        let count = self.shared.borrow().books.people.count() as u64;
        let whom = self.rng.below(count) as usize;
        match self.rng.below(10) {
            0..=4 => self.kick(now, whom),
            5..=7 => self.ban(now, whom),
            _ => self.forgive(now),
        }
    }

    fn kick(&mut self, now: Instant, whom: usize) {
        let books = &mut self.shared.borrow_mut().books;
        let Some(account) = books.account_of(whom) else {
            return;
        };
        books.people.kicks += 1;
        let asked = Asked::Kick(whom, books.when().moment);
        let reason = "enough".into();
        let request = Request::Kick { account, reason };
        let ticket = self.services.borrow_mut().operate(now, request);
        self.asked.insert(ticket, asked);
    }

    fn ban(&mut self, now: Instant, whom: usize) {
        let books = &mut self.shared.borrow_mut().books;
        let Some(account) = books.account_of(whom) else {
            return;
        };
        let seconds = [0, 1, 2, 5][self.rng.below(4) as usize];
        let span = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
        let asked = books.when();
        let number = books
            .people
            .bans
            .ask(Order::Ban(whom), Effect::Set(span), asked);
        let services = &mut self.services.borrow_mut();
        let until = Until::after_seconds(services.unix_ms(now), seconds);
        let reason = "enough".into();
        let request = Request::Ban {
            account,
            until,
            reason,
        };
        let ticket = services.operate(now, request);
        self.asked
            .insert(ticket, Asked::Ban(number, whom, asked.moment));
        self.banned.insert(whom);
    }

    /// Lets somebody in again.
    fn forgive(&mut self, now: Instant) {
        let is_asked = |whom: &usize| {
            let mut asked = self.asked.values();
            asked.any(|asked| match asked {
                Asked::Ban(_, other, _) | Asked::Unban(_, other) => other == whom,
                Asked::Kick(..) => false,
            })
        };
        let Some(whom) = self.banned.iter().copied().find(|whom| !is_asked(whom)) else {
            return;
        };
        let books = &mut self.shared.borrow_mut().books;
        let account = books.account_of(whom).expect("who is banned is somebody");
        let asked = books.when();
        let number = books
            .people
            .bans
            .ask(Order::Ban(whom), Effect::Lifted, asked);
        let reason = "enough".into();
        let request = Request::Unban { account, reason };
        let ticket = self.services.borrow_mut().operate(now, request);
        self.asked.insert(ticket, Asked::Unban(number, whom));
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
                false => self.forgive(now),
            }
        }
        let has_work = is_lively || !self.banned.is_empty();
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
