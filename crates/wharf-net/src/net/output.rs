//! The way out: frames into outboxes, batches to the port and back.

use super::Net;
use crate::canary::Canary;
use crate::outbox::Pushed;
use crate::queue::Amount;
use crate::session::{Phase, Role};
use crate::{CloseReason, NetLimits, Origin, Outgoing};
use wharf_base::{Instant, Key, SessionId};
use wharf_port::{Port, Refused, SendBatch, SendError, Token};
use wharf_wire::{HEADER_BYTES, Header, Headers, SendClass};

/// Replies above this part of the queue's limits pause the session's input,
const HIGH_WATER_DIVISOR: u32 = 2;
/// and below this part resume it.
const LOW_WATER_DIVISOR: u32 = 4;

impl Net {
    pub(super) fn enqueue(
        &mut self,
        id: SessionId,
        class: SendClass,
        latest_key: u64,
        origin: Origin,
        frame: Outgoing<'_>,
    ) {
        let id = self.addressee(id);
        let sessions = u64::from(self.sessions.len());
        let session = self.sessions.get_mut(id.key());
        let Some(session) = session.filter(|session| session.id == id && session.may_send()) else {
            self.stats.frames_stale += u64::from(frame.frame_count());
            return;
        };
        // A client may send what it likes: it is how bots play hostile ones.
        let checked = session.role != Role::Connected;
        if checked && !is_well_formed(&frame, self.limits.outbound.frame_bytes_max) {
            return self.end(id.key(), CloseReason::BadOutboundFrame);
        }
        let frames = u64::from(frame.frame_count());
        self.stats.frames_out += frames;
        match session
            .outbox
            .push(&mut self.pools, class, latest_key, origin, frame)
        {
            Pushed::Direct => {}
            Pushed::Queued => self.stats.frames_queued += frames,
            Pushed::Replaced => self.stats.latest_replaced += 1,
        }
        let total = session.outbox.total();
        if is_beyond_any_burst(total, &self.limits) {
            return self.end(id.key(), CloseReason::SlowReader);
        }
        let half = self.limits.send_queues_bytes / 2;
        if self.pools.used_bytes() > half && total.memory() > half / sessions {
            self.stats.send_memory_cuts += 1;
            return self.end(id.key(), CloseReason::SlowReader);
        }
        if origin == Origin::Own {
            let own = session.outbox.load(Origin::Own);
            if is_above(own, &self.limits, HIGH_WATER_DIVISOR) {
                session.replies_full = true;
                session.input_stale = true;
            }
        }
        self.mark_for_sending(id.key());
    }

    /// For whom a frame is: the session that was named, or nobody.
    fn addressee(&self, id: SessionId) -> SessionId {
        if self.limits.planted.is(Canary::StaleSession)
            && let Some(key) = self.sessions.key_at(id.key().index())
        {
            return SessionId::new(self.shard, key);
        }
        id
    }

    /// Submits what is to leave, unless a send is in flight.
    pub(super) fn send_next(&mut self, now: Instant, key: Key, port: &mut impl Port) {
        let session = self
            .sessions
            .get_mut(key)
            .expect("a dirty session is there");
        let Some(batch) = session.outbox.next_batch(&mut self.pools) else {
            return;
        };
        let socket = session.socket.expect("a session that talks has a socket");
        match port.send(socket, batch, Token(session.id.to_bits())) {
            Ok(_) => {
                self.sending.begin(key.index(), now);
                self.stats.sends += 1;
                self.stats.sends_in_flight += 1;
            }
            Err(Refused(batch)) => {
                session.outbox.returned(&mut self.pools, batch);
                self.end(key, CloseReason::Overloaded);
            }
        }
    }

    /// Notes whether more than its budget waits for a session on others' account.
    pub(super) fn note_budget(&mut self, now: Instant, key: Key) {
        let session = self
            .sessions
            .get_mut(key)
            .expect("a dirty session is there");
        let is_above = is_above(session.outbox.load(Origin::Others), &self.limits, 1);
        if !is_above {
            session.above_since = Instant::FAR_FUTURE;
        } else if session.above_since == Instant::FAR_FUTURE {
            session.above_since = now;
            session.suspected = false;
        }
    }

