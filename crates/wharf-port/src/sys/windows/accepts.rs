//! Accepts: several are outstanding for each armed listener, and make one stream of completions.
//!
//! To the ledger and the caller an armed accept is one operation. The kernel knows `accept_depth`
//! of them, each with a slot of its own, apart from those of the ledger: an accept needs addresses
//! that nobody else needs, and a socket made beforehand.

use super::completion_port::{Packet, Source};
use super::winsock::{self, ADDRESS_BYTES, Extensions};
use super::{IocpPort, codes};
use crate::sys::op_slab::{Op, OpKind, OpSlab};
use crate::sys::sockets;
use crate::{
    AcceptError, Completion, DetachedSocket, Event, OpId, OsCode, PortOptions, SocketId, Token,
};
use core::mem::offset_of;
use socket2::{Domain, Protocol, Socket, Type};
use windows_sys::Win32::System::IO::OVERLAPPED;

/// The accepts that the kernel has, of all listeners.
///
/// Invariant: a slot is used from the submission of its accept to its packet; `sockets` holds the
/// socket of each used slot; `outstanding` of a listener is the number of its used slots.
pub(super) struct Accepts {
    slots: OpSlab<AcceptSlot>,
    sockets: Vec<Option<Socket>>,
    armed: Vec<Armed>,
    depth: u32,
}

/// A listener with an armed accept.
struct Armed {
    op: OpId,
    listener: SocketId,
    domain: Domain,
    outstanding: u32,
}

/// What the kernel writes to during one accept.
#[repr(C)]
struct AcceptSlot {
    overlapped: OVERLAPPED,
    /// The two ends' addresses, which nobody reads: `getpeername` tells.
    addresses: [u8; 2 * ADDRESS_BYTES],
}

const _: () = assert!(offset_of!(AcceptSlot, overlapped) == 0);

/// The end of one accept. Its slot is ours, and is removed once it has been read.
struct Ended {
    id: OpId,
    listener: SocketId,
    socket: Socket,
}

impl Accepts {
    pub(super) fn new(options: &PortOptions) -> Self {
        let capacity = options.listeners_max * options.accept_depth;
        Self {
            slots: OpSlab::with_capacity(capacity),
            sockets: (0..capacity).map(|_| None).collect(),
            armed: Vec::new(),
            depth: options.accept_depth,
        }
    }

    /// How many accepts the kernel has.
    pub(super) fn lent_count(&self) -> usize {
        self.slots.lent_count()
    }

    /// How many of them are the listener's, if an accept is armed on it.
    pub(super) fn outstanding(&self, listener: SocketId) -> u32 {
        self.position(listener)
            .map_or(0, |at| self.armed[at].outstanding)
    }

    /// Forgets that an accept is armed on the listener. None is outstanding.
    pub(super) fn disarm(&mut self, listener: SocketId) {
        if let Some(at) = self.position(listener) {
            let armed = self.armed.swap_remove(at);
            assert!(
                armed.outstanding == 0,
                "disarmed with accepts in the kernel"
            );
        }
    }

    fn position(&self, listener: SocketId) -> Option<usize> {
        self.armed
            .iter()
            .position(|armed| armed.listener == listener)
    }

    /// Brings the number of outstanding accepts up to the depth, or as far as sockets can be made.
    fn top_up(
        &mut self,
        listener: SocketId,
        handle: &Socket,
        winsock: &Extensions,
    ) -> Result<(), OsCode> {
        let at = self
            .position(listener)
            .expect("armed, and not disarmed yet");
        while self.armed[at].outstanding < self.depth {
            self.submit(listener, handle, self.armed[at].domain, winsock)?;
            self.armed[at].outstanding += 1;
        }
        Ok(())
    }

