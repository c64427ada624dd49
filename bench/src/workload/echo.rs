//! Echo: 64-byte frames that come back, in a closed loop, then at a rate that everybody keeps up
//! with.

use super::{AFTERMATH, AGAIN_WARM, Cell, Measure, Method, Sample, metered};
use crate::client::{Crowd, Dialect, Load};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

/// Messages before a server is measured for the first time.
const WARM_UP: u64 = 20_000;
/// How often each message under way comes back in a measurement, at the least.
const TIMES_ROUND: u64 = 40;
/// Messages a second of the fixed rate, and for how long.
const RATE: f64 = 10_000.0;
const SPAN: Duration = Duration::from_millis(1_500);
/// Messages where growth is measured, and how often each session's comes back at the least.
const GROWTH_MESSAGES: u64 = 100_000;
const GROWTH_TIMES_ROUND: u64 = 10;

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
            span: if quick { SPAN / 5 } else { SPAN },
            method: Method::Together(begin),
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
        method: Method::Alone(measure),
    }
}

/// Messages of a measurement: what servers do in about a tenth of a second, so that all have their
/// turn before the machine becomes quicker or slower.
fn messages(cell: &Cell) -> u64 {
    let under_way = cell.scale.sessions as u64 * u64::from(cell.in_flight);
    let enough = match (cell.scale.sessions, cell.in_flight) {
        (1, 1) => 2_000,
        (1, _) => 20_000,
        (_, 1) => 10_000,
        _ => 100_000,
    };
    enough.max(TIMES_ROUND * under_way)
}

/// Nobody logs in: the peers know no login.
fn begin(cell: &Cell, who: Who) -> Result<Measure, String> {
    let (cell, messages) = (cell.clone(), messages(cell));
    let Scale { sessions, per_room } = cell.scale;
    let server = Server::start(who, cell.scale)?;
    let crowd = Crowd::gather(server.address, Dialect::Echo, sessions, per_room)?;
    let mut load = Load::new(crowd, 1);
    load.closed_loop(sessions, cell.in_flight, WARM_UP.min(messages))?;
    let counted = cell.counted(&server, || {
        load.closed_loop(sessions, cell.in_flight, messages)
    })?;
    let open = metered(&server, || load.open_loop(sessions, cell.rate, cell.span))?;
    Ok(Box::new(move || {
        load.closed_loop(sessions, cell.in_flight, messages / u64::from(AGAIN_WARM))?;
        let closed = metered(&server, || {
            load.closed_loop(sessions, cell.in_flight, messages)
        })?;
        let sample = Sample::in_a_closed_loop(&closed).and_at_a_rate(&open);
        Ok(sample.and_counts(counted))
    }))
}

fn measure(cell: &Cell, who: Who) -> Result<Sample, String> {
    let Scale { sessions, per_room } = cell.scale;
    let dialect = match who.is_wharf() {
        true => Dialect::ClassicEcho,
        false => Dialect::Echo,
    };
    let server = Server::start(who, cell.scale)?;
    let crowd = Crowd::gather(server.address, dialect, sessions, per_room)?;
    let mut load = Load::new(crowd, 1);
    load.open_loop(sessions, cell.rate, AFTERMATH)?;
    load.closed_loop(sessions, cell.in_flight, WARM_UP)?;
    let messages = GROWTH_MESSAGES.max(GROWTH_TIMES_ROUND * sessions as u64);
    let closed = metered(&server, || {
        load.closed_loop(sessions, cell.in_flight, messages)
    })?;
    let open = metered(&server, || load.open_loop(sessions, cell.rate, cell.span))?;
    Ok(Sample::in_a_closed_loop(&closed).and_at_a_rate(&open))
}
