//! What only the inside can show: a kernel that does not let go, calls that fail at once, how many
//! accepts are outstanding.

use super::*;
use crate::{Event, RecvEnd};
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

fn next(port: &mut IocpPort) -> Completion {
    let until = clock::now() + Duration::from_secs(20);
    let mut batch = Vec::with_capacity(1);
    while batch.is_empty() {
        let now = port.wait(&mut batch, Some(until)).unwrap();
        assert!(now < until, "nothing happens");
    }
    batch.remove(0)
}

#[test]
fn a_receive_that_fails_at_once_completes_once_and_gives_its_buffer_back() {
    let mut port = IocpPort::open(&PortOptions::default()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (socket, _peer) = connected(&mut port, &listener);
    // MSDN, WSARecv, WSAESHUTDOWN: "it is not possible to call WSARecv on a socket after shutdown
    // has been invoked with how set to SD_RECEIVE".
    let handle = &port.ledger.socket(socket).unwrap().handle;
    handle.shutdown(std::net::Shutdown::Read).unwrap();
    let op = port.arm_recv(socket, Token(1)).unwrap();
    assert!(!port.ledger.ops.is_lent(op), "refused at once");
    port.cancel(op);
    assert_eq!(port.stats().recvs_in_flight, 1, "told by `wait` alone");
    let told = next(&mut port).event;
    assert!(
        matches!(told, Event::Received(Err(RecvEnd::Os(_)))),
        "{told:?}"
    );
    port.close(socket, CloseHow::Fin, Token(2));
    assert!(matches!(next(&mut port).event, Event::Closed));
    assert_eq!(port.stats().recv_buffers_out, 0);
}

#[test]
fn accepts_that_end_are_replaced_until_nobody_wants_them() {
    let options = PortOptions {
        accept_depth: 3,
        ..PortOptions::default()
    };
    let mut port = IocpPort::open(&options).unwrap();
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = port.listen(local, &ListenOptions::default()).unwrap();
    let address = port.local_addr(listener).unwrap();
    let op = port.arm_accept(listener, Token(1)).unwrap();
    for _ in 0..7 {
        assert_eq!(port.accepts.lent_count(), 3);
        let _peer = TcpStream::connect(address).unwrap();
        let accepted = next(&mut port);
        assert!(accepted.more && matches!(accepted.event, Event::Accepted(Ok(_))));
    }
    port.cancel(op);
    assert!(!next(&mut port).more);
    assert_eq!(port.accepts.lent_count(), 0);
}

#[test]
fn every_session_has_its_socket_options() {
    crate::sys::option_tests::check::<IocpPort>(|port, socket| {
        &port.ledger.socket(socket).unwrap().handle
    });
}
