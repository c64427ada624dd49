//! What only the inside can show: a kernel that does not let go.

use super::*;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

fn connected(port: &mut IocpPort, listener: &TcpListener) -> (SocketId, TcpStream) {
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let socket = port
        .adopt(DetachedSocket::from_os(accepted.into()))
        .unwrap();
    (socket, peer)
}

#[test]
fn memory_that_the_kernel_keeps_is_leaked_when_the_port_is_dropped() {
    for kept in [false, true] {
        let mut port = IocpPort::open(&PortOptions::default()).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (socket, _peer) = connected(&mut port, &listener);
        let pool = port.pool.clone();
        let op = port.arm_recv(socket, Token(1)).unwrap();
        if kept {
            // A submission that never reaches the kernel, so that no packet ever ends it.
            let (socket, _peer) = connected(&mut port, &listener);
            let op = port.ledger.begin_recv(socket, Token(2)).unwrap();
            port.ledger.ops.lend(op);
        }
        assert!(port.ledger.ops.is_lent(op));
        drop(port);
        assert_eq!(pool.sharers() > 1, kept);
    }
}
