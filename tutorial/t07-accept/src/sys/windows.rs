//! Many accepts under way at once, each with a socket that waits for its client: `AcceptEx`.

use socket2::{Domain, Protocol, Socket, Type};
use std::ffi::c_void;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::windows::io::AsRawSocket;
use std::ptr;
use t01_echo::sys::{Guest, Kernel};
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::core::GUID;

/// How many are under way. A client that finds none waits in the listener's queue.
const DEPTH: usize = 64;

/// Room for an address: "at least 16 bytes more than the maximum address length" (AcceptEx).
const ADDRESS_BYTES: usize = size_of::<ws::SOCKADDR_IN6>() + 16;

/// Accepts from a listener.
pub struct Acceptor {
    listener: TcpListener,
    accept_ex: AcceptEx,
    under_way: usize,
}

/// One accept. The kernel has it from its submission to its packet.
#[repr(C)]
struct Accept {
    /// First, so that its address, which the packet brings, is that of all this.
    overlapped: OVERLAPPED,
    addresses: [u8; 2 * ADDRESS_BYTES],
    socket: Socket,
}

impl Acceptor {
    /// To accept from that listener, once it is [armed](Self::arm).
    ///
    /// # Errors
    /// The system's.
    pub fn new(kernel: &Kernel, listener: TcpListener) -> io::Result<Acceptor> {
        kernel.add_guest(&listener)?;
        Ok(Acceptor {
            accept_ex: accept_ex(&listener)?,
            listener,
            under_way: 0,
        })
    }

    /// Begins to accept, or goes on: as many accepts as there are to be are under way.
    ///
    /// # Errors
    /// The system's: it can make no more sockets, say. Those that are under way go on.
    pub fn arm(&mut self, _: &Kernel) -> io::Result<()> {
        while self.under_way < DEPTH {
            self.submit()?;
            self.under_way += 1;
        }
        Ok(())
    }

    /// Takes what the port has brought.
    ///
    /// # Errors
    /// The system's: the client was gone before it was accepted.
    pub fn take(&mut self, guest: Guest) -> io::Result<TcpStream> {
        self.under_way -= 1;
        let accept = ptr::with_exposed_provenance_mut::<Accept>(guest.name);
        // SAFETY: the address of a box that `submit` gave away, and its packet comes once.
        let accept = unsafe { Box::from_raw(accept) };
        guest.result?;
        // Until then the socket does not know that it is connected (AcceptEx).
        let listener = self.listener.as_raw_socket();
        // SAFETY: the option reads a socket, during the call.
        let failed = unsafe {
            ws::setsockopt(
                accept.socket.as_raw_socket() as ws::SOCKET,
                ws::SOL_SOCKET,
                ws::SO_UPDATE_ACCEPT_CONTEXT,
                (&raw const listener).cast(),
                size_of_val(&listener) as i32,
            )
        };
        match failed {
            0 => Ok(accept.socket.into()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn submit(&self) -> io::Result<()> {
        let accept = Box::into_raw(Box::new(Accept {
            overlapped: OVERLAPPED::default(),
            addresses: [0; 2 * ADDRESS_BYTES],
            socket: Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?,
        }));
        // The packet brings the address as a number.
        accept.expose_provenance();
        let mut received = 0;
        // SAFETY: the box is given away, until `take` makes one of its address again. No bytes are
        // to be received: it is enough that somebody has connected.
        let done = unsafe {
            (self.accept_ex)(
                self.listener.as_raw_socket() as ws::SOCKET,
                (*accept).socket.as_raw_socket() as ws::SOCKET,
                (&raw mut (*accept).addresses).cast(),
                0,
                ADDRESS_BYTES as u32,
                ADDRESS_BYTES as u32,
                &raw mut received,
                &raw mut (*accept).overlapped,
            )
        };
        let error = io::Error::last_os_error();
        if done == 0 && error.raw_os_error() != Some(ws::WSA_IO_PENDING) {
            // SAFETY: the kernel has not taken it.
            drop(unsafe { Box::from_raw(accept) });
            return Err(error);
        }
        Ok(())
    }
}

type AcceptEx = unsafe extern "system" fn(
    ws::SOCKET,
    ws::SOCKET,
    *mut c_void,
    u32,
    u32,
    u32,
    *mut u32,
    *mut OVERLAPPED,
) -> i32;

/// No library exports the function: Winsock is asked for it (AcceptEx, remarks).
fn accept_ex(socket: &TcpListener) -> io::Result<AcceptEx> {
    let mut function: ws::LPFN_ACCEPTEX = None;
    let (name, mut written) = (ws::WSAID_ACCEPTEX, 0);
    // SAFETY: reads a GUID and writes a pointer to such a function, as MSDN says of the GUID; both
    // outlive the call.
    let failed = unsafe {
        ws::WSAIoctl(
            socket.as_raw_socket() as ws::SOCKET,
            ws::SIO_GET_EXTENSION_FUNCTION_POINTER,
            (&raw const name).cast(),
            size_of::<GUID>() as u32,
            (&raw mut function).cast(),
            size_of_val(&function) as u32,
            &raw mut written,
            ptr::null_mut(),
            None,
        )
    };
    match function {
        Some(function) if failed == 0 => Ok(function),
        _ => Err(io::Error::other("this Winsock has no AcceptEx")),
    }
}
