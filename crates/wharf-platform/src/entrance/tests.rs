//! What the entrance promises, also against one that is written down plainly.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

fn session(number: u64) -> SessionTag {
    SessionTag(number)
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(100) + Duration::from_millis(millis)
}

fn queued(before: u32) -> Entry {
    Entry::Queued(Spot { before, wait: None })
}

/// Somebody who is in.
fn come_in(entrance: &mut Entrance, number: u64) {
    assert_eq!(entrance.ask(at(0), session(number), true), Entry::Free);
    entrance.tried(session(number), true);
}

#[test]
fn who_comes_first_is_in_first_and_nobody_passes() {
    let places = Places::new(1);
    let mut entrance = Entrance::new(places.clone(), 2);
    come_in(&mut entrance, 1);
    assert_eq!(entrance.ask(at(0), session(2), true), queued(0));
    assert_eq!(entrance.ask(at(0), session(3), true), queued(1));
    assert_eq!(entrance.ask(at(0), session(3), true), Entry::Waits);
    assert_eq!(entrance.ask(at(0), session(4), true), Entry::Full);
    assert_eq!(entrance.ask(at(0), session(5), false), Entry::Full);
    assert_eq!(entrance.next_in(at(0)), None);
    assert!(!entrance.leave(session(1)));
    assert!(!places.try_take(), "it is for those who wait");
    assert_eq!(entrance.ask(at(0), session(4), true), Entry::Full);
    assert_eq!(entrance.next_in(at(0)), Some(session(2)));
    assert_eq!(entrance.next_in(at(0)), None);
    entrance.tried(session(2), false);
    assert_eq!(
        entrance.next_in(at(0)),
        Some(session(3)),
        "a failed try is none"
    );
}

#[test]
fn places_are_told_when_they_change_and_once_in_a_second() {
    let mut entrance = Entrance::new(Places::new(1), 9);
    come_in(&mut entrance, 1);
    for number in 2..6 {
        entrance.ask(at(0), session(number), true);
    }
    assert_eq!(entrance.next_deadline(), None, "they know");
    assert!(entrance.leave(session(3)));
    let told = |entrance: &mut Entrance, millis| {
        let told = entrance.handle_timeout(at(millis)).into_iter();
        let told = told.map(|(session, spot)| (session.0, spot.before));
        told.collect::<Vec<_>>()
    };
    assert!(
        told(&mut entrance, 999).is_empty(),
        "they were told just now"
    );
    assert_eq!(told(&mut entrance, 1_999), [(4, 1), (5, 2)]);
    assert_eq!(entrance.next_deadline(), None);
    assert!(entrance.leave(session(2)));
    assert_eq!(entrance.next_deadline(), Some(at(2_999)));
    assert!(told(&mut entrance, 2_998).is_empty());
    assert!(entrance.leave(session(4)));
    assert_eq!(told(&mut entrance, 2_999), [(5, 0)]);
    assert!(entrance.leave(session(5)));
    assert_eq!(entrance.next_deadline(), None, "nobody is there to be told");
}

#[test]
fn how_long_it_takes_is_told_by_how_long_it_took() {
    let mut entrance = Entrance::new(Places::new(2), 9);
    come_in(&mut entrance, 1);
    come_in(&mut entrance, 2);
    for number in 3..6 {
        entrance.ask(at(0), session(number), true);
    }
    entrance.leave(session(1));
    assert_eq!(entrance.next_in(at(0)), Some(session(3)));
    entrance.leave(session(2));
    assert_eq!(entrance.next_in(at(4_000)), Some(session(4)));
    let wait = Some(Duration::from_secs(8));
    let expected = Entry::Queued(Spot { before: 1, wait });
    assert_eq!(entrance.ask(at(0), session(6), true), expected);
}

#[test]
fn whatever_was_taken_is_given_back_at_the_end() {
    let places = Places::new(2);
    let mut entrance = Entrance::new(places.clone(), 9);
    come_in(&mut entrance, 1);
    entrance.ask(at(0), session(2), true);
    entrance.ask(at(0), session(3), true);
    drop(entrance);
    assert_eq!(places.taken(), 0);
    assert!(places.try_take() && places.try_take() && !places.try_take());
}

