//! Listeners: a budget per turn, a seat or a polite no, and the shard with the fewest sessions.

use super::Net;
use crate::admission::{Seat, Verdict};
use crate::session::{Phase, Role};
use crate::{Arrival, SessionEvents, TurnedAway};
use std::net::SocketAddr;
use wharf_base::{Instant, Key, SessionId};
use wharf_port::{
    AcceptError, CloseHow, DetachedSocket, ListenOptions, OpId, OpenError, Port, SocketId, Token,
};

/// One listening socket. `index` is its place in its token.
#[derive(Debug)]
pub(super) struct Listener {
    index: u32,
    socket: SocketId,
    /// The armed accept.
    accept: Option<OpId>,
    cancelling: bool,
    closing: bool,
    /// Starved of descriptors or memory; not before then, or the next `Closed`.
    retry_at: Option<Instant>,
}

/// Listeners have the one slot number that no session has (`NetLimits::validate` keeps it free).
const LISTENER_SLOT: u32 = SessionId::SLOTS_MAX - 1;

pub(super) fn is_listener(token: Token) -> bool {
    SessionId::from_bits(token.0).key().index() == LISTENER_SLOT
}

impl Net {
    pub(super) fn open_listener(
        &mut self,
        port: &mut impl Port,
        local: SocketAddr,
    ) -> Result<SocketAddr, OpenError> {
        let socket = port.listen(local, &ListenOptions::default())?;
        let index = self.listeners.last().map_or(0, |last| last.index + 1);
        self.listeners.push(Listener {
            index,
            socket,
            accept: None,
            cancelling: false,
            closing: false,
            retry_at: None,
        });
        self.arm_accepts(port);
        let address = port.local_addr(socket);
        // A socket that has just been bound has an address; if the system will not say it, what
        // was asked for is the best answer.
        Ok(address.unwrap_or(local))
    }

    pub(super) fn on_accepted(
        &mut self,
        now: Instant,
        token: Token,
        more: bool,
        result: Result<DetachedSocket, AcceptError>,
        port: &mut impl Port,
        events: &mut impl SessionEvents,
    ) {
        let backoff = now + self.limits.accept_backoff;
        let index = SessionId::from_bits(token.0).key().generation();
        let listener = self
            .listeners
            .iter_mut()
            .find(|listener| listener.index == index);
        let listener = listener.expect("a listener stays until its socket is closed");
        if !more {
            listener.accept = None;
            listener.cancelling = false;
        }
        match result {
            Ok(socket) => {
                self.stats.accepted += 1;
                if self.shutdown_at.is_some() {
                    return; // Dropping the socket closes it.
                }
                if self.accepts_left > 0 {
                    self.take_in(now, socket, port, events);
                } else if self.waiting.len() < self.limits.accepts_waiting_max as usize {
                    self.waiting.push_back(socket);
                } else {
                    self.stats.accepts_waiting_overflow += 1;
                    socket.reset();
                }
            }
            Err(AcceptError::Connection(_)) => self.stats.accepts_failed += 1,
            Err(AcceptError::Resources(_)) => {
                listener.retry_at = Some(backoff);
                self.stats.accepts_starved += 1;
            }
            Err(AcceptError::Cancelled) => {}
        }
    }

    /// Decides about one accepted connection.
    fn take_in(
        &mut self,
        now: Instant,
        socket: DetachedSocket,
        port: &mut impl Port,
        events: &mut impl SessionEvents,
    ) {
        self.accepts_left -= 1;
        self.stats.accept_budget_spent += u64::from(self.accepts_left == 0);
        let Ok(peer) = socket.peer_addr() else {
            // It was reset before it was accepted.
            self.stats.accepts_failed += 1;
            return;
        };
        match self.admission.admit(peer.ip()) {
            Verdict::Seated(seat) if seat.shard() == Some(self.shard) => {
                self.seat_session(now, socket, peer, seat, Role::Accepted, port, events);
            }
            Verdict::Seated(seat) => {
                let shard = seat.shard().expect("a session's seat has a shard");
                self.stats.handed_over += 1;
                self.departures
                    .push_back((shard, Arrival { socket, peer, seat }));
            }
            Verdict::Refused(seat, refusal) => {
                self.stats.refused += 1;
                events.turned_away(peer, TurnedAway::Refused(refusal));
                self.seat_session(
                    now,
                    socket,
                    peer,
                    seat,
                    Role::Refused(refusal),
                    port,
                    events,
                );
            }
            Verdict::Overflow => {
                self.stats.refusals_overflow += 1;
                events.turned_away(peer, TurnedAway::Overflow);
                socket.reset();
            }
            Verdict::AddressFull => {
                self.stats.address_full += 1;
                events.turned_away(peer, TurnedAway::AddressFull);
                socket.reset();
            }
            Verdict::Denied => {
                self.stats.denied += 1;
                events.turned_away(peer, TurnedAway::Denied);
                socket.reset();
            }
        }
    }

