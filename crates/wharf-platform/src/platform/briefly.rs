//! What the platform shows to whoever is not in this process.

use super::{Effect, Platform, StoreTag};
use crate::brief::{Brief, BriefOptions, BriefStats, Now};
use wharf_base::Instant;
use wharf_data::{Reply, UnixMs};

/// Tags of questions about what is shown have this bit.
pub(super) const OF_BRIEF: u64 = 1 << 61;

impl Platform {
    /// The same, but who is online and which rooms are busy is shown where things live for a short
    /// time. To be called behind [`with_rooms`](Self::with_rooms).
    #[must_use]
    pub fn with_brief(mut self, options: BriefOptions) -> Self {
        self.presence.changes.watch();
        if let Some(rooms) = &mut self.rooms {
            rooms.changes.watch();
        }
        self.brief = Some(Brief::new(options));
        self
    }

    /// Takes away what is shown: the process ends. What else is asked for is done as before.
    pub fn close(&mut self) {
        if let Some(brief) = &mut self.brief {
            brief.close();
        }
        self.take_steps();
    }

    /// What was shown so far, for counters.
    pub fn brief_stats(&self) -> BriefStats {
        self.brief.as_ref().map(Brief::stats).unwrap_or_default()
    }

    /// Takes in what has changed, and has written what is due.
    pub(super) fn run_brief(&mut self, now: Instant, at: UnixMs) {
        let Some(brief) = &mut self.brief else {
            return;
        };
        let of_rooms = self.rooms.as_mut().map(|rooms| rooms.changes.take());
        let changes = self.presence.changes.take();
        let truth = Now {
            presence: &self.presence,
            rooms: self.rooms.as_ref(),
        };
        brief.run((now, at), truth, changes.and(of_rooms.unwrap_or_default()));
        self.take_steps();
    }

    pub(super) fn brief_stored(&mut self, now: Instant, tag: StoreTag, reply: &Reply) {
        if let Some(brief) = &mut self.brief {
            brief.stored(now, tag.0 ^ OF_BRIEF, reply);
        }
    }

    fn take_steps(&mut self) {
        while let Some((number, ask)) = self.brief.as_mut().and_then(Brief::poll) {
            let tag = StoreTag(number | OF_BRIEF);
            self.effects.push_back(Effect::Ask { tag, ask });
        }
    }
}
