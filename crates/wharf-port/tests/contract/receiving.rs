//! Clauses of receiving.

use crate::backends::{Backend, Peer, Seen};
use crate::rig::{RECV, Rig, batch};
use std::collections::BTreeSet;
use wharf_port::{CloseHow, Event, OpsFull, Port, RecvEnd};

pub(crate) fn bytes_arrive_whole_and_in_order<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let mut op = rig.arm_recv(socket);
    let bytes: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
    for chunk in bytes.chunks(7_001) {
        rig.peer_writes(&mut peer, chunk);
        assert_eq!(rig.receive(socket, &mut op, chunk.len()), chunk);
    }
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c3_second_receive_is_refused<B: Backend>(mut rig: Rig<B>) {
    let (socket, _peer) = rig.pair();
    let refused = rig.port.stats().refused;
    rig.arm_recv(socket);
    assert_eq!(rig.port.arm_recv(socket, RECV), Err(OpsFull));
    assert_eq!(rig.port.stats().refused, refused + 1, "and counted");
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c5_cancelled_receive_completes_and_the_stream_goes_on<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let op = rig.arm_recv(socket);
    rig.turn();
    rig.port.cancel(op);
    rig.port.cancel(op);
    assert_eq!(rig.recv_end(socket, op), RecvEnd::Cancelled);
    rig.peer_writes(&mut peer, b"after");
    let mut op = rig.arm_recv(socket);
    assert_eq!(rig.receive(socket, &mut op, 5), b"after");
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

/// Holds every buffer of the pool by receiving on as many sockets; what else arrives has none.
fn hold_all_buffers<B: Backend>(
    rig: &mut Rig<B>,
) -> (
    Vec<wharf_port::RecvBuf>,
    Vec<(wharf_port::SocketId, B::Peer)>,
) {
    let mut held = Vec::new();
    let mut pairs = Vec::new();
    while held.len() < usize::from(rig.options.recv_buffers) {
        let (socket, mut peer) = rig.pair();
        let op = rig.arm_recv(socket);
        // One byte comes in one piece.
        rig.peer_writes(&mut peer, b"h");
        let completion = rig.take_op(op);
        let Event::Received(Ok(bytes)) = completion.event else {
            panic!("{completion:?}")
        };
        held.push(bytes);
        pairs.push((socket, peer));
    }
    (held, pairs)
}

pub(crate) fn c5_cancelling_a_parked_receive_completes_it<B: Backend>(mut rig: Rig<B>) {
    let (held, pairs) = hold_all_buffers(&mut rig);
    let (socket, mut peer) = rig.pair();
    let op = rig.arm_recv(socket);
    rig.peer_writes(&mut peer, b"no buffer");
    for _ in 0..5 {
        rig.turn();
    }
    rig.port.cancel(op);
    assert_eq!(rig.recv_end(socket, op), RecvEnd::Cancelled);
    drop(held);
    let mut op = rig.arm_recv(socket);
    assert_eq!(rig.receive(socket, &mut op, 9), b"no buffer");
    rig.close(socket, CloseHow::Fin);
    for (socket, _peer) in pairs {
        rig.close(socket, CloseHow::Fin);
    }
    rig.finish();
}

pub(crate) fn c8_pool_exhaustion_parks_and_resumes<B: Backend>(mut rig: Rig<B>) {
    let (held, mut pairs) = hold_all_buffers(&mut rig);
    let mut waiting: BTreeSet<_> = (0..3)
        .map(|_| {
            let (socket, mut peer) = rig.pair();
            let op = rig.arm_recv(socket);
            rig.peer_writes(&mut peer, b"w");
            pairs.push((socket, peer));
            op
        })
        .collect();
    for _ in 0..5 {
        rig.turn();
    }
    let received = |completion: &wharf_port::Completion| completion.token == RECV;
    assert!(
        !rig.seen.iter().any(received),
        "nothing is received without a buffer"
    );
    drop(held);
    while !waiting.is_empty() {
        let completion = rig.take(received);
        assert!(waiting.remove(&completion.op), "{completion:?}");
        match completion.event {
            Event::Received(Ok(bytes)) => assert_eq!(&bytes[..], b"w"),
            other => panic!("received {other:?}"),
        }
    }
    for (socket, _peer) in pairs {
        rig.close(socket, CloseHow::Fin);
    }
    rig.finish();
}

pub(crate) fn c8_those_that_starved_first_are_served_first<B: Backend>(mut rig: Rig<B>) {
    let (mut held, mut pairs) = hold_all_buffers(&mut rig);
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let (socket, mut peer) = rig.pair();
        waiting.push(rig.arm_recv(socket));
        rig.peer_writes(&mut peer, b"w");
        // Until it starves: nothing else tells.
        for _ in 0..5 {
            rig.turn();
        }
        pairs.push((socket, peer));
    }
    for op in waiting {
        drop(held.pop());
        let served = rig.take(|completion| completion.token == RECV);
        assert_eq!(served.op, op, "another was served before: {served:?}");
    }
    drop(held);
    for (socket, _peer) in pairs {
        rig.close(socket, CloseHow::Fin);
    }
    rig.finish();
}

