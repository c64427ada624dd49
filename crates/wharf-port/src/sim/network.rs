//! The network of a simulated world: listeners, connections, and bytes on their way.

use super::faults::{FaultCounts, Faults};
use super::stream::Stream;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use wharf_base::{Instant, Key, Rng, Slab};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub(super) connection: Key,
    /// 0 connected, 1 accepted.
    pub(super) side: u8,
}

impl End {
    pub(super) fn other(self) -> Self {
        Self {
            side: 1 - self.side,
            ..self
        }
    }
}

/// What a port is to look at when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// Something may have arrived, or there may be room to send.
    End(End),
    Listener(SocketAddr),
    /// An operation of the port's own whose delay is over.
    Operation(u64),
}

/// A connection; freed when both ends are closed.
struct Connection {
    addresses: [SocketAddr; 2],
    ends: [EndState; 2],
    /// How long a segment takes, one way.
    latency: Duration,
    buffer_bytes: u64,
}

struct EndState {
    /// The port that hears of this end; `None` while it belongs to none.
    port: Option<usize>,
    /// What is on its way to this end.
    incoming: Stream,
    /// From when on this end knows of a reset.
    reset_at: Option<Instant>,
    /// Whether that reset takes along what had arrived and was not read, as some kernels do.
    reset_forgets: bool,
    closed: bool,
}

/// What a look at an end's input brought.
pub(super) enum Input {
    Bytes(Vec<u8>),
    Nothing,
    End,
    Reset,
}

/// What an attempt to send brought.
pub(super) enum Output {
    Taken(u32),
    /// No room; the end is looked at again when there is.
    Full,
    Reset,
}

/// Listeners and connections of a world, and what each port is to look at.
pub(super) struct Network {
    pub(super) now: Instant,
    pub(super) rng: Rng,
    pub(super) faults: Faults,
    pub(super) counts: FaultCounts,
    connections: Slab<Connection>,
    listeners: BTreeMap<SocketAddr, Listener>,
    /// Addresses that neither accept nor refuse.
    pub(super) silent: BTreeSet<SocketAddr>,
    /// By port: what is due, in order. The number keeps equal times in the order of their making.
    agendas: Vec<BTreeSet<(Instant, u64, Look)>>,
    next_number: u64,
    next_port: u16,
}

struct Listener {
    port: usize,
    backlog: VecDeque<End>,
}

/// Connections that a world holds at once.
const CONNECTIONS_MAX: u32 = 100_000;
/// Connections that wait to be accepted; more are refused.
const BACKLOG_MAX: usize = 1_024;

impl Network {
    pub(super) fn new(rng: Rng, faults: Faults) -> Self {
        Self {
            now: Instant::ZERO,
            rng,
            faults,
            counts: FaultCounts::default(),
            connections: Slab::with_capacity(CONNECTIONS_MAX),
            listeners: BTreeMap::new(),
            silent: BTreeSet::new(),
            agendas: Vec::new(),
            next_number: 0,
            next_port: 40_000,
        }
    }

    pub(super) fn add_port(&mut self) -> usize {
        self.agendas.push(BTreeSet::new());
        self.agendas.len() - 1
    }

    /// Has a port look at something at a time.
    pub(super) fn plan(&mut self, port: usize, at: Instant, look: Look) {
        self.next_number += 1;
        self.agendas[port].insert((at, self.next_number, look));
    }

    /// The next thing that a port is to look at now.
    pub(super) fn due(&mut self, port: usize) -> Option<Look> {
        let (at, _, _) = *self.agendas[port].first()?;
        (at <= self.now).then(|| self.agendas[port].pop_first().expect("seen").2)
    }

    /// When a port has something to look at next.
    pub(super) fn next_at(&self, port: usize) -> Option<Instant> {
        self.agendas[port].first().map(|(at, _, _)| *at)
    }

