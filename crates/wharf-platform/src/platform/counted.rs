//! Who and what is here, for metrics.

use super::Platform;
use crate::entrance::Entrance;
use crate::rooms::Rooms;
use crate::stats::PlatformStats;

impl Platform {
    /// Who and what is here, and what was counted.
    pub fn stats(&self) -> PlatformStats {
        let (logins, rooms) = (&self.logins, self.rooms.as_ref());
        let (accounts, brief) = (self.accounts.stats(), self.brief_stats());
        PlatformStats {
            online: self.presence.len(),
            queued: self.waiting(),
            queued_max: logins.entrance.as_ref().map_or(0, Entrance::queue_max),
            halls: self.rooms_open(),
            halls_max: rooms.map_or(0, Rooms::open_max),
            hall_members: rooms.map_or(0, Rooms::members),
            hashing: self.accounts.hashing(),
            hashes_refused: accounts.hashes_refused + rooms.map_or(0, |rooms| rooms.hashes_refused),
            unrecalled: accounts.unrecalled,
            shown: brief.written,
            unshown: brief.failed,
            requests: self.accounts.in_progress(),
            logins: logins.stats,
        }
    }
}
