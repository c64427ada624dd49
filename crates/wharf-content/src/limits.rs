//! The bounds of everything that content keeps.

/// What one logic shard keeps at the most. Beside each limit: what happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentLimits {
    /// Sessions of the whole process. Admission is below content, so passing it is a bug there
    /// and stops the shard.
    pub sessions_max: u32,
    /// Rooms on this shard. Entering one more is refused as [`crate::EnterRefusal::Unavailable`].
    pub rooms_max: u32,
    /// Members of a room whose kind says nothing else. One more is refused as
    /// [`crate::EnterRefusal::Full`].
    pub room_members_max: u32,
    /// Timers of one room. One more is refused to the handler that asks for it.
    pub room_timers_max: u32,
    /// Questions of one room that are not answered yet. One more is refused to the handler.
    pub room_asks_max: u32,
    /// Queries of one room that have no reply yet. One more is refused to the handler.
    pub room_queries_max: u32,
    /// Queries of one session that have no reply yet. One more is refused to the handler.
    pub session_queries_max: u32,
    /// Letters that wait for one logic shard, those that it was given before included. One more
    /// that a game causes is refused to the handler. Moves and answers have no such bound:
    /// sessions and questions bound them.
    pub mail_max: usize,
    /// Memory that these letters occupy. At this bound the next is refused as well.
    pub mail_bytes_max: usize,
    /// Bytes of commands to one I/O shard, in one batch, after which no more frames are served
    /// until the next. One handler call may go over it by what that call sends.
    pub outbox_bytes_max: usize,
    /// Frames held for one session (while it moves, waits for its verdict, or the outbox is
    /// full). One more ends that session as [`crate::Dismissal::Overloaded`].
    pub held_frames_max: usize,
    /// Rooms that handlers ask to enter because of one another, each when told what became of the
    /// last. One more ends that session as [`crate::Dismissal::Overloaded`].
    pub enters_max: u32,
    /// Broken rules of one session: the one with this number ends it.
    pub violations_max: u8,
    /// Ticks that a late room catches up in one batch; older ones are skipped and counted.
    pub tick_catch_up_max: u32,
}

impl Default for ContentLimits {
    fn default() -> Self {
        Self {
            sessions_max: 65_536,
            rooms_max: 4_096,
            room_members_max: 1_000,
            room_timers_max: 1_024,
            room_asks_max: 64,
            room_queries_max: 1_024,
            session_queries_max: 16,
            mail_max: 4_096,
            mail_bytes_max: 4 * 1024 * 1024,
            outbox_bytes_max: 4 * 1024 * 1024,
            held_frames_max: 16_384,
            enters_max: 4_096,
            violations_max: 1,
            tick_catch_up_max: 4,
        }
    }
}

impl ContentLimits {
    /// # Panics
    /// If two limits contradict each other.
    pub(crate) fn validate(&self) {
        assert!(self.sessions_max > 0, "a shard without sessions");
        assert!(self.rooms_max > 0, "a shard without rooms");
        assert!(self.room_members_max <= crate::MemberId::SLOTS_MAX);
        assert!(self.violations_max > 0, "the first broken rule counts as 1");
        assert!(self.outbox_bytes_max > 0, "no frame would ever be served");
    }
}