    /// A delay for a completion: none, unless it is late.
    pub(super) fn lateness(&mut self) -> Duration {
        if self.rng.chance(self.faults.late) {
            self.counts.late += 1;
            self.delay()
        } else {
            Duration::ZERO
        }
    }

    pub(super) fn delay(&mut self) -> Duration {
        Duration::from_nanos(1 + self.rng.below(self.faults.delay_max.as_nanos() as u64))
    }

    /// Whether, by a fault, no local address is free for a connect.
    pub(super) fn lacks_address(&mut self) -> bool {
        let lacks = self.rng.chance(self.faults.no_address);
        self.counts.no_addresses += u64::from(lacks);
        lacks
    }

    pub(super) fn fresh_port_number(&mut self) -> u16 {
        self.next_port = self.next_port.checked_add(1).unwrap_or(1_024);
        self.next_port
    }

    /// Whether nobody listens there yet.
    pub(super) fn listen(&mut self, address: SocketAddr, port: usize) -> bool {
        let free = !self.listeners.contains_key(&address);
        if free {
            self.listeners.insert(
                address,
                Listener {
                    port,
                    backlog: VecDeque::new(),
                },
            );
        }
        free
    }

    pub(super) fn close_listener(&mut self, address: SocketAddr) {
        let listener = self.listeners.remove(&address);
        for end in listener.into_iter().flat_map(|listener| listener.backlog) {
            self.reset(end);
            self.close(end);
        }
    }

    /// Makes a connection; `None` if nobody takes it. The connecting end exists at once, the other
    /// is in the listener's backlog.
    pub(super) fn connect(&mut self, from: SocketAddr, to: SocketAddr) -> Option<End> {
        if self.silent.contains(&to) {
            return self.connect_to_silence(from, to);
        }
        if self.rng.chance(self.faults.refused) {
            self.counts.refused += 1;
            return None;
        }
        if self.listeners.get(&to)?.backlog.len() == BACKLOG_MAX {
            return None;
        }
        let latency = self.delay();
        let buffer_bytes = {
            let faults = &self.faults;
            self.rng
                .range(faults.buffer_bytes_min..faults.buffer_bytes_max + 1)
        };
        let ends = [EndState::new(), EndState::new()];
        let connection = Connection {
            addresses: [from, to],
            ends,
            latency,
            buffer_bytes,
        };
        let key = self.connections.insert(connection).ok()?;
        let end = End {
            connection: key,
            side: 0,
        };
        let listener = self.listeners.get_mut(&to).expect("looked up above");
        listener.backlog.push_back(end.other());
        let port = listener.port;
        let at = self.now + latency;
        self.plan(port, at, Look::Listener(to));
        if self.rng.chance(self.faults.reset) {
            let lifetime = self.faults.delay_max * (1 + self.rng.below(100) as u32);
            self.reset_later(end, lifetime);
        }
        Some(end)
    }

    /// Whether a connect from this end is answered at all.
    pub(super) fn is_answered(&self, end: End) -> bool {
        self.state(end.other()).is_some_and(|state| !state.closed)
    }

    fn connect_to_silence(&mut self, from: SocketAddr, to: SocketAddr) -> Option<End> {
        let nobody = EndState {
            closed: true,
            ..EndState::new()
        };
        let ends = [EndState::new(), nobody];
        let connection = Connection {
            addresses: [from, to],
            ends,
            latency: Duration::ZERO,
            buffer_bytes: 0,
        };
        let connection = self.connections.insert(connection).ok()?;
        Some(End {
            connection,
            side: 0,
        })
    }

    /// Takes a connection out of a listener's backlog: the oldest, or by a fault any.
    pub(super) fn accept(&mut self, address: SocketAddr) -> Option<End> {
        let jumps = self.rng.chance(self.faults.queue_jump);
        let backlog = &mut self.listeners.get_mut(&address)?.backlog;
        if !jumps || backlog.len() < 2 {
            return backlog.pop_front();
        }
        self.counts.queue_jumps += 1;
        let behind_the_first = 1 + self.rng.below(backlog.len() as u64 - 1) as usize;
        backlog.remove(behind_the_first)
    }