    /// Makes a session, or a refusal, of an accepted socket that has its seat.
    #[expect(
        clippy::too_many_arguments,
        reason = "an arrival's parts beside the turn's"
    )]
    pub(super) fn seat_session(
        &mut self,
        now: Instant,
        socket: DetachedSocket,
        peer: SocketAddr,
        seat: Seat,
        role: Role,
        port: &mut impl Port,
        events: &mut impl SessionEvents,
    ) {
        if self.sessions.len() == self.sessions.capacity() {
            // Only sessions that were connected from here can have taken the slots.
            self.stats.adopts_failed += 1;
            return socket.reset();
        }
        let Ok(socket) = port.adopt(socket) else {
            // The port closed it; the seat is given back with this return.
            self.stats.adopts_failed += 1;
            return;
        };
        let id = self
            .insert(role, Phase::Open)
            .expect("there is a free slot");
        let until = now
            + if seat.is_crowded() {
                self.limits.refusal
            } else {
                self.limits.login
            };
        let session = self.session(id.key());
        session.until = until;
        session.socket = Some(socket);
        session.seat = Some(seat);
        session.heard_at = now;
        self.mark_dirty(id.key());
        if role == Role::Accepted {
            self.session(id.key()).announced = true;
            self.stats.opened += 1;
            events.opened(id, peer);
        }
    }

    /// The accepts of this turn: first those that wait, then whatever the listeners bring next.
    pub(super) fn flush_accepts(
        &mut self,
        now: Instant,
        port: &mut impl Port,
        events: &mut impl SessionEvents,
    ) {
        self.accepts_left = self.limits.accepts_per_turn;
        while self.accepts_left > 0
            && let Some(socket) = self.waiting.pop_front()
        {
            self.take_in(now, socket, port, events);
        }
        for listener in &mut self.listeners {
            if listener.retry_at.is_some_and(|at| at <= now) {
                listener.retry_at = None;
            }
        }
        if self.shutdown_at.is_some() {
            self.close_listeners(port);
        } else if self.waiting.is_empty() {
            self.arm_accepts(port);
        } else {
            self.pause_accepts(port);
        }
    }

    /// When a listener may try again.
    pub(super) fn next_accept(&self) -> Option<Instant> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.retry_at)
            .min()
    }

    /// A descriptor has been freed.
    pub(super) fn retry_starved_listeners(&mut self) {
        for listener in &mut self.listeners {
            listener.retry_at = None;
        }
    }

    /// Whether a listener has not been closed yet.
    pub(super) fn listeners_open(&self) -> bool {
        self.listeners.iter().any(|listener| !listener.closing)
    }

    pub(super) fn on_listener_closed(&mut self, token: Token) {
        let index = SessionId::from_bits(token.0).key().generation();
        self.listeners.retain(|listener| listener.index != index);
    }

    fn arm_accepts(&mut self, port: &mut impl Port) {
        for listener in &mut self.listeners {
            if listener.accept.is_none() && listener.retry_at.is_none() && !listener.closing {
                let token = Self::listener_token(self.shard, listener.index);
                match port.arm_accept(listener.socket, token) {
                    Ok(op) => listener.accept = Some(op),
                    Err(_) => {
                        listener.retry_at = Some(self.now + self.limits.accept_backoff);
                        self.stats.accepts_starved += 1;
                    }
                }
            }
        }
    }

    fn pause_accepts(&mut self, port: &mut impl Port) {
        for listener in &mut self.listeners {
            if let Some(op) = listener.accept
                && !listener.cancelling
            {
                listener.cancelling = true;
                port.cancel(op);
            }
        }
    }

    fn close_listeners(&mut self, port: &mut impl Port) {
        for listener in &mut self.listeners {
            if !listener.closing {
                listener.closing = true;
                let token = Self::listener_token(self.shard, listener.index);
                port.close(listener.socket, CloseHow::Fin, token);
            }
        }
    }

    fn listener_token(shard: u8, index: u32) -> Token {
        Token(SessionId::new(shard, Key::from_parts(LISTENER_SLOT, index)).to_bits())
    }
}
