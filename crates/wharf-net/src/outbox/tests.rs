//! The way out against a model: nothing lost, nothing twice, order within each class.

use super::*;
use crate::pools::POOLED_BYTES_MAX;
use proptest::prelude::*;
use std::collections::VecDeque;
use wharf_wire::Header;

/// A frame whose body is its serial number, then filling.
fn frame(serial: u32, body_bytes: usize) -> Vec<u8> {
    let body_bytes = body_bytes.max(4);
    let mut frame = Header::new(1, body_bytes).to_bytes().to_vec();
    frame.extend_from_slice(&serial.to_le_bytes());
    frame.resize(5 + body_bytes, 0xAA);
    frame
}

fn bytes_of(batch: &SendBatch) -> Vec<u8> {
    batch.slices().flat_map(|slice| slice.to_vec()).collect()
}

/// The serials of whole frames in what has left.
fn serials(mut wire: &[u8]) -> Vec<u32> {
    let mut serials = Vec::new();
    while let Some(header) = wire.first_chunk::<5>() {
        let frame_bytes = usize::from(Header::from_bytes(*header).frame_bytes);
        serials.push(u32::from_le_bytes(wire[5..9].try_into().unwrap()));
        wire = &wire[frame_bytes..];
    }
    assert!(wire.is_empty(), "the wire ends in the middle of a frame");
    serials
}

/// One session's outbox and the link behind it, which takes what it likes.
#[derive(Default)]
struct Bench {
    pools: SendPools,
    outbox: Outbox,
    flying: Option<SendBatch>,
    wire: Vec<u8>,
}

impl Bench {
    fn push(&mut self, class: SendClass, key: u64, frame: Outgoing<'_>) -> Pushed {
        self.push_for(class, key, Origin::Own, frame)
    }

    fn push_for(
        &mut self,
        class: SendClass,
        key: u64,
        origin: Origin,
        frame: Outgoing<'_>,
    ) -> Pushed {
        self.outbox.push(&mut self.pools, class, key, origin, frame)
    }

    fn submit(&mut self) {
        if let Some(batch) = self.outbox.next_batch(&mut self.pools) {
            assert!(self.flying.is_none(), "two batches in flight");
            assert!(!batch.is_empty(), "an empty batch was submitted");
            self.flying = Some(batch);
        }
    }

    fn take(&mut self, bytes_max: usize) {
        if let Some(batch) = self.flying.take() {
            let bytes = bytes_max.min(batch.remaining());
            self.wire.extend_from_slice(&bytes_of(&batch)[..bytes]);
            self.outbox.sent(&mut self.pools, batch, bytes as u32);
        }
    }

    fn drain(&mut self) {
        while !self.outbox.is_empty() {
            self.submit();
            self.take(usize::MAX);
        }
    }
}

#[test]
fn what_waits_leaves_class_by_class_in_order_within_each() {
    let mut bench = Bench::default();
    bench.push(SendClass::Reliable, 0, Outgoing::Copy(&frame(0, 4)));
    bench.submit();
    let classes = [
        SendClass::Bulk,
        SendClass::Latest,
        SendClass::Reliable,
        SendClass::Control,
    ];
    for (serial, class) in (1..).zip(classes.into_iter().cycle().take(8)) {
        bench.push(class, serial.into(), Outgoing::Copy(&frame(serial, 4)));
    }
    bench.take(usize::MAX);
    bench.drain();
    assert_eq!(serials(&bench.wire), [0, 4, 8, 3, 7, 2, 6, 1, 5]);
}

#[test]
fn a_latest_value_takes_the_place_of_the_older_one_with_its_key() {
    let mut bench = Bench::default();
    let mut push = |serial, key, bytes| {
        bench.push(
            SendClass::Latest,
            key,
            Outgoing::Shared(frame(serial, bytes).into()),
        )
    };
    assert_eq!(push(1, 7, 4), Pushed::Queued);
    assert_eq!(push(2, 8, 4), Pushed::Queued);
    assert_eq!(push(3, 7, 4), Pushed::Replaced);
    assert_eq!(push(4, 8, 2_000), Pushed::Replaced);
    assert_eq!(push(5, 8, 4), Pushed::Replaced);
    bench.drain();
    assert_eq!(serials(&bench.wire), [3, 5]);
}

#[test]
fn what_the_link_has_taken_is_not_replaced() {
    let mut bench = Bench::default();
    bench.push(SendClass::Latest, 7, Outgoing::Copy(&frame(1, 4)));
    bench.submit();
    assert_eq!(
        bench.push(SendClass::Latest, 7, Outgoing::Copy(&frame(2, 4))),
        Pushed::Queued
    );
    bench.take(usize::MAX);
    bench.drain();
    assert_eq!(serials(&bench.wire), [1, 2]);
}

