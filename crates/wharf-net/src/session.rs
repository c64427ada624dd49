//! One session: a few words of state, and the rules that follow from them alone.

use crate::admission::Seat;
use crate::outbox::Outbox;
use crate::rate::{Rates, Usage};
use crate::{CloseReason, NetLimits, Refusal};
use wharf_base::{Instant, SessionId};
use wharf_port::{OpId, SocketId};
use wharf_wire::{FIRST_MODERN_ID, FrameCutter};

/// What a session that has nothing to send and nothing unfinished occupies: its slot, and its
/// places among the deadlines, by age (twice) and in the counts.
pub(crate) const IDLE_SESSION_BYTES: usize = size_of::<Session>() + 96;

const _: () = assert!(size_of::<Session>() <= 256);

/// How far a session has come. It only ever moves down this list; the port's `Closed` frees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Its connect is in flight.
    Connecting,
    /// It talks.
    Open,
    /// Its last words are leaving; what it still says is thrown away.
    Finishing,
    /// Our direction has ended; waits for the peer's end, or the drain deadline.
    Draining,
    /// To be closed at the next flush.
    Ending,
    /// The port closes it.
    Closing,
}

/// Whose idea the session was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The peer's: we serve it.
    Accepted,
    /// The peer's, but there is no seat: it is told so and never heard of.
    Refused(Refusal),
    /// Ours: a client.
    Connected,
}

/// What keeps a session's input paused. Several may at once; the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Content has not handled enough of what it was given.
    Credit,
    /// The rate is overdrawn.
    Rate,
    /// Replies fill the send queue.
    Replies,
    /// The owner asked for it.
    Owner,
}

/// Invariant: `recv` is set exactly while a receive is armed, and the outbox knows whether a send
/// is in flight, so `Closed` finds neither.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) role: Role,
    pub(crate) phase: Phase,
    pub(crate) socket: Option<SocketId>,
    pub(crate) seat: Option<Seat>,
    pub(crate) reason: Option<CloseReason>,

    /// The armed receive (or, while connecting, the connect).
    pub(crate) recv: Option<OpId>,
    pub(crate) cutter: FrameCutter,
    pub(crate) usage: Usage,
    /// Frames that content may still be given; below zero what arrived as a pause began.
    pub(crate) credit: i32,
    pub(crate) outbox: Outbox,

    /// When this phase must be over: connect, login, refusal or drain.
    pub(crate) until: Instant,
    /// Since when its link has taken nothing while more than its budget waits on others' account;
    /// or since the first of two looks found that.
    pub(crate) above_since: Instant,
    /// When bytes last arrived, for sessions with a heartbeat.
    pub(crate) heard_at: Instant,

    /// In the list of sessions with something to do.
    pub(crate) dirty: bool,
    /// Something that its receive depends on may have changed: more than what it is sent.
    pub(crate) input_stale: bool,
    /// The armed receive was asked to end.
    pub(crate) cancelling: bool,
    /// Why the input is paused.
    pub(crate) paused: Option<Pause>,
    /// Replies have filled the queue, and it has not drained yet.
    pub(crate) replies_full: bool,
    /// The owner paused the input.
    pub(crate) held: bool,
    /// The peer sends no more.
    pub(crate) input_ended: bool,
    /// The server stops, and the owner was told that the input has ended: what the peer still says
    /// is thrown away.
    pub(crate) stopping: bool,
    /// We send no more once the outbox is empty.
    pub(crate) output_ending: bool,
    /// Our direction was shut down.
    pub(crate) output_ended: bool,
    pub(crate) logged_in: bool,
    /// The first frame was of a client with a heartbeat (ids from 1024 on).
    pub(crate) has_heartbeat: bool,
    /// The owner knows of it, and is told of its end.
    pub(crate) announced: bool,
    pub(crate) spoke: bool,
    /// A look has found it above its budget, half of the time ago that makes a slow reader.
    pub(crate) suspected: bool,
}

impl Session {
    pub(crate) fn new(id: SessionId, role: Role, phase: Phase, credit: u32) -> Self {
        Self {
            id,
            role,
            phase,
            socket: None,
            seat: None,
            reason: None,
            recv: None,
            cutter: FrameCutter::new(),
            usage: Usage::NONE,
            credit: credit as i32,
            outbox: Outbox::default(),
            until: Instant::FAR_FUTURE,
            above_since: Instant::FAR_FUTURE,
            heard_at: Instant::ZERO,
            dirty: false,
            input_stale: false,
            cancelling: false,
            paused: None,
            replies_full: false,
            held: false,
            input_ended: false,
            stopping: false,
            output_ending: false,
            output_ended: false,
            logged_in: false,
            has_heartbeat: false,
            announced: false,
            spoke: false,
            suspected: false,
        }
    }

    /// Whether frames for it are still taken.
    pub(crate) fn may_send(&self) -> bool {
        self.phase == Phase::Open && !self.output_ending
    }

    /// What keeps its input paused at `now`.
    pub(crate) fn pause(&self, now: Instant, rates: &Rates) -> Option<Pause> {
        if self.phase != Phase::Open || self.stopping {
            return None;
        }
        if self.held {
            return Some(Pause::Owner);
        }
        if self.role != Role::Accepted {
            return None;
        }
        if self.credit <= 0 {
            Some(Pause::Credit)
        } else if rates.is_paused(&self.usage, now) {
            Some(Pause::Rate)
        } else if self.replies_full {
            Some(Pause::Replies)
        } else {
            None
        }
    }

    /// Whether it has a connection of which the port was not told to close it.
    pub(crate) fn talks(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Finishing | Phase::Draining)
    }

    /// Whether a receive should be armed, pauses aside.
    pub(crate) fn listens(&self) -> bool {
        self.talks() && !self.input_ended
    }

    /// The earliest of the deadlines that it has by itself. Those of its send and of its unfinished
    /// frame stand with everybody's.
    pub(crate) fn earliest(&self, limits: &NetLimits, rates: &Rates) -> Option<Instant> {
        let mut earliest = self.until;
        if self.above_since < Instant::FAR_FUTURE && self.phase < Phase::Ending {
            earliest = earliest.min(self.above_since + limits.slow_reader / 2);
        }
        if self.paused == Some(Pause::Rate) {
            earliest = earliest.min(rates.resume_at(&self.usage));
        }
        if self.may_idle_out() {
            earliest = earliest.min(self.heard_at + limits.idle);
        }
        (earliest < Instant::FAR_FUTURE).then_some(earliest)
    }

    /// Whether silence ends it.
    pub(crate) fn may_idle_out(&self) -> bool {
        let heard = self.paused.is_none() && !self.input_ended && !self.stopping;
        self.has_heartbeat && self.phase == Phase::Open && heard
    }

    /// Notes which kind of client it is, by the first id that it sends: that makes a session
    /// classic or modern for life.
    pub(crate) fn note_first_id(&mut self, id: u16) {
        if !self.spoke {
            self.spoke = true;
            self.has_heartbeat = self.role == Role::Accepted && id >= FIRST_MODERN_ID;
        }
    }
}
