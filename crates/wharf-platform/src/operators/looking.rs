//! Whether another server on the same store has changed what holds for all of them: one row of the
//! store is looked at, and all is read again when it is another.

use super::bulletin::Reading;
use super::{Pending, Step};
use wharf_base::{Duration, Instant};
use wharf_data::{Answer, Ask, Refusal, Reply, keep};

/// When the store is looked at, and what it said last.
///
/// Invariant: while it is asked, it is not due: at most one question is under way.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// How often; with nothing never: nobody else changes anything.
    every: Option<Duration>,
    due: Option<Instant>,
    /// How it was when everything was last to be read.
    seen: Option<String>,
}

impl Looking {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every: Some(every),
            ..Self::default()
        }
    }

    /// Everything is being read for the first time.
    pub(super) fn begin(&mut self, now: Instant) {
        self.due = self.every.map(|every| now + every);
    }

    /// Everything is to be read once more.
    pub(super) fn forget(&mut self) {
        self.seen = None;
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is to be asked now, if anything.
    pub(super) fn look(&mut self, now: Instant) -> Option<Step> {
        self.due.take_if(|due| *due <= now)?;
        let name = keep::CHANGES.to_owned();
        let ask = Ask::Keep(keep::Ask::Setting { name });
        Some(Step::Ask(Pending::Board(Reading::Changes), Box::new(ask)))
    }

    /// The store has answered: whether everything is to be read again. One that does not know is
    /// asked again.
    pub(super) fn has_changed(&mut self, now: Instant, reply: &Reply) -> bool {
        self.begin(now);
        let is_now = match reply {
            Ok(Answer::Keep(keep::Answer::Setting(changes))) => changes.as_str(),
            Err(Refusal::NotFound) => "",
            _ => return false,
        };
        if self.seen.as_deref() == Some(is_now) {
            return false;
        }
        self.seen = Some(is_now.to_owned());
        true
    }
}