#[test]
fn each_account_carries_what_it_caused_until_it_has_left() {
    let mut bench = Bench::default();
    let frame = frame(1, 95);
    bench.push_for(SendClass::Reliable, 0, Origin::Own, Outgoing::Copy(&frame));
    bench.push_for(
        SendClass::Reliable,
        0,
        Origin::Others,
        Outgoing::Copy(&frame),
    );
    bench.submit();
    bench.push_for(
        SendClass::Reliable,
        0,
        Origin::Others,
        Outgoing::Copy(&frame),
    );
    bench.take(150);
    assert_eq!(
        bench.outbox.load(Origin::Own),
        Amount {
            bytes: 100,
            messages: 1
        }
    );
    assert_eq!(
        bench.outbox.load(Origin::Others),
        Amount {
            bytes: 200,
            messages: 2
        }
    );
    bench.drain();
    assert_eq!(bench.outbox.load(Origin::Own), Amount::default());
    assert_eq!(bench.outbox.load(Origin::Others), Amount::default());
}

#[test]
fn a_session_with_nothing_to_send_holds_no_memory_and_the_pools_stay_bounded() {
    let mut pools = SendPools::default();
    for round in 0..3 {
        let mut outboxes: Vec<Outbox> = (0..2_000).map(|_| Outbox::default()).collect();
        let mut flying = Vec::new();
        for outbox in &mut outboxes {
            let line = frame(1, 200);
            for _ in 0..2 {
                let frame = Outgoing::Copy(&line);
                outbox.push(&mut pools, SendClass::Reliable, 0, Origin::Others, frame);
                flying.extend(outbox.next_batch(&mut pools));
            }
        }
        for (outbox, batch) in outboxes.iter_mut().zip(flying) {
            let bytes = batch.remaining() as u32;
            assert!(outbox.sent(&mut pools, batch, bytes));
            let rest = outbox
                .next_batch(&mut pools)
                .expect("the second line waited");
            outbox.returned(&mut pools, rest);
            assert!(outbox.is_empty() && outbox.batch.is_none() && outbox.queue.is_none());
        }
        assert_eq!(
            (pools.queues_out, pools.used_bytes()),
            (0, 0),
            "round {round}"
        );
        assert!(pools.kept_bytes() <= POOLED_BYTES_MAX, "round {round}");
    }
}

fn any_class() -> impl Strategy<Value = SendClass> {
    prop::sample::select(SendClass::ALL.to_vec())
}

proptest! {
    #[test]
    fn every_frame_leaves_once_and_in_the_order_of_its_class(
        steps in prop::collection::vec(
            (any_class(), 0u64..4, any::<(bool, bool)>(), 0usize..3_000, 0u8..4, 0usize..9_000),
            1..120,
        )
    ) {
        let mut bench = Bench::default();
        let mut fifo: [Vec<u32>; 3] = Default::default();
        let mut last_latest: [Option<u32>; 4] = [None; 4];
        for (serial, (class, key, (shared, own), bytes, link, taken)) in (0u32..).zip(steps) {
            let frame = frame(serial, bytes);
            let origin = if own { Origin::Own } else { Origin::Others };
            let outgoing = match shared {
                true => Outgoing::Shared(frame.into()),
                false => Outgoing::Copy(&frame),
            };
            bench.push_for(class, key, origin, outgoing);
            match class {
                SendClass::Control => fifo[0].push(serial),
                SendClass::Reliable => fifo[1].push(serial),
                SendClass::Bulk => fifo[2].push(serial),
                SendClass::Latest => last_latest[key as usize] = Some(serial),
            }
            match link {
                0 => bench.submit(),
                1 => bench.take(taken.max(1)),
                _ => {}
            }
            let queue = bench.outbox.queue.as_ref();
            let waiting = queue.map_or(Amount::default(), |queue| queue.load().total());
            let pools = &bench.pools;
            prop_assert_eq!(pools.queued_bytes, u64::from(waiting.bytes));
            prop_assert_eq!(pools.queued_messages, u64::from(waiting.messages));
            let leaving = u64::from(bench.outbox.total().bytes - waiting.bytes);
            prop_assert_eq!(pools.leaving_bytes, leaving);
        }
        bench.take(usize::MAX);
        bench.drain();
        let left = serials(&bench.wire);
        // Frames of one class leave in their order; of each latest-value at least the last leaves.
        for class in &fifo {
            let mut expected: VecDeque<_> = class.iter().collect();
            for serial in &left {
                if expected.front() == Some(&serial) {
                    expected.pop_front();
                }
            }
            prop_assert!(expected.is_empty(), "lost or out of order: {:?} in {:?}", expected, left);
        }
        for last in last_latest.into_iter().flatten() {
            prop_assert!(left.contains(&last));
        }
        let mut unique = left.clone();
        unique.sort_unstable();
        unique.dedup();
        prop_assert_eq!(unique.len(), left.len(), "a frame left twice");
        prop_assert_eq!(bench.outbox.load(Origin::Own), Amount::default());
        prop_assert_eq!(bench.outbox.load(Origin::Others), Amount::default());
        prop_assert_eq!((bench.pools.queues_out, bench.pools.used_bytes()), (0, 0));
    }
}
