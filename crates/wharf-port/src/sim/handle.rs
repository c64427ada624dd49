//! What the simulated port holds for a socket.

use super::world::{SimEnd, SimWorld};
use crate::CloseHow;
use crate::sys::ledger::Handle;
use std::net::SocketAddr;

pub(super) enum SimHandle {
    Listener(SimListener),
    Stream(SimEnd),
}

/// A listener. Dropping it closes it.
pub(super) struct SimListener {
    pub(super) world: SimWorld,
    pub(super) address: SocketAddr,
}

impl Drop for SimListener {
    fn drop(&mut self) {
        if let Some(mut world) = self.world.lock_to_leave() {
            world.network.close_listener(self.address);
        }
    }
}

impl Handle for SimHandle {
    fn end_output(&self) {
        if let Self::Stream(stream) = self {
            stream.world.lock().network.finish(stream.end);
        }
    }

    fn close(self, how: CloseHow) {
        match self {
            Self::Stream(stream) if how == CloseHow::Reset => stream.reset(),
            // Dropping closes in order.
            Self::Stream(_) | Self::Listener(_) => {}
        }
    }
}
