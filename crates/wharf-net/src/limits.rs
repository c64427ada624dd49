//! Every limit of the sessions, in one place, with its default and the memory that follows.

use core::fmt;
use core::time::Duration;
use wharf_base::{Planted, SessionId};
use wharf_port::SendBatch;
use wharf_wire::{FrameRules, classic};

/// The limits of the sessions of one process. `0` turns off those that say so.
#[derive(Clone, Debug)]
pub struct NetLimits {
    /// I/O shards of the process: 1 to 256.
    pub shards: u16,
    /// Sessions at once in the process.
    pub sessions_max: u32,
    /// Sessions beyond them, as many as may wait for a place. Which sessions these are, whoever
    /// lets them log in says.
    pub waiting_max: u32,
    /// Seats beside them for connections that are told that the server is full; beyond those a
    /// connection is reset.
    pub refusals_max: u32,
    /// Those among them that one address (IPv6: one /64) may take; 0 = off.
    pub refusals_per_address: u32,
    /// The frame that they are told so by when they begin with a packet from 1024 on: a classic
    /// login has its own. Empty: they are closed without.
    pub refusal_frame: &'static [u8],
    /// The last frame to those who began with a packet from 1024 on and did not log in in time.
    /// Empty: they are closed without.
    pub login_timeout_frame: &'static [u8],
    /// The last frame to those with a heartbeat who were silent for too long. Empty: as above.
    pub idle_timeout_frame: &'static [u8],
    /// Sessions at once that have not logged in.
    pub sessions_not_logged_in: u32,
    /// Sessions at once from one address (IPv6: from one /64); 0 = off.
    pub connections_per_address: u32,
    /// Whether loopback addresses are exempt from `connections_per_address` and
    /// `refusals_per_address`.
    pub loopback_exempt: bool,
    /// Connects in flight at once on one shard.
    pub connects_max: u32,

    /// Accepted connections that one turn takes in; the rest wait for the next.
    pub accepts_per_turn: u32,
    /// Accepted connections that wait for a turn; beyond those a connection is reset. While one
    /// waits no more are accepted; but an accept that is armed takes all that the kernel has kept
    /// meanwhile, so this is as many as a listener's backlog.
    pub accepts_waiting_max: u32,
    /// Pause of a listener after the system had no descriptor or memory for an accept.
    pub accept_backoff: Duration,

    /// What an accepted session may send us.
    pub inbound: FrameRules,
    /// What we may send an accepted session, and a session that we connected may send us.
    pub outbound: FrameRules,
    /// Frames that content has not handled yet, per session, before its input pauses.
    pub session_credit: u32,
    /// Packets a second from one session; 0 = off.
    pub inbound_packets_per_second: u32,
    /// Bytes a second from one session; 0 = off.
    pub inbound_bytes_per_second: u32,
    /// How much of both may come at once, as a time at that rate.
    pub inbound_burst: Duration,
    /// How long a session may keep overdrawing its rate before it is a flood.
    pub flood: Duration,
    /// Memory of one shard for frames that have arrived in part.
    pub reassembly_bytes: u32,

    /// Bytes that others may have waiting for a session whose link takes nothing. Half a mebibyte:
    /// a member of a room in which 1,000 members say a line of 295 bytes each second may stall for
    /// 1.7 seconds.
    pub send_queue_bytes: u32,
    /// Messages that others may have waiting for it then: four seconds of that room.
    pub send_queue_messages: u32,
    /// How long a session's link may take nothing while more than that waits, before it is a slow
    /// reader. What comes in one go is no fault of a reader that was not given the time to read.
    pub slow_reader: Duration,
    /// Whatever the reader does, this many times the two limits ends it: what comes in one go, and
    /// the replies to requests that it had sent before its input paused (at half of the limits).
    pub send_queue_burst_factor: u32,
    /// Memory of what is on its way to all sessions of one shard, waiting or in flight. Above half
    /// of that, whoever is sent more and has more than its even share of the half is a slow reader;
    /// those within their share add about the other half at the most.
    pub send_queues_bytes: u64,

    /// Time to log in.
    pub login: Duration,
    /// Silence allowed to a session with a heartbeat. The classic client has none: a logged-in
    /// classic session may be silent for ever, and TCP keepalive finds the dead.
    pub idle: Duration,
    /// Time to complete a frame that was begun.
    pub partial_frame: Duration,
    /// Time in which a send must end. Where the port sends in parts (io_uring, readiness) the link
    /// need only take something. A send of IOCP ends when all of it has been taken, so there a
    /// reader must take a whole batch in this time: 64 KiB at the most, 2.2 KB/s by the default.
    pub send_stall: Duration,
    /// Time that a peer has to close after us; also the longest that a stop takes.
    pub drain: Duration,
    /// Time that a refused connection has to ask, which is `login` while half of `refusals_max` are
    /// free; and then to close, as long as who was told of a deadline.
    pub refusal: Duration,
    /// Time for a connect.
    pub connect: Duration,
    /// A bug on purpose.
    pub planted: Planted<crate::Canary>,
}

