//! The end of a run with services: everybody whispers to everybody, goes, and comes again to hear
//! what was said meanwhile. Nothing goes wrong any more, so nothing may be missing.

use crate::actor::Scheduler;
use crate::books::Books;
use crate::crowd::{Crowd, Mood, Shared};
use crate::people::name_of;
use crate::restart::Restarts;
use crate::roll_call;
use crate::run::{SETTLE, ServiceCounts, settle};
use crate::server::SimServer;
use std::cell::RefCell;
use std::rc::Rc;
use wharf_data::RoomId;

/// Whoever takes part.
pub(crate) struct Stage<'a> {
    pub(crate) scheduler: &'a mut Scheduler,
    pub(crate) server: &'a mut SimServer,
    pub(crate) crowds: &'a [Rc<RefCell<Crowd>>],
    pub(crate) shared: &'a RefCell<Shared>,
}

impl Stage<'_> {
    fn feel(&self, mood: Mood) {
        self.shared.borrow_mut().mood = mood;
    }

    fn settle(&mut self) {
        settle(self.scheduler, self.server, self.crowds);
    }

    /// Nobody says anything more, and all that was said arrives; how many are there whole.
    ///
    /// # Panics
    /// When what they believe is not right.
    pub(crate) fn calm_down(&mut self) -> u32 {
        if let Some(services) = self.server.services() {
            services.borrow_mut().heal();
        }
        self.feel(Mood::Quiet);
        self.settle();
        self.assert_agree()
    }

    /// Everybody with an account comes, in that mood, and what they hear is right.
    fn gather(&mut self, mood: Mood) {
        self.feel(mood);
        self.settle();
        for crowd in self.crowds {
            assert!(!crowd.borrow().is_owed(), "not everybody could come again");
        }
        self.assert_agree();
        self.feel(Mood::Quiet);
    }

    /// What everybody believes is one story, and the server's; how many that are.
    fn assert_agree(&self) -> u32 {
        let settled = |crowd: &Rc<RefCell<Crowd>>| crowd.borrow().assert_settled();
        let beliefs: Vec<_> = self.crowds.iter().flat_map(settled).collect();
        roll_call::assert_agree(&beliefs, self.server.rules());
        self.server.assert_holds(&beliefs);
        beliefs.len() as u32
    }
}

/// Plays it. In a share of the runs the server is restarted while what was whispered waits for
/// those who are away, and once more while everybody is there.
///
/// # Panics
/// When something that was acknowledged is not told, or is told twice, or does not hold any more.
pub(crate) fn play(stage: &mut Stage<'_>, restarts: &mut Restarts) {
    let has_restarts = restarts.have_begun();
    stage.shared.borrow_mut().books.people.be_certain();
    stage.feel(Mood::Whispering);
    stage.settle();
    stage.feel(Mood::Leaving);
    stage.scheduler.run_for(SETTLE);
    if has_restarts {
        restarts.restart(stage.scheduler, stage.server);
    }
    stage.gather(Mood::Returning);
    if has_restarts {
        restarts.restart(stage.scheduler, stage.server);
        stage.gather(Mood::Resuming);
    }
    assert_kept(stage.server, &mut stage.shared.borrow_mut().books);
}

/// What was acknowledged is in the store, once.
fn assert_kept(server: &SimServer, books: &mut Books) {
    let services = server.services().expect("the run has them");
    let services = &mut *services.borrow_mut();
    let store = &mut services.store;
    services
        .ranks
        .assert_kept(|room, account| store.standing_of(room, account));
    let now = books.present();
    books.halls.assert_kept(now, |room| {
        let history = store.history_of(RoomId::new(room));
        let line = |(seq, body): (i64, Vec<u8>)| {
            let is_there = !body.is_empty();
            (seq, is_there.then(|| number_of(&body)))
        };
        history.into_iter().map(line).collect()
    });
    let people = &books.people;
    let accounts: Vec<_> = (0..people.count())
        .map(|person| store.find(&name_of(person)).expect("an account"))
        .collect();
    people.assert_all_told(|one, other| {
        let history = store.history(accounts[one], accounts[other]);
        let whisper = |(seq, body): (i64, Vec<u8>)| (seq, number_of(&body));
        history.into_iter().map(whisper).collect()
    });
}

/// Which whisper or line a message is: its text ends with the number.
fn number_of(body: &[u8]) -> usize {
    let digits = body.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let digits: Vec<u8> = digits.copied().collect();
    let number = digits
        .iter()
        .rev()
        .fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    assert!(!digits.is_empty(), "no number: {body:?}");
    number
}

/// What the services did in a run.
pub(crate) fn counts(server: &SimServer, books: &Books) -> ServiceCounts {
    let Some(services) = server.services() else {
        return ServiceCounts::default();
    };
    let (services, people) = (services.borrow(), &books.people);
    ServiceCounts {
        whispers: people.whispers(),
        told: services.whispers,
        muted: people.muted,
        takeovers: services.takeovers,
        sent_away: people.sent_away.len() as u64,
        erased: people.erasures(),
        silenced: books.mutters.silenced,
        token_logins: people.token_logins,
        refused_tokens: people.refused_tokens,
        deaths: services.deaths,
        halls: books.halls.counts(),
        guesses: books.guesses.counts,
        store: services.store.faults,
        short: services.short_faults(),
    }
}