    /// Ends a session that is above its budget and took nothing, if that was seen before. It takes
    /// two looks, half of the time apart: one alone could come right after a turn that was long
    /// itself, when the link has been given nothing yet that it could have taken.
    pub(super) fn look_at_slow_reader(&mut self, now: Instant, key: Key) {
        let half = self.limits.slow_reader / 2;
        let session = self.session(key);
        if session.above_since == Instant::FAR_FUTURE || session.above_since + half > now {
            return;
        }
        if session.suspected {
            return self.end(key, CloseReason::SlowReader);
        }
        session.suspected = true;
        session.above_since = now;
    }

    pub(super) fn on_sent(&mut self, key: Key, batch: SendBatch, result: Result<u32, SendError>) {
        self.stats.sends_in_flight -= 1;
        self.sending.end(key.index());
        let session = self
            .sessions
            .get_mut(key)
            .expect("a send's session is there");
        let bytes = match result {
            Ok(bytes) if session.phase < Phase::Ending => bytes,
            Ok(_) => return session.outbox.returned(&mut self.pools, batch),
            Err(error) => {
                session.outbox.returned(&mut self.pools, batch);
                return self.end(key, reason_of(error));
            }
        };
        let whole = self.limits.planted.is(Canary::ShortSendIsWhole);
        let bytes = if whole {
            batch.remaining() as u32
        } else {
            bytes
        };
        self.stats.bytes_out += u64::from(bytes);
        // Whoever takes something is given the time anew.
        session.above_since = Instant::FAR_FUTURE;
        if !session.outbox.sent(&mut self.pools, batch, bytes) {
            self.stats.sends_short += 1;
        }
        if session.replies_full {
            let own = session.outbox.load(Origin::Own);
            session.replies_full = is_above(own, &self.limits, LOW_WATER_DIVISOR);
            session.input_stale |= !session.replies_full;
        }
        // Whoever was sent everything needs no look, unless it ends or its input goes on.
        if session.input_stale || session.output_ending || !session.outbox.is_empty() {
            self.mark_for_sending(key);
        }
    }
}

/// Whether more is on its way to a session than may be, however quickly it reads.
fn is_beyond_any_burst(total: Amount, limits: &NetLimits) -> bool {
    let factor = limits.send_queue_burst_factor;
    total.bytes > limits.send_queue_bytes * factor
        || total.messages > limits.send_queue_messages * factor
}

/// Whether that is more than a part of a session's queue.
fn is_above(load: Amount, limits: &NetLimits, divisor: u32) -> bool {
    load.bytes > limits.send_queue_bytes / divisor
        || load.messages > limits.send_queue_messages / divisor
}

/// Whether these are as many frames as they say, by their own headers, each within the limit. Of a
/// run whose frames are alike the first header is looked at, as whoever made the run has done.
fn is_well_formed(frames: &Outgoing<'_>, frame_bytes_max: u16) -> bool {
    if let Outgoing::Run(run) = frames
        && run.headers() == Headers::Alike
    {
        let bytes = run.next_bytes();
        let is_allowed = (HEADER_BYTES..=usize::from(frame_bytes_max)).contains(&bytes);
        return is_allowed && bytes * run.frame_count() as usize == run.as_bytes().len();
    }
    let (mut rest, mut count) = (frames.as_bytes(), 0);
    while let Some(header) = rest.first_chunk::<HEADER_BYTES>() {
        let frame_bytes = Header::from_bytes(*header).frame_bytes;
        if usize::from(frame_bytes) < HEADER_BYTES || frame_bytes > frame_bytes_max {
            return false;
        }
        let Some(behind) = rest.get(usize::from(frame_bytes)..) else {
            return false;
        };
        (rest, count) = (behind, count + 1);
    }
    rest.is_empty() && count == frames.frame_count()
}

fn reason_of(error: SendError) -> CloseReason {
    match error {
        // Only a close cancels sends, and then the session has its reason already.
        SendError::PeerReset | SendError::Cancelled => CloseReason::PeerReset,
        SendError::TimedOut => CloseReason::PeerTimedOut,
        SendError::Os(code) => CloseReason::Network(code),
    }
}
