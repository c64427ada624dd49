//! Ends of connections that belong to no port: what a test talks to a port with.

use super::network::{Input, Output};
use super::world::{SimEnd, SimWorld};
use std::net::SocketAddr;

/// An end outside of every port. Dropping it closes it.
pub struct SimPeer(SimEnd);

/// What reading from a [`SimPeer`] brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimRead {
    /// Some bytes.
    Bytes(Vec<u8>),
    /// Nothing has arrived by now.
    NothingYet,
    /// The other side ended its direction.
    End,
    /// The connection was reset.
    Reset,
}

/// Bytes that one read takes at the most.
const READ_MAX: usize = 64 * 1024;

impl SimPeer {
    /// Connects from `from`; `None` if that is refused.
    pub fn connect(world: &SimWorld, from: SocketAddr, to: SocketAddr) -> Option<Self> {
        let end = world.lock().network.connect(from, to)?;
        Some(Self(SimEnd {
            world: world.clone(),
            end,
        }))
    }

    /// Writes what there is room for; how many bytes that was, or `None` after a reset.
    pub fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut world = self.0.world.lock();
        match world.network.write(self.0.end, core::iter::once(bytes)) {
            Output::Taken(count) => Some(count as usize),
            Output::Full => Some(0),
            Output::Reset => None,
        }
    }

    /// Reads what has arrived.
    pub fn read(&mut self) -> SimRead {
        match self.0.world.lock().network.read(self.0.end, READ_MAX) {
            Input::Bytes(bytes) => SimRead::Bytes(bytes),
            Input::Nothing => SimRead::NothingYet,
            Input::End => SimRead::End,
            Input::Reset => SimRead::Reset,
        }
    }

    /// Ends our direction.
    pub fn shutdown_write(&mut self) {
        self.0.world.lock().network.finish(self.0.end);
    }

    /// Closes at once.
    pub fn reset(self) {
        self.0.reset();
    }
}

/// A listener outside of every port.
pub struct SimPeerListener {
    world: SimWorld,
    address: SocketAddr,
}

impl SimPeerListener {
    /// Listens on `address`; `None` if somebody does already.
    pub fn listen(world: &SimWorld, address: SocketAddr) -> Option<Self> {
        let network = &mut world.lock().network;
        let nobody = network.add_port();
        network.listen(address, nobody).then(|| Self {
            world: world.clone(),
            address,
        })
    }

    /// The next connection and where it came from.
    pub fn accept(&self) -> Option<(SimPeer, SocketAddr)> {
        let mut world = self.world.lock();
        let end = world.network.accept(self.address)?;
        let from = world.network.address(end.other())?;
        Some((
            SimPeer(SimEnd {
                world: self.world.clone(),
                end,
            }),
            from,
        ))
    }
}

impl Drop for SimPeerListener {
    fn drop(&mut self) {
        if let Some(mut world) = self.world.lock_to_leave() {
            world.network.close_listener(self.address);
        }
    }
}
