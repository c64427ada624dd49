//! The way in: received bytes to frames, charged for, in order, to the owner or to nobody.

use super::Net;
use crate::canary::Canary;
use crate::rate::Charge;
use crate::session::{Pause, Phase, Role, Session};
use crate::{CloseReason, Origin, Outgoing, SessionEvents};
use wharf_base::{Instant, Key, SessionId};
use wharf_port::{Port, RecvBuf, RecvEnd, Token};
use wharf_wire::classic::{self, ResultCode};
use wharf_wire::{FIRST_MODERN_ID, FrameCutter, Packet, SendClass, Violation};

/// What one receive brought.
struct Taken {
    frames: u32,
    /// The first frame, for connections that are only told that there is no seat.
    first_id: Option<u16>,
    end: Result<(), Violation>,
}

impl Net {
    pub(super) fn on_received(
        &mut self,
        now: Instant,
        key: Key,
        more: bool,
        result: Result<RecvBuf, RecvEnd>,
        events: &mut impl SessionEvents,
    ) {
        let session = self.session(key);
        if !more {
            session.recv = None;
            session.cancelling = false;
            self.mark_dirty(key);
        }
        match result {
            Ok(bytes) => self.take_bytes(now, key, &bytes, events),
            Err(RecvEnd::Cancelled) => {}
            Err(RecvEnd::Eof) => self.end_input(key, events),
            Err(RecvEnd::PeerReset) => self.end(key, CloseReason::PeerReset),
            Err(RecvEnd::TimedOut) => self.end(key, CloseReason::PeerTimedOut),
            Err(RecvEnd::Os(code)) => self.end(key, CloseReason::Network(code)),
        }
    }

    fn take_bytes(
        &mut self,
        now: Instant,
        key: Key,
        bytes: &[u8],
        events: &mut impl SessionEvents,
    ) {
        let session = self
            .sessions
            .get_mut(key)
            .expect("a receive's session is there");
        match session.phase {
            Phase::Open if !session.stopping => {}
            Phase::Open | Phase::Finishing | Phase::Draining => {
                self.stats.bytes_discarded += bytes.len() as u64;
                return;
            }
            Phase::Connecting | Phase::Ending | Phase::Closing => return,
        }
        self.stats.bytes_in += bytes.len() as u64;
        session.heard_at = now;
        let rules = match session.role {
            Role::Connected => &self.limits.outbound,
            _ => &self.limits.inbound,
        };
        let reserved = session.cutter.reserved_bytes();
        let begun = session.cutter.partial_bytes() > 0;
        if self.limits.planted.is(Canary::FrameTwice) && !begun {
            let (mut cutter, mut input) = (FrameCutter::new(), bytes);
            if let Ok(Some(frames)) = cutter.next(&mut input, rules) {
                events.frames(session.id, frames);
            }
        }
        let taken = cut_frames(session, bytes, rules, events);
        if self.limits.planted.is(Canary::TailForgotten) {
            session.cutter = FrameCutter::new();
        }
        let unfinished = session.cutter.partial_bytes() > 0;
        let reserved_now = session.cutter.reserved_bytes();
        self.stats.frames_in += u64::from(taken.frames);
        self.stats.frames_reassembled += u64::from(begun && taken.frames > 0);
        self.stats.reassembly_bytes -= reserved as u32;
        self.stats.reassembly_bytes += reserved_now as u32;
        if !unfinished {
            self.unfinished.end(key.index());
        } else if !begun || taken.frames > 0 {
            self.unfinished.begin(key.index(), now);
        }
        self.judge(now, key, bytes.len(), taken);
        self.keep_reassembly_budget();
    }

    /// What follows from what a receive brought.
    fn judge(&mut self, now: Instant, key: Key, bytes: usize, taken: Taken) {
        let session = self.sessions.get_mut(key).expect("it has just received");
        if let Role::Refused(_) = session.role {
            return self.answer_refused(now, key, taken);
        }
        if let Err(violation) = taken.end {
            return self.end(key, CloseReason::Protocol(violation));
        }
        if session.role == Role::Accepted {
            let (frames, bytes) = (taken.frames, bytes as u32);
            if self.rates.charge(&mut session.usage, now, frames, bytes) == Charge::Flood {
                return self.end(key, CloseReason::Flood);
            }
        }
        let pause = session.pause(now, &self.rates);
        if pause != session.paused {
            self.mark_dirty(key);
        }
    }

    /// A connection without a seat has said something: a login, or a packet of the platform, is
    /// answered "full", anything else is not.
    fn answer_refused(&mut self, now: Instant, key: Key, taken: Taken) {
        let id = self.session(key).id;
        let Role::Refused(refusal) = self.session(key).role else {
            unreachable!("only refusals are answered here")
        };
        let reason = CloseReason::Refused(refusal);
        let modern = self.limits.refusal_frame;
        match taken.first_id {
            Some(classic::id::LOGIN_REQUEST) => {
                let answer = classic::login_response(ResultCode::LoginUserUsedAll).to_frame();
                self.finish_with(now, id, &answer, reason);
            }
            Some(FIRST_MODERN_ID..) if !modern.is_empty() => {
                self.finish_with(now, id, modern, reason);
            }
            None if taken.end.is_ok() => {}
            _ => self.end(key, reason),
        }
    }

