//! Errors: `Result` instead of a number that somebody has to ask for.
//!
//! | C and Win32 | Rust |
//! |---|---|
//! | `-1` and `errno`; `SOCKET_ERROR` and `WSAGetLastError()` | `Result<T, io::Error>` |
//! | forgetting to look | a warning: unused `Result` that must be used |
//! | `if (result < 0) goto cleanup;` | `?`, and destructors |
//! | `throw` | `?` too: the error is in the signature, and so is its absence |
//!
//! The number is not lost ([`io::Error::raw_os_error`]), but it is the system's: a refused
//! connection is 111 on Linux and 10061 on Windows. So a server maps numbers to causes in one
//! place, as [`Trouble`] does here, and everything above it knows causes only.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Why there is no connection, by what could be done about it.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The machine is there and nobody listens: is the server running, is the port right?
    NobodyListens,
    /// No answer in time: is there a firewall between?
    NoAnswer,
    /// Anything else, by the system's number.
    System(Option<i32>),
}

impl From<io::Error> for Trouble {
    /// The one place where the system's errors are read. `?` comes through here.
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Trouble::NobodyListens,
            io::ErrorKind::TimedOut => Trouble::NoAnswer,
            _ => Trouble::System(error.raw_os_error()),
        }
    }
}

/// Connects, or says in our own words why not.
///
/// # Errors
///
/// See [`Trouble`].
pub fn connect(server: SocketAddr) -> Result<TcpStream, Trouble> {
    let stream = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// An address at which nobody listens: somebody did a moment ago, so it is in nobody's use.
fn deserted() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Fails to connect, and shows the number and the cause.
///
/// # Panics
///
/// When the system has no port to spare.
pub fn show() {
    let deserted = deserted().expect("a free port");
    let error = TcpStream::connect(deserted).expect_err("nobody listens");
    println!("the system says {:?}: {error}", error.raw_os_error());
    println!("we say {:?}", Trouble::from(error));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_has_the_same_cause_on_every_system() {
        let trouble = connect(deserted().unwrap()).unwrap_err();
        assert_eq!(trouble, Trouble::NobodyListens);
    }

    #[test]
    fn an_unknown_error_keeps_its_number() {
        let error = io::Error::from_raw_os_error(7);
        assert_eq!(Trouble::from(error), Trouble::System(Some(7)));
    }
}
