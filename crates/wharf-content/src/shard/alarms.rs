//! Timers and ticks.

use super::turn::Turn;
use crate::timers::{Alarm, Rings};
use crate::{AskError, Cause, Note, Tick, TimerId};
use core::time::Duration;
use wharf_base::{Instant, Key};

impl Turn<'_> {
    /// Does everything that is due, in the order in which it is due.
    pub(super) fn handle_alarms(&mut self) {
        let horizon = self.state.desk.timers.horizon();
        loop {
            let tick = self.state.ticks.next();
            let is_tick_first = match (tick, self.state.desk.timers.next()) {
                (Some(tick), Some(timer)) => tick < timer,
                (Some(_), None) => true,
                (None, _) => false,
            };
            let rang = (is_tick_first && self.tick_next()) || self.ring_next(horizon);
            if !rang && !self.tick_next() {
                return;
            }
            self.settle();
        }
    }

    fn ring_next(&mut self, horizon: u64) -> bool {
        let Some((timer, alarm)) = self.state.desk.timers.pop_due(self.now, horizon) else {
            return false;
        };
        self.ring(timer, alarm);
        true
    }

    fn ring(&mut self, timer: TimerId, alarm: Alarm) {
        let Alarm { room, rings } = alarm;
        match rings {
            Rings::Note(message) => {
                let Some(slot) = self.state.rooms.get_mut(room) else {
                    return;
                };
                slot.core.timers -= 1;
                let message = message.as_message();
                self.note(room, Note::Timer { timer, message });
            }
            Rings::AskEnds(ask) => {
                if self.close_ask(room, ask) {
                    let answer = Err(AskError::Timeout);
                    self.note(room, Note::Answered { ask, answer });
                }
            }
            Rings::GraceEnds(member) => self.end_grace(room, member, timer),
        }
    }

    fn tick_next(&mut self) -> bool {
        let Some(due) = self.state.ticks.next().filter(|&due| due <= self.now) else {
            return false;
        };
        let Some(index) = self.state.ticks.pop_due(self.now) else {
            return false;
        };
        if let Some(room) = self.state.rooms.key_at(index) {
            self.tick(room, due);
        }
        true
    }

    /// One tick that was due at `due`. The next is due one period later, however late this one is:
    /// so ticks do not drift. A room that is too far behind skips.
    fn tick(&mut self, room: Key, due: Instant) {
        let Some(slot) = self.state.rooms.get_mut(room) else {
            return;
        };
        let kind = &self.app.kinds[usize::from(slot.core.id.kind().0)];
        let Some(period) = kind.tick_period else {
            return;
        };
        let stats = &mut self.state.desk.stats;
        let behind = whole_periods(self.now - due, period);
        let catch_up_max = u64::from(self.state.desk.options.limits.tick_catch_up_max);
        let skipped = behind.saturating_sub(catch_up_max);
        let due = due + times(period, skipped);
        stats.ticks += 1;
        stats.ticks_skipped += skipped;
        stats.tick_lateness.record(self.now - due);
        let tick = Tick {
            number: slot.core.ticks + skipped,
            due,
            skipped,
        };
        slot.core.ticks = tick.number + 1;
        self.state.ticks.set(room.index(), due + period);
        self.with_room(room, Cause::Tick, None, |room, cx| room.on_tick(cx, tick));
    }
}

fn whole_periods(span: Duration, period: Duration) -> u64 {
    (span.as_nanos() / period.as_nanos()) as u64
}

fn times(period: Duration, count: u64) -> Duration {
    let nanos = period.as_nanos().saturating_mul(u128::from(count));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
