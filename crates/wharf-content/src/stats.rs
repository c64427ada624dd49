//! Counters of a logic shard: plain numbers, nothing per session.

use wharf_base::Histogram;

/// What happened on one logic shard since it began; gauges where the name says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogicStats {
    /// Gauge: sessions that have their home here.
    pub sessions: u32,
    /// Gauge: rooms that live here.
    pub rooms: u32,
    /// Gauge: seats taken in those rooms.
    pub members: u32,
    /// Gauge: users whose whereabouts this shard knows for all others.
    pub users: u32,
    /// Gauge: frames held because their session cannot be served right now.
    pub frames_held: u64,
    /// Frames that a handler served.
    pub frames: u64,
    /// Frames of sessions that were being closed.
    pub frames_ignored: u64,
    /// Credits given back.
    pub credits: u64,
    /// Frames sent, each receiver counted.
    pub sends: u64,
    /// Broadcasts.
    pub broadcasts: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that were refused.
    pub logins_refused: u64,
    /// Members that entered a room.
    pub entered: u64,
    /// Refusals to enter a room.
    pub enters_refused: u64,
    /// Members that left a room.
    pub left: u64,
    /// Refusals that handlers answered with.
    pub refusals: u64,
    /// Packets that came too fast for their class.
    pub too_fast: u64,
    /// Rules that sessions broke.
    pub violations: u64,
    /// Sessions that went to another logic shard.
    pub moved_out: u64,
    /// Sessions that came from another logic shard.
    pub moved_in: u64,
    /// Moves that were called off because the session ended.
    pub moves_off: u64,
    /// Sessions ended because too much was held for them.
    pub overloaded: u64,
    /// Times that no more frames were served in a batch because the outbox was full.
    pub outbox_full: u64,
    /// Rooms closed by a panic.
    pub room_panics: u64,
    /// Sessions closed by a panic in the foyer.
    pub foyer_panics: u64,
    /// Notes given to rooms.
    pub notes: u64,
    /// Queries to the services.
    pub queries: u64,
    /// Queries refused because too many had no reply yet.
    pub queries_full: u64,
    /// Replies of the services.
    pub replies: u64,
    /// What the services said unasked.
    pub notices: u64,
    /// Letters refused because too many were under way.
    pub mail_full: u64,
    /// Answers, words, verdicts and replies for somebody who was gone.
    pub strays: u64,
    /// Ticks that ran.
    pub ticks: u64,
    /// Ticks that were skipped because the room was too far behind.
    pub ticks_skipped: u64,
    /// How late ticks ran.
    pub tick_lateness: Histogram,
    /// How long ticks took, if somebody watches ([`crate::HandlerWatch`]).
    pub tick_work: Histogram,
}
