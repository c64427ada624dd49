//! Making sockets, and the options that every session's socket carries.

use crate::{ConnectOptions, Keepalive, ListenOptions, OpenError, OsCode, SocketOptions};
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;

/// Whether what a listener accepts has the listener's options: then they are set once, not with
/// some system calls for each connection. On Linux the whole of a listener's `struct tcp_sock` is
/// copied.
const ARE_OPTIONS_INHERITED: bool = cfg!(target_os = "linux");

/// A socket that listens on `local`, for sessions with `socket_options`.
pub(crate) fn listener(
    local: SocketAddr,
    options: &ListenOptions,
    socket_options: &SocketOptions,
) -> Result<Socket, OpenError> {
    let socket = bound(local)?;
    if ARE_OPTIONS_INHERITED {
        apply(&socket, socket_options).map_err(|error| open_error("setsockopt", &error, local))?;
    }
    socket
        .listen(backlog(options))
        .map_err(|error| open_error("listen", &error, local))?;
    Ok(socket)
}

/// Says whether a listener could be opened on `local` now, which it is not: nobody is accepted, to
/// be reset when this ends.
///
/// # Errors
///
/// As [`Port::listen`](crate::Port::listen), of which this is the first half: `bind(2)`.
pub fn check_address(local: SocketAddr) -> Result<(), OpenError> {
    bound(local).map(drop)
}

fn bound(local: SocketAddr) -> Result<Socket, OpenError> {
    let socket = tcp(local).map_err(|error| open_error("socket", &error, local))?;
    claim_address(&socket).map_err(|error| open_error("setsockopt", &error, local))?;
    socket
        .bind(&local.into())
        .map_err(|error| open_error("bind", &error, local))?;
    Ok(socket)
}

/// A socket ready to connect to `remote`, options set, bound if `options` name a local address.
pub(crate) fn connecting(
    remote: SocketAddr,
    options: &ConnectOptions,
    socket_options: &SocketOptions,
) -> io::Result<Socket> {
    let socket = tcp(remote)?;
    apply(&socket, socket_options)?;
    if let Some(local) = options.local {
        delay_choice_of_port(&socket)?;
        socket.bind(&SocketAddr::new(local, 0).into())?;
    } else if cfg!(windows) {
        // MSDN, ConnectEx: "the socket must be bound".
        socket.bind(&any_address(remote))?;
    }
    Ok(socket)
}

/// Sees to it that a socket which some listener has accepted has a session's options.
pub(crate) fn prepare_accepted(socket: &Socket, options: &SocketOptions) -> Result<(), OpenError> {
    if ARE_OPTIONS_INHERITED {
        return Ok(());
    }
    apply(socket, options).map_err(|error| OpenError::Os {
        call: "setsockopt",
        code: os_code(&error),
    })
}

/// Sets a session's options (`tcp(7)`).
fn apply(socket: &Socket, options: &SocketOptions) -> io::Result<()> {
    if options.nodelay {
        socket.set_tcp_nodelay(true)?;
    }
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes as usize)?;
    }
    if let Some(keepalive) = options.keepalive {
        set_keepalive(socket, keepalive)?;
    }
    #[cfg(target_os = "linux")]
    {
        if let Some(bytes) = options.notsent_lowat {
            socket.set_tcp_notsent_lowat(bytes)?;
        }
        if let Some(timeout) = options.user_timeout {
            socket.set_tcp_user_timeout(Some(timeout))?;
        }
    }
    Ok(())
}

fn set_keepalive(socket: &Socket, keepalive: Keepalive) -> io::Result<()> {
    let timing = TcpKeepalive::new()
        .with_time(keepalive.idle)
        .with_interval(keepalive.interval);
    socket.set_tcp_keepalive(&timing)?;
    match socket.set_tcp_keepalive(&timing.with_retries(keepalive.probes)) {
        // MSDN, TCP_KEEPCNT: from Windows 10, version 1703. Before that ten probes are sent.
        Err(error) if cfg!(windows) && os_code(&error) == WSAENOPROTOOPT => Ok(()),
        result => result,
    }
}

/// "An unknown, invalid, or unsupported option" (MSDN, "Windows Sockets Error Codes").
const WSAENOPROTOOPT: OsCode = OsCode(10_042);

fn tcp(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )
}

/// `bind(2)` fails for minutes after a restart unless old connections in TIME_WAIT are overlooked
/// (`socket(7)`, SO_REUSEADDR). A second listener is refused all the same.
#[cfg(unix)]
fn claim_address(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

#[cfg(windows)]
use super::windows::claim_address;

#[cfg(unix)]
fn backlog(options: &ListenOptions) -> i32 {
    options.backlog
}

/// MSDN, listen: SOMAXCONN_HINT(N), which is -N, is taken "adjusted to be within the range (200,
/// 65535)"; a plain number is cut to 200 at the most.
#[cfg(windows)]
fn backlog(options: &ListenOptions) -> i32 {
    -options.backlog
}

/// `ip(7)`, IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, when the remote address is
/// known, so one local address serves 28,000 connections to each remote, not in all.
#[cfg(target_os = "linux")]
fn delay_choice_of_port(socket: &Socket) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let on: libc::c_int = 1;
    // SAFETY: setsockopt(2) reads four bytes from `on`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(not(target_os = "linux"))]
fn delay_choice_of_port(_: &Socket) -> io::Result<()> {
    Ok(())
}

fn any_address(like: SocketAddr) -> SockAddr {
    use std::net::{Ipv4Addr, Ipv6Addr};
    match like {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into(),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into(),
    }
}

fn open_error(call: &'static str, error: &io::Error, local: SocketAddr) -> OpenError {
    let code = os_code(error);
    match error.kind() {
        io::ErrorKind::AddrInUse => OpenError::AddressInUse(local),
        io::ErrorKind::AddrNotAvailable => OpenError::AddressUnavailable(local),
        io::ErrorKind::PermissionDenied => OpenError::PermissionDenied(local),
        _ if is_out_of_descriptors(code) => OpenError::Descriptors(code),
        _ => OpenError::Os { call, code },
    }
}

/// The system's number in an error that came from the system.
pub(crate) fn os_code(error: &io::Error) -> OsCode {
    OsCode(error.raw_os_error().unwrap_or_default())
}

#[cfg(unix)]
pub(crate) fn is_out_of_descriptors(code: OsCode) -> bool {
    matches!(code.0, libc::EMFILE | libc::ENFILE)
}

#[cfg(windows)]
pub(crate) fn is_out_of_descriptors(code: OsCode) -> bool {
    /// `WSAEMFILE` (MSDN, "Windows Sockets Error Codes").
    const WSAEMFILE: i32 = 10_024;
    code.0 == WSAEMFILE
}
