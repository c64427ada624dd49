//! Clauses of ending: cancel, close, drop.

use crate::backends::{Backend, Peer, Seen};
use crate::rig::{CLOSE, RECV, Rig, SEND, batch};
use std::sync::Arc;
use wharf_port::{CloseHow, Event, Port, RecvEnd, SendBatch};

pub(crate) fn c2_dropped_interest_keeps_buffer_alive<B: Backend>(mut rig: Rig<B>) {
    let (socket, peer) = rig.pair();
    let bytes = Arc::new(vec![9u8; 8 << 20]);
    struct Owner(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let mut large = SendBatch::new();
    large.push_shared(bytes::Bytes::from_owner(Owner(bytes.clone())));
    let op = rig.port.send(socket, large, SEND).unwrap();
    assert_eq!(Arc::strong_count(&bytes), 2, "the port has the batch");
    rig.port.cancel(op);
    drop(rig.take_op(op));
    assert_eq!(
        Arc::strong_count(&bytes),
        1,
        "the completion brought it back"
    );
    rig.close(socket, CloseHow::Reset);
    drop(peer);
    rig.finish();
}

pub(crate) fn c6_closed_is_last_event<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let op = rig.arm_recv(socket);
    rig.turn();
    rig.port.close(socket, CloseHow::Fin, CLOSE);
    rig.closed();
    assert!(
        rig.seen.iter().any(|seen| seen.op == op && !seen.more),
        "the receive ended before"
    );
    rig.seen.clear();
    let _ = peer.read();
    for _ in 0..10 {
        rig.turn();
    }
    assert!(rig.seen.is_empty(), "after Closed nothing: {:?}", rig.seen);
    assert!(rig.port.arm_recv(socket, RECV).is_err());
    rig.finish();
}

pub(crate) fn c6_socket_id_is_never_reused<B: Backend>(mut rig: Rig<B>) {
    let mut ids = std::collections::HashSet::new();
    for _ in 0..30 {
        let (socket, _peer) = rig.pair();
        assert!(ids.insert(socket), "{socket:?} twice");
        rig.close(socket, CloseHow::Fin);
    }
    rig.finish();
}

pub(crate) fn c7_close_with_recv_and_send_in_flight<B: Backend>(mut rig: Rig<B>) {
    let (socket, peer) = rig.pair();
    let recv = rig.arm_recv(socket);
    let send = rig.stall(socket);
    rig.port.close(socket, CloseHow::Reset, CLOSE);
    rig.closed();
    for op in [recv, send] {
        assert!(
            rig.seen.iter().any(|seen| seen.op == op && !seen.more),
            "{op:?} ended before"
        );
    }
    drop(peer);
    rig.finish();
}

pub(crate) fn c7_close_waits_for_a_send_alone<B: Backend>(mut rig: Rig<B>) {
    let (socket, peer) = rig.pair();
    let send = rig.stall(socket);
    rig.port.close(socket, CloseHow::Reset, CLOSE);
    rig.closed();
    assert!(
        rig.seen.iter().any(|seen| seen.op == send && !seen.more),
        "it ended before"
    );
    drop(peer);
    rig.finish();
}

pub(crate) fn c7_late_bytes_do_not_land_after_close<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    rig.arm_recv(socket);
    rig.turn();
    rig.close(socket, CloseHow::Fin);
    rig.seen.clear();
    // The kernel may refuse the bytes of a closed link, which is just as well.
    let _ = peer.write(b"late");
    for _ in 0..10 {
        rig.turn();
    }
    assert!(rig.seen.is_empty(), "{:?}", rig.seen);
    assert_eq!(rig.port.stats().recv_buffers_out, 0);
    rig.finish();
}

pub(crate) fn close_in_order_lets_the_peer_read_everything<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let op = rig.port.send(socket, batch(b"goodbye"), SEND).unwrap();
    assert_eq!(rig.sent(op), Ok(7));
    rig.close(socket, CloseHow::Fin);
    assert_eq!(rig.peer_sees(&mut peer), Seen::Bytes(b"goodbye".to_vec()));
    assert_eq!(rig.peer_sees(&mut peer), Seen::End);
    rig.finish();
}

pub(crate) fn close_with_reset_is_seen_as_such<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    rig.close(socket, CloseHow::Reset);
    rig.peer_sees_reset(&mut peer);
    rig.finish();
}

pub(crate) fn c5_stale_cancel_and_close_are_ignored<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let stale_op = rig.port.send(socket, batch(b"x"), SEND).unwrap();
    assert_eq!(rig.sent(stale_op), Ok(1));
    rig.close(socket, CloseHow::Fin);
    let (next, mut next_peer) = rig.pair();
    let mut op = rig.arm_recv(next);
    let stale = rig.port.stats().stale;
    rig.port.cancel(stale_op);
    rig.port.close(socket, CloseHow::Reset, CLOSE);
    assert_eq!(rig.port.stats().stale, stale + 2, "and counted");
    rig.peer_writes(&mut next_peer, b"alive");
    assert_eq!(rig.receive(next, &mut op, 5), b"alive");
    let _ = peer.read();
    rig.close(next, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c5_cancel_races_with_completion<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    for round in 0..40u8 {
        let mut op = rig.arm_recv(socket);
        rig.peer_writes(&mut peer, &[round; 3]);
        rig.port.cancel(op);
        let mut received = Vec::new();
        // Whatever wins, the bytes come exactly once, before the cancel or after it.
        while received.len() < 3 {
            let completion = rig.take_op(op);
            match completion.event {
                Event::Received(Ok(bytes)) => received.extend_from_slice(&bytes),
                Event::Received(Err(RecvEnd::Cancelled)) => {}
                other => panic!("{other:?}"),
            }
            if !completion.more {
                op = rig.arm_recv(socket);
            }
        }
        assert_eq!(received, [round; 3]);
        rig.port.cancel(op);
        while rig.take_op(op).more {}
    }
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c12_drop_with_in_flight_ops<B: Backend>(mut rig: Rig<B>) {
    let (quiet, mut quiet_peer) = rig.pair();
    let (stalled, _stalled_peer) = rig.pair();
    rig.arm_recv(quiet);
    rig.stall(stalled);
    rig.seen.clear();
    let Rig { port, backend, .. } = rig;
    drop(port);
    // The port is gone, and with it our end of every connection.
    let mut seen = quiet_peer.read();
    let mut backend = backend;
    while seen == Seen::NothingYet {
        backend.pass_time();
        seen = quiet_peer.read();
    }
    assert!(matches!(seen, Seen::End | Seen::Reset), "{seen:?}");
}
