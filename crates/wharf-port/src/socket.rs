//! A socket that belongs to no port: accepted here, adopted perhaps elsewhere.

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
}

impl DetachedSocket {
    pub(crate) fn from_os(socket: socket2::Socket) -> Self {
        Self {
            repr: Repr::Os(socket),
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
        }
    }

    /// Closes at once (linger 0) instead of in order: for connections over the limit.
    pub fn reset(self) {
        match self.repr {
            Repr::Os(socket) => {
                // A failure leaves the orderly close that dropping does.
                let _ = socket.set_linger(Some(core::time::Duration::ZERO));
            }
        }
    }
}
