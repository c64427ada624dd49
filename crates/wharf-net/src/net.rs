//! The sessions of one I/O shard, as a state machine without a clock.

mod accept;
mod ending;
mod input;
mod output;
mod turn;

use crate::pools::SendPools;
use crate::rate::Rates;
use crate::session::{Phase, Role, Session};
use crate::{
    Admission, Arrival, CloseReason, NetLimits, NetStats, Origin, Outgoing, SessionEvents,
};
use accept::Listener;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use wharf_base::sync::Arc;
use wharf_base::{Ages, CapacityError, Deadlines, Instant, Key, SessionId, Slab};
use wharf_port::{
    Completion, ConnectError, ConnectOptions, DetachedSocket, Event, OpenError, Port, SocketId,
    Token,
};
use wharf_wire::SendClass;

/// The sessions of one I/O shard: those that it accepts, and those that it connects.
///
/// Methods come in four families. *Verbs* are what the owner wants; `handle_*` is what the world
/// did; `poll_*`, `next_*` and `flush` are what the world must do; the rest look. A turn is
///
/// ```text
/// now = port.wait(&mut batch, net.next_deadline())
/// net.handle_completion(now, ..) for each completion
/// net.handle_arrival(now, ..)    for each socket that another shard accepted for this one
/// verbs                          what content wants
/// net.handle_timeout(now)
/// net.flush(now, ..)             one gathered send per session with something to send
/// net.poll_arrival()             until there is none
/// ```
///
/// Verbs only note what is wanted; the port hears of it in `flush`. A session's slot is free again
/// when the port's `Closed` has come, never before.
///
/// Invariant: every session with something to do is in `dirty`; `deadlines` has an entry at or
/// before the earliest deadline that each session has by itself; `unfinished` has exactly the
/// sessions that hold part of a frame, `sending` those that a send is in flight for and that are
/// not ending.
pub struct Net {
    shard: u8,
    limits: NetLimits,
    rates: Rates,
    admission: Arc<Admission>,
    /// What admission was told of this shard.
    overloaded: bool,
    sessions: Slab<Session>,
    deadlines: Deadlines,
    /// When each unfinished frame was begun; the oldest is the first to go.
    unfinished: Ages,
    /// When each send in flight was submitted.
    sending: Ages,
    dirty: Vec<Key>,
    pools: SendPools,
    /// Where the connects in flight go.
    connecting: BTreeMap<Key, SocketAddr>,
    listeners: Vec<Listener>,
    /// Accepted in this turn above its budget.
    waiting: VecDeque<DetachedSocket>,
    departures: VecDeque<(u8, Arrival)>,
    accepts_left: u32,
    /// Set by `begin_shutdown`: when those that are left are closed at once.
    shutdown_at: Option<Instant>,
    /// The time of the turn, for verbs that are not told it.
    now: Instant,
    stats: NetStats,
}

impl Net {
    /// The sessions of shard `shard`, none so far.
    ///
    /// # Panics
    /// If the limits are not valid, or there is no such shard.
    pub fn new(shard: u8, limits: NetLimits, admission: Arc<Admission>) -> Self {
        if let Err(error) = limits.validate() {
            panic!("{error}");
        }
        assert!(
            u16::from(shard) < limits.shards,
            "there is no shard {shard}"
        );
        Self {
            shard,
            rates: Rates::new(&limits),
            admission,
            overloaded: false,
            sessions: Slab::with_capacity(limits.sessions_per_shard()),
            deadlines: Deadlines::new(),
            unfinished: Ages::new(),
            sending: Ages::new(),
            dirty: Vec::new(),
            pools: SendPools::default(),
            connecting: BTreeMap::new(),
            listeners: Vec::new(),
            waiting: VecDeque::new(),
            departures: VecDeque::new(),
            accepts_left: limits.accepts_per_turn,
            shutdown_at: None,
            now: Instant::ZERO,
            stats: NetStats::default(),
            limits,
        }
    }

    /// Listens on `local` and begins to accept. Returns the address that it got.
    ///
    /// # Errors
    /// What the port says: [`OpenError`] names the address and the reason.
    pub fn listen(
        &mut self,
        port: &mut impl Port,
        local: SocketAddr,
    ) -> Result<SocketAddr, OpenError> {
        self.open_listener(port, local)
    }

