//! The end of a run with services: everybody whispers to everybody, goes, and comes again to hear
//! what was said meanwhile. Nothing goes wrong any more, so nothing may be missing.

use crate::actor::Scheduler;
use crate::books::Books;
use crate::crowd::{Crowd, Mood, Shared};
use crate::people::name_of;
use crate::run::{SETTLE, ServiceCounts, settle};
use crate::server::SimServer;
use std::cell::RefCell;
use std::rc::Rc;
use wharf_data::RoomId;

/// Plays it.
///
/// # Panics
/// When something that was acknowledged is not told, or is told twice.
pub(crate) fn play(
    scheduler: &mut Scheduler,
    server: &SimServer,
    crowds: &[Rc<RefCell<Crowd>>],
    shared: &Rc<RefCell<Shared>>,
) {
    let feel = |mood| shared.borrow_mut().mood = mood;
    shared.borrow_mut().books.people.be_certain();
    feel(Mood::Whispering);
    settle(scheduler, server, crowds);
    feel(Mood::Leaving);
    scheduler.run_for(SETTLE);
    feel(Mood::Returning);
    settle(scheduler, server, crowds);
    for crowd in crowds {
        let crowd = crowd.borrow();
        assert!(!crowd.is_owed(), "not everybody could come again");
        crowd.assert_settled();
    }
    feel(Mood::Quiet);
    let services = server.services().expect("the run has them");
    let (mut shared, mut services) = (shared.borrow_mut(), services.borrow_mut());
    let books = &mut shared.books;
    books.halls.assert_kept(|room| {
        let history = services.store.history_of(RoomId::new(room));
        let line = |(seq, body): (i64, Vec<u8>)| (seq, number_of(&body));
        history.into_iter().map(line).collect()
    });
    let people = &books.people;
    let accounts: Vec<_> = (0..people.count())
        .map(|person| services.store.find(&name_of(person)).expect("an account"))
        .collect();
    people.assert_all_told(|one, other| {
        let history = services.store.history(accounts[one], accounts[other]);
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
        token_logins: people.token_logins,
        refused_tokens: people.refused_tokens,
        deaths: services.deaths,
        halls: books.halls.counts(),
        store: services.store.faults,
    }
}
