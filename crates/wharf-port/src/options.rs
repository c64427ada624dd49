//! What a port is made with: its sizes, its receive policy, the options of its sockets.

use core::time::Duration;
use std::net::IpAddr;
use wharf_base::Planted;

/// The sizes and modes of one port. All memory follows from these numbers and is set aside at the
/// start; nothing grows afterwards.
#[derive(Clone, Debug)]
pub struct PortOptions {
    /// Sockets that the port owns at once: listeners, sessions and refusals together.
    pub sockets_max: u32,
    /// Listeners among them.
    pub listeners_max: u32,
    /// Accepts outstanding for each listener where the system wants them one by one (IOCP).
    pub accept_depth: u32,
    /// Outgoing connects in flight at once.
    pub connects_max: u32,
    /// Receive buffers in the pool. A power of two from 2 to 32,768.
    pub recv_buffers: u16,
    /// Bytes of each receive buffer.
    pub recv_buffer_bytes: u32,
    /// How receives are made.
    pub recv_policy: RecvPolicy,
    /// Entries of the submission queue (io_uring). A full queue is flushed, never an error.
    pub submission_entries: u32,
    /// Entries of the completion queue (io_uring).
    pub completion_entries: u32,
    /// Options set on each accepted and each connected socket.
    pub socket: SocketOptions,
    /// A bug that is planted in a simulated port.
    pub planted: Planted<crate::sim::Canary>,
}

impl PortOptions {
    /// The defaults for a port of `sockets_max` sockets.
    pub fn for_sockets(sockets_max: u32) -> Self {
        Self {
            sockets_max,
            ..Self::default()
        }
    }

    /// How many operations can be in flight: two a socket (a receive and a send), the accepts and
    /// the connects. The op slab has exactly that many slots.
    pub fn ops_max(&self) -> u32 {
        self.sockets_max * 2 + self.listeners_max * self.accept_depth + self.connects_max
    }
}

impl Default for PortOptions {
    fn default() -> Self {
        Self {
            sockets_max: 1_024,
            listeners_max: 2,
            accept_depth: 16,
            connects_max: 64,
            recv_buffers: 1_024,
            recv_buffer_bytes: 4_096,
            recv_policy: RecvPolicy::Stream,
            submission_entries: 1_024,
            completion_entries: 4_096,
            socket: SocketOptions::default(),
            planted: Planted::default(),
        }
    }
}

/// How a port receives. Invisible in the contract; every backend accepts all three and uses the
/// nearest it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvPolicy {
    /// The system's best: multishot into the buffer ring (io_uring), a posted buffer for each
    /// receive (IOCP), a read per readiness.
    Stream,
    /// One completion for each armed receive (multishot off).
    OneShot,
    /// No buffer while a socket is idle: a zero-byte receive first, then a read of what is there
    /// (IOCP); elsewhere as `OneShot`.
    ZeroByte,
}

/// Options of accepted and connected sockets (`tcp(7)`).
#[derive(Clone, Copy, Debug)]
pub struct SocketOptions {
    /// `TCP_NODELAY`.
    pub nodelay: bool,
    /// `TCP_NOTSENT_LOWAT` in bytes (Linux): bounds what the kernel takes from us for a reader
    /// that has stalled. `None` leaves the system's default, which is megabytes.
    pub notsent_lowat: Option<u32>,
    /// `SO_SNDBUF` in bytes (Windows, where no low-water mark exists). Never 0.
    pub send_buffer: Option<u32>,
    /// TCP keepalive; `None` leaves it off. On Windows the only option that finds a dead peer.
    pub keepalive: Option<Keepalive>,
    /// `TCP_USER_TIMEOUT` (Linux): how long sent bytes may stay unacknowledged. It also overrides
    /// the number of keepalive probes (`tcp(7)`): once a probe is unanswered, a link that has been
    /// silent for this long is dead. So it is no shorter than keepalive as a whole takes, or one
    /// lost probe would kill the link; and a thousand sessions that came together send their
    /// probes together, more than the kernel's backlog may hold. On Windows nothing is set for it:
    /// keepalive is the bound there, and the system's own retransmissions.
    pub user_timeout: Option<Duration>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            notsent_lowat: Some(16 * 1024),
            send_buffer: cfg!(windows).then_some(64 * 1024),
            keepalive: Some(Keepalive::default()),
            user_timeout: Some(Keepalive::default().patience()),
        }
    }
}

/// When a silent peer is asked whether it still lives, in whole seconds.
#[derive(Clone, Copy, Debug)]
pub struct Keepalive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Unanswered probes after which the link is dead.
    pub probes: u32,
}

impl Keepalive {
    /// From the last sign of life to the end of the link.
    pub fn patience(&self) -> Duration {
        self.idle + self.interval * self.probes
    }
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(10),
            probes: 6,
        }
    }
}

/// Options of a listening socket.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// Connections that the kernel keeps for us until we accept them (`listen(2)`).
    pub backlog: i32,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: 4_096 }
    }
}

/// Options of one outgoing connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectOptions {
    /// The address to connect from; `None` lets the system choose. Load tests use several, since
    /// one address has some 28,000 free ports.
    pub local: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_probe_does_not_end_a_link() {
        let SocketOptions {
            keepalive: Some(keepalive),
            user_timeout: Some(user_timeout),
            ..
        } = SocketOptions::default()
        else {
            panic!("both are on")
        };
        assert!(keepalive.probes > 1);
        assert!(user_timeout >= keepalive.patience());
    }
}
