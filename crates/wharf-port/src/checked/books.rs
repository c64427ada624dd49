//! The entries of the books: operations and sockets, as the contract sees them.

use crate::{OpId, SocketId, Token};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Accept,
    Connect,
    Recv,
    Send { bytes: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Listener,
    Stream,
}

pub(super) struct OpRecord {
    pub(super) kind: Kind,
    pub(super) token: Token,
    /// `None` for a connect, whose socket is named by its completion.
    pub(super) socket: Option<SocketId>,
    /// Whether its end was asked for, by `cancel` or by `close`.
    pub(super) unwanted: bool,
}

pub(super) struct SocketRecord {
    pub(super) role: Role,
    pub(super) ops: Vec<OpId>,
    pub(super) closing: bool,
    /// Our direction was ended.
    pub(super) finished: bool,
    /// A send failed or was cancelled: nothing but `close` is legal (C13).
    pub(super) broken: bool,
}

/// How many operations there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InFlight {
    pub(super) accepts: u32,
    pub(super) connects: u32,
    pub(super) recvs: u32,
    pub(super) sends: u32,
}

impl InFlight {
    pub(super) fn of(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Accept => &mut self.accepts,
            Kind::Connect => &mut self.connects,
            Kind::Recv => &mut self.recvs,
            Kind::Send { .. } => &mut self.sends,
        }
    }
}
