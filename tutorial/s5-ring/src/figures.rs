//! What the README's tables say.

use lesson_lab::{Figures, Plot, Table, cpu, side_by_side};
use s5_ring::ring::Ring;
use std::collections::VecDeque;
use std::hint::black_box;
use std::io;

/// What is kept at most, and is kept all along but for one message.
const KEPT_BYTES: usize = 8 * 1024;
const MESSAGE_BYTES: [usize; 4] = [16, 64, 256, 1024];
const MESSAGES: usize = 20_000;
const ROUNDS: usize = 9;

/// Something that keeps bytes: puts a message in, takes one of the same size out.
type Turn = fn(&mut Kept, &mut [u8]);

/// All of them, each filled but for one message.
struct Kept {
    ring: Ring,
    deque: VecDeque<u8>,
    vec: Vec<u8>,
}

const KEEPERS: [(&str, Turn); 4] = [
    ("ring, two copies at most", |kept, message| {
        let is_done = kept.ring.write(message) && kept.ring.read(message);
        assert!(is_done, "there is room for a message");
    }),
    ("VecDeque, extend and drain", |kept, message| {
        kept.deque.extend(message.iter());
        let count = message.len();
        for (byte, old) in message.iter_mut().zip(kept.deque.drain(..count)) {
            *byte = old;
        }
    }),
    ("VecDeque, byte by byte", |kept, message| {
        for byte in message.iter_mut() {
            kept.deque.push_back(*byte);
            *byte = kept.deque.pop_front().unwrap_or_default();
        }
    }),
    ("Vec, moved down each time", |kept, message| {
        kept.vec.extend_from_slice(message);
        message.copy_from_slice(&kept.vec[..message.len()]);
        kept.vec.drain(..message.len());
    }),
];

/// Measures what a message costs that goes through a buffer which is nearly full.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    let names = KEEPERS.map(|(name, _)| name);
    let mut medians = KEEPERS.map(|_| Vec::new());
    for bytes in MESSAGE_BYTES {
        let measured = side_by_side(ROUNDS, &KEEPERS, |(_, turn)| nanoseconds(*turn, bytes));
        let table = Table::of_cases("", "CPU a message, ns", &names, &measured);
        let title = format!("A message of {bytes} bytes in, one out");
        figures.write_table(&format!("messages-{bytes}"), &title, &table)?;
        for (line, measured) in medians.iter_mut().zip(&measured) {
            line.push(measured.figure.median);
        }
    }
    let plot = Plot::new("CPU a message by its bytes (ns)", &MESSAGE_BYTES);
    let lines = names.iter().zip(medians);
    let plot = lines.fold(plot, |plot, (name, line)| plot.line(name, line));
    figures.write_plot("messages", &plot.logarithmic())
}

fn nanoseconds(turn: Turn, bytes: usize) -> f64 {
    let before = vec![b'x'; KEPT_BYTES - bytes];
    let mut kept = Kept {
        ring: Ring::new(KEPT_BYTES),
        deque: before.iter().copied().collect(),
        vec: before.clone(),
    };
    assert!(kept.ring.write(&before), "there is room for that");
    let mut message = vec![b'x'; bytes];
    let spent = cpu::of_this_thread(|| {
        for _ in 0..MESSAGES {
            turn(&mut kept, black_box(&mut message));
        }
    });
    spent.as_nanos() as f64 / MESSAGES as f64
}
