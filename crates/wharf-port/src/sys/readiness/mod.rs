//! The port over readiness: epoll or kqueue through the `polling` crate, completions made here.
//!
//! For kernels that forbid io_uring, and for systems that have neither ring nor port. The kernel
//! never owns our memory: a call either happens at once or not at all, so C2, C7 and C12 hold by
//! themselves. How the rest is kept, beyond what the [ledger](super::ledger) keeps:
//!
//! - C1: a receive or accept stays in the ledger over many completions, as a multishot one does.
//! - C4: a send is tried when it is submitted, since it nearly always succeeds; its result waits in
//!   `done` for the next `wait`.
//! - C5: a cancel wins over everything that has not been delivered.
//! - C8: a socket whose data found no buffer is parked and no longer watched, or a level-triggered
//!   poll would spin; it is read directly when buffers have come home.
//! - C10: one read for each readable socket and wait; sockets that the caller's batch had no room
//!   for come first in the next.

mod perform;
mod watch;

use super::ledger::Ledger;
use super::pool::RecvPool;
use super::starved::Starved;
use super::{clock, sockets};
use crate::waker::{Kick, WakeFlag};
use crate::{
    CloseHow, Completion, ConnectOptions, DetachedSocket, ListenOptions, NativePort, OpId,
    OpenError, OpsFull, OsCode, Port, PortOptions, PortStats, Refused, SendBatch, SendInFlight,
    SocketId, Token, Waker,
};
use core::time::Duration;
use polling::{Event as Readiness, Events, Poller};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use watch::Watches;
use wharf_base::Instant;

/// A completion port over readiness (any Unix).
///
/// Invariant: a receive that is not cancelled has its socket watched, or stands in `starved`.
pub struct ReadinessPort {
    poller: Arc<Poller>,
    watches: Watches,
    events: Events,
    /// Readiness that was reported and not acted upon yet, for want of room in a batch.
    reported: VecDeque<Readiness>,
    ledger: Ledger<()>,
    pool: RecvPool,
    starved: Starved,
    /// Results of operations that happened when they were submitted (C4).
    done: VecDeque<(OpId, Result<u32, OsCode>)>,
    flag: wharf_base::sync::Arc<WakeFlag>,
    options: PortOptions,
    enters: u64,
}

/// Sockets asked about in one call; more are reported by the next.
const EVENTS_PER_WAIT: NonZeroUsize = NonZeroUsize::new(256).unwrap();

impl Kick for Poller {
    fn kick(&self) {
        // Fails only for a descriptor that is gone, and the poller holds it.
        let _ = self.notify();
    }
}

impl NativePort for ReadinessPort {
    const NAME: &'static str = "readiness";

    fn open(options: &PortOptions) -> Result<Self, OpenError> {
        let poller = Poller::new().map_err(|error| match sockets::os_code(&error) {
            code if sockets::is_out_of_descriptors(code) => OpenError::Descriptors(code),
            code => OpenError::Os {
                call: "epoll_create",
                code,
            },
        })?;
        Ok(Self {
            poller: Arc::new(poller),
            watches: Watches::default(),
            events: Events::with_capacity(EVENTS_PER_WAIT),
            reported: VecDeque::with_capacity(EVENTS_PER_WAIT.get()),
            ledger: Ledger::new(options),
            pool: RecvPool::new(options.recv_buffers, options.recv_buffer_bytes),
            starved: Starved::new(options.sockets_max),
            done: VecDeque::new(),
            flag: wharf_base::sync::Arc::new(WakeFlag::new()),
            options: options.clone(),
            enters: 0,
        })
    }
}

impl Port for ReadinessPort {
    fn listen(
        &mut self,
        local: SocketAddr,
        options: &ListenOptions,
    ) -> Result<SocketId, OpenError> {
        let handle = sockets::listener(local, options, &self.options.socket)?;
        unblock(&handle)?;
        let socket = self.ledger.open_listener(handle)?;
        self.begin_watching(socket).map_err(not_watched)?;
        Ok(socket)
    }

    fn adopt(&mut self, socket: DetachedSocket) -> Result<SocketId, OpenError> {
        let handle = socket.into_os();
        sockets::prepare_accepted(&handle, &self.options.socket)?;
        unblock(&handle)?;
        let socket = self.ledger.open_stream(handle)?;
        self.begin_watching(socket).map_err(not_watched)?;
        Ok(socket)
    }

