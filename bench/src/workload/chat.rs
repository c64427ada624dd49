//! Chat: everybody speaks now and then, in rooms of several sizes; at a rate that all servers keep
//! up with, then at rising rates until it is too much.

use super::{Cell, Sample, fanout, metered};
use crate::client::{Crowd, Load};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

/// Deliveries a second of the fixed rate, which is the first of the rising ones.
const RATE: f64 = 40_000.0;
const SPAN: Duration = Duration::from_secs(2);
/// Each rate is so many times the one before, for so long.
const RISE: f64 = 1.25;
const STEP: Duration = Duration::from_secs(1);
const STEPS_MAX: u32 = 22;
/// A server keeps up with a rate if it delivers that share of it while it is offered.
const KEPT_UP: f64 = 0.97;
const WARM_UP: Duration = Duration::from_millis(300);

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let shapes: &[(usize, usize)] = match quick {
        true => &[(100, 10)],
        false => &[(1_000, 10), (1_000, 100), (1_000, 1_000)],
    };
    shapes
        .iter()
        .map(|&(sessions, per_room)| Cell {
            counts: !quick,
            ..cell("chat", sessions, per_room, &fanout::SERVERS)
        })
        .collect()
}

/// How a delivery's cost grows with the sessions, in rooms of ten.
pub(super) fn growth() -> Vec<Cell> {
    let servers = [Who::Wharf, Who::Peer("peer-tokio-chat"), Who::Redis];
    let sizes = [10, 100, 1_000, 10_000, 19_000];
    sizes
        .into_iter()
        .map(|sessions| cell("chat growth", sessions, 10, &servers))
        .collect()
}

fn cell(workload: &'static str, sessions: usize, per_room: usize, servers: &[Who]) -> Cell {
    Cell {
        workload,
        scale: Scale { sessions, per_room },
        in_flight: 0,
        rate: RATE / per_room as f64,
        servers: servers.to_vec(),
        counts: false,
        measure: if workload == "chat" {
            measure
        } else {
            measure_at_rate
        },
    }
}

fn gather(cell: &Cell, who: Who, server: &Server) -> Result<Load, String> {
    let Scale { sessions, per_room } = cell.scale;
    let crowd = Crowd::gather(server.address, who.room_dialect(), sessions, per_room)?;
    let mut load = Load::new(crowd, per_room);
    load.open_loop(sessions, cell.rate, WARM_UP)?;
    Ok(load)
}

fn measure_at_rate(cell: &Cell, who: Who) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let mut load = gather(cell, who, &server)?;
    let senders = cell.scale.sessions;
    Ok(Sample::of(metered(&server, || {
        load.open_loop(senders, cell.rate, SPAN)
    })?))
}

fn measure(cell: &Cell, who: Who) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let mut load = gather(cell, who, &server)?;
    let senders = cell.scale.sessions;
    let at_rate = Sample::of(metered(&server, || {
        load.open_loop(senders, cell.rate, SPAN)
    })?);
    let counted = cell.counted(&server, || load.open_loop(senders, cell.rate, STEP))?;
    let mut best = at_rate.clone();
    let mut rate = cell.rate;
    for _ in 0..STEPS_MAX {
        rate *= RISE;
        let step = Sample::of(metered(&server, || load.open_loop(senders, rate, STEP))?);
        let kept_up = step.per_second > KEPT_UP * rate * cell.scale.per_room as f64;
        if step.per_second > best.per_second {
            best = step;
        }
        if !kept_up {
            break;
        }
    }
    Ok(Sample {
        capacity_per_second: best.per_second,
        client_busy: best.client_busy,
        server_busy: best.server_busy,
        rate_p50_us: at_rate.p50_us,
        rate_p99_us: at_rate.p99_us,
        rate_p999_us: at_rate.p999_us,
        rate_curve_us: at_rate.curve_us.clone(),
        ..at_rate
    }
    .and_counts(counted))
}
