//! The platform's chat beside the classic one: the same rooms, the same rate, deliveries as long.

use super::{Cell, Method, Sample, metered};
use crate::client::{Crowd, Dialect, Load};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

/// Deliveries a second.
const RATE: f64 = 40_000.0;
const PER_ROOM: usize = 10;
const SPAN: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(300);

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let sessions = if quick { 100 } else { 1_000 };
    let cell = |workload, measure| Cell {
        workload,
        scale: Scale {
            sessions,
            per_room: PER_ROOM,
        },
        in_flight: 0,
        rate: RATE / PER_ROOM as f64,
        span: if quick { SPAN / 2 } else { SPAN },
        servers: vec![Who::Wharf, Who::WharfAgain],
        counts: false,
        method: Method::Alone(measure),
    };
    vec![
        cell("platform chat, classic", classic as _),
        cell("platform chat", platform),
    ]
}

fn classic(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, Dialect::Classic)
}

fn platform(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, Dialect::Platform)
}

fn measure(cell: &Cell, who: Who, dialect: Dialect) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let Scale { sessions, per_room } = cell.scale;
    let crowd = Crowd::gather(server.address, dialect, sessions, per_room)?;
    let mut load = Load::new(crowd, per_room);
    load.open_loop(sessions, cell.rate, WARM_UP)?;
    let run = metered(&server, || load.open_loop(sessions, cell.rate, cell.span))?;
    Ok(Sample::at_a_rate(&run))
}
