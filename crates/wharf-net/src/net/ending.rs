//! How sessions end, one by one or all at a stop: a reason, then a join. Only the port's `Closed`
//! frees the slot.

use super::Net;
use crate::session::{Phase, Role};
use crate::{CloseReason, SessionEvents};
use wharf_base::{Instant, Key};
use wharf_port::{CloseHow, Port, Token};

impl Net {
    /// Stops accepting, and ends the input of every session that was accepted: its owner hears
    /// `input_ended` behind what has arrived so far, and finishes it once that is answered, as it
    /// does for a peer that sends no more. Sessions that were connected from here are finished at
    /// once, for their owner is who stops. Those left after `limits.drain` are closed.
    pub fn begin_shutdown(&mut self, now: Instant, events: &mut impl SessionEvents) {
        self.now = now;
        if self.shutdown_at.is_some() {
            return;
        }
        self.shutdown_at = Some(now + self.limits.drain);
        self.waiting.clear();
        self.departures.clear();
        let keys: Vec<_> = self.sessions.iter().map(|(key, _)| key).collect();
        for key in keys {
            let session = self.session(key);
            let id = session.id;
            match (session.role, session.phase) {
                (Role::Accepted, Phase::Open) => self.stop_input(key, events),
                _ => self.finish(now, id, CloseReason::Shutdown),
            }
        }
    }

    /// Whether everything has ended after [`Net::begin_shutdown`].
    pub fn is_shut_down(&self) -> bool {
        self.shutdown_at.is_some() && self.sessions.is_empty() && self.listeners.is_empty()
    }

    /// Ends a session's input as if its peer had, unless it has: then the owner knows.
    fn stop_input(&mut self, key: Key, events: &mut impl SessionEvents) {
        let session = self.session(key);
        if session.input_ended {
            return;
        }
        session.stopping = true;
        events.input_ended(session.id);
        self.release_input(key);
        self.mark_dirty(key);
    }

    /// Ends a session at once: it is closed at the next flush. The first reason stays, unless that
    /// was a goodbye which now will never leave.
    pub(super) fn end(&mut self, key: Key, reason: CloseReason) {
        let session = self.session(key);
        match session.phase {
            Phase::Ending | Phase::Closing => return,
            Phase::Finishing => session.reason = Some(reason),
            _ => {}
        }
        session.reason.get_or_insert(reason);
        session.phase = Phase::Ending;
        session.until = Instant::FAR_FUTURE;
        let session = self.sessions.get_mut(key).expect("it was there");
        session.outbox.discard(&mut self.pools);
        self.sending.end(key.index());
        self.release_input(key);
        self.mark_dirty(key);
    }

    /// Takes the next step on the way of a session that was finished in order.
    pub(super) fn finish_step(&mut self, now: Instant, key: Key, port: &mut impl Port) {
        let drain = now + self.limits.drain;
        let refusal = now + self.limits.refusal;
        let session = self
            .sessions
            .get_mut(key)
            .expect("a dirty session is there");
        if !session.output_ending || session.phase >= Phase::Ending {
            return;
        }
        if !session.output_ended && session.outbox.is_empty() {
            let socket = session.socket.expect("a session that talked has a socket");
            session.output_ended = true;
            // Where the other side has ended too, closing is all that is left.
            if session.phase != Phase::Finishing || !session.input_ended {
                let shut = port.shutdown_send(socket);
                assert!(shut.is_ok(), "the outbox knows of every send in flight");
            }
        }
        if session.phase == Phase::Finishing && session.output_ended {
            session.phase = Phase::Draining;
            session.until = match (session.role, session.reason) {
                (Role::Refused(_), _)
                | (_, Some(CloseReason::LoginTimeout | CloseReason::IdleTimeout)) => refusal,
                _ => drain,
            };
        }
        if session.phase == Phase::Draining && session.input_ended {
            // The reason is there since `finish`.
            self.end(key, CloseReason::PeerClosed);
        }
    }

    /// Hands a session's socket to the port for closing.
    pub(super) fn submit_close(&mut self, key: Key, port: &mut impl Port) {
        let session = self.session(key);
        session.phase = Phase::Closing;
        match session.socket {
            Some(socket) => {
                let how = session.reason.map_or(CloseHow::Fin, CloseReason::how);
                port.close(socket, how, Token(session.id.to_bits()));
            }
            None => {
                let connect = session
                    .recv
                    .expect("without a socket a connect is in flight");
                port.cancel(connect);
            }
        }
    }

    pub(super) fn on_closed(&mut self, key: Key, events: &mut impl SessionEvents) {
        let session = self.session(key);
        assert!(session.recv.is_none(), "a receive outlived its socket");
        assert!(!session.outbox.in_flight(), "a send outlived its socket");
        self.free(key, events);
        self.retry_starved_listeners();
    }

    /// Frees a slot that nothing in the port refers to any more.
    pub(super) fn free(&mut self, key: Key, events: &mut impl SessionEvents) {
        let session = self.sessions.remove(key).expect("a session is freed once");
        assert!(session.outbox.is_empty(), "frames outlived their session");
        assert_eq!(session.cutter.reserved_bytes(), 0, "a partial frame did");
        self.deadlines.clear(key.index());
        match session.role {
            Role::Refused(_) => self.stats.refusals -= 1,
            _ => self.stats.sessions -= 1,
        }
        let reason = session.reason.expect("a session ends for a reason");
        self.stats.closed[reason.index()] += 1;
        if session.announced {
            events.closed(session.id, &reason);
            if let Some(seat) = session.seat {
                events.vacated(session.id, seat);
            }
        }
    }
}
