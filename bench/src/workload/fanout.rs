//! Fan-out: one speaks, everybody in the room hears it.

use super::{AGAIN_WARM, Cell, Measure, Method, Sample, metered};
use crate::client::{Crowd, Load};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

/// Deliveries of a measurement with one message in flight, and with several: what servers do in
/// about a tenth of a second.
const DELIVERIES: u64 = 30_000;
const DELIVERIES_IN_FLIGHT: u64 = 200_000;
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
        span: if quick { SPAN / 5 } else { SPAN },
        servers: SERVERS.to_vec(),
        counts: !quick,
        method: Method::Together(begin),
    };
    sizes.iter().map(cell).collect()
}

fn begin(cell: &Cell, who: Who) -> Result<Measure, String> {
    let cell = cell.clone();
    let Scale { sessions, per_room } = cell.scale;
    let deliveries = match cell.in_flight {
        1 => DELIVERIES,
        _ => DELIVERIES_IN_FLIGHT,
    };
    let messages = deliveries / per_room as u64;
    let server = Server::start(who, cell.scale)?;
    let crowd = Crowd::gather(server.address, who.room_dialect(), sessions, per_room)?;
    let mut load = Load::new(crowd, per_room);
    load.closed_loop(1, cell.in_flight, messages)?;
    let counted = cell.counted(&server, || load.closed_loop(1, cell.in_flight, messages))?;
    let open = metered(&server, || load.open_loop(1, cell.rate, cell.span))?;
    Ok(Box::new(move || {
        load.closed_loop(1, cell.in_flight, messages / u64::from(AGAIN_WARM))?;
        let closed = metered(&server, || load.closed_loop(1, cell.in_flight, messages))?;
        let sample = Sample::in_a_closed_loop(&closed).and_at_a_rate(&open);
        Ok(sample.and_counts(counted))
    }))
}