    fn submit(
        &mut self,
        listener: SocketId,
        handle: &Socket,
        domain: Domain,
        winsock: &Extensions,
    ) -> Result<(), OsCode> {
        // Overlapped and not inherited by child processes, as socket2 makes them.
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))
            .map_err(|error| sockets::os_code(&error))?;
        let id = self
            .slots
            .insert(Op::new(Token::default(), listener, OpKind::Accept));
        let slot = self.slots.scratch(id).as_ptr();
        self.slots.lend(id);
        // SAFETY: the slot is this accept's alone and stays put; it is lent until the packet (C2).
        // The socket stays open as long, in `sockets`.
        let submitted = unsafe {
            (&raw mut (*slot).overlapped).write(OVERLAPPED::default());
            let addresses = (&raw mut (*slot).addresses).cast();
            winsock.accept(handle, &socket, addresses, slot.cast())
        };
        match submitted {
            Ok(()) => self.sockets[id.0.index() as usize] = Some(socket),
            Err(_) => self.free(id),
        }
        submitted
    }

    /// Takes note of the end of an accept.
    fn reap(&mut self, overlapped: *mut OVERLAPPED) -> Ended {
        let id = self.slots.id_at(overlapped.cast());
        let listener = self.slots.reap(id, true).socket;
        let socket = self.sockets[id.0.index() as usize].take();
        if let Some(at) = self.position(listener) {
            self.armed[at].outstanding -= 1;
        }
        Ended {
            id,
            listener,
            socket: socket.expect("each accept has a socket"),
        }
    }

    /// Takes back the slot of an accept that the kernel refused.
    fn free(&mut self, id: OpId) {
        self.slots.reap(id, true);
        self.slots.remove(id);
    }
}

impl IocpPort {
    /// Has a listener accept. If not one accept can be submitted, the operation fails (C4).
    pub(super) fn start_accepts(&mut self, op: OpId, listener: SocketId) {
        let handle = &self
            .ledger
            .socket(listener)
            .expect("it has an accept")
            .handle;
        let domain = match handle.local_addr() {
            Ok(address) => address.domain(),
            Err(error) => return self.ledger.fail(op, sockets::os_code(&error)),
        };
        self.accepts.armed.push(Armed {
            op,
            listener,
            domain,
            outstanding: 0,
        });
        let topped_up = self.accepts.top_up(listener, handle, &self.winsock);
        if let Err(code) = topped_up
            && self.accepts.outstanding(listener) == 0
        {
            self.ledger.fail(op, code);
        }
    }

    /// Makes our completion of one accept's packet. `None` for an accept that was cancelled while
    /// others are still outstanding: the last one says it.
    pub(super) fn on_accept(&mut self, packet: &Packet) -> Option<Completion> {
        assert!(packet.source() == Source::Listener);
        let Ended {
            id,
            listener,
            socket,
        } = self.accepts.reap(packet.overlapped());
        let at = self
            .accepts
            .position(listener)
            .expect("armed until its last accept");
        let op = self.accepts.armed[at].op;
        let noted = self
            .ledger
            .ops
            .get(op)
            .expect("armed until its last accept");
        let (token, cancelled) = (noted.token, noted.cancelled);
        let handle = &self
            .ledger
            .socket(listener)
            .expect("it has an accept")
            .handle;
        // SAFETY: the packet was dequeued, and the slot is not used again before it is removed.
        let outcome = unsafe { winsock::outcome(handle, packet.overlapped(), packet.bytes()) };
        self.accepts.slots.remove(id);
        let accepted = outcome
            .and_then(|_| winsock::update_accept_context(&socket, handle))
            .map(|()| DetachedSocket::from_os(socket))
            .map_err(codes::accept_error);
        if !cancelled {
            // What cannot be submitted now is tried again with the next accept that ends; without
            // one outstanding, `more` tells the caller to arm again, and that says why it fails.
            let _ = self.accepts.top_up(listener, handle, &self.winsock);
        }
        let more = self.accepts.armed[at].outstanding > 0;
        if more && matches!(accepted, Err(AcceptError::Cancelled)) {
            return None;
        }
        if !more {
            self.accepts.disarm(listener);
            self.ledger.end(op);
        }
        Some(Completion {
            token,
            op,
            more,
            event: Event::Accepted(accepted),
        })
    }

    /// Takes note of the end of an accept that nobody asks about any more.
    pub(super) fn discard_accept(&mut self, packet: &Packet) {
        let ended = self.accepts.reap(packet.overlapped());
        self.accepts.slots.remove(ended.id);
    }
}