    fn local_addr(&self, socket: SocketId) -> io::Result<SocketAddr> {
        let socket = self.ledger.socket(socket).ok_or(io::ErrorKind::NotFound)?;
        let address = socket.handle.local_addr()?;
        address
            .as_socket()
            .ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn arm_accept(&mut self, listener: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let op = self.ledger.begin_accept(listener, token)?;
        self.watch(listener, |interest| interest.readable = true);
        Ok(op)
    }

    fn connect(
        &mut self,
        remote: SocketAddr,
        options: &ConnectOptions,
        token: Token,
    ) -> Result<OpId, OpsFull> {
        self.ledger.may_connect()?;
        let opened = sockets::connecting(remote, options, &self.options.socket)
            .and_then(|handle| handle.set_nonblocking(true).map(|()| handle))
            .map_err(|error| sockets::os_code(&error))
            .and_then(|handle| {
                self.ledger
                    .open_stream(handle)
                    .map_err(|_| OsCode(libc::ENOBUFS))
            })
            .and_then(|socket| self.begin_watching(socket).map(|()| socket));
        let socket = match opened {
            Ok(socket) => socket,
            Err(code) => return Ok(self.ledger.fail_connect(code, token)),
        };
        let op = self.ledger.begin_connect(socket, token);
        self.start_connect(op, socket, remote);
        Ok(op)
    }

    fn arm_recv(&mut self, socket: SocketId, token: Token) -> Result<OpId, OpsFull> {
        let op = self.ledger.begin_recv(socket, token)?;
        self.watch(socket, |interest| interest.readable = true);
        Ok(op)
    }

    fn send(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>> {
        let op = self.ledger.begin_send(socket, batch, token)?;
        match self.try_send(op, socket) {
            Some(result) => self.done.push_back((op, result)),
            None => self.watch(socket, |interest| interest.writable = true),
        }
        Ok(op)
    }

    fn cancel(&mut self, op: OpId) {
        if self.ledger.begin_cancel(op) {
            self.ledger.fail(op, OsCode(libc::ECANCELED));
        }
    }

    fn shutdown_send(&mut self, socket: SocketId) -> Result<(), SendInFlight> {
        self.ledger.shutdown_send(socket)
    }

    fn close(&mut self, socket: SocketId, how: CloseHow, token: Token) {
        for op in self.ledger.begin_close(socket, how, token) {
            self.cancel(op);
        }
    }

    fn wait(&mut self, batch: &mut Vec<Completion>, until: Option<Instant>) -> io::Result<Instant> {
        let before = batch.len();
        let room = before + (batch.capacity() - before).max(1);
        self.read_starved(batch, room);
        let timeout = self.timeout(batch.len() > before, until);
        let polled = self.poll(timeout);
        if self.flag.end_sleep() {
            self.ledger.wake();
        }
        polled?;
        self.deliver(batch, room);
        self.ledger.stats.waits += 1;
        self.ledger.stats.completions += (batch.len() - before) as u64;
        Ok(clock::now())
    }

    fn waker(&self) -> Waker {
        Waker::new(self.flag.clone(), self.poller.clone())
    }

    fn stats(&self) -> PortStats {
        PortStats {
            recv_buffers_out: self.pool.lent(),
            enters: self.enters,
            ..self.ledger.stats
        }
    }
}

impl ReadinessPort {
    /// Asks the poller, unless an earlier report waits for its turn: to ask again would report the
    /// same sockets again, and more of them with each wait that has little room.
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if !self.reported.is_empty() {
            return Ok(());
        }
        self.events.clear();
        self.enters += 1;
        self.poller.wait(&mut self.events, timeout)?;
        self.reported.extend(self.events.iter());
        Ok(())
    }

    /// How long this wait may last (C10): not at all while something is ready. Announces the
    /// sleep, so that wakers know to kick.
    fn timeout(&mut self, delivered: bool, until: Option<Instant>) -> Option<Duration> {
        let ready = delivered
            || self.ledger.is_ready()
            || !self.done.is_empty()
            || !self.reported.is_empty();
        let timeout = match until {
            None | Some(Instant::FAR_FUTURE) => None,
            Some(until) => Some(until.saturating_since(clock::now())),
        };
        let may_sleep = !ready && timeout.is_none_or(|timeout| !timeout.is_zero());
        if may_sleep && self.flag.begin_sleep() {
            timeout
        } else {
            Some(Duration::ZERO)
        }
    }
}

fn not_watched(code: OsCode) -> OpenError {
    OpenError::Os {
        call: "epoll_ctl",
        code,
    }
}

fn unblock(handle: &socket2::Socket) -> Result<(), OpenError> {
    handle.set_nonblocking(true).map_err(|error| OpenError::Os {
        call: "fcntl",
        code: sockets::os_code(&error),
    })
}

#[cfg(test)]
mod tests;
