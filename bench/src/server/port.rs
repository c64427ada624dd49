//! A port for a server, and whether it listens there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

/// Where ports are looked for, as far as no connection gets one of them by chance.
const PORTS: std::ops::Range<u16> = 10_000..32_000;
/// Another loopback address than a server's.
const PROBE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long a probe may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// A port that nobody has just now, and that no connection gets while the server starts: those are
/// given ports of a range of their own.
pub fn free_address(number: u32) -> Result<SocketAddr, String> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let range = range.unwrap_or_default();
    let lowest = range.split_whitespace().next();
    let lowest = lowest.and_then(|lowest| lowest.parse().ok());
    let end = PORTS.end.min(lowest.unwrap_or(PORTS.end));
    let ports = PORTS.start..end.max(PORTS.start);
    // Others who look begin elsewhere.
    let first = (std::process::id() + number) as usize % ports.len().max(1);
    let in_turn = ports.clone().skip(first).chain(ports.take(first));
    let free = in_turn.chain([0]).find_map(|port| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        listener.local_addr().ok()
    });
    free.ok_or_else(|| "no port is free".into())
}

/// Whether somebody listens there.
pub fn listens(server: SocketAddr) -> bool {
    connects((PROBE, 0).into(), server).unwrap_or(false)
}

/// Whether a connection from there comes about, and not with itself: where nobody listens yet, two
/// ends that open at once are a connection, also if they are one and the same.
fn connects(from: SocketAddr, server: SocketAddr) -> io::Result<bool> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&from.into())?;
    socket.connect_timeout(&server.into(), PATIENCE)?;
    let (local, peer) = (socket.local_addr()?, socket.peer_addr()?);
    Ok(local.as_socket() != peer.as_socket())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_told_from_who_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(listens(address));
        drop(listener);
        assert!(!listens(address));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_with_itself_is_nobody_who_listens() {
        let address = free_address(1_000).unwrap();
        assert!(!connects(address, address).unwrap());
    }

    #[test]
    fn ports_of_one_invocation_differ_and_are_free() {
        let ports: Vec<SocketAddr> = (0..20).map(|it| free_address(it).unwrap()).collect();
        let mut once = ports.clone();
        once.sort();
        once.dedup();
        assert!(once.len() > 15, "{ports:?}");
        TcpListener::bind(ports[19]).unwrap();
    }
}
