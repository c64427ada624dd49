//! Addresses and files that are as a test wants them, whatever others do meanwhile.

use crate::support::wait_until;
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// An address at which nobody listens, nor anybody else is going to: it is taken, and no more.
pub(crate) struct Reserved {
    address: SocketAddr,
    socket: Option<Socket>,
}

impl Reserved {
    pub(crate) fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        // Elsewhere than on Windows whoever is given the address may listen there all the same.
        #[cfg(unix)]
        socket.set_reuse_address(true).expect("an option");
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&anywhere.into()).expect("a free port");
        let address = socket.local_addr().expect("it is bound").as_socket();
        Self {
            address: address.expect("an address of IPv4"),
            socket: Some(socket),
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The same for whoever listens there, again and again. Windows lets nobody listen where
    /// something is taken, so that there it is taken no more.
    pub(crate) fn address_to_listen_at(&mut self) -> String {
        if cfg!(windows) {
            self.socket = None;
        }
        self.address()
    }
}

/// Replaces what is in a file that somebody may read at any moment: they find the old or the new,
/// and never the beginning. While they do, Windows may refuse.
pub(crate) fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).expect("room for it");
    wait_until("it is replaced", || std::fs::rename(&new, file).is_ok());
}