pub(crate) fn c8_an_idle_crowd_starves_nobody<B: Backend>(mut rig: Rig<B>) {
    let mut crowd = Vec::new();
    for _ in 0..2 * rig.options.recv_buffers {
        let (socket, peer) = rig.pair();
        rig.arm_recv(socket);
        crowd.push((socket, peer));
    }
    let (socket, mut peer) = rig.pair();
    let mut op = rig.arm_recv(socket);
    for _ in 0..5 {
        rig.peer_writes(&mut peer, b"busy");
        assert_eq!(rig.receive(socket, &mut op, 4), b"busy");
    }
    rig.close(socket, CloseHow::Fin);
    for (socket, _peer) in crowd {
        rig.close(socket, CloseHow::Fin);
    }
    rig.finish();
}

pub(crate) fn c8_a_flood_does_not_starve_the_others<B: Backend>(mut rig: Rig<B>) {
    let (flooded, mut flood) = rig.pair();
    let (quiet, mut peer) = rig.pair();
    let mut flood_op = rig.arm_recv(flooded);
    let mut quiet_op = rig.arm_recv(quiet);
    for round in 0..50u8 {
        flood.write(&[round; 16_384]);
        rig.peer_writes(&mut peer, &[round]);
        // The flood is consumed as it comes, as a server would, or it would hold every buffer.
        let heard = rig.until(|rig| {
            while let Some(at) = rig.seen.iter().position(|seen| seen.op == flood_op) {
                if !rig.seen.remove(at).more {
                    flood_op = rig.port.arm_recv(flooded, RECV).unwrap();
                }
            }
            let at = rig.seen.iter().position(|seen| seen.op == quiet_op)?;
            Some(rig.seen.remove(at))
        });
        let Event::Received(Ok(bytes)) = heard.event else {
            panic!("{heard:?}")
        };
        assert_eq!(bytes[..], [round]);
        if !heard.more {
            quiet_op = rig.port.arm_recv(quiet, RECV).unwrap();
        }
    }
    rig.seen.clear();
    rig.close(flooded, CloseHow::Reset);
    rig.close(quiet, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c8_a_lent_buffer_keeps_its_bytes<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    let mut op = rig.arm_recv(socket);
    rig.peer_writes(&mut peer, b"first");
    let completion = rig.take_op(op);
    let Event::Received(Ok(first)) = completion.event else {
        panic!("{completion:?}")
    };
    assert_eq!(rig.port.stats().recv_buffers_out, 1);
    if !completion.more {
        op = rig.arm_recv(socket);
    }
    for _ in 0..20 {
        rig.peer_writes(&mut peer, b"other");
        assert_eq!(rig.receive(socket, &mut op, 5), b"other");
    }
    assert_eq!(&first[..], b"first");
    drop(first);
    rig.close(socket, CloseHow::Fin);
    rig.seen.clear();
    assert_eq!(rig.port.stats().recv_buffers_out, 0);
    rig.finish();
}

pub(crate) fn peer_reset_is_not_eof<B: Backend>(mut rig: Rig<B>) {
    let (socket, peer) = rig.pair();
    let op = rig.arm_recv(socket);
    rig.turn();
    peer.reset();
    assert_eq!(rig.recv_end(socket, op), RecvEnd::PeerReset);
    rig.close(socket, CloseHow::Fin);
    let (socket, mut peer) = rig.pair();
    peer.shutdown_write();
    let op = rig.arm_recv(socket);
    assert_eq!(rig.recv_end(socket, op), RecvEnd::Eof);
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn half_close_still_sends<B: Backend>(mut rig: Rig<B>) {
    let (socket, mut peer) = rig.pair();
    rig.peer_writes(&mut peer, b"question");
    peer.shutdown_write();
    let mut op = rig.arm_recv(socket);
    assert_eq!(rig.receive(socket, &mut op, 8), b"question");
    assert_eq!(rig.recv_end(socket, op), RecvEnd::Eof);
    assert_eq!(rig.send_to(socket, batch(b"answer"), &mut peer), b"answer");
    rig.port.shutdown_send(socket).unwrap();
    assert_eq!(rig.peer_sees(&mut peer), Seen::End);
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}
