//! Fan-out: one speaks, everybody in the room hears it.

use super::{Cell, Sample, metered};
use crate::client::{Crowd, Load};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

/// Deliveries of a measurement, and before it.
const DELIVERIES: u64 = 300_000;
const WARM_UP: u64 = 50_000;
/// Deliveries a second of the fixed rate, and for how long.
const RATE: f64 = 30_000.0;
const SPAN: Duration = Duration::from_millis(1_500);

pub(super) const SERVERS: [Who; 6] = [
    Who::Wharf,
    Who::WharfAgain,
    Who::Peer("peer-uring-fanout"),
    Who::Peer("peer-tokio-chat"),
    Who::Redis,
    Who::Nats,
];

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let sizes: &[(usize, u32)] = match quick {
        true => &[(50, 1)],
        false => &[(50, 1), (50, 32), (500, 1), (500, 32)],
    };
    let cell = |&(receivers, in_flight): &(usize, u32)| Cell {
        workload: "fan-out",
        scale: Scale {
            sessions: receivers,
            per_room: receivers,
        },
        in_flight,
        rate: RATE / receivers as f64,
        span: if quick { SPAN / 3 } else { SPAN },
        servers: SERVERS.to_vec(),
        counts: !quick,
        measure: if quick {
            measure_briefly
        } else {
            measure_whole
        },
    };
    sizes.iter().map(cell).collect()
}

fn measure_whole(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, DELIVERIES)
}

fn measure_briefly(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, DELIVERIES / 6)
}

fn measure(cell: &Cell, who: Who, deliveries: u64) -> Result<Sample, String> {
    let Scale { sessions, per_room } = cell.scale;
    let server = Server::start(who, cell.scale)?;
    let crowd = Crowd::gather(server.address, who.room_dialect(), sessions, per_room)?;
    let mut load = Load::new(crowd, per_room);
    let messages = |deliveries: u64| deliveries / per_room as u64;
    load.closed_loop(1, cell.in_flight, messages(WARM_UP))?;
    let closed = metered(&server, || {
        load.closed_loop(1, cell.in_flight, messages(deliveries))
    })?;
    let open = metered(&server, || load.open_loop(1, cell.rate, cell.span))?;
    let counted = cell.counted(&server, || {
        load.closed_loop(1, cell.in_flight, messages(WARM_UP))
    })?;
    let sample = Sample::in_a_closed_loop(&closed).and_at_a_rate(&open);
    Ok(sample.and_counts(counted))
}
