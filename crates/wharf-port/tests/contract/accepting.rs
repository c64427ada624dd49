//! Clauses of listening and accepting.

use crate::backends::{Backend, Peer, Seen};
use crate::rig::{ACCEPT, CLOSE, Rig};
use wharf_port::{AcceptError, Checked, CloseHow, Event, ListenOptions, OpenError, OpsFull, Port};

pub(crate) fn c1_accept_stream_ends_with_more_false<B: Backend>(mut rig: Rig<B>) {
    let (socket, _peer) = rig.pair();
    // The armed accept is the listener's; a second listener shows its id.
    let local = std::net::SocketAddr::new(rig.backend.loopback(), 0);
    let listener = rig.port.listen(local, &ListenOptions::default()).unwrap();
    let op = rig.port.arm_accept(listener, ACCEPT).unwrap();
    rig.port.cancel(op);
    let last = rig.take_op(op);
    assert!(!last.more);
    assert!(
        matches!(last.event, Event::Accepted(Err(AcceptError::Cancelled))),
        "{last:?}"
    );
    rig.close(listener, CloseHow::Fin);
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c3_second_accept_is_refused<B: Backend>(mut rig: Rig<B>) {
    assert_eq!(rig.port.arm_accept(rig.listener, ACCEPT), Err(OpsFull));
    rig.finish();
}

pub(crate) fn listener_closed_with_accepts_pending<B: Backend>(mut rig: Rig<B>) {
    rig.port.close(rig.listener, CloseHow::Fin, CLOSE);
    let ended = rig.take(|completion| completion.token == ACCEPT);
    assert!(!ended.more && matches!(ended.event, Event::Accepted(Err(AcceptError::Cancelled))));
    rig.closed();
    rig.port.assert_idle();
}

pub(crate) fn an_accepted_socket_is_adopted_by_another_port<B: Backend>(mut rig: Rig<B>) {
    let mut other = Checked::new(rig.backend.open(&rig.options.clone()));
    let mut peer = rig.connect();
    let socket = other.adopt(rig.accept()).expect("adopts");
    rig.peer_writes(&mut peer, b"hello");
    let mut op = other.arm_recv(socket, ACCEPT).unwrap();
    let mut received = Vec::new();
    let mut batch = Vec::with_capacity(8);
    while received != b"hello" {
        let until = rig.backend.now() + wharf_base::Duration::from_millis(5);
        other.wait(&mut batch, Some(until)).unwrap();
        rig.turn();
        for completion in batch.drain(..) {
            let Event::Received(Ok(bytes)) = completion.event else {
                panic!("{completion:?}")
            };
            received.extend_from_slice(&bytes);
            if !completion.more {
                op = other.arm_recv(socket, ACCEPT).unwrap();
            }
        }
    }
    let _ = op;
    other.close(socket, CloseHow::Fin, CLOSE);
    while other.stats().sockets > 0 {
        let until = rig.backend.now() + wharf_base::Duration::from_millis(5);
        other.wait(&mut batch, Some(until)).unwrap();
        rig.turn();
    }
    assert_eq!(rig.peer_sees(&mut peer), Seen::End);
    rig.finish();
}

pub(crate) fn an_accepted_socket_that_nobody_adopts_closes_itself<B: Backend>(mut rig: Rig<B>) {
    let mut peer = rig.connect();
    drop(rig.accept());
    assert_eq!(rig.peer_sees(&mut peer), Seen::End);
    let mut peer = rig.connect();
    rig.accept().reset();
    rig.peer_sees_reset(&mut peer);
    rig.finish();
}

pub(crate) fn many_connections_are_all_accepted<B: Backend>(mut rig: Rig<B>) {
    let peers: Vec<_> = (0..40).map(|_| rig.connect()).collect();
    let sockets: Vec<_> = peers
        .iter()
        .map(|_| {
            let socket = rig.accept();
            rig.port.adopt(socket).expect("there is room")
        })
        .collect();
    for socket in sockets {
        rig.close(socket, CloseHow::Fin);
    }
    for mut peer in peers {
        peer.shutdown_write();
    }
    rig.finish();
}

pub(crate) fn sockets_are_bounded_and_the_one_too_many_is_closed<B: Backend>(mut rig: Rig<B>) {
    let mut taken = Vec::new();
    let mut too_many = loop {
        let peer = rig.connect();
        let accepted = rig.accept();
        match rig.port.adopt(accepted) {
            Ok(socket) => taken.push((socket, peer)),
            Err(error) => {
                assert_eq!(error, OpenError::SocketsFull);
                break peer;
            }
        }
    };
    assert_eq!(rig.port.stats().sockets, rig.options.sockets_max);
    assert_eq!(taken.len() as u32, rig.options.sockets_max - 1);
    assert_eq!(rig.peer_sees(&mut too_many), Seen::End);
    let (socket, _peer) = taken.pop().unwrap();
    rig.close(socket, CloseHow::Fin);
    taken.push(rig.pair());
    for (socket, _peer) in taken {
        rig.close(socket, CloseHow::Fin);
    }
    rig.finish();
}

pub(crate) fn a_closed_listener_frees_its_address<B: Backend>(mut rig: Rig<B>) {
    let options = ListenOptions::default();
    assert_eq!(
        rig.port.listen(rig.address, &options),
        Err(OpenError::AddressInUse(rig.address))
    );
    rig.close(rig.listener, CloseHow::Fin);
    rig.seen.clear();
    rig.listener = rig.port.listen(rig.address, &options).expect("it is free");
    rig.port.arm_accept(rig.listener, ACCEPT).expect("arms");
    let (socket, _peer) = rig.pair();
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}
