//! Who sits where and says what when: everything about a run that is known beforehand.

use crate::cadence::Cadence;
use crate::message::Phrasebook;
use crate::{BotOptions, Workload};
use wharf_base::Rng;
use wharf_wire::classic::UserName;

/// One thread's share of a run.
///
/// Bots have numbers from 0. Bot `n` enters room `n % rooms` and sits there on seat `n / rooms`;
/// rooms are dealt to threads in turn, so that the members of a room share a thread and its books.
/// Nothing of what a bot does depends on how many threads there are.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) options: BotOptions,
    pub(crate) book: Phrasebook,
    /// This thread among `options.threads`.
    thread: u32,
    /// What every name of this run begins with.
    name_prefix: String,
}

/// Where a bot sits: a room's index within its thread's share, and a seat in that room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) room: u32,
    pub(crate) seat: u32,
}

impl Plan {
    /// The share of thread `thread`.
    pub(crate) fn new(options: &BotOptions, thread: u32) -> Self {
        let hash = Rng::from_seed(options.seed).next_u64() as u32;
        Self {
            book: Phrasebook::new(options.seed, usize::from(options.size)),
            options: options.clone(),
            thread,
            name_prefix: format!("bot{hash:08x}."),
        }
    }

    /// The numbers of this thread's bots, rising.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        (0..self.options.sessions).filter(|&number| self.thread_of(number) == self.thread)
    }

    /// Where bot `number` sits, if it belongs to this thread. A bot that enters no room has one of
    /// its own, in which it hears its own echo.
    pub(crate) fn place(&self, number: u32) -> Option<Place> {
        if number >= self.options.sessions || self.thread_of(number) != self.thread {
            return None;
        }
        let rooms = self.rooms();
        Some(Place {
            room: number % rooms / self.options.threads,
            seat: number / rooms,
        })
    }

    /// The number of the room that bot `number` enters.
    pub(crate) fn room_number(&self, number: u32) -> i32 {
        (number % self.options.rooms) as i32
    }

    /// The name of bot `number`, at most 33 bytes; churning bots have a new one for each cycle, so
    /// that a login never meets the session before it.
    pub(crate) fn name(&self, number: u32, cycle: u32) -> UserName {
        let name = match self.options.workload {
            Workload::Churn => format!("{}{number}.{cycle}", self.name_prefix),
            _ => format!("{}{number}", self.name_prefix),
        };
        UserName::truncated(&name)
    }

    /// Whether that name belongs to a bot of this run.
    pub(crate) fn is_ours(&self, name: &[u8]) -> bool {
        name.starts_with(self.name_prefix.as_bytes())
    }

    /// The number in the name of a bot of this run; `None` for other people's names.
    pub(crate) fn number_in(&self, name: &UserName) -> Option<u32> {
        let rest = name.as_str().strip_prefix(&self.name_prefix)?;
        rest.split('.').next()?.parse().ok()
    }

    /// When bot `number` speaks; `None` if it does not, or not by a clock.
    pub(crate) fn cadence(&self, number: u32) -> Option<Cadence> {
        let options = &self.options;
        let speaks = options.is_open_loop()
            && options.workload != Workload::Idle
            && !self.stops_reading(number);
        let seed = options.seed ^ (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        speaks.then(|| Cadence::new(options.rate, options.window(), &mut Rng::from_seed(seed)))
    }

    /// Whether bot `number` is one of those that stop reading.
    pub(crate) fn stops_reading(&self, number: u32) -> bool {
        self.options.stops_reading(number)
    }

    fn thread_of(&self, number: u32) -> u32 {
        number % self.rooms() % self.options.threads
    }

    fn rooms(&self) -> u32 {
        if self.options.workload.enters_rooms() {
            self.options.rooms
        } else {
            self.options.sessions
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(workload: Workload, threads: u32, thread: u32) -> Plan {
        let options = BotOptions {
            sessions: 1_003,
            threads,
            ..BotOptions::of_workload(workload)
        };
        Plan::new(&options, thread)
    }

    #[test]
    fn every_bot_belongs_to_one_thread_and_has_a_seat_of_its_own() {
        for (workload, threads) in [
            (Workload::Chat, 3),
            (Workload::Echo, 4),
            (Workload::Slow, 1),
        ] {
            let mut numbers = BTreeSet::new();
            for thread in 0..threads {
                let plan = plan(workload, threads, thread);
                let mut places = BTreeSet::new();
                for number in plan.numbers() {
                    assert!(numbers.insert(number));
                    let place = plan.place(number).unwrap();
                    assert!(places.insert((place.room, place.seat)));
                }
            }
            assert_eq!(numbers.len(), 1_003);
        }
    }

    #[test]
    fn what_a_bot_does_is_the_same_on_any_number_of_threads() {
        let (one, three) = (plan(Workload::Chat, 1, 0), plan(Workload::Chat, 3, 2));
        for number in three.numbers() {
            assert_eq!(three.cadence(number), one.cadence(number));
            assert_eq!(three.name(number, 0), one.name(number, 0));
        }
    }

    #[test]
    fn the_longest_name_fits() {
        let plan = plan(Workload::Churn, 1, 0);
        let name = plan.name(u32::MAX, u32::MAX);
        assert!(name.as_str().ends_with(".4294967295.4294967295"));
        assert!(plan.is_ours(name.as_bytes()));
        assert_eq!(plan.number_in(&name), Some(u32::MAX));
        assert!(!plan.is_ours(b"jacking75"));
        assert_eq!(plan.number_in(&UserName::truncated("jacking75")), None);
    }

    #[test]
    fn one_in_ten_of_each_room_stops_reading() {
        let plan = plan(Workload::Slow, 1, 0);
        let stopped: Vec<u32> = plan.numbers().filter(|&n| plan.stops_reading(n)).collect();
        assert_eq!(stopped.len(), 100);
        for room in 0..2 {
            let here = stopped
                .iter()
                .filter(|&&number| plan.room_number(number) == room);
            assert_eq!(here.count(), 50);
        }
        assert!(stopped.iter().all(|&number| plan.cadence(number).is_none()));
    }
}
