//! A socket that belongs to no port: accepted here, adopted perhaps elsewhere.

use crate::sim::SimEnd;
use std::io;
use std::net::SocketAddr;

/// An accepted socket on its way to the port that will own it. It crosses threads, and closes
/// itself if nobody adopts it.
#[derive(Debug)]
pub struct DetachedSocket {
    pub(crate) repr: Repr,
}

#[derive(Debug)]
pub(crate) enum Repr {
    Os(socket2::Socket),
    Sim(SimEnd),
}

impl DetachedSocket {
    pub(crate) fn from_os(socket: socket2::Socket) -> Self {
        Self {
            repr: Repr::Os(socket),
        }
    }

    /// The operating system's socket, for a port of the system.
    pub(crate) fn into_os(self) -> socket2::Socket {
        match self.repr {
            Repr::Os(socket) => socket,
            Repr::Sim(_) => unreachable!("a socket of a simulated network at a real port"),
        }
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the peer has reset the connection already (`getpeername(2)`).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.repr {
            Repr::Os(socket) => socket
                .peer_addr()?
                .as_socket()
                .ok_or_else(|| io::Error::other("the peer's address is not of the internet")),
            Repr::Sim(end) => end
                .peer_addr()
                .ok_or_else(|| io::ErrorKind::NotConnected.into()),
        }
    }

    /// Closes at once (linger 0) instead of in order: for connections over the limit.
    pub fn reset(self) {
        match self.repr {
            Repr::Os(socket) => {
                // A failure leaves the orderly close that dropping does.
                let _ = socket.set_linger(Some(core::time::Duration::ZERO));
            }
            Repr::Sim(end) => end.reset(),
        }
    }
}
