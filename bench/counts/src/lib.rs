//! Hot paths, each set up to the point from which its instructions are counted.

mod logic;
mod sends;

pub use logic::LogicRig;
pub use sends::SendRig;

use wharf_base::{Deadlines, Duration, Handover, Instant, Key, SessionId};
use wharf_content::{ContentEvent, Inbox};
use wharf_net::NetLimits;
use wharf_wire::classic::Echo;
use wharf_wire::{FrameCutter, FrameRun, Packet};

/// Frames of a decoding, events of a hand-over.
pub const FRAMES: usize = 64;
/// Sessions with a deadline each.
const DEADLINES: u32 = 1_000;

/// Received bytes: frames of 64 bytes, one behind the other.
pub fn received() -> Vec<u8> {
    let text = "x".repeat(56);
    Echo { text }.to_frame().repeat(FRAMES)
}

/// Cuts everything; returns how many frames there were.
///
/// # Panics
/// If a frame breaks the rules.
pub fn cut(bytes: &[u8]) -> usize {
    let rules = NetLimits::default().inbound;
    let (mut cutter, mut input, mut count) = (FrameCutter::new(), bytes, 0);
    while let Some(frames) = cutter.next(&mut input, &rules).expect("whole frames") {
        for frame in frames {
            count += usize::from(std::hint::black_box(frame).body.len() > 8);
        }
    }
    count
}

/// Sessions that all wait for something.
pub fn deadlines() -> Deadlines {
    let mut deadlines = Deadlines::new();
    (0..DEADLINES).for_each(|slot| deadlines.set(slot, at(slot)));
    deadlines
}

/// Each is put off once, as by something heard; then all are due.
pub fn put_off_and_fire(mut deadlines: Deadlines) -> u32 {
    for slot in 0..DEADLINES {
        deadlines.set(slot, at(slot) + Duration::from_secs(30));
    }
    let mut fired = 0;
    while deadlines.pop_due(Instant::FAR_FUTURE).is_some() {
        fired += 1;
    }
    fired
}

/// In an order that is none.
fn at(slot: u32) -> Instant {
    Instant::ZERO + Duration::from_micros(u64::from(slot * 7_919 % DEADLINES))
}

/// A mailbox that has been used, and a batch of frames for it.
pub fn mailbox() -> (Handover<Inbox>, Inbox) {
    let handover = Handover::new();
    let bytes = received();
    let frame = &bytes[..bytes.len() / FRAMES];
    let mut batch = Inbox::new();
    for round in 0..2 {
        for _ in 0..FRAMES {
            batch.push(ContentEvent::Frames {
                session: SessionId::new(0, Key::from_parts(1, 1)),
                frames: FrameRun::known(frame, 1),
            });
        }
        if round == 0 {
            hand_over(&handover, &mut batch);
        }
    }
    (handover, batch)
}

/// Gives the batch away, takes it and looks at each event; returns how many there were.
pub fn hand_over(handover: &Handover<Inbox>, batch: &mut Inbox) -> usize {
    let must_wake = handover.publish(batch);
    let mut taken = Inbox::new();
    let mut count = usize::from(!must_wake);
    handover.take(&mut taken);
    taken.drain(|event| count += usize::from(matches!(event, ContentEvent::Frames { .. })));
    count
}
