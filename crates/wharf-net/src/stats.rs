//! What a shard's sessions count. Plain numbers, without labels per session.

use crate::{CloseReason, Refusal, TurnedAway};

/// Counters since the shard began, and what is there now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetStats {
    /// Now: sessions, those that are ending included, refusals not.
    pub sessions: u32,
    /// Now: connections that are being refused.
    pub refusals: u32,
    /// Now: connects in flight.
    pub connecting: u32,
    /// Now: sends in flight, each with a batch.
    pub sends_in_flight: u32,
    /// Now: sessions with a queue, because more waits than one send takes.
    pub queues: u32,
    /// Now: bytes that wait in those queues.
    pub queued_bytes: u64,
    /// Now: bytes in the batches that are in flight or about to be.
    pub leaving_bytes: u64,
    /// Now: memory of frames that have arrived in part.
    pub reassembly_bytes: u32,

    /// Connections that the port accepted.
    pub accepted: u64,
    /// Connections that died before they were accepted.
    pub accepts_failed: u64,
    /// Times the system had no descriptor or memory for an accept.
    pub accepts_starved: u64,
    /// Turns that took in as many connections as one turn may.
    pub accept_budget_spent: u64,
    /// Connections reset because too many waited for a turn.
    pub accepts_waiting_overflow: u64,
    /// Connections given to another shard.
    pub handed_over: u64,
    /// Accepted connections that the port could not adopt.
    pub adopts_failed: u64,
    /// Connections refused politely.
    pub refused: u64,
    /// Connections reset because every seat for refusals was taken.
    pub refusals_overflow: u64,
    /// Connections reset because their address held too many.
    pub address_full: u64,
    /// Connections reset because their address may not connect.
    pub denied: u64,

    /// Sessions opened.
    pub opened: u64,
    /// Sessions closed, by [`CloseReason::index`].
    pub closed: [u64; CloseReason::COUNT],

    /// Frames received.
    pub frames_in: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes received and thrown away while a session drained.
    pub bytes_discarded: u64,
    /// Frames that arrived in more than one piece.
    pub frames_reassembled: u64,
    /// Pauses of a session's input for want of credit: content is behind.
    pub pauses_credit: u64,
    /// Pauses because the session overdrew its rate.
    pub pauses_rate: u64,
    /// Pauses because its own replies filled its queue.
    pub pauses_replies: u64,

    /// Frames taken for sending.
    pub frames_out: u64,
    /// Bytes that the kernel took.
    pub bytes_out: u64,
    /// Sends submitted.
    pub sends: u64,
    /// Sends that took only a part.
    pub sends_short: u64,
    /// Frames that waited because a send was in flight or full.
    pub frames_queued: u64,
    /// Latest-values that were replaced before they left.
    pub latest_replaced: u64,
    /// Frames for sessions that had ended.
    pub frames_stale: u64,
    /// Slow readers cut because of what was on its way to all sessions together.
    pub send_memory_cuts: u64,
    /// Sessions whose unfinished frame had to go to keep the memory limit.
    pub reassembly_evictions: u64,
    /// Deadlines looked at, real or not.
    pub deadlines_fired: u64,
}

impl NetStats {
    /// Connections that became no session, by [`TurnedAway::name`].
    pub fn turned_away(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let refusals = [Refusal::Full, Refusal::LoginQueueFull].map(|refusal| {
            let name = TurnedAway::Refused(refusal).name();
            (name, self.closed_as(name))
        });
        let reset = [
            (TurnedAway::Overflow.name(), self.refusals_overflow),
            (TurnedAway::AddressFull.name(), self.address_full),
            (TurnedAway::Denied.name(), self.denied),
        ];
        let all = refusals.into_iter().chain(reset);
        all.filter(|&(_, count)| count > 0)
    }

    /// Sessions closed for the reason with this name; 0 if there is no such name.
    pub fn closed_as(&self, name: &str) -> u64 {
        let place = CloseReason::names().position(|other| other == name);
        place.map_or(0, |index| self.closed[index])
    }

    /// Each reason that has closed a session, with how many.
    pub fn closed_by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        CloseReason::names()
            .zip(self.closed)
            .filter(|&(_, count)| count > 0)
    }
}
