//! Winsock's overlapped calls. What they have in common: after success the kernel has the memory
//! until the packet of the call's `OVERLAPPED` was dequeued, be it done at once or not; after a
//! failure it has nothing, and no packet comes.

use super::completion_port::last_error;
use super::slot::{Slot, overlapped_of};
use crate::{OpenError, OsCode};
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::os::windows::io::AsRawSocket;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Networking::WinSock as ws;
use windows_sys::Win32::System::IO::{CancelIoEx, OVERLAPPED};
use windows_sys::core::{BOOL, GUID};

/// Bytes of each of the two addresses that `AcceptEx` writes: "at least 16 bytes more than the
/// maximum address length for the transport protocol in use" (MSDN).
pub(super) const ADDRESS_BYTES: usize = size_of::<ws::SOCKADDR_IN6>() + 16;

/// What no Winsock library exports: "the function pointer for the AcceptEx function must be
/// obtained at run time by making a call to the WSAIoctl function with the
/// SIO_GET_EXTENSION_FUNCTION_POINTER opcode" (MSDN, AcceptEx; ConnectEx says the same).
#[derive(Clone, Copy)]
pub(super) struct Extensions {
    accept_ex: AcceptEx,
    connect_ex: ConnectEx,
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
) -> BOOL;

type ConnectEx = unsafe extern "system" fn(
    ws::SOCKET,
    *const ws::SOCKADDR,
    i32,
    *const c_void,
    u32,
    *mut u32,
    *mut OVERLAPPED,
) -> BOOL;

impl Extensions {
    pub(super) fn load() -> Result<Self, OpenError> {
        // Any socket will do: the functions of the system's own provider serve all of them.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP));
        let socket = socket.map_err(|error| OpenError::Os {
            call: "WSASocket",
            code: crate::sys::sockets::os_code(&error),
        })?;
        let accept_ex: ws::LPFN_ACCEPTEX = extension(&socket, &ws::WSAID_ACCEPTEX)?;
        let connect_ex: ws::LPFN_CONNECTEX = extension(&socket, &ws::WSAID_CONNECTEX)?;
        let missing = |feature| OpenError::Unsupported {
            feature,
            code: None,
        };
        Ok(Self {
            accept_ex: accept_ex.ok_or(missing("AcceptEx"))?,
            connect_ex: connect_ex.ok_or(missing("ConnectEx"))?,
        })
    }

    /// `AcceptEx` with a receive length of 0: "accepting the connection will not result in a
    /// receive operation. Instead, AcceptEx completes as soon as a connection arrives, without
    /// waiting for any data" (MSDN), so a client that says nothing holds nothing up.
    ///
    /// # Safety
    /// The kernel may write to `addresses` (two of [`ADDRESS_BYTES`]) and `overlapped` from
    /// success until the packet; both stay put and untouched until then, and `accepted` open.
    pub(super) unsafe fn accept(
        &self,
        listener: &Socket,
        accepted: &Socket,
        addresses: *mut c_void,
        overlapped: *mut OVERLAPPED,
    ) -> Result<(), OsCode> {
        let mut received = 0;
        // SAFETY: the caller's promise; `received` is written during the call alone.
        let done = unsafe {
            (self.accept_ex)(
                raw_of(listener),
                raw_of(accepted),
                addresses,
                0,
                ADDRESS_BYTES as u32,
                ADDRESS_BYTES as u32,
                &raw mut received,
                overlapped,
            )
        };
        submitted(done != 0)
    }

