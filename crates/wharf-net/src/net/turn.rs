//! The end of a turn: deadlines that are due, and one look at each session with something to do.

use super::Net;
use crate::canary::Canary;
use crate::session::{Phase, Role};
use crate::{CloseReason, SessionEvents};
use wharf_base::{Ages, Instant, Key};
use wharf_port::{ConnectError, Port};

impl Net {
    /// When [`Net::handle_timeout`] must be called at the latest; a time in the past if there is
    /// something to do now.
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.dirty.is_empty() || !self.waiting.is_empty() || self.listeners_must_close() {
            return Some(Instant::ZERO);
        }
        let oldest = |ages: &Ages| ages.oldest().map(|(since, _)| since);
        let [begun, sent] = [oldest(&self.unfinished), oldest(&self.sending)];
        let deadlines = [
            begun.map(|begun| begun + self.limits.partial_frame),
            sent.map(|begun| begun + self.limits.send_stall),
            self.next_accept(),
            self.shutdown_at.filter(|&at| at < Instant::FAR_FUTURE),
        ];
        let mut next = self.deadlines.next();
        for deadline in deadlines {
            next = Instant::sooner(next, deadline);
        }
        next
    }

    /// Lets every deadline fire that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        while let Some(slot) = self.deadlines.pop_due(now) {
            self.stats.deadlines_fired += 1;
            let key = self.key_of(slot);
            self.on_deadline(now, key);
            if !self.session(key).dirty {
                self.note_deadline(key);
            } // Else `flush` does, when what was due has been done.
        }
        self.expire_unfinished(now);
        self.expire_sends(now);
        if self.shutdown_at.is_some_and(|at| at <= now) {
            self.shutdown_at = Some(Instant::FAR_FUTURE);
            let keys: Vec<_> = self.sessions.iter().map(|(key, _)| key).collect();
            for key in keys {
                self.end(key, CloseReason::Shutdown);
            }
        }
    }

    /// Does what the port must hear of: accepts, then for each session with something to do its
    /// receive, one gathered send, or its close.
    pub fn flush(&mut self, now: Instant, port: &mut impl Port, events: &mut impl SessionEvents) {
        self.now = now;
        self.flush_accepts(now, port, events);
        let mut index = 0;
        // What one session does may give another something to do; it is behind us in the list.
        while let Some(&key) = self.dirty.get(index) {
            index += 1;
            if let Some(session) = self.sessions.get_mut(key) {
                session.dirty = false;
                self.flush_session(now, key, port, events);
            }
        }
        self.dirty.clear();
        self.settle_deadlines();
        self.stats.queues = self.pools.queues_out;
        self.stats.queued_bytes = self.pools.queued_bytes;
        self.stats.leaving_bytes = self.pools.leaving_bytes;
    }

    fn flush_session(
        &mut self,
        now: Instant,
        key: Key,
        port: &mut impl Port,
        events: &mut impl SessionEvents,
    ) {
        if core::mem::take(&mut self.session(key).input_stale) {
            self.reconcile_input(now, key, port);
        }
        match self.session(key).phase {
            Phase::Open | Phase::Finishing => {
                self.send_next(now, key, port);
                self.note_budget(now, key);
                self.finish_step(now, key, port);
            }
            Phase::Draining => self.finish_step(now, key, port),
            Phase::Connecting | Phase::Ending | Phase::Closing => {}
        }
        if self.session(key).phase == Phase::Ending {
            self.submit_close(key, port);
            if self.limits.planted.is(Canary::FreedBeforeClosed) {
                return self.free(key, events);
            }
        }
        self.note_deadline(key);
    }

    /// Looks at the real deadlines of a session, since the one noted for it has come.
    fn on_deadline(&mut self, now: Instant, key: Key) {
        let session = self.sessions.get(key).expect("a deadline has its session");
        if session.until <= now {
            if (session.phase, session.role) == (Phase::Open, Role::Accepted) {
                return self.end_by_deadline(now, key, CloseReason::LoginTimeout);
            }
            let reason = match (session.phase, session.role) {
                (Phase::Connecting, _) => CloseReason::ConnectFailed(ConnectError::TimedOut),
                (Phase::Open, Role::Refused(refusal)) => CloseReason::Refused(refusal),
                (Phase::Open, _) => CloseReason::LoginTimeout,
                (Phase::Finishing, _) => CloseReason::SendStall,
                // Draining: the reason is there since `finish`.
                _ => CloseReason::PeerClosed,
            };
            return self.end(key, reason);
        }
        if session.may_idle_out() && session.heard_at + self.limits.idle <= now {
            return self.end_by_deadline(now, key, CloseReason::IdleTimeout);
        }
        if session.paused.is_some() && session.pause(now, &self.rates) != session.paused {
            self.mark_dirty(key);
        }
        self.look_at_slow_reader(now, key);
    }

    /// Ends a session that is too late; one of a kind that has a last word for that is told so.
    fn end_by_deadline(&mut self, now: Instant, key: Key, reason: CloseReason) {
        let last_word = match reason {
            CloseReason::IdleTimeout => self.limits.idle_timeout_frame,
            _ => self.limits.login_timeout_frame,
        };
        let session = self.session(key);
        let hears = session.has_heartbeat && session.may_send() && !last_word.is_empty();
        let id = session.id;
        match hears {
            true => self.finish_with(now, id, last_word, reason),
            false => self.end(key, reason),
        }
    }

    /// Ends those whose frame should be complete by now.
    fn expire_unfinished(&mut self, now: Instant) {
        while let Some((begun, slot)) = self.unfinished.oldest() {
            if begun + self.limits.partial_frame > now {
                return;
            }
            let key = self.key_of(slot);
            if self.session(key).paused.is_some() {
                // It cannot complete what we do not receive.
                self.unfinished.begin(slot, now);
            } else {
                self.end(key, CloseReason::PartialFrameTimeout);
            }
        }
    }

    /// Ends those whose link has taken nothing of a send for too long.
    fn expire_sends(&mut self, now: Instant) {
        while let Some((begun, slot)) = self.sending.oldest()
            && begun + self.limits.send_stall <= now
        {
            let key = self.key_of(slot);
            self.end(key, CloseReason::SendStall);
        }
    }

    /// Sees to it that the deadline noted for a session is no later than its earliest.
    pub(super) fn note_deadline(&mut self, key: Key) {
        let Some(session) = self.sessions.get(key) else {
            return;
        };
        if let Some(earliest) = session.earliest(&self.limits, &self.rates)
            && self
                .deadlines
                .get(key.index())
                .is_none_or(|noted| noted > earliest)
        {
            self.deadlines.set(key.index(), earliest);
        }
    }

    /// Drops deadlines that have become nothing, as far as they would wake us.
    ///
    /// Some are over a moment after they were set; moving them each time would cost more than
    /// looking at the first of all once a turn. So an idle session wakes nobody.
    fn settle_deadlines(&mut self) {
        while let Some((noted, slot)) = self.deadlines.first() {
            let key = self.key_of(slot);
            let session = self.sessions.get(key).expect("the key is fresh");
            match session.earliest(&self.limits, &self.rates) {
                Some(earliest) if earliest <= noted => return,
                Some(earliest) => self.deadlines.set(slot, earliest),
                None => self.deadlines.clear(slot),
            }
        }
    }

    /// The session in a slot that has a deadline, or is among those by age.
    fn key_of(&self, slot: u32) -> Key {
        let key = self.sessions.key_at(slot);
        key.expect("a slot's deadlines are cleared before it is freed")
    }

    fn listeners_must_close(&self) -> bool {
        self.shutdown_at.is_some() && self.listeners_open()
    }
}