impl NetLimits {
    /// The defaults for `sessions_max` sessions on `shards` shards.
    pub fn for_sessions(sessions_max: u32, shards: u16) -> Self {
        Self {
            shards,
            sessions_max,
            sessions_not_logged_in: (sessions_max / 10).max(64),
            ..Self::default()
        }
    }

    /// Sessions of the process, those that may wait for a place included.
    pub fn sessions_and_waiting(&self) -> u32 {
        self.sessions_max.saturating_add(self.waiting_max)
    }

    /// Sessions that one shard may hold: its even share. The least loaded shard that can take one
    /// gets the next.
    pub(crate) fn sessions_share(&self) -> u32 {
        let shards = u32::from(self.shards.max(1));
        self.sessions_and_waiting().div_ceil(shards)
    }

    /// Sessions and refusals that one shard has slots for: its share, and any may hold all the
    /// refusals.
    pub fn sessions_per_shard(&self) -> u32 {
        self.sessions_share() + self.refusals_max
    }

    /// Sockets that the port of one shard needs for them and for `listeners` listeners.
    pub fn sockets_per_port(&self, listeners: u32) -> u32 {
        self.sessions_per_shard() + listeners
    }

    /// Checks each limit, and those that depend on each other.
    ///
    /// # Errors
    /// [`LimitsError`] with the first limit that is wrong, and why.
    pub fn validate(&self) -> Result<(), LimitsError> {
        let rules = [
            (
                (1..=256).contains(&self.shards),
                "shards",
                "must be 1 to 256",
            ),
            (self.sessions_max > 0, "sessions_max", "must be at least 1"),
            (
                self.sessions_per_shard() < SessionId::SLOTS_MAX,
                "sessions_max",
                "is above 16,777,215 a shard",
            ),
            (
                self.sessions_not_logged_in > 0,
                "sessions_not_logged_in",
                "must be at least 1, or nobody can log in",
            ),
            (
                self.accepts_per_turn > 0,
                "accepts_per_turn",
                "must be at least 1",
            ),
            (
                !self.accept_backoff.is_zero(),
                "accept_backoff",
                "must not be zero",
            ),
            (
                self.session_credit > 0,
                "session_credit",
                "must be at least 1",
            ),
            (
                self.send_queue_bytes >= u32::from(self.outbound.frame_bytes_max) * 2,
                "send_queue_bytes",
                "must hold two frames of the outbound limit",
            ),
            (
                self.send_queue_messages >= 2,
                "send_queue_messages",
                "must be at least 2",
            ),
            (
                self.send_queue_burst_factor >= 1
                    && self
                        .send_queue_bytes
                        .checked_mul(self.send_queue_burst_factor)
                        .is_some()
                    && self
                        .send_queue_messages
                        .checked_mul(self.send_queue_burst_factor)
                        .is_some(),
                "send_queue_burst_factor",
                "must be at least 1, and its product with the queue's limits below 2^32",
            ),
            (
                self.send_queues_bytes / 2 >= u64::from(self.send_queue_bytes),
                "send_queues_bytes",
                "must hold two full queues",
            ),
            (
                self.reassembly_bytes >= u32::from(self.inbound.frame_bytes_max),
                "reassembly_bytes",
                "must hold one frame of the inbound limit",
            ),
            (
                !self.inbound_burst.is_zero(),
                "inbound_burst",
                "must not be zero",
            ),
        ];
        let timeouts = [
            (self.login, "login"),
            (self.idle, "idle"),
            (self.partial_frame, "partial_frame"),
            (self.send_stall, "send_stall"),
            (self.drain, "drain"),
            (self.refusal, "refusal"),
            (self.connect, "connect"),
        ];
        for (good, limit, problem) in rules {
            if !good {
                return Err(LimitsError { limit, problem });
            }
        }
        match timeouts.into_iter().find(|(time, _)| time.is_zero()) {
            Some((_, limit)) => Err(LimitsError {
                limit,
                problem: "must not be zero",
            }),
            None => Ok(()),
        }
    }

