//! Which sockets the poller watches, and for what.

use super::{ReadinessPort, sockets};
use crate::{OsCode, SocketId};
use polling::{Event as Readiness, PollMode};

/// What is asked of the poller, by slot of the socket.
///
/// The polls are level-triggered and lazy: an interest stays while nothing is armed and is dropped
/// only when it reports in vain, so a receive that is armed again and again costs no system call.
///
/// A socket that is watched for nothing is polled for one shot: `epoll_ctl(2)` reports errors and
/// hang-ups whatever was asked for, and a peer that reset a paused session would otherwise keep
/// `wait` from ever sleeping.
#[derive(Default)]
pub(super) struct Watches(Vec<Interest>);

/// What one socket is watched for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) readable: bool,
    pub(super) writable: bool,
}

impl ReadinessPort {
    /// Makes a socket that was opened just now known to the poller, watched for nothing yet. One
    /// that the poller refuses (no memory, or the user's watches are used up) is closed again.
    pub(super) fn begin_watching(&mut self, socket: SocketId) -> Result<(), OsCode> {
        let slot = socket.0.index() as usize;
        if self.watches.0.len() <= slot {
            self.watches.0.resize(slot + 1, Interest::default());
        }
        self.watches.0[slot] = Interest::default();
        let handle = &self.ledger.socket(socket).expect("opened just now").handle;
        // SAFETY: the source must be deleted before it is dropped, says `polling`. Closing the one
        // descriptor of a socket deletes it from epoll (epoll(7), question 6) and from kqueue
        // (kqueue(2)), and the ledger holds the only one until it closes it.
        let added = unsafe {
            self.poller
                .add_with_mode(handle, Readiness::none(key(socket)), PollMode::Oneshot)
        };
        added.map_err(|error| {
            self.ledger.forget_socket(socket);
            sockets::os_code(&error)
        })
    }

    /// Whether readability is asked for. If not, although a receive is armed, that is parked.
    pub(super) fn is_watched_for_reading(&self, socket: SocketId) -> bool {
        self.watches.0[socket.0.index() as usize].readable
    }

    /// Changes what a socket is watched for; nothing if that is no change.
    pub(super) fn watch(&mut self, socket: SocketId, change: impl FnOnce(&mut Interest)) {
        let Some(open) = self.ledger.socket(socket) else {
            return;
        };
        let interest = &mut self.watches.0[socket.0.index() as usize];
        let before = *interest;
        change(interest);
        if *interest == before {
            return;
        }
        let wanted = Readiness::new(key(socket), interest.readable, interest.writable);
        let mode = if *interest == Interest::default() {
            PollMode::Oneshot
        } else {
            PollMode::Level
        };
        self.poller
            .modify_with_mode(&open.handle, wanted, mode)
            .expect("the poller knows every open socket");
    }
}

/// The socket's name, as the poller carries it: the slot below, the generation above. One bit of
/// the generation is cut, since the poller keeps the largest key for itself; a machine of 32 bits
/// has none left, and there a stale report looks at a later socket in vain.
fn key(socket: SocketId) -> usize {
    let generation = u64::from(socket.0.generation() & (u32::MAX >> 1));
    (generation << 32 | u64::from(socket.0.index())) as usize
}

/// The socket that a report is about; `None` if that has been closed. `socket_in` tells which
/// socket is in a slot now.
pub(super) fn socket_of(
    report: &Readiness,
    socket_in: impl FnOnce(u32) -> Option<SocketId>,
) -> Option<SocketId> {
    socket_in(report.key as u32).filter(|socket| key(*socket) == report.key)
}