    pub(super) fn has_backlog(&self, address: SocketAddr) -> bool {
        self.listeners
            .get(&address)
            .is_some_and(|listener| !listener.backlog.is_empty())
    }

    /// Has an end heard by a port, what is on its way to it already included.
    pub(super) fn attach(&mut self, end: End, port: usize) {
        let Some(state) = self.state_mut(end) else {
            return;
        };
        state.port = Some(port);
        let news: Vec<Instant> = state.incoming.arrivals().chain(state.reset_at).collect();
        for at in news {
            self.tell(end, at);
        }
    }

    /// The address of an end itself.
    pub(super) fn address(&self, end: End) -> Option<SocketAddr> {
        let connection = self.connections.get(end.connection)?;
        Some(connection.addresses[usize::from(end.side)])
    }

    /// Whether an end knows by now that the connection was reset.
    pub(super) fn is_reset(&self, end: End) -> bool {
        self.state(end)
            .is_none_or(|state| state.reset_at.is_some_and(|at| at <= self.now))
    }

    /// Whether a look at an end's input would bring something now.
    pub(super) fn has_input(&self, end: End) -> bool {
        let has_news = |state: &EndState| state.incoming.has_news(self.now);
        self.is_reset(end) || self.state(end).is_some_and(has_news)
    }

    /// Reads up to `room` bytes of what has arrived.
    pub(super) fn read(&mut self, end: End, room: usize) -> Input {
        let now = self.now;
        let is_reset = self.is_reset(end);
        let Some(state) = self.state_mut(end) else {
            return Input::Reset;
        };
        if is_reset && state.reset_forgets {
            let lost = state.incoming.forget();
            self.counts.lossy_resets += u64::from(lost > 0);
            return Input::Reset;
        }
        let bytes = state.incoming.read(now, room);
        if bytes.is_empty() {
            return match state.incoming.is_at_end(now) {
                _ if is_reset => Input::Reset,
                true => Input::End,
                false => Input::Nothing,
            };
        }
        // The sender hears of the room later.
        let at = now + self.latency(end);
        self.tell(end.other(), at);
        Input::Bytes(bytes)
    }

    /// How many bytes a receive takes of `room`: all, or by a fault fewer.
    pub(super) fn split(&mut self, room: usize) -> usize {
        if room > 1 && self.rng.chance(self.faults.split) {
            self.counts.splits += 1;
            1 + self.rng.below(room.min(64) as u64 - 1) as usize
        } else {
            room
        }
    }

