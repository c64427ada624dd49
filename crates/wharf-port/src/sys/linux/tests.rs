//! What only the inside can show: kernels that refuse and kernels that do not let go.

use super::*;
use crate::Event;
use crate::waker::Kick;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

fn options() -> PortOptions {
    PortOptions {
        submission_entries: 4,
        completion_entries: 8,
        ..PortOptions::default()
    }
}

fn connected(port: &mut UringPort, listener: &TcpListener) -> (SocketId, TcpStream) {
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let socket = port
        .adopt(DetachedSocket::from_os(accepted.into()))
        .unwrap();
    (socket, peer)
}

fn loopback() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// Has `io_uring_enter(2)` on this thread answer EAGAIN, as without memory, when it is called to
/// submit alone (without flags, which are the fourth argument).
fn refuse_to_submit_without_waiting() {
    let no_flags = SeccompCondition::new(3, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 0).unwrap();
    let rules = BTreeMap::from([(
        libc::SYS_io_uring_enter,
        vec![SeccompRule::new(vec![no_flags]).unwrap()],
    )]);
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let refuse = SeccompAction::Errno(libc::EAGAIN as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

#[test]
fn entries_that_the_kernel_refuses_leave_later_and_none_is_lost() {
    std::thread::spawn(|| {
        let mut port = UringPort::open(&options()).unwrap();
        let listener = loopback();
        let mut pairs: Vec<_> = (0..64).map(|_| connected(&mut port, &listener)).collect();
        refuse_to_submit_without_waiting();
        for (socket, _) in &pairs {
            port.arm_recv(*socket, Token(1)).unwrap();
        }
        // The last one's entry is behind sixty that no completion will ever make room for.
        io::Write::write_all(&mut pairs.last_mut().unwrap().1, b"x").unwrap();
        let until = clock::now() + Duration::from_secs(20);
        let mut batch = Vec::new();
        while batch.is_empty() {
            let now = port.wait(&mut batch, Some(until)).unwrap();
            assert!(now < until, "an entry was forgotten");
        }
        assert!(matches!(&batch[0].event, Event::Received(Ok(bytes)) if **bytes == *b"x"));
    })
    .join()
    .unwrap();
}

#[test]
fn a_poll_that_an_overflow_ended_is_armed_again() {
    let mut port = UringPort::open(&options()).unwrap();
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = port.listen(local, &ListenOptions::default()).unwrap();
    let address = port.local_addr(listener).unwrap();
    let peers: Vec<_> = (0..32)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let until = clock::now() + Duration::from_secs(20);
    let mut accepted = 0;
    while accepted < peers.len() {
        // Refused while the last one goes on. Each goes past the end of a queue of eight.
        let _ = port.arm_accept(listener, Token(1));
        port.event.kick();
        let mut batch = Vec::with_capacity(1);
        let now = port.wait(&mut batch, Some(until)).unwrap();
        assert!(now < until, "{accepted} were accepted");
        accepted += batch.len();
    }
    assert!(port.stats().overflows > 0, "the queue never overflowed");
    for _ in 0..4 {
        port.event.kick();
        let now = port.wait(&mut Vec::new(), Some(until)).unwrap();
        assert!(now < until, "a kick did not end the wait");
    }
}

#[test]
fn memory_that_the_kernel_keeps_is_leaked_when_the_port_is_dropped() {
    for kept in [false, true] {
        let mut port = UringPort::open(&options()).unwrap();
        let (socket, _peer) = connected(&mut port, &loopback());
        let pool = port.buffers.share_pool();
        let op = port.arm_recv(socket, Token(1)).unwrap();
        if kept {
            // A submission that never reaches the kernel, so that nothing ever ends it.
            let (socket, _peer) = connected(&mut port, &loopback());
            let op = port.ledger.begin_recv(socket, Token(2)).unwrap();
            port.ledger.ops.lend(op);
        }
        assert!(port.ledger.ops.is_lent(op));
        drop(port);
        assert_eq!(pool.sharers() > 1, kept);
    }
}

#[test]
fn every_session_has_its_socket_options() {
    crate::sys::option_tests::check::<UringPort>(|port, socket| {
        &port.ledger.socket(socket).unwrap().handle
    });
}
