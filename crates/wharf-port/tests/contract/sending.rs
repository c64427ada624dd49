//! Clauses of sending.

use crate::backends::{Backend, Peer, Seen};
use crate::rig::{RECV, Rig, SEND, batch};
use bytes::Bytes;
use wharf_port::{CloseHow, Port, Refused, SendBatch, SendError, SendInFlight};

pub(crate) fn c1_refused_send_returns_batch<B: Backend>(mut rig: Rig<B>) {
    let (socket, _peer) = rig.pair();
    rig.close(socket, CloseHow::Fin);
    let Err(Refused(back)) = rig.port.send(socket, batch(b"late"), SEND) else {
        panic!("a send was taken on a closed socket")
    };
    assert_eq!(back.slices().next().as_deref(), Some(&b"late"[..]));
    rig.finish();
}

pub(crate) fn c3_second_send_is_refused<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let op = rig.port.send(socket, batch(b"one"), SEND).unwrap();
    let refused = rig.port.stats().refused;
    assert!(
        rig.port.send(socket, batch(b"two"), SEND).is_err(),
        "one is in flight until waited for"
    );
    assert_eq!(rig.port.stats().refused, refused + 1, "and counted");
    assert_eq!(rig.sent(op), Ok(3));
    assert_eq!(rig.peer_sees(&mut peer), Seen::Bytes(b"one".to_vec()));
    assert_eq!(rig.send_to(socket, batch(b"two"), &mut peer), b"two");
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c4_immediate_success_is_not_reentrant<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let completions = rig.port.stats().completions;
    let op = rig.port.send(socket, batch(b"now"), SEND).unwrap();
    let stats = rig.port.stats();
    assert_eq!((stats.completions, stats.sends_in_flight), (completions, 1));
    assert_eq!(rig.sent(op), Ok(3));
    assert_eq!(rig.peer_sees(&mut peer), Seen::Bytes(b"now".to_vec()));
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c9_large_send_completes_in_pieces<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let bytes: Vec<u8> = (0..8_000_000u32).map(|n| (n / 3) as u8).collect();
    let mut large = SendBatch::new();
    large.push_shared(bytes.clone().into());
    assert!(
        rig.send_to(socket, large, &mut peer) == bytes,
        "bytes were lost or mixed up"
    );
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn copied_and_shared_parts_arrive_in_order<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let mut full = SendBatch::new();
    let mut expected = Vec::new();
    for serial in 0..SendBatch::SHARED_MAX as u8 {
        let (small, large) = (
            vec![serial; 10],
            vec![serial + 100; SendBatch::COPY_MAX + 1],
        );
        expected.extend(small.iter().chain(&large));
        full.push_copy(&small);
        full.push_shared(Bytes::from(large));
    }
    full.push_copy(b"end");
    expected.extend(b"end");
    assert_eq!(full.slices().count(), SendBatch::SLICES_MAX);
    assert_eq!(rig.send_to(socket, full, &mut peer), expected);
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn shutdown_is_refused_while_a_send_is_in_flight<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let op = rig.port.send(socket, batch(b"last"), SEND).unwrap();
    assert_eq!(rig.port.shutdown_send(socket), Err(SendInFlight));
    assert_eq!(rig.sent(op), Ok(4));
    assert_eq!(rig.port.shutdown_send(socket), Ok(()));
    assert_eq!(rig.peer_sees(&mut peer), Seen::Bytes(b"last".to_vec()));
    assert_eq!(rig.peer_sees(&mut peer), Seen::End);
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn after_shutdown_the_peer_reads_the_end_and_no_send_is_taken<B: Backend>(
    mut rig: Rig<B>,
) {
    let (socket, mut peer) = rig.pair();
    rig.port.shutdown_send(socket).unwrap();
    assert_eq!(rig.peer_sees(&mut peer), Seen::End);
    assert!(rig.port.send(socket, batch(b"late"), SEND).is_err());
    rig.peer_writes(&mut peer, b"still heard");
    let mut op = rig.port.arm_recv(socket, RECV).unwrap();
    assert_eq!(rig.receive(socket, &mut op, 11), b"still heard");
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn a_send_to_a_peer_that_reset_fails<B: Backend>(mut rig: Rig<B>) {
    let (socket, peer) = rig.pair();
    peer.reset();
    // The first send may leave before the reset is noticed; one of the next cannot.
    loop {
        let op = rig.port.send(socket, batch(b"anybody?"), SEND).unwrap();
        if rig.sent(op).is_err() {
            break;
        }
        rig.turn();
    }
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c9_an_empty_send_is_no_error<B: Backend>(mut rig: Rig<B>) {
    let (socket, _peer) = rig.pair();
    let op = rig.port.send(socket, SendBatch::new(), SEND).unwrap();
    assert_eq!(rig.sent(op), Ok(0));
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c13_a_stalled_send_is_cancelled_and_the_socket_closes<B: Backend>(mut rig: Rig<B>) {
    let (socket, _peer) = rig.pair();
    let op = rig.stall(socket);
    rig.port.cancel(op);
    let result = rig.sent(op);
    assert!(
        matches!(result, Err(SendError::Cancelled) | Ok(1..)),
        "neither cancelled nor short: {result:?}"
    );
    rig.close(socket, CloseHow::Reset);
    rig.finish();
}