/// An entrance as one would write it down.
#[derive(Default)]
struct Plain {
    /// With a place: how many tries, and whether they are in.
    inside: Vec<(u64, u32, bool)>,
    queue: VecDeque<u64>,
    /// Places that others took.
    elsewhere: u32,
}

const PLACES: usize = 3;
const QUEUE: usize = 4;

impl Plain {
    fn is_free(&self) -> bool {
        self.inside.len() + (self.elsewhere as usize) < PLACES
    }

    fn ask(&mut self, who: u64, may_wait: bool) -> Entry {
        if let Some((_, tries, _)) = self.inside.iter_mut().find(|(it, ..)| *it == who) {
            *tries += 1;
            return Entry::Free;
        }
        if self.queue.contains(&who) {
            return Entry::Waits;
        }
        if self.queue.is_empty() && self.is_free() {
            self.inside.push((who, 1, false));
            return Entry::Free;
        }
        if !may_wait || self.queue.len() == QUEUE {
            return Entry::Full;
        }
        self.queue.push_back(who);
        queued(self.queue.len() as u32 - 1)
    }

    fn tried(&mut self, who: u64, is_in: bool) {
        for (it, tries, was_in) in &mut self.inside {
            if *it == who {
                *tries = tries.saturating_sub(1);
                *was_in |= is_in;
            }
        }
        self.inside.retain(|(_, tries, is_in)| *tries > 0 || *is_in);
    }

    fn leave(&mut self, who: u64) -> bool {
        let before = self.queue.len();
        self.inside.retain(|(it, ..)| *it != who);
        self.queue.retain(|it| *it != who);
        self.queue.len() < before
    }

    fn next_in(&mut self) -> Option<SessionTag> {
        let next = self.queue.front().copied().filter(|_| self.is_free())?;
        self.queue.pop_front();
        self.inside.push((next, 1, false));
        Some(session(next))
    }
}

proptest! {
    /// Whatever happens in whatever order, both say the same, nobody waits while a place is free,
    /// and whoever waits knows their place a second after it has changed, and not sooner twice.
    #[test]
    fn it_does_what_the_plain_one_does(
        steps in prop::collection::vec((0u8..7, 0u64..12, any::<bool>(), 0u64..700), 1..120),
    ) {
        let places = Places::new(PLACES as u32);
        let mut entrance = Entrance::new(places.clone(), QUEUE);
        let (mut plain, mut millis) = (Plain::default(), 0);
        let mut told: BTreeMap<u64, (u32, u64)> = BTreeMap::new();
        for (step, who, flag, pause) in steps {
            millis += pause;
            match step {
                0..=2 => {
                    let entry = entrance.ask(at(millis), session(who), flag);
                    let entry = match entry {
                        Entry::Queued(Spot { before, .. }) => {
                            told.insert(who, (before, millis));
                            queued(before)
                        }
                        other => other,
                    };
                    prop_assert_eq!(entry, plain.ask(who, flag));
                }
                3 => {
                    entrance.tried(session(who), flag);
                    plain.tried(who, flag);
                }
                4 => prop_assert_eq!(entrance.leave(session(who)), plain.leave(who)),
                // The classic door.
                5 => {
                    let is_free = plain.queue.is_empty() && plain.is_free();
                    prop_assert_eq!(places.try_take(), is_free);
                    plain.elsewhere += u32::from(is_free);
                }
                _ if plain.elsewhere > 0 => {
                    prop_assert_eq!(places.give_back(), !plain.queue.is_empty());
                    plain.elsewhere -= 1;
                }
                _ => {}
            }
            loop {
                let next = entrance.next_in(at(millis));
                prop_assert_eq!(next, plain.next_in());
                if next.is_none() {
                    break;
                }
            }
            prop_assert!(plain.queue.is_empty() || !plain.is_free());
            prop_assert_eq!(places.taken() as usize, plain.inside.len() + plain.elsewhere as usize);
            prop_assert_eq!(entrance.waiting(), plain.queue.len());
            for (session, spot) in entrance.handle_timeout(at(millis)) {
                let before = told.insert(session.0, (spot.before, millis));
                let (place, last) = before.expect("it was told when it came");
                prop_assert!(place != spot.before);
                prop_assert!(last + 1_000 <= millis);
            }
            if entrance.next_deadline().is_none() {
                for (place, who) in (0..).zip(&plain.queue) {
                    prop_assert_eq!(told[who].0, place);
                }
            }
        }
    }
}