    /// `ConnectEx`, without data to send along.
    ///
    /// # Safety
    /// `slot` was written by [`Slot::connecting`]. The kernel may use it from success until the
    /// packet; it stays put and untouched until then.
    pub(super) unsafe fn connect(
        &self,
        socket: &Socket,
        slot: NonNull<Slot>,
    ) -> Result<(), OsCode> {
        let mut sent = 0;
        // SAFETY: the caller's promise; the family tells which part of the address is written.
        let done = unsafe {
            let address = &raw const (*slot.as_ptr()).address;
            let address_bytes = match (*address).si_family {
                ws::AF_INET => size_of::<ws::SOCKADDR_IN>(),
                _ => size_of::<ws::SOCKADDR_IN6>(),
            };
            (self.connect_ex)(
                raw_of(socket),
                address.cast(),
                address_bytes as i32,
                ptr::null(),
                0,
                &raw mut sent,
                overlapped_of(slot),
            )
        };
        submitted(done != 0)
    }
}

/// One extension function. `F` is the `Option` of a function pointer that `id` stands for.
fn extension<F: Default>(socket: &Socket, id: &GUID) -> Result<F, OpenError> {
    let mut function = F::default();
    let mut written = 0;
    // SAFETY: reads a GUID, writes a pointer into `function`, which has its size; both outlive the
    // call, which is not overlapped. The pointer is of type `F`, as MSDN says of each id.
    let failed = unsafe {
        ws::WSAIoctl(
            raw_of(socket),
            ws::SIO_GET_EXTENSION_FUNCTION_POINTER,
            ptr::from_ref(id).cast(),
            size_of::<GUID>() as u32,
            (&raw mut function).cast(),
            size_of::<F>() as u32,
            &raw mut written,
            ptr::null_mut(),
            None,
        )
    };
    if failed != 0 {
        return Err(OpenError::Unsupported {
            feature: "the extension functions of Winsock",
            code: Some(last_error()),
        });
    }
    Ok(function)
}

/// `WSARecv` of up to `bytes` bytes at `memory`, or of none, which ends when there is something to
/// read. The list of one buffer lives on the stack: "it is the Winsock service provider's
/// responsibility to capture the WSABUF structures before returning from this call" (MSDN).
///
/// # Safety
/// The kernel may write to `slot` and to those bytes from success until the packet; both stay put
/// and untouched until then.
pub(super) unsafe fn receive(
    socket: &Socket,
    slot: NonNull<Slot>,
    memory: *mut u8,
    bytes: u32,
) -> Result<(), OsCode> {
    let buffer = ws::WSABUF {
        len: bytes,
        buf: memory,
    };
    // SAFETY: the caller's promise. "If lpOverlapped is not NULL, lpNumberOfBytesRecvd should be
    // NULL" (MSDN): the count comes with the packet.
    let failed = unsafe {
        ws::WSARecv(
            raw_of(socket),
            &raw const buffer,
            1,
            ptr::null_mut(),
            &raw mut (*slot.as_ptr()).flags,
            overlapped_of(slot),
            None,
        )
    };
    submitted(failed == 0)
}

/// `WSASend` of `buffers`, a list that may go when the call returns (as that of [`receive`]).
///
/// # Safety
/// The kernel may use `slot` and read the bytes that `buffers` point to from success until the
/// packet; both stay put, and the bytes unchanged, until then.
pub(super) unsafe fn send(
    socket: &Socket,
    slot: NonNull<Slot>,
    buffers: &[ws::WSABUF],
) -> Result<(), OsCode> {
    // SAFETY: the caller's promise; as for `receive`.
    let failed = unsafe {
        ws::WSASend(
            raw_of(socket),
            buffers.as_ptr(),
            buffers.len() as u32,
            ptr::null_mut(),
            0,
            overlapped_of(slot),
            None,
        )
    };
    submitted(failed == 0)
}

/// Whether the kernel has the operation. Done at once or not, a packet comes: the ports do not ask
/// for FILE_SKIP_COMPLETION_PORT_ON_SUCCESS.
fn submitted(done: bool) -> Result<(), OsCode> {
    if done {
        return Ok(());
    }
    match last_error() {
        OsCode(ws::WSA_IO_PENDING) => Ok(()),
        code => Err(code),
    }
}

