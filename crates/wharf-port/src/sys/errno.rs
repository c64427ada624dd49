//! What each `errno` means for each operation. The one table of the Unix backends.

use crate::{AcceptError, ConnectError, OsCode, RecvEnd, SendError};

pub(crate) fn accept_error(code: OsCode) -> AcceptError {
    match code.0 {
        libc::ECANCELED => AcceptError::Cancelled,
        // accept(2), Error handling: errors that are already pending on the new socket, to be
        // treated "like EAGAIN by retrying"; EPERM is a firewall's no to that one connection.
        libc::ECONNABORTED
        | libc::ECONNRESET
        | libc::EINTR
        | libc::EAGAIN
        | libc::EPERM
        | libc::EPROTO
        | libc::ENETDOWN
        | libc::ENOPROTOOPT
        | libc::EHOSTDOWN
        | libc::EHOSTUNREACH
        | libc::ENETUNREACH => AcceptError::Connection(code),
        // EMFILE, ENFILE, ENOBUFS, ENOMEM, and what we do not know: a pause is the safe answer.
        _ => AcceptError::Resources(code),
    }
}

pub(crate) fn connect_error(code: OsCode) -> ConnectError {
    match code.0 {
        libc::ECANCELED => ConnectError::Cancelled,
        libc::ECONNREFUSED => ConnectError::Refused,
        libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EHOSTDOWN => {
            ConnectError::Unreachable
        }
        libc::ETIMEDOUT => ConnectError::TimedOut,
        // EPIPE: made, ended by the peer and reset, all before readiness was looked at.
        libc::ECONNRESET | libc::EPIPE => ConnectError::PeerReset,
        // ip(7): EADDRNOTAVAIL also says that every ephemeral port is taken.
        libc::EADDRNOTAVAIL | libc::EADDRINUSE => ConnectError::AddressUnavailable,
        libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM => ConnectError::Resources,
        _ => ConnectError::Os(code),
    }
}

pub(crate) fn recv_end(code: OsCode) -> RecvEnd {
    match code.0 {
        libc::ECANCELED => RecvEnd::Cancelled,
        libc::ECONNRESET => RecvEnd::PeerReset,
        // tcp(7), TCP_USER_TIMEOUT and keepalive.
        libc::ETIMEDOUT => RecvEnd::TimedOut,
        _ => RecvEnd::Os(code),
    }
}

pub(crate) fn send_error(code: OsCode) -> SendError {
    match code.0 {
        libc::ECANCELED => SendError::Cancelled,
        // send(2): EPIPE follows a reset that an earlier call has reported already.
        libc::ECONNRESET | libc::EPIPE => SendError::PeerReset,
        libc::ETIMEDOUT => SendError::TimedOut,
        _ => SendError::Os(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_connection_never_looks_like_a_lack_of_resources() {
        for code in [libc::ECONNABORTED, libc::EPROTO, libc::EPERM] {
            assert_eq!(
                accept_error(OsCode(code)),
                AcceptError::Connection(OsCode(code))
            );
        }
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EBADF] {
            assert_eq!(
                accept_error(OsCode(code)),
                AcceptError::Resources(OsCode(code))
            );
        }
    }

    #[test]
    fn a_cancelled_operation_says_so() {
        let code = OsCode(libc::ECANCELED);
        assert_eq!(accept_error(code), AcceptError::Cancelled);
        assert_eq!(connect_error(code), ConnectError::Cancelled);
        assert_eq!(recv_end(code), RecvEnd::Cancelled);
        assert_eq!(send_error(code), SendError::Cancelled);
    }
}
