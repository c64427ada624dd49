//! What the hot paths cost, in instructions: `cargo xtask counts` compares them with those in
//! `counts.toml`.

use gungraun::{library_benchmark, library_benchmark_group, main};
use std::hint::black_box;
use wharf_base::{Deadlines, Handover};
use wharf_content::Inbox;
use wharf_counts::{FRAMES, LogicRig, SendRig};

#[library_benchmark]
#[bench::of_64_bytes(setup = wharf_counts::received)]
fn decode_64_frames(bytes: Vec<u8>) -> Vec<u8> {
    assert_eq!(wharf_counts::cut(black_box(&bytes)), FRAMES);
    bytes
}

#[library_benchmark]
#[bench::of_64_bytes(setup = SendRig::new)]
fn send_to_64_sessions(mut rig: SendRig) -> SendRig {
    assert_eq!(rig.send(), 64);
    rig
}

#[library_benchmark]
#[bench::a_line(setup = LogicRig::lobby)]
fn broadcast_to_100_sessions(mut rig: LogicRig) -> LogicRig {
    // A delivery to each, and the speaker's answer and credit.
    assert!(rig.run() >= 100);
    rig
}

#[library_benchmark]
#[bench::with_a_broadcast(setup = LogicRig::ticking)]
fn tick_a_room_of_100(mut rig: LogicRig) -> LogicRig {
    assert!(rig.run() >= 100);
    rig
}

#[library_benchmark]
#[bench::put_off_and_fired(setup = wharf_counts::deadlines)]
fn deadlines_of_1000_sessions(deadlines: Deadlines) -> u32 {
    wharf_counts::put_off_and_fire(black_box(deadlines))
}

#[library_benchmark]
#[bench::of_64_frames(setup = wharf_counts::mailbox)]
fn hand_over((handover, mut batch): (Handover<Inbox>, Inbox)) -> Handover<Inbox> {
    assert_eq!(wharf_counts::hand_over(&handover, &mut batch), FRAMES);
    handover
}

library_benchmark_group!(
    name = hot_paths,
    benchmarks = [
        decode_64_frames,
        send_to_64_sessions,
        broadcast_to_100_sessions,
        tick_a_room_of_100,
        deadlines_of_1000_sessions,
        hand_over
    ]
);

main!(library_benchmark_groups = hot_paths);
