//! Clauses of `wait` and of waking.

use crate::backends::Backend;
use crate::rig::{Rig, SEND, batch};
use wharf_base::{Duration, Instant};
use wharf_port::{CloseHow, Completion, Event, Port};

pub(crate) fn c10_wait_does_not_block_with_ready_completions<B: Backend>(mut rig: Rig<B>) {
    let (socket, _peer) = rig.pair();
    let op = rig.port.send(socket, batch(b"x"), SEND).unwrap();
    let mut seen = Vec::with_capacity(8);
    while !seen
        .iter()
        .any(|completion: &Completion| completion.op == op)
    {
        // For ever, if it were not for the send.
        rig.port.wait(&mut seen, None).unwrap();
        if seen.is_empty() {
            rig.backend.pass_time();
        }
    }
    rig.close(socket, CloseHow::Fin);
    rig.finish();
}

pub(crate) fn c10_wait_returns_after_its_deadline<B: Backend>(mut rig: Rig<B>) {
    for timeout in [Duration::from_micros(100), Duration::from_millis(3)] {
        let until = rig.backend.now() + timeout;
        let mut waits = 0;
        loop {
            let mut batch = Vec::with_capacity(8);
            let now = rig.port.wait(&mut batch, Some(until)).unwrap();
            waits += 1;
            assert!(waits < 1_000, "it spins instead of sleeping");
            if now >= until {
                break;
            }
            rig.backend.pass_time();
        }
    }
    rig.finish();
}

pub(crate) fn c10_a_past_deadline_only_looks<B: Backend>(mut rig: Rig<B>) {
    let mut batch = Vec::with_capacity(8);
    rig.port.wait(&mut batch, Some(Instant::ZERO)).unwrap();
    rig.finish();
}

pub(crate) fn c10_deadlines_pass_while_completions_are_ready<B: Backend>(mut rig: Rig<B>) {
    let until = rig.backend.now() + Duration::from_millis(2);
    let waker = rig.port.waker();
    let turn = |rig: &mut Rig<B>| {
        waker.wake();
        let mut batch = Vec::with_capacity(8);
        let now = rig.port.wait(&mut batch, Some(until)).unwrap();
        let [completion] = &batch[..] else {
            panic!("not one wake: {batch:?}")
        };
        assert!(matches!(completion.event, Event::Woken), "{completion:?}");
        now
    };
    while turn(&mut rig) < until {
        assert!(rig.backend.now() < rig.deadline, "its time stands still");
        rig.backend.pass_time();
    }
    turn(&mut rig);
    rig.finish();
}

pub(crate) fn c10_small_batches_get_everything<B: Backend>(mut rig: Rig<B>) {
    let mut pairs: Vec<_> = (0..8).map(|_| rig.pair()).collect();
    let ops: Vec<_> = pairs
        .iter()
        .map(|(socket, _)| rig.arm_recv(*socket))
        .collect();
    for (_, peer) in &mut pairs {
        rig.peer_writes(peer, b"x");
    }
    let mut heard: Vec<_> = rig.seen.drain(..).map(|completion| completion.op).collect();
    while heard.len() < ops.len() {
        let mut one = Vec::with_capacity(1);
        let until = rig.backend.now() + Duration::from_millis(5);
        rig.port.wait(&mut one, Some(until)).unwrap();
        if one.is_empty() {
            rig.backend.pass_time();
        }
        heard.extend(one.into_iter().map(|completion| {
            assert!(
                matches!(completion.event, Event::Received(Ok(_))),
                "{completion:?}"
            );
            completion.op
        }));
    }
    assert!(ops.iter().all(|op| heard.contains(op)));
    for (socket, _peer) in pairs {
        rig.close(socket, CloseHow::Fin);
    }
    rig.finish();
}

pub(crate) fn c11_a_thousand_wakes_make_one<B: Backend>(mut rig: Rig<B>) {
    let waker = rig.port.waker();
    (0..1_000).for_each(|_| waker.wake());
    rig.take(|completion| matches!(completion.event, Event::Woken));
    for _ in 0..5 {
        rig.turn();
    }
    assert!(rig.seen.is_empty(), "one wake, not several: {:?}", rig.seen);
    assert_eq!(rig.port.stats().wakes, 1);
    rig.finish();
}

pub(crate) fn c11_a_wake_from_another_thread_ends_the_wait<B: Backend>(mut rig: Rig<B>) {
    for _ in 0..20 {
        let waker = rig.port.waker();
        let thread = std::thread::spawn(move || waker.wake());
        let mut batch = Vec::with_capacity(8);
        while batch.is_empty() {
            let now = rig.port.wait(&mut batch, Some(rig.deadline)).unwrap();
            assert!(now < rig.deadline, "the wake was lost");
        }
        assert!(matches!(batch[0].event, Event::Woken), "{batch:?}");
        thread.join().unwrap();
    }
    rig.finish();
}
