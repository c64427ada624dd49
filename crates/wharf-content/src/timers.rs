//! Everything on a shard that happens at a time, except ticks.

use crate::note::OwnedMessage;
use crate::{AskId, MemberId, TimerId};
use std::collections::BTreeMap;
use wharf_base::{Instant, Key};

/// Alarms by time, and by the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    alarms: BTreeMap<TimerId, Alarm>,
    serial: u64,
}

#[derive(Debug)]
pub(crate) struct Alarm {
    pub(crate) room: Key,
    pub(crate) rings: Rings,
}

#[derive(Debug)]
pub(crate) enum Rings {
    /// A note that the room set for itself.
    Note(OwnedMessage),
    /// A question waited long enough.
    AskEnds(AskId),
    /// A member whose link is cut waited long enough.
    GraceEnds(MemberId),
}

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, room: Key, rings: Rings) -> TimerId {
        self.serial += 1;
        let serial = self.serial;
        let timer = TimerId { at, serial };
        self.alarms.insert(timer, Alarm { room, rings });
        timer
    }

    /// Removes `timer` if it belongs to `room`; whether it did and was still to ring.
    pub(crate) fn cancel(&mut self, room: Key, timer: TimerId) -> bool {
        let owned = self
            .alarms
            .get(&timer)
            .is_some_and(|alarm| alarm.room == room);
        if owned {
            self.alarms.remove(&timer);
        }
        owned
    }

    /// Removes every alarm of `room`.
    pub(crate) fn forget_room(&mut self, room: Key) {
        self.alarms.retain(|_, alarm| alarm.room != room);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.alarms.first_key_value().map(|(timer, _)| timer.at)
    }

    /// The serial of the newest alarm. What is set later does not ring in this batch, so that a
    /// room that sets a timer of no delay in its own note cannot hold up the shard.
    pub(crate) fn horizon(&self) -> u64 {
        self.serial
    }

    /// Takes out the first alarm that is due and no newer than `horizon`.
    pub(crate) fn pop_due(&mut self, now: Instant, horizon: u64) -> Option<(TimerId, Alarm)> {
        let (timer, _) = self.alarms.first_key_value()?;
        if timer.at > now || timer.serial > horizon {
            return None;
        }
        self.alarms.pop_first()
    }
}
