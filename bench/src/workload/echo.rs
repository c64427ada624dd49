//! Echo: 64-byte frames that come back, in a closed loop, then at a rate that everybody keeps up
//! with.

use super::{Cell, Sample, metered};
use crate::client::{Crowd, Dialect, Load};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

/// Messages of a measurement, and before it.
const MESSAGES: u64 = 100_000;
const WARM_UP: u64 = 20_000;
/// Messages a second of the fixed rate, and for how long.
const RATE: f64 = 10_000.0;
const SPAN: Duration = Duration::from_millis(1_500);

const SERVERS: [Who; 9] = [
    Who::Wharf,
    Who::WharfAgain,
    Who::WharfSplit,
    Who::Peer("peer-epoll"),
    Who::Peer("peer-uring"),
    Who::Peer("peer-tokio"),
    Who::Peer("peer-compio"),
    Who::Peer("peer-monoio"),
    Who::Peer("peer-asio"),
];

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let sizes: &[(usize, u32)] = match quick {
        true => &[(1, 1)],
        false => &[(1, 1), (1, 16), (64, 1), (64, 16), (1_000, 1), (1_000, 16)],
    };
    sizes
        .iter()
        .map(|&(sessions, in_flight)| Cell {
            counts: !quick,
            span: if quick { SPAN / 3 } else { SPAN },
            measure: if quick {
                measure_briefly
            } else {
                measure_whole
            },
            ..cell("echo", sessions, in_flight, &SERVERS)
        })
        .collect()
}

/// How a message's cost grows with the sessions; Wharf's are logged in and sit in rooms.
pub(super) fn growth() -> Vec<Cell> {
    let servers = [
        Who::Wharf,
        Who::WharfAgain,
        Who::Peer("peer-uring"),
        Who::Peer("peer-tokio"),
    ];
    let sizes = [10, 100, 1_000, 10_000, 19_000];
    sizes
        .into_iter()
        .map(|sessions| cell("echo growth", sessions, 1, &servers))
        .collect()
}

fn cell(workload: &'static str, sessions: usize, in_flight: u32, servers: &[Who]) -> Cell {
    Cell {
        workload,
        scale: Scale {
            sessions,
            per_room: 10,
        },
        in_flight,
        rate: RATE,
        span: SPAN,
        servers: servers.to_vec(),
        counts: false,
        measure: measure_whole,
    }
}

fn measure_whole(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, MESSAGES)
}

fn measure_briefly(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, MESSAGES / 20)
}

fn measure(cell: &Cell, who: Who, messages: u64) -> Result<Sample, String> {
    let Scale { sessions, per_room } = cell.scale;
    let logged_in = cell.workload == "echo growth" && who.is_wharf();
    let dialect = if logged_in {
        Dialect::ClassicEcho
    } else {
        Dialect::Echo
    };
    let server = Server::start(who, cell.scale)?;
    let crowd = Crowd::gather(server.address, dialect, sessions, per_room)?;
    let mut load = Load::new(crowd, 1);
    load.closed_loop(sessions, cell.in_flight, WARM_UP.min(messages))?;
    let closed = metered(&server, || {
        load.closed_loop(sessions, cell.in_flight, messages)
    })?;
    let open = metered(&server, || load.open_loop(sessions, cell.rate, cell.span))?;
    let counted = cell.counted(&server, || {
        load.closed_loop(sessions, cell.in_flight, WARM_UP)
    })?;
    let sample = Sample::in_a_closed_loop(&closed).and_at_a_rate(&open);
    Ok(sample.and_counts(counted))
}