    /// Sends as much of `slices` as there is room for, or by a fault less.
    pub(super) fn write<'a>(&mut self, end: End, slices: impl Iterator<Item = &'a [u8]>) -> Output {
        if self.is_reset(end) {
            return Output::Reset;
        }
        let other = end.other();
        if self
            .state(other)
            .is_some_and(|state| state.incoming.is_ended())
        {
            return Output::Reset;
        }
        if self.state(other).is_none_or(|state| state.closed) {
            // Bytes for one who has gone come back as a reset.
            self.reset_later(end, self.latency(end));
            return Output::Taken(slices.map(<[u8]>::len).sum::<usize>() as u32);
        }
        let mut slices = slices.filter(|slice| !slice.is_empty()).peekable();
        if slices.peek().is_none() {
            return Output::Taken(0);
        }
        let limit = self.send_limit(other);
        let arrives = self.arrival(other);
        let state = self.state_mut(other).expect("looked at above");
        match state.incoming.send(slices, limit, arrives) {
            Some((arrives, count)) => {
                self.tell(other, arrives);
                Output::Taken(count)
            }
            None => {
                self.counts.stalled_sends += 1;
                Output::Full
            }
        }
    }

    /// How many bytes a send towards `end` takes: what there is room for, or by a fault fewer.
    fn send_limit(&mut self, end: End) -> usize {
        let room = usize::try_from(self.room(end)).unwrap_or(usize::MAX);
        if room > 1 && self.rng.chance(self.faults.short_send) {
            self.counts.short_sends += 1;
            1 + self.rng.below(room.min(256) as u64 - 1) as usize
        } else {
            room
        }
    }

    /// When something that leaves now for `end` arrives, unless it waits behind something else.
    fn arrival(&mut self, end: End) -> Instant {
        let jitter = self.lateness();
        self.now + self.latency(end) + jitter
    }

    /// Ends an end's own direction.
    pub(super) fn finish(&mut self, end: End) {
        let other = end.other();
        if self
            .state(other)
            .is_none_or(|state| state.incoming.is_ended())
        {
            return;
        }
        let arrives = self.arrival(other);
        let state = self.state_mut(other).expect("looked at above");
        let arrives = state.incoming.end(arrives);
        self.tell(other, arrives);
    }

    /// Resets a connection: this end knows at once, the other later.
    pub(super) fn reset(&mut self, end: End) {
        let (now, latency) = (self.now, self.latency(end));
        self.mark_reset(end, now);
        self.mark_reset(end.other(), now + latency);
    }

    /// Closes an end. With input unread the link is reset, goodbye included, as kernels do.
    pub(super) fn close(&mut self, end: End) {
        let Some(state) = self.state_mut(end) else {
            return;
        };
        let unread = state.incoming.held() > 0;
        let is_reset = state.reset_at.is_some();
        state.closed = true;
        state.port = None;
        if unread && !is_reset {
            self.counts.rude_closes += 1;
            self.reset(end);
        } else {
            self.finish(end);
        }
        let connection = self
            .connections
            .get(end.connection)
            .expect("it has this end");
        if connection.ends.iter().all(|end| end.closed) {
            self.connections.remove(end.connection);
        }
    }

    /// How many connections have an end that is not closed.
    pub(super) fn connections(&self) -> u32 {
        self.connections.len()
    }

    /// Both ends learn of a reset that happens after `delay`, each in its own time.
    fn reset_later(&mut self, end: End, delay: Duration) {
        self.counts.resets += 1;
        let first = self.now + delay;
        let second = first + self.delay();
        self.mark_reset(end, first);
        self.mark_reset(end.other(), second);
    }

    fn mark_reset(&mut self, end: End, at: Instant) {
        let forgets = self.rng.chance(self.faults.lossy_reset);
        let Some(state) = self.state_mut(end) else {
            return;
        };
        state.reset_forgets |= forgets;
        state.reset_at = Some(state.reset_at.map_or(at, |before| before.min(at)));
        self.tell(end, at);
    }

    /// Has the port of an end look at it.
    pub(super) fn tell(&mut self, end: End, at: Instant) {
        if let Some(port) = self.state(end).and_then(|state| state.port) {
            self.plan(port, at, Look::End(end));
        }
    }

    fn room(&self, end: End) -> u64 {
        let Some(connection) = self.connections.get(end.connection) else {
            return 0;
        };
        let used = connection.ends[usize::from(end.side)].incoming.held();
        connection.buffer_bytes.saturating_sub(used)
    }

    fn latency(&self, end: End) -> Duration {
        let connection = self.connections.get(end.connection);
        connection.map_or(Duration::ZERO, |connection| connection.latency)
    }

    fn state(&self, end: End) -> Option<&EndState> {
        Some(&self.connections.get(end.connection)?.ends[usize::from(end.side)])
    }

    fn state_mut(&mut self, end: End) -> Option<&mut EndState> {
        Some(&mut self.connections.get_mut(end.connection)?.ends[usize::from(end.side)])
    }
}

impl EndState {
    fn new() -> Self {
        Self {
            port: None,
            incoming: Stream::default(),
            reset_at: None,
            reset_forgets: false,
            closed: false,
        }
    }
}