    /// Connects to `remote`. `opened` follows, or `closed` with
    /// [`CloseReason::ConnectFailed`].
    ///
    /// # Errors
    /// [`CapacityError`] when every slot is used, or `connects_max` connects are in flight.
    pub fn connect(
        &mut self,
        now: Instant,
        port: &mut impl Port,
        remote: SocketAddr,
        options: &ConnectOptions,
    ) -> Result<SessionId, CapacityError> {
        let connects_full = CapacityError {
            capacity: self.limits.connects_max,
        };
        let in_flight = self.connecting.len() as u32;
        if in_flight >= self.limits.connects_max || self.shutdown_at.is_some() {
            return Err(connects_full);
        }
        let id = self.insert(Role::Connected, Phase::Connecting)?;
        match port.connect(remote, options, Token(id.to_bits())) {
            Ok(op) => {
                let until = now + self.limits.connect;
                let session = self.session(id.key());
                session.recv = Some(op);
                session.until = until;
                session.announced = true;
                self.connecting.insert(id.key(), remote);
                self.stats.connecting = in_flight + 1;
                self.note_deadline(id.key());
                Ok(id)
            }
            Err(_) => {
                self.sessions.remove(id.key());
                self.stats.sessions -= 1;
                Err(connects_full)
            }
        }
    }

    /// Sends whole frames, headers included, to a session. Those for a session that has ended are
    /// ignored and counted. Of the class [`SendClass::Latest`] a frame replaces the one with the
    /// same packet id that has not left yet.
    pub fn send(
        &mut self,
        now: Instant,
        session: SessionId,
        class: SendClass,
        origin: Origin,
        frame: Outgoing<'_>,
    ) {
        self.now = now;
        let latest_key = match (class, frame.as_bytes()) {
            (SendClass::Latest, [_, _, low, high, ..]) => {
                u64::from(u16::from_le_bytes([*low, *high]))
            }
            _ => 0,
        };
        self.enqueue(session, class, latest_key, origin, frame);
    }

    /// Sends a latest-value: it replaces the one with the same `key` that has not left yet. Keys
    /// below 65,536 are those of [`Net::send`].
    pub fn send_latest(
        &mut self,
        now: Instant,
        session: SessionId,
        key: u64,
        origin: Origin,
        frame: Outgoing<'_>,
    ) {
        self.now = now;
        self.enqueue(session, SendClass::Latest, key, origin, frame);
    }

    /// Notes that a session has logged in: its login deadline ends, and it makes room for the next
    /// that has not.
    pub fn log_in(&mut self, session: SessionId) {
        let Some(session) = self.own(session) else {
            return;
        };
        if session.phase == Phase::Open && !session.logged_in {
            session.logged_in = true;
            session.until = Instant::FAR_FUTURE;
            if let Some(seat) = &mut session.seat {
                seat.log_in();
            }
        }
    }

    /// Notes that a session waits for a place, to log in: as long as it does it has no deadline to
    /// log in by, and takes no room from those who come; or that it waits no longer, and has to
    /// log in by the usual time.
    pub fn set_waiting(&mut self, now: Instant, session: SessionId, waits: bool) {
        let until = now + self.limits.login;
        let Some(session) = self.own(session) else {
            return;
        };
        if session.phase != Phase::Open || session.logged_in {
            return;
        }
        session.until = if waits { Instant::FAR_FUTURE } else { until };
        let key = session.id.key();
        if let Some(seat) = &mut session.seat {
            match waits {
                true => seat.log_in(),
                false => seat.log_out(),
            }
        }
        self.note_deadline(key);
    }

    /// Gives back the credit of frames that content has handled. Sessions that were connected from
    /// here take none.
    ///
    /// # Panics
    /// If more is given back than was taken.
    pub fn return_credit(&mut self, session: SessionId, frames: u32) {
        let credit_max = self.limits.session_credit as i32;
        let Some(session) = self.own(session) else {
            return;
        };
        session.credit += frames as i32;
        assert!(
            session.credit <= credit_max,
            "credit given back that was never taken"
        );
        if session.credit > 0 && session.credit <= frames as i32 {
            let key = session.id.key();
            self.mark_dirty(key);
        }
    }

    /// Says whether what this shard's sessions ask cannot be served for now: those to come go to
    /// other shards, or are told that the server is full.
    pub fn set_overloaded(&mut self, overloaded: bool) {
        if self.overloaded != overloaded {
            self.overloaded = overloaded;
            self.admission.set_overloaded(self.shard, overloaded);
        }
    }

    /// Pauses a session's input, whatever else it does: for clients that play slow readers.
    pub fn hold_input(&mut self, session: SessionId) {
        self.set_held(session, true);
    }

    /// Ends what [`Net::hold_input`] began.
    pub fn resume_input(&mut self, session: SessionId) {
        self.set_held(session, false);
    }

    /// Ends our direction once everything queued has left, and goes on receiving: the half-close
    /// of a client that has asked everything it wants to know.
    pub fn end_output(&mut self, session: SessionId) {
        if let Some(session) = self.own(session) {
            session.output_ending = true;
            let key = session.id.key();
            self.mark_dirty(key);
        }
    }