    /// Ends a session with a last word, which leaves behind whatever waits, of every class.
    pub(super) fn finish_with(
        &mut self,
        now: Instant,
        id: SessionId,
        last: &[u8],
        reason: CloseReason,
    ) {
        let (class, origin) = (SendClass::Bulk, Origin::Own);
        self.send(now, id, class, origin, Outgoing::Copy(last));
        self.finish(now, id, reason);
    }

    fn end_input(&mut self, key: Key, events: &mut impl SessionEvents) {
        let session = self.session(key);
        session.input_ended = true;
        let truncated = session.cutter.partial_bytes() > 0;
        match (session.phase, session.role) {
            (Phase::Open, Role::Refused(refusal)) => self.end(key, CloseReason::Refused(refusal)),
            (Phase::Open, _) if truncated => self.end(key, CloseReason::TruncatedFrame),
            (Phase::Open, _) if session.stopping => {} // It was told so when the stop began.
            (Phase::Open, _) => events.input_ended(session.id),
            _ => {}
        }
        self.mark_dirty(key);
    }

    /// Arms, or ends, the receive of a session that talks, as its state wants it.
    pub(super) fn reconcile_input(&mut self, now: Instant, key: Key, port: &mut impl Port) {
        let session = self
            .sessions
            .get_mut(key)
            .expect("a dirty session is there");
        if !session.talks() {
            return;
        }
        let pause = session.pause(now, &self.rates);
        if pause != session.paused {
            session.paused = pause;
            match pause {
                Some(cause) => self.stats.count_pause(cause),
                // While we did not listen nobody could be heard, nor complete a frame.
                None => {
                    session.heard_at = now;
                    if session.cutter.partial_bytes() > 0 {
                        self.unfinished.begin(key.index(), now);
                    }
                }
            }
        }
        let wanted = session.listens() && pause.is_none();
        match session.recv {
            None if wanted => {
                let socket = session.socket.expect("a session that listens has a socket");
                match port.arm_recv(socket, Token(session.id.to_bits())) {
                    Ok(op) => session.recv = Some(op),
                    Err(_) => self.end(key, CloseReason::Overloaded),
                }
            }
            Some(op) if !wanted && !session.cancelling => {
                session.cancelling = true;
                port.cancel(op);
            }
            _ => {}
        }
    }

    /// Forgets an unfinished frame: nothing more is cut from this session's input.
    pub(super) fn release_input(&mut self, key: Key) {
        let session = self.session(key);
        let reserved = session.cutter.reserved_bytes();
        session.cutter = FrameCutter::new();
        self.stats.reassembly_bytes -= reserved as u32;
        self.unfinished.end(key.index());
    }

    /// At the limit the frame that has been unfinished longest goes: it is the slowest, and an
    /// honest one takes no longer than the network.
    fn keep_reassembly_budget(&mut self) {
        while self.stats.reassembly_bytes > self.limits.reassembly_bytes {
            let (_, slot) = self
                .unfinished
                .oldest()
                .expect("what is reserved is unfinished");
            let key = self
                .sessions
                .key_at(slot)
                .expect("an unfinished frame has its session");
            self.stats.reassembly_evictions += 1;
            self.end(key, CloseReason::ReassemblyBudget);
        }
    }
}

/// Gives every whole frame to the owner, in order. What has arrived is handled even if the session
/// has no credit left for it.
fn cut_frames(
    session: &mut Session,
    mut input: &[u8],
    rules: &wharf_wire::FrameRules,
    events: &mut impl SessionEvents,
) -> Taken {
    let mut taken = Taken {
        frames: 0,
        first_id: None,
        end: Ok(()),
    };
    loop {
        match session.cutter.next(&mut input, rules) {
            Ok(Some(frames)) => {
                taken.frames += frames.frame_count();
                let first_id = || frames.clone().next().map(|frame| frame.id);
                taken.first_id = taken.first_id.or_else(first_id);
                match session.role {
                    // The first says all; the rest is for nobody.
                    Role::Refused(_) => break,
                    Role::Accepted => session.credit -= frames.frame_count() as i32,
                    Role::Connected => {}
                }
                events.frames(session.id, frames);
            }
            Ok(None) => break,
            Err(violation) => {
                taken.end = Err(violation);
                break;
            }
        }
    }
    session.cutter.release();
    if let Some(id) = taken.first_id {
        session.note_first_id(id);
    }
    taken
}

impl crate::NetStats {
    fn count_pause(&mut self, cause: Pause) {
        match cause {
            Pause::Credit => self.pauses_credit += 1,
            Pause::Rate => self.pauses_rate += 1,
            Pause::Replies => self.pauses_replies += 1,
            Pause::Owner => {}
        }
    }
}
