//! When to ask a server whether it is still there, and when a token is to be exchanged.

use std::time::{Duration, Instant};

/// Silence of one's own after which a server is asked.
const EVERY: Duration = Duration::from_secs(30);
/// How long it may take to answer then.
const PATIENCE: Duration = Duration::from_secs(15);
/// A token is not exchanged more often.
const REFRESH_MIN: Duration = Duration::from_secs(60);

/// The pulse of a connection.
#[derive(Debug)]
pub(super) struct Pulse {
    is_on: bool,
    every: Duration,
    sent_at: Instant,
    asked_at: Option<Instant>,
    refresh_at: Option<Instant>,
}

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            is_on: false,
            every: EVERY,
            sent_at: now,
            asked_at: None,
            refresh_at: None,
        }
    }

    /// There is a connection, whose server ends it after so long a silence; 0 is never.
    pub(super) fn begin(&mut self, idle_ms: u32, now: Instant) {
        self.is_on = true;
        self.sent_at = now;
        self.asked_at = None;
        self.every = match idle_ms {
            0 => EVERY,
            idle_ms => EVERY.min(Duration::from_millis(idle_ms.into()) / 2),
        };
    }

    pub(super) fn end(&mut self) {
        self.is_on = false;
        self.refresh_at = None;
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.sent_at = now;
    }

    pub(super) fn asked(&mut self, now: Instant) {
        self.asked_at = Some(now);
    }

    pub(super) fn answered(&mut self) {
        self.asked_at = None;
    }

    /// A token ends in so many milliseconds: it is exchanged at half of them.
    pub(super) fn refresh_within(&mut self, left_ms: i64, now: Instant) {
        let left = Duration::from_millis(left_ms.max(0).unsigned_abs());
        self.refresh_at = now.checked_add((left / 2).max(REFRESH_MIN));
    }

    /// When to look again.
    pub(super) fn due_at(&self) -> Option<Instant> {
        if !self.is_on {
            return None;
        }
        let pulse = match self.asked_at {
            Some(asked_at) => asked_at + PATIENCE,
            None => self.sent_at + self.every,
        };
        Some(self.refresh_at.map_or(pulse, |refresh| refresh.min(pulse)))
    }

    pub(super) fn is_gone(&self, now: Instant) -> bool {
        let is_late = |asked_at: Instant| asked_at + PATIENCE <= now;
        self.is_on && self.asked_at.is_some_and(is_late)
    }

    pub(super) fn wants_ping(&self, now: Instant) -> bool {
        self.is_on && self.asked_at.is_none() && self.sent_at + self.every <= now
    }

    /// Whether a token is to be exchanged now; once.
    pub(super) fn wants_refresh(&mut self, now: Instant) -> bool {
        self.refresh_at.take_if(|at| *at <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_asked_about_and_no_answer_is_the_end() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(begun);
        assert_eq!(pulse.due_at(), None);
        pulse.begin(20_000, begun);
        assert_eq!(
            pulse.due_at(),
            Some(after(10)),
            "half of what the server bears"
        );
        assert!(!pulse.wants_ping(after(9)) && pulse.wants_ping(after(10)));
        pulse.asked(after(10));
        pulse.sent(after(10));
        assert!(!pulse.is_gone(after(24)) && pulse.is_gone(after(25)));
        pulse.answered();
        assert!(!pulse.is_gone(after(25)));
        assert_eq!(pulse.due_at(), Some(after(20)));
        pulse.end();
        assert_eq!(pulse.due_at(), None);
    }

    #[test]
    fn a_token_is_exchanged_once_at_half_its_time() {
        let begun = Instant::now();
        let mut pulse = Pulse::new(begun);
        pulse.begin(0, begun);
        pulse.refresh_within(40_000, begun);
        assert_eq!(pulse.due_at(), Some(begun + EVERY));
        assert!(!pulse.wants_refresh(begun + REFRESH_MIN - Duration::from_secs(1)));
        assert!(pulse.wants_refresh(begun + REFRESH_MIN), "not too often");
        assert!(!pulse.wants_refresh(begun + REFRESH_MIN), "once");
        pulse.refresh_within(i64::MIN, begun);
        pulse.refresh_within(i64::MAX, begun);
    }
}