/// How the operation of a packet ended: in bytes, or in Winsock's words. Those are asked for, since
/// a port knows only the system's: a reset is 64 there and 10054 here.
///
/// # Safety
/// `overlapped` is that of a packet that was dequeued, of an operation on `socket`.
pub(super) unsafe fn outcome(
    socket: &Socket,
    overlapped: *const OVERLAPPED,
    bytes: u32,
) -> Result<u32, OsCode> {
    // SAFETY: the packet was dequeued, so the kernel writes here no more.
    // MSDN, OVERLAPPED, Internal: "When the request has been completed, the system sets this
    // member to the status code for the completed request", an NTSTATUS, negative for an error.
    let status = unsafe { (*overlapped).Internal } as u32 as i32;
    if status >= 0 {
        return Ok(bytes);
    }
    let (mut bytes, mut flags) = (0, 0);
    // SAFETY: as above; it does not wait, and writes to two numbers that outlive the call.
    let succeeded = unsafe {
        ws::WSAGetOverlappedResult(
            raw_of(socket),
            overlapped,
            &raw mut bytes,
            0,
            &raw mut flags,
        )
    };
    if succeeded != 0 {
        return Ok(bytes);
    }
    Err(last_error())
}

/// Asks for the end of one operation, or of all on the socket if `overlapped` is null. "The
/// CancelIoEx function does not wait for all canceled operations to complete", and fails with
/// ERROR_NOT_FOUND if there is nothing to cancel (MSDN): in either case there is nothing to do but
/// wait for the packet (C5).
pub(super) fn cancel(socket: &Socket, overlapped: *const OVERLAPPED) {
    // SAFETY: the address only names the operation.
    unsafe { CancelIoEx(raw_of(socket) as HANDLE, overlapped) };
}

/// "When the AcceptEx function returns, the socket sAcceptSocket is in the default state for a
/// connected socket. The socket sAcceptSocket does not inherit the properties of the socket
/// associated with sListenSocket parameter until SO_UPDATE_ACCEPT_CONTEXT is set on the socket"
/// (MSDN, AcceptEx). Before that `getpeername` and `shutdown` fail.
pub(super) fn update_accept_context(accepted: &Socket, listener: &Socket) -> Result<(), OsCode> {
    // SAFETY: a socket is what the option takes.
    unsafe { set_option(accepted, ws::SO_UPDATE_ACCEPT_CONTEXT, &raw_of(listener)) }
}

/// "When the ConnectEx function returns TRUE, the socket s is in the default state for a connected
/// socket [...] until SO_UPDATE_CONNECT_CONTEXT is set on the socket" (MSDN, ConnectEx): the same.
pub(super) fn update_connect_context(connected: &Socket) -> Result<(), OsCode> {
    // SAFETY: the option takes nothing.
    unsafe { set_option(connected, ws::SO_UPDATE_CONNECT_CONTEXT, &()) }
}

/// Without SO_EXCLUSIVEADDRUSE another program could listen on the same address with SO_REUSEADDR
/// and take our clients (MSDN, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"). Before `bind`.
pub(crate) fn claim_address(socket: &Socket) -> io::Result<()> {
    const TRUE: BOOL = 1;
    // SAFETY: a BOOL is what the option takes.
    unsafe { set_option(socket, ws::SO_EXCLUSIVEADDRUSE, &TRUE) }
        .map_err(|code| io::Error::from_raw_os_error(code.0))
}

/// # Safety
/// A `T` is what the option takes.
unsafe fn set_option<T>(socket: &Socket, option: i32, value: &T) -> Result<(), OsCode> {
    let bytes = size_of::<T>();
    let start = if bytes == 0 {
        ptr::null()
    } else {
        ptr::from_ref(value).cast()
    };
    // SAFETY: setsockopt reads the bytes of `value` during the call.
    let failed =
        unsafe { ws::setsockopt(raw_of(socket), ws::SOL_SOCKET, option, start, bytes as i32) };
    if failed == 0 {
        Ok(())
    } else {
        Err(last_error())
    }
}

fn raw_of(socket: &Socket) -> ws::SOCKET {
    socket.as_raw_socket() as ws::SOCKET
}
