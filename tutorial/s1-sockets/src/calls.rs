//! The seven calls, and how each of them fails.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

/// A call that was made to fail.
pub struct Failed {
    /// `socket`, `bind`, and so on.
    pub call: &'static str,
    /// What was wrong.
    pub because: &'static str,
    /// What the system said.
    pub error: io::Error,
}

/// Makes each of the seven fail.
///
/// # Errors
///
/// When what has to succeed before does not.
///
/// # Panics
///
/// When what has to fail does not.
pub fn fail() -> io::Result<Vec<Failed>> {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut failed = Vec::new();
    let mut fails = |call, because, error: Option<io::Error>| {
        let error = error.unwrap_or_else(|| panic!("{call} succeeds: {because}"));
        failed.push(Failed {
            call,
            because,
            error,
        });
    };

    let no_domain = Socket::new(Domain::from(99), Type::STREAM, None);
    fails("socket", "there is no such family", no_domain.err());

    let listener = TcpListener::bind(nowhere)?;
    let server = listener.local_addr()?;
    let second = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let bound = second.bind(&server.into());
    fails("bind", "the port is taken", bound.err());

    let datagrams = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    let listens = datagrams.listen(1);
    fails("listen", "datagrams know no connections", listens.err());

    listener.set_nonblocking(true)?;
    let accepted = listener.accept();
    fails(
        "accept",
        "nobody is there, and it may not wait",
        accepted.err(),
    );

    let deserted = TcpListener::bind(nowhere)?.local_addr()?;
    let connected = TcpStream::connect(deserted);
    fails("connect", "nobody listens", connected.err());

    let mut ended = TcpStream::connect(server)?;
    ended.shutdown(Shutdown::Write)?;
    fails("send", "this half was ended", ended.write(b"more").err());

    let mut alone = TcpStream::from(second);
    let received = alone.read(&mut [0; 4]);
    fails("recv", "it was never connected", received.err());
    Ok(failed)
}
