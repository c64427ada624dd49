//! Slow readers: one in ten stops reading; what do the others notice?

use super::{Cell, Sample, metered};
use crate::client::{Crowd, Load};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

const SESSIONS: usize = 200;
const PER_ROOM: usize = 10;
/// Deliveries a second, and for how long.
const RATE: f64 = 20_000.0;
const SPAN: Duration = Duration::from_secs(4);

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    if quick {
        return Vec::new();
    }
    let scale = Scale {
        sessions: SESSIONS,
        per_room: PER_ROOM,
    };
    let servers = vec![Who::Wharf, Who::WharfAgain, Who::Peer("peer-tokio-chat")];
    let cell = |workload, measure| Cell {
        workload,
        scale,
        in_flight: 0,
        rate: RATE / PER_ROOM as f64,
        servers: servers.clone(),
        counts: false,
        measure,
    };
    vec![
        cell("all read", all_read as _),
        cell("one in ten is slow", some_are_slow),
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
    let run = metered(&server, || load.open_loop_of(&speakers, cell.rate, SPAN))?;
    Ok(Sample::of(run))
}