    /// The bytes that follow from these limits.
    pub fn memory(&self) -> NetMemory {
        let idle_session = crate::session::IDLE_SESSION_BYTES as u64;
        let factor = u64::from(self.send_queue_burst_factor);
        let queued = u64::from(self.send_queue_bytes) * factor;
        let records = u64::from(self.send_queue_messages) * factor;
        let records_bytes = records * crate::queue::RECORD_BYTES as u64;
        NetMemory {
            idle_session_bytes: idle_session,
            idle_sessions_bytes: idle_session
                * u64::from(self.sessions_per_shard())
                * u64::from(self.shards),
            session_bytes_max: idle_session
                + u64::from(self.inbound.frame_bytes_max)
                + queued
                + records_bytes
                + SendBatch::BYTES_MAX as u64,
            reassembly_bytes: u64::from(self.reassembly_bytes) * u64::from(self.shards),
            send_queues_bytes: self.send_queues_bytes * u64::from(self.shards),
            pooled_bytes: crate::pools::POOLED_BYTES_MAX as u64 * u64::from(self.shards),
        }
    }
}

impl Default for NetLimits {
    fn default() -> Self {
        Self {
            shards: 1,
            sessions_max: 1_024,
            waiting_max: 0,
            refusals_max: 64,
            refusals_per_address: 32,
            refusal_frame: &[],
            login_timeout_frame: &[],
            idle_timeout_frame: &[],
            sessions_not_logged_in: 102,
            connections_per_address: 500,
            loopback_exempt: true,
            connects_max: 64,
            accepts_per_turn: 64,
            accepts_waiting_max: 4_096,
            accept_backoff: Duration::from_millis(100),
            inbound: FrameRules {
                table: &classic::FROM_CLIENT,
                frame_bytes_max: 16 * 1024,
            },
            outbound: FrameRules {
                table: &classic::FROM_SERVER,
                frame_bytes_max: 16 * 1024,
            },
            session_credit: 64,
            inbound_packets_per_second: 200,
            inbound_bytes_per_second: 256 * 1024,
            inbound_burst: Duration::from_secs(2),
            flood: Duration::from_secs(5),
            reassembly_bytes: 8 * 1024 * 1024,
            send_queue_bytes: 512 * 1024,
            send_queue_messages: 4_096,
            slow_reader: Duration::from_secs(1),
            send_queue_burst_factor: 4,
            send_queues_bytes: 256 * 1024 * 1024,
            login: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            partial_frame: Duration::from_secs(10),
            send_stall: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            refusal: Duration::from_secs(2),
            connect: Duration::from_secs(10),
            planted: Planted::default(),
        }
    }
}

/// What the limits come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetMemory {
    /// A session that has nothing to send and no unfinished frame.
    pub idle_session_bytes: u64,
    /// All sessions and refusals of the process, idle.
    pub idle_sessions_bytes: u64,
    /// The most that one session can hold: an unfinished frame and a full queue.
    pub session_bytes_max: u64,
    /// The most that unfinished frames can hold, over all shards.
    pub reassembly_bytes: u64,
    /// About the most that may be on its way to sessions, waiting or in flight, over all shards.
    pub send_queues_bytes: u64,
    /// The most that empty send batches and queues keep for the next use, over all shards.
    pub pooled_bytes: u64,
}

/// A limit that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitsError {
    /// Its name.
    pub limit: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl fmt::Display for LimitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limits.{} {}", self.limit, self.problem)
    }
}

impl std::error::Error for LimitsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_at_every_size() {
        for (sessions, shards) in [(1, 1), (1_024, 1), (65_536, 2), (65_536, 256)] {
            let limits = NetLimits::for_sessions(sessions, shards);
            assert_eq!(limits.validate(), Ok(()));
            assert!(limits.sessions_not_logged_in >= 64);
        }
    }

    #[test]
    fn a_limit_that_cannot_work_is_named() {
        let wrong = |change: fn(&mut NetLimits)| {
            let mut limits = NetLimits::default();
            change(&mut limits);
            limits.validate().expect_err("a wrong limit").limit
        };
        assert_eq!(wrong(|limits| limits.shards = 0), "shards");
        assert_eq!(wrong(|limits| limits.shards = 257), "shards");
        assert_eq!(
            wrong(|limits| limits.sessions_max = u32::MAX / 2),
            "sessions_max"
        );
        assert_eq!(
            wrong(|limits| limits.send_queue_bytes = 32_767),
            "send_queue_bytes"
        );
        assert_eq!(
            wrong(|limits| limits.reassembly_bytes = 100),
            "reassembly_bytes"
        );
        assert_eq!(
            wrong(|limits| limits.send_queue_burst_factor = u32::MAX),
            "send_queue_burst_factor"
        );
        assert_eq!(wrong(|limits| limits.drain = Duration::ZERO), "drain");
    }

    #[test]
    fn an_idle_session_is_small() {
        let memory = NetLimits::for_sessions(19_000, 1).memory();
        assert!(memory.idle_session_bytes <= 512, "{memory:?}");
    }
}
