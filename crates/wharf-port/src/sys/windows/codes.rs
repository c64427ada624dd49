//! What each Winsock code means for each operation (MSDN, "Windows Sockets Error Codes").

use crate::{AcceptError, ConnectError, OsCode, RecvEnd, SendError};
use windows_sys::Win32::Networking::WinSock as ws;

pub(super) fn accept_error(code: OsCode) -> AcceptError {
    match code.0 {
        ws::WSA_OPERATION_ABORTED => AcceptError::Cancelled,
        // MSDN, AcceptEx, WSAECONNRESET: "an incoming connection was indicated, but was
        // subsequently terminated by the remote peer prior to accepting the call". The others are
        // what SO_UPDATE_ACCEPT_CONTEXT may say of such a connection.
        ws::WSAECONNRESET | ws::WSAECONNABORTED | ws::WSAENOTCONN | ws::WSAENETRESET => {
            AcceptError::Connection(code)
        }
        // WSAEMFILE, WSAENOBUFS, and what we do not know: a pause is the safe answer.
        _ => AcceptError::Resources(code),
    }
}

pub(super) fn connect_error(code: OsCode) -> ConnectError {
    match code.0 {
        ws::WSA_OPERATION_ABORTED => ConnectError::Cancelled,
        ws::WSAECONNREFUSED => ConnectError::Refused,
        ws::WSAENETUNREACH | ws::WSAEHOSTUNREACH | ws::WSAENETDOWN | ws::WSAEHOSTDOWN => {
            ConnectError::Unreachable
        }
        ws::WSAETIMEDOUT => ConnectError::TimedOut,
        ws::WSAECONNRESET | ws::WSAECONNABORTED => ConnectError::PeerReset,
        ws::WSAEADDRNOTAVAIL | ws::WSAEADDRINUSE => ConnectError::AddressUnavailable,
        ws::WSAEMFILE | ws::WSAENOBUFS => ConnectError::Resources,
        _ => ConnectError::Os(code),
    }
}

pub(super) fn recv_end(code: OsCode) -> RecvEnd {
    match code.0 {
        ws::WSA_OPERATION_ABORTED => RecvEnd::Cancelled,
        // After a reset was reported once, Windows says WSAECONNABORTED of the same connection.
        ws::WSAECONNRESET | ws::WSAECONNABORTED => RecvEnd::PeerReset,
        // WSAENETRESET: "keep-alive activity detecting a failure while one or more operations are
        // in progress".
        ws::WSAETIMEDOUT | ws::WSAENETRESET => RecvEnd::TimedOut,
        _ => RecvEnd::Os(code),
    }
}

pub(super) fn send_error(code: OsCode) -> SendError {
    match code.0 {
        ws::WSA_OPERATION_ABORTED => SendError::Cancelled,
        ws::WSAECONNRESET | ws::WSAECONNABORTED => SendError::PeerReset,
        ws::WSAETIMEDOUT | ws::WSAENETRESET => SendError::TimedOut,
        _ => SendError::Os(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_connection_never_looks_like_a_lack_of_resources() {
        let reset = OsCode(ws::WSAECONNRESET);
        assert_eq!(accept_error(reset), AcceptError::Connection(reset));
        for code in [ws::WSAEMFILE, ws::WSAENOBUFS, ws::WSAENOTSOCK] {
            let code = OsCode(code);
            assert_eq!(accept_error(code), AcceptError::Resources(code));
        }
    }

    #[test]
    fn a_cancelled_operation_says_so() {
        let code = OsCode(ws::WSA_OPERATION_ABORTED);
        assert_eq!(accept_error(code), AcceptError::Cancelled);
        assert_eq!(connect_error(code), ConnectError::Cancelled);
        assert_eq!(recv_end(code), RecvEnd::Cancelled);
        assert_eq!(send_error(code), SendError::Cancelled);
    }
}