    /// Ends a session in order: what is queued leaves, then our direction ends, input is thrown
    /// away until the peer ends its own or the drain deadline, then it is closed. If it was the
    /// server's stop that ended its input, that is the reason, not the peer.
    pub fn finish(&mut self, now: Instant, session: SessionId, reason: CloseReason) {
        self.now = now;
        let flushed_until = now + self.limits.send_stall;
        let Some(session) = self.own(session) else {
            return;
        };
        let key = session.id.key();
        match session.phase {
            Phase::Connecting => self.end(key, reason),
            Phase::Open => {
                session.phase = Phase::Finishing;
                session.reason = Some(match reason {
                    CloseReason::PeerClosed if session.stopping => CloseReason::Shutdown,
                    reason => reason,
                });
                // In all: a peer that takes a byte now and then must not hold its slot for hours.
                session.until = flushed_until;
                session.output_ending = true;
                self.release_input(key);
                self.mark_dirty(key);
            }
            _ => {}
        }
    }

    /// Ends a session at once; what is queued is lost.
    pub fn close(&mut self, session: SessionId, reason: CloseReason) {
        if self.own(session).is_some() {
            self.end(session.key(), reason);
        }
    }

    /// Handles one completion. Those of other owners (a wake) are ignored.
    pub fn handle_completion(
        &mut self,
        now: Instant,
        completion: Completion,
        port: &mut impl Port,
        events: &mut impl SessionEvents,
    ) {
        self.now = now;
        let Completion {
            token, more, event, ..
        } = completion;
        let key = SessionId::from_bits(token.0).key();
        match event {
            Event::Accepted(result) => self.on_accepted(now, token, more, result, port, events),
            Event::Connected(result) => self.on_connected(key, result, events),
            Event::Received(result) => self.on_received(now, key, more, result, events),
            Event::Sent { batch, result } => self.on_sent(key, batch, result),
            Event::Closed if accept::is_listener(token) => self.on_listener_closed(token),
            Event::Closed => self.on_closed(key, events),
            Event::Woken => {}
        }
    }

    /// Takes in a socket that another shard accepted for this one.
    pub fn handle_arrival(
        &mut self,
        now: Instant,
        arrival: Arrival,
        port: &mut impl Port,
        events: &mut impl SessionEvents,
    ) {
        self.now = now;
        if self.shutdown_at.is_none() {
            let Arrival { socket, peer, seat } = arrival;
            self.seat_session(now, socket, peer, seat, Role::Accepted, port, events);
        }
    }

    /// The next socket that was accepted here for another shard, and which shard.
    pub fn poll_arrival(&mut self) -> Option<(u8, Arrival)> {
        self.departures.pop_front()
    }

    /// What was counted so far.
    pub fn stats(&self) -> &NetStats {
        &self.stats
    }

    fn on_connected(
        &mut self,
        key: Key,
        result: Result<SocketId, ConnectError>,
        events: &mut impl SessionEvents,
    ) {
        let remote = self.connecting.remove(&key).expect("a connect is noted");
        self.stats.connecting = self.connecting.len() as u32;
        let session = self.session(key);
        session.recv = None;
        match result {
            Ok(socket) => {
                session.socket = Some(socket);
                if session.phase == Phase::Connecting {
                    session.phase = Phase::Open;
                    session.until = Instant::FAR_FUTURE;
                    let id = session.id;
                    self.stats.opened += 1;
                    events.opened(id, remote);
                } else {
                    // Ended while it was connecting; only now there is a socket to close.
                    session.phase = Phase::Ending;
                }
                self.mark_dirty(key);
            }
            Err(error) => {
                let reason = CloseReason::ConnectFailed(error);
                session.reason.get_or_insert(reason);
                self.free(key, events);
            }
        }
    }

    fn insert(&mut self, role: Role, phase: Phase) -> Result<SessionId, CapacityError> {
        let (shard, credit) = (self.shard, self.limits.session_credit);
        let key = self
            .sessions
            .insert_with(|key| Session::new(SessionId::new(shard, key), role, phase, credit))?;
        match role {
            Role::Refused(_) => self.stats.refusals += 1,
            _ => self.stats.sessions += 1,
        }
        Ok(SessionId::new(shard, key))
    }

    /// The session that the port speaks of: it is there until its `Closed`.
    fn session(&mut self, key: Key) -> &mut Session {
        self.sessions
            .get_mut(key)
            .expect("a session stays until its socket is closed")
    }

    /// The session that the owner speaks of, if it has not ended.
    fn own(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions
            .get_mut(id.key())
            .filter(|session| session.id == id)
    }

    fn mark_dirty(&mut self, key: Key) {
        self.session(key).input_stale = true;
        self.mark_for_sending(key);
    }

    /// As [`Net::mark_dirty`], where nothing but what is on its way to the session has changed.
    fn mark_for_sending(&mut self, key: Key) {
        let session = self.session(key);
        if !session.dirty {
            session.dirty = true;
            self.dirty.push(key);
        }
    }

    fn set_held(&mut self, id: SessionId, held: bool) {
        if let Some(session) = self.own(id) {
            session.held = held;
            self.mark_dirty(id.key());
        }
    }
}
