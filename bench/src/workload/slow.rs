//! Slow readers: one in ten stops reading; what do the others notice, and what does it take?

use super::{Cell, Method, Sample, metered};
use crate::client::{Crowd, Load};
use crate::server::{Scale, Server, Who, kernel_tcp_kib};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SESSIONS: usize = 40;
const PER_ROOM: usize = 10;
/// Deliveries a second, and for how long: 3 MB for each slow reader, several times what a server
/// and the kernel should keep for it.
const RATE: f64 = 100_000.0;
const SPAN: Duration = Duration::from_secs(4);
/// How often memory is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Those that stop reading.
pub const SLOW: usize = SESSIONS / PER_ROOM;

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let scale = Scale {
        sessions: SESSIONS,
        per_room: PER_ROOM,
    };
    let servers = match quick {
        true => vec![Who::Wharf],
        false => vec![Who::Wharf, Who::WharfAgain, Who::Peer("peer-tokio-chat")],
    };
    let cell = |workload, measure| Cell {
        workload,
        scale,
        in_flight: 0,
        rate: RATE / PER_ROOM as f64,
        span: SPAN,
        servers: servers.clone(),
        counts: false,
        method: Method::Alone(measure),
    };
    vec![
        cell("slow readers, none", all_read as _),
        cell("slow readers, one in ten", some_are_slow),
    ]
}

fn all_read(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, false)
}

fn some_are_slow(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, true)
}

/// The slow ones do not speak either; the others' deliveries are the same in both runs.
fn measure(cell: &Cell, who: Who, slow: bool) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let crowd = Crowd::gather(server.address, who.room_dialect(), SESSIONS, PER_ROOM)?;
    let mut load = Load::new(crowd, PER_ROOM);
    let speakers: Vec<usize> = (0..SESSIONS)
        .filter(|client| client % PER_ROOM != 0)
        .collect();
    if slow {
        load.make_the_first_deaf();
    }
    let (run, peak_kib) = while_looking(&server, || {
        metered(&server, || {
            load.open_loop_of(&speakers, cell.rate, cell.span)
        })
    });
    let sample = Sample::at_a_rate(&run?);
    Ok(Sample {
        peak_kib,
        cut: load.cut_among_the_deaf() as f64 / SLOW as f64,
        ..sample
    })
}

/// Does `work`, and looks meanwhile at the memory of the server and, for TCP, of the kernel.
fn while_looking<T>(server: &Server, work: impl FnOnce() -> T) -> (T, f64) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let onlooker = scope.spawn(|| {
            let mut peak_kib = 0;
            while !is_over.load(Ordering::Acquire) {
                peak_kib = peak_kib.max(server.usage().resident_kib + kernel_tcp_kib());
                std::thread::sleep(LOOK);
            }
            peak_kib as f64
        });
        let done = work();
        is_over.store(true, Ordering::Release);
        (done, onlooker.join().expect("it only looks"))
    })
}
