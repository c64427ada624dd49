//! One submission, and connections come until something goes wrong: io_uring's multishot accept.

use io_uring::{opcode, types::Fd};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use t01_echo::sys::{Guest, Kernel};

/// The only guest that we are.
const NAME: usize = 0;

/// Accepts from a listener.
pub struct Acceptor {
    listener: TcpListener,
    is_armed: bool,
}

impl Acceptor {
    /// To accept from that listener, once it is [armed](Self::arm).
    ///
    /// # Errors
    /// None on Linux.
    pub fn new(_: &Kernel, listener: TcpListener) -> io::Result<Acceptor> {
        let is_armed = false;
        Ok(Acceptor { listener, is_armed })
    }

    /// Begins to accept, or goes on after an error. Does nothing while all is well.
    ///
    /// # Errors
    /// None on Linux: what goes wrong is told by [`take`](Self::take).
    pub fn arm(&mut self, kernel: &Kernel) -> io::Result<()> {
        if !self.is_armed {
            let entry = opcode::AcceptMulti::new(Fd(self.listener.as_raw_fd())).build();
            // SAFETY: without room for an address it refers to no memory.
            unsafe { kernel.submit_guest(NAME, entry) };
            self.is_armed = true;
        }
        Ok(())
    }

    /// Takes what the port has brought.
    ///
    /// # Errors
    /// The system's: the client was gone before it was accepted, or there are no descriptors.
    ///
    /// # Panics
    /// If it is somebody else's.
    pub fn take(&mut self, guest: Guest) -> io::Result<TcpStream> {
        assert_eq!(guest.name, NAME, "nobody else is a guest");
        self.is_armed = guest.goes_on;
        let descriptor = i32::try_from(guest.result?).expect("descriptors are that small");
        // SAFETY: the kernel has just made it, and told nobody else.
        Ok(unsafe { TcpStream::from_raw_fd(descriptor) })
    }
}
